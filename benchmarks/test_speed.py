"""The backends and the solvers on the same work, by pytest-benchmark; before it times, results must be equal.

    pytest benchmarks --benchmark-only --benchmark-group-by=func,param:work

CONTRIBUTING.md tells how a change is compared with the commit before it.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import gdfast

BACKENDS = [name for name, reason in gdfast.backends.available().items() if reason is None]
EQUAL = 1e-9  # relative, of every cost: all add in other orders


def data(n: int, d: int, nonzeros: int | None = None) -> tuple[Any, np.ndarray]:
    """Return X, standard normal, as CSR where so many columns of a row are not zero, and targets of a linear model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    if nonzeros is not None:
        X *= rng.random((n, d)).argsort(axis=1) < nonzeros
    y = X @ rng.normal(size=d) + rng.normal(size=n)
    return X if nonzeros is None else csr_matrix(X), y


# The shape of X, and options of fit.
WORKS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "batch, 2 features": ((300, 2), {"epochs": 2000, "learning_rate": 0.1}),
    "batch, log loss, 50 features": ((5000, 50), {"epochs": 20, "learning_rate": 0.5, "loss": "log_loss"}),
    "mini-batches of 32, 50 features": ((5000, 50), {"epochs": 3, "learning_rate": 0.02, "batch_size": 32}),
    "SGD, 32 features": ((2000, 32), {"epochs": 5, "learning_rate": 1e-3, "batch_size": 1}),
    "SGD, CSR, 20 of 1000 features": ((1000, 1000, 20), {"epochs": 5, "learning_rate": 1e-3, "batch_size": 1}),
}
PATHS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "10 epochs, 5000 x 50": ((5000, 50), {"epochs": 10, "learning_rate": 0.1}),
    "200 epochs, 5000 x 50": ((5000, 50), {"epochs": 200, "learning_rate": 0.1}),
    "20,000 epochs, 300 x 2": ((300, 2), {"epochs": 20_000, "learning_rate": 0.1}),
}


def call(work: str, backend: str, solver: str = "loop") -> Callable[[], np.ndarray]:
    """Return a whole fit, from arrays to the array of costs."""
    shape, options = {**WORKS, **PATHS}[work]
    X, y = data(*shape)
    if options.get("loss") == "log_loss":
        y = (y > 0).astype(float)
    return lambda: gdfast.fit(X, y, seed=0, backend=backend, solver=solver, **options).costs


@cache
def expected(work: str) -> np.ndarray:
    """Return the costs of the NumPy backend, the specification."""
    return call(work, "numpy")()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("work", WORKS)
def test_backends(benchmark, work, backend):
    fit = call(work, backend)
    np.testing.assert_allclose(fit(), expected(work), rtol=EQUAL)  # Numba compiles here
    benchmark(fit)


@pytest.mark.parametrize("solver", ["closed_form", "loop"])
@pytest.mark.parametrize("work", PATHS)
def test_solvers(benchmark, work, solver):
    fit = call(work, BACKENDS[0], solver)
    np.testing.assert_allclose(fit(), expected(work), rtol=EQUAL)
    benchmark(fit)
