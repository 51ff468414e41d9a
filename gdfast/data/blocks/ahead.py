"""Read the next block on a thread while the current one is worked on."""

import queue
import threading
from collections.abc import Generator
from typing import Any, Protocol, TypeVar

from gdfast._utils.background import end_here_if_due
from gdfast._utils.interrupt import end_is_due

__all__ = ["read_ahead"]

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
