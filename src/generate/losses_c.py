"""The losses of blocks of rows, as C (losses.c).

The loop is inside the switch, so that each loss has a loop of its own.
"""

import ast
import copy
from pathlib import Path

from generate.formulas import c_formula, calls, read, used

__all__ = ["text"]

HEAD = """\
#include "losses.h"
#include "columns.h"
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
# Of the losses whose value is rest + log1p(excess).
LOG1P = """
int log1p_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict rests,
                double *restrict excesses, double *restrict gradients, ptrdiff_t n)
{
    switch (loss) {
"""
LOG1P_CASE = """\
    case %(index)d:
        for (ptrdiff_t i = 0; i < n; i++) {
            rests[i] = %(value)s_rest(y[i], z[i], c);
            excesses[i] = %(value)s_excess(y[i], z[i], c);
            gradients[i] = %(gradient)s(y[i], z[i], c);
        }
        return 1;
"""
LOG1P_END = """\
    }
    return 0;
}

void log1p_all(double *values, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        values[i] = log1p(values[i]);
}

double sum_of_log1p(const double *rests, const double *excesses, ptrdiff_t n)
{
    double q[SUMS_OF_LOGS] = {0}, sums[SUMS_OF_LOGS] = {0}, total = 0.0;
    ptrdiff_t i = 0;
    for (; i + SUMS_OF_LOGS <= n; i += SUMS_OF_LOGS)
        for (int j = 0; j < SUMS_OF_LOGS; j++) {
            q[j] += excesses[i + j] + q[j] * excesses[i + j];
            sums[j] += rests[i + j];
        }
    for (int j = 0; i + j < n; j++) {
        q[j] += excesses[i + j] + q[j] * excesses[i + j];
        sums[j] += rests[i + j];
    }
    for (int j = 0; j < SUMS_OF_LOGS; j++)
        sums[j] += log1p(q[j]);
    for (int j = 0; j < SUMS_OF_LOGS; j++)
        total += sums[j];
    return total;
}
"""
# Products, losses and the sums for the gradient in one loop, for one feature (z = w x + b) and the losses that lanes
# know the vocabulary of.
LINE = """
int loss_line(int loss, double c, int single, const double *y, const double *s, const void *x, double w, double b,
              ptrdiff_t n, double *total, double *g)
{
    switch (loss) {
"""
LINE_CASE = """\
    case %(index)d:
        *total = single ? line_float(%(value)s_lanes, %(gradient)s_lanes, c, y, s, x, w, b, n, g)
                        : line_double(%(value)s_lanes, %(gradient)s_lanes, c, y, s, x, w, b, n, g);
        return 1;
"""
LINE_END = """\
    }
    return 0;
}
"""
# The same of a block of rows whose z are known.
SUMS = """
int loss_sums(int loss, double c, const double *y, const double *s, const double *z, double *r, ptrdiff_t n,
              double *sums)
{
    if (n < LANES)
        return 0;
    switch (loss) {
"""
SUMS_CASE = """\
    case %(index)d:
        sum_losses(%(value)s_lanes, %(gradient)s_lanes, c, y, s, z, r, n, sums);
        return 1;
"""
OF_LANES = {"absolute", "maximum", "minimum", "where"}


def text(path: Path) -> str:
    """Return the file."""
    _, registry = read(path)
    pairs = [(entry.args[0].id, entry.args[1].id) for entry in registry.values()]
    formulas = used(path, {name for pair in pairs for name in pair})
    written = [HEAD, *map(c_formula, formulas)]
    for switch, case in SWITCHES.items():
        cases = [case % {"index": i, "value": value, "gradient": gradient} for i, (value, gradient) in enumerate(pairs)]
        written += [switch, *cases, END]
    by_name, cases = {formula.name: formula for formula in formulas}, []
    for i, (value, gradient) in enumerate(pairs):
        if parts := parts_of_log1p(by_name[value]):
            written += map(c_formula, parts)
            cases.append(LOG1P_CASE % {"index": i, "value": value, "gradient": gradient})
    return "".join([*written, LOG1P, *cases, LOG1P_END, *lines(pairs, formulas)])


def lines(pairs: list[tuple[str, str]], formulas: list[ast.FunctionDef]) -> list[str]:
    """Return the formulas of lanes, and loss_line, which takes them."""
    able = {formula.name for formula in formulas if not calls(formula) - OF_LANES}
    cases = [(i, pair) for i, pair in enumerate(pairs) if able.issuperset(pair)]
    names = {name for _, pair in cases for name in pair}
    written = [c_formula(of_lanes(formula), "Lanes", ("y", "z")) for formula in formulas if formula.name in names]
    for head, case in ((LINE, LINE_CASE), (SUMS, SUMS_CASE)):
        parts = [case % {"index": i, "value": value, "gradient": gradient} for i, (value, gradient) in cases]
        written += [head, *parts, LINE_END]
    return written


def of_lanes(function: ast.FunctionDef) -> ast.FunctionDef:
    """Return a formula whose functions are those of lanes."""
    other = copy.deepcopy(function)
    other.name += "_lanes"
    for node in ast.walk(other):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func.id += "_lanes"
    return other


def parts_of_log1p(value: ast.FunctionDef) -> list[ast.FunctionDef]:
    """Return rest and excess of a formula that returns rest + log1p(excess), [] for any other."""
    found = value.body[-1].value
    if isinstance(found, ast.BinOp) and isinstance(found.op, ast.Add):
        for part, rest in ((found.left, found.right), (found.right, found.left)):
            if isinstance(part, ast.Call) and part.func.id == "log1p":
                return [returning(value, "rest", rest), returning(value, "excess", part.args[0])]
    return []


def returning(function: ast.FunctionDef, name: str, result: ast.expr) -> ast.FunctionDef:
    """Return a formula that has the same assignments and another result."""
    other = copy.deepcopy(function)
    other.name, other.body[-1].value = f"{function.name}_{name}", result
    return other
