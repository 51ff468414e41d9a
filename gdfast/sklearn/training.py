"""One target after another: epochs of scikit-learn's SGD, its schedules and its stopping rules."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.formulas.losses import LOSSES
from gdfast.sklearn.updates import RowUpdates, Task, forward_shuffle

__all__ = ["Conduct", "Outcome", "train"]

SMALLEST_RATE = 1e-6  # below which "adaptive" stops


@dataclass(frozen=True, slots=True)
class Conduct:
    """How long, at which rates and in which order to train."""

    max_iter: int
    tol: float | None
    n_iter_no_change: int
    learning_rate: str
    eta0: float
    power_t: float
    alpha: float
    shuffle: bool
    seed: int
    average: int  # the update from which the mean is taken; 0: none
    t: float = 1.0  # the number of the first update
    verbose: int = 0
    validation: NDArray[np.bool_] | None = None  # the rows that are kept out
    score: Callable[[NDArray[Any], float], float] | None = None  # of the model on them


class Outcome(NamedTuple):
    """What a training left."""

    coef: NDArray[Any]
    intercept: float
    mean_coef: NDArray[Any] | None
    mean_intercept: float
    n_iter: int


class Patience:
    """Counts epochs without progress: a value that does not fall below the lowest by more than tol."""

    def __init__(self, tol: float | None, n_iter_no_change: int, rising: bool) -> None:
        self.tol, self.most, self.rising = tol, n_iter_no_change, rising
        self.best, self.count = np.inf, 0

    def is_out(self, value: float) -> bool:
        """Take an epoch's value, and tell whether progress has been missed too often in a row."""
        if self.rising:  # a score: what is as good as the best plus tol is progress
            missed = self.tol is not None and -value > self.best - self.tol
            value = -value
        else:
            missed = self.tol is not None and value > self.best - self.tol
        self.count = self.count + 1 if missed else 0
        self.best = min(self.best, value)
        return self.count >= self.most


def rates_of(conduct: Conduct, task: Task, t: float, steps: int) -> NDArray[np.float64]:
    """Return the rates of the updates t, t + 1, ..."""
    number = t + np.arange(steps)
    if conduct.learning_rate == "optimal":
        typical = np.sqrt(1.0 / np.sqrt(conduct.alpha))
        slope = float(LOSSES[task.loss].gradient(np.float64(1.0), -typical, task.c))
        return np.asarray(1.0 / (conduct.alpha * (1.0 / (typical / max(1.0, slope) * conduct.alpha) + number - 1.0)))
    if conduct.power_t == 0.25:
        return np.asarray(conduct.eta0 / np.sqrt(np.sqrt(number)))  # ten times as fast as a power
    return np.asarray(conduct.eta0 / number**conduct.power_t)


class Epochs:
    """Epochs of one training: the order of rows, the rates, and where they stand."""

    def __init__(self, task: Task, conduct: Conduct, updates: RowUpdates) -> None:
        n = len(task.X)
        self.task, self.conduct, self.updates = task, conduct, updates
        self.places = forward_shuffle(n, conduct.seed) if conduct.shuffle else None
        self.order = np.tile(np.arange(n, dtype=np.int32), 2)
        self.learners = n if conduct.validation is None else int(n - conduct.validation.sum())
        self.by_step = conduct.learning_rate in ("optimal", "invscaling")
        self.eta, self.t, self.done = conduct.eta0, conduct.t, 0

    @property
    def most_at_once(self) -> int:
        """How many epochs one call may take; 0: an epoch is cut into several calls."""
        told = self.conduct.verbose > 0 or self.conduct.validation is not None
        return 0 if told else self.updates.steps_of_a_call // self.learners

    def run(self, count: int) -> NDArray[np.float64]:
        """Do so many epochs, and return the objective of each; raises ValueError where one is not finite."""
        n, updates = len(self.task.X), self.updates
        if count <= self.most_at_once:
            rates = rates_of(self.conduct, self.task, self.t, count * n) if self.by_step else np.array([self.eta])
            objectives = updates.epochs(self.order, self.places, count, rates)
        else:
            objectives = np.array([self.one()])
            objectives = objectives[: int(updates.finite())]
        self.done += len(objectives)
        self.t += len(objectives) * self.learners
        if len(objectives) < count:
            raise ValueError(
                f"Floating-point under-/overflow occurred at epoch #{self.done + 1}. Scaling input data with "
                "StandardScaler or MinMaxScaler might help."
            )
        return objectives

    def one(self) -> float:
        """Do one epoch in several calls, without the rows that validate; return its objective."""
        n, updates, mask = len(self.task.X), self.updates, self.conduct.validation
        if self.places is not None:
            self.order[:n] = self.order[self.places]
        rows = self.order[:n] if mask is None else self.order[:n][~mask[self.order[:n]]]
        updates.begin_epoch()
        for first in range(0, self.learners if self.by_step else 0, updates.steps_of_a_call):
            steps = min(self.learners - first, updates.steps_of_a_call)
            updates.run(rows, first, rates_of(self.conduct, self.task, self.t + first, steps))
        if not self.by_step:
            updates.run(rows, 0, np.array([self.eta]))
        return (updates.losses + updates.penalties) / self.learners

    def value(self, objective: float) -> float:
        """Return what patience watches: the objective, or the score of the model by now."""
        score, average = self.conduct.score, self.conduct.average
        if score is None:
            return objective
        return score(*(self.updates.average() if 0 < average < self.t else self.updates.iterate()))


