"""Training one binary classifier or regressor: scikit-learn's epochs, learning rate schedules and stopping rules."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.formulas.losses import LOSSES
from gdfast.sklearn.updates import RowUpdates, SGDProblem, forward_shuffle

__all__ = ["FitResult", "TrainingSettings", "train"]

MIN_LEARNING_RATE = 1e-6  # learning_rate="adaptive" stops below it


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Number of epochs, stopping rule, learning rates and sample order."""

    max_iter: int
    tol: float | None
    n_iter_no_change: int
    learning_rate: str
    eta0: float
    power_t: float
    alpha: float
    shuffle: bool
    seed: int
    average: int  # the update at which averaging begins; 0: no averaging
    t: float = 1.0  # the number of the first update
    verbose: int = 0
    validation_mask: NDArray[np.bool_] | None = None  # (n,), the rows that are not trained on
    validation_score: Callable[[NDArray[Any], float], float] | None = None  # a function of coefficients and intercept
    ended: threading.Event | None = None  # set where this training must end with others, of which it is one


class FitResult(NamedTuple):
    """The iterate and its average after n_iter epochs; with n_iter = 0 the start of training."""

    coef: NDArray[Any]
    intercept: float
    average_coef: NDArray[Any] | None
    average_intercept: float
    n_iter: int


class StoppingRule:
    """Stops after n_iter_no_change epochs in a row that do not improve the best value by more than tol."""

    def __init__(self, tol: float | None, n_iter_no_change: int, greater_is_better: bool) -> None:
        self.tol, self.n_iter_no_change, self.greater_is_better = tol, n_iter_no_change, greater_is_better
        self.best, self.no_improvement_count = np.inf, 0

    def update(self, value: float) -> bool:
        """Take the value of one epoch, and return whether to stop."""
        if self.greater_is_better:  # a score equal to the best plus tol is an improvement
            no_improvement = self.tol is not None and -value > self.best - self.tol
            value = -value
        else:
            no_improvement = self.tol is not None and value > self.best - self.tol
        self.no_improvement_count = self.no_improvement_count + 1 if no_improvement else 0
        self.best = min(self.best, value)
        return self.no_improvement_count >= self.n_iter_no_change


def learning_rates(settings: TrainingSettings, problem: SGDProblem, t: float, count: int) -> NDArray[np.float64]:
    """Return the learning rates of the updates t, t + 1, ..., t + count - 1."""
    numbers = t + np.arange(count)
    if settings.learning_rate == "optimal":
        typical = np.sqrt(1.0 / np.sqrt(settings.alpha))
        gradient = float(LOSSES[problem.loss].gradient(np.float64(1.0), -typical, problem.loss_parameter))
        initial_rate = typical / max(1.0, gradient)
        return np.asarray(1.0 / (settings.alpha * (1.0 / (initial_rate * settings.alpha) + numbers - 1.0)))
    if settings.power_t == 0.25:
        return np.asarray(settings.eta0 / np.sqrt(np.sqrt(numbers)))  # ten times as fast as the general power
    return np.asarray(settings.eta0 / numbers**settings.power_t)


class EpochLoop:
    """Runs epochs, and holds the sample order, the learning rate and the number of updates."""

    def __init__(self, problem: SGDProblem, settings: TrainingSettings, updates: RowUpdates) -> None:
        n, mask = len(problem.X), settings.validation_mask
        self.problem, self.settings, self.updates = problem, settings, updates
        self.permutation = forward_shuffle(n, settings.seed) if settings.shuffle else None
        self.order = np.tile(np.arange(n, dtype=np.int32), 2)
        self.n_train = n if mask is None else int(n - mask.sum())
        self.rate_changes_per_update = settings.learning_rate in ("optimal", "invscaling")
        self.eta, self.t, self.n_iter = settings.eta0, settings.t, 0

    @property
    def max_epochs_per_call(self) -> int:
        """The largest number of epochs in one kernel call; 0 if an epoch takes several calls."""
        settings = self.settings
        if settings.verbose > 0 or settings.validation_mask is not None:
            return 0
        return self.updates.updates_per_call // self.n_train

    def run(self, count: int) -> NDArray[np.float64]:
        """Run `count` epochs and return the objective of each; raise ValueError if an iterate is not finite."""
        n, updates = len(self.problem.X), self.updates
        if count <= self.max_epochs_per_call:
            if self.rate_changes_per_update:
                rates = learning_rates(self.settings, self.problem, self.t, count * n)
            else:
                rates = np.array([self.eta])
            objectives = updates.run_epochs(self.order, self.permutation, count, rates)
        else:
            objectives = np.array([self.run_one_epoch()])
            objectives = objectives[: int(updates.is_finite())]
        self.n_iter += len(objectives)
        self.t += len(objectives) * self.n_train
        if len(objectives) < count:
            raise ValueError(
                f"Floating-point under-/overflow occurred at epoch #{self.n_iter + 1}. Scaling input data with "
                "StandardScaler or MinMaxScaler might help."
            )
        return objectives

    def run_one_epoch(self) -> float:
        """Run one epoch on the training rows, in several kernel calls, and return its objective."""
        n, updates, mask = len(self.problem.X), self.updates, self.settings.validation_mask
        if self.permutation is not None:
            self.order[:n] = self.order[self.permutation]
        rows = self.order[:n] if mask is None else self.order[:n][~mask[self.order[:n]]]
        updates.reset_sums()
        for first in range(0, self.n_train if self.rate_changes_per_update else 0, updates.updates_per_call):
            count = min(self.n_train - first, updates.updates_per_call)
            updates.run_rows(rows, first, learning_rates(self.settings, self.problem, self.t + first, count))
        if not self.rate_changes_per_update:
            updates.run_rows(rows, 0, np.array([self.eta]))
        return (updates.loss_sum + updates.penalty_sum) / self.n_train

    def stopping_value(self, objective: float) -> float:
        """Return the value for the stopping rule: the validation score if there is one, else the objective.

        scikit-learn scores the iterate, not its average, and leaves out the scale by which l2 shrinks it.
        """
        score = self.settings.validation_score
        return objective if score is None else score(*self.updates.unscaled_iterate())


