"""The closed form as a solver: the last epoch of the path, its result, and any epoch of it."""

import math
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import load
from gdfast.backends.state import State
from gdfast.data.problem import BLOCKS, Dimensions, Problem
from gdfast.data.scaling import Scaling
from gdfast.options.learning_rates import CallableRates
from gdfast.results.run import Point, Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import BANDWIDTH, Need, Parameters, Result, Solver, needs_of_options
from gdfast.solvers.closed_form.factorization import Factors, factorize
from gdfast.solvers.closed_form.history import PathHistory
from gdfast.solvers.closed_form.modes import GradientDescentModes, make_modes
from gdfast.solvers.closed_form.path import Path
from gdfast.solvers.closed_form.saved_state import check_saved_state
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.plan import Plan

__all__ = ["ClosedForm", "path_of_loop"]

# Directions up to which a loop's rate is held against the path before training; beyond, the QR costs too much.
MOST_DIRECTIONS = 500
# Relative, between the coefficients of a callable's rates and of the same given again: far above rounding.
LARGEST_DIFFERENCE = 1e-6


# The cost model: seconds on a server core with AVX-512, measured by benchmarks/cost_model.py; tests hold the choices to
# what it printed. On slower cores all of them grow, and only their ratios matter.
# The calls of a closed form more than those of a loop, and of one whose factors are no plain powers.
CALLS, MORE_CALLS = 1e-4, 1.5e-4
# Of a QR a row, and a value of it times the row's width; of an SVD a direction, and the cube of their number.
QR_ROW, QR, SVD_ROW, SVD = 22e-9, 0.14e-9, 2.5e-6, 0.4e-9
# An epoch, and each direction of it: powers, momentum's cosines, products of changing rates; and what momentum under
# changing rates adds to an epoch.
POWERS, WAVES, PRODUCTS, RECURRENCE = (0.3e-9, 0.07e-9), (230e-9, 33e-9), (50e-9, 48e-9), 4e-6


def make_path(data: Dimensions, plan: Plan, factors: Factors) -> Path:
    """Return the Path of a plan."""
    start = np.asarray(plan.coef.T, dtype=np.float64)
    if plan.model.intercept:
        start = np.vstack([start, plan.intercept])
    modes = make_modes(factors.curvatures, plan.model, plan.rates, load(plan.backend).power_costs)
    largest = float(np.finfo(data.dtype).max) if data.dtype == np.float32 else math.inf
    return Path(factors, start, modes, data.n, largest)


def path_of_loop(problem: Problem, plan: Plan) -> Path | None:
    """Return the path of a plan that the loop will run, None where its QR would cost too much."""
    if problem.X.shape[1] > MOST_DIRECTIONS or problem.blocks is not None:
        return None
    return make_path(problem.dimensions, plan, factorize(problem, plan.model))


