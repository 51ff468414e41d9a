"""How functions are jitted: liberties with sums, counted references, ways in from outside; and Ctrl-C meanwhile."""

from typing import Any

from numba import njit
from numba.core import event

from gdfast._utils.interrupt import ctrl_c_is_noted

__all__ = ["counting", "inlined", "jit", "outer", "rounding", "strict"]

# Every option is named in each: what is not, a function has from the one that it is first compiled for.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
# Sums may be reordered; NaN and infinity keep their meaning.
LIBERTIES: dict[str, Any] = {"fastmath": {"reassoc", "nsz", "arcp", "contract"}}
# To count a reference to an array is an atomic operation, and code that does so is not inlined: SGD took ten times as
# long. Only what Python calls, what makes arrays and users' own functions count; the rest may not make an array, nor
# return one, be it a view, to what counts. The option is Numba's own: no other file names it, and a test of
# tests/backends/test_numba_kernels.py holds it to what is said here.
COUNTED: dict[str, Any] = {"_nrt": True}
UNCOUNTED: dict[str, Any] = {"_nrt": False}
# A way in from Python, and one from C, would be compiled with each function: a third of all the compiling.
INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
OUTER: dict[str, Any] = {"no_cpython_wrapper": False, "no_cfunc_wrapper": True}
outer = njit(**OPTIONS, **LIBERTIES, **COUNTED, **OUTER)
counting = njit(**OPTIONS, **LIBERTIES, **COUNTED, **INNER)
jit = njit(**OPTIONS, **LIBERTIES, **UNCOUNTED, **INNER)
# With these liberties np.isfinite holds for infinity, so what looks for it does without them.
strict = njit(**OPTIONS, **UNCOUNTED, **INNER, fastmath=False)
# What rests on its roundings, in which only a product and a sum may be one operation.
rounding = njit(**OPTIONS, **UNCOUNTED, **INNER, fastmath={"contract"})
# Losses: with exp and log1p in them they are too long to be inlined unasked, and a loop with a call is not vectorised.
inlined = njit(**OPTIONS, **LIBERTIES, **UNCOUNTED, **INNER, forceinline=True)


class EndAtCtrlC(event.Listener):
    """Ends compiling at a Ctrl-C, after the function at hand: all functions of a kernel take seconds.

    It comes before the first update nearly always, so KeyboardInterrupt is raised. Events are in numba.core, which may
    change: no other file imports them, and a test of tests/backends/test_numba_kernels.py uses them.
    """

    def on_start(self, event: Any) -> None:
        """Raise KeyboardInterrupt where a Ctrl-C was noted."""
        if ctrl_c_is_noted():
            raise KeyboardInterrupt

    def on_end(self, event: Any) -> None:
        """Do nothing: the next function asks."""


event.register("numba:compile", EndAtCtrlC())
