"""The parameters at the nodes of a stretch: a fixed point, by the eigenvectors of one Hessian and Anderson's method.

W_k = w(t_k) must satisfy W = w_0 - S f(W), where f are the gradients at the nodes and S the sums of a Recurrence. Were
the Hessian that of the middle everywhere, the error along an eigenvector of curvature l would be (I + l S)^-1 times
the residual: that is the step. Anderson's method accelerates it, since the Hessian does change.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import in_background
from gdfast.solvers.collocation.nodes import Nodes, Recurrence, series_at
from gdfast.solvers.collocation.objective import Curvature, Objective

__all__ = ["Basis", "NodeValues", "basis_of", "quadratic_path", "solve_nodes"]

MOST_ITERATIONS, DEPTH = 14, 6
# Steps, relative to the margins and the parameters: the first is none, the second is one where there is no progress
# any more. On a rough grid a step so small is the last, by its degree.
CONVERGED, ENOUGH = 1e-15, 1e-12
LIKELY = 3e-15  # where the next step is expected to be so small its point may be the last: with its costs
LAST_STEP = {8: 1e-4, 16: 1e-7}
SHRINKS = 1e-3  # a step by about that to the next one, before it is seen
SMALLEST_PART = 1e-13  # of a difference of steps, squared, that the others have not


class Basis(NamedTuple):
    """A Hessian by its eigenvectors, and what else is known at its point."""

    curvature: Curvature
    values: NDArray[np.float64]  # (p,), rising
    vectors: NDArray[np.float64]  # (p, p)
    units: NDArray[np.float64]  # (p,), what float64 rounds of a gradient along each of them


class NodeValues(NamedTuple):
    """The path at the nodes."""

    W: NDArray[np.float64]  # (DEGREE + 1, p)
    costs: NDArray[np.float64]  # (DEGREE + 1,)
    gradients: NDArray[np.float64]  # (DEGREE + 1, p)


def basis_of(curvature: Curvature) -> Basis:
    """Return the eigenvectors of a Hessian."""
    p = len(curvature.H)
    values, vectors = in_background(10.0 * p**3, np.linalg.eigh, curvature.H)
    return Basis(curvature, np.maximum(values, 0.0), vectors, np.abs(vectors).T @ curvature.units)


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
    times = levels[0][1].sums[1:].sum(axis=1)
    with np.errstate(all="ignore"):
        half = len(times) // 2 - 1
        point = quadratic_path(guess, start, first[1], times[half : half + 1])[0]
        middle = objective.curvature(point)
        if not np.isfinite(middle.H).all():
            return None
        basis = basis_of(middle)
        W = quadratic_path(basis, start, middle.gradient + middle.H @ (start - point), times)
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
        acceleration = Acceleration(W.size)
        scale = np.maximum(self.of_margins, 1.0 / (float(np.abs(W).max()) + 1e-300))
        before, largest, expected = np.inf, 0.0, np.inf
        for iteration in range(MOST_ITERATIONS):
            if expected < LIKELY and not last_step:
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
            W = acceleration.next(W.ravel(), step.ravel()).reshape(W.shape)
            expected, before = size * (min(size / before, 1.0) if iteration else SHRINKS), size
            if size < last_step:
                return W
        return None


def hopeless(size: float, largest: float, iteration: int) -> bool:
    """Tell whether steps that shrink as they have done are not small enough at the last iteration."""
    return bool(size * (size / largest) ** ((MOST_ITERATIONS - 1 - iteration) / iteration) > ENOUGH)


class Acceleration:
    """The iteration w <- w - step(w), accelerated by the last few points (Anderson, 1965).

    Of all combinations of them the next one rests on that whose steps, combined likewise, are smallest.
    """

    def __init__(self, size: int) -> None:
        # Differences of one step from the one before it, of length 1, and what each step changes beside them.
        self.differences, self.moves = np.empty((2, DEPTH, size))
        self.W, self.step = np.empty((2, size))
        self.seen = 0

    def next(self, W: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the point after one whose step is known."""
        changed = W - step
        if self.seen:
            place = (self.seen - 1) % DEPTH
            difference = step - self.step
            size = math.sqrt(difference @ difference) + 1e-300
            self.differences[place] = difference / size
            self.moves[place] = (W - self.W - difference) / size
            known = min(self.seen, DEPTH)
            differences = self.differences[:known]
            products = differences @ differences.T
            products.flat[:: known + 1] += SMALLEST_PART  # steps that say nothing new beside the others
            changed -= np.linalg.solve(products, differences @ step) @ self.moves[:known]
        self.W, self.step, self.seen = W, step, self.seen + 1
        return np.asarray(changed)
