"""Many fits on the same data, in passes that share what they can; each equals the fit of its own."""

import time
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gdfast._utils.background import awaited
from gdfast._utils.interrupt import Interrupt, OnThread, TimeLimit
from gdfast.data.csr import features
from gdfast.data.frames import NamedData, validation_by_name
from gdfast.data.problem import Problem
from gdfast.data.summarised import named_or_summarised
from gdfast.data.summary import Summary
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


class Trained(NamedTuple):
    """What training has come to, and by which solver."""

    result: Fitted
    solver: Solver | None


def fit_together(X: Any, y: Any, sample_weight: Any, configurations: Sequence[dict[str, Any]]) -> list[Fitted]:
    """Return the Run of each configuration, a dict of arguments of fit, or the error that its fit raises.

    Ctrl-C raises KeyboardInterrupt where configurations are left.
    """
    found = dict(fits(named_or_summarised(X, y, sample_weight), [DEFAULTS_OF_FIT | one for one in configurations]))
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
    checked_X = data.X if isinstance(data.X, Summary) else features("X", data.X)
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
    for one_pass, trained in training(data, passes(members)):
        results = [finished(one, member) for one, member in zip(trained, one_pass, strict=True)]
        yield from ((member.place, result) for member, result in zip(one_pass, results, strict=True))
        if any(isinstance(result, Run) and result.stop_reason is StopReason.INTERRUPTED for result in results):
            return


def training(data: NamedData, one_by_one: Sequence[list[Member]]) -> Iterator[tuple[list[Member], list[Trained]]]:
    """Yield each pass with what it has trained: on as many threads as its configurations ask for."""
    members = [member for one_pass in one_by_one for member in one_pass]
    threads = min(len(one_by_one), max((member.plan.n_threads for member in members), default=1))
    if threads < 2 or any(member.plan.callbacks for member in members):
        for one_pass in one_by_one:
            yield one_pass, run_pass(data, one_pass)
        return
    from concurrent.futures import ThreadPoolExecutor  # which takes longer to import than a small sweep

    with Interrupt() as interrupt, ThreadPoolExecutor(threads, "gdfast-sweep") as pool:

        def run(one_pass: list[Member]) -> list[Trained]:
            with OnThread(interrupt):
                return run_pass(data, [member._replace(plan=replace(member.plan, n_threads=1)) for member in one_pass])

        futures = [pool.submit(run, one_pass) for one_pass in one_by_one]
        try:
            for one_pass, future in zip(one_by_one, futures, strict=True):
                yield one_pass, awaited(future)
        finally:  # an end before the last one
            pool.shutdown(wait=False, cancel_futures=True)


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


def run_pass(data: NamedData, members: list[Member]) -> list[Trained]:
    """Train the members of a pass."""
    if len(members) == 1:
        return [run_alone(data, members[0])]
    started = time.perf_counter()
    solvers = [member.solver(member.problem, member.plan) for member in members]
    runs = run_solvers(solvers, [call_of(data, member, started) for member in members])
    return [
        run_alone(data, member) if isinstance(run, Run) and amplified_rounding(run) else Trained(run, solver)
        for run, solver, member in zip(runs, solvers, members, strict=True)
    ]


def amplified_rounding(run: Run) -> bool:
    """Tell whether a run's costs have grown, and with them the rounding in which passes that are shared differ."""
    if run.stop_reason is StopReason.INTERRUPTED:
        return False
    if run.diverged_at is not None or run.start_cost is not None:
        return True
    return len(run.costs) > 1 and bool(np.nanmax(run.costs) > GROWN * abs(run.costs[0]))


def run_alone(data: NamedData, member: Member) -> Trained:
    """Train one member."""
    started = time.perf_counter()
    try:
        with TimeLimit(member.plan.deadline(started)):
            solver = solver_at_start(member.problem, member.plan)
        return Trained(run_solver(solver, call_of(data, member, started)), solver)
    except Exception as error:
        return Trained(error, None)


def finished(trained: Trained, member: Member) -> Fitted:
    """Return the Run, or the error, that the member's fit returns or raises; its warning is said once for all fits.

    Not on several threads, which have their warnings in common.
    """
    if trained.solver is None or not isinstance(trained.result, Run):
        return trained.result
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergenceWarning)
            return checked_run(trained.result, member.problem, trained.solver, RateName())
    except Exception as error:
        return error


def call_of(data: NamedData, member: Member, started: float) -> FitCall:
    """Return what a Run holds of the call that it comes from."""
    training = TrainingData(member.problem, member.plan, data.X, data.y, data.sample_weight)
    return FitCall(member.configuration, data.names, training, None, False, started, None)