def train(problem: SGDProblem, settings: TrainingSettings, start: FitResult) -> FitResult:
    """Train from a start; raise ValueError if a number is not finite after an epoch."""
    verbose, validated = settings.verbose > 0, settings.validation_score is not None
    track_objective = verbose or (not validated and settings.tol is not None)
    problem = replace(problem, track_objective=track_objective, track_norm=verbose, track_scale=validated)
    average = (start.average_coef, start.average_intercept) if settings.average else None
    updates = RowUpdates(problem, start.coef, start.intercept, average, settings.t - settings.average, settings.ended)
    loop = EpochLoop(problem, settings, updates)
    rule = StoppingRule(settings.tol, settings.n_iter_no_change, validated)
    start_time = time.monotonic()
    while loop.n_iter < settings.max_iter:
        count = min(settings.max_iter - loop.n_iter, max(1, loop.max_epochs_per_call))
        if settings.tol is not None:
            count = min(count, 1 + loop.n_iter // 4)  # epochs after the stop are wasted
        stop = run_until_stop(loop, count, rule)
        if settings.verbose > 0:
            print_epoch(loop, start_time, stop)
        if stop:
            if settings.learning_rate != "adaptive" or loop.eta <= MIN_LEARNING_RATE:
                break
            loop.eta /= 5.0
            rule.no_improvement_count = 0
    coef, intercept = updates.iterate()
    if not settings.average:
        return FitResult(coef, intercept, None, 0.0, loop.n_iter)
    return FitResult(coef, intercept, *updates.average(), loop.n_iter)


def run_until_stop(loop: EpochLoop, count: int, rule: StoppingRule) -> bool:
    """Run at most `count` epochs and return whether the stopping rule is met.

    All epochs run in one call. If the rule is met earlier, the epochs up to there are run again from the state before.
    """
    if count == 1:
        return rule.update(loop.stopping_value(float(loop.run(1)[0])))
    before = loop.updates.copy_state(), loop.order.copy(), loop.t, loop.n_iter
    try:
        objectives = loop.run(count)
    except ValueError:  # the rule may be met before the epoch that is not finite
        restore(loop, *before)
        return run_until_stop(loop, 1, rule)
    for epoch, value in enumerate(objectives.tolist(), 1):
        if rule.update(value):
            if epoch < count:
                restore(loop, *before)
                loop.run(epoch)
            return True
    return False


def restore(loop: EpochLoop, state: Any, order: NDArray[np.int32], t: float, n_iter: int) -> None:
    """Return to an earlier state of training."""
    loop.updates.restore_state(state)
    loop.order[:] = order
    loop.t, loop.n_iter = t, n_iter


def print_epoch(loop: EpochLoop, start_time: float, stop: bool) -> None:
    """Print scikit-learn's report of the last epoch."""
    updates, n_train = loop.updates, loop.n_train
    coef, intercept = updates.iterate()
    objective = (updates.loss_sum + updates.penalty_sum) / n_train
    line = (
        f"Norm: {updates.norm:.2f}, NNZs: {np.count_nonzero(coef)}, Bias: {intercept:.6f}, "
        f"T: {loop.n_iter * n_train}, Avg. loss: {updates.loss_sum / n_train:f}, Objective: {objective:f}"
    )
    if loop.settings.validation_score is not None:
        line = f"{line}, Validation score: {loop.stopping_value(objective):f}"
    print(f"-- Epoch {loop.n_iter}")
    print(line)
    seconds = time.monotonic() - start_time
    print(f"Total training time: {seconds:.2f} seconds.")
    if stop and loop.settings.learning_rate != "adaptive":
        print(f"Convergence after {loop.n_iter} epochs took {seconds:.2f} seconds")
