"""Where the cost is heading at a Run's end, by the last costs recorded."""

import sys
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from gdfast.results.stop_reason import StopReason

__all__ = ["FIRST_SENTENCE", "GROWTH", "TREND_ADVICE", "Trend", "growing", "has_grown", "trend_of"]

GROWTH = 1000.0  # the cost at the end over that at the start, from which training is said to be growing
FLAT = 1e-6  # of the costs: a change below it is none
SHORTEST = 10  # recorded costs that a trend is found from, or the last tenth of them


class Trend(StrEnum):
    """Where the cost is heading."""

    FALLING = "falling"
    FLAT = "flat"
    MIXED = "rising and falling in turn"
    GROWING = "growing"


# The advice where the reason to stop says nothing of the cost: a sentence on that reason, then one on the trend.
FIRST_SENTENCE = {
    StopReason.EPOCHS: "All epochs asked for are done.",
    StopReason.MAX_SECONDS: "The time limit is reached.",
    StopReason.CALLBACK: "A callback asked for the end.",
    StopReason.INTERRUPTED: "Interrupted by Ctrl-C; what was done is kept.",
}
TREND_ADVICE = {
    Trend.FALLING: "The cost is still falling: more epochs lower it further.",
    Trend.FLAT: "The cost is flat: more epochs change little.",
    Trend.MIXED: "The cost is rising and falling in turn: a lower learning_rate or a schedule settles it.",
    Trend.GROWING: "The cost is growing: lower learning_rate, or standardize the features.",
}


def growing(cost: float, start: float, remedy: str = "lower learning_rate, or standardize the features") -> str:
    """Return the advice for a cost that has grown beyond GROWTH times that at the start."""
    return f"The cost is growing, from {start:.4g} to {cost:.4g}: {remedy}."


def has_grown(start: float, end: float) -> bool:
    """Tell whether a cost is beyond GROWTH times that at the start; a loss may be below zero."""
    return end > GROWTH * abs(start)


def trend_of(costs: NDArray[np.float64]) -> Trend | None:
    """Return the trend of the last tenth of the costs, of ten at least; None where there are not two.

    Between two halves of them the mean must change by more than the costs do from one to the next, or every cost the
    same way.
    """
    last = costs[-max(SHORTEST, len(costs) // 10) :]
    last = last[np.isfinite(last)]
    if len(last) < 2:
        return None
    # Sums of costs near 1e308 would overflow; NumPy 1.26 warns of an overflow where zeros are divided by a subnormal.
    last = last / max(abs(last.max()), abs(last.min()), sys.float_info.min)
    if last.max() - last.min() <= FLAT:
        return Trend.FLAT
    changes, half = np.diff(last), len(last) // 2
    change = last[-half:].mean() - last[:half].mean()
    if (changes <= 0).all() or change < -abs(changes).mean():
        return Trend.FALLING
    return Trend.GROWING if (changes >= 0).all() or change > abs(changes).mean() else Trend.MIXED
