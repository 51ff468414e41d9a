"""The costs of recorded epochs, and what is recorded beside them, at a memory bound."""

import errno
import math
import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "History", "HistorySource", "LogGrid", "Recorded", "StepGrid", "thinned"]

PER_DECADE = 100  # points of the log grid
SPILL_BYTES = 2**28  # larger columns (recorded coefficients) are held in a file without a name, gone with the process
ZEROS_BYTES = 2**20  # written at a time where a file system reserves no blocks


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

    def holds(self, epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mark those of some epochs that are the grid's."""
        return np.asarray(epochs % self.every == 0)

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

    def holds(self, epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mark those of some epochs that are the grid's."""
        return np.isin(epochs, self.epochs)

    def count(self, stop: int) -> int:
        """Return how many of the grid's epochs lie before stop."""
        return int(np.searchsorted(self.epochs, stop))

    def after(self, epoch: int) -> int:
        """Return the grid's next epoch after this one."""
        return int(self.epochs[np.searchsorted(self.epochs, epoch, side="right")])


Columns = dict[str, NDArray[Any]]  # equally long, "epoch" and "cost" always


class HistorySource(Protocol):
    """What the history is read from when it is first asked for."""

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""

    def costs(self, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return their costs; what makes them may write them into `out`, which is as long."""

    def first_and_last(self) -> tuple[float, float] | None:
        """Return the first and the last one of the costs, None where there are none."""

    def table(self) -> Columns:
        """Return what was recorded beside them, and perhaps these."""


class Recorded:
    """A history that is at hand."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""
        return self.columns["epoch"]

    def costs(self, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return their costs."""
        return self.columns["cost"]

    def first_and_last(self) -> tuple[float, float] | None:
        """Return the first and the last one of the costs."""
        costs = self.columns["cost"]
        return (float(costs[0]), float(costs[-1])) if len(costs) else None

    def table(self) -> Columns:
        """Return all columns."""
        return self.columns


class History:
    """Epochs and their columns: those on the grid, and the first and last always.

    Past `limit` rows the grid is thinned by two, again and again, so that memory is bounded.
    """

    def __init__(self, grid: StepGrid | LogGrid, limit: int) -> None:
        self.grid = grid
        self.limit = limit
        self.blocks: list[Columns] = []
        self.rows = 0
        self.first: int | None = None
        self.reached = -1  # the last epoch offered
        self.forced = False  # whether the last row was added only because it is the last
        self.failure: OSError | None = None  # of the file that a larger history is held in
        self.unjoined, self.unjoined_bytes = 0, 0  # blocks at the end, and their size, that were not joined yet

    def copy(self) -> "History":
        """Return a history to resume from, without a last row that was forced."""
        other = History(self.grid, self.limit)
        table = self.table()
        kept = len(table["epoch"]) - self.forced
        other.blocks, other.rows = [{name: column[:kept] for name, column in table.items()}], kept
        other.first, other.reached = self.first, int(table["epoch"][kept - 1]) if kept else -1
        other.thin()  # the last row of a training that ended there did not count; of one that continues it does
        return other

    def state(self) -> dict[str, Any]:
        """Return what a file must hold beside the table."""
        return {"first": self.first, "reached": self.reached, "forced": self.forced, "every": self.grid.every}

    def restore(self, state: dict[str, Any], table: Columns) -> None:
        """Return to where `state` was taken."""
        while self.grid.every < state["every"]:
            self.grid = self.grid.thinned()
        self.first, self.reached, self.forced = state["first"], state["reached"], state["forced"]
        self.blocks, self.rows = [table], len(table["epoch"])

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
        self.append({"epoch": epochs, "cost": costs if len(epochs) == len(costs) else costs[epochs - first]})

    def due(self, epoch: int) -> bool:
        """Tell whether an epoch is to be recorded."""
        return epoch > self.reached and (self.first is None or len(self.grid.within(epoch, epoch + 1)) > 0)

    def add_row(self, epoch: int, row: dict[str, Any]) -> None:
        """Keep an epoch with all its columns."""
        self.reached = epoch
        self.first = epoch if self.first is None else self.first
        self.append({"epoch": np.array([epoch], dtype=np.int64)} | {name: np.array([row[name]]) for name in row})

    def append(self, table: Columns) -> None:
        """Add rows, and thin while there are more than the limit."""
        if len(table["epoch"]):
            self.blocks.append(table)
            self.rows += len(table["epoch"])
            self.unjoined += 1
            self.unjoined_bytes += sum(column.nbytes for column in table.values())
        if self.unjoined_bytes > SPILL_BYTES:
            self.spill()
        self.thin()

    def spill(self) -> None:
        """Move the latest blocks into a file; where the disk is full, note it and leave them in memory."""
        try:
            self.blocks[-self.unjoined :] = [joined(self.blocks[-self.unjoined :], spilled)]
        except OSError as error:
            self.failure = error
        self.unjoined = self.unjoined_bytes = 0

    def thin(self) -> None:
        """Drop every second row while there are more than the limit."""
        while self.rows > self.limit:
            self.grid = self.grid.thinned()
            epochs = self.table()["epoch"]
            kept = self.grid.holds(epochs)
            kept[0] = True
            if kept.all():
                break
            self.keep(kept)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop the other rows."""
        if not kept.all():
            self.blocks = [{name: kept_rows(column, kept) for name, column in self.table().items()}]
            self.rows = int(kept.sum())

    def drop_after(self, epoch: int) -> None:
        """Drop what lies beyond an epoch, which may come again."""
        self.keep(self.table()["epoch"] <= epoch)
        self.reached = min(self.reached, epoch)
        self.first = None if self.first is not None and self.first > epoch else self.first

    def close(self, epoch: int, row: dict[str, Any] | None) -> None:
        """Drop what lies beyond the last epoch, and add that epoch where it is missing (row None: it cannot be)."""
        last = self.last
        if last > epoch:
            self.keep(self.table()["epoch"] <= epoch)
            last = self.last
        self.forced = False
        if row is not None and last != epoch:
            self.first = epoch if self.first is None else self.first
            self.forced = self.grid.every > 1 and not len(self.grid.within(epoch, epoch + 1))
            self.blocks.append({"epoch": np.array([epoch], dtype=np.int64)} | {k: np.array([row[k]]) for k in row})
            self.rows += 1

    @property
    def last(self) -> int:
        """The last recorded epoch, -1 where there is none."""
        return int(self.blocks[-1]["epoch"][-1]) if self.rows else -1

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""
        return self.table()["epoch"]

    def costs(self, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return their costs."""
        return self.table()["cost"]

    def first_and_last(self) -> tuple[float, float] | None:
        """Return the first and the last one of the costs, without joining the blocks."""
        blocks = [block["cost"] for block in self.blocks if len(block["epoch"])]
        return (float(blocks[0][0]), float(blocks[-1][-1])) if blocks else None

    def table(self) -> Columns:
        """Return the recorded epochs with all their columns."""
        blocks = [block for block in self.blocks if len(block["epoch"])]
        if not blocks:
            return {"epoch": np.empty(0, dtype=np.int64), "cost": np.empty(0)}
        if len(blocks) > 1:
            blocks = [joined(blocks)]
        self.blocks = blocks
        self.unjoined = self.unjoined_bytes = 0
        return blocks[0]


Allocate = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]


def bytes_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the size of an array in bytes."""
    return math.prod(shape) * dtype.itemsize


def allocated(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array to fill: in memory, or where that is too large for it in a file; on a full disk in memory."""
    if bytes_of(shape, dtype) <= SPILL_BYTES:
        return np.empty(shape, dtype)
    try:
        return in_file(shape, dtype)
    except OSError:
        if bytes_of(shape, dtype) > memory_bytes() // 2:
            raise
        return np.empty(shape, dtype)


def spilled(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array to fill with a column of blocks that are too large for memory: in a file, unless it is small."""
    return np.empty(shape, dtype) if bytes_of(shape, dtype) <= SPILL_BYTES // 8 else in_file(shape, dtype)


def in_file(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array to fill in a file without a name, all of whose blocks are reserved on the disk."""
    import tempfile  # with all that it imports, seldom needed

    size = max(1, bytes_of(shape, dtype))
    with tempfile.TemporaryFile() as file:  # the map outlives the name, and frees the disk at its own end
        try:
            reserve(file, size)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror}: the recorded history needs {size:,} bytes more in the temporary folder; set TMPDIR "
                "to a folder with more space, or record fewer epochs by history_every or history_limit",
                tempfile.gettempdir(),
            ) from error
        return np.memmap(file, dtype, "r+", shape=shape)


def reserve(file: Any, size: int) -> None:
    """Give a file its size on the disk: a write to a map without blocks on a full disk would kill the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
    zeros = bytes(min(size, ZEROS_BYTES))
    for first in range(0, size, len(zeros)):
        file.write(zeros[: size - first])
    file.flush()


def memory_bytes() -> int:
    """Return the size of main memory, where the system tells it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**34


def joined(blocks: list[Columns], allocate: Allocate = allocated) -> Columns:
    """Return blocks as one."""
    rows, table = sum(len(block["epoch"]) for block in blocks), {}
    for name, column in blocks[0].items():
        parts = [block[name] for block in blocks]
        shape, dtype = (rows, *column.shape[1:]), np.result_type(*parts)
        table[name] = np.concatenate(parts, out=allocate(shape, dtype))
    return table


def thinned(columns: Columns, grid: StepGrid | LogGrid, limit: int) -> tuple[Columns, StepGrid | LogGrid]:
    """Return at most `limit` rows (2 or more) of a history on a grid, and the coarser grid that they are on.

    The first and the last row are kept always, and the others where the grid, without every second epoch as often as
    need be, has them.
    """
    epochs = columns["epoch"]
    kept = np.ones(len(epochs), dtype=np.bool_)
    while kept.sum() > limit:
        grid = grid.thinned()
        kept = grid.holds(epochs)
        kept[[0, -1]] = True
    return ({name: kept_rows(column, kept) for name, column in columns.items()} if not kept.all() else columns), grid


def kept_rows(column: NDArray[Any], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the rows of a column that are kept."""
    target = allocated((int(kept.sum()), *column.shape[1:]), column.dtype)
    return np.compress(kept, column, axis=0, out=target)
