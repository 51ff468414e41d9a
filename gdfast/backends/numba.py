"""The Numba backend: the kernels of src/ as jitted functions, compiled once for each loss and update rule."""

import functools
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload
from numpy.typing import NDArray

from gdfast.csr import CSR, settled_every
from gdfast.formulas import optimizers, penalties, vocabulary
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.optimizers import OPTIMIZERS
from gdfast.order import GOLDEN
from gdfast.plan import Model
from gdfast.problem import Problem
from gdfast.state import State, Updates

__all__ = ["Kernels", "power_costs"]

# Every option is named in each: what is not, a function has from the one that it is first compiled for.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
# Sums may be reordered; NaN and infinity keep their meaning.
LIBERTIES: dict[str, Any] = {"fastmath": {"reassoc", "nsz", "arcp", "contract"}}
# To count a reference to an array is an atomic operation, and code that does so is not inlined: SGD took ten times as
# long. Only what Python calls, what makes arrays and users' own functions count; the rest may not make an array, nor
# return one, be it a view, to what counts.
COUNTED: dict[str, Any] = {"_nrt": True}
UNCOUNTED: dict[str, Any] = {"_nrt": False}
# A way in from Python, and one from C, would be compiled with each function: a third of all the compiling.
INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
OUTER: dict[str, Any] = {"no_cpython_wrapper": False, "no_cfunc_wrapper": True}
outer = njit(**OPTIONS, **LIBERTIES, **COUNTED, **OUTER)
counting = njit(**OPTIONS, **LIBERTIES, **COUNTED, **INNER)
jit = njit(**OPTIONS, **LIBERTIES, **UNCOUNTED, **INNER)
# With these liberties np.isfinite holds for infinity, so what looks for it does without them.
strict = njit(**OPTIONS, **UNCOUNTED, **INNER, fastmath=False)
# What rests on its roundings, in which only a product and a sum may be one operation.
rounding = njit(**OPTIONS, **UNCOUNTED, **INNER, fastmath={"contract"})
# Losses: with exp and log1p in them they are too long to be inlined unasked, and a loop with a call is not vectorised.
inlined = njit(**OPTIONS, **LIBERTIES, **UNCOUNTED, **INNER, forceinline=True)
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


ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, which is left in the low bits
SQRT_HALF, EXPONENT = np.int64(0x3FE6A09E667F3BCD), np.int64(0x4330000000000000)


@rounding
def power_of_two(shifted):  # type: ignore[no-untyped-def]
    """Return 2^k for ROUNDER + k, -1023 < k < 1024."""
    return np.int64(np.float64(shifted + 1023.0).view(np.int64) << np.int64(52)).view(np.float64)


@rounding
def exponential(x):  # type: ignore[no-untyped-def]
    """Return e^x without a call, so that loops are vectorised; see src/elementary.h."""
    x = 711.0 if x > 711.0 else x
    x = -747.0 if x < -747.0 else x
    shifted = x * 1.4426950408889634 + ROUNDER
    k = shifted - ROUNDER
    half = k * 0.5 + ROUNDER
    r = (x - k * 0.6931471804855391) - k * 7.440617110012397e-11
    r2 = r * r
    low = 0.16666666666666669 + r * 0.04166666666662413 + r2 * (0.008333333333330062 + r * 0.0013888888917213717)
    high = 0.00019841269863053618 + r * 2.4801521295954376e-05
    high += r2 * (2.7557268459997064e-06 + r * 2.7620088445409746e-07 + r2 * 2.510038549551032e-08)
    q = 0.5000000000000001 + r * (low + r2 * r2 * high)
    p = 1.0 + (r + r2 * q)
    return p * power_of_two(half) * power_of_two((k - (half - ROUNDER)) + ROUNDER)


@rounding
def log_one_plus(x):  # type: ignore[no-untyped-def]
    """Return log(1 + x) in the same way."""
    u = 1.0 + x
    lost = x - (u - 1.0) if x < 1.0 else 1.0 - (u - x)
    bits = np.float64(u).view(np.int64)
    biased = (bits - SQRT_HALF + (np.int64(1074) << np.int64(52))) >> np.int64(52) & np.int64(4095)
    k = np.int64(biased | EXPONENT).view(np.float64) - (4503599627370496.0 + 1074.0)
    m = np.int64(bits - ((biased - np.int64(1074)) << np.int64(52))).view(np.float64)
    twice = np.int64((np.int64(1024 + 1074) - biased) << np.int64(52)).view(np.float64)
    f = (m - 1.0) + lost * twice * 0.5
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    q = 0.666666666666667 + z * 0.3999999999989889 + z2 * (0.28571428626253836 + z * 0.22222211089379496)
    q += z2 * z2 * (0.1818289243253687 + z * 0.15331611722055008 + z2 * 0.14617807153417325)
    y = k * 0.6931471804855391 + (f - (s * (f - z * q) - k * 7.440617110012397e-11))
    bad = -np.inf if x == -1.0 else np.nan
    y = y if x > -1.0 else bad
    y = x if x == 0.0 else y
    return x if x > LARGEST else y


def formula_of(function: Any) -> Any:
    """Return a loss's formula jitted, exp and log1p being those above."""
    names = {**function.__globals__, "exp": exponential, "log1p": log_one_plus}
    return inlined(types.FunctionType(function.__code__, names, function.__name__))


