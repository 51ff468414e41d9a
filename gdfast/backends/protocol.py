"""What a backend is: kernels for one problem and one model, which change a State in place."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.options.model import Model

__all__ = ["KernelSet", "PowerCosts", "Updates"]


class Updates(NamedTuple):
    """What a call of `stochastic` is to do.

    It runs `steps` updates from the state's place in the order of samples, and writes into `costs` for each epoch
    that ends the mean over it of s_i loss_i just before each update; or, where `wanted` has a place for each such
    epoch, J at its end where it is marked, else NaN (a sum that is not wanted is made only as far as it takes to check
    that it is finite). `rates` are by epoch, the current one first, or by step.
    """

    steps: int
    rates: NDArray[np.float64]
    by_step: bool
    wanted: NDArray[np.bool_]  # empty: J is never wanted
    costs: NDArray[np.float64]


class KernelSet(Protocol):
    """The methods that the Kernels of every backend have.

    gdfast/backends/numpy.py is their specification.

    Parameters
    ----------
    problem : Problem
        The data.
    model : Model
        The objective and the update rule.
    by_columns : bool, default True
        Whether a compiled backend may read X by columns where it has few features.
    n_threads : int, default 1
        Number of threads, at least 1. Only the compiled core has more than one.
    """

    G: NDArray[np.float64]  # (k, d + 1), where a gradient is left

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None: ...

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs, changing the state in place."""

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = True) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty; with `gradient` that of the sum is left in G."""

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J, equal to the bit to the cost that an epoch computes."""

    def sums_at_points(
        self, points: NDArray[np.float64], costs: bool = True
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the sum of s_i loss_i at each of points (count, k, d + 1), and its gradients (count, k, d + 1).

        A point's intercepts stand last; without `costs` the first is None. X is float64. No bit depends on the other
        points, or on n_threads. Raises EndIsDueError where Ctrl-C or the time limit ends the pass.
        """

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates, changing the state in place."""

    def can_run_together(self, states: Sequence[State], models: Sequence[Model] | None = None) -> bool:
        """Tell whether `stochastic_together` takes each row once for such configurations; else it gains nothing."""

    def stochastic_together(
        self, states: Sequence[State], updates: Sequence[Updates], models: Sequence[Model] | None = None
    ) -> list[int]:
        """Run `stochastic` for each state, and return what it returns for each.

        `models` are those of the configurations, which are the kernels' own where they are left out. States and costs
        are those of `stochastic` to rounding, 1e-12 relative at stable rates, and depend on no chunk borders; the last
        bits may depend on which configurations share the rows. Where J is wanted the running sum is left as it is. One
        that is not finite changes nothing for the others.
        """

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of how many updates a call of `stochastic` may end within an epoch."""

    def steps_of_call(self, state: State, steps: int) -> int:
        """Return about so many updates, after which a call may end within an epoch, at least one."""

    def close(self) -> None:
        """End the threads, if there are any; the kernels can still be called."""


class PowerCosts(Protocol):
    """The function power_costs that every backend has; gdfast/backends/numpy.py is its specification."""

    def __call__(
        self,
        *,
        sizes: NDArray[np.float64],
        firsts: NDArray[np.float64],
        powers: NDArray[np.float64],
        base: float,
        costs: NDArray[np.float64],
    ) -> None:
        """Write costs[B (B g + b) + j] = base + sum_i sizes[g, i] firsts[b, i] powers[i, j], B the width of powers."""
