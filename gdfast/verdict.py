"""What there is to say of a descent: before it that it will diverge, after it that it did."""

import warnings
from typing import NamedTuple

from gdfast.closed_form import Path
from gdfast.curvature import stable_rate, surely_stable
from gdfast.followed import Followed, trial_path
from gdfast.loop import Descent
from gdfast.results.divergence import DivergenceError, DivergenceWarning, StabilityWarning
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason

__all__ = ["RateWords", "told", "warn_before"]


class RateWords(NamedTuple):
    """What a door calls the learning rate, and its rate for ours being 1."""

    name: str = "learning_rate"
    factor: float = 1.0


def warn_before(ended: Descent | Followed, words: RateWords, level: int) -> None:
    """Say before training that it will diverge, and from which rate on."""
    problem, plan = ended.problem, ended.plan
    rate = plan.rates.constant
    if rate is None:
        return
    path: Path | None
    if isinstance(ended, Followed):
        path = ended.path
    elif surely_stable(problem, plan.model, plan.batch_size, rate):
        return
    else:
        path = trial_path(problem, plan)  # None where it would take too long
    if path is not None and not (path.grows and path.finite(0)):
        return
    limit = stable_rate(problem, plan.model, plan.batch_size)
    epoch = None if path is None else path.bad_epoch(2**53)
    when = f"in epoch {epoch:,}" if epoch else "in the end"
    highest = (limit or 0.0) * words.factor
    text = (
        f"{words.name}={rate * words.factor:.6g} is above {highest:.4g}, the largest stable rate: the costs will "
        f"grow, and overflow {when}. Lower it"
    )
    largest, smallest = (0.0, 0.0) if path is None else (float(value) for value in path.factors.curvatures[[0, -1]])
    if largest > 1e4 * smallest > 0:
        text += ", or standardize the features, (X - X.mean(0)) / X.std(0): "
        text += f"the condition number is {largest / smallest:.3g}"
    warnings.warn(text, StabilityWarning, stacklevel=level)


def told(run: Run, ended: Descent | Followed, words: RateWords, level: int) -> Run:
    """Return the Run, after what there is to say or to raise about it."""
    if run.stop_reason is StopReason.INTERRUPTED and ended.plan.interrupt == "raise":
        raise KeyboardInterrupt
    warn_after(run, ended, words, level + 1)
    return run


def warn_after(run: Run, ended: Descent | Followed, words: RateWords, level: int) -> None:
    """Say that the descent diverged, and which rate would not; or raise, if that was asked for."""
    if run.stop_reason is not StopReason.DIVERGED or run.diverged_at is None:
        return
    plan = ended.plan
    limit = None
    if plan.rates.constant is not None:
        limit = stable_rate(ended.problem, plan.model, plan.batch_size)
    below = "a lower rate" if limit is None else f"a rate below {limit * words.factor:.4g}, the largest stable one,"
    rate = (
        ended.last_rate() if isinstance(ended, Descent) else plan.rates.take(run.diverged_at - 1, 1)[0]
    ) * words.factor
    text = (
        f"the descent diverged in epoch {run.diverged_at} at {words.name}={rate:.6g}; the state after epoch "
        f"{run.epochs} is returned. Try {below} or standardize the features"
    )
    if plan.on_divergence == "raise":
        raise DivergenceError(text, run)
    warnings.warn(text, DivergenceWarning, stacklevel=level)