class ClosedForm(Solver):
    """The path of full-batch descent on a squared error, from one QR of the data."""

    name = "closed_form"
    needs = (
        Need("a Summary, or the rows of X and y in memory", lambda data, plan: data.stand_in != BLOCKS),
        Need("a dense X", lambda data, plan: not data.sparse),
        Need("loss='squared_error'", lambda data, plan: plan.model.formulas.quadratic),
        Need("the full batch (batch_size=None)", lambda data, plan: plan.batch_size is None),
        Need("penalty None or 'l2'", lambda data, plan: plan.model.l1 == 0),
        Need("an optimizer of gd, momentum and nesterov", lambda data, plan: not plan.model.formula.adaptive),
        Need("no ReduceOnPlateau", lambda data, plan: plan.rates.plateau is None),
        Need("on_divergence 'warn' or 'raise'", lambda data, plan: plan.on_divergence != "backtrack"),
        Need("history 'objective' or 'none' with a penalty", lambda data, plan: plan.objective or plan.model.l2 == 0),
        *needs_of_options(name),
    )

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.begin(problem.dimensions, plan, factorize(problem, plan.model))

    def begin(self, data: Dimensions, plan: Plan, factors: Factors) -> None:
        """Stand at the start."""
        self.data, self.plan, self.factors = data, plan, factors
        self.path = make_path(data, plan, factors)
        self.first = 0  # the epoch from which on progress is counted
        self.last = 0
        self.stopped: StopReason | None = None  # why before the last epoch asked for
        self.resumed_at = 0
        self.diverged_at: int | None = None
        self.seconds_before = self.seconds_now = 0.0
        if not self.path.finite(0):
            raise ValueError(
                "the cost is not finite at the start: the values of X, y, coef_init or intercept_init are too large; "
                "scale X and y, or start nearer to zero"
            )

    @classmethod
    def seconds(cls, data: Dimensions, plan: Plan, bandwidth: float = BANDWIDTH) -> float:
        """Return about how long the QR and the epochs' costs take."""
        p, r = data.d + 1, min(data.n, data.d + 1)
        constant, plain = plan.rates.constant is not None, plan.model.mu == 0
        epoch, direction = (POWERS if plain else WAVES) if constant else PRODUCTS
        factors = data.n * (QR_ROW + QR * p * (p + data.k)) + SVD_ROW * r + SVD * r * r * p
        calls = CALLS if constant and plain else CALLS + MORE_CALLS
        epoch += r * direction + (0.0 if constant or plain else RECURRENCE)
        return calls + factors + plan.epochs * epoch

    @classmethod
    def without_data(cls, run: Run) -> Dimensions | None:
        """Return the dimensions of a Run that holds its factors; one from a file of an older gdfast does not."""
        check_saved_state(run)
        if "factors" not in run.state:
            return None
        several = run.coef.ndim == 2
        k, n = len(run.coef) if several else 1, run.state["factors"]["n"]
        scaling = Scaling(**run.state["scaling"]) if "scaling" in run.state else None
        return Dimensions(n, run.coef.shape[-1], k, run.coef.dtype, False, several, scaling)

    @classmethod
    def resumed(cls, run: Run, problem: Problem | None, plan: Plan) -> Self:
        """Return the path of a Run, from the factors that it holds or from the data."""
        data = cls.without_data(run)
        if data is not None:
            factors = Factors(**run.state["factors"])
        elif problem is not None:
            data, factors = problem.dimensions, factorize(problem, plan.model)
        else:
            raise ValueError("the closed form of an older file is resumed with the data; give X and y")
        path = object.__new__(cls)
        path.begin(data, plan, factors)
        path.first, path.last, path.diverged_at = run.state["first"], run.epochs, run.diverged_at
        path.resumed_at, path.seconds_before = run.epochs, run.seconds
        if isinstance(plan.rates, CallableRates) and "rates" not in run.state:
            check_same_rates(path, run)
        return path

    @classmethod
    def end_state(cls, run: Run) -> dict[str, Any]:
        """Return the State that the loop would have at the end of a Run, as a snapshot."""
        problem, plan = run.data.problem, run.data.plan
        path = cls.resumed(run, problem, plan)
        state = State(problem, plan.model, *path.parameters(path.last))
        if state.M.size:
            with np.errstate(over="ignore", invalid="ignore"):
                state.M[:, : len(path.path.start)] = path.momentum().T
        state.steps = state.epoch = path.last
        return state.snapshot()

    def momentum(self) -> NDArray[np.float64]:
        """Return the momentum m of the last update (p, k), from the last step that the iterate took."""
        rates, mu, theta = self.plan.rates, self.plan.model.mu, self.path.parameters
        if rates.constant is None:
            moves = np.flatnonzero(rates.take(0, self.last))
            moved = int(moves[-1]) + 1 if len(moves) else 0
        else:
            moved = self.last
        m = np.zeros_like(theta(moved))
        if moved > 0:
            step = (theta(moved - 1) - theta(moved)) / rates.take(moved - 1, 1)[0]
            g = self.factors.gradient(theta(moved - 1))
            if not self.plan.model.formula.looks_ahead:
                m = step
            else:
                m = (step - g) / mu if mu > 0 else g  # the step is g + mu m
        left = mu ** (self.last - moved)  # at a rate of zero m alone changes: to mu m + g
        return left * m + (1.0 - left) / (1.0 - mu) * self.factors.gradient(theta(self.last))

    def run(self, monitor: Monitor) -> None:
        """Find the last epoch: the one asked for, the one before divergence, or where there is no progress."""
        with monitor.progress_bar(self.last) as bar, monitor.interrupt:
            self.find_end(self.plan.epochs, monitor)
            bar.show(self.last)
        self.seconds_now = monitor.seconds

    def find_end(self, epochs: int, monitor: Monitor) -> None:
        """Set `last`, and why it is that."""
        self.last, self.stopped, self.diverged_at = epochs, None, None
        scanned = self.plan.rates.constant is None or (self.plan.tol is not None and not self.shrinks_evenly)
        if scanned:
            self.scan(epochs, monitor)
        diverged = None if scanned and self.path.largest == math.inf else self.path.diverged_epoch(self.last)
        stop = None if scanned or self.plan.tol is None else self.stop_epoch(self.plan.tol)
        if stop is not None and stop <= (epochs if diverged is None else diverged - 1):
            self.last, self.stopped = stop, StopReason.TOL
        elif diverged is not None:
            self.last, self.stopped, self.diverged_at = diverged - 1, None, diverged

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

    def scan(self, epochs: int, monitor: Monitor) -> None:
        """Look at every cost in turn, for one that is not finite or for no progress, until the end is due.

        A resumed scan gets beyond where it was resumed, however short its time: it begins anew.
        """
        watch, n = self.plan.stopping_rule(), self.data.n
        for first, costs in self.path.cost_blocks(self.first, epochs):
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(costs * n))
            known = costs[: bad[0]] if len(bad) else costs
            stop = None if watch is None else watch.update(known)
            if stop is not None and first + stop + self.running <= epochs:
                self.last, self.stopped = first + stop + self.running, StopReason.TOL
                return
            if len(bad):
                self.last, self.diverged_at = first + len(known) - 1, first + len(known)
                return
            done, reason = first + len(costs) - 1, monitor.end_due
            if reason is not None and self.resumed_at < done < epochs:
                self.last, self.stopped = done, reason
                return

    def result(self) -> Result:
        """Return what is known after the last epoch."""
        last, W, b = self.last, *self.parameters(self.last)
        grid = self.plan.grid
        reason = self.stopped or StopReason.EPOCHS
        return Result(
            estimate=(W, b),
            iterate=(W, b),
            cost=self.path.cost(last),
            epochs=last,
            steps=last,
            seconds=self.seconds_before + self.seconds_now,
            stop_reason=reason if self.diverged_at is None else StopReason.DIVERGED,
            diverged_at=self.diverged_at,
            best_epoch=None,
            history=None
            if grid is None
            else PathHistory(self.path, grid, self.plan.history_limit, last, self.running > 0),
            state=self.state(),
        )

    def last_rate(self) -> float:
        """Return the rate of the last update, or of the one that was bad."""
        return float(self.plan.rates.take((self.diverged_at or max(1, self.last)) - 1, 1)[0])

    def state(self) -> dict[str, Any]:
        """Return what resuming needs: with the factors, no data."""
        # After tol progress is counted anew; else training continues as one fit.
        first = self.last if self.stopped is StopReason.TOL else self.first
        asked_for = self.last if self.stopped in (None, StopReason.TOL) else self.plan.epochs
        kept: dict[str, Any] = {"first": first, "epochs": asked_for}
        kept["factors"] = {field.name: getattr(self.factors, field.name) for field in fields(self.factors)}
        if self.data.scaling is not None:
            kept["scaling"] = {field.name: getattr(self.data.scaling, field.name) for field in fields(Scaling)}
        # A file cannot hold a callable, and its rates up to here are part of the path.
        return kept | self.plan.rates.state(0)

    def parameters(self, epoch: int) -> Parameters:
        """Return coefficients (k, d) and intercepts (k,) after an epoch."""
        d, found = self.data.d, self.path.parameters(epoch)
        b = found[d].copy() if self.plan.model.intercept else np.zeros(found.shape[1])
        return np.ascontiguousarray(found[:d].T).astype(self.data.dtype, copy=False), b

    def objective(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return J from the factors."""
        theta = np.asarray(W.T, dtype=np.float64)
        return self.path.factors.objective(np.vstack([theta, b]) if self.plan.model.intercept else theta)

    def at(self, epoch: int) -> Point | None:
        """Return where the path is after an epoch, before or after its end."""
        length = self.plan.rates.length
        if length is not None and epoch > length:
            raise ValueError(
                f"epoch={epoch} is past the {length} rates that this Run has; fit with more of them, or resume it"
            )
        if not self.path.finite(epoch):
            raise ValueError(f"epoch={epoch} lies where this diverging path has overflowed; ask for an earlier one")
        return Point(*self.data.shaped(*self.parameters(epoch)), self.path.cost(epoch))


def check_same_rates(path: ClosedForm, run: Run) -> None:
    """Raise an error where a callable, given again to a file that holds no rates, leads to other coefficients."""
    found = path.data.shaped(*path.parameters(run.epochs))
    allowed = LARGEST_DIFFERENCE * float(np.abs(run.last_coef).max())
    if not all(
        map(lambda a, b: np.allclose(a, b, LARGEST_DIFFERENCE, allowed), found, (run.last_coef, run.last_intercept))
    ):
        raise ValueError(
            f"learning_rate is not the callable that this Run was fitted with: up to epoch {run.epochs} it leads to "
            "other coefficients; give the same callable, or fit anew with coef_init"
        )
