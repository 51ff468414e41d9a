"""The learning rates of a run: a number, a schedule, an array or a callable, read epoch by epoch or step by step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import converted, real, vector, whole
from gdfast.options.schedules import Constant, ReduceOnPlateau, Schedule

__all__ = ["CallableRates", "LearningRates", "make_learning_rates"]

MOST_KEPT = 2**16  # equal rates
HINT = ', a schedule, an array, a callable, or "auto"'


class LearningRates:
    """The learning rates of consecutive epochs, or of consecutive updates."""

    def __init__(
        self, constant: float | None = None, schedule: Callable[[Any], Any] | None = None, by_step: bool = False
    ) -> None:
        self.constant, self.schedule, self.by_step = constant, schedule, by_step
        self.equal = np.empty(0)  # as many rates as were asked for at once, where all are equal
        self.length: int | None = None  # of an array
        self.plateau: ReduceOnPlateau | None = None  # which sets the rate from the costs

    def take(self, first: int, count: int) -> NDArray[np.float64]:
        """Return `count` rates from t = first on."""
        if self.constant is not None:
            equal = self.equal
            if len(equal) < count:
                equal = np.empty(count)
                equal.fill(self.constant)  # np.full takes five times as long for a few
                self.equal = equal if count <= MOST_KEPT else self.equal
            return equal[:count]
        if self.schedule is None:
            raise AttributeError("rates without a constant have a schedule")
        rates = np.asarray(self.schedule(np.arange(first, first + count)), dtype=np.float64)
        return checked(rates, first, "update" if self.by_step else "epoch")

    def state(self, first: int) -> dict[str, Any]:
        """Return the rates that a file must store; empty if they can be computed again."""
        return {}

    def restore(self, state: dict[str, Any], begun: int, replaced: bool) -> None:
        """Restore the rates that `state` returned; with a new callable only those of epochs that have begun."""


class ArrayRates(LearningRates):
    """An array: rates[t]."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        super().__init__()
        self.values, self.length = values, len(values)

    def take(self, first: int, count: int) -> NDArray[np.float64]:
        """Return rates[first : first + count]; beyond the end the last is repeated, which no epoch uses."""
        return self.values[np.minimum(np.arange(first, first + count), len(self.values) - 1)]


class CallableRates(LearningRates):
    """A callable of the epoch, called once for each of 0, 1, ..."""

    def __init__(self, function: Callable[[int], Any]) -> None:
        super().__init__()
        self.function = function
        self.known: dict[int, float] = {}

    def take(self, first: int, count: int) -> NDArray[np.float64]:
        """Return the rates, calling for those not known yet."""
        for epoch in range(first, first + count):
            if epoch not in self.known:
                self.known[epoch] = real(f"learning_rate({epoch})", self.function(epoch), 0.0)
        return np.array([self.known[epoch] for epoch in range(first, first + count)])

    def state(self, first: int) -> dict[str, Any]:
        """Return the rates known from the epoch `first` on, so that the callable is called once for each epoch."""
        stop = max(self.known, default=-1) + 1
        return {"rates_from": first, "rates": self.take(first, max(0, stop - first))}

    def restore(self, state: dict[str, Any], begun: int, replaced: bool) -> None:
        """Restore the rates that `state` returned; with a new callable only those of epochs that have begun."""
        if "rates" not in state:
            return
        first = whole("rates_from", state.get("rates_from", 0), 0, begun)
        values = np.asarray(state["rates"], dtype=np.float64)
        complete = values.ndim == 1 and first + len(values) >= begun
        if not complete or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"the file of this Run lacks learning rates of epochs before {begun}; fit again")
        known = dict(enumerate(values.tolist(), first))
        self.known = {epoch: rate for epoch, rate in known.items() if epoch < begun or not replaced}


def checked(rates: NDArray[np.float64], first: int, unit: str) -> NDArray[np.float64]:
    """Return rates that are finite and not negative."""
    invalid = ~(np.isfinite(rates) & (rates >= 0))
    if invalid.any():
        place = int(np.flatnonzero(invalid)[0])
        raise ValueError(
            f"learning_rate is {rates[place]} at {unit} {first + place}, and must be finite and at least 0; "
            "correct the array or the schedule"
        )
    return rates


def make_learning_rates(learning_rate: Any, epochs: int) -> LearningRates:
    """Return the learning rates of fit's argument, "auto" being a number already."""
    if isinstance(learning_rate, (int, float)):
        return LearningRates(constant=real("learning_rate", learning_rate, 0.0, ends="(]", hint=HINT))
    if isinstance(learning_rate, Constant):
        return LearningRates(constant=learning_rate.rate)
    if isinstance(learning_rate, ReduceOnPlateau):
        rates = LearningRates()
        rates.plateau = learning_rate
        return rates
    if isinstance(learning_rate, Schedule):
        return LearningRates(schedule=learning_rate, by_step=learning_rate.by == "step")
    if isinstance(learning_rate, type) and issubclass(learning_rate, (Schedule, ReduceOnPlateau)):
        raise TypeError(f"learning_rate={learning_rate.__name__} is a class; write {learning_rate.__name__}(...)")
    if converted("learning_rate", learning_rate).ndim >= 1:
        values = np.asarray(learning_rate).ravel()
        if len(values) < epochs:
            raise ValueError(f"learning_rate holds {len(values)} rates, and epochs={epochs} needs one for each")
        return ArrayRates(checked(vector("learning_rate", learning_rate, len(values), "epoch"), 0, "epoch"))
    if callable(learning_rate):
        return CallableRates(learning_rate)
    return LearningRates(constant=real("learning_rate", learning_rate, 0.0, ends="(]", hint=HINT))
