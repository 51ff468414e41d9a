"""Update rules against PyTorch's (tests/options/torch_reference.py makes the numbers), and against a plain loop."""

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import gdfast

HERE = Path(__file__).parent
NUMBERS = json.loads((HERE / "torch_reference.json").read_text(encoding="utf-8"))


def recipe():
    spec = importlib.util.spec_from_file_location("torch_reference", HERE / "torch_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECIPE = recipe()
X, TARGETS, LABELS = RECIPE.problem()


@pytest.mark.numba_case(name="adamw-log_loss-6")
@pytest.mark.parametrize("name", RECIPE.CASES)
def test_every_optimizer_is_torchs(name, backend):
    case = RECIPE.CASES[name]
    options = {
        key: case[key] for key in ("clip_norm", "clip_value", "batch_size", "learning_rate", "loss") if key in case
    }
    y = TARGETS if case["loss"] == "squared_error" else LABELS
    optimizer = getattr(gdfast, case["optimizer"])(**case["arguments"])
    penalty = "l2" if case["alpha"] else None
    for epochs, expected in NUMBERS["cases"][name]["epochs"].items():
        run = gdfast.fit(
            X, y, optimizer=optimizer, penalty=penalty, alpha=case["alpha"], epochs=int(epochs), shuffle=False,
            solver="loop", backend=backend, **options,
        )  # fmt: skip
        np.testing.assert_allclose(np.append(run.coef, run.intercept), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("setting", NUMBERS["plateau"]["settings"], ids=str)
def test_reduce_on_plateau_is_torchs(setting):
    from gdfast.solvers.monitoring.stopping import PlateauRate

    arguments = {name: setting[name] for name in ("rate", "factor", "patience", "threshold", "min_rate")}
    plateau = PlateauRate(gdfast.ReduceOnPlateau(**arguments))
    rates = []
    for cost in NUMBERS["plateau"]["costs"]:
        plateau.update(np.array([cost]))
        rates.append(plateau.rate)
    np.testing.assert_allclose(rates, setting["rates"], rtol=1e-15)


def step_of(optimizer, g, m, v, t, eta):
    """Return the step and the rate of l1 of one update, written out on its own in long double."""
    one = np.longdouble(1)
    if isinstance(optimizer, gdfast.Momentum):
        m[:] = optimizer.momentum * m + g
        direction = g + optimizer.momentum * m if optimizer.nesterov else m
        return eta * direction, eta / (one - optimizer.momentum) * np.ones_like(g)
    if isinstance(optimizer, gdfast.Adam):
        m[:] = optimizer.beta1 * m + (one - optimizer.beta1) * g
        v[:] = optimizer.beta2 * v + (one - optimizer.beta2) * g * g
        mean, square = m / (one - one * optimizer.beta1**t), v / (one - one * optimizer.beta2**t)
        rate = eta / (np.sqrt(square) + optimizer.eps)
        return rate * mean, rate
    if isinstance(optimizer, gdfast.AdaGrad):
        v += g * g
        rate = eta / (np.sqrt(v) + optimizer.eps)
        return rate * g, rate
    if isinstance(optimizer, gdfast.RMSProp):
        v[:] = optimizer.rho * v + (one - optimizer.rho) * g * g
        rate = eta / (np.sqrt(v) + optimizer.eps)
        return rate * g, rate
    return eta * g, eta * np.ones_like(g)


def plain_loop(
    X, y, *, optimizer, eta, epochs, batch_size, l2, l1, factors, bounds, clip_norm, clip_value, average, order
):
    """Return w (intercept last) and the mean of iterates: squared error, one update after another."""
    n, d = X.shape
    A, y = np.column_stack([X, np.ones(n)]).astype(np.longdouble), y.astype(np.longdouble)
    w, m, v, mean = (np.zeros(d + 1, dtype=np.longdouble) for _ in range(4))
    l1, l2 = (np.append(part * factors, 0.0).astype(np.longdouble) for part in (l1, l2))
    total_l1, applied = np.zeros(d + 1, dtype=np.longdouble), np.zeros(d + 1, dtype=np.longdouble)
    t = counted = 0
    size = n if batch_size is None else batch_size
    for epoch in range(epochs):
        rows = np.arange(n) if batch_size is None else order(epoch)
        for first in range(0, n, size):
            batch = rows[first : first + size]
            g = A[batch].T @ (A[batch] @ w - y[batch]) / len(batch) + l2 * w
            norm = np.sqrt((g * g).sum())
            g = g * min(1, clip_norm / norm)
            g = np.clip(g, -clip_value, clip_value)
            t += 1
            step, rate = step_of(optimizer, g, m, v, t, np.longdouble(eta))
            w = w - step
            if batch_size == 1:
                total_l1 += rate * l1
                for j in range(d):
                    before = w[j]
                    w[j] = max(0, w[j] - (total_l1[j] + applied[j])) if w[j] > 0 else w[j]
                    w[j] = min(0, w[j] + (total_l1[j] - applied[j])) if before < 0 else w[j]
                    applied[j] += w[j] - before
            else:
                w = np.sign(w) * np.maximum(np.abs(w) - rate * l1, 0)
            w[:d] = np.clip(w[:d], *bounds)
            if epoch >= average:
                counted += 1
                mean += (w - mean) / counted
    return w, mean


OPTIMIZERS = [
    gdfast.GD(), gdfast.Momentum(0.8), gdfast.Momentum(0.7, nesterov=True), gdfast.AdaGrad(eps=1e-4),
    gdfast.RMSProp(0.9, eps=1e-3), gdfast.Adam(eps=1e-3),
]  # fmt: skip


@pytest.mark.numba_case(optimizer=gdfast.Adam(eps=1e-3), batch_size=5)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_constraints_penalties_and_averages_against_a_plain_loop(optimizer, batch_size, backend):
    rng = np.random.default_rng(8)
    for shape, limited, penalized in itertools.product([(17, 1), (23, 4), (31, 13)], (True, False), (True, False)):
        n, d = shape
        X, y = rng.normal(size=shape), rng.normal(size=n)
        factors = rng.uniform(0, 2, d) if penalized else np.ones(d)
        l2, l1 = (0.03, 0.02) if penalized else (0.0, 0.0)
        bounds = (-0.15, rng.uniform(0.0, 0.2, d)) if limited else (-np.inf, np.inf)
        clips = {"clip_norm": 0.8, "clip_value": 0.4} if limited else {"clip_norm": None, "clip_value": None}
        run = gdfast.fit(
            X, y, optimizer=optimizer, learning_rate=0.02, epochs=9, batch_size=batch_size, seed=3, average=4,
            penalty="elasticnet" if penalized else None, alpha=l1 + l2, l1_ratio=l1 / (l1 + l2) if penalized else 0.5,
            penalty_factors=factors if penalized else None, bounds=bounds if limited else None, backend=backend,
            **clips,
        )  # fmt: skip
        w, mean = plain_loop(
            X, y, optimizer=optimizer, eta=0.02, epochs=9, batch_size=batch_size, l2=l2, l1=l1, factors=factors,
            bounds=bounds, clip_norm=clips["clip_norm"] or np.inf, clip_value=clips["clip_value"] or np.inf, average=4,
            order=lambda epoch, n=n: gdfast.sample_order(n, 3, epoch),
        )  # fmt: skip
        last = np.append(run.last_coef, run.last_intercept)
        assert np.max(np.abs(last - w)) < 1e-11, (shape, limited, penalized)
        assert np.max(np.abs(np.append(run.coef, run.intercept) - mean)) < 1e-11


def test_exponential_mean_and_the_iterate_before_it_begins(backend):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    options = {"batch_size": 3, "seed": 5, "learning_rate": 0.1, "backend": backend}
    early = gdfast.fit(X, y, epochs=2, average=gdfast.EMA(0.9, start=2), **options)
    assert early.coef.tobytes() == early.last_coef.tobytes() == gdfast.fit(X, y, epochs=2, **options).coef.tobytes()
    run = gdfast.fit(X, y, epochs=3, average=gdfast.EMA(0.9, start=2), **options)
    w = np.append(early.coef, early.intercept)
    mean, rows = w.copy(), gdfast.sample_order(12, 5, 2)
    A = np.column_stack([X, np.ones(12)])
    for first in range(0, 12, 3):
        batch = rows[first : first + 3]
        w = w - 0.1 * A[batch].T @ (A[batch] @ w - y[batch]) / 3
        mean = 0.9 * mean + 0.1 * w
    np.testing.assert_allclose(np.append(run.coef, run.intercept), mean, rtol=1e-12)
    np.testing.assert_allclose(np.append(run.last_coef, run.last_intercept), w, rtol=1e-12)
    J = 0.5 * np.mean((X @ run.coef + run.intercept - y) ** 2)
    assert run.cost == pytest.approx(J, rel=1e-13)


def test_weight_decay_leaves_the_intercept_alone(backend):
    X, y = np.zeros((4, 1)), np.zeros(4)
    run = gdfast.fit(
        X, y, optimizer=gdfast.AdamW(weight_decay=0.5), coef_init=[1.0], intercept_init=0.0, epochs=1,
        learning_rate=0.1, backend=backend,
    )  # fmt: skip
    assert run.coef[0] == pytest.approx(0.95)
    free = gdfast.fit(
        X + 1.0, y + 1.0, optimizer=gdfast.AdamW(weight_decay=0.5), coef_init=[0.0], intercept_init=1.0, epochs=1,
        learning_rate=0.1, backend=backend,
    )  # fmt: skip
    assert free.intercept == 1.0


def test_automatic_rates_of_adaptive_optimizers():
    X, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9.0)
    rates = {"adam": 1e-3, "adamw": 1e-3, "adagrad": 1e-2, "rmsprop": 1e-2}
    assert {name: gdfast.fit(X, y, optimizer=name, epochs=1).learning_rate for name in rates} == rates
