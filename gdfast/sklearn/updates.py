"""SGD with scikit-learn's conventions: the updates, and the order in which rows are taken.

`RowUpdates.take` is the specification of the compiled `as_sklearn`, and what runs without the compiled core. Of a row x
with target y, weight s and z = x.w + b, at rate eta, an update

- counts the loss and the penalty, both as they are before it, where the objective is watched;
- finds u = -eta loss'(y, z), the slope held within +-1e12, or a passive-aggressive step; times s;
- shrinks w by max(0, 1 - eta l2), then adds u x to it, and (u - eta sink) decay to the intercept;
- takes the iterate into the mean, once as many updates as `average` says have been made;
- draws the row's own coefficients towards zero by the l1 that they owe (Tsuruoka, Tsujii and Ananiadou 2009, ACL).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import choose
from gdfast.data.csr import CSR, row_squares
from gdfast.formulas import losses
from gdfast.formulas.penalties import cumulative_l1
from gdfast.formulas.update_rules import clipped

__all__ = ["RowUpdates", "Task", "forward_shuffle"]

# Places in `RowUpdates.memory`; src/sklearn.pxi says what each is.
SCALE, INTERCEPT, MEAN_INTERCEPT, OWED, MEAN_A, MEAN_B, COUNT, LOSSES, PENALTIES, SQUARES, SIZES, REST = PLACES = range(
    12
)
LARGEST_SLOPE = 1e12
SMALLEST_SCALE = 1e-9
NO_ROWS = np.zeros(0, np.int32)
VALUES_OF_A_CALL = 2**22  # of X: some 10 ms, after which Ctrl-C is heard


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One target to learn: data and objective as numbers."""

    X: Any  # (n, d), float64 or float32: a C-ordered array, or a CSR
    y: NDArray[np.float64]  # (n,), -1 and +1 for classification
    weights: NDArray[np.float64] | None  # (n,), of samples and classes; None: all are 1
    loss: str
    c: float  # the loss's parameter
    l2: float
    l1: float
    fit_intercept: bool = True
    sink: float = 0.0  # what the intercept loses at rate 1, whatever the row
    passive: int = 0  # 1 or 2: passive-aggressive updates of the first or second kind
    aggressiveness: float = 1.0
    watched: bool = True  # losses and penalties are summed


