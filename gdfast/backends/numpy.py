"""The NumPy backend: the shortest text, and the specification that the other backends are tested against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import end_is_due
from gdfast.backends.intervals import multiple_of, settle_interval
from gdfast.backends.points import sums_at_points
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.backends.together import one_by_one
from gdfast.data.csr import CSR
from gdfast.data.order import fill_order
from gdfast.data.problem import Problem
from gdfast.formulas.losses import log_normalised
from gdfast.formulas.penalties import cumulative_l1, penalty_value, soft_threshold
from gdfast.formulas.update_rules import averaged, clipped, correction
from gdfast.formulas.vocabulary import maximum, minimum
from gdfast.options.model import Model

__all__ = ["Kernels", "fill_order", "power_costs"]


class Kernels:
    """The kernels for one Problem and one Model.

    `batch` runs one full-batch epoch for each of rates and writes a cost for each: the loss at its start (with
    `objective` J, penalty included). `stochastic` runs the Updates asked for (gdfast/backends/protocol.py) from the
    state's place in the order of samples. Both return the number of updates done, which are fewer where Ctrl-C or the
    time limit ended the call. Where epoch e of the call is bad (a cost or an iterate that is not finite) they stop and
    return ~e: e epochs of this call are good (batch: e costs are written, and the last good epoch is e - 1 epochs
    after the start). `sums_at` returns the sum of s_i loss_i and the penalty anywhere, by the same additions as an
    epoch, and leaves the gradient of the first in G (k, d + 1), the intercept's last.
    With `by_columns=False` the compiled backends take X by rows also where it has few features; n_threads is for
    the compiled core. X may be sparse (gdfast/data/csr.py); an update costs O(d) here all the same.
    """

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None:
        self.problem, self.X, self.Y, self.model = problem, problem.X, problem.Y, model
        self.by_columns = by_columns
        self.weights = None if problem.weights is None else problem.weights[:, None]
        self.sparse = isinstance(problem.X, CSR)
        self.value, self.gradient = model.formulas.value, model.formulas.gradient
        self.rule = model.formula
        self.factors: Any = 1.0 if model.factors is None else model.factors
        self.shrinks = bool(np.any(model.l2 > 0))  # in a Stack l2 is a column
        self.G = np.empty((self.Y.shape[1], self.X.shape[1] + 1))
        # AdamW's, which leaves the intercept alone.
        self.decay: Any = np.append(np.full(self.X.shape[1], model.decay), 0.0) if model.decay > 0 else 0.0

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""
        n = len(self.X)
        with np.errstate(all="ignore"):
            for e, eta in enumerate(rates.tolist()):
                try:
                    total, extra = self.sums_at(state.W, state.b)
                except EndIsDueError:  # of rows in blocks
                    return e
                if not np.isfinite(total + n * extra):
                    return ~e
                costs[e] = total / n + extra * objective
                self.update(state, 1.0 / n, eta, e)
                if not finite(state):
                    return ~(e + 1)
        return len(rates)

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch (batch_size > 1) or SGD updates."""
        n, size, position, ended = len(self.X), state.batch_size or 1, state.position, 0
        steps, rates, by_step, wanted, costs = updates
        with np.errstate(all="ignore"):
            for done in range(steps):
                if end_is_due():
                    return done
                if position == 0:
                    state.sums[0] = 0.0
                    if state.shuffle and not fill_order(state.order, state.seed, state.epoch + ended, end_is_due):
                        return done
                rows = state.order[position * size : (position + 1) * size]
                eta = float(rates[done if by_step else ended])
                state.sums[0] += self.sums(rows, state.W, state.b)
                self.update(state, 1.0 / len(rows), eta, done)
                position += 1
                if position * size >= n:
                    if not (np.isfinite(state.sums[0]) and finite(state)):
                        return ~ended
                    costs[ended] = state.sums[0] / n
                    if len(wanted):
                        costs[ended] = self.cost_at(state.W, state.b, False) if wanted[ended] else np.nan
                        if wanted[ended] and not np.isfinite(n * costs[ended]):
                            return ~ended
                    ended, position = ended + 1, 0
        return steps

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
        return settle_interval(self.X, False, batch_size)

    def steps_of_call(self, state: State, steps: int) -> int:
        """Return about so many updates, after which a call may end within an epoch."""
        return multiple_of(self.settle_interval(state.batch_size or 1), steps)

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool = True) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty at W and b; with `gradient` the sum's is in self.G."""
        with np.errstate(all="ignore"):
            total = self.sums(slice(None), W, b) if gradient else self.loss_at(W, b)
            return total, self.penalty(W)

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J at W and b; with `gradient` as `sums_at` leaves it in self.G."""
        total, extra = self.sums_at(W, b, gradient)
        return total / len(self.X) + extra

    def loss_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the sum of s_i loss_i at W and b."""
        with np.errstate(all="ignore"):
            return float(self.losses(slice(None), W, b)[0].sum())

    def sums_at_points(
        self, points: NDArray[np.float64], costs: bool = True
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the sum of s_i loss_i at each point (without costs None) and its gradient; EndIsDueError ends it."""
        with np.errstate(all="ignore"):
            return sums_at_points(self.problem, self.model, points, costs)

    def sums(self, rows: Any, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the sum of s_i loss_i over rows, and put its gradient into G."""
        values, X, Y, Z = self.losses(rows, W, b)
        R = self.gradient(Y, Z, self.model.c)
        if self.weights is not None:
            R = R * self.weights[rows]
        self.G[:, :-1] = product(X, R.T, left=True)
        np.add.reduce(R, axis=0, out=self.G[:, -1])
        return float(np.add.reduce(values, axis=None))

    def losses(self, rows: Any, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], Any, Any, Any]:
        """Return s_i loss_i of rows, with their X, Y and Z."""
        whole = isinstance(rows, slice)
        X = self.X if whole else self.X[rows] if self.sparse else self.X.take(rows, axis=0)
        Y = self.Y if whole else self.Y.take(rows, axis=0)
        Z = product(X, W.T)
        Z += b
        if self.model.formulas.coupled:
            Z = log_normalised(Z)
        values = self.value(Y, Z, self.model.c)
        return values if self.weights is None else values * self.weights[rows], X, Y, Z

    def penalty(self, W: NDArray[Any]) -> float:
        """Return the penalty at W."""
        if self.model.l2 == 0 and self.model.l1 == 0:
            return 0.0
        values = penalty_value(W.astype(np.float64, copy=False), self.model.l2, self.model.l1)
        return float((self.factors * values).sum())

    def update(self, state: State, scale: float, eta: float, done: int) -> None:
        """Take one step along the gradient scale G, the call's number `done`: l2, clipping, the rule, l1, bounds."""
        model, G, t = self.model, self.G, state.steps + done + 1
        if scale != 1.0:
            G *= scale
        if self.shrinks:
            G[:, :-1] += model.l2 * self.factors * state.W
        if not model.intercept:
            G[:, -1] = 0.0
        clip(G, model)
        c1 = c2 = 1.0
        if self.rule.corrected:
            c1, c2 = correction(model.mu, t), correction(model.rho, t)
        iterate: Any = np.column_stack([state.W, state.b]) if model.decay > 0 else 0.0  # no other rule reads it
        numbers = (eta, model.mu, model.rho, model.eps, self.decay, c1, c2)
        step, m, v = self.rule.step(
            iterate, G, state.M if state.M.size else 0.0, state.V if state.V.size else 0.0, *numbers
        )
        state.W += step[:, :-1]
        if model.intercept:
            state.b += step[:, -1]
        for kept, new in ((state.M, m), (state.V, v)):
            if kept.size:
                kept[:] = new
        if model.l1 > 0:
            rate = self.rule.rate(state.V[:, :-1] if state.V.size else 0.0, eta, model.mu, model.eps, c2)
            self.shrink(state, model.l1 * rate * self.factors)
        if model.low is not None and model.high is not None:
            state.W[:] = maximum(minimum(state.W, model.high), model.low)
        if state.count >= 0:
            gain = state.gain or 1.0 / (state.count + done + 1)
            state.A[:] = averaged(state.A, np.column_stack([state.W, state.b]), gain)

    def shrink(self, state: State, threshold: Any) -> None:
        """Take the proximal step of l1; in SGD the pending part of the cumulative penalty."""
        if state.batch_size != 1:
            state.W[:] = soft_threshold(state.W, threshold)
            return
        Q = state.Q[:, :-1]
        if state.U.size:
            state.U[:, :-1] += threshold
            pending: Any = state.U[:, :-1]
        else:
            state.sums[1] += threshold
            pending = float(state.sums[1])
        new = cumulative_l1(state.W, Q, pending).astype(state.W.dtype, copy=False)
        Q += new - state.W
        state.W[:] = new


def product(X: Any, B: NDArray[Any], left: bool = False) -> NDArray[np.float64]:
    """Return X B (left: B X) in float64, made in X's dtype: of B scaled, so that it does not overflow before B does."""
    if X.dtype == np.float64:
        return np.asarray(B @ X if left else X @ B)
    largest = float(np.abs(B).max())
    scale = largest if 0.0 < largest < np.inf else 1.0
    B = (B / scale).astype(X.dtype)
    return np.asarray(np.multiply(B @ X if left else X @ B, scale, dtype=np.float64))


def clip(G: NDArray[np.float64], model: Model) -> None:
    """Clip a whole gradient by norm, then by value."""
    if model.clip_norm < np.inf:
        norm = np.sqrt((G * G).sum())
        if norm > model.clip_norm:
            G *= model.clip_norm / norm
    if model.clip_value < np.inf:
        G[:] = clipped(G, model.clip_value)


def finite(state: State) -> bool:
    """Tell whether the iterate is finite."""
    return bool(np.isfinite(state.W).all() and np.isfinite(state.b).all())


def power_costs(
    *,
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
