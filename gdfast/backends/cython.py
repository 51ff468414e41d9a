"""The Cython backend: the compiled kernels of src/, called with the arrays of a Problem and a State."""

import numpy as np
from numpy.typing import NDArray

from gdfast.plan import Model
from gdfast.problem import Problem
from gdfast.state import State

try:
    from gdfast._core import descent, path
except ImportError as error:
    raise ImportError(f"gdfast's compiled core is not there ({error})") from error

__all__ = ["FEW_FEATURES", "Kernels", "numbers_of", "power_costs"]

power_costs = path.power_costs

# Up to here X is kept by columns, and full-batch epochs are vectorised over rows: a row is too short to be.
FEW_FEATURES = 8


def numbers_of(model: Model) -> tuple[int, float, float, float, int, float, bool]:
    """Return a Model as the numbers that the compiled switches read."""
    loss, rule = descent.LOSSES.index(model.loss), descent.OPTIMIZERS.index(model.rule)
    return loss, model.c, model.l2, model.l1, rule, model.mu, model.intercept


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model) -> None:
        self.X, self.Y, self.weights = problem.X, problem.Y, problem.weights
        self.numbers = numbers_of(model)
        k, d = self.Y.shape[1], self.X.shape[1]
        self.part, self.G = np.empty(d, self.X.dtype), np.empty((k, d + 1))
        self.columns: tuple[NDArray[np.floating], NDArray[np.float64]] | None = None

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        few = self.X.shape[1] <= FEW_FEATURES
        if few and self.columns is None:
            self.columns = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
        X, Y = self.columns if few and self.columns is not None else (self.X, self.Y)
        return descent.batch(
            X, Y, self.weights, few, self.numbers,
            state.W, state.b, state.M, state.kept_W, state.kept_b, self.part, self.G, rates, objective, costs,
        )  # fmt: skip

    def stochastic(
        self, state: State, steps: int, rates: NDArray[np.float64], by_step: bool, costs: NDArray[np.float64]
    ) -> int:
        """Run mini-batch or SGD updates."""
        return descent.stochastic(
            self.X, self.Y, self.weights, self.numbers,
            state.W, state.b, state.M, state.kept_W, state.kept_b, self.part, self.G, state.Q, state.sums,
            state.order, state.batch_size or 1, state.shuffle, state.seed, state.epoch, state.position,
            steps, rates, by_step, costs,
        )  # fmt: skip
