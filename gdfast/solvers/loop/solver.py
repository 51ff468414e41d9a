"""The loop as a solver: epochs one by one, for every problem and every plan."""

from collections.abc import Hashable, Sequence
from contextlib import closing
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.together import simple
from gdfast.data.problem import Dimensions, Problem
from gdfast.results.history import Columns
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import BANDWIDTH, ROWS, Need, Parameters, Result, Solver
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.backtracking import Lowest
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.loop.observing import Best
from gdfast.solvers.loop.saved_state import check_saved_state
from gdfast.solvers.loop.together import run_together
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.plan import Plan
from gdfast.solvers.smoothness import spreads_rounding

__all__ = ["Loop"]

# The cost model (see ../closed_form/solver.py): an epoch's fixed seconds on each backend, those of a value of X in a
# cache, and as how many of them the loss of a row counts, if it is not the squared error.
EPOCH = {"cython": 5e-8, "numba": 2e-7, "numpy": 1.5e-5}
VALUE, LOSS = 0.12e-9, 10
CACHED = 2**24  # bytes of X beyond which it comes from memory in each epoch
READ = 8e-9  # seconds of a value that is read anew in each pass, of which there are two more than epochs
LEAST_SECONDS = 2.5e-5  # of a pass that loops share: updates by NumPy take a part of that for each of them
# Resumed after these, training counts epochs without progress anew; after the others, as if it had not stopped.
RESET_AFTER = (StopReason.TOL, StopReason.VALIDATION, StopReason.GRADIENT, StopReason.CALLBACK)


