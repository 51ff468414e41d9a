"""The Numba backend: the kernels of src/ as jitted functions, compiled once for each loss and update rule.

Each module of this folder is one subject, as the files of src/ are for the compiled core.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.intervals import settle_interval
from gdfast.backends.numba.closed_form import power_costs
from gdfast.backends.numba.kernels import compile_kernels
from gdfast.backends.numba.pending import nothing_pending
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.data.csr import CSR
from gdfast.data.problem import Problem
from gdfast.formulas.constants import FEW_FEATURES
from gdfast.options.model import Model

__all__ = ["Kernels", "power_costs"]


class Numbers(NamedTuple):
    """A Model's numbers."""

    c: float
    l2: float
    l1: float
    intercept: bool
    mu: float
    rho: float
    eps: float
    decay: float
    clip_norm: float
    clip_value: float
    even: bool  # l2 is the same for every coefficient, and there is no l1


def model_numbers(model: Model) -> Numbers:
    """Return a Model's numbers."""
    step = (model.mu, model.rho, model.eps, model.decay, model.clip_norm, model.clip_value)
    return Numbers(model.c, model.l2, model.l1, model.intercept, *step, model.l1 == 0 and model.factors is None)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        self.X, self.Y = problem.X, problem.Y
        none = np.empty(0)
        self.weights = none if problem.weights is None else problem.weights
        self.numbers = model_numbers(model)
        ones = np.ones(self.X.shape[1]) if model.factors is None else model.factors
        bounds = tuple(none if limit is None else limit for limit in (model.low, model.high))
        self.limits = (model.l2 * ones, model.l1 * ones, 0.0 * ones, *bounds)
        self.G = np.empty((self.Y.shape[1], self.X.shape[1] + 1))
        sparse = isinstance(self.X, CSR)
        self.few = by_columns and self.X.shape[1] <= FEW_FEATURES and not sparse
        simple = not (model.checked or model.averaging or model.formula.adaptive or model.factors is not None)
        self.line = self.few and simple and self.G.shape == (1, 2)
        self.columns: tuple[NDArray[Any], NDArray[np.float64]] | None = None
        self.lazy = sparse and model.lazy
        self.compiled = compile_kernels(model.loss, model.custom, model.rule, model.checked, sparse, self.lazy)
        self.rows = (self.X.data, self.X.indices, self.X.indptr) if isinstance(self.X, CSR) else self.X
        self.every = self.settle_interval(1)
        self.pending = nothing_pending(self.every + 1, self.X.shape[1] * (model.l1 > 0)) if self.lazy else 0

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""
        return settle_interval(self.X, self.lazy and batch_size == 1, batch_size)

    def data(self) -> Any:
        """Return what a pass over all rows reads."""
        if self.few and self.columns is None:
            self.columns = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
        X, Y = (self.rows, self.Y) if self.columns is None else self.columns
        return X, Y, self.weights

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        arrays = state.M, state.V, state.A, state.Q, state.U
        arrays_and_counts = (arrays, state.sums, state.steps, state.count, state.gain)
        return self.epochs(state.W, state.b, arrays_and_counts, rates, objective, costs, False)

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; the loss's summed gradient is in self.G."""
        sums, none = np.empty(2), np.empty((0, 0))
        self.epochs(W, b, ((none,) * 5, sums, 0, -1, 0.0), np.zeros(1), True, sums, True)
        return float(sums[0]), float(sums[1])

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J: as an epoch at rate 0 finds it, since a second copy of the same sums may round otherwise."""
        shape, costs = self.G.shape, np.full(1, np.inf)
        arrays = tuple(np.zeros(shape) for _ in range(5))
        self.epochs(W.copy(), b.copy(), (arrays, np.zeros(2), 0, -1, 0.0), np.zeros(1), True, costs, False)
        if gradient:
            self.sums_at(W, b)
        return float(costs[0])

    def epochs(
        self, W: Any, b: Any, arrays_and_counts: Any, rates: Any, objective: bool, costs: Any, look: bool
    ) -> int:
        """Run full-batch epochs, or look at the first."""
        if self.line:
            M = arrays_and_counts[0][0]
            return self.compiled.batch_line(*self.data(), self.numbers, W, b, M, self.G, rates, objective, costs, look)
        return self.compiled.batch(
            *self.data(),
            self.few,
            self.numbers,
            self.limits,
            W,
            b,
            *arrays_and_counts,
            self.G,
            rates,
            objective,
            costs,
            look,
        )

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""
        arrays = state.M, state.V, state.A, state.Q, state.U
        return self.compiled.stochastic(
            self.rows, self.Y, self.weights, self.numbers, self.limits, state.W, state.b, arrays, state.sums,
            state.steps, state.count, state.gain, self.G,
            state.order, state.batch_size or 1, state.shuffle, np.uint64(state.seed), state.epoch, state.position,
            *updates, self.pending, self.every,
        )  # fmt: skip
