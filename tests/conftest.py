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


# A small regression, and its signs as labels.


@pytest.fixture(name="X")
def features():
    return np.random.default_rng(0).normal(size=(40, 3))


@pytest.fixture(name="Y")
def targets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)) @ [1.0, -2.0, 0.5] + rng.normal(size=40)


@pytest.fixture
def labels(Y):
    return np.where(Y > 0, "yes", "no")


@pytest.fixture
def assert_same():
    """Return the assertion that two runs are the same to the bit, but for their seconds."""

    def check(run, other):
        for name in ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs"):
            assert np.asarray(getattr(run, name)).tobytes() == np.asarray(getattr(other, name)).tobytes(), name
        assert (run.epochs, run.steps, run.best_epoch) == (other.epochs, other.steps, other.best_epoch)
        for name, column in run.history.items():
            if name != "seconds":
                np.testing.assert_array_equal(column, other.history[name])

    return check
