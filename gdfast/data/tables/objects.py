"""Columns of Python's objects, as JSON and Excel files have them, and of arrays: checked for missing values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import REAL_KINDS, shown
from gdfast.data.tables.numbers import REMEDY, is_missing

__all__ = ["array_of_objects", "checked_array"]


def array_of_objects(name: str, column: list[Any]) -> NDArray[Any]:
    """Return values as an array: of bool, int64 or float64 where all are such, else of objects."""
    kinds = set(map(type, column))
    for row, value in enumerate(column, 1):
        if value is None or value == "" or (kinds != {str} and is_missing(value)):
            raise ValueError(f"column {name!r} has no finite number in row {row} ({shown(value)}); {REMEDY}")
        if isinstance(value, (list, dict)):
            raise ValueError(f"column {name!r} has {shown(value)} in row {row}, no single value; drop the column")
    if kinds <= {int, float}:
        return checked_array(name, numbers(name, column))
    if kinds == {bool}:
        return np.array(column)
    result = np.empty(len(column), dtype=object)
    result[:] = column
    return result


def numbers(name: str, column: list[Any]) -> NDArray[Any]:
    """Return int and float as an array."""
    try:
        return np.array(column, dtype=np.int64 if set(map(type, column)) == {int} else np.float64)
    except OverflowError:
        row, value = max(enumerate(column, 1), key=lambda one: abs(one[1]))
        raise ValueError(
            f"column {name!r} has {shown(value)} in row {row}, which has too many digits for 64 bits; drop the column, "
            "or write it as a decimal number"
        ) from None


def checked_array(name: str, column: NDArray[Any], first: int = 0) -> NDArray[Any]:
    """Return a column as one array in native byte order; none of its values may be missing or infinite.

    first rows of the file are before it.
    """
    if column.ndim != 1:
        raise ValueError(f"column {name!r} has values of shape {column.shape[1:]}, no single ones; drop the column")
    if column.dtype.kind in "US":
        return np.array(column.astype(str).tolist(), dtype=object)
    if column.dtype.kind in REAL_KINDS:
        column = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("="))
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.flatnonzero(~np.isfinite(column))[0])
        raise ValueError(f"column {name!r} has no finite number in row {row + 1 + first} ({column[row]}); {REMEDY}")
    return column
