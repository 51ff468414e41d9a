"""The generator of src/generate: formulas that break its rules, and what it writes of those that keep them."""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdfast
from gdfast.formulas import constants, losses, penalties, polynomials, update_rules

SOURCES = Path(__file__).parents[2] / "src"
FORMULAS = Path(gdfast.__file__).parent / "formulas"

pytestmark = pytest.mark.skipif(not SOURCES.exists(), reason="the sources of the kernels are not in this tree")


@pytest.fixture
def generate(monkeypatch):
    """Return a function that imports a module of the generator."""
    monkeypatch.syspath_prepend(str(SOURCES))

    def load(name):
        return __import__(f"generate.{name}", fromlist=[name])

    return load


@pytest.fixture
def formula_file(tmp_path):
    """Return a function that writes formulas beside the vocabulary."""
    (tmp_path / "vocabulary.py").write_text((FORMULAS / "vocabulary.py").read_text(encoding="utf-8"), encoding="utf-8")

    def write(text):
        path = tmp_path / "formulas.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


REFUSED = {
    "if": ("def f(y, z, c):\n    if z > 0.0:\n        return y\n    return z\n", 2, "`if` is a branch"),
    "if expression": ("def f(y, z, c):\n    return y if z > 0.0 else z\n", 2, "`if` is a branch"),
    "power": ("def f(y, z, c):\n    e = z - y\n    return e**2.0\n", 3, "`**` is another operator in C"),
    "and": ("def f(y, z, c):\n    return where(z > 0.0 and y > 0.0, y, z)\n", 2, "`and` and `or` are branches"),
    "call": ("def f(y, z, c):\n    return tanh(z)\n", 2, "tanh may not be called, only absolute, "),
    "later formula": ("def f(y, z, c):\n    return g(z)\n\ndef g(z):\n    return z\n", 2, "g may not be called"),
    "attribute": ("def f(y, z, c):\n    return np.exp(z)\n", 2, "`np.exp(z)` is not written in the vocabulary"),
    "keyword": ("def f(y, z, c):\n    return maximum(z, b=y)\n", 2, "is not written in the vocabulary"),
    "integer": ("def f(y, z, c):\n    return 1 / 2 * z\n", 2, "1 must be a float literal"),
    "string": ("def f(y, z, c):\n    return 'z'\n", 2, "'z' must be a float literal"),
    "unknown name": ("def f(y, z, c):\n    return z - EPSILON\n", 2, "EPSILON is neither an argument nor assigned"),
    "own value": ("def f(y, z, c):\n    m = m * z\n    return m\n", 2, "m is neither an argument nor assigned"),
    "two targets": ("def f(y, z, c):\n    a, b = y, z\n    return a\n", 2, "only assignments to one name"),
    "augmented": ("def f(y, z, c):\n    z += y\n    return z\n", 2, "only assignments to one name"),
    "loop": ("def f(y, z, c):\n    for i in z:\n        y = i\n    return y\n", 2, "only assignments to one name"),
    "floor": ("def f(y, z, c):\n    return z // y\n", 2, "`z // y` is not written in the vocabulary"),
    "chain": ("def f(y, z, c):\n    return where(0.0 < z < y, y, z)\n", 2, "is not written in the vocabulary"),
    "no return": ("def f(y, z, c):\n    y = z\n", 2, "the last statement must return a value"),
    "empty return": ("def f(y, z, c):\n    return\n", 2, "the last statement must return a value"),
}


@pytest.mark.parametrize(("text", "line", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_formula_that_breaks_a_rule_is_refused_by_name_and_line(generate, formula_file, text, line, advice):
    formulas = generate("formulas")
    with pytest.raises(formulas.FormulaError) as error:
        formulas.used(formula_file(text))
    assert str(error.value).startswith(f"formulas.py, line {line}, formula f: ")
    assert advice in str(error.value)


def test_only_what_is_asked_for_and_what_it_calls_is_read(generate, formula_file):
    path = formula_file(
        "def square(z):\n    return z * z\n\n"
        "def other(z):\n    return z**2\n\n"
        "def f(y, z, c):\n    '''Not a formula's text.'''\n    return where(z > 0.0, square(z - y), 0.0)\n"
    )
    formulas = generate("formulas")
    assert [function.name for function in formulas.used(path, {"f"})] == ["square", "f"]
    with pytest.raises(formulas.FormulaError, match=r"line 5, formula other: .*\*\*"):
        formulas.used(path)


def test_a_formula_in_cython_and_in_c(generate, formula_file):
    path = formula_file("def f(y, z, c):\n    '''Twice.'''\n    m = y * z\n    m = m + m\n    return maximum(m, -c)\n")
    formulas = generate("formulas")
    (function,) = formulas.used(path)
    assert formulas.cython_formula(function) == (
        "\ncdef inline double f(double y, double z, double c) noexcept nogil:\n"
        "    m = y * z\n    m = m + m\n    return maximum(m, -c)\n"
    )
    assert formulas.c_formula(function) == (
        "\nstatic inline double f(double y, double z, double c)\n"
        "{\n    double m = y * z;\n    m = m + m;\n    return maximum(m, -c);\n}\n"
    )


def test_every_target_has_every_formula_and_constant(tmp_path):
    """What the build writes, written by the command that it calls."""
    texts = {}
    for target in (
        "constants.h",
        "constants.pxd",
        "losses.pxi",
        "penalties.pxi",
        "update_rules.pxi",
        "losses.c",
        "polynomials.h",
        "tables.h",
    ):
        command = [sys.executable, "-m", "generate", str(FORMULAS), str(tmp_path / target)]
        subprocess.run(command, check=True, cwd=SOURCES)
        texts[target] = (tmp_path / target).read_text(encoding="utf-8")
    for name in constants.__all__:
        assert re.search(rf"\b{name} = (0x)?[0-9a-f.e-]+u?[,;]\n", texts["constants.h"])
        assert f" {name}\n" in texts["constants.pxd"]
    for name, loss in losses.LOSSES.items():
        assert f"{name.upper()} = " in texts["losses.pxi"]
        for formula in (loss.value, loss.gradient):
            assert f"cdef inline double {formula.__name__}(" in texts["losses.pxi"]
            assert f"static inline double {formula.__name__}(" in texts["losses.c"]
    for name in ("penalty_value", "soft_threshold", "cumulative_l1"):
        assert name in vars(penalties)
        assert f"cdef inline double {name}(" in texts["penalties.pxi"]
    for name in update_rules.UPDATE_RULES:
        assert f"cdef inline double {name}(" in texts["update_rules.pxi"]
    for name in polynomials.__all__:
        assert f"static inline double {name}(" in texts["polynomials.h"]
    assert "log_loss_gradient_table" in texts["tables.h"]


def test_a_table_interpolates_its_gradient_to_rounding(generate):
    tables = generate("tables_h")
    for function in tables.margin_gradients(FORMULAS / "losses.py").values():
        gradient, lines = getattr(losses, function.name), tables.table(function)
        assert len(lines) == 2 * round(tables.END / tables.WIDTH) + 1
        rng = np.random.default_rng(0)
        for margin in rng.uniform(-tables.END, tables.END, 200).tolist():
            place = round(margin / tables.WIDTH)
            step = margin - place * tables.WIDTH
            coefficients = lines[place + len(lines) // 2]
            found = math.fsum(value * step**power for power, value in enumerate(coefficients))
            assert found == pytest.approx(float(gradient(1.0, margin, 0.0)), rel=2e-15, abs=1e-300)
