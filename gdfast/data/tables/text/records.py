"""The records of a text: one after the other for its first lines, and all of them as columns by pyarrow."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from gdfast.data.tables.layout import BLANKS

__all__ = [
    "QUOTED",
    "UNIT",
    "Body",
    "columns_of",
    "first_record",
    "head_of",
    "one_separator",
    "records",
    "unclosed_quote",
]

HEAD = 2**20  # characters of the first lines
UNIT = "\x1f"  # stands for any number of blanks
LARGEST_BLOCK = 2**30  # bytes that pyarrow reads at once; a record must not be longer
QUOTED = r'"(?:[^"]|"")*+"'


class Body(NamedTuple):
    """The columns of all records, and the first record whose number of fields is another."""

    columns: list[Any]  # pyarrow arrays of strings
    odd_row: int | None  # counted from 1
    odd_fields: int


def head_of(text: str) -> str:
    """Return the first lines of a text."""
    if len(text) <= HEAD:
        return text
    end = text.rfind("\n", 0, HEAD)
    end = text.find("\n", HEAD) if end < 0 else end
    return text if end < 0 else text[: end + 1]


def one_separator(text: str, separator: str) -> tuple[str, str]:
    """Return the text and its separator as one character, without blanks before quotes."""
    if separator != BLANKS:
        if '"' in text and re.search('[ \t]"', text):
            text = re.sub(rf"(^|{re.escape(separator)})[ \t]*({QUOTED})", r"\1\2", text, flags=re.M)
        return text, separator
    if '"' in text:
        text = re.sub(rf"(?<![^ \t\n])({QUOTED})|[ \t]+", lambda found: found[1] or UNIT, text)
    else:
        text = re.sub(r"[ \t]+", UNIT, text)
    return re.sub(rf"^{UNIT}|{UNIT}$", "", text, flags=re.M), UNIT


def records(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the records of a text as Python's csv reads them."""
    text, separator = one_separator(text, separator)
    try:
        yield from (record for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if record)
    except csv.Error as error:
        raise ValueError(
            f"its first lines cannot be read as a table: {error}; correct them, or name the separator"
        ) from error


def first_record(text: str, separator: str) -> tuple[list[str], str]:
    """Return the first record of a text with one separator, and the text after it."""
    lines = io.StringIO(text, newline="")
    record = next(csv.reader(iter(lines.readline, ""), delimiter=separator), [])
    return record, text[lines.tell() :]


def columns_of(text: str, separator: str, count: int) -> Body:
    """Return the records of a text with one separator as columns, each record with as many fields."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not text.strip("\n"):
        return Body([pa.array([], pa.large_string())] * count, None, 0)
    odd: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        if not odd:
            odd.append((row.number, row.actual_columns))
        return "skip"

    data = text.encode("utf-8", "surrogatepass")
    names = [str(place) for place in range(count)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=names, block_size=min(max(len(data), 1), LARGEST_BLOCK)
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values='"' in text, invalid_row_handler=note
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"it cannot be read as a table: {error}; correct it, or name the separator") from error
    row, fields = odd[0] if odd else (None, 0)
    columns = [pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())
               for column in table.columns]  # fmt: skip
    return Body(columns, row, fields)


def unclosed_quote(text: str, separator: str) -> int | None:
    """Return in which record (counted from 1) a quoted field is not closed before the next separator, else None."""
    edge = re.escape(separator)
    fields = re.compile(rf'(?:^|{edge})"(?:[^"]|"")*+("(?=[ \t]*(?:{edge}|$)))?', re.M)
    for found in fields.finditer(text):
        if found[1] is None:
            before = re.sub(QUOTED, "", text[: found.start()] + "x")
            return sum(1 for line in before.split("\n") if line)
    return None
