"""Gradients that would wait for an exponential and a division, as polynomials about many places (tables.h).

The function that looks one up is in src/c/tabled.h. The formula itself is evaluated, with fifty digits; a polynomial
interpolates it at Chebyshev nodes.
"""

import ast
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path

from generate.formulas import calls, read

__all__ = ["END", "margin_gradients", "text"]

END = 32.0  # of the margins, on either side
WIDTH = 1 / 16  # between two places
COEFFICIENTS = 8  # a line of the cache; what they leave is less than a rounding

Gradient = Callable[[Decimal, Decimal, Decimal], Decimal]
VOCABULARY = {
    "exp": Decimal.exp,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "where": lambda test, a, b: a if test else b,
}


def text(path: Path) -> str:
    """Return the file."""
    parts = [
        f'#pragma once\n#define COEFFICIENTS {COEFFICIENTS}\n#define WIDTH_OF_PLACES {WIDTH}\n#include "tabled.h"\n'
    ]
    for function in margin_gradients(path).values():
        lines = table(function)
        numbers = ",\n".join("    {" + ", ".join(value.hex() for value in line) + "}" for line in lines)
        parts.append(f"\nstatic const double {function.name}_table[][COEFFICIENTS] ON_LINES = {{\n{numbers}\n}};\n")
        parts.append(
            f"\nstatic inline double {function.name}_of_margin(double m)\n"
            f"{{\n    return tabled({function.name}_table + {len(lines) // 2}, m);\n}}\n"
        )
    return "".join(parts)


def margin_gradients(path: Path) -> dict[int, ast.FunctionDef]:
    """Return the gradients that are tabulated, by their place: those of one margin that have an exponential."""
    functions, registry = read(path)
    chosen = {}
    for index, entry in enumerate(registry.values()):
        marked = {keyword.arg for keyword in entry.keywords if getattr(keyword.value, "value", None) is True}
        gradient = functions[entry.args[1].id]
        if "classification" in marked and "coupled" not in marked and "exp" in calls(gradient):
            chosen[index] = gradient
    return chosen


class Exact(ast.NodeTransformer):
    """Makes the numbers of a formula decimals."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Return the number's decimal."""
        if isinstance(node.value, str):
            return node
        return ast.Call(ast.Name("Decimal", ast.Load()), [ast.Constant(repr(node.value))], [])


def exact(function: ast.FunctionDef) -> Gradient:
    """Return a formula as a function of decimals."""
    tree = Exact().visit(ast.parse(ast.unparse(function)))
    names = {"Decimal": Decimal, **VOCABULARY}
    exec(compile(ast.fix_missing_locations(tree), function.name, "exec"), names)
    return names[function.name]


def polynomial(gradient: Gradient, center: Decimal) -> list[float]:
    """Return the coefficients, lowest first, of what interpolates a gradient of the margin about a place."""
    half, count = Decimal(WIDTH) / 2, COEFFICIENTS
    nodes = [half * Decimal(math.cos(math.pi * (2 * i + 1) / (2 * count))) for i in range(count)]
    differences = [gradient(Decimal(1), center + node, Decimal(0)) for node in nodes]
    for order in range(1, count):
        for i in range(count - 1, order - 1, -1):
            differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - order])
    coefficients = [Decimal(0)] * count
    for node, difference in zip(reversed(nodes), reversed(differences), strict=True):
        shifted = [Decimal(0), *coefficients[:-1]]
        coefficients = [a - node * b for a, b in zip(shifted, coefficients, strict=True)]
        coefficients[0] += difference
    return [float(coefficient) for coefficient in coefficients]


def table(function: ast.FunctionDef) -> list[list[float]]:
    """Return the polynomials about the multiples of WIDTH from -END to END."""
    gradient, places = exact(function), round(END / WIDTH)
    with localcontext() as context:
        context.prec = 50
        return [polynomial(gradient, Decimal(k * WIDTH)) for k in range(-places, places + 1)]
