"""The only functions that a formula may call. Each works on a float and on an array.

Numba and the compiled core have their own versions of `maximum`, `minimum` and `where`
with the same meaning: a NaN on either side of `maximum` and `minimum` comes through.
"""

from typing import Any

import numpy as np
from numpy import absolute, exp, log1p, sqrt

__all__ = ["absolute", "exp", "log1p", "maximum", "minimum", "sqrt", "where"]


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of a and b."""
    return np.maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of a and b."""
    return np.minimum(a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds, else b; both are computed, so both must be harmless."""
    return np.where(condition, a, b)
