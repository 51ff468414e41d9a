"""The largest curvature L of J, from which learning_rate="auto" and the largest stable rate come."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import in_background
from gdfast.data.blocks.rows import RowsInBlocks
from gdfast.data.csr import dense, row_squares
from gdfast.data.problem import Problem
from gdfast.options.model import Model

__all__ = [
    "auto_rate",
    "largest_curvature",
    "largest_rate",
    "loss_curvature",
    "spreads_rounding",
    "stable_rate",
    "surely_stable",
]

Apply = Callable[[NDArray[np.float64]], NDArray[np.float64]]

# Up to here the whole matrix of second derivatives is made; beyond, Lanczos finds its largest eigenvalue alone.
FEW = 512
LANCZOS_STEPS = 300
CLEAR_STEPS = 6  # enough where a rate is far below the limit; beyond, the whole matrix takes less
FEW_VALUES = 2**16  # of X, whose whole matrix takes no time
FINITE = 1000.0  # rate times curvature, whose 100th power is finite
BLOCK_VALUES = 2**18  # two megabytes: larger blocks leave the cache between their copy and their product


class Rows(NamedTuple):
    """The rows of A'SA/n: those of a problem, or of the triangle of a Summary, whose squares add up to the same."""

    X: Any
    ones: Any  # the column of the intercept: 1.0, or (rows,)
    weights: NDArray[np.float64] | None
    n: int  # what the sums are divided by

    def value(self) -> float:
        """Return the largest of |X|."""
        return float(max(self.X.max(), -self.X.min())) if len(self.X) else 0.0

    def trace(self) -> float:
        """Return the sum of the squares of X, divided by n."""
        if self.weights is None and isinstance(self.X, np.ndarray) and self.X.dtype == np.float64:
            return float(np.vdot(self.X, self.X)) / self.n
        with np.errstate(over="ignore"):
            squares = row_squares(self.X)
            return float(squares.sum() if self.weights is None else squares @ self.weights) / self.n

    def gram(self, scale: float, unit: float) -> NDArray[np.float64]:
        """Return A'SA/n."""
        return gram(self, scale, unit)

    def apply(self, scale: float, unit: float, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return A'SA/n v."""
        return apply_gram(self, scale, unit, v)


class BlocksOfRows:
    """The same of rows in blocks: sums over them."""

    def __init__(self, blocks: RowsInBlocks) -> None:
        self.blocks = blocks

    def value(self) -> float:
        """Return the largest of |X|; of standardized columns their deviation."""
        return 1.0 if self.blocks.make.scaling is not None else float(self.merged(max, Rows.value))

    def trace(self) -> float:
        """Return the sum of the squares of X, divided by n."""
        return float(self.summed(Rows.trace))

    def gram(self, scale: float, unit: float) -> NDArray[np.float64]:
        """Return A'SA/n."""
        return np.asarray(self.summed(Rows.gram, scale, unit))

    def apply(self, scale: float, unit: float, v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return A'SA/n v."""
        return np.asarray(self.summed(Rows.apply, scale, unit, v))

    def summed(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Return the sum of what a method of Rows returns for each block."""
        return self.merged(operator.add, method, *arguments)

    def merged(self, merge: Callable[[Any, Any], Any], method: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a method of Rows returns for each block, merged."""
        return self.blocks.merged(partial(of_block, method, arguments, self.blocks.found.rows), merge)


def of_block(method: Callable[..., Any], arguments: tuple[Any, ...], n: int, problem: Problem) -> Any:
    """Return what a method of Rows returns for the rows of a block."""
    return method(Rows(problem.X, 1.0, problem.weights, n), *arguments) if len(problem.X) else 0.0


def rows_of(problem: Problem) -> Rows | BlocksOfRows:
    """Return the rows of a problem, or what stands for them."""
    if problem.blocks is not None:
        return BlocksOfRows(problem.blocks)
    R, d = problem.triangle, problem.X.shape[1]
    if R is None:
        return Rows(problem.X, 1.0, problem.weights, len(problem.X))
    return Rows(np.ascontiguousarray(R[:, :d]), R[:, d], None, 1)


def auto_rate(problem: Problem, model: Model, batch_size: int | None) -> float:
    """Return 1/L, L being the largest curvature that one update can meet.

    Full batch: the largest eigenvalue of J's second derivatives, with the loss's curvature bound. SGD: the
    largest row's. Mini-batches of b rows lie between: the part (n - b) / ((n - 1) sqrt(b)) of the second, the
    rest of the first, so that the noise of the last iterates shrinks as b grows; where the last batch of an epoch has
    few rows, at least half of what their mean can have. With momentum a row's step grows to 1/(1 - mu) times itself
    while other rows follow: its curvature is multiplied by 1/(1 - mu).
    """
    n, part = len(problem.X), 0.0
    if batch_size is not None and n > 1 and problem.triangle is None:
        short = smallest_batch(problem, batch_size)
        part = max((n - batch_size) / batch_size**0.5, (n - short) / short / 2) / (n - 1)
    L = part * row_curvature(problem, model) / (1.0 - model.mu) if part else 0.0
    if part < 1:
        L += (1.0 - part) * largest_curvature(problem, model)
    if not np.isfinite(L):
        raise ValueError("learning_rate='auto': the values of X are too large for it; scale X, or give a rate")
    return 1.0 / L if L > 0 else 1.0


def smallest_batch(problem: Problem, batch_size: int) -> int:
    """Return the rows of the smallest batch of an epoch."""
    if problem.blocks is None:
        return len(problem.X) % batch_size or batch_size
    sizes = problem.blocks.sizes[problem.blocks.sizes > 0]
    return int(np.where(sizes % batch_size, sizes % batch_size, batch_size).min())


def spreads_rounding(problem: Problem, model: Model, batch_size: int, rate: float) -> bool:
    """Tell whether SGD at a rate may move two iterates apart that differ in rounding, without its costs growing.

    An update by one row does where rate times the row's curvature is above 2. A quadratic loss grows then; one whose
    gradient is bounded need not. A mean over rows is taken to have the part 1 / sqrt(batch_size) of it.
    """
    if model.formulas.quadratic or model.formulas.curvature is None:
        return False
    key = "row curvature", model.loss, model.c, model.intercept
    largest = problem.once(key, lambda: largest_row_curvature(problem, model)) + largest_l2(model)
    return bool(rate * largest / batch_size**0.5 > 2.0)


def stable_rate(problem: Problem, model: Model, batch_size: int | None, rate: float = np.inf) -> float | None:
    """Return the rate from which full batch on a squared error diverges, or None where there is no such limit.

    Where `rate` is below about half of it, what is returned is only an estimate of it from above, after few passes.
    """
    if batch_size is not None or not model.quadratic:
        return None
    L = largest_curvature(problem, model, largest_rate(1.0, model.mu, model.formula.looks_ahead) / rate)
    if not 0 < L < np.inf:
        return None
    return largest_rate(L, model.mu, model.formula.looks_ahead)


def surely_finite(problem: Problem, model: Model, rate: float) -> bool:
    """Tell whether no cost of a squared error can overflow within 50 epochs at a rate, by some of the rows.

    An epoch multiplies what is left of the cost by the square of 1 - rate L at most, and L is at most the trace.
    """
    (n, d), few = problem.X.shape, problem.blocks is None
    rows = [problem] if few and n * d <= FEW_VALUES else problem.sample()
    trace = sum(Rows(part.X, 1.0, part.weights, 1).trace() for part in rows) / sum(len(part.X) for part in rows)
    return rate * (trace + model.intercept + largest_l2(model)) < FINITE


def largest_rate(L: float, mu: float, nesterov: bool) -> float:
    """Return the rate from which descent along curvature L diverges."""
    return float(2 * (1 + mu) / ((1 + 2 * mu) * L if nesterov else L))


def surely_stable(problem: Problem, model: Model, batch_size: int | None, rate: float) -> bool:
    """Tell without an eigenvalue whether a rate is stable, the trace bounding L; or whether there is no limit."""
    if batch_size is not None or not model.quadratic:
        return True
    bound = rows_of(problem).trace() + model.intercept + largest_l2(model)
    if bound == 0 or rate < largest_rate(bound, model.mu, model.formula.looks_ahead):
        return True
    limit = stable_rate(problem, model, batch_size, rate)
    return limit is not None and rate <= limit


def loss_curvature(problem: Problem, model: Model) -> float:
    """Return the loss's bound of its second derivative in z, or what stands in for it."""
    formulas = model.formulas
    if formulas.curvature is not None:
        return formulas.curvature
    if formulas.assumed_curvature is None:
        return 1.0
    largest = float(problem.Y.max()) if problem.blocks is None else problem.blocks.found.target
    curvature = float(formulas.assumed_curvature(largest))
    if not np.isfinite(curvature):
        raise ValueError(f"y holds {largest:g}, with which the curvature overflows; scale y")
    return curvature


def row_curvature(problem: Problem, model: Model) -> float:
    """Return the largest curvature of one sample's loss with the penalty."""
    return largest_row_curvature(problem, model) + largest_l2(model)


def largest_row_curvature(problem: Problem, model: Model) -> float:
    """Return the largest curvature of one sample's loss, without the penalty."""
    square = partial(largest_square, model.intercept)
    squares = square(problem) if problem.blocks is None else problem.blocks.merged(square, max)
    with np.errstate(over="ignore"):
        return float(loss_curvature(problem, model) * np.float64(squares))


def largest_square(intercept: bool, problem: Problem) -> float:
    """Return the largest s (x'x + 1) of the rows, or s x'x without an intercept."""
    with np.errstate(over="ignore"):
        squares = row_squares(problem.X) + intercept
        if problem.weights is not None:
            squares = squares * problem.weights
        return float(squares.max(initial=0.0))


def largest_l2(model: Model) -> float:
    """Return the largest curvature of the penalty."""
    return model.l2 if model.factors is None else model.l2 * float(model.factors.max())


def largest_curvature(problem: Problem, model: Model, enough: float = 0.0) -> float:
    """Return the largest eigenvalue of c A'SA/n + l2 D; A is X with a column of ones, which D spares.

    Where it is below about half of `enough`, what is returned is only an estimate of it from below, after few passes.
    """
    rows, (n, d) = rows_of(problem), problem.X.shape
    # So that the squares neither overflow nor vanish.
    scale = max(rows.value(), float(model.intercept)) or 1.0
    unit = 1.0 / scale if model.intercept else 0.0
    factors: Any = 1.0 if model.factors is None else model.factors
    l2 = np.zeros(d + 1)
    l2[:d] = model.l2 / scale / scale * factors
    bound = loss_curvature(problem, model)
    read_anew = problem.blocks is not None and problem.blocks.held is None  # at the price of several products
    clear = enough and n * d > FEW_VALUES and not read_anew
    most = LANCZOS_STEPS if d >= FEW else CLEAR_STEPS if clear else 0
    top, known = 0.0, False
    if most:
        apply = lambda v: bound * rows.apply(scale, unit, v) + l2 * v  # noqa: E731
        in_pieces = problem.dimensions.sparse or problem.dimensions.in_blocks  # of which each product takes little
        stored = 0 if in_pieces else n * d
        product = lambda v: in_background(2.0 * stored, apply, v)  # noqa: E731
        top, known = lanczos(product, d + 1, most, enough / scale / scale)
    if d < FEW and not known:
        H = bound * rows.gram(scale, unit)
        H.flat[:: d + 2] += l2
        top = float(in_background(4.0 * d**3, np.linalg.eigvalsh, H)[-1])
    with np.errstate(over="ignore"):
        return float(np.float64(top) * scale * scale)


def gram(rows: Rows, scale: float, unit: float) -> NDArray[np.float64]:
    """Return A'SA/n, from blocks of rows sqrt(s) [x / scale, unit]."""
    n, d = rows.X.shape
    total: NDArray[np.float64] = np.zeros((d + 1, d + 1))
    size = max(1, BLOCK_VALUES // (d + 1))
    for first in range(0, n, size):
        part = slice(first, min(first + size, n))
        A = np.empty((part.stop - first, d + 1))
        np.divide(dense(rows.X[part]), scale, out=A[:, :d])
        A[:, d] = unit * rows.ones if np.ndim(rows.ones) == 0 else unit * rows.ones[part]
        if rows.weights is not None:
            A *= np.sqrt(rows.weights[part, None])
        total += A.T @ A
    total /= rows.n
    return total


def apply_gram(rows: Rows, scale: float, unit: float, v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A'SA/n v, X being used where it lies."""
    X, dtype = rows.X, rows.X.dtype
    z: NDArray[np.float64] = X @ (v[:-1] / scale).astype(dtype) + unit * v[-1] * rows.ones
    z *= (1.0 if rows.weights is None else rows.weights) / rows.n
    return np.asarray(np.append((z.astype(dtype) @ X) / scale, unit * (z * rows.ones).sum()))


def lanczos(apply: Apply, size: int, most: int, enough: float) -> tuple[float, bool]:
    """Return the largest eigenvalue of a symmetric operator, by Lanczos with full orthogonalisation.

    And whether it is known: it is within 1e-6, or at least four steps show that it is below half of `enough`.
    """
    basis = np.empty((min(size, most), size))
    v = np.random.default_rng(0).standard_normal(size)
    v /= np.linalg.norm(v)
    diagonal: list[float] = []
    beside: list[float] = []
    top, known = 0.0, False
    for step in range(len(basis)):
        basis[step] = v
        u = apply(v)
        diagonal.append(float(v @ u))
        for _ in range(2):
            u -= basis[: step + 1].T @ (basis[: step + 1] @ u)
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        norm, top = float(np.linalg.norm(u)), float(values[-1])
        error = norm * abs(float(vectors[-1, -1]))
        known = error <= 1e-6 * top or norm == 0 or step + 1 == size  # the value's error is about the square of this
        # The largest may hide behind what four steps found, but hardly so far.
        known = known or (step >= 3 and 2 * (top + error) < enough)
        if known:
            break
        beside.append(norm)
        v = u / norm
    return top, known
