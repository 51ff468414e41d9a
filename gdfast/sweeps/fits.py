"""Many fits on the same data, in passes that share what they can; each equals the fit of its own."""

import time
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gdfast.backends.interrupt import TimeLimit
from gdfast.data.csr import features
from gdfast.data.frames import NamedData, by_name, validation_by_name
from gdfast.data.problem import Problem
from gdfast.results.divergence import DivergenceWarning
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import Solver
from gdfast.solvers.diagnostics import RateName, checked_run
from gdfast.solvers.plan import Plan
from gdfast.solvers.prepare import Prepared, prepare
from gdfast.solvers.select import choose_solver, solver_at_start
from gdfast.solvers.training import FitCall, TrainingData, run_solver, run_solvers
from gdfast.sweeps.configurations import DEFAULTS_OF_FIT

__all__ = ["Fitted", "fit_together", "fits"]

Fitted = Run | Exception
MOST_TOGETHER = 16  # configurations of a pass
GROWN = 4.0  # times its first cost: a run whose costs grow is trained alone, so that it equals its fit there, too


class Member(NamedTuple):
    """A configuration that is ready to run."""

    place: int
    configuration: dict[str, Any]
    solver: type[Solver]
    problem: Problem
    plan: Plan


def fit_together(X: Any, y: Any, sample_weight: Any, configurations: Sequence[dict[str, Any]]) -> list[Fitted]:
    """Return the Run of each configuration, a dict of arguments of fit, or the error that its fit raises.

    Ctrl-C raises KeyboardInterrupt where configurations are left.
    """
    found = dict(fits(by_name(X, y, sample_weight), [DEFAULTS_OF_FIT | one for one in configurations]))
    if len(found) < len(configurations):
        raise KeyboardInterrupt
    return [found[place] for place in range(len(configurations))]


def fits(
    data: NamedData,
    configurations: Sequence[dict[str, Any]],
    prepared: Callable[[int, Problem, Plan], None] | None = None,
) -> Iterator[tuple[int, Fitted]]:
    """Yield the place of each configuration with its Run or its error, as passes end; Ctrl-C ends them.

    `prepared` is called with the place, the problem and the plan of each before training.
    """
    known: dict[Any, Prepared] = {}
    validations: dict[int, Any] = {}
    checked_X = features("X", data.X)
    members = []
    for place, configuration in enumerate(configurations):
        validation = configuration["validation"]
        if id(validation) not in validations:
            validations[id(validation)] = validation_by_name(validation, data.names)
        options = configuration | {"validation": validations[id(validation)]}
        try:
            problem, plan = prepare(checked_X, data.y, data.sample_weight, options, known)
            solver = choose_solver(problem.dimensions, plan)
        except (ValueError, TypeError, ImportError, MemoryError) as error:
            yield place, error
            continue
        if prepared is not None:
            prepared(place, problem, plan)
        members.append(Member(place, options, solver, problem, plan))
    for one_pass in passes(members):
        results = run_pass(data, one_pass)
        yield from ((member.place, result) for member, result in zip(one_pass, results, strict=True))
        if any(isinstance(result, Run) and result.stop_reason is StopReason.INTERRUPTED for result in results):
            return


def passes(members: Sequence[Member]) -> list[list[Member]]:
    """Return the members that run together, in the order in which the first of each pass was given."""
    open_passes: dict[Hashable, list[Member]] = {}
    found: list[list[Member]] = []
    for member in members:
        shared = member.solver.shares(member.problem, member.plan)
        if shared is None or len(open_passes.get(shared, [])) in (0, MOST_TOGETHER):
            found.append([member])
            if shared is not None:
                open_passes[shared] = found[-1]
        else:
            open_passes[shared].append(member)
    return found


def run_pass(data: NamedData, members: list[Member]) -> list[Fitted]:
    """Train the members of a pass."""
    started = time.perf_counter()
    if len(members) == 1:
        return [caught(lambda: run_alone(data, members[0], started))]
    solvers = [member.solver(member.problem, member.plan) for member in members]
    runs = run_solvers(solvers, [call_of(data, member, started) for member in members])
    results = []
    for run, solver, member in zip(runs, solvers, members, strict=True):
        if isinstance(run, Run) and amplified_rounding(run):
            results.append(caught(lambda member=member: run_alone(data, member, time.perf_counter())))  # type: ignore[misc]
        else:
            results.append(
                caught(lambda run=run, solver=solver, member=member: with_divergence(run, solver, member))  # type: ignore[misc]
            )
    return results


def amplified_rounding(run: Run) -> bool:
    """Tell whether a run's costs have grown, and with them the rounding in which passes that are shared differ."""
    if run.stop_reason is StopReason.INTERRUPTED:
        return False
    if run.diverged_at is not None or run.start_cost is not None:
        return True
    return len(run.costs) > 1 and bool(np.nanmax(run.costs) > GROWN * abs(run.costs[0]))


def run_alone(data: NamedData, member: Member, started: float) -> Run:
    """Train one member."""
    with TimeLimit(member.plan.deadline(started)):
        solver = solver_at_start(member.problem, member.plan)
    run = run_solver(solver, call_of(data, member, started))
    return with_divergence(run, solver, member)


def with_divergence(run: Fitted, solver: Solver, member: Member) -> Run:
    """Return a Run, or raise what its fit raises; what it warns of is said once for all fits."""
    if isinstance(run, Exception):
        raise run
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        return checked_run(run, member.problem, solver, RateName())


def call_of(data: NamedData, member: Member, started: float) -> FitCall:
    """Return what a Run holds of the call that it comes from."""
    training = TrainingData(member.problem, member.plan, data.X, data.y, data.sample_weight)
    return FitCall(member.configuration, data.names, training, None, False, started, None)


def caught(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or the error that it raises."""
    try:
        return call()
    except Exception as error:
        return error
