"""What the drawn tests share: the plain loop that they compare with."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def oracle():
    """Return what the tests use of oracle.py."""
    names = runpy.run_path(str(Path(__file__).with_name("oracle.py")))
    return SimpleNamespace(Loop=names["Loop"])
