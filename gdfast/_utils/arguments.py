"""Checks of arguments: each returns the value in its own type, or raises an error that says what to do.

Every message names the argument, the value it got, what is allowed and what to try.
"""

import math
import numbers
import operator
import sys
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "as_array",
    "choice",
    "converted",
    "flag",
    "float_type",
    "floating",
    "matrix",
    "numeric_array",
    "real",
    "refuse_masked",
    "shown",
    "two_dimensions",
    "vector",
    "whole",
]

# Kinds of NumPy dtypes that hold real numbers: bool, signed, unsigned, float.
REAL_KINDS = "biuf"
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
# What the other kinds hold, and what to do about it first.
OTHER_KINDS = {
    "c": ("complex numbers", "take .real and .imag as features"),
    "M": ("dates", "convert them to numbers"),
    "m": ("time spans", "divide them by a unit of time"),
    "V": ("records", "take their fields apart"),
}
STRINGS = ("strings", "convert them to numbers, or encode them")
# Types that Python or NumPy would turn into a float, though they are no real numbers.
NO_NUMBERS = (str, bytes, complex, np.complexfloating, np.datetime64, np.timedelta64)


def shown(value: Any, limit: int = 60) -> str:
    """Return a value's repr, NumPy's scalars as plain ones, cut so that a message stays one line."""
    if isinstance(value, np.generic):
        value = value.item() if value.dtype.kind in "biufcSU" else str(value)
    try:
        text = repr(value).replace("\n", " ")
    except ValueError:  # an integer of more digits than Python prints
        return f"<{type(value).__name__} of thousands of digits>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def real(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, ends: str = "[]", hint: str = ""
) -> float:
    """Return value as a float within low..high; ends is "[]", "(]", "[)" or "()" as in mathematics."""
    if type(value) is float and low < value < high:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if type(value) is not float and (isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real)):
        allowed = interval(low, high, ends)
        raise TypeError(f"{name}={shown(value)} is a {type(value).__name__}, and must be {allowed}{hint}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    above = number >= low if ends[0] == "[" else number > low
    below = number <= high if ends[1] == "]" else number < high
    if not (above and below and math.isfinite(number)):
        raise ValueError(f"{name}={shown(value)} must be {interval(low, high, ends)}{hint}")
    return number


def interval(low: float, high: float, ends: str) -> str:
    """Return the words for a finite number in an interval."""
    above = f"{'at least' if ends[0] == '[' else 'above'} {low:g}" if low > -math.inf else ""
    below = f"{'at most' if ends[1] == ']' else 'below'} {high:g}" if high < math.inf else ""
    return " ".join(["a finite number", " and ".join(word for word in (above, below) if word)]).rstrip()


def whole(name: str, value: Any, low: int = 0, high: int | None = None, *, hint: str = "") -> int:
    """Return value as an int of at least low and at most high."""
    if type(value) is int and low <= value and (high is None or value <= high):
        return value
    allowed = f"a whole number of at least {low}" + (f" and at most {high}" if high is not None else "")
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value} is a bool, and must be {allowed}{hint}")
    try:
        number = operator.index(value)
    except TypeError:
        try_int = ""
        if isinstance(value, float) and value.is_integer():
            try_int = f"; write {shown(int(value))}"
        raise TypeError(
            f"{name}={shown(value)} is a {type(value).__name__}, and must be {allowed}{try_int}{hint}"
        ) from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name}={shown(number)} must be {allowed}{hint}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return value as a bool; only True and False are taken."""
    if value is not True and value is not False and not isinstance(value, np.bool_):
        raise TypeError(f"{name}={shown(value)} must be True or False")
    return bool(value)


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """Return value as a plain str if it is one of the known names."""
    if not isinstance(value, str):
        raise TypeError(f"{name}={shown(value)} must be a name: one of {', '.join(known)}")
    if value not in known:
        close = [other for other in known if other.replace("_", "") == value.lower().replace("_", "")]
        did_you_mean = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{name}={shown(value)} is not known; choose one of {', '.join(known)}{did_you_mean}")
    return str.__str__(value)  # of NumPy's strings, which compiled kernels do not take


def as_array(name: str, values: Any, what: str = "numbers") -> NDArray[Any]:
    """Return values as NumPy takes them, where it takes them as an array without losing anything."""
    if type(values) is np.ndarray:
        return values
    if hasattr(type(values), "tocsr") or hasattr(type(values), "todense"):
        kind = type(values).__name__
        raise TypeError(f"{name} is a sparse {kind}, and must be dense; try {name}.toarray()")
    refuse_masked(**{name: values})
    array = None
    if values is not None and not isinstance(values, (str, bytes, dict, set)) and not callable(values):
        array = converted(name, values)
    if array is None or (array.ndim == 0 and array.dtype.kind == "O" and not is_number(type(array.item()))):
        raise TypeError(f"{name}={shown(values)} must be an array of {what}; make a list or an array of it first")
    return array


def refuse_masked(**arrays: Any) -> None:
    """Raise an error where an array has masked values, behind which NumPy and scikit-learn would read on."""
    for name, values in arrays.items():
        if has_masked(values):
            raise ValueError(f"{name} has masked values, and must have none; fill them or leave those rows out")


def has_masked(values: Any) -> bool:
    """Return whether values are, or list, NumPy arrays with masked places, which NumPy would fill in silence."""
    if "numpy.ma" not in sys.modules:  # which NumPy imports when it is first asked for, and not soon
        return False
    parts = values if isinstance(values, (list, tuple)) else [values]
    return any(isinstance(part, np.ma.MaskedArray) and np.ma.getmaskarray(part).any() for part in parts)


def converted(name: str, values: Any) -> NDArray[Any]:
    """Return what NumPy makes of values."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is ragged, and its rows must be equally long; fill or cut them") from error
    except TypeError as error:
        raise TypeError(f"{name} holds types that do not fit into one array; convert its columns first") from error


