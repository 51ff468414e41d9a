"""The path by collocation against the plain loop in extended precision, over losses, optimizers, schedules and data."""

import warnings

import numpy as np
import pytest

import gdfast
from gdfast.formulas.vocabulary import sqrt
from gdfast.solvers.collocation import finder

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no precision beyond float64 here")
EPOCHS = 4000


def compare(plain, loss, X, y, Y, options, epochs=EPOCHS, by_stretches=True, **loop):
    """Hold costs and parameters against the plain loop's, in one fit; return the Run."""
    rate = options["learning_rate"]
    rates = np.full(epochs, rate) if np.ndim(rate) == 0 and not callable(rate) else rate
    rates = np.asarray(rate(np.arange(epochs))) if callable(rate) else rates
    run = gdfast.fit(X, y, loss=loss, solver="collocation", epochs=epochs, **options)
    W, costs = plain.loop(X, Y, loss, rates, **loop)
    scale = np.abs(costs) + (1.0 if loss in ("poisson", "gamma", "tweedie") else 0.0)
    assert run.epochs == epochs
    assert np.abs((run.costs - costs) / scale).max() < 1e-13
    found = np.column_stack([np.atleast_2d(run.coef), np.atleast_1d(run.intercept)])
    assert np.linalg.norm(found - W) < 1e-12 * np.linalg.norm(W)
    assert ("collocation" in {part.by for part in run.collocation}) == by_stretches
    return run


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial", "poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("rate", [0.003, 0.05])
def test_losses(plain, loss, rate):
    X, y, Y = plain.problem(loss)
    compare(plain, loss, X, y, Y, {"learning_rate": rate})


@pytest.mark.parametrize("loss", ["log_loss", "multinomial", "gamma"])
def test_coarse_grids_first(plain, loss, monkeypatch):
    monkeypatch.setattr(finder, "CHEAP", 0.0)  # as where a pass takes long
    X, y, Y = plain.problem(loss, seed=3, d=4)
    compare(plain, loss, X, y, Y, {"learning_rate": 0.02})


@pytest.mark.parametrize(
    ("mu", "nesterov", "epochs"), [(0.5, False, 5000), (0.5, True, 5000), (0.9, False, 16_000), (0.9, True, 16_000)]
)
def test_momentum(plain, mu, nesterov, epochs):
    X, y, Y = plain.problem("log_loss", n=12)
    options = {"learning_rate": 0.01, "optimizer": gdfast.Momentum(mu, nesterov=nesterov)}
    compare(plain, "log_loss", X, y, Y, options, epochs, mu=mu, nesterov=nesterov)