penalty_value = jit(penalties.penalty_value)
soft_threshold = jit(penalties.soft_threshold)
cumulative_l1 = jit(penalties.cumulative_l1)
averaged = jit(optimizers.averaged)
clipped = jit(optimizers.clipped)
correction = jit(optimizers.correction)


class Numbers(NamedTuple):
    """A Model's numbers."""

    c: float
    l2: float
    l1: float
    intercept: bool
    mu: float
    rho: float
    eps: float
    decay: float
    clip_norm: float
    clip_value: float
    even: bool  # l2 is the same for every coefficient, and there is no l1


def numbers_of(model: Model) -> Numbers:
    """Return a Model's numbers."""
    step = (model.mu, model.rho, model.eps, model.decay, model.clip_norm, model.clip_value)
    return Numbers(model.c, model.l2, model.l1, model.intercept, *step, model.l1 == 0 and model.factors is None)


@jit
def mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> np.uint64(30))) * MIX_1
    x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))


@jit
def fill_order(order, seed, epoch):  # type: ignore[no-untyped-def]
    """Write the order of an epoch (gdfast/order.py)."""
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


@strict
def plus(total, x):  # type: ignore[no-untyped-def]
    """Return total + x: a running sum over updates, in which nothing may be reordered."""
    return total + x


@strict
def mean_of(total, n, extra):  # type: ignore[no-untyped-def]
    """Return total / n + extra as Python does: with liberties it is total times the rounded 1 / n."""
    return total / n + extra


@jit
def penalty(W, l2, l1, any_penalty):  # type: ignore[no-untyped-def]
    total = 0.0
    if any_penalty:
        for o in range(W.shape[0]):
            for j in range(W.shape[1]):
                total += penalty_value(np.float64(W[o, j]), l2[j], l1[j])
    return total


@jit
def within(w, low, high):  # type: ignore[no-untyped-def]
    """Return w projected on low..high."""
    return vocabulary.maximum(vocabulary.minimum(w, high), low)


@jit
def whole_gradient(W, G, scale, p, l2):  # type: ignore[no-untyped-def]
    """G <- scale G + l2 w, clipped by norm, then by value."""
    k, d = W.shape
    square = 0.0
    for o in range(k):
        for j in range(d):
            G[o, j] = scale * G[o, j] + l2[j] * W[o, j]
            square += G[o, j] * G[o, j]
        G[o, d] = scale * G[o, d] if p.intercept else 0.0
        square += G[o, d] * G[o, d]
    if p.clip_norm <= LARGEST and np.sqrt(square) > p.clip_norm:
        for o in range(k):
            for j in range(d + 1):
                G[o, j] *= p.clip_norm / np.sqrt(square)
    if p.clip_value <= LARGEST:
        for o in range(k):
            for j in range(d + 1):
                G[o, j] = clipped(G[o, j], p.clip_value)


@jit
def add_to_mean(W, b, A, count, gain):  # type: ignore[no-untyped-def]
    """Take the iterate into the mean; count is how many it then holds."""
    k, d = W.shape
    part = gain if gain > 0.0 else 1.0 / count
    for o in range(k):
        for j in range(d):
            A[o, j] = averaged(A[o, j], np.float64(W[o, j]), part)
        A[o, d] = averaged(A[o, d], b[o], part)


@outer
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


class Rows(NamedTuple):
    """How the kernels read X: a dense array, or (data, indices, indptr) of a CSR."""

    product: Any  # (X, row, W, o) -> the product of a row with output o's coefficients
    predict: Any  # writes the products of a block of rows, and the intercept, into z
    spread: Any  # (X, row, scale, G, o): G[o] = scale times the row, without the intercept
    add_rows: Any  # adds the rows' part of the gradient to G[o]
    block: Any  # (X, d) -> how many rows at once
    row: Any  # (X, d) -> an array for add_rows to sum in


@jit
def place_of(order, i):  # type: ignore[no-untyped-def]
    """Return the i-th row; order empty: the rows themselves."""
    return np.int64(order[i]) if order.size else i


@jit
def dense_product(X, row, W, o):  # type: ignore[no-untyped-def]
    product = X.dtype.type(0)
    for j in range(W.shape[1]):
        product += X[row, j] * W[o, j]
    return product


@jit
def four_products(X, q0, q1, q2, q3, W, o):  # type: ignore[no-untyped-def]
    p0 = p1 = p2 = p3 = X.dtype.type(0)
    for j in range(W.shape[1]):
        w = W[o, j]
        p0 += X[q0, j] * w
        p1 += X[q1, j] * w
        p2 += X[q2, j] * w
        p3 += X[q3, j] * w
    return np.float64(p0), np.float64(p1), np.float64(p2), np.float64(p3)


@jit
def predict_dense(X, order, first, size, W, o, bias, z):  # type: ignore[no-untyped-def]
    whole = size - size % 4
    for i in range(0, whole, 4):
        q0, q1 = place_of(order, first + i), place_of(order, first + i + 1)
        q2, q3 = place_of(order, first + i + 2), place_of(order, first + i + 3)
        p0, p1, p2, p3 = four_products(X, q0, q1, q2, q3, W, o)
        z[i], z[i + 1], z[i + 2], z[i + 3] = p0 + bias, p1 + bias, p2 + bias, p3 + bias
    for i in range(whole, size):
        z[i] = dense_product(X, place_of(order, first + i), W, o) + bias


