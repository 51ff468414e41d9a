"""The constants of gdfast/formulas/constants.py, as C (constants.h) and declared for Cython (constants.pxd)."""

import runpy
from pathlib import Path

__all__ = ["header", "pxd"]


def constants(path: Path) -> tuple[dict[str, int], dict[str, tuple[str, str]]]:
    """Return the whole numbers by name, and type and value of those that an enum cannot hold."""
    values = {name: value for name, value in runpy.run_path(str(path)).items() if name.isupper()}
    small = {name: value for name, value in values.items() if isinstance(value, int) and value < 2**31}
    large = {name: ("uint64_t", f"{value:#x}u") for name, value in values.items() if isinstance(value, int)}
    others = large | {name: ("double", repr(value)) for name, value in values.items() if isinstance(value, float)}
    return small, {name: other for name, other in others.items() if name not in small}


def header(path: Path) -> str:
    """Return constants.h."""
    small, others = constants(path)
    lines = "".join(f"    {name} = {value},\n" for name, value in small.items())
    rest = "".join(f"static const {kind} {name} = {value};\n" for name, (kind, value) in others.items())
    return f"#pragma once\n#include <stdint.h>\n\nenum {{\n{lines}}};\n{rest}"


def pxd(path: Path) -> str:
    """Return constants.pxd."""
    small, others = constants(path)
    lines = "".join(f"        {name}\n" for name in small)
    rest = "".join(f"    const {kind} {name}\n" for name, (kind, _) in others.items())
    return f'\nfrom libc.stdint cimport uint64_t\n\ncdef extern from "constants.h" nogil:\n    enum:\n{lines}{rest}'
