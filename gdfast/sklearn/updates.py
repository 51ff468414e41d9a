"""The updates of SGD by scikit-learn's conventions, and its sample order.

`RowUpdates.update` specifies the compiled `SklearnUpdates`, and runs where the compiled core is not available. For a
row x with target y, weight s and z = x.w + b, an update at the learning rate eta

- adds the loss and the penalty before the update to their sums, if the objective is tracked;
- computes u = -eta loss'(y, z), the gradient clipped to +-1e12, or a passive-aggressive step, and multiplies it by s;
- multiplies w by max(0, 1 - eta l2), rounded to the dtype of w, by a scale that is kept apart, then adds u x to it;
- adds (u - eta intercept_penalty) intercept_decay to b;
- updates the average of the iterates, once averaging has begun;
- applies the pending l1 penalty to the coefficients of the row (Tsuruoka, Tsujii and Ananiadou 2009, ACL).
"""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import BACKENDS, choose
from gdfast.data.csr import CSR, row_squares
from gdfast.formulas.constants import (
    ABSENT_SCALE,
    AVERAGE_A,
    AVERAGE_B,
    AVERAGE_COUNT,
    AVERAGE_INTERCEPT,
    INTERCEPT,
    L1_NORM,
    LOSS_SUM,
    PENALTY_SUM,
    PENDING_L1,
    SCALE,
    SMALLEST_SCALE,
    SMALLEST_SCALE_FLOAT32,
    SPAN,
    SQUARED_NORM,
    STATE_SIZE,
)
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import cumulative_l1
from gdfast.formulas.update_rules import clipped

__all__ = ["RowUpdates", "SGDProblem", "forward_shuffle"]

MAX_GRADIENT = 1e12
VALUES_PER_CALL = 2**22  # of X: about 10 ms, after which Ctrl-C is checked


@dataclass(frozen=True, slots=True, eq=False)
class SGDProblem:
    """Data and objective of one regression, binary classification or one-class SVM."""

    X: Any  # (n, d), float64 or float32: a C-ordered array, or a CSR
    y: NDArray[np.float64]  # (n,), -1 and +1 for classification
    sample_weight: NDArray[np.float64] | None  # (n,), multiplied by the class weights; None: all are 1
    loss: str
    loss_parameter: float
    l2: float
    l1: float
    fit_intercept: bool = True
    intercept_penalty: float = 0.0  # nu of the one-class SVM, whose objective has the term nu b
    passive_aggressive: int = 0  # 1 or 2 for learning_rate="pa1" or "pa2"
    aggressiveness: float = 1.0
    track_objective: bool = True  # whether losses and penalties are summed
    track_norm: bool = False  # whether `norm` is asked for
    track_scale: bool = False  # whether `unscaled_iterate` is asked for