class Loop(Solver):
    """A Descent, and what a Run holds of it."""

    name = "loop"
    needs: ClassVar[tuple[Need, ...]] = (ROWS,)
    path = None

    def __init__(self, problem: Problem, plan: Plan, evaluator: Evaluator | None = None) -> None:
        self.problem, self.plan, self.data = problem, plan, problem.dimensions
        self.evaluator = Evaluator(problem, plan) if evaluator is None else evaluator
        self.descent = Descent(problem, plan, self.evaluator)
        self.state = self.descent.state

    @classmethod
    def seconds(cls, data: Dimensions, plan: Plan, bandwidth: float = BANDWIDTH) -> float:
        """Return about how long the epochs take."""
        width = data.d + (0 if plan.model.formulas.quadratic else LOSS)
        reading = (plan.epochs + 2) * READ * data.n * data.d if data.in_blocks else 0.0
        size = data.n * data.d * data.dtype.itemsize
        streaming = size / bandwidth if size > CACHED else 0.0
        return reading + plan.epochs * (EPOCH[plan.backend] + max(VALUE * data.n * width * data.k, streaming))

    @classmethod
    def shares(cls, problem: Problem, plan: Plan) -> Hashable:
        """Return what loops that can take each row at the same time have in common, None for one that cannot."""
        data, model = problem.dimensions, plan.model
        if data.stand_in or plan.callbacks or plan.on_divergence == "backtrack" or data.dtype != np.float64:
            return None
        common = id(problem), plan.backend, plan.n_threads, model.loss, model.custom, model.c
        if plan.stochastic:
            if not simple(model) or data.k > 1 or data.sparse:
                return None
            rate = plan.rates.constant
            if rate is not None and spreads_rounding(problem, model, plan.batch_size or 1, rate):
                return None
            order = plan.batch_size, plan.shuffle, plan.seed, plan.rates.by_step, plan.average_from is None
            return (*common, order, model.intercept)
        return common if Loop.seconds(data, plan) >= LEAST_SECONDS * plan.epochs else None

    @classmethod
    def run_together(cls, solvers: Sequence[Self], monitors: Sequence[Monitor]) -> list[Exception | None]:
        """Train loops that share passes; return for each why it could not be trained, or None."""
        return run_together(solvers, monitors)

    def run(self, monitor: Monitor) -> None:
        """Train up to the last epoch, or to an end before it."""
        monitor.attach(self)
        blocks = self.problem.blocks if self.plan.callbacks else None
        if blocks is not None:
            blocks.remember()
        with closing(self.evaluator), monitor:
            self.descent.run(monitor)
        if blocks is not None:
            blocks.check_held()  # which a callback may have changed

    def last_rate(self) -> float:
        """Return the rate of the last update, before the first that of the first."""
        return self.descent.rates.last()

    def last_cost(self) -> float | None:
        """Return the latest cost of the kind that the history has, None where there is none."""
        return self.descent.recorder.last_cost

    def estimate(self) -> Parameters:
        """Return coef (k, d) and intercept (k,): the iterate, its mean, or the best epoch's."""
        best = self.descent.observer.best
        if self.plan.restore_best and best is not None:
            return best.W.copy(), best.b.copy()
        return self.state.estimate()

    def result(self) -> Result:
        """Return what is known after the last epoch."""
        descent, state, best = self.descent, self.state, self.descent.observer.best
        iterate = state.W, state.b
        averaged = self.plan.average_from is not None or self.plan.restore_best
        return Result(
            estimate=self.estimate() if averaged else iterate,
            iterate=iterate,
            cost=descent.final_cost,
            epochs=state.epoch,
            steps=state.steps,
            seconds=descent.observer.seconds,
            stop_reason=descent.reason or StopReason.EPOCHS,
            diverged_at=descent.diverged_at,
            best_epoch=None if best is None else best.epoch,
            history=descent.recorder.history,
            state=self.saved_state(),
            failure=descent.failure,
        )

    def objective(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return J, by the kernels of the training."""
        return self.evaluator.objective(W, b)

    def at(self, epoch: int) -> None:
        """Return None: the loop knows the last epoch alone."""

    def saved_state(self) -> dict[str, Any]:
        """Return what resuming from here needs beside the data; its arrays are those of the state."""
        descent, cut = self.descent, self.state.position > 0
        best, lowest = descent.observer.best, descent.backtracking.lowest
        kept: dict[str, Any] = {
            "now": descent.snapshot(copied=False),
            "epochs": self.plan.epochs,
            **descent.recorder.state(),
        }
        kept["best"] = None if best is None else best._asdict()
        kept["lowest"] = None if lowest is None else lowest._asdict()
        kept["start"] = descent.chunks.epoch_start(descent.wanted) if cut else None  # of the epoch that was cut off
        kept["begun"] = self.state.epoch + cut
        kept["chunk_snapshot"] = descent.chunk_snapshot if cut and descent.backtracking.wanted else None
        kept["plateau_rate"] = descent.rates.plateau_rate
        earliest = self.state.epoch - 1 if lowest is None else lowest.anchor["state"]["epoch"] - 1
        return kept | self.plan.rates.state(max(0, min(earliest, self.state.epoch - 1)))

    @classmethod
    def without_data(cls, run: Run) -> None:
        """Return None: the loop needs the data."""

    @classmethod
    def resumed(cls, run: Run, problem: Problem | None, plan: Plan) -> Self:
        """Return the loop at the end of a Run."""
        if problem is None:
            raise ValueError("the loop is resumed with the data; give X and y")
        loop = cls(problem, plan)
        loop.check_saved(run)
        loop.restore(run.state, run.history)
        loop.descent.diverged_at, loop.descent.observer.seconds_before = run.diverged_at, run.seconds
        if run.stop_reason in RESET_AFTER:
            loop.descent.rules.reset_stopping(loop.watched_cost())
        return loop

    @classmethod
    def end_state(cls, run: Run) -> dict[str, Any]:
        """Return the State at the end of a Run as a snapshot."""
        snapshot: dict[str, Any] = run.state["now"]["state"]
        return snapshot

    def check_saved(self, run: Run) -> None:
        """Raise a FieldError unless a Run's state is one that this solver could have saved."""
        check_saved_state(run, self.state, self.plan)

    def watched_cost(self) -> float | None:
        """Return the cost that the stopping rule watches, at the iterate; None for running means."""
        if self.plan.validation is None:
            return self.descent.recorder.latest.get(self.state.epoch) if self.plan.objective else None
        return self.evaluator.validation_cost(*self.state.estimate())

    def restore(self, saved: dict[str, Any], columns: Columns) -> None:
        """Return to where a state was saved; nothing that it holds is written to."""
        descent, now = self.descent, saved["now"]
        descent.restore(now)
        descent.recorder.restore(saved, now["latest"], columns)
        descent.observer.best = None if saved["best"] is None else Best(**saved["best"])
        descent.backtracking.lowest = None if saved["lowest"] is None else Lowest(**saved["lowest"])
        descent.chunk_snapshot, descent.resumed = saved.get("chunk_snapshot") or descent.snapshot(), True
        descent.chunks.start = saved.get("start") or self.state.snapshot()
        descent.rates.plateau_rate = saved.get("plateau_rate", descent.rates.plateau_rate)

    def result_so_far(self) -> Result:
        """Return the result as if training were interrupted here; training is not changed by it."""
        here, copied = self.descent, type(self)(self.problem, self.plan, self.evaluator)
        copied.restore(self.saved_state(), {} if here.recorder.history is None else here.recorder.history.table())
        copied.descent.diverged_at, copied.descent.observer.seconds_before = here.diverged_at, here.observer.seconds
        while True:
            copied.descent.reason = StopReason.INTERRUPTED
            if copied.descent.finished():  # it may diverge there, and backtrack
                return copied.result()
