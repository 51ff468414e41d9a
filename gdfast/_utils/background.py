"""Long calls that nothing ends, as LAPACK's, on a thread of their own: Ctrl-C and a time limit need not wait."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gdfast._utils.interrupt import end_is_due

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["EndIsDueError", "awaited", "end_here_if_due", "in_background"]

Result = TypeVar("Result")

LEAST_OPERATIONS = 2e8  # some 50 ms, beside which a thread costs nothing
LOOKS = 0.02  # seconds between two looks at the time


class EndIsDueError(Exception):
    """Raised where work is given up because the time is over."""


def end_here_if_due() -> None:
    """Raise EndIsDueError where the end of this thread's work is due."""
    if end_is_due():
        raise EndIsDueError


def awaited(future: "Future[Result]") -> Result:
    """Return the result of a future. Ctrl-C arrives meanwhile, also where it ends no wait: on Windows, for one."""
    from concurrent.futures import wait  # not at every import of gdfast

    while wait([future], LOOKS).not_done:
        pass
    return future.result()


def in_background(operations: float, function: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
    """Return function(*arguments, **options), which takes about so many operations.

    Where these are many it runs on another thread. That is abandoned, and ends unheard, where Ctrl-C raises
    KeyboardInterrupt here or the end is due, which raises EndIsDueError; so the function must change nothing.
    """
    if operations < LEAST_OPERATIONS:
        return function(*arguments, **options)
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function(*arguments, **options))
        except BaseException as error:  # raised where it was called
            errors.append(error)

    thread = threading.Thread(target=run, name="gdfast-linear-algebra", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOKS)
        if thread.is_alive():
            end_here_if_due()
    if errors:
        raise errors[0]
    return results[0]
