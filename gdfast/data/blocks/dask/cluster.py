"""Blocks on the workers of a Dask cluster: functions go to them, and what they return comes back, merged."""

import math
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NoReturn

from gdfast._utils.background import end_here_if_due
from gdfast.data.blocks.block import Block, checked_block, unpacked
from gdfast.data.blocks.dask.partitions import Partition, Partitions
from gdfast.data.blocks.ledger import Ledger, Record, place, record_of
from gdfast.data.triangle import merged_in_tree

__all__ = ["Cluster", "running_client"]

LOOKS, ASKS = 0.02, 1.0  # seconds between two looks at the time, and between two questions to the scheduler
LONGEST_WAIT = 30.0  # seconds without a worker
# Neighbours that one task merges: a power of two, so that their trees are those of the tree of all blocks.
GROUP = 8
PART = 0.5  # of the workers' memory, which blocks that stay there may take together


def running_client() -> Any:
    """Return the distributed client of this process, None where there is none or dask.config has another scheduler."""
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

    def merged(
        self, ledger: Ledger, function: Callable[[Block], Any], merge: Callable[[Any, Any], Any], once: bool
    ) -> Any:
        """Return what a function makes of each block, merged on the workers in the tree of `merged_in_tree`.

        Blocks that are needed `once` do not stay on the workers.
        """
        tasks = Tasks()
        if once and self.blocks is None:
            parts = [tasks.of(part) for part in self.checked_parts(ledger, function)]
        else:
            work = tasks.value(function)
            parts = [tasks.call(part_of_block, work, tasks.of(block)) for block in self.checked(ledger)]
        count = len(parts)
        while len(parts) > 1:
            groups = [parts[first : first + GROUP] for first in range(0, len(parts), GROUP)]
            parts = [tasks.call(partial(joined, merge), *group) for group in groups]
        records, value = self.result(tasks, parts[0])
        for number, record in sorted(records.items()):
            ledger.note(number, record)
        ledger.end(count)
        return value

    def call(self, ledger: Ledger, number: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return a function of one block and of other arguments."""
        tasks = Tasks()
        work = tasks.call(partial(called, function, arguments), tasks.of(self.checked(ledger)[number]))
        record, value = self.result(tasks, work)
        ledger.note(number, record)
        return value

    def checked(self, ledger: Ledger) -> list[Any]:
        """Return the checked blocks: on the workers where all of them fit, else as tasks that compute them anew."""
        if self.blocks is None:
            from dask.delayed import delayed

            check = delayed(checked_part, pure=False, traverse=False)
            expected = ledger.columns, ledger.expected
            blocks = [check(number, part, *expected) for number, part in enumerate(self.partitions.parts)]
            memory = self.memory()
            if memory == 0:  # there are no workers yet
                return blocks
            self.blocks = self.client.persist(blocks) if self.size() <= PART * memory else blocks
        return self.blocks

    def checked_parts(self, ledger: Ledger, function: Callable[[Block], Any]) -> list[Any]:
        """Return what a function makes of each block, the checks included, as delayed values."""
        from dask.delayed import delayed

        make = delayed(checked_and, pure=False, traverse=False)
        work = delayed(partial(given, function), pure=False, traverse=False)()
        expected = ledger.columns, ledger.expected
        return [make(number, part, *expected, work) for number, part in enumerate(self.partitions.parts)]

    def size(self) -> float:
        """Return about how many bytes the blocks take."""
        if not math.isnan(self.partitions.bytes):
            return self.partitions.bytes
        from dask.delayed import delayed

        tasks = Tasks()
        first = tasks.of(delayed(bytes_of, pure=False, traverse=False)(self.partitions.parts[0]))
        return len(self.partitions.parts) * float(self.result(tasks, first))

    def memory(self) -> float:
        """Return the bytes that the workers may take."""
        try:
            found = self.client.scheduler_info(n_workers=-1)
        except TypeError:  # an older distributed, which tells of all workers
            found = self.client.scheduler_info()
        return sum(worker["memory_limit"] or math.inf for worker in found["workers"].values())

    def result(self, tasks: "Tasks", key: str) -> Any:
        """Return the result of a task; what is left of it is cancelled where it fails, or the end is due."""
        if self.client.status != "running":
            self.refuse_closed()
        future = self.client.get(tasks.graph, key, sync=False)
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


class Tasks:
    """Tasks of one pass, by keys that no other pass has."""

    def __init__(self) -> None:
        self.graph: dict[Any, Any] = {}
        self.name = uuid.uuid4().hex

    def call(self, function: Callable[..., Any], *keys: Any) -> str:
        """Return the key of a call with the results of other tasks."""
        key = f"gdfast-{len(self.graph)}-{self.name}"
        self.graph[key] = (function, *keys)
        return key

    def value(self, value: Any) -> str:
        """Return the key of a value, which is sent once."""
        return self.call(partial(given, value))

    def of(self, delayed: Any) -> Any:
        """Return the key of a delayed value, whose tasks are among these."""
        self.graph.update(delayed.__dask_graph__())
        return delayed.key


# What runs on the workers.


def given(value: Any) -> Any:
    """Return the value."""
    return value


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


def checked_and(
    number: int,
    part: Partition,
    columns: tuple[str, ...] | None,
    expected: tuple[str, ...] | None,
    function: Callable[[Block], Any],
) -> tuple[dict[int, Record], Any]:
    """Return what a function makes of a partition, and the record of its block by its number."""
    return part_of_block(function, checked_part(number, part, columns, expected))


def part_of_block(function: Callable[[Block], Any], checked: Checked) -> tuple[dict[int, Record], Any]:
    """Return what a function makes of a block, and the block's record by its number."""
    number = checked.block.number
    try:
        return {number: checked.record}, function(checked.block)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place(number, None)}: {error}") from error


def joined(merge: Callable[[Any, Any], Any], *parts: tuple[dict[int, Record], Any]) -> tuple[dict[int, Record], Any]:
    """Return parts merged."""
    records = {number: record for found, _ in parts for number, record in found.items()}
    return records, merged_in_tree((value for _, value in parts), merge)


def called(function: Callable[..., Any], arguments: tuple[Any, ...], checked: Checked) -> tuple[Record, Any]:
    """Return the record of a block, and a function of it and other arguments."""
    return checked.record, function(checked.block, *arguments)


def bytes_of(part: Partition) -> int:
    """Return the bytes of X of a partition."""
    X = part.X
    used = X.memory_usage(index=False) if hasattr(X, "memory_usage") else None
    return int(X.nbytes if used is None else used.sum())
