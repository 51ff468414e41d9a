"""The package as a whole: what it imports, and the examples in its docstrings."""

import doctest
import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

import gdfast


def modules():
    names = [module.name for module in pkgutil.walk_packages(gdfast.__path__, "gdfast.")]
    return [name for name in names if "_core" not in name and not name.endswith("__main__")]


def importable(name):
    if name.startswith("gdfast.backends.numba"):
        name = "gdfast.backends.numba"
    needs = {"gdfast.backends.numba": "numba", "gdfast.plots": "matplotlib",
             "gdfast.cli.demo": "matplotlib",
             "gdfast.compat": "matplotlib"}  # fmt: skip
    if name.startswith("gdfast.cli.") and find_spec("typer") is None:
        return False
    if name.startswith("gdfast.sklearn"):
        return find_spec("sklearn") is not None
    if name == "gdfast.backends.cython":
        return gdfast.backends.why_unavailable("cython") is None
    return name not in needs or find_spec(needs[name]) is not None


def test_import_needs_numpy_alone(tmp_path):
    code = (
        "import sys, gdfast; "
        "heavy = ('numba', 'scipy', 'pandas', 'pyarrow', 'polars', 'openpyxl', 'matplotlib', 'sklearn', 'tqdm', "
        "'typer'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_a_first_fit_does_not_import_logging(tmp_path):
    code = (
        "import sys, gdfast; gdfast.fit([[1.0], [2.0]], [1.0, 2.0], backend='numpy'); print('logging' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"


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
