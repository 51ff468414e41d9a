"""The triangle R of the QR of rows sqrt(s) [x 1 | y]: from blocks of rows, and of several triangles merged."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import end_here_if_due, in_background
from gdfast._utils.blas import lapack_geqrf
from gdfast.data.csr import Features, dense

__all__ = ["merged_in_tree", "only_r", "triangle_of_rows"]

# A block of rows for one QR: a quarter of a megabyte, which the second-level cache holds with LAPACK's copy of it.
BLOCK_VALUES, LEAST_ROWS = 32_768, 640

Part = TypeVar("Part")


def triangle_of_rows(
    X: Features, Y: NDArray[np.float64], weights: NDArray[np.float64] | None = None, beside: bool = False
) -> NDArray[np.float64]:
    """Return R of rows sqrt(s_i) [x_i 1 | y_i], (at most d + 1 + k, d + 1 + k): R stacked on the next block of rows.

    `beside` others, which read rows on a thread of their own, NumPy's QR would keep Python's lock.
    """
    (n, d), k = X.shape, Y.shape[1]
    R = np.empty((0, d + 1 + k))
    size = max(2 * (d + 1 + k), LEAST_ROWS, BLOCK_VALUES // (d + 1 + k))
    memory = np.empty((min(n, size) + d + 1 + k) * (d + 1 + k))
    for first in range(0, n, size):
        end_here_if_due()
        stop = min(n, first + size)
        block = memory[: (len(R) + stop - first) * (d + 1 + k)].reshape(-1, d + 1 + k, order="F")  # as LAPACK has it
        block[: len(R)] = R
        rows = block[len(R) :]
        rows[:, :d], rows[:, d], rows[:, d + 1 :] = dense(X[first:stop]), 1.0, Y[first:stop]
        if weights is not None:
            rows *= np.sqrt(weights[first:stop, None])
        R = only_r_unlocked(block) if beside else only_r(block)
    return R


def only_r(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R of a QR decomposition."""
    n, p = rows.shape
    R: Any = in_background(2.0 * n * p * min(n, p), np.linalg.qr, rows, mode="r")
    return np.asarray(R)


def only_r_unlocked(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R of a QR decomposition, by SciPy where it is installed, whose LAPACK lets other threads run meanwhile.

    The rows, in the order of columns, are overwritten.
    """
    geqrf = lapack_geqrf()
    if geqrf is None:
        return only_r(rows)
    n, p = rows.shape
    R, _, _, _ = geqrf(rows, lwork=64 * p, overwrite_a=1)
    return np.triu(R[: min(n, p)])


def merged_in_tree(parts: Iterable[Part], merge: Callable[[Part, Part], Part]) -> Part | None:
    """Return all parts merged in pairs of neighbours, then pairs of pairs: a tree whose shape their number decides.

    At most log2(number) + 2 parts are kept at once. None where there are none.
    """
    waiting: list[tuple[int, Part]] = []  # height, and a merged subtree; the heights fall
    for part in parts:
        height = 0
        while waiting and waiting[-1][0] == height:
            part = merge(waiting.pop()[1], part)
            height += 1
        waiting.append((height, part))
    if not waiting:
        return None
    _, merged = waiting.pop()
    while waiting:
        merged = merge(waiting.pop()[1], merged)
    return merged
