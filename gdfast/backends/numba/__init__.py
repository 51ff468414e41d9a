"""The Numba backend: the kernels of src/ as jitted functions, compiled once for each loss and update rule.

Each module of this folder is one subject, as the files of src/ are for the compiled core.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.intervals import multiple_of, settle_interval
from gdfast.backends.numba.closed_form import power_costs
from gdfast.backends.numba.kernels import compile_kernels
from gdfast.backends.numba.pending import nothing_pending
from gdfast.backends.numba.rows import SparseRows
from gdfast.backends.points import sums_at_points
from gdfast.backends.protocol import Updates
from gdfast.backends.state import KernelState, State
from gdfast.backends.together import one_by_one
from gdfast.data.csr import CSR
from gdfast.data.order import fill_order
from gdfast.data.problem import Problem
from gdfast.options.model import Model

__all__ = ["Kernels", "fill_order", "power_costs"]


NONE = np.empty(0)


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


class Limits(NamedTuple):
    """Each coefficient's penalty and bounds.

    They are not among the Numbers: what is given to a function that is not inlined is copied at each call.
    """

    l2: NDArray[np.float64]  # (d,), as the two below
    l1: NDArray[np.float64]
    no_l2: NDArray[np.float64]  # zeros
    low: NDArray[np.float64]  # empty: no bound
    high: NDArray[np.float64]


# Up to so many features full-batch epochs read a copy of X by columns. By rows numba's loops take up to three times as
# long with ten features, 1.3 times with forty, and as long with a hundred; more of them cost memory.
FEW_FEATURES = 32


class Data(NamedTuple):
    """The data by rows, or by columns for a pass over all of them."""

    X: Any
    Y: NDArray[np.float64]
    weights: NDArray[np.float64]  # empty: all are 1


def model_numbers(model: Model) -> Numbers:
    """Return a Model's numbers."""
    return Numbers(
        c=model.c,
        l2=model.l2,
        l1=model.l1,
        intercept=model.intercept,
        mu=model.mu,
        rho=model.rho,
        eps=model.eps,
        decay=model.decay,
        clip_norm=model.clip_norm,
        clip_value=model.clip_value,
        even=model.l1 == 0 and model.factors is None,
    )


def model_limits(model: Model, d: int) -> Limits:
    """Return the penalty and the bounds of d coefficients."""
    ones = np.ones(d) if model.factors is None else model.factors
    low, high = (NONE if bound is None else bound for bound in (model.low, model.high))
    return Limits(l2=model.l2 * ones, l1=model.l1 * ones, no_l2=0.0 * ones, low=low, high=high)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        self.problem, self.model, self.X, self.Y = problem, model, problem.X, problem.Y
        self.by_columns = by_columns
        self.numbers, self.limits = model_numbers(model), model_limits(model, self.X.shape[1])
        self.G = np.empty((self.Y.shape[1], self.X.shape[1] + 1))
        sparse = isinstance(self.X, CSR)
        self.few = by_columns and self.X.shape[1] <= FEW_FEATURES and not sparse
        simple = not (model.checked or model.averaging or model.formula.adaptive or model.factors is not None)
        self.line = self.few and simple and self.G.shape == (1, 2)
        self.lazy = sparse and model.lazy and not model.averaging
        self.compiled = compile_kernels(model.loss, model.custom, model.rule, model.checked, sparse, self.lazy)
        rows = SparseRows(self.X.data, self.X.indices, self.X.indptr) if isinstance(self.X, CSR) else self.X
        self.rows = Data(rows, self.Y, NONE if problem.weights is None else problem.weights)
        self.columns: Data | None = None  # made when they are first needed
        self.every = self.settle_interval(1)
        self.pending = nothing_pending(self.every + 1, self.X.shape[1] * (model.l1 > 0)) if self.lazy else 0

    def can_run_together(self, states: Sequence[State], models: Sequence[Model] | None = None) -> bool:
        """Return False: this backend runs one configuration after another."""
        return False

    def stochastic_together(
        self, states: Sequence[State], updates: Sequence[Updates], models: Sequence[Model] | None = None
    ) -> list[int]:
        """Run `stochastic` for each state, with the model of each."""
        return one_by_one(self, states, updates, models)

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""
        return settle_interval(self.X, self.lazy and batch_size == 1, batch_size)

    def steps_of_call(self, state: State, steps: int) -> int:
        """Return about so many updates, after which a call may end within an epoch."""
        return multiple_of(self.settle_interval(state.batch_size or 1), steps)

    def data(self) -> Data:
        """Return what a pass over all rows reads."""
        if self.few and self.columns is None:
            X, Y = np.ascontiguousarray(self.X.T), np.ascontiguousarray(self.Y.T)
            self.columns = Data(X, Y, self.rows.weights)
        return self.rows if self.columns is None else self.columns

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        return self.epochs(state.for_kernels(), rates, objective, costs, False)

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = True) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; the loss's summed gradient is in self.G."""
        sums = np.empty(3)
        self.epochs(KernelState(W, b, sums), np.zeros(1), True, sums, True)
        return float(sums[0]), float(sums[1])

    def sums_at_points(
        self, points: NDArray[np.float64], costs: bool = True
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the sum of s_i loss_i at each point (without costs None) and its gradient; EndIsDueError ends it."""
        with np.errstate(all="ignore"):
            return sums_at_points(self.problem, self.model, points, costs)

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J: as an epoch at rate 0 finds it, since a second copy of the same sums may round otherwise."""
        costs = np.full(1, np.inf)
        M, V, A, Q, U = np.zeros((5, *self.G.shape))
        state = KernelState(W.copy(), b.copy(), np.zeros(3), M, V, A, Q, U)
        self.epochs(state, np.zeros(1), True, costs, False)
        if gradient:
            self.sums_at(W, b)
        return float(costs[0])

    def epochs(self, state: KernelState, rates: Any, objective: bool, costs: Any, look: bool) -> int:
        """Run full-batch epochs, or look at the first."""
        later = (self.numbers, self.limits, state, self.G, rates, objective, costs, look)
        if self.line:
            return self.compiled.batch_line(self.data(), *later)
        return self.compiled.batch(self.data(), self.few, *later)

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""
        fields, order = state.for_kernels(), state.sample_order()
        return self.compiled.stochastic(
            self.rows, self.numbers, self.limits, fields, order, updates, self.G, self.pending, self.every
        )
