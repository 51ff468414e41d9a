"""Which solver runs: the registry, what a solver's needs leave of it, and which one costs least."""

from typing import NoReturn

from gdfast._utils.arguments import choice
from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import UNINTERRUPTED
from gdfast.data.problem import Dimensions, Problem
from gdfast.solvers.base import BANDWIDTH, Solver
from gdfast.solvers.closed_form.solver import ClosedForm
from gdfast.solvers.collocation.solver import Collocation
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.plan import Plan

__all__ = ["SOLVERS", "choose_solver", "missing_needs", "solver_at_start", "trained_by_summary"]

# Where costs are equal the first one is taken.
SOLVERS: dict[str, type[Solver]] = {solver.name: solver for solver in (ClosedForm, Loop, Collocation)}


def solver_at_start(problem: Problem, plan: Plan) -> Solver:
    """Return the solver that runs, at the start; if the time is over before it is there, the loop."""
    solver = choose_solver(problem.dimensions, plan)
    try:
        return solver(problem, plan)
    except EndIsDueError:
        if problem.dimensions.summarised:
            with UNINTERRUPTED:
                return solver(problem, plan)
        return Loop(problem, plan)


def missing_needs(solver: type[Solver], data: Dimensions, plan: Plan) -> list[str]:
    """Return what a solver needs and this plan or these data do not have."""
    return [need.text for need in solver.needs if not need.holds(data, plan)]


def trained_by_summary(summary: Dimensions, blocks: Dimensions, plan: Plan) -> bool:
    """Tell whether blocks of rows are trained on by their Summary alone, which one pass makes."""
    name = choice("solver", plan.solver, ("auto", *SOLVERS))
    able = [solver for solver in SOLVERS.values() if not missing_needs(solver, summary, plan)]
    others = [solver for solver in SOLVERS.values() if not missing_needs(solver, blocks, plan)]
    if name == "auto":
        least = min(solver.seconds(blocks, plan) for solver in others)
        return any(solver.seconds(blocks, plan) <= least for solver in able)
    solver = SOLVERS[name]
    if solver not in able and solver not in others:
        needs = [missing_needs(solver, data, plan) for data in (summary, blocks)]
        raise_missing(solver, min(needs, key=len), others)
    return solver in able


def raise_missing(solver: type[Solver], missing: list[str], able: list[type[Solver]]) -> NoReturn:
    """Raise the error of a solver that was asked for and lacks what it needs."""
    names = "".join(f" or {other.name!r}" for other in able[:1]) + "".join(f", {other.name!r}" for other in able[1:])
    raise ValueError(f"solver={solver.name!r} needs {', and '.join(missing)}; use solver='auto'{names}")


def choose_solver(data: Dimensions, plan: Plan, bandwidth: float = BANDWIDTH) -> type[Solver]:
    """Return the solver asked for, or the one that costs least; raise where the one asked for cannot be.

    Memory has so many bytes a second.
    """
    name = choice("solver", plan.solver, ("auto", *SOLVERS))
    if name != "auto":
        solver = SOLVERS[name]
        missing = missing_needs(solver, data, plan)
        if missing:
            raise_missing(solver, missing, [one for one in SOLVERS.values() if not missing_needs(one, data, plan)])
        return solver
    if data.summarised and (missing := missing_needs(SOLVERS[ClosedForm.name], data, plan)):
        raise ValueError(
            f"{data.stand_in} is fitted by the closed form alone, which needs {', and '.join(missing)}; give X and y "
            "for anything else"
        )
    by_cost = sorted(SOLVERS.values(), key=lambda solver: solver.seconds(data, plan, bandwidth))
    return next(solver for solver in by_cost if all(need.holds(data, plan) for need in solver.needs))
