"""The update rules as Cython (update_rules.pxi): one function each, and switches over the registry."""

import ast
from pathlib import Path

from generate.formulas import arguments_of, body, cython_formula, read, used

__all__ = ["text"]

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


def text(path: Path) -> str:
    """Return the file."""
    _, registry = read(path)
    formulas = used(path)
    by_name = {formula.name: formula for formula in formulas}
    parts = [rule(formula) if is_rule(formula) else cython_formula(formula) for formula in formulas]
    parts.append(UPDATE)
    names = [(entry.args[0].id, entry.args[1].id) for entry in registry.values()]
    for index, (step, _) in enumerate(names):
        changed = assigned(by_name[step])
        places = [f"{state}[j]" if state in changed else "unused" for state in ("m", "v")]
        targets = ", ".join(f"&{place}" for place in places)
        parts.append(UPDATE_CASE.format(index=index, formula=step, states=", ".join(places), targets=targets))
    parts.append(LINEAR)
    for index, entry in enumerate(registry.values()):
        if any(keyword.arg == "linear" for keyword in entry.keywords):
            parts.append(LINEAR_CASE.format(index=index, formula=entry.args[0].id))
    parts.append(RATE)
    parts += [RATE_CASE.format(index=index, formula=rate) for index, (_, rate) in enumerate(names)]
    numbers = "".join(f"    {name.upper()} = {index}\n" for index, name in enumerate(registry))
    return "".join(parts) + f"\ncdef enum:\n{numbers}\nUPDATE_RULES = {tuple(registry)}\n"


def rule(function: ast.FunctionDef) -> str:
    """Return an update rule as a C function that returns its step and stores its states."""
    *statements, last = body(function)
    step, *states = last.value.elts
    lines = [ast.unparse(statement) for statement in statements]
    lines += [f"new_{state.id}[0] = {state.id}" for state in states]
    lines += [f"return {ast.unparse(step)}"]
    new = ", ".join(f"double* new_{state.id}" for state in states)
    head = f"cdef inline double {function.name}({arguments_of(function)}, {new}) noexcept nogil:"
    return f"\n{head}\n    " + "\n    ".join(lines) + "\n"


def assigned(function: ast.FunctionDef) -> set[str]:
    """Return the states that a rule changes; the others would be written for nothing."""
    return {statement.targets[0].id for statement in body(function) if isinstance(statement, ast.Assign)}


def is_rule(function: ast.FunctionDef) -> bool:
    """Tell whether a function returns a step and states."""
    return isinstance(body(function)[-1].value, ast.Tuple)
