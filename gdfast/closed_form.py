"""The whole path of full-batch descent on a squared error, from one QR of the data (docs/closed-form.md).

One streaming QR of the rows sqrt(s_i / n) [x_i 1 | y_i], with sqrt(alpha) e_j below for l2, leaves
R = [[R11, c], [0, rho]]. With the singular values S of R11 = U S V' descent is one sequence of numbers in
each direction: w_k = V [phi_k V'w_0 + (1 - phi_k) / S U'c], J_k = (rho^2 + sum_i q_i^2 phi_k,i^2) / 2,
q = S V'w_0 - U'c, where phi_k tells what is left of the start after k epochs (gdfast/decay.py).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.data.csr import CSR, dense
from gdfast.data.problem import Problem
from gdfast.decay import Decay, Epochs, sum_of_squares
from gdfast.options.model import Model
from gdfast.plan import Plan

__all__ = ["Factors", "Path", "factorize", "missing_requirements"]

# A block of rows for one QR: half a megabyte, which the second-level cache holds.
BLOCK_VALUES = 65_536
EPS = np.finfo(np.float64).eps

# What the closed form needs of a plan, each with how to say it; the error of solver="closed_form" is written from here.
REQUIREMENTS = {
    "loss='squared_error'": lambda plan: plan.model.loss == "squared_error",
    "the full batch (batch_size=None)": lambda plan: plan.batch_size is None,
    "penalty None or 'l2'": lambda plan: plan.model.l1 == 0,
    "an optimizer of gd, momentum and nesterov": lambda plan: not plan.model.formula.adaptive,
    "no bounds, clipping or averaging": lambda plan: not (plan.model.constrained or plan.model.averaging),
    "no ReduceOnPlateau": lambda plan: plan.rates.plateau is None,
    "neither validation nor gradient_tol": lambda plan: plan.validation is None and plan.gradient_tol is None,
    "an empty record and no callbacks": lambda plan: not (plan.record or plan.callbacks),
    "on_divergence 'warn' or 'raise'": lambda plan: plan.on_divergence != "backtrack",
    "history 'objective' or 'none' with a penalty": lambda plan: plan.objective or plan.model.l2 == 0,
}


def missing_requirements(problem: Problem, plan: Plan) -> list[str]:
    """Return what the closed form needs and this problem and this plan do not have."""
    missing = ["a dense X"] if isinstance(problem.X, CSR) else []
    return missing + [name for name, holds in REQUIREMENTS.items() if not holds(plan)]


@dataclass(frozen=True, slots=True)
class Factors:
    """All that descent on a problem will ever need: r directions that are not null, k outputs, p parameters."""

    V: NDArray[np.float64]  # (p, r)
    s: NDArray[np.float64]  # (r,), falling
    h: NDArray[np.float64]  # (r, k): U'c
    rest: float  # the sum of squares that no parameter changes
    size: float  # the norm of c, against which rounding is measured

    @property
    def curvatures(self) -> NDArray[np.float64]:
        """The curvatures of J along the directions."""
        with np.errstate(over="ignore"):
            return self.s * self.s


def triangle(problem: Problem, model: Model, l2: Any) -> NDArray[np.float64]:
    """Return R of the streaming QR: blocks of rows, R stacked on the next block."""
    n, d = problem.X.shape
    p, k = d + model.intercept, problem.Y.shape[1]
    R = np.empty((0, p + k))
    size = max(2 * (p + k), BLOCK_VALUES // (p + k))
    for first in range(0, n, size):
        stop = min(n, first + size)
        block = np.empty((len(R) + stop - first, p + k))
        block[: len(R)] = R
        rows = block[len(R) :]
        rows[:, :d] = dense(problem.X[first:stop])
        if model.intercept:
            rows[:, d] = 1.0
        rows[:, p:] = problem.Y[first:stop]
        weights = 1.0 if problem.weights is None else problem.weights[first:stop, None]
        rows *= np.sqrt(weights / n)
        R = only_r(block)
    if np.max(l2) > 0:
        ridge = np.zeros((d, p + k))
        np.fill_diagonal(ridge, np.sqrt(l2))
        R = only_r(np.vstack([R, ridge]))
    return R


def only_r(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R of a QR decomposition."""
    R: Any = np.linalg.qr(rows, mode="r")
    return np.asarray(R)