@jit
def dense_spread(X, row, scale, G, o):  # type: ignore[no-untyped-def]
    for j in range(X.shape[1]):
        G[o, j] = scale * X[row, j]


@jit
def add_dense_rows(X, order, first, size, r, part, G, o):  # type: ignore[no-untyped-def]
    of_type, whole = X.dtype.type, size - size % 4
    for j in range(part.size):
        part[j] = 0
    for i in range(0, whole, 4):
        q0, q1 = place_of(order, first + i), place_of(order, first + i + 1)
        q2, q3 = place_of(order, first + i + 2), place_of(order, first + i + 3)
        r0, r1, r2, r3 = of_type(r[i]), of_type(r[i + 1]), of_type(r[i + 2]), of_type(r[i + 3])
        for j in range(part.size):
            part[j] += (r0 * X[q0, j] + r1 * X[q1, j]) + (r2 * X[q2, j] + r3 * X[q3, j])
    for i in range(whole, size):
        row, a = place_of(order, first + i), of_type(r[i])
        for j in range(part.size):
            part[j] += a * X[row, j]
    for j in range(part.size):
        G[o, j] += part[j]


@jit
def csr_row(X, row):  # type: ignore[no-untyped-def]
    data, indices, indptr = X
    return data[indptr[row] : indptr[row + 1]], indices[indptr[row] : indptr[row + 1]]


@jit
def csr_product(X, row, W, o):  # type: ignore[no-untyped-def]
    values, columns = csr_row(X, row)
    product = values.dtype.type(0)
    for i in range(values.size):
        product += values[i] * W[o, columns[i]]
    return product


@jit
def predict_csr(X, order, first, size, W, o, bias, z):  # type: ignore[no-untyped-def]
    for i in range(size):
        z[i] = csr_product(X, place_of(order, first + i), W, o) + bias


@jit
def csr_spread(X, row, scale, G, o):  # type: ignore[no-untyped-def]
    values, columns = csr_row(X, row)
    for j in range(G.shape[1]):
        G[o, j] = 0.0
    for i in range(values.size):
        G[o, columns[i]] = scale * values[i]


@jit
def add_csr_rows(X, order, first, size, r, part, G, o):  # type: ignore[no-untyped-def]
    for i in range(size):
        values, columns = csr_row(X, place_of(order, first + i))
        for place in range(values.size):
            G[o, columns[place]] += r[i] * values[place]


