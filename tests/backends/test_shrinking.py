"""What l2 takes off in each of many updates, against 80 bits: its last digits must not be lost alike in all of them."""

import numpy as np
import pytest

import gdfast

HERE = [
    pytest.param(name, marks=[pytest.mark.numba] if name == "numba" else [])
    for name, missing in gdfast.backends.available().items()
    if missing is None
]
MOMENTUM = {"": None, "momentum": gdfast.Momentum(0.9), "nesterov": gdfast.Momentum(0.9, nesterov=True)}
RATE, ALPHA = 1e-3, 1.1e-6
START = np.random.default_rng(0).normal(size=5)


def plain_loop(updates, momentum):
    """Return what is left of 1 after so many updates by l2 alone, and the mean of the iterates."""
    w, m, mean = np.longdouble(1), np.longdouble(0), np.longdouble(0)
    mu, rate, l2 = (
        np.longdouble(0 if momentum is None else momentum.momentum),
        np.longdouble(RATE),
        np.longdouble(ALPHA),
    )
    for update in range(updates):
        g = l2 * w
        m = mu * m + g
        w = w - rate * (g + mu * m if momentum is not None and momentum.nesterov else m)
        mean += (w - mean) / (update + 1)
    return w, mean


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize(
    ("sparse", "batch_size", "average", "name"),
    [(False, 1, None, name) for name in MOMENTUM]
    + [(False, 1, True, ""), (False, 5, None, ""), (True, 1, None, ""), (True, 5, None, "")],
)
def test_a_shrinking_by_l2_adds_up(backend, sparse, batch_size, average, name):
    """Without data nothing else moves the coefficients: 20,000 updates of a part of 1e-9 each."""
    X = np.zeros((500, 5))
    if sparse:
        X = pytest.importorskip("scipy.sparse").csr_array(X)
    momentum = MOMENTUM[name]
    run = gdfast.fit(
        X, np.zeros(500), epochs=40, batch_size=batch_size, learning_rate=RATE, penalty="l2", alpha=ALPHA,
        optimizer=momentum or "gd", average=average, coef_init=START, seed=0, backend=backend,
    )  # fmt: skip
    w, mean = plain_loop(run.steps, momentum)
    np.testing.assert_allclose(run.coef / START, float(w if average is None else mean), rtol=2e-14)


@pytest.mark.skipif(gdfast.backends.available()["cython"] is not None, reason="no compiled core here")
@pytest.mark.parametrize("count", [2, 16])
def test_a_shrinking_by_l2_adds_up_in_sweeps(count):
    rates = (RATE * np.arange(1, count + 1)).tolist()
    options = {"epochs": 40, "batch_size": 1, "penalty": "l2", "alpha": ALPHA, "coef_init": START, "seed": 0}
    sweep = gdfast.sweep(np.zeros((500, 5)), np.zeros(500), learning_rate=rates, **options)
    for run, rate in zip(sweep.runs, rates, strict=True):
        left = np.exp(run.steps * np.log1p(-np.longdouble(rate) * np.longdouble(ALPHA)))
        np.testing.assert_allclose(run.coef / START, float(left), rtol=2e-14)