def numeric_array(name: str, values: Any) -> NDArray[Any]:
    """Return values as an array of real numbers in its own dtype, float64 where objects held numbers."""
    array = as_array(name, values)
    if array.dtype.kind == "O":
        return numbers_in_objects(name, array)
    if array.dtype.kind not in REAL_KINDS:
        found, remedy = OTHER_KINDS.get(array.dtype.kind, STRINGS)
        raise TypeError(f"{name} holds {found}, and must hold real numbers; {remedy} first")
    if array is not values and has_dates(values):
        raise TypeError(f"{name} has columns of dates or times, and must hold real numbers; convert them first")
    return array


def has_dates(values: Any) -> bool:
    """Return whether a polars frame has dates or times beside numbers, which NumPy takes for counts of days."""
    kinds = getattr(values, "dtypes", None)
    return isinstance(kinds, list) and any(hasattr(kind, "is_temporal") and kind.is_temporal() for kind in kinds)


def numbers_in_objects(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Return an object array of numbers as float64, None as NaN; a string is no number, even one of digits."""
    for kind in set(map(type, array.flat)):
        if not is_number(kind):
            value = next(value for value in array.flat if type(value) is kind)
            raise TypeError(
                f"{name} holds {shown(value)}, a {kind.__name__}, and must hold real numbers in equally long rows; "
                "convert, encode or fill it first"
            )
    try:
        return array.astype(np.float64)
    except OverflowError:
        value = max(array.flat, key=lambda value: 0 if value is None else abs(value))
        raise ValueError(f"{name} holds {shown(value)}, which is too large for a float; scale it") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold real numbers, and one of its objects is none ({error})") from None


def is_number(kind: type) -> bool:
    """Return whether objects of a type are real numbers, or None."""
    able = hasattr(kind, "__float__") or hasattr(kind, "__index__")
    return kind is type(None) or (able and not hasattr(kind, "__len__") and not issubclass(kind, NO_NUMBERS))


def floating(
    name: str, array: NDArray[Any], dtype: Any, place: Callable[[int], tuple[int, ...]] | None = None
) -> NDArray[Any]:
    """Return an array of numbers as finite values of dtype, C-ordered and aligned, in native byte order.

    Where the array holds the values of a sparse matrix, `place` returns the row and the column of one of them.
    """
    if array.dtype == dtype:  # no cast can overflow, and the context takes its time
        result = np.ascontiguousarray(array)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            result = np.ascontiguousarray(array, dtype=dtype)
    # The sum of squares takes half the time of looking at each value, and overflows without a warning.
    finite = math.isfinite(np.vdot(result, result)) or np.isfinite(result).all()
    if not finite:
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        value = np.atleast_1d(array)[where]
        within = f" as {result.dtype}" if np.isfinite(value) else ""
        named = where if len(where) > 1 else where[0] if place is None else place(where[0])
        raise ValueError(
            f"{name} holds {shown(value)} at {named}, and must be finite{within}; "
            "replace, scale or leave out such values"
        )
    return result if result.flags.aligned else result.copy()


def two_dimensions(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the shape of X, if it is that of some samples with some features."""
    if len(shape) != 2:
        hint = "flatten its last axes"
        if len(shape) < 2:
            hint = f"try {name}.reshape(-1, 1) for one feature, {name}.reshape(1, -1) for one sample"
        raise ValueError(f"{name} has shape {shape}, and must be 2-d: (n_samples, n_features); {hint}")
    if 0 in shape:
        lacking = "samples" if shape[0] == 0 else "features"
        raise ValueError(f"{name} has shape {shape}: no {lacking}; give at least one")
    return shape[0], shape[1]


def float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which X is kept: float32 stays float32, all else becomes float64."""
    return SINGLE if dtype.kind == "f" and dtype.itemsize == 4 else DOUBLE


def matrix(name: str, values: Any) -> NDArray[Any]:
    """Return X as a finite C-ordered (n, d) array of float32 or float64."""
    array = numeric_array(name, values)
    two_dimensions(name, array.shape)
    return floating(name, array, float_type(array.dtype))


def vector(name: str, values: Any, length: int, what: str) -> NDArray[np.float64]:
    """Return values as a finite float64 array of `length` values, one for each of `what`; a column is taken too."""
    array = numeric_array(name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}, and must have shape ({length},): one value for each {what}")
    return floating(name, array, np.float64)
