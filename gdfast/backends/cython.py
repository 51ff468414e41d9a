"""The Cython backend: the compiled kernels of src/, called with the arrays of a Problem and a State."""

import functools
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import end_here_if_due
from gdfast.backends.intervals import multiple_of, settle_interval
from gdfast.backends.protocol import Updates
from gdfast.backends.state import KernelState, State
from gdfast.backends.together import one_by_one, same_order, similar, simple
from gdfast.data.csr import CSR
from gdfast.data.problem import Problem
from gdfast.formulas.constants import (
    BLOCK,
    FEW_FEATURES,
    MOST_POINTS,
    MOST_TOGETHER,
    POINTS_AT_ONCE,
    POINTS_ROWS,
    SHARED_BATCH,
    SPAN,
)
from gdfast.options.model import Model

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

try:
    from gdfast._core import descent, path
except ImportError as error:
    raise ImportError(
        f"gdfast's compiled core is not installed ({error}); install a wheel of gdfast, or use another backend"
    ) from error

__all__ = ["Kernels", "compiled_model", "fill_order", "power_costs"]

power_costs = path.power_costs

# The rows of a pass are cut into slabs, which threads share: so many, no smaller than this, with so many sums in all.
MOST_SLABS = 64
LEAST_ROWS = 1024
SLAB_NUMBERS = 2**22
SPARE = 32  # numbers behind a row's workspace: two vectors, and what it takes to begin at a line of the cache
NO_STEP = np.zeros(1)
# A pass for several points is cut into so many parts at most, no smaller than this.
MOST_PARTS, LEAST_POINT_ROWS = 8, 2048
# Products of one call of a pass for several points, some 20 ms: between two the end may be due.
POINTS_CALL = 2**25


def fill_order(order: NDArray[np.int32], seed: int, epoch: int) -> None:
    """Write the order of an epoch into order, as gdfast/data/order.py does."""
    descent.sample_order(order, seed, epoch % 2**64)


