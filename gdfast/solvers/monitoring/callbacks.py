"""When callbacks are called."""

import time
from collections.abc import Callable

from gdfast.backends.state import State
from gdfast.options.callbacks import Callback, CallbackState

__all__ = ["Callbacks"]

CALLBACK_SECONDS = 0.02  # between two calls of on_chunk where callback_every is None


class Callbacks:
    """Calls on_start and on_end once, and on_chunk every so many epochs or every 20 ms."""

    def __init__(self, callbacks: tuple[Callback, ...], every: int | None) -> None:
        self.callbacks, self.every = callbacks, every
        self.last_epoch, self.last = 0, time.perf_counter()  # of the last call

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one at which on_chunk is due, or None."""
        return None if self.every is None else (epoch // self.every + 1) * self.every

    def due(self, state: State) -> bool:
        """Tell whether on_chunk is to be called."""
        if not self.callbacks:
            return False
        if self.every is None:
            return time.perf_counter() - self.last >= CALLBACK_SECONDS
        return state.position == 0 and state.epoch % self.every == 0 and state.epoch != self.last_epoch

    def call(self, event: str, make_state: Callable[[], CallbackState]) -> bool:
        """Call the callbacks for an event; return whether one of them asks to stop."""
        if not self.callbacks:
            return False
        state = make_state()
        answers = [callback.call(event, state) for callback in self.callbacks]
        self.last_epoch, self.last = state.epoch, time.perf_counter()
        return any(answers)
