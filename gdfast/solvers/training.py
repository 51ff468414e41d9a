"""A solver's training from its start to the Run: progress, checkpoints, and what the Run holds of it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.cached_property import cached_property
from gdfast.data.fingerprint import fingerprint
from gdfast.data.problem import Dimensions, Problem
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import Result, Solver
from gdfast.solvers.evaluation import objective_at
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.monitoring.growth import costs_if_grown
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.plan import Plan

__all__ = ["FitCall", "RowsResult", "TrainingData", "run_on_rows", "run_solver", "run_solvers"]


WITH_RUN = "What was done is the `run` of this error: save it elsewhere by run.save(path), or resume it"


class TrainingData:
    """What a Run has of its data while it is in this process: the problem and the plan that it was trained by."""

    def __init__(self, problem: Problem, plan: Plan, *given: Any) -> None:
        self.problem, self.plan, self.given = problem, plan, given

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of X, y and sample_weight as they were given."""
        return fingerprint(*self.given)

    def objective(self, coef: Any, intercept: Any) -> float:
        """Return J at a coef and an intercept as users have them."""
        W, b = np.array(coef, ndmin=2), np.array(intercept, np.float64, ndmin=1)
        if self.problem.scaling is not None:
            scaled, b = self.problem.scaling.to_scaled(W, b)
            W = scaled.astype(W.dtype)
        return objective_at(self.problem, self.plan, W, b)


class FitCall(NamedTuple):
    """A call of fit or resume, besides its solver."""

    settings: dict[str, Any]  # fit's arguments, as the Run shows them
    feature_names: tuple[str, ...] | None
    data: TrainingData | None  # None where a Run is resumed without
    fingerprint: str | None  # of the data, where it is known
    progress: bool
    started: float
    checkpoint: str | None  # its path


def run_solver(solver: Solver, call: FitCall) -> Run:
    """Run a solver to its end, write its checkpoints, and return its Run."""
    path, write = call.checkpoint, None
    if path is not None:

        def write(result: Result) -> None:
            make_run(result, solver, call).save(path)

    solver.run(Monitor(solver.plan, call.started, call.progress, write))
    return finished_run(solver, call)


class RowsResult(NamedTuple):
    """What is known after an epoch on rows that are not those of the epochs before."""

    solver: Solver
    coef: Any
    intercept: Any
    state: dict[str, Any]  # a snapshot of the loop's State: that of before the epoch, where it diverged
    stop_reason: StopReason


def run_on_rows(problem: Problem, plan: Plan, state: dict[str, Any] | None) -> RowsResult:
    """Run the last epoch of a plan by the loop, from the state that training on other rows had reached, or the start.

    Raises KeyboardInterrupt after Ctrl-C.
    """
    loop = Loop(problem, plan)
    if state is not None:
        loop.state.carry(state, plan.epochs - 1)
    loop.run(Monitor(plan, time.perf_counter()))
    reason = loop.descent.reason or StopReason.EPOCHS
    if reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt
    coef, intercept = problem.dimensions.shaped(*loop.estimate())
    check_units(coef, problem.dimensions)
    return RowsResult(loop, coef, intercept, loop.state.snapshot(), reason)


def run_solvers(solvers: Sequence[Solver], calls: Sequence[FitCall]) -> list[Run | Exception]:
    """Run solvers that share passes over the rows to their ends; return for each its Run, or why there is none."""
    monitors = [Monitor(solver.plan, call.started) for solver, call in zip(solvers, calls, strict=True)]
    results: list[Run | Exception] = []
    failures = type(solvers[0]).run_together(solvers, monitors)
    for solver, call, failure in zip(solvers, calls, failures, strict=True):
        try:
            results.append(finished_run(solver, call) if failure is None else failure)
        except (ValueError, OSError) as error:
            results.append(error)
    return results


def finished_run(solver: Solver, call: FitCall) -> Run:
    """Return the Run of a solver at its end, and write the last checkpoint."""
    result = solver.result()
    run, failure = make_run(result, solver, call), result.failure
    grown = costs_if_grown(run, result.estimate, None if call.data is None else call.data.problem, solver)
    if grown is not None:
        run = replace(run, start_cost=grown[0], known_cost=grown[1])
    if call.checkpoint is not None:
        failure = failure_to_save(run, call.checkpoint) or failure
    if failure is not None:
        vars(failure)["run"] = run
        failure.add_note(WITH_RUN)
        raise failure
    return run


def failure_to_save(run: Run, path: str) -> OSError | None:
    """Save a Run; return the error of the disk, None where it is saved."""
    try:
        run.save(path)
    except OSError as error:
        return error
    return None


def check_units(coef: NDArray[Any], data: Dimensions) -> None:
    """Raise ValueError where coefficients of standardized columns are not finite in the units of X."""
    if data.scaling is not None and not np.isfinite(coef).all():
        raise ValueError(
            f"standardize=True: the coefficients in the units of X are too large for {coef.dtype}; scale X or y, or "
            "give X as float64"
        )


def make_run(result: Result, solver: Solver, call: FitCall) -> Run:
    """Return the Run of a solver's result."""
    plan, shaped = solver.plan, solver.data.shaped
    (W, b), (last_W, last_b) = result.estimate, result.iterate
    is_iterate = W is last_W or bool((last_W == W).all() and (b == last_b).all())
    coef, intercept = shaped(W, b)
    if result.diverged_at is None:
        check_units(coef, solver.data)
    return Run(
        coef=coef,
        intercept=intercept,
        epochs=result.epochs,
        steps=result.steps,
        seconds=result.seconds,
        stop_reason=result.stop_reason,
        diverged_at=result.diverged_at,
        solver=solver.name,
        backend=plan.backend,
        seed=plan.seed,
        learning_rate=plan.rates.constant,
        settings=call.settings,
        classes=None if call.data is None else call.data.problem.classes,
        feature_names=call.feature_names,
        last=None if is_iterate else shaped(last_W, last_b),
        best_epoch=result.best_epoch,
        validation_rows=plan.validation_rows,
        state=result.state,
        known_cost=result.cost if is_iterate else None,
        known_fingerprint=call.fingerprint,
        history_source=result.history,
        data=call.data,
    )
