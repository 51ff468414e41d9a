"""The Numba backend: the kernels of src/ as jitted functions, compiled once for each loss and update rule."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload
from numpy.typing import NDArray

from gdfast.formulas import penalties, vocabulary
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.optimizers import OPTIMIZERS
from gdfast.plan import Model
from gdfast.problem import Problem
from gdfast.sample_order import GOLDEN
from gdfast.state import State

__all__ = ["Kernels", "power_costs"]

# Sums may be reordered; NaN and infinity keep their meaning.
jit = njit(error_model="numpy", nogil=True, fastmath={"reassoc", "nsz", "arcp", "contract"})
# With these liberties np.isfinite holds for infinity, so what looks for it does without them.
strict = njit(error_model="numpy", nogil=True)
LARGEST = np.finfo(np.float64).max
# Rows handled while they are in the cache.
BLOCK = 256
# Up to here X is kept by columns, and full-batch epochs are vectorised over rows.
FEW_FEATURES = 8
MIX_1, MIX_2, STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(GOLDEN)


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


penalty_value = jit(penalties.penalty_value)
soft_threshold = jit(penalties.soft_threshold)
cumulative_l1 = jit(penalties.cumulative_l1)


@jit
def mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> np.uint64(30))) * MIX_1
    x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))


@jit
def fill_order(order, seed, epoch):  # type: ignore[no-untyped-def]
    """Write the order of an epoch (gdfast/sample_order.py)."""
    counter = mix(mix(np.uint64(seed) + STEP) + (np.uint64(epoch) + np.uint64(1)) * STEP)
    for i in range(order.size):
        order[i] = i
    for i in range(order.size - 1, 0, -1):
        counter += STEP
        j = np.int64(((mix(counter) >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]


@strict
def is_finite(x):  # type: ignore[no-untyped-def]
    return abs(x) <= LARGEST


@strict
def finite(W, b):  # type: ignore[no-untyped-def]
    for o in range(b.size):
        if not is_finite(b[o]):
            return False
        for j in range(W.shape[1]):
            if not is_finite(np.float64(W[o, j])):
                return False
    return True


@jit
def keep(W, b, kept_W, kept_b):  # type: ignore[no-untyped-def]
    """Copy by loops: a slice assignment costs seconds of compilation, for the text of its errors."""
    for o in range(b.size):
        kept_b[o] = b[o]
        for j in range(W.shape[1]):
            kept_W[o, j] = W[o, j]


@jit
def penalty(W, l2, l1):  # type: ignore[no-untyped-def]
    total = 0.0
    if l2 != 0.0 or l1 != 0.0:
        for o in range(W.shape[0]):
            for j in range(W.shape[1]):
                total += penalty_value(np.float64(W[o, j]), l2, l1)
    return total


@jit
def power_costs(sizes, firsts, powers, base, costs):  # type: ignore[no-untyped-def]
    """Write the costs of a closed-form path; see gdfast/backends/numpy.py."""
    r, width = powers.shape
    for b in range((costs.size + width - 1) // width):
        start = b * width
        size = min(width, costs.size - start)
        for j in range(size):
            costs[start + j] = base
        for i in range(r):
            a = sizes[b // width, i] * firsts[b % width, i]
            for j in range(size):
                costs[start + j] += a * powers[i, j]


class Compiled(NamedTuple):
    """The jitted kernels for one loss and one update rule."""

    batch: Callable[..., int]
    batch_line: Callable[..., int]
    stochastic: Callable[..., int]


@functools.cache
def compile_kernels(loss: str, optimizer: str) -> Compiled:
    """Return the kernels, each compiled at its first call."""
    value, gradient, rule = jit(LOSSES[loss].value), jit(LOSSES[loss].gradient), jit(OPTIMIZERS[optimizer])

    @jit
    def pass_rows(X, Y, s, order, start, stop, W, b, c, G):  # type: ignore[no-untyped-def]
        """Return the sum of s_i loss_i over order[start:stop] (order empty: the rows themselves); add to G."""
        k, d = W.shape
        block = max(4, min(BLOCK, 24576 // (d * X.itemsize) // 4 * 4))
        z, r, part = np.empty(block), np.empty(block), np.empty(d, X.dtype)
        total = 0.0
        for first in range(start, stop, block):
            size = min(block, stop - first)
            for o in range(k):
                for i in range(size):
                    row = order[first + i] if order.size else first + i
                    product = X.dtype.type(0)
                    for j in range(d):
                        product += X[row, j] * W[o, j]
                    z[i] = product + b[o]
                for i in range(size):
                    row = order[first + i] if order.size else first + i
                    weight = s[row] if s.size else 1.0
                    total += weight * value(Y[row, o], z[i], c)
                    r[i] = weight * gradient(Y[row, o], z[i], c)
                part[:] = 0
                for i in range(size):
                    row = order[first + i] if order.size else first + i
                    a = X.dtype.type(r[i])
                    for j in range(d):
                        part[j] += a * X[row, j]
                for j in range(d):
                    G[o, j] += part[j]
                for i in range(size):
                    G[o, d] += r[i]
        return total

    @jit
    def line_sums(X, Y, w, b, c):  # type: ignore[no-untyped-def]
        """Return what pass_rows sums for one feature and one output: losses, and the gradient's two parts."""
        total = gw = gb = 0.0
        for i in range(X.shape[1]):
            z = w * X[0, i] + b
            r = gradient(Y[0, i], z, c)
            total += value(Y[0, i], z, c)
            gw += r * X[0, i]
            gb += r
        return total, gw, gb

    @jit
    def weighted_line_sums(X, Y, s, w, b, c):  # type: ignore[no-untyped-def]
        """Return the same with weights."""
        total = gw = gb = 0.0
        for i in range(X.shape[1]):
            z = w * X[0, i] + b
            r = s[i] * gradient(Y[0, i], z, c)
            total += s[i] * value(Y[0, i], z, c)
            gw += r * X[0, i]
            gb += r
        return total, gw, gb

    @jit
    def pass_columns(X, Y, s, W, b, c, G):  # type: ignore[no-untyped-def]
        """Do the work of pass_rows over all rows, with X and Y by columns."""
        (d, n), k = X.shape, W.shape[0]
        total = 0.0
        z, r = np.empty(BLOCK), np.empty(BLOCK)
        for first in range(0, n, BLOCK):
            size = min(BLOCK, n - first)
            for o in range(k):
                z[:] = b[o]
                for j in range(d):
                    w = np.float64(W[o, j])
                    for i in range(size):
                        z[i] += w * X[j, first + i]
                for i in range(size):
                    weight = s[first + i] if s.size else 1.0
                    total += weight * value(Y[o, first + i], z[i], c)
                    r[i] = weight * gradient(Y[o, first + i], z[i], c)
                for j in range(d):
                    part = 0.0
                    for i in range(size):
                        part += r[i] * X[j, first + i]
                    G[o, j] += part
                part = 0.0
                for i in range(size):
                    part += r[i]
                G[o, d] += part
        return total

    @jit
    def update(W, b, M, G, scale, l2, l1, mu, intercept, eta):  # type: ignore[no-untyped-def]
        """Take one step along scale G, then the proximal step of l1."""
        k, d = W.shape
        for o in range(k):
            for j in range(d):
                step, M[o, j] = rule(scale * G[o, j] + l2 * W[o, j], M[o, j], eta, mu)
                W[o, j] += step
            if intercept:
                step, M[o, d] = rule(scale * G[o, d], M[o, d], eta, mu)
                b[o] += step
        if l1 > 0.0:
            threshold = eta * l1 / (1.0 - mu)
            for o in range(k):
                for j in range(d):
                    W[o, j] = soft_threshold(np.float64(W[o, j]), threshold)

    @jit
    def sgd_step(x, y, s, W, b, M, Q, sums, c, l2, l1, mu, intercept, eta):  # type: ignore[no-untyped-def]
        """Take one update by one sample; return s loss before it."""
        k, d = W.shape
        total = 0.0
        sums[1] += eta * l1 / (1.0 - mu)
        for o in range(k):
            product = x.dtype.type(0)
            for j in range(d):
                product += x[j] * W[o, j]
            z = product + b[o]
            total += s * value(y[o], z, c)
            r = s * gradient(y[o], z, c)
            for j in range(d):
                step, M[o, j] = rule(r * x[j] + l2 * W[o, j], M[o, j], eta, mu)
                W[o, j] += step
            if intercept:
                step, M[o, d] = rule(r, M[o, d], eta, mu)
                b[o] += step
            if l1 > 0.0:
                for j in range(d):
                    old = np.float64(W[o, j])
                    W[o, j] = cumulative_l1(old, Q[o * d + j], sums[1])
                    Q[o * d + j] += W[o, j] - old
        return total

    @jit
    def batch(  # type: ignore[no-untyped-def]
        X, Y, s, by_columns, c, l2, l1, mu, intercept, W, b, M, kept_W, kept_b, G, rates, objective, costs
    ):
        """Run full-batch epochs."""
        n = X.shape[1] if by_columns else X.shape[0]
        no_order = np.empty(0, np.int32)
        for e in range(rates.size):
            G[:] = 0.0
            if by_columns:
                total = pass_columns(X, Y, s, W, b, c, G)
            else:
                total = pass_rows(X, Y, s, no_order, 0, n, W, b, c, G)
            extra = penalty(W, l2, l1)
            if not is_finite(total + n * extra):
                return ~e
            costs[e] = total / n + (extra if objective else 0.0)
            keep(W, b, kept_W, kept_b)
            update(W, b, M, G, 1.0 / n, l2, l1, mu, intercept, rates[e])
            if not finite(W, b):
                return ~(e + 1)
        return rates.size

    @jit
    def batch_line(  # type: ignore[no-untyped-def]
        X, Y, s, c, l2, l1, mu, intercept, W, b, M, kept_W, kept_b, rates, objective, costs
    ):
        """Run full-batch epochs for one feature and one output: the same with the state in registers."""
        n, result, of_type = X.shape[1], rates.size, W.dtype.type
        w, bias, m, m_bias = np.float64(W[0, 0]), b[0], M[0, 0], M[0, 1]
        kept_w, kept_bias = np.float64(kept_W[0, 0]), kept_b[0]
        threshold = l1 / (1.0 - mu)
        for e in range(rates.size):
            if s.size:
                total, gw, gb = weighted_line_sums(X, Y, s, w, bias, c)
            else:
                total, gw, gb = line_sums(X, Y, w, bias, c)
            extra = penalty_value(w, l2, l1)
            if not is_finite(total + n * extra):
                result = ~e
                break
            costs[e] = total / n + (extra if objective else 0.0)
            kept_w, kept_bias = w, bias
            step, m = rule(gw / n + l2 * w, m, rates[e], mu)
            w += step
            if intercept:
                step, m_bias = rule(gb / n, m_bias, rates[e], mu)
                bias += step
            if l1 > 0.0:
                w = soft_threshold(w, rates[e] * threshold)
            w = np.float64(of_type(w))
            if not (is_finite(w) and is_finite(bias)):
                result = ~(e + 1)
                break
        W[0, 0], b[0], M[0, 0], M[0, 1], kept_W[0, 0], kept_b[0] = w, bias, m, m_bias, kept_w, kept_bias
        return result

    @jit
    def stochastic(  # type: ignore[no-untyped-def]
        X, Y, s, c, l2, l1, mu, intercept, W, b, M, kept_W, kept_b, G, Q, sums,
        order, batch_size, shuffle, seed, epoch, position, steps, rates, by_step, costs,
    ):  # fmt: skip
        """Run mini-batch or SGD updates."""
        n, ended = X.shape[0], 0
        for done in range(steps):
            if position == 0:
                keep(W, b, kept_W, kept_b)
                sums[0] = 0.0
                if shuffle:
                    fill_order(order, seed, epoch + ended)
            eta = rates[done if by_step else ended]
            start = position * batch_size
            if batch_size == 1:
                row = order[start]
                weight = s[row] if s.size else 1.0
                sums[0] += sgd_step(X[row], Y[row], weight, W, b, M, Q, sums, c, l2, l1, mu, intercept, eta)
            else:
                size = min(batch_size, n - start)
                G[:] = 0.0
                sums[0] += pass_rows(X, Y, s, order, start, start + size, W, b, c, G)
                update(W, b, M, G, 1.0 / size, l2, l1, mu, intercept, eta)
            position += 1
            if position * batch_size >= n:
                if not (is_finite(sums[0]) and finite(W, b)):
                    return ~ended
                costs[ended] = sums[0] / n
                ended, position = ended + 1, 0
        return steps

    return Compiled(batch, batch_line, stochastic)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model) -> None:
        self.X, self.Y = problem.X, problem.Y
        self.weights = np.empty(0) if problem.weights is None else problem.weights
        self.numbers = (model.c, model.l2, model.l1, model.mu, model.intercept)
        self.G = np.empty((self.Y.shape[1], self.X.shape[1] + 1))
        self.columns: tuple[NDArray[Any], NDArray[np.float64]] | None = None
        self.compiled = compile_kernels(model.loss, model.rule)

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        few = self.X.shape[1] <= FEW_FEATURES
        if few and self.columns is None:
            self.columns = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
        X, Y = self.columns if few and self.columns is not None else (self.X, self.Y)
        if self.G.shape == (1, 2):
            return self.compiled.batch_line(
                X, Y, self.weights, *self.numbers,
                state.W, state.b, state.M, state.kept_W, state.kept_b, rates, objective, costs,
            )  # fmt: skip
        return self.compiled.batch(
            X, Y, self.weights, few, *self.numbers,
            state.W, state.b, state.M, state.kept_W, state.kept_b, self.G, rates, objective, costs,
        )  # fmt: skip

    def stochastic(
        self, state: State, steps: int, rates: NDArray[np.float64], by_step: bool, costs: NDArray[np.float64]
    ) -> int:
        """Run mini-batch or SGD updates."""
        return self.compiled.stochastic(
            self.X, self.Y, self.weights, *self.numbers,
            state.W, state.b, state.M, state.kept_W, state.kept_b, self.G, state.Q, state.sums,
            state.order, state.batch_size or 1, state.shuffle, np.uint64(state.seed), state.epoch, state.position,
            steps, rates, by_step, costs,
        )  # fmt: skip
