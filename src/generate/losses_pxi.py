"""The losses as Cython (losses.pxi): one function each, and switches over the registry."""

from collections.abc import Iterable
from pathlib import Path

from generate.formulas import cython_formula, read, used
from generate.tables_h import END, margin_gradients

__all__ = ["text"]

HAS = """
cdef inline bint {name}(int loss) noexcept nogil:
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
"""
GRADIENT_OF_MARGIN = """
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


def text(path: Path) -> str:
    """Return the file."""
    _, registry = read(path)
    names = [(entry.args[0].id, entry.args[1].id) for entry in registry.values()]
    formulas = used(path, {name for pair in names for name in pair})
    by_table = {i: formula.name for i, formula in margin_gradients(path).items()}
    parts = [cython_formula(formula) for formula in formulas]
    parts.append(MARGINS_EXTERN)
    parts += [f"    double {formula}_of_margin(double m)\n" for formula in by_table.values()]
    parts += [MARGINS.format(end=END), has_loss("has_margins", by_table), GRADIENT_OF_MARGIN]
    parts += [MARGINS_CASE.format(index=i, formula=formula) for i, formula in by_table.items()]
    for position, part in enumerate(("value", "gradient")):
        parts.append(LOSS_SCALAR.format(part=part))
        for i, pair in enumerate(names):
            case = LOSS_TABLED_CASE if position == 1 and i in by_table else LOSS_SCALAR_CASE
            parts.append(case.format(index=i, formula=pair[position]))
    numbers = "".join(f"    {name.upper()} = {i}\n" for i, name in enumerate(registry))
    return "".join(parts) + constant_curvatures(path) + f"\ncdef enum:\n{numbers}\nLOSSES = {tuple(registry)}\n"


def has_loss(name: str, places: Iterable[int]) -> str:
    """Return a function that tells whether a loss is one of those at these places."""
    return HAS.format(name=name, answer=" or ".join(f"loss == {i}" for i in places))


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
