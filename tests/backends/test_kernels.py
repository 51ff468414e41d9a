"""Shortcuts of the compiled kernels against what they shorten: blocks of rows, exp, threads, instruction sets."""

import itertools
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import gdfast
from gdfast import backends

pytestmark = pytest.mark.skipif(backends.why_unavailable("cython") is not None, reason="no compiled core in this build")
RNG = np.random.default_rng(4)


def plain_sgd(X, y, order, *, eta, l2, rule, mu, weights, gradient, gain):
    """Walk SGD one sample at a time in 80 bits; return the last iterate and its mean."""
    X, y = X.astype(np.longdouble), y.astype(np.longdouble)
    w, b = np.zeros(X.shape[1], np.longdouble), np.longdouble(0)
    m, mb, mean, meanb = w * 0, b, w * 0, b
    for step, row in enumerate(order):
        r = weights[row] * gradient(y[row], X[row] @ w + b)
        g = r * X[row] + l2 * w
        m, mb = mu * m + g, mu * mb + r
        w = w - eta(step) * (g + mu * m if rule == "nesterov" else m)
        b = b - eta(step) * (r + mu * mb if rule == "nesterov" else mb)
        part = gain or np.longdouble(1) / (step + 1)
        mean, meanb = mean + part * (w - mean), meanb + part * (b - meanb)
    return np.append(w, b), np.append(mean, meanb)


GRADIENTS = {
    "squared_error": lambda y, z: z - y,
    "log_loss": lambda y, z: -y / (1 + np.exp(y * z)),
    "squared_hinge": lambda y, z: -2 * y * max(0, 1 - y * z),
}


@pytest.mark.parametrize("loss", GRADIENTS)
@pytest.mark.parametrize(("rule", "mu"), [("gd", 0.0), ("momentum", 0.7), ("nesterov", 0.6)])
def test_blocks_of_rows_are_the_plain_loop(rule, mu, loss):
    optimizer = "gd" if rule == "gd" else gdfast.Momentum(mu, nesterov=rule == "nesterov")
    for (n, d), l2, average, weighted in itertools.product(
        [(1, 1), (3, 2), (263, 1), (41, 3), (30, 10), (37, 29)],
        [0.0, 0.3],
        [None, True, gdfast.EMA(0.95)],
        [False, True],
    ):
        X, y = RNG.normal(size=(n, d)), RNG.normal(size=n)
        if loss != "squared_error":
            y = np.where(y > np.median(y), 1.0, -1.0)
            if n == 1:
                continue
        weights = RNG.integers(1, 4, n).astype(float) if weighted else np.ones(n)
        run = gdfast.fit(
            X, y, loss=loss, batch_size=1, epochs=3, seed=5, optimizer=optimizer, average=average, alpha=l2,
            penalty="l2" if l2 else None, learning_rate=gdfast.InverseTime(0.1 / d, 0.01, by="step"),
            sample_weight=weights, backend="cython",
        )  # fmt: skip
        order = np.concatenate([gdfast.sample_order(n, 5, epoch) for epoch in range(3)])
        last, mean = plain_sgd(
            X, y, order, eta=lambda t, d=d: np.longdouble(0.1 / d) / (1 + np.longdouble(0.01) * t), l2=l2, rule=rule,
            mu=np.longdouble(mu), weights=weights / weights.mean(), gradient=GRADIENTS[loss],
            gain=1 - np.longdouble(0.95) if isinstance(average, gdfast.EMA) else 0,
        )  # fmt: skip
        for found, expected in (
            (np.append(run.last_coef, run.last_intercept), last),
            (np.append(run.coef, run.intercept), mean if average else last),
        ):
            assert np.max(np.abs(found - expected)) <= 1e-12 * np.max(np.abs(expected)), (n, d, l2, average)


