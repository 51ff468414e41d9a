"""What is done between two chunks of updates: Ctrl-C, time limit, callbacks, progress, checkpoints."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.interrupt import Interrupt
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.options.callbacks import CallbackState
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.loop.evaluation import objective_at
from gdfast.solvers.plan import Plan
from gdfast.solvers.progress import ProgressBar

__all__ = ["Monitor"]

logger = logging.getLogger("gdfast")
CALLBACK_SECONDS = 0.02  # between two calls of on_chunk where callback_every is None


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
        self.plan, self.started, self.shows_costs, self.write = plan, started, progress, write
        allowed = math.inf if plan.max_seconds is None else plan.max_seconds
        self.interrupt = Interrupt(started + allowed)
        self.last_call = self.last_write = time.perf_counter()
        self.solver: Any = None

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self.started

    def progress_bar(self, done: int) -> ProgressBar:
        """Return a progress bar of which so many epochs are done."""
        return ProgressBar(self.plan.epochs, self.shows_costs, done)

    @contextmanager
    def watching(self, solver: Monitored) -> Iterator[None]:
        """Watch a solver that is about to run: Ctrl-C is noted instead of raised."""
        self.solver, epoch = solver, solver.state.epoch
        self.last_epoch = self.written = epoch
        logger.debug("descent from epoch %d to %d on %s", epoch, self.plan.epochs, self.plan.backend)
        with self.interrupt, self.progress_bar(epoch) as self.progress:
            yield

    def start(self) -> None:
        """Write the first checkpoint and call on_start."""
        if self.write is not None:
            self.write(self.solver.result_so_far())
        self.call_callbacks("on_start")

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one at which a chunk must end, or None."""
        counts = [every for every in (self.plan.callback_every, self.plan.checkpoint_every) if every]
        return min(((epoch // every + 1) * every for every in counts), default=None)

    def between_chunks(self) -> StopReason | None:
        """Do what is due, and return the reason to stop, if there is one."""
        self.show_progress()
        asked = self.plan.callbacks and self.callback_due() and self.call_callbacks("on_chunk")
        if self.write is not None and self.write_due():
            self.write(self.solver.result_so_far())
            self.last_write, self.written = time.perf_counter(), self.solver.state.epoch
        if self.interrupt.pressed:
            return StopReason.INTERRUPTED
        if asked:
            return StopReason.CALLBACK
        return StopReason.MAX_SECONDS if self.interrupt.late else None

    def end(self) -> None:
        """Show the last epoch and call on_end; the last checkpoint is the finished Run's."""
        self.show_progress()
        self.call_callbacks("on_end")

    def show_progress(self) -> None:
        """Bring the progress bar up to date."""
        if self.shows_costs:
            self.progress.show(self.solver.state.epoch, self.solver.last_rate(), self.solver.last_cost())

    def callback_due(self) -> bool:
        """Tell whether on_chunk is to be called."""
        state, every = self.solver.state, self.plan.callback_every
        if every is not None:
            due = state.position == 0 and state.epoch % every == 0 and state.epoch != self.last_epoch
            self.last_epoch = state.epoch if due else self.last_epoch
            return bool(due)
        return time.perf_counter() - self.last_call >= CALLBACK_SECONDS

    def write_due(self) -> bool:
        """Tell whether a checkpoint is to be written."""
        state, plan = self.solver.state, self.plan
        every, seconds = plan.checkpoint_every, plan.checkpoint_seconds
        counted = every is not None and state.position == 0 and state.epoch >= (self.written // every + 1) * every
        return bool(counted) or (seconds is not None and time.perf_counter() - self.last_write >= seconds)

    def call_callbacks(self, event: str) -> bool:
        """Call the callbacks for an event; return whether one of them asks to stop."""
        if not self.plan.callbacks:
            return False
        state = self.callback_state()
        answers = [callback.call(event, state) for callback in self.plan.callbacks]
        self.last_call = time.perf_counter()
        return any(answers)

    def callback_state(self) -> CallbackState:
        """Return the state that callbacks are given, whose cost may be asked for at any time, by any thread."""
        problem, plan, state = self.solver.problem, self.plan, self.solver.state
        W, b = self.solver.estimate()
        facts: dict[str, Any] = {"epoch": state.epoch, "epochs": plan.epochs, "steps": state.steps}
        facts["coef"], facts["intercept"] = problem.dimensions.shaped(W, b)
        facts |= {"learning_rate": self.solver.last_rate(), "seconds": self.seconds}
        return CallbackState(lambda: objective_at(problem, plan, W, b), **facts)
