"""J, its gradients and second derivatives at points of the path, and how far float64 rounds them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import end_here_if_due
from gdfast._utils.cached_property import cached_property
from gdfast.backends.protocol import KernelSet
from gdfast.data.csr import dense
from gdfast.data.problem import Problem
from gdfast.formulas.losses import log_normalised
from gdfast.options.model import Model
from gdfast.solvers.smoothness import largest_curvature

__all__ = ["Curvature", "Objective"]

EPS = float(np.finfo(np.float64).eps)
DIFFERENCE = 2.0**-17  # in z, for second derivatives by central differences, which need no more than six digits
BLOCK_VALUES = 2**18  # of X, two megabytes


class Curvature(NamedTuple):
    """J at one point, to second order."""

    H: NDArray[np.float64]  # (p, p), second derivatives of J
    gradient: NDArray[np.float64]  # (p,), of J, to ten digits
    units: NDArray[np.float64]  # (p,), what float64 rounds of each component of its gradient
    scale: float  # what the cost's rounding is relative to


class Objective:
    """J at parameters (p,): the coefficients of each output and its intercept behind them."""

    def __init__(self, problem: Problem, model: Model, kernels: KernelSet, objective: bool) -> None:
        self.problem, self.model, self.kernels, self.objective = problem, model, kernels, objective
        n, d, k = len(problem.X), problem.X.shape[1], problem.Y.shape[1]
        self.shape, self.n = (k, d + 1), n
        factors: Any = 1.0 if model.factors is None else model.factors
        l2 = np.zeros(self.shape)
        l2[:, :-1] = model.l2 * factors
        self.l2 = l2.ravel()
        self.free = np.ones(self.shape)
        self.free[:, -1] = model.intercept
        self.free = self.free.ravel()
        self.scale, self.half_l2 = self.free / n, 0.5 * self.l2
        self.passes = 0
        self.only_part: tuple[slice, NDArray[np.float64]] | None = None

    def at(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the costs of points (count, p), and the gradients of J there."""
        sums, gradients = self.sums_at(points, True)
        if sums is None:
            raise AttributeError("the kernels return no costs")
        costs = sums / self.n
        if self.objective:
            costs += (points * points) @ self.half_l2
        return costs, gradients

    def gradients(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradients of J at points (count, p), which takes less than with the costs."""
        return self.sums_at(points, False)[1]

    def sums_at(
        self, points: NDArray[np.float64], costs: bool
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the sums of losses at points, and the gradients of J."""
        self.passes += len(points)
        sums, gradients = self.kernels.sums_at_points(points.reshape(-1, *self.shape), costs)
        gradients = gradients.reshape(points.shape) * self.scale
        if self.model.l2 > 0:
            gradients += self.l2 * points
        return sums, gradients

    @cached_property
    def largest_curvature(self) -> float:
        """The largest curvature that J can have anywhere, by the loss's bound of its own; infinity without one."""
        if self.model.formulas.curvature is None:
            return np.inf
        return largest_curvature(self.problem, self.model)

    def curvature(self, point: NDArray[np.float64]) -> Curvature:
        """Return second derivatives and rounding at a point: one pass over the rows, by NumPy."""
        (k, width), n, p = self.shape, self.n, point.size
        W, weights = point.reshape(self.shape), self.problem.weights
        H, gradient, sizes, value = np.zeros((k, width, k, width)), np.zeros((k, width)), np.zeros(k), 0.0
        relative = self.model.formulas.inverse_link is not None  # to the terms of the cost, which may cancel
        self.passes += 1
        for part, A in self.parts():
            Y, s = self.problem.Y[part], 1.0 if weights is None else weights[part, None]
            Z = A @ W.T
            with np.errstate(all="ignore"):
                second, slopes = self.derivatives(Y, Z)
                slopes *= s
                if relative:
                    value += float((s * np.abs(self.model.formulas.value(Y, Z, self.model.c))).sum())
            gradient += slopes.T @ A
            sizes += np.abs(slopes).sum(axis=0)
            for (o, other), terms in second.items():
                block = (A * (s * terms[:, None])).T @ A
                H[o, :, other] += block
                if other != o:
                    H[other, :, o] += block
        H = H.reshape(p, p) / n + np.diag(self.l2)
        H *= self.free[:, None] * self.free
        root = np.sqrt(np.maximum(np.diag(H), 0.0))
        units = EPS * (np.outer(sizes / n, self.root_mean_squares).ravel() + root * float(root @ np.abs(point)))
        scale = (sizes.sum() + value) / n if relative else 0.0
        gradient = gradient.ravel() * self.scale + self.l2 * point
        return Curvature(H, gradient, units + np.finfo(np.float64).tiny, scale)

    def parts(self) -> Iterable[tuple[slice, NDArray[np.float64]]]:
        """Return parts of the rows, dense and with a column of ones; kept if it is one part alone."""
        n, width = self.n, self.shape[1]
        rows = max(1, BLOCK_VALUES // width)
        if n > rows:
            return (self.part(slice(first, min(first + rows, n))) for first in range(0, n, rows))
        if self.only_part is None:
            self.only_part = self.part(slice(0, n))
        return (self.only_part,)

    def part(self, rows: slice) -> tuple[slice, NDArray[np.float64]]:
        """Return some rows."""
        end_here_if_due()
        return rows, np.column_stack([dense(self.problem.X[rows]), np.ones(rows.stop - rows.start)])

    @cached_property
    def root_mean_squares(self) -> NDArray[np.float64]:
        """The weighted root mean squares of the columns, that of the intercept's ones the last."""
        weights, squares = self.problem.weights, np.zeros(self.shape[1])
        for part, A in self.parts():
            s = np.ones(len(A)) if weights is None else weights[part]
            squares += s @ (A * A)
        return np.sqrt(squares / self.n)

    def derivatives(self, Y: Any, Z: Any) -> tuple[dict[tuple[int, int], NDArray[np.float64]], NDArray[np.float64]]:
        """Return d loss / dz_o dz_o' of rows for outputs o <= o', those that are zero left out, and d loss / dz_o."""
        formulas, c, k = self.model.formulas, self.model.c, Z.shape[1]
        if not formulas.coupled:
            ahead, behind = (formulas.gradient(Y, Z + h, c) for h in (DIFFERENCE, -DIFFERENCE))
            own = (ahead - behind) / (2 * DIFFERENCE)
            return {(o, o): own[:, o] for o in range(k)}, (ahead + behind) / 2
        second: dict[tuple[int, int], NDArray[np.float64]] = {}
        for other in range(k):
            step = np.zeros(k)
            step[other] = DIFFERENCE
            ahead, behind = (formulas.gradient(Y, log_normalised(Z + sign * step), c) for sign in (1, -1))
            second |= {(o, other): (ahead[:, o] - behind[:, o]) / (2 * DIFFERENCE) for o in range(other + 1)}
        return second, formulas.gradient(Y, log_normalised(Z), c)
