"""The stopping rule, and the learning rate that falls, where the watched cost makes no progress."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gdfast.options.option import LARGEST_COUNT, Check, count, number
from gdfast.options.schedules import ReduceOnPlateau
from gdfast.results.fields import agree, any_number, equal_to, mapping

__all__ = ["PATIENCE", "PlateauRate", "StoppingRule"]

PATIENCE = 5
# What the costs change of a tracker; the rest follows from the options.
CHANGING: dict[str, Check] = {"least": any_number, "missed": count(0, LARGEST_COUNT), "rate": number(0.0)}
RENAMED = {"without": "missed"}  # in files of format 2


class Tracker:
    """Follows the costs; its state is plain data, for copies and files."""

    def state(self) -> dict[str, Any]:
        """Return what is needed to make it again."""
        return dict(vars(self))

    @classmethod
    def at(cls, state: dict[str, Any] | None) -> Self | None:
        """Return it as it was when `state` was taken; None from None."""
        if state is None:
            return None
        tracker = object.__new__(cls)
        vars(tracker).update({RENAMED.get(name, name): value for name, value in state.items()})
        return tracker

    def check(self, name: str, value: Any) -> None:
        """Raise an error unless a value is a state that this tracker can come to."""
        mapping({})(name, value)
        state = {RENAMED.get(key, key): part for key, part in value.items()}
        expected = {key: equal_to(part) for key, part in vars(self).items() if key not in CHANGING}
        mapping(expected | {key: check for key, check in CHANGING.items() if key in vars(self)})(name, state)
        agree({f"{name} must hold {', '.join(vars(self))}": set(state) == set(vars(self))})


class StoppingRule(Tracker):
    """Takes the costs of one epoch after another; stops after `patience` in a row above the least before minus tol."""

    def __init__(self, tol: float, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self.least, self.missed = np.inf, 0

    def update(self, costs: NDArray[np.float64]) -> int | None:
        """Return the index of the cost at which to stop, or None."""
        if not len(costs):
            return None
        earlier = np.minimum.accumulate(np.concatenate([[self.least], costs[:-1]]))
        places = np.arange(len(costs))
        with np.errstate(invalid="ignore"):
            progress = ~(costs > earlier - self.tol)
        latest = np.maximum.accumulate(np.where(progress, places, -1))
        missed = np.where(latest >= 0, places - latest, places + 1 + self.missed)
        stops = np.flatnonzero(missed >= self.patience)
        self.least, self.missed = min(float(earlier[-1]), float(costs[-1])), int(missed[-1])
        return int(stops[0]) if len(stops) else None


class PlateauRate(Tracker):
    """The rate of a ReduceOnPlateau, and the costs it has had."""

    def __init__(self, schedule: ReduceOnPlateau) -> None:
        self.schedule = schedule
        self.rate, self.least, self.missed = schedule.rate, np.inf, 0

    def update(self, costs: NDArray[np.float64]) -> int | None:
        """Return the index of the cost at which the rate falls, or None; costs after it are ignored."""
        for index, cost in enumerate(costs.tolist()):
            if cost < self.least * (1.0 - self.schedule.threshold):
                self.least, self.missed = cost, 0
            else:
                self.missed += 1
            if self.missed > self.schedule.patience:
                lower, self.missed = max(self.rate * self.schedule.factor, self.schedule.min_rate), 0
                if lower < self.rate:
                    self.rate = lower
                    return index
        return None