def train(task: Task, conduct: Conduct, start: Outcome) -> Outcome:
    """Train from a start; raises ValueError where a number is no longer finite after an epoch."""
    watched = conduct.verbose > 0 or (conduct.score is None and conduct.tol is not None)
    mean = (start.mean_coef, start.mean_intercept) if conduct.average else None
    updates = RowUpdates(replace(task, watched=watched), start.coef, start.intercept, mean, conduct.t - conduct.average)
    epochs = Epochs(task, conduct, updates)
    patience = Patience(conduct.tol, conduct.n_iter_no_change, conduct.score is not None)
    started = time.monotonic()
    while epochs.done < conduct.max_iter:
        count = min(conduct.max_iter - epochs.done, max(1, epochs.most_at_once))
        if conduct.tol is not None:
            count = min(count, 1 + epochs.done // 4)  # what goes beyond the end is done in vain
        out = step(epochs, count, patience)
        if conduct.verbose > 0:
            tell(epochs, started, out)
        if out:
            if conduct.learning_rate != "adaptive" or epochs.eta <= SMALLEST_RATE:
                break
            epochs.eta /= 5.0
            patience.count = 0
    coef, intercept = updates.iterate()
    if not conduct.average:
        return Outcome(coef, intercept, None, 0.0, epochs.done)
    return Outcome(coef, intercept, *updates.average(), epochs.done)


def step(epochs: Epochs, count: int, patience: Patience) -> bool:
    """Do so many epochs, or those until patience is out, and tell whether it is.

    All are done in one call, and where patience is out before its end, that part again from where it began.
    """
    if count == 1:
        return patience.is_out(epochs.value(float(epochs.run(1)[0])))
    before = epochs.updates.copies(), epochs.order.copy(), epochs.t, epochs.done
    try:
        objectives = epochs.run(count)
    except ValueError:  # perhaps patience is out before that epoch
        back(epochs, *before)
        return step(epochs, 1, patience)
    for done, value in enumerate(objectives.tolist(), 1):
        if patience.is_out(value):
            if done < count:
                back(epochs, *before)
                epochs.run(done)
            return True
    return False


def back(epochs: Epochs, copies: Any, order: NDArray[np.int32], t: float, done: int) -> None:
    """Stand where epochs were before."""
    epochs.updates.recall(copies)
    epochs.order[:] = order
    epochs.t, epochs.done = t, done


def tell(epochs: Epochs, started: float, out: bool) -> None:
    """Print an epoch's lines."""
    updates, rows = epochs.updates, epochs.learners
    coef, intercept = updates.iterate()
    objective = (updates.losses + updates.penalties) / rows
    line = (
        f"Norm: {np.linalg.norm(coef):.2f}, NNZs: {np.count_nonzero(coef)}, Bias: {intercept:.6f}, "
        f"T: {epochs.done * rows}, Avg. loss: {updates.losses / rows:f}, Objective: {objective:f}"
    )
    print(f"-- Epoch {epochs.done}")
    print(line if epochs.conduct.score is None else f"{line}, Validation score: {epochs.value(objective):f}")
    seconds = time.monotonic() - started
    print(f"Total training time: {seconds:.2f} seconds.")
    if out and epochs.conduct.learning_rate != "adaptive":
        print(f"Convergence after {epochs.done} epochs took {seconds:.2f} seconds")
