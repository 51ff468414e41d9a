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
SOON = 1e-10  # after such a step the next point may be the last, so its costs are computed, too
LAST_STEP = {8: 1e-4, 16: 1e-7}
SMALLEST_PART = 1e-13  # of a difference of steps, squared, that the others have not


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
    W = quadratic_path(guess, start, first[1], levels[0][1].sums[1:].sum(axis=1))
    with np.errstate(all="ignore"):
        point = W[len(W) // 2 - 1].copy()
        middle = objective.curvature(point)
        if not np.isfinite(middle.H).all():
            return None
        basis = basis_of(middle)
        for (coarse, rule), (fine, _) in itertools.pairwise(levels):
            found = FixedPoint(objective, rule, basis, start, first[1]).solve(W, LAST_STEP[len(W)])
            if found is None:
                return None
            series = coarse.to_series64 @ np.vstack([start, found])
            W = series_at(series, fine.length, fine.epochs[1:])
        last = FixedPoint(objective, levels[-1][1], basis, start, first[1])
        found = last.solve(W)
        if found is None:
            return None
        if last.costs is None:
            last.costs, last.gradients = objective.at(found)
    values = NodeValues(
        np.vstack([start, found]), np.append(first[0], last.costs), np.vstack([first[1], last.gradients])
    )
    return values, basis, point


class FixedPoint:
    """The iteration on one grid; `costs` and `gradients` are those of the last point, costs None where not computed."""

    def __init__(
        self,
        objective: Objective,
        rule: Recurrence,
        basis: Basis,
        start: NDArray[np.float64],
        gradient: NDArray[np.float64],
    ) -> None:
        S = rule.sums[1:]
        self.objective, self.vectors, self.S = objective, basis.vectors, S[:, 1:]
        self.constant = np.outer(S[:, 0], gradient) - start
        systems = np.eye(len(S)) + basis.values[:, None, None] * self.S
        self.inverses = in_background(2.0 * len(S) ** 3 * len(basis.values), np.linalg.inv, systems)
        # A step counts by what it changes of the margins, and of the parameters.
        root = np.sqrt(np.maximum(np.diag(basis.curvature.H), 0.0))
        self.of_margins = root / (float(root @ np.abs(start)) + float(root.max(initial=0.0)) + 1e-300)
        self.costs: NDArray[np.float64] | None = None
        self.gradients: NDArray[np.float64] = np.empty(0)

    def solve(self, W: NDArray[np.float64], last_step: float = 0.0) -> NDArray[np.float64] | None:
        """Return the path at the nodes but the first, from a guess; None where it is not found.

        It is found to rounding, or where a `last_step` is given as soon as a step is below it.
        """
        tried: list[NDArray[np.float64]] = []
        steps: list[NDArray[np.float64]] = []
        scale = np.maximum(self.of_margins, 1.0 / (float(np.abs(W).max()) + 1e-300))
        before, largest = np.inf, 0.0
        for iteration in range(MOST_ITERATIONS):
            if before < SOON and not last_step:
                self.costs, self.gradients = self.objective.at(W)
            else:
                self.costs, self.gradients = None, self.objective.gradients(W)
            residual = W + self.constant + self.S @ self.gradients
            step = np.matmul(self.inverses, (residual @ self.vectors).T[:, :, None])[:, :, 0].T @ self.vectors.T
            size = float((np.abs(step) * scale).max())
            if size < CONVERGED or (size < ENOUGH and size > before / 4):
                return W
            if not size < 1e3 or (iteration > 2 and hopeless(size, largest, iteration)):
                return None
            largest = max(largest, size)
            tried.append(W)
            steps.append(step)
            W, before = accelerated(tried, steps), size
            if size < last_step:
                return W
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
    sizes = np.sqrt((of_steps * of_steps).sum(axis=1)) + 1e-300
    of_steps /= sizes[:, None]  # each of length 1, so that their products are of one size
    products = of_steps @ of_steps.T
    products.flat[:: len(products) + 1] += SMALLEST_PART  # steps that say nothing new beside the others
    weights = np.linalg.solve(products, of_steps @ step.ravel())
    return np.asarray(W - step - (weights @ (of_points / sizes[:, None] - of_steps)).reshape(W.shape))
