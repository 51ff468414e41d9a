"""The closed form as a solver: where the path ends, its state there, and its costs when they are asked for."""

import math
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import load
from gdfast.data.problem import Problem
from gdfast.options.learning_rates import CallableRates
from gdfast.results.history import LogGrid, StepGrid
from gdfast.results.run import Point
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.closed_form.factorization import Factors, factorize
from gdfast.solvers.closed_form.modes import Epochs, GradientDescentModes, make_modes
from gdfast.solvers.closed_form.path import Path
from gdfast.solvers.plan import Plan

__all__ = ["ClosedForm", "path_of_loop"]

# Directions up to which a loop's rate is held against the path before training; beyond, the QR costs too much.
MOST_DIRECTIONS = 500


def make_path(problem: Problem, plan: Plan, factors: Factors) -> Path:
    """Return the Path of a plan."""
    start = np.asarray(plan.coef.T, dtype=np.float64)
    if plan.model.intercept:
        start = np.vstack([start, plan.intercept])
    modes = make_modes(factors.curvatures, plan.model, plan.rates, load(plan.backend).power_costs)
    dtype = problem.X.dtype
    largest = float(np.finfo(dtype).max) if dtype == np.float32 else math.inf
    return Path(factors, start, modes, len(problem.X), largest)


def path_of_loop(problem: Problem, plan: Plan) -> Path | None:
    """Return the path of a plan that the loop will run, None where its QR would cost too much."""
    if problem.X.shape[1] > MOST_DIRECTIONS:
        return None
    return make_path(problem, plan, factorize(problem, plan.model))


