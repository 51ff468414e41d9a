"""The compiled kernels, built from src/ for several instruction sets; `descent` and `path` suit this processor."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

from gdfast._core.cpu import level as processor_level

if TYPE_CHECKING:
    from gdfast._core import descent, path

__all__ = ["descent", "level", "path", "processor_level"]


def choose_level() -> int:
    """Return the highest x86-64 level that was built and that the processor has; GDFAST_CPU=1, 3 or 4 caps it.

    Level 5 is level 4 by vectors of 512 bits, which GDFAST_CPU=5 asks for where they are not known to be faster.
    """
    wanted = os.environ.get("GDFAST_CPU")
    if wanted not in (None, "1", "3", "4", "5"):
        raise ImportError(f"GDFAST_CPU={wanted!r}: the levels are 1, 3, 4 and 5; unset it to let gdfast choose")
    able = 5 if processor_level == 4 and wanted == "5" else processor_level
    cap = able if wanted is None else min(able, int(wanted))
    return next((level for level in (5, 4, 3) if cap >= level and find_spec(f"gdfast._core.descent_v{level}")), 1)


def load(name: str) -> ModuleType:
    """Import the module of the level chosen, also for those who import it by its name without a level."""
    module = import_module(f"{__name__}.{name}" if level == 1 else f"{__name__}.{name}_v{level}")
    sys.modules[f"{__name__}.{name}"] = module
    return module


level = choose_level()
if not TYPE_CHECKING:
    descent, path = load("descent"), load("path")
