"""Ctrl-C and the time limit of a training: noted at once, obeyed between two calls of a kernel or of LAPACK."""

import _signal  # type: ignore[import-not-found]
import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

__all__ = ["UNINTERRUPTED", "Interrupt", "OnThread", "TimeLimit", "ctrl_c_is_noted", "end_is_due"]

# Those of the module signal turn numbers and handlers into enums, which takes a tenth of a small fit. The module
# _signal is private to Python: no other file imports it, and tests/utils/test_interrupt.py compares it with signal.
getsignal, set_signal = _signal.getsignal, _signal.signal

RUNNING = threading.local()  # .interrupts: those in force in this thread, the innermost last


class Interrupt:
    """Within it the first Ctrl-C sets `pressed`; the second raises KeyboardInterrupt where it comes.

    So it does in a fit that a callback of another one makes: that Ctrl-C ends both. Where another handler than
    Python's own or asyncio's is in force, or another thread trains, Ctrl-C is left as it is. A handler that is
    installed meanwhile stays.
    """

    __slots__ = ("around", "before", "deadline", "noted")

    def __init__(self, deadline: float = math.inf) -> None:
        self.deadline = deadline
        self.noted = False
        self.around: Interrupt | None = None  # the one that notes Ctrl-C for this one
        self.before: Any = None  # the handler that this one stands for, None where it has none

    def __enter__(self) -> "Interrupt":
        outer = getattr(RUNNING, "interrupts", [])
        RUNNING.interrupts = [*outer, self]
        if threading.current_thread() is threading.main_thread():
            handler = getsignal(signal.SIGINT)
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, Interrupt):
                self.around = owner
            elif handler is signal.default_int_handler or is_asyncios(handler):
                self.before = handler
                set_signal(signal.SIGINT, self.press)
        elif outer:
            self.around = outer[-1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.interrupts = RUNNING.interrupts[:-1]
        if self.before is not None and getsignal(signal.SIGINT) == self.press:
            set_signal(signal.SIGINT, self.before)

    @property
    def pressed(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.noted or (self.around is not None and self.around.pressed)

    @property
    def late(self) -> bool:
        """Whether the time allowed is over."""
        return time.perf_counter() >= self.deadline

    def press(self, number: int, frame: FrameType | None) -> None:
        """Note a Ctrl-C."""
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True


def is_asyncios(handler: Any) -> bool:
    """Tell whether a handler is that of asyncio.run, which cancels a task when control returns to its loop."""
    return getattr(getattr(handler, "func", None), "__module__", None) == "asyncio.runners"


class TimeLimit:
    """Within it the end of this thread's work is due at a deadline; Ctrl-C is left as it is."""

    __slots__ = ("interrupt",)

    def __init__(self, deadline: float) -> None:
        self.interrupt = Interrupt(deadline)

    def __enter__(self) -> None:
        RUNNING.interrupts = [*getattr(RUNNING, "interrupts", []), self.interrupt]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.interrupts = RUNNING.interrupts[:-1]


# Within it no call of a kernel ends early, for what must be done whole; Ctrl-C is noted as before. It has no state.
UNINTERRUPTED = TimeLimit(math.inf)


class OnThread:
    """Within it the work of this thread ends where that of another thread does, whose Interrupt is given."""

    def __init__(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt

    def __enter__(self) -> None:
        RUNNING.interrupts = [self.interrupt]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNNING.interrupts = []


def ctrl_c_is_noted() -> bool:
    """Tell whether this thread's work has noted a Ctrl-C."""
    interrupts = getattr(RUNNING, "interrupts", [])
    return bool(interrupts) and interrupts[-1].pressed


def end_is_due() -> bool:
    """Tell whether the end of this thread's work is due."""
    interrupts = getattr(RUNNING, "interrupts", [])
    return bool(interrupts) and (interrupts[-1].pressed or interrupts[-1].late)