class RowUpdates:
    """The iterate, its mean, and what updates by rows of a Task remember."""

    def __init__(self, task: Task, w: NDArray[Any], intercept: float, mean: tuple[Any, float] | None, count: float):
        d = task.X.shape[1]
        self.task = task
        self.w = np.array(w, dtype=task.X.dtype).reshape(1, d)  # the coefficients are memory's scale times it
        self.memory: NDArray[np.float64] = np.zeros(len(PLACES))
        self.memory[[SCALE, MEAN_B]] = 1.0
        self.memory[INTERCEPT] = intercept
        self.mean: NDArray[np.float64] | None = None  # (1, d + 1), the last place the compiled core's
        self.carried: Any = 0.0
        if mean is not None:
            self.mean = np.append(np.asarray(mean[0], np.float64), 0.0).reshape(1, -1)
            if count <= 0:  # a mean that begins anew upon an old one: scikit-learn's adds the old one's share
                self.carried = self.mean[0, :-1].copy()
                self.mean[:] = 0.0
            self.memory[MEAN_INTERCEPT], self.memory[COUNT] = mean[1], count
        self.applied: NDArray[np.float64] | None = np.zeros(d) if task.l1 > 0 else None
        self.decay = 0.01 if isinstance(task.X, CSR) else 1.0
        self.memory[SQUARES] = float(np.square(self.w, dtype=np.float64).sum())
        self.memory[SIZES] = float(np.abs(self.w).sum(dtype=np.float64))
        values = len(task.X.data) // len(task.X) if isinstance(task.X, CSR) else d
        self.steps_of_a_call = max(256, VALUES_OF_A_CALL // (values + 16))
        self.compiled = choose() == "cython"
        if self.compiled:
            self.prepare()

    def prepare(self) -> None:
        """Make what the compiled core reads."""
        from gdfast._core import descent

        task, d = self.task, self.w.shape[1]
        scratch, sums = np.empty(4 * descent.SGD_SPAN), np.zeros((1, 2 + 2 * d))
        rows = len(task.X)
        self.passes = descent.Passes(task.X, task.y[:, None], task.weights, None, None, sums, rows, scratch)
        objective = (descent.LOSSES.index(task.loss), task.c, task.l2, 0.0, task.fit_intercept)
        rule = (descent.UPDATE_RULES.index("gd"), False, True, 0.0, 0.0, 0.0, 0.0)
        self.numbers = (*objective, *rule, np.inf, np.inf, False, LARGEST_SLOPE, True, False)
        self.habits = (task.l1, task.sink, self.decay, task.passive, task.aggressiveness, task.watched)
        by_fours = not isinstance(task.X, CSR) and task.l2 > 0 and task.watched
        self.row_squares = row_squares(task.X) if by_fours else None

    def run(self, rows: NDArray[np.int32], first: int, rates: NDArray[np.float64]) -> None:
        """Take the rows from `first` on, one for each of rates; or, rates being one number, all that are left."""
        steps = len(rows) - first if len(rates) == 1 else len(rates)
        if not self.compiled:
            with np.errstate(all="ignore"):
                for i in range(steps):
                    self.take(int(rows[first + i]), float(rates[i if len(rates) > 1 else 0]))
            return
        done = 0
        while done < steps:
            count = min(steps - done, self.steps_of_a_call)
            self.call(rows[first + done :], count, rates if len(rates) == 1 else rates[done:])
            done += count

    def call(self, *arguments: Any) -> int:
        """Call the compiled updates."""
        from gdfast._core import descent

        as_sklearn: Any = descent.as_sklearn
        state = (self.w, self.memory, self.mean, self.applied)
        return int(as_sklearn(self.passes, self.numbers, self.habits, *state, self.row_squares, *arguments))

    def epochs(
        self, order: NDArray[np.int32], places: NDArray[np.int32] | None, count: int, rates: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Take all rows in so many epochs, and return the mean of losses and penalties of each.

        order (2 n,) has in its first half that of the epoch before, places tell where in it the next one finds its
        rows. Fewer epochs are returned where an iterate is not finite.
        """
        objectives: NDArray[np.float64] = np.empty(count)
        if self.compiled:
            return objectives[: self.call(NO_ROWS, 0, rates, order, places, objectives)]
        n = len(self.task.X)
        for epoch in range(count):
            if places is not None:
                order[:n] = order[places]
            self.begin_epoch()
            self.run(order[:n], 0, rates if len(rates) == 1 else rates[epoch * n : (epoch + 1) * n])
            objectives[epoch] = (self.losses + self.penalties) / n
            if not self.finite():
                return objectives[:epoch]
        return objectives

    def copies(self) -> list[NDArray[Any] | None]:
        """Return copies of all that updates change."""
        return [None if part is None else part.copy() for part in (self.w, self.memory, self.mean, self.applied)]

    def recall(self, copies: list[NDArray[Any] | None]) -> None:
        """Stand where copies were made."""
        for part, copy in zip((self.w, self.memory, self.mean, self.applied), copies, strict=True):
            if part is not None:
                part[:] = copy

    def take(self, i: int, eta: float) -> None:
        """Do one update, by row i."""
        task, loss, memory, w = self.task, losses.LOSSES[self.task.loss], self.memory, self.w[0]
        places: Any = slice(None)
        if isinstance(task.X, CSR):
            row = slice(task.X.indptr[i], task.X.indptr[i + 1])
            places, x = task.X.indices[row], task.X.data[row].astype(np.float64)
        else:
            x = task.X[i].astype(np.float64)
        scale, b = memory[SCALE], memory[INTERCEPT]
        y, z = task.y[i], scale * float(x @ w[places].astype(np.float64)) + b
        value, slope = float(loss.value(y, z, task.c)), float(loss.gradient(y, z, task.c))
        memory[LOSSES] += value * task.watched
        if task.watched and not task.passive:
            memory[PENALTIES] += 0.5 * task.l2 * memory[SQUARES] + task.l1 * memory[SIZES] + task.sink * b
        if task.passive:
            square = float(x @ x)
            if task.passive == 1 and square == 0:
                return
            if task.passive == 1:
                u = min(task.aggressiveness, value / square)
            else:
                u = value / (square + 0.5 / task.aggressiveness)
            u = -u if slope > 0 else u
        else:
            u = -eta * float(clipped(slope, LARGEST_SLOPE))
        if task.weights is not None:
            u *= task.weights[i]
        if task.l2 > 0:
            kept = max(0.0, 1.0 - eta * task.l2)
            memory[[SCALE, SQUARES, SIZES]] *= kept, kept * kept, kept
            if memory[SCALE] < SMALLEST_SCALE:
                self.take_in()
        scale = memory[SCALE]
        part = u / scale
        if u != 0:
            w[places] += part * x
            if task.watched and (task.l2 > 0 or task.l1 > 0):
                memory[SQUARES] = np.square(w, dtype=np.float64).sum() * scale * scale
                memory[SIZES] = np.abs(w).sum(dtype=np.float64) * scale
        if task.fit_intercept:
            memory[INTERCEPT] += (u - eta * task.sink) * self.decay
        if self.mean is not None:
            if memory[COUNT] >= 0:
                number = memory[COUNT] + 1.0
                self.mean[0, :-1][places] -= memory[MEAN_A] * part * x
                if number > 1.0:
                    memory[MEAN_B] /= 1.0 - 1.0 / number
                memory[MEAN_A] += memory[MEAN_B] * scale / number
                memory[MEAN_INTERCEPT] += (memory[INTERCEPT] - memory[MEAN_INTERCEPT]) / number
            memory[COUNT] += 1.0
        if self.applied is not None:
            memory[OWED] += task.l1 * eta
            old = scale * w[places].astype(np.float64)
            new = cumulative_l1(old, self.applied[places], memory[OWED])
            w[places] = new / scale
            self.applied[places] += new - old

    def take_in(self) -> None:
        """Multiply w by its scale, which becomes 1, and bring the mean up to it."""
        if self.mean is not None:
            self.mean[0, :-1] = (self.mean[0, :-1] + self.memory[MEAN_A] * self.w[0]) / self.memory[MEAN_B]
            self.memory[[MEAN_A, MEAN_B]] = 0.0, 1.0
        self.w *= self.memory[SCALE]
        self.memory[SCALE] = 1.0

    def begin_epoch(self) -> None:
        """Sum losses and penalties anew."""
        self.memory[[LOSSES, PENALTIES]] = 0.0

    @property
    def losses(self) -> float:
        """The sum of losses of this epoch, each before its own update."""
        return float(self.memory[LOSSES])

    @property
    def penalties(self) -> float:
        """The sum of the penalties likewise."""
        return float(self.memory[PENALTIES])

    @property
    def norm(self) -> float:
        """The 2-norm of the coefficients, as the penalty knows it."""
        return float(np.sqrt(self.memory[SQUARES]))

    def finite(self) -> bool:
        """Tell whether the iterate is finite."""
        return bool(np.isfinite(self.memory[INTERCEPT]) and np.isfinite(self.w).all())

    def iterate(self) -> tuple[NDArray[Any], float]:
        """Return the coefficients and the intercept."""
        return (self.w[0] * self.memory[SCALE]).astype(self.w.dtype), float(self.memory[INTERCEPT])

    def average(self) -> tuple[NDArray[Any], float]:
        """Return their means."""
        assert self.mean is not None
        mean = (self.memory[MEAN_A] * self.w[0] + self.mean[0, :-1]) / self.memory[MEAN_B]
        mean += self.carried / max(1.0, self.memory[COUNT])
        return mean.astype(self.w.dtype), float(self.memory[MEAN_INTERCEPT])


def forward_shuffle(n: int, seed: int) -> NDArray[np.int32]:
    """Return the places that a shuffle with this seed takes: order -> order[places].

    Fisher-Yates from the first place up, place i swapped with i + r mod (n - i), r from a 32-bit xorshift.
    """
    order = np.arange(n, dtype=np.int32)
    if choose() == "cython":
        from gdfast._core import descent

        descent.forward_shuffle(order, seed)
        return order
    rows = order.tolist()
    for i in range(n - 1):
        seed = seed or 1
        seed ^= seed << 13 & 0xFFFFFFFF
        seed ^= seed >> 17
        seed ^= seed << 5 & 0xFFFFFFFF
        j = i + (seed & 0x7FFFFFFF) % (n - i)
        rows[i], rows[j] = rows[j], rows[i]
    order[:] = rows
    return order