class Costs:
    """The costs of a path's recorded epochs, made when they are asked for."""

    def __init__(self, path: Path, grid: StepGrid | LogGrid, limit: int, last: int, running: bool) -> None:
        self.path, self.last, self.first = path, last, int(running)
        while self.rows(grid) > limit:
            grid = grid.thinned()
        self.on_grid: Epochs
        if isinstance(grid, StepGrid):
            self.on_grid = range(-(-self.first // grid.every) * grid.every, last + 1, grid.every)
        else:
            self.on_grid = grid.within(self.first, last + 1)

    def table(self) -> dict[str, NDArray[Any]]:
        """Return what is recorded beside the costs: nothing."""
        return {}

    def rows(self, grid: StepGrid | LogGrid) -> int:
        """Return how many rows count against the limit, as the loop counts them."""
        if not self.first:
            return grid.count(self.last)
        return grid.count(self.last + 1) - 1 + (len(grid.within(1, 2)) == 0)

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs: those on the grid, the first and the last."""
        if self.last < self.first:
            return np.empty(0, dtype=np.int64)
        grid = self.on_grid
        epochs = np.arange(grid.start, grid.stop, grid.step) if isinstance(grid, range) else grid
        for end in self.off_grid():
            epochs = np.insert(epochs, np.searchsorted(epochs, end), end)
        return epochs

    def off_grid(self) -> list[int]:
        """Return which of the first and the last epoch are not on the grid."""
        ends = {self.first, self.last}
        return sorted(ends - set(np.asarray(self.on_grid[:1]).tolist() + np.asarray(self.on_grid[-1:]).tolist()))

    def costs(self) -> NDArray[np.float64]:
        """Return J after the recorded epochs, or (running) before them."""
        if self.last < self.first:
            return np.empty(0)
        if isinstance(self.on_grid, range):
            grid: Epochs = range(self.on_grid.start - self.first, self.on_grid.stop - self.first, self.on_grid.step)
        else:
            grid = self.on_grid - self.first
        costs = self.path.costs(grid)
        for end in self.off_grid():
            costs = np.insert(costs, 0 if end == self.first else len(costs), self.path.cost(end - self.first))
        costs[-1] = self.path.cost(self.last - self.first)  # to the bit the cost of the Run
        return costs


class ClosedForm:
    """A Problem whose path is known: the same attributes as a Descent that has ended."""

    def __init__(self, problem: Problem, plan: Plan, factors: Factors, first: int = 0) -> None:
        self.problem, self.plan, self.factors, self.first = problem, plan, factors, first
        self.path = make_path(problem, plan, factors)
        self.stopped = False
        self.diverged_at: int | None = None
        self.best = None  # no validation here
        if not self.path.finite(0):
            raise ValueError(
                "the cost is not finite at the start: the values of X, y, coef_init or intercept_init are too large; "
                "scale X and y, or start nearer to zero"
            )

    def resumed(self, epochs: int, plan: Plan | None = None) -> "ClosedForm":
        """Return a path to resume from here; it has no end of its own."""
        # After tol progress is counted anew; else it continues as one fit.
        first = self.last if self.stopped else self.first
        return ClosedForm(self.problem, self.plan if plan is None else plan, self.factors, first)

    def run_to(self, epochs: int) -> None:
        """Find the last epoch: the one asked for, the one before a bad epoch, or where there is no progress."""
        self.last = epochs
        scanned = self.plan.rates.constant is None or (self.plan.tol is not None and not self.shrinks_evenly)
        if scanned:
            self.scan(epochs)
        bad = None if scanned and self.path.largest == math.inf else self.path.bad_epoch(self.last)
        stop = None if scanned or self.plan.tol is None else self.stop_epoch(self.plan.tol)
        if stop is not None and stop <= (epochs if bad is None else bad - 1):
            self.last, self.stopped = stop, True
        elif bad is not None:
            self.last, self.stopped, self.diverged_at = bad - 1, False, bad

    @property
    def shrinks_evenly(self) -> bool:
        """Whether the costs are convex in the epoch, so that progress only ever shrinks."""
        return isinstance(self.path.modes, GradientDescentModes)

    def stop_epoch(self, tol: float) -> int | None:
        """Return where progress has been less than tol for `patience` epochs in a row."""
        low, high = self.first, 2**53
        if not self.progress(high) < tol:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.progress(middle) < tol else (middle, high)
        return high + self.plan.patience - 1 + self.running

    @property
    def running(self) -> int:
        """1 where an epoch's cost is the one before it, else 0."""
        return int(not self.plan.objective)

    def progress(self, epoch: int) -> float:
        """Return J before an epoch minus J after it, computed as one sum."""
        modes, sizes = self.path.modes, self.path.sizes
        if not isinstance(modes, GradientDescentModes):
            raise TypeError("only powers have this sum")
        used = self.path.sizes > 0
        with np.errstate(over="ignore", invalid="ignore"):
            left = sizes[used] * np.exp((epoch - 1) * modes.log[used])
            terms = left * left * -np.expm1(2.0 * modes.log[used])
            total = 0.5 * float(terms.sum())
        return total if np.isfinite(total) else -np.inf

    def scan(self, epochs: int) -> None:
        """Look at every cost in turn, for a bad one or for no progress."""
        watch, n = self.plan.stopping_rule(), len(self.problem.X)
        for first, costs in self.path.cost_blocks(self.first, epochs):
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(costs * n))
            known = costs[: bad[0]] if len(bad) else costs
            stop = None if watch is None else watch.update(known)
            if stop is not None and first + stop + self.running <= epochs:
                self.last, self.stopped = first + stop + self.running, True
                return
            if len(bad):
                self.last, self.diverged_at = first + len(known) - 1, first + len(known)
                return

    @cached_property
    def state(self) -> Any:
        """The iterate at the end, as a State has it."""
        point = self.parameters(self.last)
        return SimpleNamespace(W=point[0], b=point[1], epoch=self.last, position=0, steps=self.last)

    def estimate(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coefficients (k, d) and intercepts (k,) at the end."""
        return self.state.W.copy(), self.state.b.copy()

    @property
    def reason(self) -> StopReason | None:
        """Why the path ended before the last epoch, or None."""
        if self.diverged_at is not None:
            return StopReason.DIVERGED
        return StopReason.TOL if self.stopped else None

    def saved_state(self) -> dict[str, Any]:
        """Return the state that resuming from here needs."""
        kept = {"first": self.last if self.stopped else self.first, "reason": self.reason, "epochs": self.last}
        rates = self.plan.rates
        # A file cannot hold the callable, and its rates up to here are part of the path.
        return kept | ({"rates": rates.take(0, self.last)} if isinstance(rates, CallableRates) else {})

    def parameters(self, epoch: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coefficients (k, d) and intercepts (k,) after an epoch."""
        d, found = self.problem.X.shape[1], self.path.parameters(epoch)
        b = found[d].copy() if self.plan.model.intercept else np.zeros(found.shape[1])
        return np.ascontiguousarray(found[:d].T).astype(self.problem.X.dtype, copy=False), b

    @property
    def final_cost(self) -> float:
        """J at the end."""
        return self.path.cost(self.last)

    @property
    def history(self) -> Costs | None:
        """The recorded costs."""
        if self.plan.grid is None:
            return None
        return Costs(self.path, self.plan.grid, self.plan.history_limit, self.last, not self.plan.objective)

    def at(self, epoch: int) -> Point:
        """Return where the path is after an epoch, before or after its end."""
        length = self.plan.rates.length
        if length is not None and epoch > length:
            raise ValueError(f"epoch={epoch} is past the {length} rates that learning_rate holds; give a longer array")
        if not self.path.finite(epoch):
            raise ValueError(f"epoch={epoch} lies where this diverging path has overflowed; ask for an earlier one")
        W, b = self.parameters(epoch)
        return Point(*self.problem.shaped(W, b), self.path.cost(epoch))
