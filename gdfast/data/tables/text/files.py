"""Text files: separated values, read as columns of text with names, and converted."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.data.tables.header import has_header, is_column_of_values, names_of_header, unnamed_columns
from gdfast.data.tables.layout import Found, Layout
from gdfast.data.tables.numbers import is_value
from gdfast.data.tables.source import needed
from gdfast.data.tables.text.conversion import convert
from gdfast.data.tables.text.lines import COMMENT, Text, decoded, make_text
from gdfast.data.tables.text.records import (
    UNIT,
    Body,
    columns_of,
    first_record,
    head_of,
    one_separator,
    records,
    unclosed_quote,
)
from gdfast.data.tables.text.separators import recognised_separator

__all__ = ["read_text"]

FIRST_RECORDS = 100  # that show whether the first one is a header


class Start(NamedTuple):
    """The first record of a text, whether it is the header, and the text of the rows."""

    fields: list[str]
    is_header: bool
    rows: str
    width: int  # number of fields of the first row
    sample: list[list[str]]  # the first rows
    above: int = 0  # lines of the header, where it is no comment


def read_text(data: bytes, layout: Layout) -> Found:
    """Return the columns of separated values."""
    needed("pyarrow.csv", "text files")
    text = make_text(decoded(data, layout.encoding))
    if not text.rows.strip():
        what = "it is empty, or holds comments only" if text.last_comment else "it is empty"
        raise ValueError(f"{what}; give a file that has rows")
    separator = layout.separator or text.separator or recognised_separator(head_of(text.rows)) or UNIT
    start = first_lines(text, separator, layout.header)
    if layout.separator is None:
        check_pairs(start, separator)
    separator = UNIT if separator == " " else separator
    check_quotes(start, separator)
    body = columns_of(start.rows, separator, start.width)
    check_counts(start, body, separator)
    check_comments(text, start, separator)
    return found(start, body, layout.decimal, separator == ";")


def first_lines(text: Text, separator: str, header: bool | None) -> Start:
    """Return the first record of a text, and what it is."""
    sample = list(islice(records(head_of(text.rows), separator), FIRST_RECORDS + 1))
    rows, one = one_separator(text.rows, separator)
    first, below = sample[0], sample[1:]
    commented = commented_header(text.last_comment, separator, first)
    if commented is not None and header is not False and any(map(is_value, first)):
        return Start(commented, True, rows, len(first), sample)
    if has_header(*alike(first, below)) if header is None else header:
        width = len(below[0]) if below else len(first)
        return Start(first, True, first_record(rows, one)[1], width, below, 1)
    return Start(first, False, rows, len(first), sample)


def alike(first: list[str], below: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the records without the last field where a separator at the end of each line makes it."""
    if below and all(len(record) == len(first) and not record[-1].strip() for record in [first, *below]):
        return first[:-1], [record[:-1] for record in below]
    return first, below


def commented_header(comment: str, separator: str, first: Sequence[str]) -> list[str] | None:
    """Return the names in a comment just above the rows, where there is one for each column and none is a number."""
    for names in (comment.lstrip().removeprefix(COMMENT), comment):  # the second where a column is named "#"
        fields = next(records(names, separator), [])
        if len(fields) == len(first) and all(map(str.strip, fields)):
            if has_header(fields, []):
                return fields
            if len(fields) > 1:
                raise ValueError(
                    f"the line {shown(comment)} above the rows has as many fields as they, so that it may be a comment "
                    "or a row; remove it, or put its first value in quotes"
                )
    return None


def check_pairs(start: Start, separator: str) -> None:
    """Raise ValueError where two columns of whole numbers without names look like one with decimal commas."""
    if separator != "," or start.is_header or start.width != 2:
        return
    for row, (whole, fraction) in enumerate((record for record in start.sample if len(record) == 2), 1):
        if re.fullmatch("[+-]?[0-9]+", whole) is None or re.fullmatch("[0-9]+", fraction) is None:
            return
        if re.fullmatch("0[0-9]+", fraction) is not None or whole == "-0":
            raise ValueError(
                f"row {row} may be the two numbers {whole} and {fraction} or the number {whole},{fraction}; give "
                'separator="," for two, separator=";" for one'
            )


