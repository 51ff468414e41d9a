"""Sums and checks in which nothing may be reordered, and infinity is looked for."""

import numpy as np

from gdfast.backends.jitted.elementary import LARGEST
from gdfast.backends.jitted.options import strict

__all__ = ["finite", "is_finite", "mean_of", "plus"]


@strict
def is_finite(x):  # type: ignore[no-untyped-def]
    """Tell whether x is neither NaN nor infinite."""
    return abs(x) <= LARGEST


@strict
def finite(W, b):  # type: ignore[no-untyped-def]
    """Tell whether the iterate is finite."""
    for o in range(b.size):
        if not is_finite(b[o]):
            return False
        for j in range(W.shape[1]):
            if not is_finite(np.float64(W[o, j])):
                return False
    return True


@strict
def plus(total, x):  # type: ignore[no-untyped-def]
    """Return total + x: a running sum over updates, in which nothing may be reordered."""
    return total + x


@strict
def mean_of(total, n, extra):  # type: ignore[no-untyped-def]
    """Return total / n + extra as Python does: with liberties it is total times the rounded 1 / n."""
    return total / n + extra
