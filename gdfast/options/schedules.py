"""Learning-rate schedules as users pass them; their formulas are in gdfast/formulas/rates.py."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

from gdfast._utils.arguments import choice, flag, real, shown, whole
from gdfast.formulas import rates

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "InverseTime",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "Warmup",
]

# What the fields of a schedule must be.
CHECKS = {
    "rate": lambda name, value: real(name, value, 0.0, ends="(]"),
    "every": lambda name, value: whole(name, value, 1),
    "factor": lambda name, value: real(name, value, 0.0, ends="(]"),
    "power": lambda name, value: real(name, value, 0.0),
    "k": lambda name, value: real(name, value, 0.0),
    "period": lambda name, value: whole(name, value, 1),
    "min_rate": lambda name, value: real(name, value, 0.0),
    "restarts": flag,
    "length": lambda name, value: whole(name, value, 1),
    "patience": lambda name, value: whole(name, value, 0),
    "threshold": lambda name, value: real(name, value, 0.0, 1.0),
    "by": lambda name, value: choice(name, value, ("epoch", "step")),
}


class Schedule(ABC):
    """A rate as a function of t."""

    by: str

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            if field.name in CHECKS:
                object.__setattr__(self, field.name, CHECKS[field.name](field.name, getattr(self, field.name)))

    @abstractmethod
    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""


@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    """The same learning rate at every epoch.

    Parameters
    ----------
    rate : float
        The learning rate, above 0.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> float(gdfast.Constant(0.1)(5))
    0.1
    """

    rate: float
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.constant(t, self.rate)


@dataclass(frozen=True, slots=True)
class Step(Schedule):
    """Step decay: rate factor^(t // every).

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    every : int
        Number of epochs (or updates) at each rate, at least 1.
    factor : float, default 0.1
        Ratio of each rate to the one before, above 0.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Step(1.0, every=10, factor=0.5)([0, 9, 10, 20]).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    rate: float
    every: int
    factor: float = 0.1
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.step(t, self.rate, self.every, self.factor)


@dataclass(frozen=True, slots=True)
class Exponential(Schedule):
    """Exponential decay: rate factor^t.

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    factor : float
        Ratio of each rate to the one before, above 0. Below 1 the rate falls.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Exponential(1.0, 0.5)([0, 1, 2]).tolist()
    [1.0, 0.5, 0.25]
    """

    rate: float
    factor: float
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.exponential(t, self.rate, self.factor)


@dataclass(frozen=True, slots=True)
class InverseScaling(Schedule):
    """Inverse scaling: rate / (t + 1)^power.

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    power : float, default 0.5
        The exponent, at least 0.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.InverseScaling(1.0)([0, 3]).tolist()
    [1.0, 0.5]
    """

    rate: float
    power: float = 0.5
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.inverse_scaling(t, self.rate, self.power)


@dataclass(frozen=True, slots=True)
class InverseTime(Schedule):
    """Inverse time decay: rate / (1 + k t).

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    k : float
        The decay, at least 0.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.InverseTime(1.0, 0.5)([0, 2]).tolist()
    [1.0, 0.5]
    """

    rate: float
    k: float
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.inverse_time(t, self.rate, self.k)


@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    """Cosine decay: min_rate + (rate - min_rate)(1 + cos(pi u / period)) / 2.

    Here u = t mod period with restarts, else min(t, period).

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    period : int
        Number of epochs (or updates) from `rate` down to `min_rate`, at least 1.
    min_rate : float, default 0.0
        The lowest rate, at least 0.
    restarts : bool, default False
        Whether the rate returns to `rate` after each period.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Loshchilov, I., Hutter, F., "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Cosine(1.0, 10)([0, 5, 10, 99]).round(6).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """

    rate: float
    period: int
    min_rate: float = 0.0
    restarts: bool = False
    by: str = "epoch"

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.cosine(t, self.rate, self.period, self.min_rate, self.restarts)


@dataclass(frozen=True, slots=True)
class Warmup(Schedule):
    """Linear warm-up to another schedule: schedule(0) (t + 1) / length for t < length, then schedule(t - length).

    Parameters
    ----------
    schedule : Schedule
        The schedule after the warm-up.
    length : int
        Number of epochs (or updates) of the warm-up, at least 1.
    by : {"epoch", "step"}, default "epoch"
        Whether t counts epochs or updates. It must be the same as that of `schedule`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range, or `schedule` counts something else.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Warmup(gdfast.Constant(1.0), 4)([0, 1, 3, 9]).tolist()
    [0.25, 0.5, 1.0, 1.0]
    """

    schedule: Schedule
    length: int
    by: str = "epoch"

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        if not isinstance(self.schedule, Schedule):
            raise TypeError(f"schedule={shown(self.schedule)} must be a schedule, such as gdfast.Constant(0.1)")
        if self.schedule.by != self.by:
            raise ValueError(
                f"by={self.by!r}, but the schedule inside counts by {self.schedule.by!r}; give both the same"
            )

    def __call__(self, t: Any) -> Any:
        """Return the rate after t epochs (or updates)."""
        return rates.warmup(t, self.schedule, self.length)


@dataclass(frozen=True, slots=True)
class ReduceOnPlateau:
    """A rate that is multiplied by `factor` where the cost has not fallen for more than `patience` epochs.

    A cost has fallen where it is below (1 - threshold) times the lowest before it. The cost is the validation cost
    where validation is given, else the cost in the history. The rate depends on costs and not on t alone, so this
    schedule is not callable and `Warmup` does not take it.

    Parameters
    ----------
    rate : float
        The first rate, above 0.
    factor : float, default 0.1
        Ratio of each rate to the one before, above 0 and below 1.
    patience : int, default 10
        Number of epochs in a row without a fall that are allowed, at least 0.
    threshold : float, default 1e-4
        The relative fall that counts, from 0 to 1.
    min_rate : float, default 0.0
        The lowest rate, at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    Examples
    --------
    >>> import gdfast
    >>> run = gdfast.fit([[0.0], [1.0]], [0.0, 1.0], learning_rate=gdfast.ReduceOnPlateau(0.5, patience=3))
    >>> run.learning_rate is None
    True
    """

    rate: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    min_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "patience", "threshold", "min_rate"):
            object.__setattr__(self, name, CHECKS[name](name, getattr(self, name)))
        object.__setattr__(self, "factor", real("factor", self.factor, 0.0, 1.0, ends="()"))


SCHEDULES = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "inverse_scaling": InverseScaling,
    "inverse_time": InverseTime,
    "cosine": Cosine,
    "warmup": Warmup,
}
