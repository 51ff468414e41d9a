"""The losses of blocks of rows, as C (losses.c): for a source that is built without liberties with sums.

Vectorised exp rests on that. The loop is inside the switch, so that each loss has a loop of its own.
"""

from pathlib import Path

from generate.formulas import c_formula, read, used

__all__ = ["text"]

HEAD = """\
#include "losses.h"
#include "elementary.h"
"""
SWITCHES = {
    """
void loss_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict values,
                double *restrict gradients, ptrdiff_t n)
{
    switch (loss) {
""": """\
    case %(index)d:
        for (ptrdiff_t i = 0; i < n; i++) {
            values[i] = %(value)s(y[i], z[i], c);
            gradients[i] = %(gradient)s(y[i], z[i], c);
        }
        return;
""",
    """
void gradient_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict gradients,
                    ptrdiff_t n)
{
    switch (loss) {
""": """\
    case %(index)d:
        for (ptrdiff_t i = 0; i < n; i++)
            gradients[i] = %(gradient)s(y[i], z[i], c);
        return;
""",
}
END = "    }\n}\n"


def text(path: Path) -> str:
    """Return the file."""
    _, registry = read(path)
    pairs = [(entry.args[0].id, entry.args[1].id) for entry in registry.values()]
    formulas = used(path, {name for pair in pairs for name in pair})
    written = [HEAD, *map(c_formula, formulas)]
    for switch, case in SWITCHES.items():
        cases = [case % {"index": i, "value": value, "gradient": gradient} for i, (value, gradient) in enumerate(pairs)]
        written += [switch, *cases, END]
    return "".join(written)
