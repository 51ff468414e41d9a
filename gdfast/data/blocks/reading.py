"""Read blocks one after another: the next one on a thread while one is worked on, each of them checked."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import count
from typing import Any, Protocol, TypeVar

from gdfast._utils.background import end_here_if_due
from gdfast._utils.interrupt import end_is_due
from gdfast.data.blocks.block import Block
from gdfast.data.blocks.ledger import Ledger
from gdfast.data.blocks.source import Source

__all__ = ["GivenBlock", "Progress", "checked_blocks", "given_blocks", "read_ahead", "released", "with_progress"]

LOOKS = 0.02  # seconds between two looks at the time
# Seconds that the end waits for the thread, where time is left and where it is over. A thread that is within a longer
# read ends after it, unheard.
LONGEST_WAIT, SHORTEST_WAIT = 1.0, 0.05


class Releasable(Protocol):
    """A block."""

    def release(self) -> None:
        """Let go of its arrays."""


Item = TypeVar("Item", bound=Releasable)


def read_ahead(blocks: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield blocks, of which the next one is read on a thread; at most two are in memory.

    The arrays of a block are let go when the next one is asked for. Errors of the thread are raised here, at the block
    where they came. Where the iteration is left early the thread ends.
    """
    reader = Reader(blocks)
    try:
        while (block := reader.take()) is not None:
            yield block
            block.release()
    finally:
        reader.close()


class Reader:
    """The thread, which reads a block whenever it is asked to."""

    def __init__(self, blocks: Generator[Any, None, None]) -> None:
        self.blocks = blocks
        self.asked: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: read one more; False: end
        # Blocks; None after the last one; an error. No SimpleQueue: a signal at the end of its timeout lets it wait on.
        self.read: queue.Queue[Any] = queue.Queue()
        self.thread = threading.Thread(target=self.run, name="gdfast-blocks", daemon=True)
        self.asked.put(True)
        self.thread.start()

    def run(self) -> None:
        """Read until the last block, an error, or the end of the iteration."""
        try:
            while self.asked.get():
                self.read.put(next(self.blocks))
        except StopIteration:
            self.read.put(None)
        except BaseException as error:
            self.read.put(error)
        finally:
            self.blocks.close()

    def take(self) -> Any:
        """Return the next block, None after the last one, and ask for the one after it."""
        while True:
            end_here_if_due()
            try:
                found = self.read.get(timeout=LOOKS)
                break
            except queue.Empty:
                continue
        if isinstance(found, BaseException):
            raise found
        self.asked.put(True)
        return found

    def close(self) -> None:
        """End the thread."""
        self.asked.put(False)
        self.thread.join(SHORTEST_WAIT if end_is_due() else LONGEST_WAIT)


class Progress(Protocol):
    """A progress bar of passes over blocks."""

    def begin(self, rows: int | None) -> None:
        """Begin a pass over so many rows, None where that is not known."""

    def add(self, rows: int, size: int) -> None:
        """Add rows that are read, and their bytes."""

    def end(self) -> None:
        """End the pass."""


def with_progress(
    blocks: Generator[Block, None, None], progress: Progress, rows: int | None
) -> Generator[Block, None, None]:
    """Yield blocks, and show how many of the rows are read."""
    progress.begin(rows)
    try:
        with closing(blocks):
            for block in blocks:
                count, size = block.X.shape[0], block.nbytes
                yield block
                progress.add(count, size)
    finally:
        progress.end()


class GivenBlock:
    """A block as its source gives it."""

    def __init__(self, number: int, block: Any, array: Any) -> None:
        self.number, self.block, self.array = number, block, array

    def take(self) -> Any:
        """Return the block, which is let go here."""
        block, self.block = self.block, None
        return block

    def release(self) -> None:
        """Let go of the block."""
        self.block = self.array = None


def given_blocks(source: Source, ledger: Ledger, order: Iterable[int] | None) -> Generator[GivenBlock, None, None]:
    """Yield the blocks of a source: all of them, whose number must stay the same, or those of an order."""
    given = source.read(order)
    try:
        done = 0
        for number in count() if order is None else order:
            block = next_block(given, number)
            if block is None:
                break
            yield GivenBlock(number, block.pop(), source.held(number))
            done += 1
        if order is None:
            ledger.end(done)
    finally:
        if isinstance(given, Generator):
            given.close()


def next_block(given: Iterator[Any], number: int) -> list[Any] | None:
    """Return the next block, in a list that can be emptied, None after the last one."""
    try:
        return [next(given)]
    except StopIteration:
        return None
    except Exception as error:  # of the source, which may be a function of the caller's
        error.add_note(f"raised while block {number} was read")
        raise


def checked_blocks(given: Generator[GivenBlock, None, None], ledger: Ledger) -> Generator[Block, None, None]:
    """Yield blocks, checked."""
    with closing(given):
        for one in given:
            yield ledger.checked(one.number, one.take(), one.array)


def released(blocks: Generator[Block, None, None]) -> Generator[Block, None, None]:
    """Yield blocks; the arrays of one are let go when the next one is asked for."""
    with closing(blocks):
        for block in blocks:
            yield block
            block.release()
