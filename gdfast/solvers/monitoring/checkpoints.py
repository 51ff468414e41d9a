"""When a checkpoint is written."""

import time
from collections.abc import Callable
from typing import Any

from gdfast.backends.state import State

__all__ = ["Checkpoints"]


class Checkpoints:
    """Writes a result every so many epochs or seconds, whichever comes first."""

    def __init__(self, write: Callable[[Any], None] | None, every: int | None, seconds: float | None) -> None:
        self.write_result, self.every, self.seconds = write, every, seconds
        self.written, self.last = 0, time.perf_counter()  # the epoch and the time of the last one
        self.failure: OSError | None = None  # to write one

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one at which a checkpoint is due, or None."""
        return None if self.every is None else (epoch // self.every + 1) * self.every

    def due(self, state: State) -> bool:
        """Tell whether a checkpoint is to be written."""
        if self.write_result is None:
            return False
        next_stop = self.next_stop(self.written)
        counted = next_stop is not None and state.position == 0 and state.epoch >= next_stop
        return counted or (self.seconds is not None and time.perf_counter() - self.last >= self.seconds)

    def write(self, result: Callable[[], Any], epoch: int) -> None:
        """Write the result, if there is a file to write it to; note where it cannot be written."""
        if self.write_result is None:
            return
        try:
            self.write_result(result())
        except OSError as error:
            self.failure = error
        self.written, self.last = epoch, time.perf_counter()
