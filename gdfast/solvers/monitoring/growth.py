"""Growth of the cost over a training that stays finite: J at its start, where J at its end is far above."""

from dataclasses import replace

import numpy as np

from gdfast.backends.numpy import Kernels
from gdfast.data.problem import Problem
from gdfast.results.run import Run
from gdfast.results.trend import GROWTH, has_grown
from gdfast.solvers.base import Parameters, Solver
from gdfast.solvers.evaluation import objective_at
from gdfast.solvers.plan import Plan

__all__ = ["start_cost_if_grown"]

SAMPLE = 256  # rows that tell whether a pass over all of them is worth it
SUSPICION = 0.01  # of GROWTH, on the sample
ROUNDING = 1e-20  # of the square of rounding in z: a cost below it, times J at zero, has no digits


def start_cost_if_grown(run: Run, estimate: Parameters, problem: Problem | None, solver: Solver) -> float | None:
    """Return J at the start of a Run whose cost has grown beyond GROWTH times that, else None.

    Where the costs are running means, J at the start and at the end take a pass over the rows each, which is made only
    where the costs recorded or a sample of the rows give reason to.
    """
    if run.diverged_at is not None:
        return None
    plan, start = solver.plan, recorded_start(run, solver)
    if start is None:
        if problem is None or not (recorded_growth(run) or sampled_growth(estimate, problem, plan)):
            return None
        start = objective_at(problem, plan, plan.coef, plan.intercept)
    if start == 0:  # as that of the perceptron loss at zero
        start = next((float(cost) for cost in run.costs if cost > 0), np.inf)
    if not has_grown(start, run.cost) or (problem is not None and rounding_alone(run.cost, problem, plan)):
        return None
    return start


def recorded_start(run: Run, solver: Solver) -> float | None:
    """Return J at the start where it is known without a pass over the rows."""
    if solver.path is not None:
        first = solver.at(0) if solver.path.grows else None
        return np.inf if first is None else first.cost
    recorded = solver.plan.objective and len(run.costs) > 0 and run.cost_epochs[0] == 0
    return float(run.costs[0]) if recorded else None


def recorded_growth(run: Run) -> bool:
    """Tell whether the last cost recorded is suspiciously above the first."""
    return len(run.costs) > 1 and bool(run.costs[-1] > SUSPICION * GROWTH * abs(run.costs[0]))


def sampled_growth(estimate: Parameters, problem: Problem, plan: Plan) -> bool:
    """Tell whether the loss of some rows, evenly spaced, is suspiciously above that at the start."""
    rows = np.linspace(0, len(problem.X) - 1, min(SAMPLE, len(problem.X))).astype(np.intp)
    weights = None if problem.weights is None else problem.weights[rows]
    sample = replace(problem, X=problem.X[rows], Y=problem.Y[rows], weights=weights)
    kernels = Kernels(sample, plan.model)
    start, end = (kernels.sums_at(W, b)[0] for W, b in ((plan.coef, plan.intercept), estimate))
    return not end <= SUSPICION * GROWTH * abs(start)


def rounding_alone(cost: float, problem: Problem, plan: Plan) -> bool:
    """Tell whether a cost is nothing but rounding: beside J at zero it vanishes."""
    if not (plan.coef.any() or plan.intercept.any()):
        return False
    return abs(cost) <= ROUNDING * abs(objective_at(problem, plan, 0 * plan.coef, 0 * plan.intercept))
