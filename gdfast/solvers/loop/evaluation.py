"""Evaluation of an iterate by passes over all rows: J, the norm of its gradient, the validation cost."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import load
from gdfast.data.problem import Problem
from gdfast.formulas.penalties import projected_subgradient, smallest_subgradient
from gdfast.solvers.plan import Plan

__all__ = ["Evaluator"]


class Evaluator:
    """Measures iterates of a Problem, by the kernels of its descent."""

    def __init__(self, problem: Problem, plan: Plan, kernels: Any) -> None:
        self.rows, self.model, self.kernels = len(problem.X), plan.model, kernels
        self.validator: Any = None
        self.validated = 0  # rows
        if plan.validation is not None:
            model = replace(plan.model, l2=0.0, l1=0.0, factors=None)
            self.validated = len(plan.validation.X)
            self.validator = load(plan.backend).Kernels(plan.validation, model, True, plan.n_threads)

    def objective(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = False) -> float:
        """Return J: by the same additions as an epoch's, so equal to the bit; `gradient_norm` needs its gradient."""
        return float(self.kernels.cost_at(W, b, gradient))

    def overflows(self, cost: float) -> bool:
        """Tell whether the sum that a cost is the mean of leaves the finite numbers."""
        return not np.isfinite(self.rows * cost)

    def loss(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the mean loss without the penalty."""
        return float(self.kernels.sums_at(W, b)[0] / self.rows)

    def gradient_norm(self, W: NDArray[Any]) -> float:
        """Return the norm of J's smallest subgradient at W, projected on the bounds, after its `objective`."""
        model, W, G = self.model, W.astype(np.float64), self.kernels.G / self.rows
        factors: Any = 1.0 if model.factors is None else model.factors
        slopes = smallest_subgradient(W, G[:, :-1] + model.l2 * factors * W, model.l1 * factors)
        if model.low is not None:
            slopes = projected_subgradient(W, slopes, model.low, model.high)
        return float(np.sqrt((slopes * slopes).sum() + model.intercept * (G[:, -1] * G[:, -1]).sum()))

    def validation_cost(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the mean loss over the validation rows, without penalty."""
        total, _ = self.validator.sums_at(W, b)
        return float(total / self.validated)
