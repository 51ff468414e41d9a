"""Pending updates of SGD on sparse rows: what concerns all coefficients is applied to one where it is read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.numba.compilation import jit, strict

__all__ = ["Pending", "fold", "nothing_pending", "settle", "shrunk"]


class Pending(NamedTuple):
    """The pending updates of SGD on sparse rows within a window: coefficients are scales[now] W less l1.

    The t-th update of the window multiplies every coefficient by scales[t] / scales[t - 1], then l1 draws it towards
    zero by totals[t] - totals[t - 1], which is pending_l1[t] - pending_l1[t - 1] in units of scales[t].
    """

    scales: NDArray[np.float64]
    pending_l1: NDArray[np.float64]
    totals: NDArray[np.float64]  # of l1, since training began
    until: NDArray[np.int32]  # (d,), the update up to which l1 is taken off a coefficient
    now: NDArray[np.int64]  # (1,), updates done in this window
    exact: NDArray[np.float64]  # (2,), the scale now and what rounding took from it


@strict
def shrunk(scale, residual, part):  # type: ignore[no-untyped-def]
    """Return (scale + residual) (1 - part) in two numbers: with 1 - part alone each update loses the same digits."""
    less = part * scale
    new = scale - less
    return new, (residual - part * residual) + ((scale - new) - less)


@strict
def part_lost(scale, residual):  # type: ignore[no-untyped-def]
    """Return 1 - (scale + residual)."""
    return (1.0 - scale) - residual


def nothing_pending(window: int, d: int) -> Pending:
    """Return an empty window."""
    scales, pending_l1, totals = np.empty((3, window))
    return Pending(scales, pending_l1, totals, np.zeros(d, np.int32), np.zeros(1, np.int64), np.empty(2))


@jit
def settled(v, q, first, now, pending):  # type: ignore[no-untyped-def]
    """Return v and q (in cumulative_l1) after the updates first + 1 .. now, in which nothing but l1 moved v."""
    if v == 0.0 or v != v:
        return v, q
    side, size = (1.0, v) if v > 0.0 else (-1.0, -v)
    left = size - (pending.pending_l1[now] - pending.pending_l1[first])
    if left > 0.0:
        return side * left, -side * pending.totals[now]
    low, high = first, now  # after the one something is left, after the other nothing
    while high - low > 1:
        middle = (low + high) // 2
        if size > pending.pending_l1[middle] - pending.pending_l1[first]:
            low = middle
        else:
            high = middle
    last = pending.scales[high] * (size - (pending.pending_l1[low] - pending.pending_l1[first]))
    return 0.0, -side * (pending.totals[low] + last)


@jit
def settle(W, Q, j, pending):  # type: ignore[no-untyped-def]
    """Apply the pending l1 to the j-th coefficients."""
    now = pending.now[0]
    if pending.until[j] < now:
        for o in range(W.shape[0]):
            W[o, j], Q[o, j] = settled(np.float64(W[o, j]), Q[o, j], pending.until[j], now, pending)
        pending.until[j] = now


@jit
def fold(W, Q, p, pending):  # type: ignore[no-untyped-def]
    """Make the coefficients what they are, and begin a new window."""
    if pending.now[0] == 0:
        return
    lost = part_lost(pending.exact[0], pending.exact[1])
    if p.l1 > 0.0:
        for j in range(W.shape[1]):
            settle(W, Q, j, pending)
            pending.until[j] = 0
    for o in range(W.shape[0] if lost != 0.0 else 0):
        for j in range(W.shape[1]):
            if lost > 0.5:
                W[o, j] *= pending.exact[0] + pending.exact[1]
            else:  # near to 1 the scale has lost the last digits of what it takes off
                W[o, j] -= lost * W[o, j]
    pending.now[0] = 0
