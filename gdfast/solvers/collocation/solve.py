"""The parameters at the nodes of a stretch: a fixed point, by the eigenvectors of one Hessian and Anderson's method.

W_k = w(t_k) must satisfy W = w_0 - S f(W), where f are the gradients at the nodes and S the sums of a Recurrence. Were
the Hessian that of the middle everywhere, the error along an eigenvector of curvature l would be (I + l S)^-1 times
the residual: that is the step. Anderson's method accelerates it, since the Hessian does change.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.background import in_background
from gdfast.solvers.collocation.nodes import Nodes, Recurrence, series_at
from gdfast.solvers.collocation.objective import Curvature, Objective

__all__ = ["Basis", "NodeValues", "basis_of", "solve_nodes"]

MOST_ITERATIONS, DEPTH = 14, 6
# Steps, relative to the margins and the parameters: the first is none, the second is one where there is no progress
# any more. On a rough grid a step so small is the last, by its degree.
CONVERGED, ENOUGH = 1e-15, 1e-12
LAST_STEP = {8: 1e-4, 16: 1e-7}
INDEPENDENT = 1e-10  # of the largest, what a difference of steps must have beside the others


class Basis(NamedTuple):
    """A Hessian by its eigenvectors, and what else is known at its point."""

    curvature: Curvature
    values: NDArray[np.float64]  # (p,), rising
    vectors: NDArray[np.float64]  # (p, p)


class NodeValues(NamedTuple):
    """The path at the nodes."""

    W: NDArray[np.float64]  # (DEGREE + 1, p)
    costs: NDArray[np.float64]  # (DEGREE + 1,)
    gradients: NDArray[np.float64]  # (DEGREE + 1, p)


def basis_of(curvature: Curvature) -> Basis:
    """Return the eigenvectors of a Hessian."""
    p = len(curvature.H)
    values, vectors = in_background(10.0 * p**3, np.linalg.eigh, curvature.H)
    return Basis(curvature, np.maximum(values, 0.0), vectors)


def quadratic_path(
    basis: Basis, start: NDArray[np.float64], gradient: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the path of gradient flow on the quadratic model of J at `start`, at times: sums of rates."""
    exponents = times[:, None] * basis.values
    shrunk = np.where(exponents > 1e-8, -np.expm1(-exponents) / np.maximum(basis.values, 1e-300), times[:, None])
    return np.asarray(start - (shrunk * (basis.vectors.T @ gradient)) @ basis.vectors.T)


def solve_nodes(
    objective: Objective,
    levels: list[tuple[Nodes, Recurrence]],
    start: NDArray[np.float64],
    first: tuple[float, NDArray[np.float64]],
    guess: Basis,
) -> tuple[NodeValues, Basis, NDArray[np.float64]] | None:
    """Return the path at the nodes, the Hessian near their middle and its point; None where no fixed point is found.

    `levels` are grids of rising degree, on which each solution is the first guess for the next one. `first` has cost
    and gradient at the start; `guess` is a Hessian near by.
    """
    S = levels[0][1].sums[1:]
    W = quadratic_path(guess, start, first[1], S.sum(axis=1))
    with np.errstate(all="ignore"):
        point = W[len(W) // 2 - 1].copy()
        middle = objective.curvature(point)
        if not np.isfinite(middle.H).all():
            return None
        basis = basis_of(middle)
        found = fixed_point(objective, levels[0][1], basis, start, first, W)
        for (coarse, _), (fine, rule) in itertools.pairwise(levels):
            if found is None:
                return None
            series = coarse.to_series.astype(np.float64) @ found.W
            W = series_at(series, fine.length, fine.epochs[1:])
            found = fixed_point(objective, rule, basis, start, first, W)
    return None if found is None else (found, basis, point)


def fixed_point(
    objective: Objective,
    rule: Recurrence,
    basis: Basis,
    start: NDArray[np.float64],
    first: tuple[float, NDArray[np.float64]],
    W: NDArray[np.float64],
) -> NodeValues | None:
    """Return the path at the nodes of one grid, from a guess W: to rounding on the finest one, else roughly."""
    S = rule.sums[1:]
    last_step = LAST_STEP.get(len(S), 0.0)
    systems = np.eye(len(S)) + basis.values[:, None, None] * S[:, 1:]
    inverses = in_background(2.0 * len(S) ** 3 * len(basis.values), np.linalg.inv, systems)
    root = np.sqrt(np.maximum(np.diag(basis.curvature.H), 0.0))
    size_of_margins = float(root @ np.abs(start)) + float(root.max(initial=0.0)) + 1e-300
    tried: list[NDArray[np.float64]] = []
    steps: list[NDArray[np.float64]] = []
    before, largest = np.inf, 0.0
    for iteration in range(MOST_ITERATIONS):
        costs, gradients = objective.at(W)
        all_gradients = np.vstack([first[1], gradients])
        residual = W - start + S @ all_gradients
        step = np.matmul(inverses, (residual @ basis.vectors).T[:, :, None])[:, :, 0].T @ basis.vectors.T
        size = max(
            float(np.abs(step * root).max(initial=0.0)) / size_of_margins,
            float(np.abs(step).max(initial=0.0)) / (float(np.abs(W).max(initial=0.0)) + 1e-300),
        )
        if size < CONVERGED or (size < ENOUGH and size > before / 4):
            return NodeValues(np.vstack([start, W]), np.append(first[0], costs), all_gradients)
        if not size < 1e3 or (iteration > 2 and hopeless(size, largest, iteration)):
            return None
        largest = max(largest, size)
        tried.append(W)
        steps.append(step)
        W, before = accelerated(tried, steps), size
        if size < last_step:
            return NodeValues(np.vstack([start, W]), np.append(first[0], costs), all_gradients)
    return None


def hopeless(size: float, largest: float, iteration: int) -> bool:
    """Tell whether steps that shrink as they have done are not small enough at the last iteration."""
    return bool(size * (size / largest) ** ((MOST_ITERATIONS - 1 - iteration) / iteration) > ENOUGH)


def accelerated(tried: list[NDArray[np.float64]], steps: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the next point of the iteration w <- w - step(w), by the last few points (Anderson, 1965).

    Of all combinations of them it is the one whose steps, combined likewise, are smallest.
    """
    W, step = tried[-1], steps[-1]
    if len(steps) == 1:
        return W - step
    recent = range(max(0, len(steps) - 1 - DEPTH), len(steps) - 1)
    of_steps = np.array([(steps[i + 1] - steps[i]).ravel() for i in recent])
    of_points = np.array([(tried[i + 1] - tried[i]).ravel() for i in recent])
    Q, R = np.linalg.qr(of_steps.T)
    sizes = np.abs(np.diag(R))
    known = sizes > INDEPENDENT * sizes.max()
    if not known.all():  # steps that say nothing new
        Q, R = np.linalg.qr(of_steps[known].T)
        of_steps, of_points = of_steps[known], of_points[known]
    weights = np.linalg.solve(R, Q.T @ step.ravel())
    return np.asarray(W - step - (weights @ (of_points - of_steps)).reshape(W.shape))