def check_quotes(start: Start, separator: str) -> None:
    """Raise ValueError where a quoted field is not closed."""
    row = unclosed_quote(start.rows, separator) if '"' in start.rows else None
    if row is not None:
        raise ValueError(f'row {row} has a quoted field that is not closed before the next separator; close it by "')


def check_counts(start: Start, body: Body, separator: str) -> None:
    """Raise ValueError where a row has another number of fields than the header, or the first row."""
    expected = len(start.fields)
    if start.is_header and without_trailing(start, body) is None:
        raise wrong_count(1, start.width, f"the header {expected}", separator)
    if body.odd_row is not None and start.is_header and body.odd_fields == expected:
        raise wrong_count(1, start.width, f"the header {expected}", separator)  # the first row is the odd one
    if body.odd_row is not None:
        reference = f"the header {expected}" if start.is_header else f"the first row {start.width}"
        raise wrong_count(body.odd_row, body.odd_fields, reference, separator)


def wrong_count(row: int, count: int, reference: str, separator: str) -> ValueError:
    """Return the error for a row with another number of fields."""
    between = "" if separator == UNIT else f" between separators {separator!r}"
    return ValueError(
        f"row {row} has {count} field{'s' * (count != 1)}{between}, and {reference}; correct the row, or give "
        "separator= if it is another one"
    )


def without_trailing(start: Start, body: Body) -> int | None:
    """Return the number of columns, without one that separators at the end of lines make; None if they differ."""
    names, width = len(start.fields), start.width
    rows_end_empty = width > 1 and len(body.columns[-1]) > 0 and is_empty(body.columns[-1])
    header_ends_empty = names > 1 and start.is_header and not start.fields[-1].strip()
    if names == width:
        return width - 1 if rows_end_empty and (header_ends_empty or not start.is_header) else width
    if names == width - 1 and rows_end_empty:
        return names
    return width if names == width + 1 and header_ends_empty else None


def is_empty(column: Any) -> bool:
    """Return whether all values of a column of text are empty."""
    import pyarrow.compute as pc

    return bool(pc.all(pc.equal(pc.utf8_trim_whitespace(column), "")).as_py())


def check_comments(text: Text, start: Start, separator: str) -> None:
    """Raise ValueError where a comment between the rows may be a row: it has as many fields."""
    for above, comment in text.comments:
        fields = next(records(comment, " " if separator == UNIT else separator), [])
        if len(fields) == start.width > 1 or (start.width == 1 and not is_column_of_values(start.sample, 0)):
            row = above + 1 - start.above
            raise ValueError(
                f"row {row} begins with {COMMENT!r} and has as many fields as the others, so that it may be a comment "
                "or a row; remove it, or put its first value in quotes"
            )


def found(start: Start, body: Body, decimal: str | None, with_semicolons: bool) -> Found:
    """Return the columns, to be converted once they are chosen."""
    count = without_trailing(start, body) or start.width
    columns = without_last_empty_rows(body.columns[:count])
    if not len(columns[0]):
        raise ValueError("it holds no rows, only a header; give a file that has some")
    names = names_of_header(start.fields[:count]) if start.is_header else list(map(str, range(count)))

    def chosen(places: list[int], as_text: set[int]) -> list[NDArray[Any]]:
        texts = {names[place]: columns[place] for place in places}
        return convert(texts, {names[place] for place in as_text}, decimal, with_semicolons)

    unnamed = unnamed_columns(names) if start.is_header else ()
    return Found(tuple(names), chosen, unnamed, not start.is_header)


def without_last_empty_rows(columns: list[Any]) -> list[Any]:
    """Return columns without the rows at the end in which every field is empty, as spreadsheets leave them."""
    count = len(columns[0])
    while count and not any(column[count - 1].as_py().strip() for column in columns):
        count -= 1
    return [column.slice(0, count) for column in columns]
