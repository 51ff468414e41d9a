"""The monitor of a training: Ctrl-C, time limit, callbacks, progress and checkpoints between two chunks."""

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.interrupt import Interrupt
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.options.callbacks import CallbackState
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.evaluation import objective_at
from gdfast.solvers.monitoring.callbacks import Callbacks
from gdfast.solvers.monitoring.checkpoints import Checkpoints
from gdfast.solvers.monitoring.progress import ProgressBar
from gdfast.solvers.plan import Plan

__all__ = ["Monitor"]


class Monitored(Protocol):
    """What a solver shows of itself between two chunks."""

    problem: Problem
    plan: Plan
    state: State

    def estimate(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coef (k, d) and intercept (k,)."""

    def last_rate(self) -> float:
        """Return the rate of the last update."""

    def last_cost(self) -> float | None:
        """Return the latest cost, None where there is none."""

    def result_so_far(self) -> Any:
        """Return the result as if training were interrupted here."""


class Monitor:
    """Watches a solver: says when a chunk must end, and does what is due after it."""

    def __init__(
        self, plan: Plan, started: float, progress: bool = False, write: Callable[[Any], None] | None = None
    ) -> None:
        self.plan, self.started, self.shows_costs = plan, started, progress
        self.interrupt = Interrupt(plan.deadline(started))
        self.callbacks = Callbacks(plan.callbacks, plan.callback_every)
        self.checkpoints = Checkpoints(write, plan.checkpoint_every, plan.checkpoint_seconds)
        self.solver: Any = None

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self.started

    @property
    def failure(self) -> OSError | None:
        """The error of a checkpoint that could not be written, None without one."""
        return self.checkpoints.failure

    @property
    def end_due(self) -> StopReason | None:
        """Why the training must end now, None if it need not."""
        if self.interrupt.pressed:
            return StopReason.INTERRUPTED
        return StopReason.MAX_SECONDS if self.interrupt.late else None

    def progress_bar(self, done: int) -> ProgressBar:
        """Return a progress bar of which so many epochs are done."""
        return ProgressBar(self.plan.epochs, self.shows_costs, done)

    def attach(self, solver: Monitored) -> None:
        """Take the solver that is about to run."""
        self.solver, epoch = solver, solver.state.epoch
        self.callbacks.last_epoch = self.checkpoints.written = epoch
        self.bar = self.progress_bar(epoch)
        log("descent from epoch %d to %d on %s", epoch, self.plan.epochs, self.plan.backend)

    def __enter__(self) -> Self:
        self.interrupt.__enter__()  # from here on Ctrl-C is noted instead of raised
        return self

    def __exit__(self, *error: Any) -> None:
        self.interrupt.__exit__(*error)
        self.bar.__exit__(*error)

    def start(self) -> None:
        """Write the first checkpoint and call on_start."""
        self.checkpoints.write(self.solver.result_so_far, self.solver.state.epoch)
        self.callbacks.call("on_start", self.callback_state)

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one at which a chunk must end, or None."""
        first, second = self.callbacks.next_stop(epoch), self.checkpoints.next_stop(epoch)
        return second if first is None else first if second is None else min(first, second)

    def between_chunks(self) -> StopReason | None:
        """Do what is due, and return the reason to stop, if there is one."""
        state = self.solver.state
        self.show_progress()
        stop_wanted = self.callbacks.due(state) and self.callbacks.call("on_chunk", self.callback_state)
        if self.checkpoints.due(state):
            self.checkpoints.write(self.solver.result_so_far, state.epoch)
        if stop_wanted and not self.interrupt.pressed:
            return StopReason.CALLBACK
        return self.end_due

    def end(self) -> None:
        """Show the last epoch and call on_end; the last checkpoint is the finished Run's."""
        self.show_progress()
        self.callbacks.call("on_end", self.callback_state)

    def show_progress(self) -> None:
        """Bring the progress bar up to date."""
        if self.shows_costs:
            self.bar.show(self.solver.state.epoch, self.solver.last_rate(), self.solver.last_cost())

    def callback_state(self) -> CallbackState:
        """Return the state that callbacks are given, whose cost may be asked for at any time, by any thread."""
        problem, plan, state = self.solver.problem, self.plan, self.solver.state
        W, b = self.solver.estimate()
        facts: dict[str, Any] = {"epoch": state.epoch, "epochs": plan.epochs, "steps": state.steps}
        facts["coef"], facts["intercept"] = problem.dimensions.shaped(W, b)
        facts |= {"learning_rate": self.solver.last_rate(), "seconds": self.seconds}
        return CallbackState(lambda: objective_at(problem, plan, W, b), **facts)


def log(message: str, *values: Any) -> None:
    """Write a debug message to the logger "gdfast"; where nobody has imported logging, nobody has asked for it."""
    if "logging" in sys.modules:
        import logging  # which takes as long to import as gdfast

        logging.getLogger("gdfast").debug(message, *values)
