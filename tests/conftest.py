"""What the tests run on: the header names the backends, and GDFAST_REQUIRE makes an absence a failure."""

import os

import numpy as np
import pytest

import gdfast

AVAILABLE = gdfast.backends.available()
HERE = [name for name, reason in AVAILABLE.items() if reason is None]


def pytest_report_header():
    lines = [f"gdfast from {os.path.dirname(gdfast.__file__)}"]
    return lines + [f"backend {name}: {reason or 'there'}" for name, reason in AVAILABLE.items()]


def pytest_sessionstart():
    required = [name for name in os.environ.get("GDFAST_REQUIRE", "").split(",") if name]
    missing = [name for name in required if name not in HERE]
    if missing:
        pytest.exit(f"GDFAST_REQUIRE names {missing}, which cannot be had: {AVAILABLE}", returncode=3)


def compiles(item):
    """Tell whether a test runs on Numba, and so compiles."""
    return hasattr(item, "callspec") and item.callspec.params.get("backend") == "numba"


def pytest_collection_modifyitems(config, items):
    """Of the tests that compile for Numba, some 5 s each, keep one in nine; GDFAST_TESTS=all keeps them all."""
    compiling = [item for item in items if compiles(item) and os.environ.get("GDFAST_TESTS") != "all"]
    dropped = {id(item) for place, item in enumerate(compiling) if place % 9}
    if len(compiling) == len(items):  # asked for by name
        return
    config.hook.pytest_deselected(items=[item for item in items if id(item) in dropped])
    items[:] = [item for item in items if id(item) not in dropped]


@pytest.fixture(params=HERE)
def backend(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(12345)
