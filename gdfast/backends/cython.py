"""The Cython backend: the compiled kernels of src/, called with the arrays of a Problem and a State."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.intervals import settle_interval
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.data.csr import CSR
from gdfast.data.problem import Problem
from gdfast.formulas.constants import BLOCK, FEW_FEATURES, SPAN
from gdfast.options.model import Model

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

try:
    from gdfast._core import descent, path
except ImportError as error:
    raise ImportError(f"gdfast's compiled core is not installed ({error})") from error

__all__ = ["Kernels", "compiled_numbers", "power_costs"]

power_costs = path.power_costs

# The rows of a pass are cut into slabs, which threads share: so many, no smaller than this, with so many sums in all.
MOST_SLABS = 64
LEAST_ROWS = 1024
SLAB_NUMBERS = 2**22
NO_ARRAYS = (np.empty((0, 0)),) * 5


def compiled_numbers(model: Model) -> tuple[Any, ...]:
    """Return a Model as the numbers that the compiled switches read."""
    loss, rule = descent.LOSSES.index(model.loss), descent.UPDATE_RULES.index(model.rule)
    objective = (loss, model.c, model.l2, model.l1, model.intercept)
    step = (rule, model.formula.corrected, model.formula.linear, model.mu, model.rho, model.eps, model.decay)
    return (*objective, *step, model.clip_norm, model.clip_value, model.checked, np.inf, False, model.formulas.coupled)


class Kernels:
    """The kernels for one Problem and one Model; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        X, Y = problem.X, problem.Y
        (n, d), k = X.shape, Y.shape[1]
        self.n = n
        self.G = np.empty((k, d + 1))
        columns = targets = None
        if by_columns and d <= FEW_FEATURES and not isinstance(X, CSR) and not model.formulas.coupled:
            columns, targets = np.ascontiguousarray(X.T), np.ascontiguousarray(Y.T)
        slab = slab_rows(n, k * (d + 1), len(X.data) if isinstance(X, CSR) else n * d)
        sums = np.zeros((-(-n // slab), 1 + k * (d + 1) + d))
        gradients = n if isinstance(X, CSR) else 0  # of a mini-batch's rows; memory is taken where it is written
        scratch = np.empty(max(4 * SPAN, gradients) * k)
        self.X, self.model = X, model
        self.window = self.until = None
        if isinstance(X, CSR) and model.lazy and model.l1 > 0:
            self.window, self.until = np.empty((3, self.settle_interval(1) + 1)), np.zeros(d, np.int32)
        self.helpers = min(n_threads, len(sums)) - 1
        self.pool: ThreadPoolExecutor | None = None
        self.process = os.getpid()  # of the pool: a forked child has none of its threads
        coupled = np.empty((len(sums), BLOCK * k)) if model.formulas.coupled else None
        passes = descent.Passes(X, Y, problem.weights, columns, targets, sums, slab, scratch, coupled)
        self.fixed = (passes, compiled_numbers(model), (model.factors, model.low, model.high))

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        counts = (state.arrays, state.sums, state.steps, state.count, state.gain)
        return self.epochs((state.W, state.b, *counts, self.G, rates, objective, costs, False))

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; the loss's summed gradient is in self.G."""
        sums = np.empty(3)
        self.epochs((W, b, NO_ARRAYS, sums, 0, -1, 0.0, self.G, np.zeros(1), True, sums, True))
        return float(sums[0]), float(sums[1])

    def epochs(self, others: Any) -> int:
        """Call `descent.batch`, with helpers that share its passes where there are any."""
        if self.helpers < 1:
            return int(descent.batch(*self.fixed, *others))
        if self.pool is None or self.process != os.getpid():
            from concurrent.futures import ThreadPoolExecutor  # not at every import of gdfast

            self.pool, self.process = ThreadPoolExecutor(self.helpers), os.getpid()
        crew = descent.Crew()
        arguments: Any = (*self.fixed, *others, crew)
        try:
            serving = [self.pool.submit(crew.serve, *self.fixed, *others[:2]) for _ in range(self.helpers)]
            result = int(descent.batch(*arguments))
        finally:
            crew.close()  # else helpers would wait for ever after an error, or a second Ctrl-C
        for helper in serving:
            helper.result()
        return result

    def close(self) -> None:
        """End the threads, if there are any; the next call starts them again."""
        if self.pool is not None and self.process == os.getpid():
            self.pool.shutdown()
        self.pool = None

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J at W and b; with `gradient` as `sums_at` leaves it in self.G."""
        total, extra = self.sums_at(W, b)
        return float(total / self.n + extra)

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""
        steps, rates, by_step, wanted, costs = updates
        return descent.stochastic(
            *self.fixed, state.W, state.b, state.arrays, state.sums, state.steps,
            state.count, state.gain, self.G, state.order, state.batch_size or 1, state.shuffle, state.seed,
            state.epoch, state.position, steps, rates, by_step, wanted.view(np.uint8), costs,
            self.settle_interval(state.batch_size or 1), self.window, self.until,
        )  # fmt: skip

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""
        lazy = self.model.lazy and (batch_size == 1 or self.model.l1 == 0)
        return settle_interval(self.X, lazy, batch_size)


def slab_rows(n: int, width: int, values: int) -> int:
    """Return the rows of a slab: fixed by the data alone, so that no bit depends on the threads that share slabs.

    A slab of sparse rows holds so many values at least that adding up its sums costs less than they do.
    """
    slabs = min(MOST_SLABS, -(-n // LEAST_ROWS), max(1, SLAB_NUMBERS // width), max(1, values // (2 * width)))
    return -(-n // slabs)
