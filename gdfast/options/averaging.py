"""Averaging of the iterates: what `average=` takes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from gdfast._utils.arguments import real, shown, whole

__all__ = ["EMA", "Averaging", "make_average"]


@dataclass(frozen=True, slots=True)
class EMA:
    """An exponential moving average of the iterates.

    After every update a <- decay a + (1 - decay) w. It begins with a = w, w being the iterate after `start` epochs.

    Parameters
    ----------
    decay : float
        Above 0 and below 1. The nearer to 1, the more updates the average covers.
    start : int, default 0
        Number of epochs before averaging begins, at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Polyak, B. T., Juditsky, A. B., "Acceleration of stochastic approximation by averaging", SIAM Journal on Control
    and Optimization 30(4), 1992 (averaging in general).

    Examples
    --------
    >>> import gdfast
    >>> run = gdfast.fit([[0.0], [1.0]], [0.0, 1.0], epochs=50, average=gdfast.EMA(0.9))
    >>> bool((run.coef < run.last_coef).all())
    True
    """

    decay: float
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", real("decay", self.decay, 0.0, 1.0, ends="()"))
        object.__setattr__(self, "start", whole("start", self.start, 0))


class Averaging(NamedTuple):
    """The average of a fit, as numbers."""

    start: int  # epochs done before it begins
    gain: float  # of an exponential mean, else 0


def make_average(average: Any) -> Averaging | None:
    """Return the average of fit's argument, None where there is none."""
    if average is None or average is False:
        return None
    if average is True:
        return Averaging(0, 0.0)
    if isinstance(average, EMA):
        return Averaging(average.start, 1.0 - average.decay)
    if isinstance(average, type) and issubclass(average, EMA):
        raise TypeError("average=EMA is a class; write EMA(0.99)")
    if isinstance(average, (str, float)):
        raise TypeError(f"average={shown(average)} must be True, the epochs before it begins, or gdfast.EMA(decay)")
    return Averaging(whole("average", average, 0, hint=" (or True, or gdfast.EMA(decay))"), 0.0)
