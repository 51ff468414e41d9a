"""The cumulative l1 of many coefficients, as C (penalties.c): for a source whose loops have no branches."""

from pathlib import Path

from generate.formulas import c_formula, used

__all__ = ["text"]

HEAD = """\
#include "penalties.h"
#include "elementary.h"
"""
DRAWN = """
void drawn_by_l1(const double *restrict old, const double *restrict applied, double total, double *restrict left,
                 ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        left[i] = cumulative_l1(old[i], applied[i], total);
}
"""


def text(path: Path) -> str:
    """Return the file."""
    return "".join([HEAD, *map(c_formula, used(path, {"cumulative_l1"})), DRAWN])
