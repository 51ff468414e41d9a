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


def train(task: Task, conduct: Conduct, start: Outcome) -> Outcome:
    """Train from a start; raises ValueError where a number is no longer finite after an epoch."""
    n = len(task.X)
    watched = conduct.score is None and (conduct.tol is not None or conduct.verbose > 0)
    mean = (start.mean_coef, start.mean_intercept) if conduct.average else None
    updates = RowUpdates(
        replace(task, watched=watched or conduct.verbose > 0),
        start.coef, start.intercept, mean, conduct.t - conduct.average,
    )  # fmt: skip
    order = np.arange(n, dtype=np.int32)
    places = forward_shuffle(n, conduct.seed) if conduct.shuffle else None
    learners = n if conduct.validation is None else int(n - conduct.validation.sum())
    by_step = conduct.learning_rate in ("optimal", "invscaling")
    eta, t = conduct.eta0, conduct.t
    patience = Patience(conduct.tol, conduct.n_iter_no_change, conduct.score is not None)
    started = time.monotonic()
    for epoch in range(1, conduct.max_iter + 1):
        if conduct.verbose > 0:
            print(f"-- Epoch {epoch}")
        if places is not None:
            order = order.take(places)
        rows = order if conduct.validation is None else order[~conduct.validation[order]]
        updates.begin_epoch()
        if by_step:
            first = 0
            while first < learners:
                steps = min(learners - first, updates.steps_of_a_call)
                updates.run(rows, first, rates_of(conduct, task, t, steps))
                first += steps
                t += steps
        else:
            updates.run(rows, 0, np.array([eta]))
            t += learners
        if not updates.finite():
            raise ValueError(
                f"Floating-point under-/overflow occurred at epoch #{epoch}. Scaling input data with StandardScaler "
                "or MinMaxScaler might help."
            )
        objective = (updates.losses + updates.penalties) / learners
        value = objective
        if conduct.score is not None:
            value = conduct.score(*(updates.average() if 0 < conduct.average < t else updates.iterate()))
        if conduct.verbose > 0:
            tell(updates, epoch * learners, learners, objective, None if conduct.score is None else value, started)
        if patience.is_out(value):
            if conduct.learning_rate != "adaptive" or eta <= SMALLEST_RATE:
                if conduct.verbose > 0:
                    print(f"Convergence after {epoch} epochs took {time.monotonic() - started:.2f} seconds")
                break
            eta /= 5.0
            patience.count = 0
    coef, intercept = updates.iterate()
    if not conduct.average:
        return Outcome(coef, intercept, None, 0.0, epoch)
    return Outcome(coef, intercept, *updates.average(), epoch)


def tell(updates: RowUpdates, t: int, rows: int, objective: float, score: float | None, started: float) -> None:
    """Print an epoch's line."""
    coef, intercept = updates.iterate()
    line = (
        f"Norm: {np.linalg.norm(coef):.2f}, NNZs: {np.count_nonzero(coef)}, Bias: {intercept:.6f}, T: {t}, "
        f"Avg. loss: {updates.losses / rows:f}, Objective: {objective:f}"
    )
    print(line if score is None else f"{line}, Validation score: {score:f}")
    print(f"Total training time: {time.monotonic() - started:.2f} seconds.")