def factorize(problem: Problem, model: Model, scaled_l2: float | None = None) -> Factors:
    """Return the Factors of a problem, with the model's l2 or another."""
    p = problem.X.shape[1] + model.intercept
    l2: Any = model.l2 if scaled_l2 is None else scaled_l2
    R = triangle(problem, model, l2 if model.factors is None else l2 * model.factors)
    c = R[:p, p:]
    U, s, Vt = np.linalg.svd(R[:p, :p], full_matrices=False)
    rank = int((s > max(problem.X.shape) * EPS * s[0]).sum())
    h = U.T @ c
    with np.errstate(over="ignore"):
        rest, size = float((R[p:, p:] ** 2).sum() + (h[rank:] ** 2).sum()), float(np.linalg.norm(c))
    return Factors(np.ascontiguousarray(Vt[:rank].T), s[:rank], h[:rank], rest, size)


class Path:
    """The descent on Factors from a start: cost and parameters after any epoch, none of them walked to."""

    def __init__(
        self, factors: Factors, start: NDArray[np.float64], decay: Decay, n: int, largest: float = math.inf
    ) -> None:
        self.factors, self.start, self.decay, self.n = factors, start, decay, n
        self.largest = largest  # a coefficient beyond it is infinite in the data's dtype
        self.full_rank = len(factors.s) == len(factors.V)
        with np.errstate(over="ignore", invalid="ignore"):
            self.along = factors.V.T @ start  # (r, k)
            reached = factors.s[:, None] * self.along
            self.q = reached - factors.h
            size = factors.size + float(np.linalg.norm(reached))
            weak = (np.abs(self.q) <= 8 * EPS * size).all(axis=1) & np.isfinite(size)
            self.still = weak & decay.grows()  # rounding that would grow: such a direction stands still
            self.sizes = np.where(self.still, 0.0, np.sqrt((self.q * self.q).sum(axis=1)))
        self.known = -1, np.empty(0), np.empty(0)

    def costs(self, epochs: Epochs) -> NDArray[np.float64]:
        """Return J after each of these epochs, in rising order."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.decay.costs(self.sizes, self.factors.rest, epochs)

    def cost_blocks(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield J after the epochs first .. last in blocks, each with its first epoch."""
        with np.errstate(over="ignore", invalid="ignore"):
            yield from self.decay.cost_blocks(self.sizes, self.factors.rest, first, last)

    def cost(self, epoch: int) -> float:
        """Return J after an epoch."""
        with np.errstate(over="ignore", invalid="ignore"):
            left = self.left_and_gone(epoch)[0]
            return float(0.5 * (self.factors.rest + sum_of_squares(left, self.sizes)))

    def left_and_gone(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch; the last asked for is remembered, since its cost follows."""
        if self.known[0] != epoch:
            left, gone = self.decay.at(epoch)
            if self.still.any():
                left, gone = np.where(self.still, 1.0, left), np.where(self.still, 0.0, gone)
            self.known = epoch, left, gone
        return self.known[1:]

    def parameters(self, epoch: int) -> NDArray[np.float64]:
        """Return the parameters after an epoch, (p, k)."""
        V, s, h = self.factors.V, self.factors.s, self.factors.h
        with np.errstate(over="ignore", invalid="ignore"):
            left, gone = (part[:, None] for part in self.left_and_gone(epoch))
            if self.full_rank:
                return V @ (left * self.along + gone / s[:, None] * h)
            # What lies outside the directions stays as it is.
            return self.start + V @ (gone * (h / s[:, None] - self.along))

    def finite(self, epoch: int) -> bool:
        """Tell whether n J after an epoch is a finite number, and every coefficient."""
        if not math.isfinite(self.n * self.cost(epoch)):
            return False
        return self.largest == math.inf or bool(np.abs(self.parameters(epoch)).max() <= self.largest)

    @property
    def grows(self) -> bool:
        """Whether the costs grow without end."""
        return bool((self.decay.grows() & (self.sizes > 0)).any())

    def bad_epoch(self, epochs: int) -> int | None:
        """Return the first epoch, up to the last, whose cost is not finite."""
        if not (self.grows or self.largest < math.inf) or self.finite(epochs):
            return None
        good, bad = 0, epochs
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if self.finite(middle) else (good, middle)
        return bad
