"""Backtracking after divergence: back to the epoch of the lowest cost, with half the rate."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Backtracking", "Lowest"]

# Rates are halved so often before a divergence is taken for final.
MOST_HALVINGS = 60


class Lowest(NamedTuple):
    """The lowest cost so far, and a snapshot at or before its epoch to start from again."""

    cost: float
    epoch: int
    anchor: dict[str, Any]


class Backtracking:
    """Remembers the lowest cost where on_divergence is "backtrack", and counts how often the rate was halved."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.lowest: Lowest | None = None
        self.halvings = 0

    @property
    def factor(self) -> float:
        """The factor of the rates."""
        return 0.5**self.halvings

    @property
    def possible(self) -> bool:
        """Whether the rate may be halved once more."""
        return self.wanted and self.halvings < MOST_HALVINGS and self.lowest is not None

    def note(self, first: int, costs: NDArray[np.float64], snapshot: dict[str, Any]) -> None:
        """Remember the lowest of the costs of the epochs first, first + 1, ... and the snapshot taken before them."""
        if not self.wanted or not len(costs):
            return
        place = int(np.argmin(costs))
        if self.lowest is None or costs[place] < self.lowest.cost:
            self.lowest = Lowest(float(costs[place]), first + place, snapshot)