def test_rows_whose_products_overflow_take_the_plain_loop():
    X = RNG.normal(size=(24, 3)) * 1e160
    y = RNG.normal(size=24)
    options = {"batch_size": 1, "epochs": 2, "learning_rate": 1e-321, "seed": 1}
    found, expected = (gdfast.fit(X, y, backend=name, **options) for name in ("cython", "numpy"))
    assert np.isfinite(expected.coef).all()
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_change_no_bit(dtype):
    for n, d, outputs in [(5000, 2, 1), (9001, 21, 1), (4000, 12, 3)]:
        X = RNG.normal(size=(n, d)).astype(dtype)
        Y = X @ RNG.normal(size=(d, outputs)) + RNG.normal(size=(n, outputs))
        runs = [
            gdfast.fit(
                X, Y, loss="huber", epochs=40, learning_rate=0.1, sample_weight=np.arange(n), n_threads=n_threads,
                backend="cython",
            )
            for n_threads in (1, 2, 5)
        ]  # fmt: skip
        for run in runs[1:]:
            assert run.coef.tobytes() == runs[0].coef.tobytes()
            assert run.costs.tobytes() == runs[0].costs.tobytes()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("n", "batch_size"), [(5000, 1024), (9001, 1300), (2100, 2099), (4096, 1023)])
