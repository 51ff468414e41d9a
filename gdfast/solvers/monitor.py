"""What is done between two calls of the kernels: Ctrl-C, time limit, callbacks, progress, checkpoints."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from gdfast.backends.interrupt import Interrupt
from gdfast.options.callbacks import CallbackState
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.progress import ProgressBar

__all__ = ["Monitor"]

logger = logging.getLogger("gdfast")
CALLBACK_SECONDS = 0.02  # between two calls of on_chunk where callback_every is None

Write = Callable[[Descent], None]


class Monitor:
    """Runs a Descent to its end, and calls what is due between its chunks of epochs."""

    def __init__(self, descent: Descent, progress: bool, write: Write | None, started: float) -> None:
        self.descent, self.plan, self.write, self.started = descent, descent.plan, write, started
        self.progress = ProgressBar(descent.epochs, progress, descent.state.epoch)
        allowed = math.inf if self.plan.max_seconds is None else self.plan.max_seconds
        self.interrupt = Interrupt(started + allowed)
        descent.shows_costs = progress
        self.last_call = self.last_write = time.perf_counter()
        self.last_epoch = self.written = descent.state.epoch

    def run(self) -> None:
        """Run to the end; the last checkpoint is written by `run_solver`."""
        descent = self.descent
        logger.debug("descent from epoch %d to %d on %s", descent.state.epoch, descent.epochs, self.plan.backend)
        with self.interrupt, self.progress:
            descent.begin()
            if self.write is not None:
                self.write(descent)
            self.call_callbacks("on_start")
            descent.run(self.between_chunks)
            self.progress.show(descent.state.epoch, descent.last_rate, descent.latest)
            self.call_callbacks("on_end")
        logger.debug("ended after epoch %d: %s", descent.state.epoch, descent.reason or StopReason.EPOCHS)

    def between_chunks(self) -> StopReason | None:
        """Do what is due, and return the reason to stop, if there is one."""
        descent = self.descent
        self.progress.show(descent.state.epoch, descent.last_rate, descent.latest)
        asked = self.plan.callbacks and self.callback_due() and self.call_callbacks("on_chunk")
        if self.write is not None and self.write_due():
            self.write(descent)
            self.last_write, self.written = time.perf_counter(), descent.state.epoch
        if self.interrupt.pressed:
            return StopReason.INTERRUPTED
        if asked:
            return StopReason.CALLBACK
        return StopReason.MAX_SECONDS if self.interrupt.late else None

    def callback_due(self) -> bool:
        """Tell whether on_chunk is to be called."""
        state, every = self.descent.state, self.plan.callback_every
        if every is not None:
            due = state.position == 0 and state.epoch % every == 0 and state.epoch != self.last_epoch
            self.last_epoch = state.epoch if due else self.last_epoch
            return due
        return time.perf_counter() - self.last_call >= CALLBACK_SECONDS

    def write_due(self) -> bool:
        """Tell whether a checkpoint is to be written."""
        state, plan = self.descent.state, self.plan
        every, seconds = plan.checkpoint_every, plan.checkpoint_seconds
        counted = every is not None and state.position == 0 and state.epoch >= (self.written // every + 1) * every
        return counted or (seconds is not None and time.perf_counter() - self.last_write >= seconds)

    def call_callbacks(self, event: str) -> bool:
        """Call the callbacks for an event; return whether one of them asks to stop."""
        if not self.plan.callbacks:
            return False
        state = self.callback_state()
        answers = [callback.call(event, state) for callback in self.plan.callbacks]
        self.last_call = time.perf_counter()
        return any(answers)

    def callback_state(self) -> CallbackState:
        """Return the state that callbacks are given."""
        descent, state = self.descent, self.descent.state
        W, b = state.estimate()
        facts: dict[str, Any] = {"epoch": state.epoch, "epochs": descent.epochs, "steps": state.steps}
        facts["coef"], facts["intercept"] = descent.problem.shaped(W, b)
        facts |= {"learning_rate": descent.last_rate(), "seconds": time.perf_counter() - self.started}
        return CallbackState(lambda: descent.evaluator.objective(W, b), **facts)
