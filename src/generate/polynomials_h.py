"""The polynomials of exp and log1p as C (polynomials.h)."""

from pathlib import Path

from generate.formulas import c_formula, used

__all__ = ["text"]


def text(path: Path) -> str:
    """Return the file."""
    return "#pragma once\n" + "".join(map(c_formula, used(path)))
