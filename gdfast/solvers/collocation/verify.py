"""The checks that a stretch must pass. What they leave open goes by the loop."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.options.model import Model
from gdfast.solvers.collocation.nodes import Nodes, Recurrence, series_at
from gdfast.solvers.collocation.objective import Objective
from gdfast.solvers.collocation.solve import Basis, NodeValues
from gdfast.solvers.collocation.stretch import Stretch
from gdfast.solvers.smoothness import largest_rate

__all__ = ["Refusal", "adds_up", "stable", "verified"]

# In units of rounding of the gradient: the last coefficients of its series, its difference from the series between the
# nodes, and that of the velocity at the start.
LARGEST_TAIL, LARGEST_DIFFERENCE, LARGEST_JUMP = 1.0, 6.0, 64.0
TAIL = 3  # coefficients
# Relative to the cost: the last coefficients of its series, and its difference from the series between the nodes.
LARGEST_COST_TAIL, LARGEST_COST_DIFFERENCE = 4e-15, 2e-14
# Of the rate from which a mode grows: next to it rounding dies out too slowly.
STABLE_PART = 0.99
LOOKED_AT = 8  # every so many nodes the Hessian is looked at
# Relative to the parameters: what rounding of the gradients, were it the same at all nodes, may add up to.
LARGEST_ERROR = 1e-13


class Refusal(NamedTuple):
    """Why there is no stretch."""

    reason: str
    tail: float = np.inf  # of the gradient's series, in units of rounding
    wait: int = 0  # epochs after which there may be one


def stable(largest_curvature: float, rate: float, model: Model) -> bool:
    """Tell whether rounding dies out along a curvature."""
    if largest_curvature <= 0:
        return True
    return rate < STABLE_PART * largest_rate(largest_curvature, model.mu, model.formula.looks_ahead)


def verified(
    objective: Objective,
    nodes: Nodes,
    rule: Recurrence,
    found: NodeValues,
    basis: Basis,
    first: int,
    velocity: NDArray[np.float64] | None,
    rate: float,
) -> Stretch | Refusal:
    """Return the stretch, if it holds within rounding that it is the loop's path."""
    model, units, m = objective.model, basis.curvature.units, nodes.length
    W, costs, gradients = (nodes.to_series64 @ values for values in found)
    weights = np.abs(gradients) / units
    tail = float(weights[-TAIL:].max())
    scale = float(np.abs(found.costs).min()) + basis.curvature.scale
    if adds_up(objective, basis, rate * nodes.epochs, found.W):
        return Refusal("rounding that adds up", tail)
    if not tail < LARGEST_TAIL:
        return Refusal("the tail of the gradient's series", tail)
    if not np.abs(costs[-TAIL:]).max() <= LARGEST_COST_TAIL * scale:
        return Refusal("the tail of the cost's series", tail)
    if not stable(objective.largest_curvature, rate, model):
        for W_k in found.W[::LOOKED_AT]:
            if not stable(float(np.linalg.eigvalsh(objective.curvature(W_k).H)[-1]), rate, model):
                return Refusal("a mode that grows", tail)
    momentum = None
    if rule.velocity is not None and velocity is not None:
        momentum = rule.velocity @ found.gradients
        jump = np.abs(series_at(momentum, m, np.zeros(1))[0] - velocity) * (1.0 - model.mu) / units
        if not jump.max() < LARGEST_JUMP:
            return Refusal("the velocity at the start", tail)
    costs_between, gradients_between = objective.at(nodes.at_between @ W)
    differences = np.abs(gradients_between - nodes.at_between @ gradients) / units
    if not differences.max() < LARGEST_DIFFERENCE:
        return Refusal("the gradient between the nodes", tail)
    off = np.abs(costs_between - nodes.at_between @ costs).max()
    if not off <= LARGEST_COST_DIFFERENCE * scale:
        return Refusal("the cost between the nodes", tail)
    return Stretch(
        first,
        m,
        W,
        momentum,
        costs,
        found.W[-1],
        objective.passes,
        float(differences.max()),
        weights.max(axis=1),
    )


def adds_up(objective: Objective, basis: Basis, times: NDArray[Any], W: NDArray[np.float64]) -> bool:
    """Tell whether rounding that is the same at all nodes may become too large for the parameters at some times.

    Times are sums of rates. Along an eigenvector rounding adds up until the curvature balances it, so for ever where
    that is zero. Of n rows it is the mean of as many roundings.
    """
    longest = 1.0 / np.maximum(basis.values, 1e-300)
    grown = basis.units * np.minimum(times[:, None] / (1.0 - objective.model.mu), longest)
    return not bool(
        (np.sqrt((grown**2).sum(axis=1) / objective.n) <= LARGEST_ERROR * np.sqrt((W**2).sum(axis=1))).all()
    )
