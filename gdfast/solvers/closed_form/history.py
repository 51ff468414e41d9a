"""The history of a path: the costs of its recorded epochs, computed when they are asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.results.history import LogGrid, StepGrid
from gdfast.solvers.closed_form.modes import Epochs
from gdfast.solvers.closed_form.path import Path

__all__ = ["PathHistory"]


class PathHistory:
    """The costs of a path's recorded epochs, made when they are asked for."""

    def __init__(self, path: Path, grid: StepGrid | LogGrid, limit: int, last: int, running: bool) -> None:
        self.path, self.last, self.first = path, last, int(running)
        while self.rows(grid) > limit:
            grid = grid.thinned()
        self.on_grid: Epochs
        if isinstance(grid, StepGrid):
            self.on_grid = range(-(-self.first // grid.every) * grid.every, last + 1, grid.every)
        else:
            self.on_grid = grid.within(self.first, last + 1)

    def table(self) -> dict[str, NDArray[Any]]:
        """Return what is recorded beside the costs: nothing."""
        return {}

    def rows(self, grid: StepGrid | LogGrid) -> int:
        """Return how many rows count against the limit, as the loop counts them."""
        if not self.first:
            return grid.count(self.last)
        return grid.count(self.last + 1) - 1 + (len(grid.within(1, 2)) == 0)

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs: those on the grid, the first and the last."""
        if self.last < self.first:
            return np.empty(0, dtype=np.int64)
        grid = self.on_grid
        epochs = np.arange(grid.start, grid.stop, grid.step) if isinstance(grid, range) else grid
        for end in self.off_grid():
            epochs = np.insert(epochs, np.searchsorted(epochs, end), end)
        return epochs

    def off_grid(self) -> list[int]:
        """Return which of the first and the last epoch are not on the grid."""
        ends = {self.first, self.last}
        return sorted(ends - set(np.asarray(self.on_grid[:1]).tolist() + np.asarray(self.on_grid[-1:]).tolist()))

    def costs(self, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return J after the recorded epochs, or (running) before them, perhaps in `out`."""
        if self.last < self.first:
            return np.empty(0)
        if isinstance(self.on_grid, range):
            grid: Epochs = range(self.on_grid.start - self.first, self.on_grid.stop - self.first, self.on_grid.step)
        else:
            grid = self.on_grid - self.first
        costs = self.path.costs(grid, out if out is not None and len(out) == len(grid) else None)
        for end in self.off_grid():
            costs = np.insert(costs, 0 if end == self.first else len(costs), self.path.cost(end - self.first))
        costs[-1] = self.path.cost(self.last - self.first)  # to the bit the cost of the Run
        return costs

    def first_and_last(self) -> tuple[float, float] | None:
        """Return the first and the last one of the costs."""
        if self.last < self.first:
            return None
        return self.path.cost(0), self.path.cost(self.last - self.first)