@pytest.mark.parametrize(
    "schedule",
    [
        gdfast.InverseScaling(0.3, 0.5),
        gdfast.Exponential(0.1, 0.9995),
        gdfast.Cosine(0.1, EPOCHS),
        gdfast.InverseTime(0.2, 0.01),
        0.1 / (1 + np.arange(EPOCHS) / 500),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_schedules(plain, schedule):
    X, y, Y = plain.problem("log_loss")
    compare(plain, "log_loss", X, y, Y, {"learning_rate": schedule})


@pytest.mark.parametrize("after", [0.01, 0.0499, 0.0500001])
def test_a_stretch_ends_where_the_rate_jumps(plain, after):
    X, y, Y = plain.problem("log_loss")
    rates = np.where(np.arange(8000) < 3500, 0.05, after)
    run = compare(plain, "log_loss", X, y, Y, {"learning_rate": rates}, epochs=8000)
    for part in run.collocation:
        assert part.by == "loop" or not part.first < 3500 < part.last


def test_noisy_rates_go_by_the_loop(plain):
    X, y, Y = plain.problem("log_loss")
    rates = np.random.default_rng(0).uniform(0.01, 0.2, EPOCHS)
    compare(plain, "log_loss", X, y, Y, {"learning_rate": rates}, by_stretches=False)


def test_weights_penalty_and_no_intercept(plain):
    X, y, Y = plain.problem("log_loss")
    weights = np.random.default_rng(1).uniform(0.0, 3.0, len(X))
    options = {"learning_rate": 0.05, "penalty": "l2", "alpha": 0.02, "sample_weight": weights, "fit_intercept": False}
    compare(plain, "log_loss", X, y, Y, options, l2=0.02, weights=weights, intercept=False)


@pytest.mark.parametrize("kind", ["offset", "scales", "outlier", "equal columns", "constant column", "separable"])
def test_data(plain, kind):
    X, y, Y = plain.problem("log_loss", n=20, d=3)
    if kind == "offset":
        X = X + 40.0
    elif kind == "scales":
        X = X * [1e-3, 1.0, 1e2]
    elif kind == "outlier":
        X[3] *= 40
    elif kind == "equal columns":
        X[:, 2] = X[:, 0]
    elif kind == "constant column":
        X[:, 1] = 2.0
    else:
        y = (X[:, 0] > 0.2).astype(int)
        Y = (2.0 * y - 1)[:, None]
    rate = 0.5 / (0.25 * np.linalg.eigvalsh(X.T @ X / len(X))[-1] + 0.25)
    compare(plain, "log_loss", X, y, Y, {"learning_rate": rate})


def test_rounding_does_not_add_up_along_a_direction_without_curvature(plain):
    rng = np.random.default_rng(5)
    X, y = np.full((40, 1), 1.5), rng.normal(size=40)
    y += 0.001 - y.mean()  # small coefficients beside large residuals
    options = {"learning_rate": 0.5, "epochs": 8000}
    W, _ = plain.loop(X, y[:, None], "squared_error", np.full(8000, 0.5))
    runs = [gdfast.fit(X, y, solver=solver, **options) for solver in ("collocation", "loop")]
    ours, loop = (float(np.linalg.norm(np.append(run.coef, run.intercept) - W[0])) for run in runs)
    assert ours <= max(1e-12 * float(np.linalg.norm(W[0])), 4 * loop)  # which drifts, too


def test_sparse_rows(plain):
    sparse = pytest.importorskip("scipy.sparse")
    X, y, Y = plain.problem("log_loss", d=4)
    X = X * (np.random.default_rng(2).random(X.shape) < 0.4)
    run = gdfast.fit(sparse.csr_matrix(X), y, loss="log_loss", learning_rate=0.1, epochs=EPOCHS, solver="collocation")
    W, costs = plain.loop(X, Y, "log_loss", np.full(EPOCHS, 0.1))
    assert np.abs(run.costs / costs - 1).max() < 1e-13
    assert np.append(run.coef, run.intercept) == pytest.approx(W[0].astype(float), rel=1e-12)


@pytest.mark.parametrize("times", [0.999, 1.3, 3.0])
def test_beside_and_beyond_the_largest_stable_rate_the_loop_runs(plain, times):
    X, y, _ = plain.problem("squared_error")
    limit = gdfast.stability(X, y).max_learning_rate
    options = {"learning_rate": times * limit, "epochs": 2000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
        warnings.simplefilter("ignore", gdfast.DivergenceWarning)
        by_nodes, by_loop = (gdfast.fit(X, y, solver=solver, **options) for solver in ("collocation", "loop"))
    assert {part.by for part in by_nodes.collocation} == {"loop"}
    assert by_nodes.costs.tobytes() == by_loop.costs.tobytes()
    assert by_nodes.diverged_at == by_loop.diverged_at


def test_a_smooth_custom_loss(plain):
    def value(y, z):
        return sqrt(1.0 + (z - y) * (z - y)) - 1.0

    def gradient(y, z):
        return (z - y) / sqrt(1.0 + (z - y) * (z - y))

    X, y, _ = plain.problem("squared_error")
    own = gdfast.Loss(value, gradient, name="pseudo_huber", curvature=1.0, smooth=True)
    options = {"loss": own, "learning_rate": 0.05, "epochs": EPOCHS, "backend": "numpy"}
    by_nodes, by_loop = (gdfast.fit(X, y, solver=solver, **options) for solver in ("collocation", "loop"))
    assert by_nodes.costs == pytest.approx(by_loop.costs, rel=1e-12)
    assert by_nodes.coef == pytest.approx(by_loop.coef, rel=1e-12)
    assert "collocation" in {part.by for part in by_nodes.collocation}


def test_a_loss_with_a_kink_that_claims_to_be_smooth_is_not_believed(plain):
    def value(y, z):
        return 0.5 * abs(z - y) * abs(z - y) * (1.0 + 0.2 * abs(z - y))

    def gradient(y, z):
        return (z - y) * (1.0 + 0.3 * abs(z - y))

    X, y, _ = plain.problem("squared_error", n=200)
    own = gdfast.Loss(value, gradient, name="kinked", smooth=True)
    options = {"loss": own, "learning_rate": 0.02, "epochs": 3000, "backend": "numpy"}
    by_nodes, by_loop = (gdfast.fit(X, y, solver=solver, **options) for solver in ("collocation", "loop"))
    assert by_nodes.costs == pytest.approx(by_loop.costs, rel=1e-12)
    assert by_nodes.coef == pytest.approx(by_loop.coef, rel=1e-12)
