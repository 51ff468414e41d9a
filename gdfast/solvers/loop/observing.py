"""What is computed at the end of an epoch and by no kernel: validation, gradient, rows of the history."""

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.state import State
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.rates import Rates
from gdfast.solvers.loop.recording import Recorder
from gdfast.solvers.plan import Plan

__all__ = ["Best", "Observation", "Observer"]


class Best(NamedTuple):
    """The lowest validation cost so far."""

    cost: float
    epoch: int
    W: NDArray[Any]
    b: NDArray[np.float64]


class Observation(NamedTuple):
    """What was computed where an epoch ended."""

    bad: bool = False  # J is not finite
    cost: float | None = None  # J, where the kernels have not computed it
    watched: float | None = None  # the cost for the stopping rule and the plateau, where the kernels do not compute it
    at_minimum: bool = False  # the gradient is as small as gradient_tol


class Observer:
    """Evaluates the iterate where an epoch ends, and makes the history's rows that hold more than the cost."""

    def __init__(self, plan: Plan, state: State, evaluator: Evaluator, recorder: Recorder, rates: Rates) -> None:
        self.plan, self.state, self.evaluator, self.recorder, self.rates = plan, state, evaluator, recorder, rates
        self.every_epoch = plan.validation is not None or plan.gradient_tol is not None
        self.best: Best | None = None
        self.seconds_before, self.started = 0.0, time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a continuation included."""
        return self.seconds_before + time.perf_counter() - self.started

    @property
    def active(self) -> bool:
        """Whether anything is asked for."""
        return self.every_epoch or self.recorder.by_rows

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one to observe, or None."""
        return epoch + 1 if self.every_epoch else self.recorder.next_stop(epoch)

    def observe(self) -> Observation:
        """Compute what is asked for of an epoch that has just ended."""
        plan, epoch, due = self.plan, self.state.epoch, self.recorder.due(self.state.epoch)
        latest, known, cost = self.recorder.latest, self.validated(), None
        norm = plan.gradient_tol is not None or (due and "gradient_norm" in plan.record)
        wanted = plan.objective and (due or self.every_epoch)
        if norm or (wanted and epoch not in latest):
            J = self.evaluator.objective(self.state.W, self.state.b, norm)
            if self.evaluator.overflows(J):
                return Observation(bad=True)
            if norm:
                known["gradient_norm"] = self.evaluator.gradient_norm(self.state.W)
            if plan.objective:
                J = latest.setdefault(epoch, J)
                cost = J if plan.stochastic else None
        if due and self.recorder.history is not None:
            self.recorder.history.add_row(epoch, self.row(known))
        watched = known.get("validation_cost")
        if watched is None and wanted and plan.stochastic:
            watched = latest.get(epoch)
        at_minimum = plan.gradient_tol is not None and known["gradient_norm"] <= plan.gradient_tol
        return Observation(False, cost, watched, at_minimum)

    def validated(self) -> dict[str, Any]:
        """Return the validation cost of coef as the beginning of a row, and remember the lowest."""
        if self.plan.validation is None:
            return {}
        W, b = self.state.estimate()
        cost = self.evaluator.validation_cost(W, b)
        if self.best is None or cost < self.best.cost:
            self.best = Best(cost, self.state.epoch, W, b)
        return {"validation_cost": cost}

    def row(self, known: dict[str, Any]) -> dict[str, Any]:
        """Return the history's row of the epoch that has just ended."""
        rate = self.rates.last() if self.state.epoch else np.nan
        known |= {"seconds": self.seconds, "learning_rate": rate}
        return self.recorder.row(self.state.epoch, self.state.W, self.state.b, known)

    def last_row(self) -> dict[str, Any] | None:
        """Return the history's row of the last epoch, None where it exists or cannot be computed."""
        epoch, latest = self.state.epoch, self.recorder.latest
        if self.recorder.history is not None and self.recorder.history.last == epoch:
            return None
        if not self.recorder.by_rows:
            return {"cost": latest[epoch]} if epoch in latest else None
        if self.state.position > 0:
            return None
        known: dict[str, Any] = {}
        if "gradient_norm" in self.plan.record:
            self.evaluator.objective(self.state.W, self.state.b, True)
            known["gradient_norm"] = self.evaluator.gradient_norm(self.state.W)
        return self.row(known | self.validated())
