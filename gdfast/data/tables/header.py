"""The header of a table: whether the first record has the names of the columns, and what these are."""

import re
from collections.abc import Sequence
from typing import Any

from gdfast._utils.arguments import shown
from gdfast.data.tables.numbers import is_missing, is_value

__all__ = ["check_distinct", "has_header", "is_column_of_values", "names_of_header", "unnamed_columns"]

FEWEST_NUMBERED = 3  # columns whose names may be 0, 1, 2, ... and not a row


def has_header(first: Sequence[Any], below: Sequence[Sequence[Any]]) -> bool:
    """Return whether the first record has the names of the columns that are below.

    It has where no field is a number (or a date, true or false). A field that is no number above a column of numbers,
    beside others that are numbers, is refused.
    """
    values = [is_value(field) for field in first]
    names = [not value and not is_missing(field) for value, field in zip(values, first, strict=True)]
    if not any(values):
        return any(names)
    years = [place for place, field in enumerate(first) if is_year(field)]
    if any(names) and len(years) == sum(values) and not all(is_year(field) for field in column(below, years[0])):
        raise ValueError(
            f"the first line has text and {shown(first[years[0]])}, which may be a year that names a column or a "
            "number in a row; give header=True or header=False"
        )
    for place, field in enumerate(first):
        if names[place] and is_column_of_values(below, place):
            raise ValueError(
                f"the first line has the text {shown(field)} above values, and values beside it, so that it may be a "
                "header or a row; give header=True or header=False"
            )
    if counts_columns(first) and has_fractions(below):
        raise ValueError(
            f"the first line is 0, 1, ..., {len(first) - 1}, which may be the numbers of the columns or a row; give "
            "header=True or header=False"
        )
    return False


def is_column_of_values(below: Sequence[Sequence[Any]], place: int) -> bool:
    """Return whether all that is below the first field of a column are values, at least one."""
    fields = column(below, place)
    return bool(fields) and all(map(is_value, fields))


def column(below: Sequence[Sequence[Any]], place: int) -> list[Any]:
    """Return the fields of a column that are not missing."""
    return [record[place] for record in below if place < len(record) and not is_missing(record[place])]


def is_year(field: Any) -> bool:
    """Return whether a field is a whole number that is more often a year than not."""
    return re.fullmatch("(18|19|20)[0-9]{2}", str(field).strip()) is not None


def counts_columns(first: Sequence[Any]) -> bool:
    """Return whether the fields are 0, 1, 2, ..."""
    return len(first) >= FEWEST_NUMBERED and [str(field).strip() for field in first] == list(
        map(str, range(len(first)))
    )


def has_fractions(below: Sequence[Sequence[Any]]) -> bool:
    """Return whether each record has a number that is no whole one, in digits."""
    return bool(below) and all(any(not str(field).strip().isdecimal() for field in record) for record in below)


def names_of_header(fields: Sequence[Any]) -> list[str]:
    """Return the names of the columns without blanks around them; those without one have pandas' name for it."""
    names = ["" if field is None else str(field).strip() for field in fields]
    return [name or f"Unnamed: {place}" for place, name in enumerate(names)]


def unnamed_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that pandas gives to a column without a name: to the index that it wrote among them."""
    return tuple(name for name in names if name.startswith(("Unnamed: ", "__index_level_")))


def check_distinct(names: Sequence[str]) -> None:
    """Raise ValueError where two columns have the same name."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in places:
            raise ValueError(
                f"the columns {places[name] + 1} and {place + 1} both have the name {name!r} (blanks around a name do "
                "not count); rename one of them"
            )
        places[name] = place
