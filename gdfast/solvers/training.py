"""A solver's training from its start to the Run: progress, checkpoints, and what the Run holds of it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.closed_form.solver import ClosedForm
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.monitor import Monitor, Write
from gdfast.solvers.progress import ProgressBar

__all__ = ["EachEpoch", "FitCall", "Training", "run_solver", "run_step_by_step"]

# Called with an epoch's number, the cost before it, and the coefficients and intercept after it.
EachEpoch = Callable[[int, float, NDArray[Any], float], None]


class FitCall(NamedTuple):
    """A call of fit or resume, besides its problem and its plan."""

    options: dict[str, Any]
    fingerprint: Callable[[], str]  # of the data
    progress: bool
    started: float
    checkpoint: str | None  # its path


class Training(NamedTuple):
    """A solver that has ended and its call: what a Run in memory is resumed from."""

    solver: Descent | ClosedForm
    call: FitCall


def run_solver(solver: Descent | ClosedForm, epochs: int, call: FitCall) -> Run:
    """Run a solver up to an epoch, write its checkpoints, and return its Run."""
    if isinstance(solver, ClosedForm):
        with ProgressBar(epochs, call.progress) as bar:
            solver.run_to(epochs)
            bar.show(solver.last)
    else:
        Monitor(solver, call.progress, checkpoint_writer(call), call.started).run()
    run = make_run(solver, call)
    if call.checkpoint is not None:
        run.save(call.checkpoint)
    return run


def run_step_by_step(descent: Descent, each_epoch: EachEpoch, call: FitCall) -> Run:
    """Run the epochs of one output one by one, calling `each_epoch` after each, and return the Run."""
    descent.begin()
    for epoch in range(1, descent.plan.epochs + 1):
        descent.run_to(epoch, lambda: None)
        if descent.reason is not None:
            break
        each_epoch(epoch, descent.latest[epoch - 1], descent.state.W[0], float(descent.state.b[0]))
    descent.finish()
    return make_run(descent, call)


def checkpoint_writer(call: FitCall) -> Write | None:
    """Return what writes a checkpoint of a descent that is not finished."""
    if call.checkpoint is None:
        return None
    path = call.checkpoint

    def write(descent: Descent) -> None:
        copied = descent.resumed(descent.epochs)
        copied.reason = StopReason.INTERRUPTED
        copied.finish()
        make_run(copied, call).save(path)

    return write


def make_run(solver: Descent | ClosedForm, call: FitCall) -> Run:
    """Return the Run of a solver that has ended."""
    state, problem, plan = solver.state, solver.problem, solver.plan
    (W, b), last = solver.estimate(), (state.W, state.b)
    same = bool((last[0] == W).all() and (b == last[1]).all())
    cost: float | Callable[[], float] | None = solver.final_cost if same else None
    if cost is None and isinstance(solver, Descent):
        cost = partial(solver.evaluator.objective, W, b)
    seconds = solver.elapsed if isinstance(solver, Descent) else time.perf_counter() - call.started

    coef, intercept = problem.shaped(W, b)
    return Run(
        coef=coef,
        intercept=intercept,
        cost_source=np.nan if cost is None else cost,
        epochs=state.epoch,
        steps=state.steps,
        seconds=seconds,
        stop_reason=solver.reason or StopReason.EPOCHS,
        diverged_at=solver.diverged_at,
        solver="closed_form" if isinstance(solver, ClosedForm) else "loop",
        backend=plan.backend,
        seed=plan.seed,
        learning_rate=plan.rates.constant,
        settings=call.options,
        classes=problem.classes,
        last=None if same else problem.shaped(*last),
        best_epoch=None if solver.best is None else solver.best.epoch,
        validation_rows=plan.validation_rows,
        history_source=solver.history,
        memory_by=solver.saved_state,
        fingerprint_by=call.fingerprint,
        training=Training(solver, call),
        at_by=solver.at if isinstance(solver, ClosedForm) else None,
    )