class RowUpdates:
    """The iterate, its average and the further state of updates by single rows."""

    def __init__(
        self,
        problem: SGDProblem,
        coef: NDArray[Any],
        intercept: float,
        average: tuple[Any, float] | None,
        average_count: float,
        ended: threading.Event | None = None,
    ) -> None:
        X = problem.X
        d = X.shape[1]
        self.problem, self.ended = problem, ended
        self.w = np.array(coef, dtype=X.dtype).reshape(1, d)  # the coefficients are state[SCALE] w
        self.state: NDArray[np.float64] = np.zeros(STATE_SIZE)
        self.state[[SCALE, AVERAGE_B, ABSENT_SCALE]] = 1.0
        self.smallest_scale = SMALLEST_SCALE_FLOAT32 if X.dtype == np.float32 else SMALLEST_SCALE
        self.state[INTERCEPT] = intercept
        # The average of the coefficients is (state[AVERAGE_A] w + average_sum) / state[AVERAGE_B]. (1, d + 1), the last
        # entry is used by the compiled core only.
        self.average_sum: NDArray[np.float64] | None = None
        self.previous_average: Any = 0.0
        if average is not None:
            self.average_sum = np.append(np.asarray(average[0], np.float64), 0.0).reshape(1, -1)
            if average_count <= 0:  # averaging begins again, and scikit-learn adds a share of the previous average
                self.previous_average = self.average_sum[0, :-1].copy()
                self.average_sum[:] = 0.0
            self.state[AVERAGE_INTERCEPT], self.state[AVERAGE_COUNT] = average[1], average_count
        self.applied_l1: NDArray[np.float64] | None = np.zeros(d) if problem.l1 > 0 else None
        self.intercept_decay = 0.01 if isinstance(X, CSR) else 1.0  # scikit-learn's SPARSE_INTERCEPT_DECAY
        self.state[SQUARED_NORM] = float(np.square(self.w, dtype=np.float64).sum())
        self.state[L1_NORM] = float(np.abs(self.w).sum(dtype=np.float64))
        values_per_row = len(X.data) // len(X) if isinstance(X, CSR) else d
        self.updates_per_call = max(256, VALUES_PER_CALL // (values_per_row + 16))
        self.compiled = BACKENDS[choose()].scikit_learn
        if self.compiled:
            self.prepare_kernel()

    def prepare_kernel(self) -> None:
        """Make the updates of the compiled core, which change the arrays of this object."""
        from gdfast._core import descent

        problem, d = self.problem, self.w.shape[1]
        n = len(problem.X)
        uses_squares = not isinstance(problem.X, CSR) and problem.l2 > 0 and problem.track_objective
        passes = descent.Passes(
            X=problem.X,
            Y=problem.y[:, None],
            weights=problem.sample_weight,
            sums=np.zeros((1, 2 + 2 * d)),
            slab=n,
            scratch=np.empty(4 * SPAN),
        )
        model = descent.CompiledModel(
            loss=problem.loss,
            c=problem.loss_parameter,
            l2=problem.l2,
            l1=0.0,
            intercept=problem.fit_intercept,
            rule="gd",
            linear=True,
            limit=MAX_GRADIENT,
            floored=True,
        )
        self.kernel = descent.SklearnUpdates(
            passes=passes,
            model=model,
            w=self.w,
            state=self.state,
            average_sum=self.average_sum,
            applied_l1=self.applied_l1,
            row_squares=row_squares(problem.X) if uses_squares else None,
            l1=problem.l1,
            intercept_penalty=problem.intercept_penalty,
            intercept_decay=self.intercept_decay,
            passive_aggressive=problem.passive_aggressive,
            aggressiveness=problem.aggressiveness,
            track_objective=problem.track_objective,
            track_norm=problem.track_norm,
            track_scale=problem.track_scale,
        )

    def run_rows(self, rows: NDArray[np.int32], first: int, rates: NDArray[np.float64]) -> None:
        """Do one update for each learning rate, by the rows from `first` on; by all of them if there is one rate."""
        total = len(rows) - first if len(rates) == 1 else len(rates)
        if not self.compiled:
            self.check_ended()
            with np.errstate(all="ignore"):
                for i in range(total):
                    self.update(int(rows[first + i]), float(rates[i if len(rates) > 1 else 0]))
            return
        done = 0
        while done < total:
            self.check_ended()
            count = min(total - done, self.updates_per_call)
            later = rates if len(rates) == 1 else rates[done:]
            self.kernel.run_rows(rows=rows[first + done :], steps=count, rates=later)
            done += count

    def run_epochs(
        self, order: NDArray[np.int32], permutation: NDArray[np.int32] | None, count: int, rates: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Run `count` epochs on all rows, and return the mean of losses and penalties of each.

        The first half of order (2 n,) is the order of the epoch before, to which each epoch applies the permutation.
        Fewer epochs are returned if an iterate is not finite.
        """
        objectives: NDArray[np.float64] = np.empty(count)
        self.check_ended()
        if self.compiled:
            epochs = self.kernel.run_epochs(order=order, permutation=permutation, rates=rates, objectives=objectives)
            return objectives[:epochs]
        n = len(self.problem.X)
        for epoch in range(count):
            if permutation is not None:
                order[:n] = order[permutation]
            self.reset_sums()
            self.run_rows(order[:n], 0, rates if len(rates) == 1 else rates[epoch * n : (epoch + 1) * n])
            objectives[epoch] = (self.loss_sum + self.penalty_sum) / n
            if not self.is_finite():
                return objectives[:epoch]
        return objectives

    def check_ended(self) -> None:
        """Raise RuntimeError if the training of which this is a part has ended, by Ctrl-C or by another's error."""
        if self.ended is not None and self.ended.is_set():
            raise RuntimeError("the training of all classes has ended")

    def copy_state(self) -> list[NDArray[Any] | None]:
        """Return copies of all arrays that updates change."""
        arrays = (self.w, self.state, self.average_sum, self.applied_l1)
        return [None if array is None else array.copy() for array in arrays]

    def restore_state(self, copies: list[NDArray[Any] | None]) -> None:
        """Return to the state of which `copy_state` made copies."""
        arrays = (self.w, self.state, self.average_sum, self.applied_l1)
        for array, copy in zip(arrays, copies, strict=True):
            if array is not None:
                array[:] = copy

    def update(self, i: int, eta: float) -> None:
        """Do one update, by row i at the learning rate eta."""
        problem, loss, state, w = self.problem, LOSSES[self.problem.loss], self.state, self.w[0]
        columns: Any = slice(None)
        if isinstance(problem.X, CSR):
            entries = slice(problem.X.indptr[i], problem.X.indptr[i + 1])
            columns, x = problem.X.indices[entries], problem.X.data[entries].astype(np.float64)
        else:
            x = problem.X[i].astype(np.float64)
        scale, b = state[SCALE], state[INTERCEPT]
        y, z = problem.y[i], scale * float(x @ w[columns].astype(np.float64)) + b
        value = float(loss.value(y, z, problem.loss_parameter))
        gradient = float(loss.gradient(y, z, problem.loss_parameter))
        state[LOSS_SUM] += value * problem.track_objective
        if problem.track_objective and not problem.passive_aggressive:
            penalty = 0.5 * problem.l2 * state[SQUARED_NORM] + problem.l1 * state[L1_NORM]
            state[PENALTY_SUM] += penalty + problem.intercept_penalty * b
        if problem.passive_aggressive:
            square = float(x @ x)
            if problem.passive_aggressive == 1 and square == 0:
                return
            if problem.passive_aggressive == 1:
                u = min(problem.aggressiveness, value / square)
            else:
                u = value / (square + 0.5 / problem.aggressiveness)
            u = -u if gradient > 0 else u
        else:
            u = -eta * float(clipped(gradient, MAX_GRADIENT))
        if problem.sample_weight is not None:
            u *= problem.sample_weight[i]
        if problem.l2 > 0:
            shrinkage = float(w.dtype.type(max(0.0, 1.0 - eta * problem.l2)))
            state[SCALE] = w.dtype.type(state[SCALE] * shrinkage)
            state[[SQUARED_NORM, L1_NORM]] *= shrinkage * shrinkage, shrinkage
            if state[SCALE] < self.smallest_scale:
                self.apply_scale()
        scale = state[SCALE]
        step = u / scale
        if u != 0:
            w[columns] += step * x
            if problem.track_norm or (problem.track_objective and (problem.l2 > 0 or problem.l1 > 0)):
                counted = w[columns].astype(np.float64)  # of sparse rows scikit-learn counts the row's columns alone
                state[SQUARED_NORM] = np.square(counted).sum() * scale * scale
                state[L1_NORM] = np.abs(counted).sum() * scale
        if problem.fit_intercept:
            state[INTERCEPT] += (u - eta * problem.intercept_penalty) * self.intercept_decay
        if self.average_sum is not None:
            if state[AVERAGE_COUNT] >= 0:
                count = state[AVERAGE_COUNT] + 1.0
                self.average_sum[0, :-1][columns] -= state[AVERAGE_A] * step * x
                if count > 1.0:
                    state[AVERAGE_B] /= 1.0 - 1.0 / count
                state[AVERAGE_A] += state[AVERAGE_B] * scale / count
                state[AVERAGE_INTERCEPT] += (state[INTERCEPT] - state[AVERAGE_INTERCEPT]) / count
            state[AVERAGE_COUNT] += 1.0
        if self.applied_l1 is not None:
            state[PENDING_L1] += problem.l1 * eta
            old = scale * w[columns].astype(np.float64)
            new = cumulative_l1(old, self.applied_l1[columns], state[PENDING_L1])
            w[columns] = new / scale
            self.applied_l1[columns] += new - old

    def apply_scale(self) -> None:
        """Multiply w by its scale, which becomes 1, and bring the average up to date."""
        if self.average_sum is not None:
            total = self.average_sum[0, :-1] + self.state[AVERAGE_A] * self.w[0]
            self.average_sum[0, :-1] = total / self.state[AVERAGE_B]
            self.state[[AVERAGE_A, AVERAGE_B]] = 0.0, 1.0
        self.w *= self.state[SCALE]
        self.state[SCALE] = 1.0

    def reset_sums(self) -> None:
        """Set the sums of losses and penalties to zero."""
        self.state[[LOSS_SUM, PENALTY_SUM]] = 0.0

    @property
    def loss_sum(self) -> float:
        """The sum of the losses of this epoch, each before its own update."""
        return float(self.state[LOSS_SUM])

    @property
    def penalty_sum(self) -> float:
        """The sum of the penalties of this epoch, each before its own update."""
        return float(self.state[PENALTY_SUM])

    def is_finite(self) -> bool:
        """Return whether the iterate is finite."""
        return bool(np.isfinite(self.state[INTERCEPT]) and np.isfinite(self.w).all())

    def iterate(self) -> tuple[NDArray[Any], float]:
        """Return the coefficients and the intercept."""
        return (self.w[0] * self.state[SCALE]).astype(self.w.dtype), float(self.state[INTERCEPT])

    def unscaled_iterate(self) -> tuple[NDArray[Any], float]:
        """Return the coefficients before scikit-learn's scale is applied, which its scores use, and the intercept."""
        return (self.w[0] / self.state[ABSENT_SCALE]).astype(self.w.dtype), float(self.state[INTERCEPT])

    @property
    def norm(self) -> float:
        """The running 2-norm of the coefficients."""
        return float(np.sqrt(self.state[SQUARED_NORM]))

    def average(self) -> tuple[NDArray[Any], float]:
        """Return the averages of the coefficients and of the intercept."""
        assert self.average_sum is not None
        average = (self.state[AVERAGE_A] * self.w[0] + self.average_sum[0, :-1]) / self.state[AVERAGE_B]
        average += self.previous_average / max(1.0, self.state[AVERAGE_COUNT])
        return average.astype(self.w.dtype), float(self.state[AVERAGE_INTERCEPT])


def forward_shuffle(n: int, seed: int) -> NDArray[np.int32]:
    """Return the permutation of scikit-learn's shuffle with this seed, which is applied as order[permutation].

    Fisher-Yates from the first index up, i swapped with i + r mod (n - i), r from a 32-bit xorshift generator.
    """
    permutation = np.arange(n, dtype=np.int32)
    if BACKENDS[choose()].scikit_learn:
        from gdfast._core import descent

        descent.forward_shuffle(permutation, seed)
        return permutation
    values = permutation.tolist()
    for i in range(n - 1):
        seed = seed or 1
        seed ^= seed << 13 & 0xFFFFFFFF
        seed ^= seed >> 17
        seed ^= seed << 5 & 0xFFFFFFFF
        j = i + (seed & 0x7FFFFFFF) % (n - i)
        values[i], values[j] = values[j], values[i]
    permutation[:] = values
    return permutation