@functools.lru_cache(16)  # by identity: those of options that many small fits share
def compiled_model(model: Model) -> descent.CompiledModel:
    """Return a Model as the compiled kernels read it."""
    return descent.CompiledModel(
        loss=model.loss,
        c=model.c,
        l2=model.l2,
        l1=model.l1,
        intercept=model.intercept,
        rule=model.rule,
        corrected=model.formula.corrected,
        linear=model.formula.linear,
        mu=model.mu,
        rho=model.rho,
        eps=model.eps,
        decay=model.decay,
        clip_norm=model.clip_norm,
        clip_value=model.clip_value,
        coupled=model.formulas.coupled,
        checked=model.checked,
        factors=model.factors,
        low=model.low,
        high=model.high,
    )


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        X, Y = problem.X, problem.Y
        (n, d), k = X.shape, Y.shape[1]
        self.n = n
        self.G = np.empty((k, d + 1))
        columns = targets = None
        if by_columns and d <= FEW_FEATURES and not isinstance(X, CSR) and not model.formulas.coupled:
            columns, targets = np.ascontiguousarray(X.T), np.ascontiguousarray(Y.T)
        slab = slab_rows(n, k * (d + 1), len(X.data) if isinstance(X, CSR) else n * d)
        sums = np.zeros((-(-n // slab), 1 + k * (d + 1) + d + SPARE))
        gradients = n if isinstance(X, CSR) else 0  # of a mini-batch's rows; memory is taken where it is written
        scratch = np.empty(max(4 * SPAN, gradients) * k)
        self.problem, self.by_columns, self.X, self.model = problem, by_columns, X, model
        window = until = None
        if isinstance(X, CSR) and model.lazy and model.l1 > 0:
            window, until = np.empty((3, self.settle_interval(1) + 1)), np.zeros(d, np.int32)
        self.helpers = min(n_threads, len(sums)) - 1
        self.groups: PointGroups | None = None  # of the last pass for several points
        self.pool: ThreadPoolExecutor | None = None
        self.process = os.getpid()  # of the pool: a forked child has none of its threads
        coupled = np.empty((len(sums), BLOCK * k)) if model.formulas.coupled else None
        self.passes = descent.Passes(
            X=X,
            Y=Y,
            weights=problem.weights,
            columns=columns,
            targets=targets,
            sums=sums,
            slab=slab,
            scratch=scratch,
            coupled=coupled,
            gradient=self.G,
            window=window,
            until=until,
        )
        self.compiled = compiled_model(model)

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        return self.epochs(state.for_kernels(), rates, costs, objective, 0)

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = True) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; with `gradient` the sum's is left in self.G."""
        sums = np.empty(3)
        self.epochs(KernelState(W, b, sums), NO_STEP, sums, True, 1 + gradient)
        return float(sums[0]), float(sums[1])

    def epochs(
        self,
        state: KernelState,
        rates: NDArray[np.float64],
        costs: NDArray[np.float64],
        objective: bool,
        look: int,
    ) -> int:
        """Call `descent.batch`."""
        call = self.passes, self.compiled, state.W, state, rates, costs, objective, look
        return descent.batch(*call) if self.helpers < 1 else self.with_helpers(state, descent.batch, *call)

    def with_helpers(self, state: KernelState, kernel: Callable[..., int], *arguments: Any) -> int:
        """Call a kernel with helpers that share its passes."""
        crew, pool = descent.Crew(), self.threads()
        try:
            serving = [pool.submit(crew.serve, self.passes, self.compiled, state) for _ in range(self.helpers)]
            result = kernel(*arguments, crew)
        finally:
            crew.close()  # else helpers would wait for ever after an error, or a second Ctrl-C
        for helper in serving:
            helper.result()
        return result

    def threads(self) -> "ThreadPoolExecutor":
        """Return the helpers, which are started where they are first needed."""
        if self.pool is None or self.process != os.getpid():
            from concurrent.futures import ThreadPoolExecutor  # not at every import of gdfast

            self.pool, self.process = ThreadPoolExecutor(self.helpers), os.getpid()
        return self.pool

    def sums_at_points(
        self, points: NDArray[np.float64], costs: bool = True
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the sum of s_i loss_i at each point (without costs None) and its gradient; EndIsDueError ends it."""
        count, (k, width) = len(points), points.shape[1:]
        parts = point_parts(self.n, k * width)
        if self.groups is None or (self.groups.count, len(self.groups.parts)) != (count, parts):
            self.groups = PointGroups(count, k, width, parts)
        groups = self.groups
        groups.begin(points)
        length = -(-self.n // parts)
        # Rows of each part in one call of all threads, between two of which the end may be due.
        at_once = min(count, MOST_POINTS) * k * width * POINTS_ROWS * max(1, parts // (self.helpers + 1))
        rows = POINTS_ROWS * max(1, POINTS_CALL // at_once)
        for first in range(0, length, rows):
            end_here_if_due()
            tasks = deque(
                (part * length + first, min(part * length + min(first + rows, length), self.n), group)
                for part, of_part in enumerate(groups.parts)
                for group in of_part
            )
            helping = [self.threads().submit(self.add_rows, costs, tasks) for _ in range(self.helpers)]
            self.add_rows(costs, tasks)
            for helper in helping:
                helper.result()
        return groups.totals() if costs else None, groups.gradients()

    def add_rows(self, costs: bool, tasks: "deque[tuple[int, int, PointSums]]") -> None:
        """Add rows to the sums of some points, as long as there are any left to add."""
        while tasks:
            try:
                first, stop, group = tasks.popleft()
            except IndexError:  # another thread took the last
                return
            if first < stop:
                descent.sums_at_points(
                    self.passes, self.compiled, first, stop, group.W, group.workspace, group.sums, group.gradient, costs
                )

    def close(self) -> None:
        """End the threads, if there are any; the next call starts them again."""
        if self.pool is not None and self.process == os.getpid():
            self.pool.shutdown()
        self.pool = None

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J at W and b; with `gradient` as `sums_at` leaves it in self.G."""
        total, extra = self.sums_at(W, b, gradient)
        return float(total / self.n + extra)

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""
        every = self.settle_interval(state.batch_size or 1)
        fields, order = state.for_kernels(), state.sample_order()
        call = self.passes, self.compiled, state.W, fields, order, updates, every
        if self.helpers < 1 or (state.batch_size or 1) < SHARED_BATCH:
            return descent.stochastic(*call)
        return self.with_helpers(fields, descent.stochastic, *call)

    def can_run_together(self, states: Sequence[State], models: Sequence[Model] | None = None) -> bool:
        """Tell whether `stochastic_together` takes each row once for such configurations."""
        models = [self.model] if models is None else [self.model, *models]
        return (
            len(states) > 1
            and all(map(simple, models))
            and similar(models)
            and same_order(states)
            and not isinstance(self.X, CSR)
            and self.X.dtype == np.float64
        )

    def stochastic_together(
        self, states: Sequence[State], updates: Sequence[Updates], models: Sequence[Model] | None = None
    ) -> list[int]:
        """Run updates of several configurations, side by side where that is possible."""
        if len({update.steps for update in updates}) > 1 or not self.can_run_together(states, models):
            return one_by_one(self, states, updates, models)
        l2 = np.array([model.l2 for model in models or [self.model] * len(states)])
        results = []
        for first in range(0, len(states), MOST_TOGETHER):
            part = slice(first, first + MOST_TOGETHER)
            results += run_side_by_side(self.passes, self.compiled, l2[part], states[part], updates[part])
        return results

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""
        lazy = self.model.lazy and (batch_size == 1 or not (self.model.l1 > 0 or self.model.averaging))
        return settle_interval(self.X, lazy, batch_size)

    def steps_of_call(self, state: State, steps: int) -> int:
        """Return about so many updates, after which a call may end within an epoch."""
        return multiple_of(self.settle_interval(state.batch_size or 1), steps)


class PointSums:
    """What a pass for several points adds up, the points side by side: src/c/points.h."""

    def __init__(self, W: NDArray[np.float64]) -> None:
        k, width, padded = W.shape
        self.W = W  # which the sums of all parts of the rows share
        self.workspace = np.empty((k + 4) * POINTS_ROWS * padded)
        self.both = np.empty(2 * padded * (1 + k * width))
        self.sums = self.both[: 2 * padded].reshape(2, padded)
        self.gradient = self.both[2 * padded :].reshape(2, k, width, padded)

    def add(self, other: "PointSums") -> None:
        """Add the sums of another part of the rows, and what rounding takes from them."""
        for mine, theirs in ((self.sums, other.sums), (self.gradient, other.gradient)):
            total = mine[0] + theirs[0]
            taken = total - mine[0]
            mine[1] += theirs[1] + ((mine[0] - (total - taken)) + (theirs[0] - taken))
            mine[0] = total


class PointGroups:
    """The sums of groups of points, at most MOST_POINTS in each, for each part of the rows."""

    def __init__(self, count: int, k: int, width: int, parts: int) -> None:
        self.count, self.starts = count, range(0, count, MOST_POINTS)
        sizes = [min(MOST_POINTS, count - first) for first in self.starts]
        weights = [np.empty((k, width, size + -size % POINTS_AT_ONCE)) for size in sizes]
        self.parts = [[PointSums(W) for W in weights] for _ in range(parts)]

    def begin(self, points: NDArray[np.float64]) -> None:
        """Take points (count, k, width), of which the last of a group is repeated, and begin at zero."""
        for first, group in zip(self.starts, self.parts[0], strict=True):
            part = points[first : first + MOST_POINTS]
            group.W[:, :, : len(part)] = part.transpose(1, 2, 0)
            if len(part) < group.W.shape[2]:
                group.W[:, :, len(part) :] = part[-1, :, :, None]
        for of_part in self.parts:
            for group in of_part:
                group.both.fill(0.0)

    def totals(self) -> NDArray[np.float64]:
        """Return the sums (count,), after which the gradients can be asked for."""
        return np.concatenate([group.sums[0] + group.sums[1] for group in self.merged()])[: self.count]

    def gradients(self) -> NDArray[np.float64]:
        """Return the gradients (count, k, width)."""
        found = [(group.gradient[0] + group.gradient[1]).transpose(2, 0, 1) for group in self.merged()]
        return np.concatenate(found)[: self.count]

    def merged(self) -> list[PointSums]:
        """Return the sums over all rows: those of the parts, in their order, which are then zero."""
        first, *others = self.parts
        for of_part in others:
            for mine, theirs in zip(first, of_part, strict=True):
                mine.add(theirs)
                theirs.both.fill(0.0)
        return first


def point_parts(n: int, numbers: int) -> int:
    """Return how many parts of the rows have sums of their own: no bit depends on the threads that share them."""
    return max(1, min(MOST_PARTS, n // LEAST_POINT_ROWS, SLAB_NUMBERS // (2 * MOST_POINTS * numbers)))


def run_side_by_side(
    passes: descent.Passes,
    compiled: descent.CompiledModel,
    l2: NDArray[np.float64],
    states: Sequence[State],
    updates: Sequence[Updates],
) -> list[int]:
    """Run updates of at most MOST_TOGETHER configurations, and return what `stochastic` returns for each."""
    first, count = states[0], len(states)
    d = first.W.shape[1]
    workspace = descent.workspace_of(d, first.batch_size != 1)
    rows, ended = workspace[:2]
    columns = rows[len(rows) - d - 2 :]
    for i, state in enumerate(states):
        columns[:d, i], columns[d, i], columns[d + 1, i] = state.W[0], state.b[0], state.sums[0]
    results = np.empty(count, np.int64)
    steps, coefficients = updates[0].steps, np.empty(d)
    descent.stochastic_together(
        passes, compiled, coefficients, workspace, first.sample_order(), list(updates), l2, results
    )
    within = (first.position + steps) % first.steps_per_epoch > 0
    for i, state in enumerate(states):
        column = columns[:, i] if results[i] >= 0 else ended[:, i]
        state.W[0], state.b[0], state.sums[0] = column[:d], column[d], column[d + 1]
        if within and state.order is not first.order:  # a whole epoch's end leaves nothing to be read in it
            state.order[:] = first.order
    return [int(result) for result in results]


def slab_rows(n: int, width: int, values: int) -> int:
    """Return the rows of a slab: fixed by the data alone, so that no bit depends on the threads that share slabs.

    A slab of sparse rows holds so many values at least that adding up its sums costs less than they do.
    """
    slabs = min(MOST_SLABS, -(-n // LEAST_ROWS), max(1, SLAB_NUMBERS // width), max(1, values // (2 * width)))
    return -(-n // slabs)
