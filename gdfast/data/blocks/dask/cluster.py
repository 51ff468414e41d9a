"""Blocks on the workers of a Dask cluster: functions go to them, and what they return comes back, merged."""

import math
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from gdfast._utils.background import end_here_if_due
from gdfast.data.blocks.block import Block, checked_block, unpacked
from gdfast.data.blocks.dask.partitions import Partition, Partitions
from gdfast.data.blocks.ledger import Ledger, Record, place, record_of
from gdfast.data.triangle import merged_in_tree

__all__ = ["Cluster", "running_client"]

LOOKS, ASKS = 0.02, 1.0  # seconds between two looks at the time, and between two questions to the scheduler
LONGEST_WAIT = 30.0  # seconds without a worker
PART = 0.5  # of the workers' memory, which blocks that stay there may take together


def running_client() -> Any:
    """Return the distributed client of this process, None where there is none or Dask is told not to use it."""
    if "distributed" not in sys.modules:
        return None
    import dask
    import distributed

    if dask.config.get("scheduler", None) not in (None, "dask.distributed", "distributed"):
        return None
    try:
        client = distributed.get_client()
    except ValueError:
        return None
    return client if client.status == "running" else None


class Checked(NamedTuple):
    """A block that a worker has checked."""

    block: Block
    record: Record


class Cluster:
    """Runs functions of blocks where they are. Scheduling, transport, retries and spilling are Dask's."""

    def __init__(self, client: Any, partitions: Partitions) -> None:
        self.client, self.partitions = client, partitions
        self.blocks: list[Any] | None = None  # delayed, or on the workers

    def merged(self, ledger: Ledger, function: Callable[[Block], Any], merge: Callable[[Any, Any], Any]) -> Any:
        """Return what a function makes of each block, merged on the workers in the tree of `merged_in_tree`."""
        work, join = self.sent(function), self.sent(merge)
        parts = [self.task(part_of_block, work, block) for block in self.checked(ledger)]
        root = merged_in_tree(parts, lambda first, second: self.task(joined, join, first, second))
        records, value = self.result(root)
        for number, record in sorted(records.items()):
            ledger.note(number, record)
        ledger.end(len(parts))
        return value

    def call(self, ledger: Ledger, number: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return a function of one block and of other arguments."""
        work = self.task(called, self.sent(function), self.checked(ledger)[number], *map(self.sent, arguments))
        record, value = self.result(work)
        ledger.note(number, record)
        return value

    def release(self) -> None:
        """Let go of the blocks on the workers."""
        self.blocks = None

    def checked(self, ledger: Ledger) -> list[Any]:
        """Return the checked blocks: on the workers where all of them fit, else as tasks that compute them anew."""
        if self.blocks is None:
            expected = ledger.columns, ledger.expected
            parts = self.partitions.parts
            self.blocks = [self.task(checked_part, number, part, *expected) for number, part in enumerate(parts)]
            if self.size() <= PART * self.memory():
                self.blocks = self.client.persist(self.blocks)
        return self.blocks

    def size(self) -> float:
        """Return about how many bytes the blocks take."""
        if not math.isnan(self.partitions.bytes):
            return self.partitions.bytes
        return len(self.partitions.parts) * float(self.result(self.task(bytes_of, self.partitions.parts[0])))

    def memory(self) -> float:
        """Return the bytes that the workers may take."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(worker["memory_limit"] or math.inf for worker in workers)

    # Tasks.

    def task(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return a call as a task."""
        import dask

        return dask.delayed(function, pure=False, traverse=False)(*arguments)

    def sent(self, value: Any) -> Any:
        """Return a value as a task of its own, so that it is sent once."""
        import dask

        return dask.delayed(value, pure=False, traverse=False)

    def result(self, work: Any) -> Any:
        """Return the result of a task; what is left of it is cancelled where it fails, or the end is due."""
        if self.client.status != "running":
            self.refuse_closed()
        future = self.client.compute(work)
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        try:
            self.wait(done)
            if future.cancelled():
                self.refuse_closed()
            return future.result()
        finally:
            if not done.is_set() and self.client.status == "running":
                future.cancel()
            future.release()

    def wait(self, done: threading.Event) -> None:
        """Wait for the end of a task; raise EndIsDueError where the end is due, RuntimeError without workers."""
        asked = last_seen = time.monotonic()
        while not done.wait(LOOKS):
            end_here_if_due()
            now = time.monotonic()
            if self.client.status == "closed":
                self.refuse_closed()
            if now - asked < ASKS or self.client.status != "running":
                if now - last_seen > LONGEST_WAIT and self.client.status != "running":
                    self.refuse_closed()
                continue
            asked = now
            if self.client.nthreads():
                last_seen = now
            elif now - last_seen > LONGEST_WAIT:
                raise RuntimeError(
                    f"the Dask cluster at {self.client.scheduler.address} has had no workers for {LONGEST_WAIT:.0f} s; "
                    "start some, as by cluster.scale(2), and fit again"
                )

    def refuse_closed(self) -> NoReturn:
        """Raise the error of a client that is closed."""
        raise RuntimeError(
            "the Dask client is closed, or has lost its scheduler; make a new Client, and fit the collections again"
        )


# What runs on the workers.


def checked_part(
    number: int, part: Partition, columns: tuple[str, ...] | None, expected: tuple[str, ...] | None
) -> Checked:
    """Return a partition as a checked block, and its record."""
    X, y, weights = part
    try:
        block = checked_block(number, unpacked((X, y) if weights is None else (X, y, weights)), columns, expected)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place(number, None)}: {error}") from error
    return Checked(block, record_of(block))


def part_of_block(function: Callable[[Block], Any], checked: Checked) -> tuple[dict[int, Record], Any]:
    """Return what a function makes of a block, and the block's record by its number."""
    number = checked.block.number
    try:
        return {number: checked.record}, function(checked.block)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place(number, None)}: {error}") from error


def joined(merge: Callable[[Any, Any], Any], first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return two parts merged."""
    return first[0] | second[0], merge(first[1], second[1])


def called(function: Callable[..., Any], checked: Checked, *arguments: Any) -> tuple[Record, Any]:
    """Return the record of a block, and a function of it and other arguments."""
    return checked.record, function(checked.block, *arguments)


def bytes_of(part: Partition) -> int:
    """Return the bytes of X of a partition."""
    X = part.X
    used = X.memory_usage(index=False) if hasattr(X, "memory_usage") else None
    return int(X.nbytes if used is None else used.sum())
