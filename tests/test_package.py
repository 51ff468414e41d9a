"""The package as a whole: what it imports, which way its imports point, and the examples in its docstrings."""

import ast
import doctest
import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import gdfast

ROOT = Path(gdfast.__file__).parent
# What a module may import of gdfast: only rooms below its own.
FLOORS = [
    {"arguments", "stop_reason", "divergence", "park", "interrupt"},
    {"csr"},
    {"formulas", "tables", "averaging", "callbacks", "fingerprint"},
    {"own_loss", "watch"},
    {"order", "history", "optimizers", "progress", "plots", "rates"},
    {"problem", "run_file"},
    {"model"},
    {"plan", "run"},
    {"state", "curvature", "solver_choice", "again"},
    {"backends", "_core"},
    {"decay"},
    {"closed_form", "measure"},
    {"loop", "followed", "stable_rates", "prepare"},
    {"conduct", "verdict"},
    {"call"},
    {"train"},
    {"minimization", "compat"},
    {"demo", "cli", "__main__", "__init__"},
    {"sklearn"},
]


def modules():
    names = [module.name for module in pkgutil.walk_packages(gdfast.__path__, "gdfast.")]
    return [name for name in names if "_core" not in name and not name.endswith("__main__")]


def importable(name):
    if name.startswith("gdfast.backends.jitted"):
        name = "gdfast.backends.numba"
    needs = {"gdfast.backends.numba": "numba", "gdfast.cli": "typer", "gdfast.plots": "matplotlib",
             "gdfast.demo": "matplotlib",
             "gdfast.compat": "matplotlib"}  # fmt: skip
    if name.startswith("gdfast.sklearn"):
        return find_spec("sklearn") is not None
    if name == "gdfast.backends.cython":
        return gdfast.backends.why_missing("cython") is None
    return name not in needs or find_spec(needs[name]) is not None


def test_import_needs_numpy_alone(tmp_path):
    code = (
        "import sys, gdfast; heavy = ('numba', 'scipy', 'pandas', 'matplotlib', 'sklearn', 'tqdm', 'typer'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_imports_point_downwards():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for path in ROOT.rglob("*.py"):
        place = path.relative_to(ROOT)
        room = place.parts[0].removesuffix(".py")
        for node in ast.parse(path.read_text()).body:
            names = []
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gdfast"):
                rest = node.module.split(".")[1:]
                names = rest[:1] or [alias.name for alias in node.names]
            for name in names:
                target = floor.get(name, len(FLOORS))
                assert name == room or target < floor[room] or room == "__init__", f"{place} imports gdfast.{name}"


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name):
    if not importable(name):
        pytest.skip("what this module needs is not installed")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(import_module(name), optionflags=flags).failed == 0


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert gdfast.__version__ == version("gdfast")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gdfast.nonsense  # noqa: B018
