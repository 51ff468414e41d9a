"""Write the formulas of gdfast/formulas as Cython (formulas.pxi), and as C what is built without liberties.

That is the losses of blocks of rows (losses.c) and the polynomials of exp and log1p (polynomials.h). And as numbers
the gradients that would wait for an exponential and a division (tables.h), for src/tabled.h.

    python src/generate.py gdfast/formulas formulas.pxi

A formula `def f(y, z, c)` becomes `cdef inline double f(double y, double z, double c)` with the
same body. A registry becomes one function with a switch over its entries, in their order.
"""

import ast
import sys
from pathlib import Path

from margin_tables import COEFFICIENTS, END, WIDTH, table

# Values and gradients of a block of rows, in C, for a source that is built without liberties with sums: vectorised
# exp rests on that. The loop is inside the switch, so that each loss has a loop of its own.
BLOCK_HEAD = """\
#include "losses.h"
#include "elementary.h"
"""
BLOCK = """
void loss_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict values,
                double *restrict gradients, ptrdiff_t n)
{
    switch (loss) {
"""
BLOCK_CASE = """\
    case %(index)d:
        for (ptrdiff_t i = 0; i < n; i++) {
            values[i] = %(value)s(y[i], z[i], c);
            gradients[i] = %(gradient)s(y[i], z[i], c);
        }
        return;
"""
BLOCK_END = "    }\n}\n"
# Products, losses and the sums for the gradient in one loop, for one feature (z = w x + b) and the losses of which a
# compiler can vectorise that.
LOSS_LINE = """
cdef double loss_line(int loss, double c, const double* y, const double* s, const floating* x, double w,
                      double b, Py_ssize_t n, double* g) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0.0, gw = 0.0, gb = 0.0, r
"""
LOSS_LINE_CASE = """\
    if loss == {index}:
        if s == NULL:
            for i in range(n):
                total += {value}(y[i], w * x[i] + b, c)
                r = {gradient}(y[i], w * x[i] + b, c)
                gw += r * x[i]
                gb += r
        else:
            for i in range(n):
                total += s[i] * {value}(y[i], w * x[i] + b, c)
                r = s[i] * {gradient}(y[i], w * x[i] + b, c)
                gw += r * x[i]
                gb += r
"""
LOSS_LINE_END = """\
    g[0] = gw
    g[1] = gb
    return total
"""
HAS_LINE = """
cdef inline bint has_loss_line(int loss) noexcept nogil:
    return {answer}
"""
LOSS_SCALAR = """
cdef inline double loss_{part}(int loss, double c, double y, double z) noexcept nogil:
"""
LOSS_SCALAR_CASE = """\
    if loss == {index}:
        return {formula}(y, z, c)
"""
# A gradient with y = -1 or +1 is y times one function of the margin.
LOSS_TABLED_CASE = """\
    if loss == {index}:
        if absolute(y * z) < MARGINS:
            return y * gradient_of_margin(loss, y * z)
        return {formula}(y, z, c)
"""
MARGINS = """
cdef double MARGINS = {end!r}  # a table ends here, on either side

cdef inline bint has_margins(int loss) noexcept nogil:
    return {answer}

cdef inline double gradient_of_margin(int loss, double m) noexcept nogil:
"""
MARGINS_CASE = """\
    if loss == {index}:
        return {formula}_of_margin(m)
"""
MARGINS_EXTERN = """
cdef extern from "tables.h" nogil:
"""
CURVATURES = """
cdef inline double constant_curvature(int loss) noexcept nogil:
    return {values}
"""
# One step of w along a x + l2 w, coordinate by coordinate; factors (NULL: all are 1) multiply l2.
UPDATE = """
cdef void optimizer_update(int rule, floating* w, const gradient_type* x, double a, double l2, const double* factors,
                           double* m, double* v, double eta, double mu, double rho, double eps, double decay,
                           double c1, double c2, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    cdef double unused = 0.0
"""
UPDATE_CASE = """\
    if rule == {index}:
        if factors == NULL:
            for j in range(d):
                w[j] += <floating>{formula}(w[j], a * x[j] + l2 * w[j], {states}, eta, mu, rho, eps, decay, c1, c2,
                                            {targets})
        else:
            for j in range(d):
                w[j] += <floating>{formula}(w[j], a * x[j] + l2 * factors[j] * w[j], {states}, eta, mu, rho, eps,
                                            decay, c1, c2, {targets})
"""
# One step of a linear rule for one coordinate, or for what a basis vector weighs in it.
LINEAR = """
cdef inline double linear_step(int rule, double w, double g, double* m, double eta, double mu) noexcept nogil:
    cdef double unused = 0.0
"""
LINEAR_CASE = """\
    if rule == {index}:
        return {formula}(w, g, m[0], 0.0, eta, mu, 0.0, 0.0, 0.0, 1.0, 1.0, m, &unused)
"""
RATE = """
cdef inline double optimizer_rate(int rule, double v, double eta, double mu, double eps, double c2) noexcept nogil:
"""
RATE_CASE = """\
    if rule == {index}:
        return {formula}(v, eta, mu, eps, c2)
"""


