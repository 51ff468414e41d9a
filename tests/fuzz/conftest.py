"""What the drawn tests share: the plain loop that they compare with, and the junk values."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


def names_of(file):
    return runpy.run_path(str(Path(__file__).with_name(file)))


@pytest.fixture(scope="session")
def oracle():
    """Return what the tests use of oracle.py."""
    return SimpleNamespace(Loop=names_of("oracle.py")["Loop"])


@pytest.fixture(scope="session")
def junk():
    """Return what the tests use of junk.py."""
    names = names_of("junk.py")
    return SimpleNamespace(**{name: names[name] for name in ("X", "Y", "LABELS", "JUNK", "faults")})
