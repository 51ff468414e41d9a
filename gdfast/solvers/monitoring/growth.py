"""Growth of the cost over a training that stays finite: J at its start, where J at its end is far above."""

import numpy as np

from gdfast.backends.numpy import Kernels
from gdfast.data.problem import Problem
from gdfast.results.run import Run
from gdfast.results.stop_reason import CUT_OFF, StopReason
from gdfast.results.trend import GROWTH, has_grown
from gdfast.solvers.base import Parameters, Solver
from gdfast.solvers.plan import Plan

__all__ = ["costs_if_grown"]

FEW_VALUES = 2**17  # of X: a pass over them takes less than to look at a sample
SUSPICION = 0.01  # of GROWTH, on the sample
ROUNDING = 1e-20  # of J at zero: a cost below that is rounding alone


def costs_if_grown(
    run: Run, estimate: Parameters, problem: Problem | None, solver: Solver
) -> tuple[float, float] | None:
    """Return J at the start and the end of a Run whose cost has grown beyond GROWTH times that, else None.

    Where the costs are running means, J at the start and at the end take a pass over the rows each; of many rows they
    are made only where the costs recorded or a sample of the rows give reason to.
    """
    plan = solver.plan
    if problem is not None and problem.blocks is not None and run.stop_reason in CUT_OFF:
        return None  # without another pass, which would take long
    if run.stop_reason is StopReason.DIVERGED or (solver.path is not None and not solver.path.grows):
        return None
    start = recorded_start(run, solver)
    if start is None:
        if problem is not None and surely_small(run, estimate, problem, plan):
            return None
        start = solver.objective(plan.coef, plan.intercept)
    if start == 0:  # as that of the perceptron loss at zero
        start = next((float(cost) for cost in run.costs if cost > 0), np.inf)
    end = solver.objective(*estimate) if run.known_cost is None else run.known_cost
    return (start, end) if has_grown(start, end) and not rounding_alone(end, solver) else None


def recorded_start(run: Run, solver: Solver) -> float | None:
    """Return J at the start if it was recorded."""
    recorded = recorded_costs(run) if solver.path is None and solver.plan.objective else None
    return None if recorded is None else recorded[0]  # epoch 0 is on every grid


def recorded_costs(run: Run) -> tuple[float, float] | None:
    """Return the first and the last cost recorded, which takes less than all of them."""
    return None if run.history_source is None else run.history_source.first_and_last()


def surely_small(run: Run, estimate: Parameters, problem: Problem, plan: Plan) -> bool:
    """Tell whether neither the recorded costs of many rows nor a sample of them give reason to look at them all."""
    (n, d), suspicious = problem.X.shape, recorded_growth(run)
    many = n * d > FEW_VALUES or problem.blocks is not None
    return not suspicious and many and not sampled_growth(estimate, problem, plan)


def recorded_growth(run: Run) -> bool:
    """Tell whether the last cost recorded is suspiciously above the first."""
    recorded = recorded_costs(run)
    return recorded is not None and recorded[1] > SUSPICION * GROWTH * abs(recorded[0])


def sampled_growth(estimate: Parameters, problem: Problem, plan: Plan) -> bool:
    """Tell whether the loss of some rows, evenly spaced, is suspiciously above that at the start."""
    model = plan.model
    kernels = [Kernels(part, model) for part in problem.sample()]
    key = "loss of the sample", model.loss, model.custom, model.c, plan.coef.tobytes(), plan.intercept.tobytes()
    start = problem.once(key, lambda: sum(one.loss_at(plan.coef, plan.intercept) for one in kernels))
    return not sum(one.loss_at(*estimate) for one in kernels) <= SUSPICION * GROWTH * abs(start)


def rounding_alone(cost: float, solver: Solver) -> bool:
    """Tell whether a cost is nothing but rounding: beside J at zero it vanishes."""
    plan = solver.plan
    if not (plan.coef.any() or plan.intercept.any()):
        return False
    return abs(cost) <= ROUNDING * abs(solver.objective(0 * plan.coef, 0 * plan.intercept))
