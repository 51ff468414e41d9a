"""A pass over the rows that serves several points at once, by NumPy."""

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import end_here_if_due
from gdfast.data.problem import Problem
from gdfast.formulas.losses import log_normalised
from gdfast.options.model import Model

__all__ = ["sums_at_points"]

# Values of z at a time, half a megabyte, as several temporary arrays are; and rows, whose sums round.
BLOCK_VALUES, BLOCK_ROWS = 2**16, 2**9


def sums_at_points(
    problem: Problem, model: Model, points: NDArray[np.float64], costs: bool = True
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return the sum of s_i loss_i at each of points (count, k, d + 1), and its gradient, of the same shape.

    The intercept stands last; without `costs` the first is None. The sums of blocks of rows are added with what
    rounding takes from them.
    """
    count, k, width = points.shape
    n, flat = len(problem.X), points.reshape(count * k, width)
    rows = max(1, min(BLOCK_ROWS, BLOCK_VALUES // (count * k)))
    sums, lost = np.zeros((2, count, 1 + k * width))
    for first in range(0, n, rows):
        end_here_if_due()
        part = slice(first, min(first + rows, n))
        X, Y = problem.X[part], problem.Y[part, None]
        Z = (X @ flat[:, :-1].T + flat[:, -1]).reshape(-1, count, k)
        if model.formulas.coupled:
            Z = log_normalised(Z.reshape(-1, k)).reshape(Z.shape)
        s = 1.0 if problem.weights is None else problem.weights[part, None, None]
        R = model.formulas.gradient(Y, Z, model.c) * s
        totals = (model.formulas.value(Y, Z, model.c) * s).sum(axis=(0, 2)) if costs else np.zeros(count)
        R = R.reshape(-1, count * k).T
        gradients = np.concatenate([np.asarray(R @ X), R.sum(axis=1, keepdims=True)], axis=1)
        terms = np.concatenate([totals[:, None], gradients.reshape(count, -1)], axis=1)
        before, sums = sums, sums + terms
        added = sums - before
        lost += (before - (sums - added)) + (terms - added)
    sums += lost
    return sums[:, 0] if costs else None, sums[:, 1:].reshape(points.shape)
