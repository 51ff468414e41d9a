"""The factors of full-batch descent on a squared error, from one QR of the data.

They are derived at https://gdfast.readthedocs.io/en/latest/closed-form.html.

One streaming QR of the rows sqrt(s_i / n) [x_i 1 | y_i], with sqrt(alpha) e_j below for l2, leaves
R = [[R11, c], [0, rho]]. With the singular values S of R11 = U S V' descent is one sequence of numbers in
each direction: w_k = V [phi_k V'w_0 + (1 - phi_k) / S U'c], J_k = (rho^2 + sum_i q_i^2 phi_k,i^2) / 2,
q = S V'w_0 - U'c, where phi_k is the fraction of the initial error that remains after k epochs (modes.py).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import in_background
from gdfast.data.problem import Problem
from gdfast.data.triangle import only_r, triangle_of_rows
from gdfast.options.model import Model

__all__ = ["EPS", "Factors", "factorize", "triangle"]

EPS = np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class Factors:
    """All that descent on a problem will ever need: r directions that are not null, k outputs, p parameters."""

    V: NDArray[np.float64]  # (p, r)
    s: NDArray[np.float64]  # (r,), falling
    h: NDArray[np.float64]  # (r, k): U'c
    residual: float  # the sum of squares that no parameter changes
    size: float  # the norm of c, against which rounding is measured
    n: int  # rows

    @property
    def curvatures(self) -> NDArray[np.float64]:
        """The curvatures of J along the directions."""
        with np.errstate(over="ignore"):
            return self.s * self.s

    def objective(self, theta: NDArray[np.float64]) -> float:
        """Return J at parameters (p, k)."""
        with np.errstate(over="ignore"):
            missing = self.s[:, None] * (self.V.T @ theta) - self.h
            return 0.5 * (self.residual + float((missing * missing).sum()))

    def gradient(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient of J at parameters (p, k)."""
        missing = self.s[:, None] * (self.V.T @ theta) - self.h
        return np.asarray(self.V @ (self.s[:, None] * missing))


def triangle(problem: Problem, intercept: bool) -> NDArray[np.float64]:
    """Return R of the rows sqrt(s_i / n) [x_i 1 | y_i], or without the 1.

    Where they are parts of folds, R of these merged, which other folds share.
    """
    d, R = problem.X.shape[1], problem.triangle
    if R is None:
        parts = [] if problem.shared is None else problem.shared.get("parts", [])
        total = float(len(problem.X))
        if parts:
            total = sum(float(len(part.X)) if part.weights is None else float(part.weights.sum()) for part in parts)
            R = only_r(np.vstack([part.once("triangle", lambda part=part: of_rows(part)) for part in parts]))
        else:
            R = of_rows(problem)
        R = R / np.sqrt(total)
    return R if intercept else only_r(np.delete(R, d, axis=1))


def of_rows(problem: Problem) -> NDArray[np.float64]:
    """Return R of the rows of a problem, with the weights that it has."""
    return triangle_of_rows(problem.X, problem.Y, problem.weights)


def with_l2(R: NDArray[np.float64], l2: Any, d: int) -> NDArray[np.float64]:
    """Return R of the rows and, below them, of a penalty on d coefficients."""
    if np.max(l2) <= 0:
        return R
    ridge = np.zeros((d, R.shape[1]))
    np.fill_diagonal(ridge, np.sqrt(l2))
    return only_r(np.vstack([R, ridge]))


def factorize(problem: Problem, model: Model, scaled_l2: float | None = None) -> Factors:
    """Return the Factors of a problem, with the model's l2 or another."""
    l2: Any = model.l2 if scaled_l2 is None else scaled_l2
    l2 = l2 if model.factors is None else l2 * model.factors
    key = "factors", model.intercept, np.asarray(l2).tobytes()
    factors: Factors = problem.once(key, lambda: factors_of(problem, model.intercept, l2))
    return factors


def factors_of(problem: Problem, intercept: bool, l2: Any) -> Factors:
    """Return the Factors of a problem with a penalty, whose triangle without it several fits share."""
    n, d = problem.X.shape
    p = d + intercept
    R = with_l2(problem.once(("triangle", intercept), lambda: triangle(problem, intercept)), l2, d)
    c = R[:p, p:]
    U, s, Vt = in_background(20.0 * p**3, np.linalg.svd, R[:p, :p], full_matrices=False)
    rank = int((s > max(n, d) * EPS * s[0]).sum())
    h = U.T @ c
    with np.errstate(over="ignore"):
        residual, size = float((R[p:, p:] ** 2).sum() + (h[rank:] ** 2).sum()), float(np.linalg.norm(c))
    return Factors(np.ascontiguousarray(Vt[:rank].T), s[:rank], h[:rank], residual, size, n)
