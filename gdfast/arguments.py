"""Checks of arguments: each returns the value in its own type, or raises an error that says what to do.

Every message names the argument, the value it got, what is allowed and what to try.
"""

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["choice", "flag", "matrix", "numeric_array", "real", "shown", "vector", "whole"]

# Kinds of NumPy dtypes that hold real numbers: bool, signed, unsigned, float.
REAL_KINDS = "biuf"


def shown(value: Any, limit: int = 60) -> str:
    """Return a value's repr, cut so that a message stays one line."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 3] + "..."


def real(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, ends: str = "[]", hint: str = ""
) -> float:
    """Return value as a float within low..high; ends is "[]", "(]", "[)" or "()" as in mathematics."""
    allowed = f"a finite number{interval(low, high, ends)}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}={shown(value)} is a {type(value).__name__}, and must be {allowed}{hint}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    inside = (number >= low if ends[0] == "[" else number > low) and (
        number <= high if ends[1] == "]" else number < high
    )
    if not (math.isfinite(number) and inside):
        raise ValueError(f"{name}={shown(value)} must be {allowed}{hint}")
    return number


def interval(low: float, high: float, ends: str) -> str:
    """Return the words for an interval."""
    above = f"{'at least' if ends[0] == '[' else 'above'} {low:g}" if low > -math.inf else ""
    below = f"{'at most' if ends[1] == ']' else 'below'} {high:g}" if high < math.inf else ""
    words = " and ".join(word for word in (above, below) if word)
    return f" {words}" if words else ""


def whole(name: str, value: Any, low: int = 0, high: int | None = None, *, hint: str = "") -> int:
    """Return value as an int of at least low and at most high."""
    allowed = f"a whole number of at least {low}" + (f" and at most {high}" if high is not None else "")
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value} is a bool, and must be {allowed}{hint}")
    try:
        number = operator.index(value)
    except TypeError:
        try_int = ""
        if isinstance(value, float) and value.is_integer():
            try_int = f"; write {int(value)}"
        raise TypeError(
            f"{name}={shown(value)} is a {type(value).__name__}, and must be {allowed}{try_int}{hint}"
        ) from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name}={number} must be {allowed}{hint}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return value as a bool; only True and False are taken."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={shown(value)} must be True or False")
    return bool(value)


def choice(name: str, value: Any, known: Iterable[str]) -> str:
    """Return value if it is one of the known names."""
    known = list(known)
    if not isinstance(value, str):
        raise TypeError(f"{name}={shown(value)} must be a name: one of {', '.join(known)}")
    if value not in known:
        close = [other for other in known if other.replace("_", "") == value.lower().replace("_", "")]
        did_you_mean = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{name}={value!r} is not known; choose one of {', '.join(known)}{did_you_mean}")
    return value


def numeric_array(name: str, values: Any) -> NDArray[Any]:
    """Return values as an array of real numbers in its own dtype, float64 where objects held numbers."""
    if hasattr(values, "tocsr") or hasattr(values, "todense"):
        raise TypeError(f"{name} is a sparse {type(values).__name__}, which is not taken yet; try {name}.toarray()")
    if isinstance(values, (str, bytes, dict, set)) or values is None or callable(values):
        raise TypeError(f"{name}={shown(values)} must be an array of numbers")
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise ValueError(f"{name} has masked values; fill them or leave those rows out first")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is ragged: its rows differ in length; give every row as many values") from error
    if array.dtype.kind in REAL_KINDS:
        return array
    if array.dtype.kind == "O":
        return numbers_in_objects(name, array)
    kind = {"c": "complex numbers", "M": "dates", "m": "time spans", "U": "strings", "S": "strings", "V": "records"}
    hint = {"c": "take .real and .imag as features", "M": "convert them to numbers", "V": "take its columns apart"}
    raise TypeError(
        f"{name} holds {kind.get(array.dtype.kind, array.dtype)}, and must hold real numbers; "
        f"{hint.get(array.dtype.kind, 'convert them to numbers, or encode them')} first"
    )


def numbers_in_objects(name: str, array: NDArray[Any]) -> NDArray[np.float64]:
    """Return an object array of numbers as float64; a string is no number, even one of digits."""
    flat = np.empty(array.size)
    for position, value in enumerate(array.ravel()):
        if isinstance(value, (str, bytes, np.datetime64, np.timedelta64)) or hasattr(value, "__len__"):
            raise TypeError(
                f"{name} holds {shown(value)}, a {type(value).__name__}, and must hold real numbers in equally "
                "long rows; convert or encode it first"
            )
        try:
            flat[position] = np.nan if value is None else float(value)
        except OverflowError:
            raise ValueError(f"{name} holds an integer too large for a float ({shown(value)}); scale it") from None
        except (TypeError, ValueError):
            raise TypeError(
                f"{name} holds {shown(value)}, a {type(value).__name__}, and must hold real numbers; convert, "
                "encode or fill it first"
            ) from None
    return flat.reshape(array.shape)


def floating(name: str, array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return an array of numbers as finite values of dtype, C-ordered in native byte order."""
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)
        finite = np.isfinite(result.sum()) or np.isfinite(result).all()
    if not finite:
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        place = where[0] if len(where) == 1 else where
        value = result[where]
        raise ValueError(
            f"{name} holds {value} at {place}, and must be finite; leave those rows out, or fill or scale them"
        )
    return result


def matrix(name: str, values: Any) -> NDArray[Any]:
    """Return X as a finite C-ordered (n, d) array: float32 stays float32, all else becomes float64."""
    array = numeric_array(name, values)
    if array.ndim != 2:
        hint = f"try {name}.reshape(-1, 1) for one feature" if array.ndim < 2 else "flatten its last axes"
        raise ValueError(f"{name} has shape {array.shape}, and must be 2-d: (n_samples, n_features); {hint}")
    if 0 in array.shape:
        lacking = "samples" if array.shape[0] == 0 else "features"
        raise ValueError(f"{name} has shape {array.shape}: no {lacking}; give at least one")
    return floating(name, array, np.float32 if array.dtype.kind == "f" and array.dtype.itemsize == 4 else np.float64)


def vector(name: str, values: Any, length: int, what: str) -> NDArray[np.float64]:
    """Return values as a finite float64 array of `length` values, one for each of `what`; a column is taken too."""
    array = numeric_array(name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}, and must have shape ({length},): one value for each {what}")
    return floating(name, array, np.float64)
