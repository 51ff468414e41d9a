"""Columns of text as arrays: numbers, true and false, or text, in one style of numbers for the whole file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.data.tables.numbers import (
    AMBIGUOUS,
    COMMA,
    INFINITE,
    INTEGER,
    MISSING,
    POINT,
    REMEDY,
    STYLES,
    TRUE_OR_FALSE,
    Style,
)

__all__ = ["convert"]


@dataclass(frozen=True)
class Column:
    """A column of text."""

    name: str
    text: Any  # a pyarrow array of strings, without blanks around them
    kind: str  # "plain": pyarrow's casts give its numbers; "number", "bool" or "text"

    def first(self, pattern: str, but: str | None = None) -> int | None:
        """Return the first row, counted from 0, that matches a pattern, and not another one."""
        import pyarrow.compute as pc

        found = matches(self.text, pattern)
        if but is not None:
            found = pc.and_not(found, matches(self.text, but))
        row = int(pc.index(found, True).as_py())
        return None if row < 0 else row

    def shows(self, style: Style) -> int | None:
        """Return the first row whose number is one in this style only."""
        other = COMMA if style is POINT else POINT
        return None if self.kind not in ("plain", "number") else self.first(style.number, other.number)

    def at(self, row: int) -> str:
        """Return words for a value."""
        return f"row {row + 1}, column {self.name!r}: {shown(self.text[row].as_py())}"


def convert(
    columns: dict[str, Any], as_text: set[str], decimal: str | None, with_semicolons: bool
) -> list[NDArray[Any]]:
    """Return the arrays of columns of text; what is not certain raises ValueError with its row, counted from 1.

    Semicolons between the values are usual where commas are decimal marks, so that a point may be for thousands.
    """
    import pyarrow.compute as pc

    styles = (POINT, COMMA) if decimal is None else (STYLES[decimal],)
    read = [
        classified(name, pc.utf8_trim_whitespace(column), () if name in as_text else styles)
        for name, column in columns.items()
    ]
    style = recognised(read, with_semicolons) if decimal is None else styles[0]
    return [values(column, style) for column in read]


def matches(text: Any, pattern: str) -> Any:
    """Return for each text whether the whole of it matches a pattern."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(text, rf"\A(?:{pattern})\z")


def classified(name: str, text: Any, styles: tuple[Style, ...]) -> Column:
    """Return a column with the kind of its values, none of which may be missing; without a style it is text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if POINT in styles and plain_numbers(text) is not None:
        return Column(name, text, "plain")
    lower = pc.utf8_lower(text)
    missing = pc.is_in(lower, pa.array(MISSING, text.type))
    present = text.filter(pc.invert(missing))
    kind = kind_of(present, styles) if styles else "text"
    if kind == "text":
        missing = pc.equal(text, "")
    row = int(pc.index(missing, True).as_py())
    if row >= 0:
        what = "value" if kind == "text" else "finite number"
        raise ValueError(f"column {name!r} has no {what} in row {row + 1} ({shown(text[row].as_py())}); {REMEDY}")
    return Column(name, text, kind)


def kind_of(text: Any, styles: tuple[Style, ...]) -> str:
    """Return the kind of the values of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(matches(text, "|".join([*(style.number for style in styles), INFINITE])), min_count=0).as_py():
        return "number"
    if pc.all(pc.is_in(pc.utf8_lower(text), pa.array(TRUE_OR_FALSE, text.type)), min_count=0).as_py():
        return "bool"
    return "text"


def plain_numbers(text: Any) -> Any:
    """Return finite numbers with decimal points, as pyarrow reads them, else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        numbers = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.is_finite(numbers), min_count=0).as_py() else None


def recognised(columns: list[Column], with_semicolons: bool) -> Style:
    """Return the style of the numbers of all columns."""
    unusual = [column for column in columns if column.kind == "number"]
    if not unusual:
        if with_semicolons and first_shown(columns, POINT) is None:
            for column in columns:
                check_thousands(column, COMMA)
        return POINT
    comma = first_shown(unusual, COMMA)
    if comma is None:
        style = POINT
    else:
        point = first_shown(columns, POINT)
        if point is not None:
            raise ValueError(
                f"numbers with a decimal comma and with a decimal point are mixed ({comma}; {point}); write them alike"
            )
        style = COMMA
    for column in columns:
        check_thousands(column, style)
    return style


def first_shown(columns: list[Column], style: Style) -> str | None:
    """Return the first value that is a number in a style only, in words."""
    found = ((column, column.shows(style)) for column in columns)
    return next((column.at(row) for column, row in found if row is not None), None)


def check_thousands(column: Column, style: Style) -> None:
    """Raise ValueError where a mark may be for thousands or for decimals."""
    if column.kind not in ("plain", "number") or (column.kind == "plain" and style is POINT):
        return
    row = column.first(AMBIGUOUS, but=rf"[^{style.other}]*")
    if row is not None and column.first(style.certain_thousands) is None:
        raise ValueError(
            f'{column.at(row)} has a mark that may be for thousands or for decimals; give decimal="." or decimal=","'
        )


def values(column: Column, style: Style) -> NDArray[Any]:
    """Return the array of a column."""
    import pyarrow.compute as pc

    if column.kind == "text":
        result: NDArray[Any] = column.text.to_numpy(zero_copy_only=False)
        return result
    if column.kind == "bool":
        return np.asarray(pc.equal(pc.utf8_lower(column.text), "true").to_numpy(zero_copy_only=False))
    infinite = column.first(INFINITE)
    if infinite is not None:
        raise not_finite(column, infinite)
    return numbers(column, column.text if column.kind == "plain" else rewritten(column.text, style))


def rewritten(text: Any, style: Style) -> Any:
    """Return numbers of a style as pyarrow's casts take them."""
    import pyarrow.compute as pc

    text = pc.replace_substring_regex(text, style.between, "")
    text = pc.replace_substring(text, style.mark, ".")
    text = pc.replace_substring(text, "\u2212", "-")
    return pc.replace_substring_regex(text, "[dD]", "e")


def numbers(column: Column, text: Any) -> NDArray[Any]:
    """Return the numbers of a column: int64 where all are whole numbers in digits, else float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(matches(text, INTEGER)).as_py():
        try:
            return np.asarray(pc.cast(pc.replace_substring(text, "+", ""), pa.int64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            return large_integers(column, text)
    result = np.asarray(pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False))
    if not np.isfinite(result).all():
        raise not_finite(column, int(np.flatnonzero(~np.isfinite(result))[0]))
    return result


def large_integers(column: Column, text: Any) -> NDArray[np.float64]:
    """Return whole numbers of more than 64 bits, where a float holds each of them exactly."""
    whole = [int(one) for one in text.to_pylist()]
    for row, number in enumerate(whole):
        if int(float(number)) != number:
            raise ValueError(
                f"{column.at(row)} has more digits than a number holds here; drop the column, or round it, as in "
                f"{float(number)!r}"
            )
    return np.array(whole, dtype=np.float64)


def not_finite(column: Column, row: int) -> ValueError:
    """Return the error for a number that is not finite."""
    value = shown(column.text[row].as_py())
    return ValueError(f"column {column.name!r} has no finite number in row {row + 1} ({value}); {REMEDY}")