@pytest.mark.parametrize("loss", ["squared_error", "multinomial"])
def test_threads_that_share_a_mini_batch_change_no_bit(n, batch_size, loss, sparse, rng):
    X = rng.normal(size=(n, 9)) * (rng.random((n, 9)) < 0.4)
    y = X.sum(axis=1) if loss == "squared_error" else np.arange(n) % 3
    given = csr_matrix(X) if sparse else X
    options = {"loss": loss, "batch_size": batch_size, "epochs": 6, "learning_rate": 0.1, "seed": 0}
    # Clipping is done on the whole gradient, so that no update of sparse rows is put off.
    options |= {"optimizer": "momentum", "clip_value": 1e6, "history": "objective"}
    runs = [gdfast.fit(given, y, n_threads=n_threads, **options) for n_threads in (1, 2, 3, 7)]
    assert len({(run.coef.tobytes(), run.costs.tobytes()) for run in runs}) == 1
    plain = gdfast.fit(given, y, backend="numpy", **options)
    np.testing.assert_allclose(runs[0].coef, plain.coef, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(runs[0].costs, plain.costs, rtol=1e-12)


@pytest.mark.parametrize(("value", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("two", TypeError)])
def test_n_threads_is_a_number_of_threads(value, kind):
    with pytest.raises((kind, ValueError), match="n_threads"):
        gdfast.fit([[1.0], [2.0]], [1.0, 2.0], n_threads=value)


LEVELS = """
import json, numpy as np, gdfast
from gdfast._core import level
rng = np.random.default_rng(3)
points = np.concatenate([rng.uniform(-1, 1, 300) * s for s in (1e-9, 1e-3, 1.0, 20.0, 700.0)])
exps = [gdfast.fit([[1.0]], [0.0], loss="poisson", fit_intercept=False, coef_init=[z], epochs=1,
                   learning_rate=1e-320, on_divergence="warn", solver="loop").costs[0] for z in points]
found = []
for loss in ("squared_error", "log_loss", "huber"):
    for n, d in ((50, 1), (333, 5), (120, 37)):
        for batch_size in (None, 1, 16):
            for dtype in (np.float64, np.float32):
                X = rng.normal(size=(n, d)).astype(dtype)
                y = X @ rng.normal(size=d) + rng.normal(size=n)
                run = gdfast.fit(X, y > 0 if loss == "log_loss" else y, loss=loss, batch_size=batch_size, epochs=5,
                                 learning_rate=0.02, penalty="l2", alpha=0.1, seed=2, solver="loop")
                found.append([float(dtype(0).itemsize), run.cost, *map(float, run.coef), run.intercept])
print(json.dumps([level, points.tolist(), exps, found]))
"""


@pytest.mark.parametrize("first", ["gdfast._core.descent", "gdfast._core.path", "gdfast"])
def test_the_level_chosen_is_not_replaced_by_the_baseline(first, tmp_path):
    pytest.importorskip("gdfast._core.descent")
    code = f"import {first}; import gdfast._core.descent, gdfast._core.path; from gdfast import _core;"
    code += "print(_core.level, _core.descent.__name__, _core.path.__name__)"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    level, *names = text.split()
    assert names == [f"gdfast._core.{name}" + ("" if level == "1" else f"_v{level}") for name in ("descent", "path")]


def on_level(level, folder):
    environment = {**os.environ, "GDFAST_CPU": str(level), "GDFAST_BACKEND": "cython", "PYTHONWARNINGS": "ignore"}
    text = subprocess.run(
        [sys.executable, "-c", LEVELS], env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(text)


def test_instruction_sets_agree_and_exp_is_exact_to_2_ulp(tmp_path):
    expected = on_level(1, tmp_path)[3]
    for level in (1, 3, 4, 5):
        chosen, points, exps, found = on_level(level, tmp_path)
        assert chosen <= level
        for point, value in zip(points, exps, strict=True):
            assert abs(value - math.exp(point)) <= 2 * math.ulp(math.exp(point)), (chosen, point)
        for ours, theirs in zip(found, expected, strict=True):
            tolerance = 1e-12 if ours[0] == 8 else 1e-5
            assert np.max(np.abs(np.array(ours) - theirs)) <= tolerance * np.max(np.abs(theirs)), chosen


def test_float32_keeps_an_l2_that_it_cannot_hold():
    """Steps of l2 far below float32's last bit add up: without data nothing else moves the coefficients."""
    X, y = np.zeros((64, 5), np.float32), np.zeros(64)
    run = gdfast.fit(
        X, y, batch_size=1, epochs=2000, learning_rate=1e-3, penalty="l2", alpha=1e-5, coef_init=np.arange(1.0, 6.0),
        backend="cython", seed=0,
    )  # fmt: skip
    np.testing.assert_allclose(run.coef, np.arange(1.0, 6.0) * (1 - 1e-8) ** (64 * 2000), rtol=5e-5)  # of 1.3e-3


@pytest.mark.parametrize("rows", [2, 1000])  # row by row, and in blocks of four rows
def test_the_gradient_of_log_loss_by_margins_is_exact_to_4_ulp(rows, rng):
    edges = [31.99, -31.99, 32.0, -32.0, 1 / 32, -3 / 32, 0.0, 1e-300, 700.0, -700.0]
    z = np.concatenate([edges, rng.normal(size=1990) * 9])
    labels = rng.choice([-1.0, 1.0], size=2000)
    for first in range(0, 2000, 1000) if rows == 1000 else range(0, 200, 2):
        part = slice(first, first + rows)
        y = labels[part].copy()
        y[:2] = [-1.0, 1.0]
        X = np.hstack(
            [np.eye(rows), np.eye(rows)]
        )  # z is in the first half of coef, the gradient comes into the second
        run = gdfast.fit(
            X, y, loss="log_loss", batch_size=1, epochs=1, learning_rate=1.0, fit_intercept=False, seed=0,
            coef_init=np.append(z[part], np.zeros(rows)), backend="cython",
        )  # fmt: skip
        expected = y / (1 + np.exp(y * z[part].astype(np.longdouble)))
        np.testing.assert_allclose(run.coef[rows:], expected.astype(float), rtol=9e-16, atol=0)


@pytest.mark.parametrize("margin", [1e-8, 1.0, 25.0, 600.0, -3.0, -800.0])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 257, 1000])
@pytest.mark.parametrize("d", [1, 3, 9])
def test_a_block_of_log_losses_by_few_logarithms(n, d, margin):
    """Nothing is lost where all losses are tiny, or one is huge."""
    X, y = RNG.uniform(0.5, 1.5, size=(n, d)), np.where(np.arange(n) % 2, 1.0, -1.0)
    if n == 1:
        X, y = np.repeat(X, 2, axis=0), np.array([-1.0, 1.0])
    X *= y[:, None]
    coef = np.full(d, margin / d)
    run = gdfast.fit(
        X, y, loss="log_loss", epochs=1, learning_rate=1e-300, coef_init=coef, fit_intercept=False, backend="cython",
        solver="loop",
    )  # fmt: skip
    margins = (X.astype(np.longdouble) @ coef) * y
    expected = np.mean(np.log1p(np.exp(-np.abs(margins))) + np.maximum(-margins, 0))
    allowed = 2e-15 * (2 + abs(margin)) * float(expected)  # exp has the rounding of its argument
    assert float(abs(run.costs[0] - expected)) <= allowed
    rates = [1e-300, 2e-300]
    options = {"loss": "log_loss", "epochs": 1, "coef_init": coef, "fit_intercept": False, "solver": "loop"}
    sweep = gdfast.sweep(X, y, learning_rate=rates, backend="cython", **options)
    assert float(abs(sweep.runs[0].costs[0] - expected)) <= allowed
