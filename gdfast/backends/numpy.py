"""The NumPy backend: the shortest text, and the specification that the other backends are tested against."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.formulas.optimizers import OPTIMIZERS
from gdfast.formulas.penalties import cumulative_l1, penalty_value, soft_threshold
from gdfast.plan import Model
from gdfast.problem import Problem
from gdfast.sample_order import fill_order
from gdfast.state import State

__all__ = ["Kernels", "power_costs"]


class Kernels:
    """The kernels for one Problem and one Model.

    `batch` runs one full-batch epoch for each of rates and writes a cost for each: the loss at its
    start (with `objective` J, penalty included). `stochastic` runs `steps` updates from the state's
    place in the order of samples, and writes for each epoch that ends the mean over it of s_i loss_i
    just before each update; rates are by epoch, the current one first, or by step. Both return the
    number of updates done; where epoch e of the call is bad (DESIGN: a cost or an iterate that is not
    finite) they stop and return ~e, the number of epochs of this call that are good being e (batch: e
    costs are written, and the last good epoch is e - 1 epochs after the start). The iterate one epoch
    before the bad one is then in state.kept_W, state.kept_b.
    """

    def __init__(self, problem: Problem, model: Model) -> None:
        self.X, self.Y, self.model = problem.X, problem.Y, model
        self.weights = None if problem.weights is None else problem.weights[:, None]
        self.value, self.gradient = model.formulas.value, model.formulas.gradient
        self.rule = OPTIMIZERS[model.rule]

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        n = len(self.X)
        with np.errstate(all="ignore"):
            for e, eta in enumerate(rates.tolist()):
                total, G = self.sums(slice(None), state)
                extra = self.penalty(state)
                if not np.isfinite(total + n * extra):
                    return ~e
                costs[e] = total / n + extra * objective
                keep(state)
                self.update(state, G / n, eta)
                if not finite(state):
                    return ~(e + 1)
        return len(rates)

    def stochastic(
        self, state: State, steps: int, rates: NDArray[np.float64], by_step: bool, costs: NDArray[np.float64]
    ) -> int:
        """Run mini-batch (batch_size > 1) or SGD updates."""
        n, size, position, ended = len(self.X), state.batch_size or 1, state.position, 0
        with np.errstate(all="ignore"):
            for done in range(steps):
                if position == 0:
                    keep(state)
                    state.sums[0] = 0.0
                    if state.shuffle:
                        fill_order(state.order, state.seed, state.epoch + ended)
                rows = state.order[position * size : (position + 1) * size]
                eta = float(rates[done if by_step else ended])
                total, G = self.sums(rows, state)
                state.sums[0] += total
                if size == 1:
                    self.sgd_update(state, G, eta)
                else:
                    self.update(state, G / len(rows), eta)
                position += 1
                if position * size >= n:
                    if not (np.isfinite(state.sums[0]) and finite(state)):
                        return ~ended
                    costs[ended] = state.sums[0] / n
                    ended, position = ended + 1, 0
        return steps

    def sums(self, rows: Any, state: State) -> tuple[Any, NDArray[np.float64]]:
        """Return the sum of s_i loss_i over rows, and its gradient (k, d + 1), the intercept's last."""
        X, Y = self.X[rows], self.Y[rows]
        Z = (X @ state.W.T) + state.b
        values, R = self.value(Y, Z, self.model.c), self.gradient(Y, Z, self.model.c)
        if self.weights is not None:
            values, R = values * self.weights[rows], R * self.weights[rows]
        G = np.empty_like(state.M)
        G[:, :-1] = R.T.astype(X.dtype, copy=False) @ X
        G[:, -1] = R.sum(axis=0)
        return values.sum(), G

    def penalty(self, state: State) -> Any:
        """Return the penalty at W."""
        if self.model.l2 == 0 and self.model.l1 == 0:
            return 0.0
        return penalty_value(state.W.astype(np.float64, copy=False), self.model.l2, self.model.l1).sum()

    def step(self, state: State, G: NDArray[np.float64], eta: float) -> None:
        """Step along the gradient G of the loss and of l2."""
        G[:, :-1] += self.model.l2 * state.W
        step, state.M[:] = self.rule(G, state.M, eta, self.model.mu)
        state.W += step[:, :-1]
        if self.model.intercept:
            state.b += step[:, -1]

    def update(self, state: State, G: NDArray[np.float64], eta: float) -> None:
        """Take one step, then the proximal step of l1."""
        self.step(state, G, eta)
        if self.model.l1 > 0:
            state.W[:] = soft_threshold(state.W, eta * self.model.l1 / (1.0 - self.model.mu))

    def sgd_update(self, state: State, G: NDArray[np.float64], eta: float) -> None:
        """Take one step, then what the cumulative l1 penalty owes."""
        state.sums[1] += eta * self.model.l1 / (1.0 - self.model.mu)
        self.step(state, G, eta)
        if self.model.l1 > 0:
            Q = state.Q.reshape(state.W.shape)
            new = cumulative_l1(state.W, Q, float(state.sums[1])).astype(state.W.dtype, copy=False)
            Q += new - state.W
            state.W[:] = new


def keep(state: State) -> None:
    """Remember the iterate."""
    state.kept_W[:], state.kept_b[:] = state.W, state.b


def finite(state: State) -> bool:
    """Tell whether the iterate is finite."""
    return bool(np.isfinite(state.W).all() and np.isfinite(state.b).all())


def power_costs(
    sizes: NDArray[np.float64],
    firsts: NDArray[np.float64],
    powers: NDArray[np.float64],
    base: float,
    costs: NDArray[np.float64],
) -> None:
    """Write costs[B (B g + b) + j] = base + sum_i sizes[g, i] firsts[b, i] powers[i, j], B the width of powers."""
    width = powers.shape[1]
    for g, size in enumerate(sizes):
        part = costs[g * width * width : (g + 1) * width * width]
        part[:] = ((size * firsts) @ powers + base).ravel()[: len(part)]
