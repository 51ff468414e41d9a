"""Stopping where the watched cost makes no progress."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["PATIENCE", "Watch"]

PATIENCE = 5


class Watch:
    """Sees the costs of one epoch after another; stops after `patience` in a row above the least before minus tol."""

    def __init__(self, tol: float, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self.least, self.without = np.inf, 0

    def see(self, costs: NDArray[np.float64]) -> int | None:
        """Return the index of the cost at which to stop, or None."""
        if not len(costs):
            return None
        earlier = np.minimum.accumulate(np.concatenate([[self.least], costs[:-1]]))
        places = np.arange(len(costs))
        with np.errstate(invalid="ignore"):
            progress = ~(costs > earlier - self.tol)
        latest = np.maximum.accumulate(np.where(progress, places, -1))
        without = np.where(latest >= 0, places - latest, places + 1 + self.without)
        ended = np.flatnonzero(without >= self.patience)
        self.least, self.without = min(float(earlier[-1]), float(costs[-1])), int(without[-1])
        return int(ended[0]) if len(ended) else None
