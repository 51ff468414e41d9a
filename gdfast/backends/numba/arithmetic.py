"""What formulas and sums are written in, for Numba: the vocabulary, exp and logarithms without calls, ordered sums."""

import numpy as np
from numba.extending import overload

from gdfast.backends.numba.compilation import rounding, strict
from gdfast.formulas import polynomials, vocabulary
from gdfast.formulas.constants import (
    EXP_LOWER,
    EXP_UPPER,
    EXPONENT_SHIFT,
    LOG2_E,
    ROUNDER,
    SQRT_HALF_BITS,
    TWO_52,
    TWO_52_BITS,
)

__all__ = ["LARGEST", "finite", "inline_exp", "inline_log", "inline_log1p", "is_finite", "mean_of", "plus"]

LARGEST = np.finfo(np.float64).max
SMALLEST_NORMAL = 2.0**-1022


@overload(vocabulary.where)
def where(condition, a, b):  # type: ignore[no-untyped-def]
    """Choose without np.where, which allocates on scalars in a jitted loop."""
    return lambda condition, a, b: a if condition else b


@overload(vocabulary.maximum)
def maximum(a, b):  # type: ignore[no-untyped-def]
    """Return the larger; a NaN on either side comes through."""
    return lambda a, b: a if a > b or a != a else b


@overload(vocabulary.minimum)
def minimum(a, b):  # type: ignore[no-untyped-def]
    """Return the smaller; a NaN on either side comes through."""
    return lambda a, b: a if a < b or a != a else b


# In Numba the shifts and differences of bits need the same type on both sides.
SQRT_HALF, EXPONENT, SHIFT = np.int64(SQRT_HALF_BITS), np.int64(TWO_52_BITS), np.int64(EXPONENT_SHIFT)

reduced = rounding(polynomials.reduced)
exp_reduced = rounding(polynomials.exp_reduced)
log_of_parts = rounding(polynomials.log_of_parts)


@rounding
def power_of_two(shifted):  # type: ignore[no-untyped-def]
    """Return 2^k for ROUNDER + k, -1023 < k < 1024."""
    return np.int64(np.float64(shifted + 1023.0).view(np.int64) << np.int64(52)).view(np.float64)


@rounding
def inline_exp(x):  # type: ignore[no-untyped-def]
    """Return e^x without a call, so that loops are vectorised; see src/c/elementary.h."""
    x = EXP_UPPER if x > EXP_UPPER else x
    x = EXP_LOWER if x < EXP_LOWER else x
    shifted = x * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    half = k * 0.5 + ROUNDER
    p = exp_reduced(reduced(x, k))
    return p * power_of_two(half) * power_of_two((k - (half - ROUNDER)) + ROUNDER)


@rounding
def log_of_sum(u, lost, further):  # type: ignore[no-untyped-def]
    """Return log(u + lost) for a normal u and a lost below its rounding, log 2 times `further` added."""
    bits = np.float64(u).view(np.int64)
    biased = (bits - SQRT_HALF + (SHIFT << np.int64(52))) >> np.int64(52) & np.int64(4095)
    k = np.int64(biased | EXPONENT).view(np.float64) - (TWO_52 + EXPONENT_SHIFT)
    m = np.int64(bits - ((biased - SHIFT) << np.int64(52))).view(np.float64)
    twice = np.int64((np.int64(1024) + SHIFT - biased) << np.int64(52)).view(np.float64)
    return log_of_parts(k + further, (m - 1.0) + lost * twice * 0.5)


@rounding
def inline_log1p(x):  # type: ignore[no-untyped-def]
    """Return log(1 + x) in the same way."""
    u = 1.0 + x
    lost = x - (u - 1.0) if x < 1.0 else 1.0 - (u - x)
    y = log_of_sum(u, lost, 0.0)
    bad = -np.inf if x == -1.0 else np.nan
    y = y if x > -1.0 else bad
    y = x if x == 0.0 else y
    return x if x > LARGEST else y


@rounding
def inline_log(x):  # type: ignore[no-untyped-def]
    """Return log x in the same way."""
    small = x < SMALLEST_NORMAL
    y = log_of_sum(x * 2.0**54 if small else x, 0.0, -54.0 if small else 0.0)
    bad = -np.inf if x == 0.0 else np.nan
    y = y if x > 0.0 else bad
    return x if x > LARGEST else y


# Sums and checks in which nothing may be reordered, and infinity is looked for.


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
