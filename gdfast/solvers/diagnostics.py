"""Diagnostics of a training: a warning before it that it will diverge, and one after it that it did."""

import inspect
import warnings
from contextlib import suppress
from typing import NamedTuple

from gdfast._utils.background import EndIsDueError
from gdfast.data.problem import Problem
from gdfast.results.divergence import DivergenceError, DivergenceWarning, StabilityWarning
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import Solver
from gdfast.solvers.closed_form.solver import path_of_loop
from gdfast.solvers.smoothness import largest_rate, stable_rate, surely_finite, surely_stable

__all__ = [
    "RateName",
    "can_wait",
    "checked_run",
    "have_risen",
    "level_of_caller",
    "report_divergence",
    "warn_if_unstable",
]

FEW_EPOCHS = 50
BACKTRACKS = ", where backtracking halves the rate, and not before"


class RateName(NamedTuple):
    """What an entry point calls the learning rate, and its rate where fit's is 1."""

    name: str = "learning_rate"
    factor: float = 1.0


def can_wait(problem: Problem, solver: Solver) -> bool:
    """Tell whether the check of a rate, which may take longer than a few epochs, can wait until their costs are known.

    They are so few that none of them can overflow.
    """
    plan, rate = solver.plan, solver.plan.rates.constant
    if rate is None or solver.path is not None or plan.stochastic or not plan.model.quadratic:
        return False
    few = plan.epochs <= FEW_EPOCHS and plan.grid is not None and plan.objective
    return few and surely_finite(problem, plan.model, rate)


def have_risen(run: Run) -> bool:
    """Tell whether the last one of the costs recorded is above the first, or training diverged."""
    recorded = None if run.history_source is None else run.history_source.first_and_last()
    return run.diverged_at is not None or (recorded is not None and not recorded[1] <= recorded[0])


def warn_if_unstable(problem: Problem, solver: Solver, rate_name: RateName) -> None:
    """Say before training that it will diverge, and from which rate on, if there is time to find out."""
    with suppress(EndIsDueError):
        warn_above_stable_rate(problem, solver, rate_name)


def warn_above_stable_rate(problem: Problem, solver: Solver, rate_name: RateName) -> None:
    """Warn where a rate is above the largest stable one; raise EndIsDueError where the time is over before."""
    plan, path = solver.plan, solver.path
    rate = plan.rates.constant
    if rate is None:
        return
    if path is None:
        if surely_stable(problem, plan.model, plan.batch_size, rate):
            return
        path = path_of_loop(problem, plan)  # None where it would take too long
    if path is not None and not (path.grows and path.finite(0)):
        return
    limit = stable_rate(problem, plan.model, plan.batch_size)
    epoch = None if path is None else path.diverged_epoch(2**53)
    backtracks = plan.on_divergence == "backtrack"
    if backtracks and epoch and epoch <= plan.epochs:
        return  # the rate is halved there, and the training starts again from the lowest cost
    when = f"in epoch {epoch:,}" if epoch else "in the end"
    highest = (limit or 0.0) * rate_name.factor
    text = (
        f"{rate_name.name}={rate * rate_name.factor:.6g} is above {highest:.4g}, the largest stable rate: the costs "
        f"will grow, and overflow {when}{BACKTRACKS if backtracks else ''}. Lower it"
    )
    largest, smallest = (0.0, 0.0) if path is None else (float(value) for value in path.curvatures[[0, -1]])
    if largest > 1e4 * smallest > 0:
        text += ", or standardize the features, (X - X.mean(0)) / X.std(0): "
        text += f"the condition number is {largest / smallest:.3g}"
    warnings.warn(text, StabilityWarning, stacklevel=level_of_caller())


def checked_run(run: Run, problem: Problem | None, solver: Solver, rate_name: RateName) -> Run:
    """Return the Run, after what there is to say or to raise about it."""
    if run.stop_reason is StopReason.INTERRUPTED and solver.plan.interrupt == "raise":
        raise KeyboardInterrupt
    warn_if_diverged(run, problem, solver, rate_name)
    return run


def warn_if_diverged(run: Run, problem: Problem | None, solver: Solver, rate_name: RateName) -> None:
    """Say that training diverged or the cost is growing, and which rate is stable; or raise, if that was asked for."""
    diverged = run.stop_reason is StopReason.DIVERGED and run.diverged_at is not None
    if not diverged and run.start_cost is None:
        return
    plan, rate = solver.plan, solver.last_rate() * rate_name.factor
    limit = limit_of(problem, solver) if plan.rates.constant is not None else None
    if limit is not None and solver.last_rate() <= limit:
        limit = None  # of the mean over all rows: single ones, or a loss without such a limit, ask for less
    at = f" at {rate_name.name}={rate:.6g}"
    report_divergence(run, plan.on_divergence, at, None if limit is None else limit * rate_name.factor)


def report_divergence(run: Run, on_divergence: str, at: str = "", limit: float | None = None) -> None:
    """Warn that a Run diverged at a rate, and which is the largest stable one; or raise, if that was asked for."""
    below = "a lower rate" if limit is None else f"a rate below {limit:.4g}, the largest stable one,"
    what = f"training diverged in epoch {run.diverged_at}{at}; the state after epoch {run.epochs} is returned"
    if run.start_cost is not None:
        what = f"the cost is growing{at}: it was {run.start_cost:.4g}, and is {run.cost:.4g} after epoch {run.epochs}"
    text = f"{what}. Try {below} or standardize the features"
    if on_divergence == "raise":
        raise DivergenceError(text, run)
    warnings.warn(text, DivergenceWarning, stacklevel=level_of_caller())


def limit_of(problem: Problem | None, solver: Solver) -> float | None:
    """Return the largest stable rate, from the data or else from the path; None where there is no such limit."""
    plan = solver.plan
    if problem is not None:
        return stable_rate(problem, plan.model, plan.batch_size)
    if solver.path is None:
        return None
    return largest_rate(float(solver.path.curvatures[0]), plan.model.mu, plan.model.formula.looks_ahead)


def level_of_caller() -> int:
    """Return the stack level, as `warnings.warn` counts it in the function above, of the first call from outside."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "gdfast":
        frame, level = frame.f_back, level + 1
    return level
