"""The penalties as Cython (penalties.pxi): one function for each formula."""

from pathlib import Path

from generate.formulas import cython_formula, used

__all__ = ["text"]


def text(path: Path) -> str:
    """Return the file."""
    return "".join(map(cython_formula, used(path)))
