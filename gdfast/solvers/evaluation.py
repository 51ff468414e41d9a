"""Evaluation of an iterate by passes over all rows: J, the norm of its gradient, the validation cost."""

import math
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.cached_property import cached_property
from gdfast._utils.interrupt import UNINTERRUPTED
from gdfast.backends import load
from gdfast.backends.blocks import BlockKernels
from gdfast.backends.protocol import KernelSet
from gdfast.data.problem import Problem
from gdfast.formulas.penalties import projected_subgradient, smallest_subgradient
from gdfast.solvers.plan import Plan

__all__ = ["Evaluator", "norm", "objective_at"]

SQUARED = 1e-150, 1e150  # between them a value's square, and a sum of many, is a float of full precision


class Evaluator:
    """Evaluates iterates of a Problem, by kernels that training has between its evaluations."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.rows, self.plan, self.model = len(problem.X), plan, plan.model
        self.validated = 0 if plan.validation is None else len(plan.validation.X)  # rows
        self.kernels: KernelSet
        if problem.blocks is not None:
            self.kernels = BlockKernels(problem, plan.model, plan.backend, plan.n_threads)
        else:
            self.kernels = load(plan.backend).Kernels(problem, plan.model, plan.batch_size is None, plan.n_threads)

    @cached_property
    def validator(self) -> KernelSet:
        """The kernels of the validation rows, for the loss alone."""
        model = replace(self.model, l2=0.0, l1=0.0, factors=None)
        kernels: KernelSet = load(self.plan.backend).Kernels(self.plan.validation, model, True, self.plan.n_threads)
        return kernels

    def close(self) -> None:
        """End the threads; another evaluation starts them again."""
        self.kernels.close()
        if "validator" in vars(self):
            self.validator.close()

    def objective(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = False) -> float:
        """Return J: by the same additions as an epoch's, so equal to the bit; `gradient_norm` needs its gradient."""
        with UNINTERRUPTED:
            return float(self.kernels.cost_at(W, b, gradient))

    def overflows(self, cost: float) -> bool:
        """Tell whether the sum that a cost is the mean of leaves the finite numbers."""
        return not np.isfinite(self.rows * cost)

    def loss(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the mean loss without the penalty."""
        with UNINTERRUPTED:
            return float(self.kernels.sums_at(W, b, gradient=False)[0] / self.rows)

    def gradient_norm(self, W: NDArray[Any]) -> float:
        """Return the norm of J's smallest subgradient at W, projected on the bounds, after its `objective`."""
        model, W, G = self.model, W.astype(np.float64), self.kernels.G / self.rows
        factors: Any = 1.0 if model.factors is None else model.factors
        slopes = smallest_subgradient(W, G[:, :-1] + model.l2 * factors * W, model.l1 * factors)
        if model.low is not None:
            slopes = projected_subgradient(W, slopes, model.low, model.high)
        return norm(slopes, model.intercept * G[:, -1])

    def validation_cost(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the mean loss over the validation rows, without penalty."""
        total, _ = self.validator.sums_at(W, b, gradient=False)
        return float(total / self.validated)


def norm(*parts: NDArray[np.float64]) -> float:
    """Return the 2-norm of all values together; those whose squares are no floats are scaled by a power of two."""
    largest = float(max(np.abs(part).max(initial=0.0) for part in parts))
    if SQUARED[0] < largest < SQUARED[1]:
        return float(np.sqrt(sum((part * part).sum() for part in parts)))
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    power = math.frexp(largest)[1]
    with np.errstate(over="ignore"):
        scaled = [np.ldexp(part, -power) for part in parts]
        return float(np.ldexp(np.sqrt(sum((part * part).sum() for part in scaled)), power))


def objective_at(problem: Problem, plan: Plan, W: NDArray[Any], b: NDArray[np.float64]) -> float:
    """Return J by kernels of its own, so that it can be asked for at any time, by any thread or process."""
    with closing(Evaluator(problem, plan)) as evaluator:
        return evaluator.objective(W, b)
