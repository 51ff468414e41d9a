"""SGD over a span of samples: four at a time where that can be."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.numba.arithmetic import is_finite, plus
from gdfast.backends.numba.compilation import jit
from gdfast.backends.numba.rows import four_products

__all__ = ["Span", "compile_row_blocks", "compile_single_rows"]


class Span(NamedTuple):
    """Updates by the samples order[start:start + size], which a kernel takes within an epoch."""

    order: NDArray[np.int32]
    start: int
    size: int
    rates: NDArray[np.float64]  # of the updates by step; else the first is of all of them
    by_step: bool
    steps: int  # updates done before
    averaged: int  # iterates in the mean before; -1: none is wanted


@jit
def part_of(span, first, size):  # type: ignore[no-untyped-def]
    """Return `size` updates of a span from its update `first` on."""
    rates = span.rates[first:] if span.by_step else span.rates
    averaged = span.averaged + first if span.averaged >= 0 else span.averaged
    return Span(span.order, span.start + first, size, rates, span.by_step, span.steps + first, averaged)


def compile_single_rows(one_by_one: Any) -> Any:
    """Return what takes all updates of a span one by one."""

    @jit
    def all_single(data, state, G, p, limits, span, pending, space):  # type: ignore[no-untyped-def]
        """Take updates one by one."""
        one_by_one(data, state, G, p, limits, span, pending)

    return all_single


def compile_row_blocks(gradient: Any, gd_step: Any, losses_of: Any, one_by_one: Any) -> Any:
    """Return what takes updates in blocks of four rows where that is possible, for plain descent on dense rows."""

    @jit
    def by_blocks(data, W, b, p, span, z):  # type: ignore[no-untyped-def]
        """Take four updates of plain descent at a time, and keep each one's z; return how many are taken.

        Four rows' products with the coefficients and with each other, four steps on them alone, then
        w <- w - lost w + sum_i u_i x_i: the updates of the plain loop, to rounding, which (1 - lost) w would not be:
        each block would lose the same last digits of lost. Where the rows' products with each other overflow it ends
        before.
        """
        X, Y, s, order, rates, by_step = data.X, data.Y, data.weights, span.order, span.rates, span.by_step
        (k, d), zero, of_type, c = W.shape, X.dtype.type(0), X.dtype.type, p.c
        start, size = span.start, span.size
        weights = s.size > 0
        for i in range(0, size - 3, 4):
            q0, q1 = np.int64(order[start + i]), np.int64(order[start + i + 1])
            q2, q3 = np.int64(order[start + i + 2]), np.int64(order[start + i + 3])
            e0 = e1 = e2 = e3 = rates[0]
            if by_step:
                e0, e1, e2, e3 = rates[i], rates[i + 1], rates[i + 2], rates[i + 3]
            s0 = s1 = s2 = s3 = 1.0
            if weights:
                s0, s1, s2, s3 = s[q0], s[q1], s[q2], s[q3]
            lost0, lost1, lost2 = -gd_step(p.l2, p, e0), -gd_step(p.l2, p, e1), -gd_step(p.l2, p, e2)
            lost3 = -gd_step(p.l2, p, e3)
            f0 = f1 = f2 = f3 = m10 = m20 = m21 = m30 = m31 = m32 = zero
            for j in range(d):
                x0, x1, x2, x3, w = X[q0, j], X[q1, j], X[q2, j], X[q3, j], W[0, j]
                f0 += x0 * w
                f1 += x1 * w
                f2 += x2 * w
                f3 += x3 * w
                m10 += x1 * x0
                m20 += x2 * x0
                m21 += x2 * x1
                m30 += x3 * x0
                m31 += x3 * x1
                m32 += x3 * x2
            if not is_finite(np.float64(m10) + m20 + m21 + m30 + m31 + m32):
                return i
            p0, p1, p2, p3 = np.float64(f0), np.float64(f1), np.float64(f2), np.float64(f3)
            for o in range(k):
                if o > 0:
                    p0, p1, p2, p3 = four_products(X, q0, q1, q2, q3, W, o)
                bias = b[o]
                z0 = p0 + bias
                u0 = gd_step(e0 * s0 * gradient(Y[q0, o], z0, c), p, 1.0)
                bias += u0 if p.intercept else 0.0
                lost = lost0
                z1 = p1 - lost * p1 + u0 * m10 + bias
                u1 = gd_step(e1 * s1 * gradient(Y[q1, o], z1, c), p, 1.0)
                bias += u1 if p.intercept else 0.0
                lost, u0 = lost + (lost1 - lost1 * lost), u0 - lost1 * u0
                z2 = p2 - lost * p2 + u0 * m20 + u1 * m21 + bias
                u2 = gd_step(e2 * s2 * gradient(Y[q2, o], z2, c), p, 1.0)
                bias += u2 if p.intercept else 0.0
                lost, u0, u1 = lost + (lost2 - lost2 * lost), u0 - lost2 * u0, u1 - lost2 * u1
                z3 = p3 - lost * p3 + u0 * m30 + u1 * m31 + u2 * m32 + bias
                u3 = gd_step(e3 * s3 * gradient(Y[q3, o], z3, c), p, 1.0)
                bias += u3 if p.intercept else 0.0
                b[o] = bias
                z[o, i], z[o, i + 1], z[o, i + 2], z[o, i + 3] = z0, z1, z2, z3
                v = of_type(lost + (lost3 - lost3 * lost))
                v0, v1, v2 = of_type(u0 - lost3 * u0), of_type(u1 - lost3 * u1), of_type(u2 - lost3 * u2)
                v3 = of_type(u3)
                for j in range(d):
                    moved = (v0 * X[q0, j] - v * W[o, j]) + (v1 * X[q1, j] + v2 * X[q2, j]) + v3 * X[q3, j]
                    W[o, j] = W[o, j] + moved
        return size - size % 4

    @jit
    def blocks_first(data, state, G, p, limits, span, pending, space):  # type: ignore[no-untyped-def]
        """Take updates in blocks of four rows where that is possible, else one by one; at most BLOCK of them."""
        W, b, i, size = state.W, state.b, 0, span.size
        while i < size:
            if p.even and span.averaged < 0 and size - i >= 4:
                done = by_blocks(data, W, b, p, part_of(span, i, size - i), space.z)
                total = 0.0
                for o in range(b.size if done > 0 else 0):
                    total += losses_of(data, span.order, span.start + i, done, o, p.c, space)
                state.sums[0] = plus(state.sums[0], total)
                i += done
            left = min(4, size - i) if p.even and span.averaged < 0 else size - i
            one_by_one(data, state, G, p, limits, part_of(span, i, left), pending)
            i += left

    return blocks_first
