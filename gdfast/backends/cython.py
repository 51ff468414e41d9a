"""The Cython backend: the compiled kernels of src/, called with the arrays of a Problem and a State."""

from typing import Any

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


def numbers_of(model: Model) -> tuple[Any, ...]:
    """Return a Model as the numbers that the compiled switches read."""
    loss, rule = descent.LOSSES.index(model.loss), descent.OPTIMIZERS.index(model.rule)
    objective = (loss, model.c, model.l2, model.l1, model.intercept)
    step = (rule, model.formula.corrected, model.mu, model.rho, model.eps, model.decay)
    return (*objective, *step, model.clip_norm, model.clip_value, model.careful)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True) -> None:
        self.X, self.Y, self.weights = problem.X, problem.Y, problem.weights
        self.numbers, self.limits = numbers_of(model), (model.factors, model.low, model.high)
        k, d = self.Y.shape[1], self.X.shape[1]
        self.part, self.G = np.empty(d, self.X.dtype), np.empty((k, d + 1))
        self.no_arrays = (np.empty((0, 0)),) * 5
        self.few = by_columns and d <= FEW_FEATURES
        self.columns: tuple[NDArray[np.floating], NDArray[np.float64]] | None = None

    def data(self) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Return what a pass over all rows reads."""
        if self.few and self.columns is None:
            self.columns = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
        X, Y = (self.X, self.Y) if self.columns is None else self.columns
        return X, Y, self.weights, self.few, self.numbers, self.limits

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        return descent.batch(
            *self.data(), state.W, state.b, state.arrays, state.sums, state.steps, state.count, state.gain,
            self.part, self.G, rates, objective, costs, False,
        )  # fmt: skip

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; the loss's summed gradient is in self.G."""
        sums = np.empty(2)
        descent.batch(
            *self.data(), W, b, self.no_arrays, sums, 0, -1, 0.0, self.part, self.G, np.zeros(1), True, sums, True
        )
        return float(sums[0]), float(sums[1])

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J at W and b; with `gradient` as `sums_at` leaves it in self.G."""
        total, extra = self.sums_at(W, b)
        return total / len(self.X) + extra

    def stochastic(
        self,
        state: State,
        steps: int,
        rates: NDArray[np.float64],
        by_step: bool,
        wanted: NDArray[np.bool_],
        costs: NDArray[np.float64],
    ) -> int:
        """Run mini-batch or SGD updates."""
        return descent.stochastic(
            self.X, self.Y, self.weights, self.numbers, self.limits,
            state.W, state.b, state.arrays, state.sums, state.steps, state.count, state.gain, self.part, self.G,
            state.order, state.batch_size or 1, state.shuffle, state.seed, state.epoch, state.position,
            steps, rates, by_step, wanted.view(np.uint8), costs,
        )  # fmt: skip