def read(path: Path) -> tuple[list[ast.FunctionDef], dict[str, ast.expr]]:
    """Return a file's functions and its registry, the dict that the file ends with."""
    tree = ast.parse(path.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    registry = tree.body[-1].value
    return functions, {key.value: entry for key, entry in zip(registry.keys, registry.values, strict=True)}


def body(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return a formula's statements without its docstring."""
    return function.body[1:] if ast.get_docstring(function) else function.body


def scalar_formula(function: ast.FunctionDef) -> str:
    """Return a formula as a C function of doubles."""
    arguments = ", ".join(f"double {argument.arg}" for argument in function.args.args)
    lines = "\n    ".join(ast.unparse(statement) for statement in body(function))
    return f"\ncdef inline double {function.name}({arguments}) noexcept nogil:\n    {lines}\n"


def update_formula(function: ast.FunctionDef) -> str:
    """Return an update rule as a C function that returns its step and stores its state."""
    arguments = ", ".join(f"double {argument.arg}" for argument in function.args.args)
    *statements, last = body(function)
    step, *states = last.value.elts
    lines = [ast.unparse(statement) for statement in statements]
    lines += [f"new_{state.id}[0] = {state.id}" for state in states]
    lines += [f"return {ast.unparse(step)}"]
    new = ", ".join(f"double* new_{state.id}" for state in states)
    return (
        f"\ncdef inline double {function.name}({arguments}, {new}) noexcept nogil:\n    " + "\n    ".join(lines) + "\n"
    )


def assigned(function: ast.FunctionDef) -> set[str]:
    """Return the states that a rule changes; the others would be written for nothing."""
    return {statement.targets[0].id for statement in body(function) if isinstance(statement, ast.Assign)}


def is_rule(function: ast.FunctionDef) -> bool:
    """Tell whether a function returns a step and states."""
    return isinstance(body(function)[-1].value, ast.Tuple)


def c_formula(function: ast.FunctionDef) -> str:
    """Return a formula as a C function of doubles, in the vocabulary of src/elementary.h."""
    arguments = ", ".join(f"double {argument.arg}" for argument in function.args.args)
    lines = []
    for statement in body(function):
        declared = "double " if isinstance(statement, ast.Assign) else ""
        lines.append(f"    {declared}{ast.unparse(statement)};")
    return f"\nstatic inline double {function.name}({arguments})\n{{\n" + "\n".join(lines) + "\n}\n"


def calls(function: ast.FunctionDef) -> set[str]:
    """Return the names of the functions that a formula calls."""
    return {node.func.id for node in ast.walk(function) if isinstance(node, ast.Call)}


def loss_names(path: Path) -> tuple[list[ast.FunctionDef], dict[str, tuple[str, str]]]:
    """Return the losses' functions, and the names of value and gradient of each."""
    functions, registry = read(path)
    names = {name: (entry.args[0].id, entry.args[1].id) for name, entry in registry.items()}
    chosen = {name for pair in names.values() for name in pair}
    return [function for function in functions if function.name in chosen], names


def blocks(path: Path) -> str:
    """Return the losses of blocks of rows, as C."""
    functions, names = loss_names(path)
    cases = [
        BLOCK_CASE % {"index": i, "value": value, "gradient": gradient}
        for i, (value, gradient) in enumerate(names.values())
    ]
    return "".join([BLOCK_HEAD, *[c_formula(function) for function in functions], BLOCK, *cases, BLOCK_END])


def margin_gradients(path: Path) -> dict[int, ast.FunctionDef]:
    """Return the gradients that are tabulated, by their place: those of one margin that have an exponential."""
    functions, registry = read(path)
    by_name = {function.name: function for function in functions}
    chosen = {}
    for index, entry in enumerate(registry.values()):
        marked = {keyword.arg for keyword in entry.keywords if getattr(keyword.value, "value", None) is True}
        gradient = by_name[entry.args[1].id]
        if "classification" in marked and "coupled" not in marked and "exp" in calls(gradient):
            chosen[index] = gradient
    return chosen


def tables(path: Path) -> str:
    """Return the tables, as C."""
    text = [
        f'#pragma once\n#define COEFFICIENTS {COEFFICIENTS}\n#define WIDTH_OF_PLACES {WIDTH}\n#include "tabled.h"\n'
    ]
    for function in margin_gradients(path).values():
        lines = table(function)
        numbers = ",\n".join("    {" + ", ".join(value.hex() for value in line) + "}" for line in lines)
        text.append(f"\nstatic const double {function.name}_table[][COEFFICIENTS] ON_LINES = {{\n{numbers}\n}};\n")
        text.append(
            f"\nstatic inline double {function.name}_of_margin(double m)\n"
            f"{{\n    return tabled({function.name}_table + {len(lines) // 2}, m);\n}}\n"
        )
    return "".join(text)


def constant_curvatures(path: Path) -> str:
    """Return what tells the second derivative of a loss where it is one number, else 0."""
    _, registry = read(path)
    marked = [any(keyword.arg == "quadratic" for keyword in entry.keywords) for entry in registry.values()]
    values = [
        f"{entry.args[2].value!r} if loss == {i} else "
        for i, (entry, quadratic) in enumerate(zip(registry.values(), marked, strict=True))
        if quadratic
    ]
    return CURVATURES.format(values="".join([*values, "0.0"]))


def losses(path: Path) -> str:
    """Return the losses: one function each, the loops for one feature, and the scalar switches."""
    functions, names = loss_names(path)
    text = [scalar_formula(function) for function in functions]
    slow = {function.name for function in functions if calls(function) & {"exp", "log", "log1p"}}
    lines = [i for i, pair in enumerate(names.values()) if not slow & set(pair)]
    text.append(HAS_LINE.format(answer=" or ".join(f"loss == {i}" for i in lines)))
    text.append(LOSS_LINE)
    for i, (value, gradient) in enumerate(names.values()):
        if i in lines:
            text.append(LOSS_LINE_CASE.format(index=i, value=value, gradient=gradient))
    text.append(LOSS_LINE_END)
    by_table = margin_gradients(path)
    text.append(MARGINS_EXTERN)
    text += [f"    double {gradient.name}_of_margin(double m)\n" for gradient in by_table.values()]
    text.append(MARGINS.format(end=END, answer=" or ".join(f"loss == {i}" for i in by_table)))
    text += [MARGINS_CASE.format(index=i, formula=gradient.name) for i, gradient in by_table.items()]
    for position, part in enumerate(("value", "gradient")):
        text.append(LOSS_SCALAR.format(part=part))
        for i, pair in enumerate(names.values()):
            case = LOSS_TABLED_CASE if position == 1 and i in by_table else LOSS_SCALAR_CASE
            text.append(case.format(index=i, formula=pair[position]))
    numbers = "".join(f"    {name.upper()} = {i}\n" for i, name in enumerate(names))
    return "".join(text) + constant_curvatures(path) + f"\ncdef enum:\n{numbers}\nLOSSES = {tuple(names)}\n"


def penalties(path: Path) -> str:
    """Return the penalties' formulas."""
    functions, _ = read(path)
    return "".join(scalar_formula(function) for function in functions)


def optimizers(path: Path) -> str:
    """Return the update rules and their switches."""
    functions, registry = read(path)
    by_name = {function.name: function for function in functions}
    text = [update_formula(function) if is_rule(function) else scalar_formula(function) for function in functions]
    text.append(UPDATE)
    names = [(entry.args[0].id, entry.args[1].id) for entry in registry.values()]
    for index, (step, _) in enumerate(names):
        changed = assigned(by_name[step])
        places = [f"{state}[j]" if state in changed else "unused" for state in ("m", "v")]
        targets = ", ".join(f"&{place}" for place in places)
        text.append(UPDATE_CASE.format(index=index, formula=step, states=", ".join(places), targets=targets))
    text.append(LINEAR)
    for index, entry in enumerate(registry.values()):
        if any(keyword.arg == "linear" for keyword in entry.keywords):
            text.append(LINEAR_CASE.format(index=index, formula=entry.args[0].id))
    text.append(RATE)
    text += [RATE_CASE.format(index=index, formula=rate) for index, (_, rate) in enumerate(names)]
    numbers = "".join(f"    {name.upper()} = {index}\n" for index, name in enumerate(registry))
    return "".join(text) + f"\ncdef enum:\n{numbers}\nUPDATE_RULES = {tuple(registry)}\n"


def polynomials(path: Path) -> str:
    """Return the polynomials of exp and log1p, as C."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return "#pragma once\n" + "".join(c_formula(function) for function in functions)


def main(source: Path, target: Path) -> None:
    """Write the formulas of the folder `source` as losses.c, polynomials.h, tables.h or formulas.pxi: the target."""
    text = "Generated by src/generate.py from gdfast/formulas; do not edit."
    if target.suffix == ".c":
        target.write_text(f"/* {text} */\n" + blocks(source / "losses.py"))
        return
    if target.name == "tables.h":
        target.write_text(f"/* {text} */\n" + tables(source / "losses.py"))
        return
    if target.suffix == ".h":
        target.write_text(f"/* {text} */\n" + polynomials(source / "polynomials.py"))
        return
    text = f"# {text}\n" + losses(source / "losses.py")
    text += penalties(source / "penalties.py")
    text += optimizers(source / "update_rules.py")
    target.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
