"""Passes over rows: the sum of losses, and its gradient."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.numba.compilation import counting, jit
from gdfast.backends.numba.rows import Rows, place_of
from gdfast.formulas.constants import BLOCK

__all__ = ["Passes", "compile_passes"]


class Space(NamedTuple):
    """What a block of rows is worked on in."""

    z: NDArray[np.float64]  # (k, BLOCK)
    r: NDArray[np.float64]  # (BLOCK,), as the two below
    y: NDArray[np.float64]
    weights: NDArray[np.float64]
    part: NDArray[Any]  # a row to sum in


class Passes(NamedTuple):
    """The jitted passes for one loss and one kind of rows."""

    workspace: Callable[..., Any]
    losses_of: Callable[..., float]
    by_rows: Callable[..., float]
    by_columns: Callable[..., float]
    line: Callable[..., tuple[float, float, float]]
    weighted_line: Callable[..., tuple[float, float, float]]


# Of parts of columns: the index of X[j, first + i] could be negative for all that the compiler knows, and it makes no
# vectors of it.


@jit
def predict_two(x0, x1, w0, w1, bias, z, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        z[i] = bias + (w0 * x0[i] + w1 * x1[i])


@jit
def predict_two_more(x0, x1, w0, w1, z, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        z[i] += w0 * x0[i] + w1 * x1[i]


@jit
def predict_one_more(x, w, z, size):  # type: ignore[no-untyped-def]
    for i in range(size):
        z[i] += w * x[i]


@jit
def sums_of_two(x0, x1, r, size):  # type: ignore[no-untyped-def]
    g0 = g1 = 0.0
    for i in range(size):
        g0 += r[i] * x0[i]
        g1 += r[i] * x1[i]
    return g0, g1


@jit
def sums_of_one(x, r, size):  # type: ignore[no-untyped-def]
    g = total = 0.0
    for i in range(size):
        g += r[i] * x[i]
        total += r[i]
    return g, total


@jit
def predict_columns(X, first, size, W, o, bias, z):  # type: ignore[no-untyped-def]
    """Write the products of rows, X being by columns, and the intercept: two columns at a time."""
    d, stop = W.shape[1], first + size
    if d == 1:
        for i in range(size):
            z[i] = bias
    else:
        w0, w1 = np.float64(W[o, 0]), np.float64(W[o, 1])
        predict_two(X[0, first:stop], X[1, first:stop], w0, w1, bias, z, size)
    for j in range(2, d - 1, 2):
        w0, w1 = np.float64(W[o, j]), np.float64(W[o, j + 1])
        predict_two_more(X[j, first:stop], X[j + 1, first:stop], w0, w1, z, size)
    if d % 2:
        predict_one_more(X[d - 1, first:stop], np.float64(W[o, d - 1]), z, size)


@jit
def add_columns(X, first, size, r, G, o):  # type: ignore[no-untyped-def]
    """Add the rows' part of the gradient to G[o], the intercept's too."""
    d, stop = X.shape[0], first + size
    for j in range(0, d - 1, 2):
        g0, g1 = sums_of_two(X[j, first:stop], X[j + 1, first:stop], r, size)
        G[o, j] += g0
        G[o, j + 1] += g1
    g0, total = sums_of_one(X[d - 1, first:stop], r, size)
    if d % 2:
        G[o, d - 1] += g0
    G[o, d] += total


def compile_passes(value: Any, gradient: Any, rows: Rows) -> Passes:
    """Return the passes for a loss."""
    predict, add_rows, block_of, row_for = rows.predict, rows.add_rows, rows.block, rows.row

    @jit
    def losses(y, weights, weighted, z, c, r, size):  # type: ignore[no-untyped-def]
        """Write s loss' into r and return the sum of s loss.

        No loop may name an array that is empty: compiled code guards a loop against overlapping arrays by the
        ranges that it could reach, and with an empty one among them its choice, and the bits, hang on addresses.
        """
        total = 0.0
        if weighted:
            for i in range(size):
                total += weights[i] * value(y[i], z[i], c)
                r[i] = weights[i] * gradient(y[i], z[i], c)
        else:
            for i in range(size):
                total += value(y[i], z[i], c)
                r[i] = gradient(y[i], z[i], c)
        return total

    @counting
    def workspace(X, k, d):  # type: ignore[no-untyped-def]
        """Return a Space."""
        return Space(np.empty((k, BLOCK)), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), row_for(X, d))

    @jit
    def losses_of(data, order, first, size, o, c, space):  # type: ignore[no-untyped-def]
        """Write s loss' of a block's output o into r and return the sum of s loss, both at z."""
        Y, s, y, weights = data.Y, data.weights, space.y, space.weights
        for i in range(size):
            y[i] = Y[place_of(order, first + i), o]
        if s.size:
            for i in range(size):
                weights[i] = s[place_of(order, first + i)]
        return losses(y, weights, s.size > 0, space.z[o], c, space.r, size)

    @jit
    def pass_rows(data, order, start, stop, W, b, c, G, space):  # type: ignore[no-untyped-def]
        """Return the sum of s_i loss_i over order[start:stop] (order empty: the rows themselves); add to G.

        For a literal 0 as start it would be compiled once more.
        """
        (k, d), X, z, r, part = W.shape, data.X, space.z, space.r, space.part
        block, total = block_of(X, d), 0.0
        for first in range(start, stop, block):
            size = min(block, stop - first)
            for o in range(k):
                predict(X, order, first, size, W, o, b[o], z[o])
                total += losses_of(data, order, first, size, o, c, space)
                add_rows(X, order, first, size, r, part, G, o)
                for i in range(size):
                    G[o, d] += r[i]
        return total

    @jit
    def line_sums(data, w, b, c):  # type: ignore[no-untyped-def]
        """Return what pass_rows sums for one feature and one output: losses, and the gradient's two parts."""
        X, Y = data.X, data.Y
        total = gw = gb = 0.0
        for i in range(X.shape[1]):
            z = w * X[0, i] + b
            r = gradient(Y[0, i], z, c)
            total += value(Y[0, i], z, c)
            gw += r * X[0, i]
            gb += r
        return total, gw, gb

    @jit
    def weighted_line_sums(data, w, b, c):  # type: ignore[no-untyped-def]
        """Return the same with weights."""
        X, Y, s = data.X, data.Y, data.weights
        total = gw = gb = 0.0
        for i in range(X.shape[1]):
            z = w * X[0, i] + b
            r = s[i] * gradient(Y[0, i], z, c)
            total += s[i] * value(Y[0, i], z, c)
            gw += r * X[0, i]
            gb += r
        return total, gw, gb

    @jit
    def pass_columns(data, W, b, c, G, space):  # type: ignore[no-untyped-def]
        """Do the work of pass_rows over all rows, with X and Y by columns."""
        X, Y, s, z, r = data.X, data.Y, data.weights, space.z[0], space.r
        n, k, total = X.shape[1], W.shape[0], 0.0
        for first in range(0, n, BLOCK):
            size = min(BLOCK, n - first)
            for o in range(k):
                predict_columns(X, first, size, W, o, b[o], z)
                weights = s[first : first + size] if s.size else z
                total += losses(Y[o, first : first + size], weights, s.size > 0, z, c, r, size)
                add_columns(X, first, size, r, G, o)
        return total

    return Passes(workspace, losses_of, pass_rows, pass_columns, line_sums, weighted_line_sums)
