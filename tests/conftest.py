"""What the tests run on, and which cases of Numba's tests run: see the marks in pyproject.toml.

The header names the backends, and GDFAST_REQUIRE makes an absence a failure.
"""

import os
import signal

import numpy as np
import pytest

import gdfast

AVAILABLE = gdfast.backends.available()
HERE = [name for name, reason in AVAILABLE.items() if reason is None]
ALL = os.environ.get("GDFAST_TESTS") == "all"


def pytest_report_header():
    lines = [f"gdfast from {os.path.dirname(gdfast.__file__)}"]
    return lines + [f"backend {name}: {reason or 'available'}" for name, reason in AVAILABLE.items()]


def pytest_sessionstart():
    required = [name for name in os.environ.get("GDFAST_REQUIRE", "").split(",") if name]
    missing = [name for name in required if name not in HERE]
    if missing:
        pytest.exit(f"GDFAST_REQUIRE names {missing}, which are not available: {AVAILABLE}", returncode=3)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def parameters(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def matches(item):
    """Return whether a test is one of the cases that its family's numba_case marks name; without a mark all are."""
    cases = [mark.kwargs for mark in item.iter_markers("numba_case")]
    given = parameters(item)
    return not cases or any(all(given[name] == value for name, value in case.items()) for case in cases)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark the tests that compile for Numba, and leave out what GDFAST_TESTS=all runs."""
    families = {}
    for item in items:
        if parameters(item).get("backend") == "numba":
            item.add_marker("numba")
            families.setdefault(item.nodeid.split("[")[0], []).append(item)
    left_out = set()
    for family, cases in families.items():
        chosen = [item for item in cases if matches(item)]
        if not chosen and not config.getoption("keyword") and not any("[" in name for name in config.args):
            raise pytest.UsageError(f"{family}: its numba_case names no case; correct the mark")
        left_out |= {item for item in cases if item not in chosen}
    if "cython" not in HERE:
        left_out |= {item for item in items if item.get_closest_marker("slow_in_python")}
    if ALL or any("[" in name for name in config.args):  # a case asked for by name
        return
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


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