DENSE = Rows(
    product=dense_product,
    predict=predict_dense,
    spread=dense_spread,
    add_rows=add_dense_rows,
    block=jit(lambda X, d: max(4, min(BLOCK, 24576 // (d * X.itemsize) // 4 * 4))),
    row=counting(lambda X, d: np.empty(d, X.dtype)),
)
SPARSE = Rows(
    product=csr_product,
    predict=predict_csr,
    spread=csr_spread,
    add_rows=add_csr_rows,
    block=jit(lambda X, d: BLOCK),
    row=counting(lambda X, d: np.empty(0, X[0].dtype)),
)


class Owed(NamedTuple):
    """What SGD on sparse rows puts off within a window of updates: coefficients are scales[now] W less l1.

    The t-th update of the window multiplies every coefficient by scales[t] / scales[t - 1], then l1 draws it towards
    zero by totals[t] - totals[t - 1], which is debts[t] - debts[t - 1] in units of scales[t].
    """

    scales: NDArray[np.float64]
    debts: NDArray[np.float64]
    totals: NDArray[np.float64]  # of l1, since training began
    until: NDArray[np.int32]  # (d,), the update up to which l1 is taken off a coefficient
    now: NDArray[np.int64]  # (1,), updates done in this window
    exact: NDArray[np.float64]  # (2,), the scale now and what rounding took from it


@strict
def shrunk(scale, rest, part):  # type: ignore[no-untyped-def]
    """Return (scale + rest) (1 - part) in two numbers: of 1 - part alone every update would lose the same digits."""
    less = part * scale
    new = scale - less
    return new, (rest - part * rest) + ((scale - new) - less)


# The scale is folded into the coefficients before it falls under this.
SMALLEST_SCALE = 1e-9


def nothing_owed(window: int, d: int) -> Owed:
    """Return an empty window."""
    scales, debts, totals = np.empty((3, window))
    return Owed(scales, debts, totals, np.zeros(d, np.int32), np.zeros(1, np.int64), np.empty(2))


@jit
def settled(v, q, first, now, owed):  # type: ignore[no-untyped-def]
    """Return v and q (in cumulative_l1) after the updates first + 1 .. now, in which nothing but l1 moved v."""
    if v == 0.0 or v != v:
        return v, q
    side, size = (1.0, v) if v > 0.0 else (-1.0, -v)
    left = size - (owed.debts[now] - owed.debts[first])
    if left > 0.0:
        return side * left, -side * owed.totals[now]
    low, high = first, now  # after the one something is left, after the other nothing
    while high - low > 1:
        middle = (low + high) // 2
        if size > owed.debts[middle] - owed.debts[first]:
            low = middle
        else:
            high = middle
    last = owed.scales[high] * (size - (owed.debts[low] - owed.debts[first]))
    return 0.0, -side * (owed.totals[low] + last)


@jit
def settle(W, Q, j, owed):  # type: ignore[no-untyped-def]
    """Take off the j-th coefficients what l1 owes them."""
    now = owed.now[0]
    if owed.until[j] < now:
        for o in range(W.shape[0]):
            W[o, j], Q[o, j] = settled(np.float64(W[o, j]), Q[o, j], owed.until[j], now, owed)
        owed.until[j] = now


@jit
def fold(W, Q, p, owed):  # type: ignore[no-untyped-def]
    """Make the coefficients what they are, and begin a new window."""
    if owed.now[0] == 0:
        return
    scale = owed.scales[owed.now[0]]
    if p.l1 > 0.0:
        for j in range(W.shape[1]):
            settle(W, Q, j, owed)
            owed.until[j] = 0
    if scale != 1.0:
        for o in range(W.shape[0]):
            for j in range(W.shape[1]):
                W[o, j] *= scale
    owed.now[0] = 0


class Compiled(NamedTuple):
    """The jitted kernels for one loss and one update rule."""

    batch: Callable[..., int]
    batch_line: Callable[..., int]
    stochastic: Callable[..., int]


def jitted_loss(loss: str, own: Any) -> tuple[Any, Any]:
    """Return a loss's value and gradient as jitted functions of (y, z, c)."""
    if own is None:
        return formula_of(LOSSES[loss].value), formula_of(LOSSES[loss].gradient)
    own_value, own_gradient = counting(own.value), counting(own.gradient)
    return jit(lambda y, z, c: own_value(y, z)), jit(lambda y, z, c: own_gradient(y, z))


def state_reader(there: bool) -> Any:
    """Return what reads a state that a rule has, or that it has not, which is then 0."""
    return jit(lambda A, o, j: A[o, j]) if there else jit(lambda A, o, j: 0.0)


def state_writer(there: bool) -> Any:
    """Return what writes a state that a rule has, or leaves one that it has not."""

    def write(A, o, j, value):  # type: ignore[no-untyped-def]
        A[o, j] = value

    def leave(A, o, j, value):  # type: ignore[no-untyped-def]
        pass

    return jit(write if there else leave)


@functools.lru_cache(maxsize=256)  # a user's own losses come without end
def compile_kernels(loss: str, own: Any, optimizer: str, careful: bool, sparse: bool, lazy: bool) -> Compiled:
    """Return the kernels, each compiled at its first call; lazy ones put off what an update owes all coefficients."""
    value, gradient = jitted_loss(loss, own)
    product, predict, spread, add_rows, block_of, row_for = SPARSE if sparse else DENSE
    formula = OPTIMIZERS[optimizer]
    rule, rate, corrected = jit(formula.step), jit(formula.rate), formula.corrected

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
    def room(X, k, d):  # type: ignore[no-untyped-def]
        """Return what a block of rows is worked on in: z (k, BLOCK), r, y, weights, and a row to sum in."""
        return np.empty((k, BLOCK)), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), row_for(X, d)

    @jit
    def losses_of(Y, s, order, first, size, o, c, space):  # type: ignore[no-untyped-def]
        """Write s loss' of a block's output o into r and return the sum of s loss, both at z."""
        z, r, y, weights, _ = space
        for i in range(size):
            y[i] = Y[place_of(order, first + i), o]
        if s.size:
            for i in range(size):
                weights[i] = s[place_of(order, first + i)]
        return losses(y, weights, s.size > 0, z[o], c, r, size)

    @jit
    def pass_rows(X, Y, s, order, start, stop, W, b, c, G, space):  # type: ignore[no-untyped-def]
        """Return the sum of s_i loss_i over order[start:stop] (order empty: the rows themselves); add to G.

        For a literal 0 as start it would be compiled once more.
        """
        (k, d), (z, r, _, _, part) = W.shape, space
        block, total = block_of(X, d), 0.0
        for first in range(start, stop, block):
            size = min(block, stop - first)
            for o in range(k):
                predict(X, order, first, size, W, o, b[o], z[o])
                total += losses_of(Y, s, order, first, size, o, c, space)
                add_rows(X, order, first, size, r, part, G, o)
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
    def pass_columns(X, Y, s, W, b, c, G, space):  # type: ignore[no-untyped-def]
        """Do the work of pass_rows over all rows, with X and Y by columns."""
        (d, n), k, z, r = X.shape, W.shape[0], space[0][0], space[1]
        total = 0.0
        for first in range(0, n, BLOCK):
            size = min(BLOCK, n - first)
            for o in range(k):
                for i in range(size):
                    z[i] = b[o]
                for j in range(d):
                    w = np.float64(W[o, j])
                    for i in range(size):
                        z[i] += w * X[j, first + i]
                weights = s[first : first + size] if s.size else z
                total += losses(Y[o, first : first + size], weights, s.size > 0, z, c, r, size)
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

    whole_columns = jit(lambda X, Y, s, W, b, c, G, space: 0.0) if sparse else pass_columns  # a CSR has none

    has_m, has_v = formula.momentum, formula.adaptive
    m_of, v_of = state_reader(has_m), state_reader(has_v)
    set_m, set_v = state_writer(has_m), state_writer(has_v)

    @jit
    def take_step(o, W, b, M, V, X, row, one, scale, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Take one step of output o along scale [X[row] one] + l2 w."""
        d = W.shape[1]
        for j in range(d):
            w = np.float64(W[o, j])
            g = scale * X[row, j] + l2[j] * w
            step, m, v = rule(w, g, m_of(M, o, j), v_of(V, o, j), eta, p.mu, p.rho, p.eps, p.decay, c1, c2)
            W[o, j] += step
            set_m(M, o, j, m)
            set_v(V, o, j, v)
        if p.intercept:
            step, m, v = rule(b[o], scale * one, m_of(M, o, d), v_of(V, o, d), eta, p.mu, p.rho, p.eps, 0.0, c1, c2)
            b[o] += step
            set_m(M, o, d, m)
            set_v(V, o, d, v)

    @jit
    def careful_update(W, b, arrays, sums, G, scale, p, limits, eta, c1, c2, cumulative):  # type: ignore[no-untyped-def]
        """Take one step along the whole gradient, then l1 at each coordinate's own rate, then the bounds."""
        (k, d), (M, V, _, Q, U), (l2, l1, none, low, high) = W.shape, arrays, limits
        whole_gradient(W, G, scale, p, l2)
        for o in range(k):
            take_step(o, W, b, M, V, G, o, G[o, d], 1.0, none, p, eta, c1, c2)
            for j in range(d if p.l1 > 0.0 else 0):
                threshold = l1[j] * rate(v_of(V, o, j), eta, p.mu, p.eps, c2)
                old = np.float64(W[o, j])
                if cumulative:
                    U[o, j] += threshold
                    W[o, j] = cumulative_l1(old, Q[o, j], U[o, j])
                    Q[o, j] += W[o, j] - old
                else:
                    W[o, j] = soft_threshold(old, threshold)
            for j in range(low.size):
                W[o, j] = within(np.float64(W[o, j]), low[j], high[j])

    @jit
    def plain_update(W, b, arrays, sums, G, scale, p, limits, eta, c1, c2, cumulative):  # type: ignore[no-untyped-def]
        """Take one step along scale G, then the proximal step of l1."""
        k, d = W.shape
        for o in range(k):
            take_step(o, W, b, arrays[0], arrays[1], G, o, G[o, d], scale, limits[0], p, eta, c1, c2)
        if p.l1 > 0.0:
            threshold = p.l1 * rate(0.0, eta, p.mu, p.eps, c2)
            for o in range(k):
                for j in range(d):
                    W[o, j] = soft_threshold(np.float64(W[o, j]), threshold)

    after = careful_update if careful else plain_update

    @jit
    def update(W, b, arrays, sums, G, scale, p, limits, eta, t, count, gain):  # type: ignore[no-untyped-def]
        """Take the t-th update; count is how many iterates the mean then holds, none where it is not above 0."""
        c1 = c2 = 1.0
        if corrected:
            c1, c2 = correction(p.mu, t), correction(p.rho, t)
        after(W, b, arrays, sums, G, scale, p, limits, eta, c1, c2, False)
        if count > 0:
            add_to_mean(W, b, arrays[2], count, gain)

    @jit
    def careful_sample(X, row, y, s, W, b, arrays, sums, G, p, limits, eta, c1, c2, owed):  # type: ignore[no-untyped-def]
        """Take one careful update by one sample; return s loss before it."""
        k = W.shape[0]
        total = 0.0
        for o in range(k):
            z = product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            spread(X, row, r, G, o)
            G[o, W.shape[1]] = r
        careful_update(W, b, arrays, sums, G, 1.0, p, limits, eta, c1, c2, True)
        return total

    def step_by_dense(o, W, b, arrays, X, row, r, G, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Take one step of output o along r [X[row] 1] + l2 w."""
        take_step(o, W, b, arrays[0], arrays[1], X, row, 1.0, r, l2, p, eta, c1, c2)

    def step_by_csr(o, W, b, arrays, X, row, r, G, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Do the same for a row of a CSR, spread in G."""
        spread(X, row, 1.0, G, o)
        take_step(o, W, b, arrays[0], arrays[1], G, o, 1.0, r, l2, p, eta, c1, c2)

    step_by_row = jit(step_by_csr if sparse else step_by_dense)

    @jit
    def plain_sample(X, row, y, s, W, b, arrays, sums, G, p, limits, eta, c1, c2, owed):  # type: ignore[no-untyped-def]
        """Take one update by one sample, then what the cumulative l1 owes; return s loss before it."""
        (k, d), Q = W.shape, arrays[3]
        total = 0.0
        if p.l1 > 0.0:
            sums[1] = plus(sums[1], p.l1 * rate(0.0, eta, p.mu, p.eps, c2))
        for o in range(k):
            z = product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            step_by_row(o, W, b, arrays, X, row, r, G, limits[0], p, eta, c1, c2)
            if p.l1 > 0.0:
                for j in range(d):
                    old = np.float64(W[o, j])
                    W[o, j] = cumulative_l1(old, Q[o, j], sums[1])
                    Q[o, j] += W[o, j] - old
        return total

    @jit
    def gd_step(g, p, eta):  # type: ignore[no-untyped-def]
        """Return the step of a rule without states."""
        return rule(0.0, g, 0.0, 0.0, eta, p.mu, p.rho, p.eps, p.decay, 1.0, 1.0)[0]

    @jit
    def lazy_sample(X, row, y, s, W, b, arrays, sums, G, p, limits, eta, c1, c2, owed):  # type: ignore[no-untyped-def]
        """Take one update of plain descent at the row's own coefficients; return s loss before it."""
        (values, columns), k, Q, now = csr_row(X, row), W.shape[0], arrays[3], owed.now[0]
        part, threshold = -gd_step(p.l2, p, eta), p.l1 * rate(0.0, eta, p.mu, p.eps, c2)
        if not part < 1.0:
            fold(W, Q, p, owed)
            return plain_sample(X, row, y, s, W, b, arrays, sums, G, p, limits, eta, c1, c2, owed)
        if now == 0:
            owed.scales[0], owed.debts[0], owed.totals[0] = 1.0, 0.0, sums[1]
            owed.exact[0], owed.exact[1] = 1.0, 0.0
        if p.l1 > 0.0:
            for i in range(columns.size):
                settle(W, Q, columns[i], owed)
                owed.until[columns[i]] = now + 1
            sums[1] = plus(sums[1], threshold)
        now += 1
        owed.exact[0], owed.exact[1] = shrunk(owed.exact[0], owed.exact[1], part)
        before, scale = owed.scales[now - 1], owed.exact[0] + owed.exact[1]
        owed.scales[now], owed.debts[now], owed.totals[now] = scale, owed.debts[now - 1] + threshold / scale, sums[1]
        owed.now[0] = now
        total = 0.0
        for o in range(k):
            z = before * product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            for i in range(columns.size):
                j = columns[i]
                W[o, j] += gd_step(r * values[i], p, eta) / scale
                if p.l1 > 0.0:
                    old = scale * W[o, j]
                    new = cumulative_l1(old, Q[o, j], sums[1])
                    W[o, j] = new / scale
                    Q[o, j] += new - old
            if p.intercept:
                b[o] += gd_step(r, p, eta)
        if scale < SMALLEST_SCALE:
            fold(W, Q, p, owed)
        return total

    sample = careful_sample if careful else lazy_sample if lazy else plain_sample
    end_window = fold if lazy else jit(lambda W, Q, p, owed: None)

    @jit
    def one_by_one(  # type: ignore[no-untyped-def]
        X, Y, s, W, b, arrays, sums, G, p, limits, order, start, size, rates, by_step, t, count, gain, owed
    ):
        """Take an update by each of order[start:start + size], after t before."""
        c1 = c2 = 1.0
        for i in range(size):
            row, eta = np.int64(order[start + i]), rates[i if by_step else 0]
            if corrected:
                c1, c2 = correction(p.mu, t + i + 1), correction(p.rho, t + i + 1)
            weight = s[row] if s.size else 1.0
            total = sample(X, row, Y[row], weight, W, b, arrays, sums, G, p, limits, eta, c1, c2, owed)
            if count >= 0:
                add_to_mean(W, b, arrays[2], count + i + 1, gain)
            sums[0] = plus(sums[0], total)

    @jit
    def in_fours(X, Y, s, W, b, p, order, start, size, rates, by_step, z):  # type: ignore[no-untyped-def]
        """Take four updates of plain descent at a time, and keep each one's z; return how many are taken.

        Four rows' products with the coefficients and with each other, four steps on them alone, then
        w <- scale w + sum_i u_i x_i: the updates of the plain loop, to rounding. Where the rows' products with each
        other overflow it ends before.
        """
        (k, d), zero, of_type, c = W.shape, X.dtype.type(0), X.dtype.type, p.c
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
            keep0, keep1, keep2 = 1.0 + gd_step(p.l2, p, e0), 1.0 + gd_step(p.l2, p, e1), 1.0 + gd_step(p.l2, p, e2)
            keep3 = 1.0 + gd_step(p.l2, p, e3)
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
                scale = keep0
                z1 = scale * p1 + u0 * m10 + bias
                u1 = gd_step(e1 * s1 * gradient(Y[q1, o], z1, c), p, 1.0)
                bias += u1 if p.intercept else 0.0
                scale, u0 = keep1 * scale, keep1 * u0
                z2 = scale * p2 + u0 * m20 + u1 * m21 + bias
                u2 = gd_step(e2 * s2 * gradient(Y[q2, o], z2, c), p, 1.0)
                bias += u2 if p.intercept else 0.0
                scale, u0, u1 = keep2 * scale, keep2 * u0, keep2 * u1
                z3 = scale * p3 + u0 * m30 + u1 * m31 + u2 * m32 + bias
                u3 = gd_step(e3 * s3 * gradient(Y[q3, o], z3, c), p, 1.0)
                bias += u3 if p.intercept else 0.0
                b[o] = bias
                z[o, i], z[o, i + 1], z[o, i + 2], z[o, i + 3] = z0, z1, z2, z3
                v, v0, v1, v2 = of_type(keep3 * scale), of_type(keep3 * u0), of_type(keep3 * u1), of_type(keep3 * u2)
                v3 = of_type(u3)
                for j in range(d):
                    W[o, j] = (v * W[o, j] + v0 * X[q0, j]) + (v1 * X[q1, j] + v2 * X[q2, j]) + v3 * X[q3, j]
        return size - size % 4

    @jit
    def fours_first(  # type: ignore[no-untyped-def]
        X, Y, s, W, b, arrays, sums, G, p, limits, order, start, size, rates, by_step, t, count, gain, owed, space
    ):
        """Take updates in fours where that can be, else one by one; at most BLOCK of them."""
        i = 0
        while i < size:
            later = rates[i:] if by_step else rates
            if p.even and count < 0 and size - i >= 4:
                done = in_fours(X, Y, s, W, b, p, order, start + i, size - i, later, by_step, space[0])
                total = 0.0
                for o in range(b.size if done > 0 else 0):
                    total += losses_of(Y, s, order, start + i, done, o, p.c, space)
                sums[0] = plus(sums[0], total)
                i += done
                later = rates[i:] if by_step else rates
            left = min(4, size - i) if p.even and count < 0 else size - i
            one_by_one(
                X, Y, s, W, b, arrays, sums, G, p, limits, order, start + i, left, later, by_step, t + i,
                count + i if count >= 0 else count, gain, owed,
            )  # fmt: skip
            i += left

    @jit
    def all_singly(  # type: ignore[no-untyped-def]
        X, Y, s, W, b, arrays, sums, G, p, limits, order, start, size, rates, by_step, t, count, gain, owed, space
    ):
        """Take updates one by one."""
        one_by_one(X, Y, s, W, b, arrays, sums, G, p, limits, order, start, size, rates, by_step, t, count, gain, owed)

    sgd_span = fours_first if optimizer == "gd" and not (careful or sparse) else all_singly

    @outer
    def batch(  # type: ignore[no-untyped-def]
        X, Y, s, by_columns, p, limits, W, b, arrays, sums, t, count, gain, G, rates, objective, costs, look
    ):
        """Run full-batch epochs; or (look) write the two sums of the first, and its gradient into G, and no step."""
        n = Y.shape[1] if by_columns else Y.shape[0]
        no_order, space = np.empty(0, np.int32), room(X, W.shape[0], W.shape[1])
        for e in range(rates.size):
            for o in range(G.shape[0]):
                for j in range(G.shape[1]):
                    G[o, j] = 0.0
            if by_columns:
                total = whole_columns(X, Y, s, W, b, p.c, G, space)
            else:
                total = pass_rows(X, Y, s, no_order, np.int64(0), n, W, b, p.c, G, space)
            extra = penalty(W, limits[0], limits[1], p.l2 != 0.0 or p.l1 != 0.0)
            if look:
                costs[0], costs[1] = total, extra
                return 0
            if not is_finite(total + n * extra):
                return ~e
            costs[e] = mean_of(total, n, extra if objective else 0.0)
            more = count + e + 1 if count >= 0 else 0
            update(W, b, arrays, sums, G, 1.0 / n, p, limits, rates[e], t + e + 1, more, gain)
            if not finite(W, b):
                return ~(e + 1)
        return rates.size

    @outer
    def batch_line(X, Y, s, p, W, b, M, G, rates, objective, costs, look):  # type: ignore[no-untyped-def]
        """Run full-batch epochs of a plain rule for one feature and one output: the state is in registers."""
        n, result, of_type = X.shape[1], rates.size, W.dtype.type
        w, bias, m, m_bias, v = np.float64(W[0, 0]), b[0], 0.0, 0.0, 0.0
        if M.size:
            m, m_bias = M[0, 0], M[0, 1]
        for e in range(rates.size):
            if s.size:
                total, gw, gb = weighted_line_sums(X, Y, s, w, bias, p.c)
            else:
                total, gw, gb = line_sums(X, Y, w, bias, p.c)
            extra = penalty_value(w, p.l2, p.l1)
            if look:
                costs[0], costs[1], G[0, 0], G[0, 1] = total, extra, gw, gb
                break
            if not is_finite(total + n * extra):
                result = ~e
                break
            costs[e] = mean_of(total, n, extra if objective else 0.0)
            step, m, v = rule(w, gw / n + p.l2 * w, m, v, rates[e], p.mu, p.rho, p.eps, p.decay, 1.0, 1.0)
            w += step
            if p.intercept:
                step, m_bias, v = rule(bias, gb / n, m_bias, v, rates[e], p.mu, p.rho, p.eps, 0.0, 1.0, 1.0)
                bias += step
            if p.l1 > 0.0:
                w = soft_threshold(w, p.l1 * rate(0.0, rates[e], p.mu, p.eps, 1.0))
            w = np.float64(of_type(w))
            if not (is_finite(w) and is_finite(bias)):
                result = ~(e + 1)
                break
        W[0, 0], b[0] = w, bias
        if M.size:
            M[0, 0], M[0, 1] = m, m_bias
        return result

    @outer
    def stochastic(  # type: ignore[no-untyped-def]
        X, Y, s, p, limits, W, b, arrays, sums, t, count, gain, G,
        order, batch_size, shuffle, seed, epoch, position, steps, rates, by_step, wanted, costs, owed, every,
    ):  # fmt: skip
        """Run mini-batch or SGD updates; what is owed is settled after every `every` from the epoch's start."""
        n, ended, done = Y.shape[0], 0, 0
        no_order, space = np.empty(0, np.int32), room(X, W.shape[0], W.shape[1])
        while done < steps:
            if position == 0:
                sums[0] = 0.0
                if shuffle:
                    fill_order(order, seed, epoch + ended)
            at, start = done if by_step else ended, position * batch_size
            more = count + done if count >= 0 else -1
            if batch_size == 1:
                taken = min(every - start % every, min(n - start, steps - done))
                sgd_span(
                    X, Y, s, W, b, arrays, sums, G, p, limits, order, start, taken, rates[at:], by_step, t + done, more,
                    gain, owed, space,
                )  # fmt: skip
                end_window(W, arrays[3], p, owed)
            else:
                taken, size = 1, min(batch_size, n - start)
                for o in range(G.shape[0]):
                    for j in range(G.shape[1]):
                        G[o, j] = 0.0
                total = pass_rows(X, Y, s, order, start, start + size, W, b, p.c, G, space)
                update(W, b, arrays, sums, G, 1.0 / size, p, limits, rates[at], t + done + 1, more + 1, gain)
                sums[0] = plus(sums[0], total)
            done += taken
            position += taken
            if position * batch_size >= n:
                if not (is_finite(sums[0]) and finite(W, b)):
                    return ~ended
                costs[ended] = mean_of(sums[0], n, 0.0)
                if wanted.size:
                    costs[ended] = np.nan
                    if wanted[ended]:
                        total = pass_rows(X, Y, s, no_order, np.int64(0), n, W, b, p.c, G, space)
                        extra = penalty(W, limits[0], limits[1], p.l2 != 0.0 or p.l1 != 0.0)
                        costs[ended] = mean_of(total, n, extra)
                        if not is_finite(n * costs[ended]):
                            return ~ended
                ended, position = ended + 1, 0
        return steps

    return Compiled(batch, batch_line, stochastic)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        self.X, self.Y = problem.X, problem.Y
        none = np.empty(0)
        self.weights = none if problem.weights is None else problem.weights
        self.numbers = numbers_of(model)
        ones = np.ones(self.X.shape[1]) if model.factors is None else model.factors
        bounds = tuple(none if limit is None else limit for limit in (model.low, model.high))
        self.limits = (model.l2 * ones, model.l1 * ones, 0.0 * ones, *bounds)
        self.G = np.empty((self.Y.shape[1], self.X.shape[1] + 1))
        sparse = isinstance(self.X, CSR)
        self.few = by_columns and self.X.shape[1] <= FEW_FEATURES and not sparse
        simple = not (model.careful or model.averaging or model.formula.adaptive or model.factors is not None)
        self.line = self.few and simple and self.G.shape == (1, 2)
        self.columns: tuple[NDArray[Any], NDArray[np.float64]] | None = None
        self.lazy = sparse and model.lazy
        self.compiled = compile_kernels(model.loss, model.own, model.rule, model.careful, sparse, self.lazy)
        self.rows = (self.X.data, self.X.indices, self.X.indptr) if isinstance(self.X, CSR) else self.X
        self.every = self.settled_every(1)
        self.owed = nothing_owed(self.every + 1, self.X.shape[1] * (model.l1 > 0)) if self.lazy else 0

    def settled_every(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""
        return settled_every(self.X, self.lazy and batch_size == 1, batch_size)

    def data(self) -> Any:
        """Return what a pass over all rows reads."""
        if self.few and self.columns is None:
            self.columns = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
        X, Y = (self.rows, self.Y) if self.columns is None else self.columns
        return X, Y, self.weights

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        memory = (state.arrays, state.sums, state.steps, state.count, state.gain)
        return self.epochs(state.W, state.b, memory, rates, objective, costs, False)

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; the loss's summed gradient is in self.G."""
        sums, none = np.empty(2), np.empty((0, 0))
        self.epochs(W, b, ((none,) * 5, sums, 0, -1, 0.0), np.zeros(1), True, sums, True)
        return float(sums[0]), float(sums[1])

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J: as an epoch at rate 0 finds it, since a second copy of the same sums may round otherwise."""
        shape, costs = self.G.shape, np.full(1, np.inf)
        arrays = tuple(np.zeros(shape) for _ in range(5))
        self.epochs(W.copy(), b.copy(), (arrays, np.zeros(2), 0, -1, 0.0), np.zeros(1), True, costs, False)
        if gradient:
            self.sums_at(W, b)
        return float(costs[0])

    def epochs(self, W: Any, b: Any, memory: Any, rates: Any, objective: bool, costs: Any, look: bool) -> int:
        """Run full-batch epochs, or look at the first."""
        if self.line:
            M = memory[0][0]
            return self.compiled.batch_line(*self.data(), self.numbers, W, b, M, self.G, rates, objective, costs, look)
        return self.compiled.batch(
            *self.data(), self.few, self.numbers, self.limits, W, b, *memory, self.G, rates, objective, costs, look
        )

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""
        return self.compiled.stochastic(
            self.rows, self.Y, self.weights, self.numbers, self.limits, state.W, state.b, state.arrays, state.sums,
            state.steps, state.count, state.gain, self.G,
            state.order, state.batch_size or 1, state.shuffle, np.uint64(state.seed), state.epoch, state.position,
            *updates, self.owed, self.every,
        )  # fmt: skip
