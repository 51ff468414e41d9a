"""Evaluation of rows by blocks, where converting all of them at once would take as much memory as they do."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import REAL_KINDS

__all__ = ["by_row_blocks"]

# Values converted at a time, half a megabyte of float64, which stays in the cache; and rows, for a function of z has
# several temporary arrays.
BLOCK_VALUES = 2**16
BLOCK_ROWS = 2**12


def by_row_blocks(
    predictor: Callable[[Any], NDArray[Any]],
    X: Any,
    dtype: Any,
    function: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> NDArray[Any]:
    """Return function(predictor(X)), one value or more for each row, by blocks of rows.

    predictor, a product of X with coefficients of dtype, takes all rows at once where it does not convert them. What
    is no 2-d array of numbers is taken at once, too, and so is an array that raises: its error names the row.
    """
    if is_converted(X, dtype):
        whole = predictor if function is None else lambda rows: function(predictor(rows))
        try:
            return in_blocks(whole, X)
        except ValueError:
            return whole(X)
    z = predictor(X)
    return z if function is None else in_blocks(function, z)


def in_blocks(function: Callable[[Any], NDArray[Any]], values: NDArray[Any]) -> NDArray[Any]:
    """Return function(values) by blocks of rows, which depend on the shape of the values alone."""
    width = values.shape[1] if values.ndim == 2 else 1
    rows = min(BLOCK_ROWS, max(1, BLOCK_VALUES // max(1, width)))
    if len(values) <= rows:
        return function(values)
    first = function(values[:rows])
    result = np.empty((len(values), *first.shape[1:]), first.dtype)
    result[:rows] = first
    for start in range(rows, len(values), rows):
        result[start : start + rows] = function(values[start : start + rows])
    return result


def is_converted(X: Any, dtype: Any) -> bool:
    """Return whether X is an array of numbers that a product with coefficients of dtype takes in another dtype."""
    if not isinstance(X, np.ndarray) or X.ndim != 2 or 0 in X.shape or X.dtype.kind not in REAL_KINDS:
        return False
    return bool(np.result_type(X.dtype, dtype) != X.dtype)
