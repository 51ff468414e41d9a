"""The costs of recorded epochs, at a memory bound."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["History", "LogGrid", "StepGrid"]

PER_DECADE = 100  # points of the log grid


class StepGrid:
    """The epochs 0, k, 2k, ..."""

    def __init__(self, every: int) -> None:
        self.every = every

    def thinned(self) -> "StepGrid":
        """Return the grid without every second epoch."""
        return StepGrid(2 * self.every)

    def within(self, first: int, stop: int) -> NDArray[np.int64]:
        """Return the grid's epochs from first to stop - 1."""
        return np.arange(-(-first // self.every) * self.every, stop, self.every, dtype=np.int64)

    def count(self, stop: int) -> int:
        """Return how many of the grid's epochs lie before stop."""
        return -(-stop // self.every)

    def after(self, epoch: int) -> int:
        """Return the grid's next epoch after this one."""
        return (epoch // self.every + 1) * self.every


class LogGrid:
    """Every epoch to 100, then a hundred for each power of ten; the same however many epochs are run."""

    def __init__(self, every: int = 1) -> None:
        self.every = every
        exponents = np.arange(2 * PER_DECADE, 18 * PER_DECADE) / PER_DECADE
        self.epochs = np.concatenate([np.arange(100), np.floor(10.0**exponents).astype(np.int64)])[::every]

    def thinned(self) -> "LogGrid":
        """Return the grid without every second epoch."""
        return LogGrid(2 * self.every)

    def within(self, first: int, stop: int) -> NDArray[np.int64]:
        """Return the grid's epochs from first to stop - 1."""
        low, high = np.searchsorted(self.epochs, [first, stop])
        return self.epochs[low:high]

    def count(self, stop: int) -> int:
        """Return how many of the grid's epochs lie before stop."""
        return int(np.searchsorted(self.epochs, stop))

    def after(self, epoch: int) -> int:
        """Return the grid's next epoch after this one."""
        return int(self.epochs[np.searchsorted(self.epochs, epoch, side="right")])


class History:
    """Epochs and their costs: those on the grid, and the first and last always.

    Past `limit` rows the grid is thinned by two, again and again, so that memory is bounded.
    """

    def __init__(self, grid: StepGrid | LogGrid, limit: int) -> None:
        self.grid = grid
        self.limit = limit
        self.blocks: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self.rows = 0
        self.first: int | None = None
        self.reached = -1  # the last epoch offered
        self.forced = False  # whether the last row is there only because it is the last

    def copy(self) -> "History":
        """Return a history to go on with, without a last row that was forced."""
        other = History(self.grid, self.limit)
        epochs, costs = self.arrays()
        kept = len(epochs) - self.forced
        other.blocks, other.rows = [(epochs[:kept], costs[:kept])], kept
        other.first, other.reached = self.first, int(epochs[kept - 1]) if kept else -1
        return other

    def add(self, first: int, costs: NDArray[np.float64]) -> None:
        """Keep what the grid holds of the costs of the epochs first, first + 1, ..."""
        skipped = max(0, min(len(costs), self.reached + 1 - first))
        first, costs = first + skipped, costs[skipped:]
        if not len(costs):
            return
        self.reached = first + len(costs) - 1
        epochs = self.grid.within(first, first + len(costs))
        if self.first is None:
            self.first = first
            if not len(epochs) or epochs[0] != first:
                epochs = np.concatenate([np.array([first], dtype=np.int64), epochs])
        self.append(epochs, costs[epochs - first])

    def append(self, epochs: NDArray[np.int64], costs: NDArray[np.float64]) -> None:
        """Add rows, and thin while there are more than the limit."""
        if len(epochs):
            self.blocks.append((epochs, costs))
            self.rows += len(epochs)
        while self.rows > self.limit:
            self.grid = self.grid.thinned()
            epochs, costs = self.arrays()
            on_grid = self.grid.within(0, int(epochs[-1]) + 1)
            kept = np.isin(epochs, on_grid)
            kept[0] = True
            if kept.all():
                break
            self.blocks = [(epochs[kept], costs[kept])]
            self.rows = int(kept.sum())

    def close(self, epoch: int, cost: float | None) -> None:
        """Drop what lies beyond the last epoch, and make sure that it is there itself (cost None: it has none)."""
        epochs, costs = self.arrays()
        kept = epochs <= epoch
        epochs, costs = epochs[kept], costs[kept]
        self.forced = False
        if cost is not None and (not len(epochs) or int(epochs[-1]) != epoch):
            self.forced = not len(self.grid.within(epoch, epoch + 1))
            epochs, costs = np.append(epochs, epoch), np.append(costs, cost)
        self.blocks = [(epochs, costs)]
        self.rows = len(epochs)

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""
        return self.arrays()[0]

    def costs(self) -> NDArray[np.float64]:
        """Return their costs."""
        return self.arrays()[1]

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the recorded epochs and their costs."""
        if not self.blocks:
            return np.empty(0, dtype=np.int64), np.empty(0)
        if len(self.blocks) > 1:
            epochs, costs = (np.concatenate(column) for column in zip(*self.blocks, strict=True))
            self.blocks = [(epochs, costs)]
        return self.blocks[0]
