"""Checks of what a file holds: numbers, arrays and dicts, from which a Run and each solver's state are declared.

A check takes a name and a value, as those of gdfast/options/option.py, and raises an error that names both.
"""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.options.option import Check

__all__ = [
    "FieldError",
    "agree",
    "any_number",
    "array_like",
    "array_of",
    "check_field",
    "equal_to",
    "mapping",
    "same_length",
    "text",
]


class FieldError(ValueError):
    """A value of a file is not what it must be."""


def check_field(name: str, value: Any, check: Check) -> None:
    """Check a value of a file; whatever is wrong is a FieldError."""
    try:
        check(name, value)
    except (TypeError, ValueError) as error:
        raise FieldError(str(error)) from error


def agree(conditions: Mapping[str, bool]) -> None:
    """Raise an error with the first of some conditions that does not hold."""
    for sentence, holds in conditions.items():
        if not holds:
            raise FieldError(sentence)


def mapping(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Return the check of a dict: the names that it must have, and those that it may have."""

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, dict):
            raise FieldError(f"{name}={shown(value)} must hold {', '.join(required)}")
        missing = [key for key in required if key not in value]
        if missing:
            raise FieldError(f"{name} lacks {', '.join(missing)}")
        for key, inner in {**required, **(optional or {})}.items():
            if key in value:
                check_field(f"{name}.{key}", value[key], inner)
        return value

    return check


def equal_to(expected: Any) -> Check:
    """Return the check that a value is another, of the same type."""

    def check(name: str, value: Any) -> Any:
        if type(value) is not type(expected) or value != expected:
            raise FieldError(f"{name}={shown(value)} must be {shown(expected)}")
        return value

    return check


def any_number(name: str, value: Any) -> float:
    """Return a number that is no NaN, infinity included."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or math.isnan(value):
        raise FieldError(f"{name}={shown(value)} must be a number")
    return float(value)


def text(name: str, value: Any) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise FieldError(f"{name}={shown(value)} must be a string")
    return value


def array_of(shape: tuple[int | None, ...], dtype: Any, finite: bool = False) -> Check:
    """Return the check of an array by its dtype and its shape, in which None stands for any length."""
    dtype = np.dtype(dtype)

    def check(name: str, value: Any) -> NDArray[Any]:
        found = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else shown(value)
        wanted = str(shape).replace("None", "any")
        if not isinstance(value, np.ndarray) or value.dtype != dtype or not fits(value.shape, shape):
            raise FieldError(f"{name} is {found}, and must be {dtype} of shape {wanted}")
        if finite and not np.isfinite(value).all():
            raise FieldError(f"{name} holds numbers that are not finite")
        return value

    return check


def fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether a shape is the one wanted, in which None stands for any length."""
    return len(shape) == len(wanted) and all(w is None or s == w for s, w in zip(shape, wanted, strict=True))


def array_like(array: NDArray[Any], finite: bool = False) -> Check:
    """Return the check that an array has the shape and the dtype of another."""
    return array_of(array.shape, array.dtype, finite)


def same_length(columns: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether columns are equally long."""
    return len({len(column) for column in columns.values()}) <= 1
