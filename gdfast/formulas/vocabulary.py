"""The only functions that a formula may call. Each works on a float and on an array.

Numba and the compiled core have their own versions with the same meaning: a NaN on either side of `maximum` and
`minimum` comes through.
"""

from typing import Any

import numpy as np
from numpy import absolute, exp, log, log1p, sqrt

__all__ = ["absolute", "exp", "log", "log1p", "maximum", "minimum", "sqrt", "where"]


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of a and b; NaN if either is NaN.

    Parameters
    ----------
    a, b : float or array-like
        Numbers, or arrays of shapes that broadcast.

    Returns
    -------
    float or ndarray
        The larger value, element by element.

    Examples
    --------
    >>> from gdfast.formulas.vocabulary import maximum
    >>> maximum([1.0, 2.0], 1.5).tolist()
    [1.5, 2.0]
    """
    return np.maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of a and b; NaN if either is NaN.

    Parameters
    ----------
    a, b : float or array-like
        Numbers, or arrays of shapes that broadcast.

    Returns
    -------
    float or ndarray
        The smaller value, element by element.

    Examples
    --------
    >>> from gdfast.formulas.vocabulary import minimum
    >>> minimum([1.0, 2.0], 1.5).tolist()
    [1.0, 1.5]
    """
    return np.minimum(a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds, else b.

    Both a and b are computed everywhere, so both must be valid everywhere.

    Parameters
    ----------
    condition : bool or array-like
        The condition.
    a, b : float or array-like
        Numbers, or arrays of shapes that broadcast with the condition.

    Returns
    -------
    float or ndarray
        The chosen value, element by element.

    Examples
    --------
    >>> from gdfast.formulas.vocabulary import where
    >>> where([True, False], 1.0, 2.0).tolist()
    [1.0, 2.0]
    """
    return np.where(condition, a, b)
