"""Ctrl-C and the time limit of a training: noted at once, obeyed between two calls of a kernel."""

import _signal  # type: ignore[import-not-found]
import math
import signal
import threading
import time
from types import FrameType, TracebackType

__all__ = ["Interrupt", "Uninterrupted", "end_is_due"]

# Those of the module signal turn numbers and handlers into enums, which takes a tenth of a small fit. The module
# _signal is private to Python: no other file imports it, and tests/backends/test_interrupt.py compares it with signal.
getsignal, set_signal = _signal.getsignal, _signal.signal

RUNNING = threading.local()  # .interrupts: those in force in this thread, the innermost last


class Interrupt:
    """Within it the first Ctrl-C sets `pressed`; the second raises KeyboardInterrupt where it comes.

    Where Python's own handler is not in force, or another thread trains, Ctrl-C is left as it is.
    """

    def __init__(self, deadline: float = math.inf) -> None:
        self.deadline = deadline
        self.pressed = False
        self.installed = False

    def __enter__(self) -> "Interrupt":
        RUNNING.interrupts = [*getattr(RUNNING, "interrupts", []), self]
        own = getsignal(signal.SIGINT) is signal.default_int_handler
        if own and threading.current_thread() is threading.main_thread():
            set_signal(signal.SIGINT, self.press)
            self.installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.interrupts = RUNNING.interrupts[:-1]
        if self.installed:
            set_signal(signal.SIGINT, signal.default_int_handler)

    @property
    def late(self) -> bool:
        """Whether the time allowed is over."""
        return time.perf_counter() >= self.deadline

    def press(self, number: int, frame: FrameType | None) -> None:
        """Note a Ctrl-C."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


class Uninterrupted:
    """Within it no call of a kernel ends early, for what must be done whole; Ctrl-C is noted as before."""

    def __enter__(self) -> None:
        RUNNING.interrupts = [*getattr(RUNNING, "interrupts", []), Interrupt()]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.interrupts = RUNNING.interrupts[:-1]


def end_is_due() -> bool:
    """Tell whether the end of this thread's descent is due."""
    interrupts = getattr(RUNNING, "interrupts", [])
    return bool(interrupts) and (interrupts[-1].pressed or interrupts[-1].late)
