"""The losses with a log link against scikit-learn's deviances and its generalized linear models."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance

import gdfast
from gdfast.sklearn import GDRegressor

MODELS = {
    "poisson": (1.0, {}, PoissonRegressor),
    "gamma": (2.0, {}, GammaRegressor),
    "tweedie of power 1": (1.0, {"loss_parameter": 1.0}, PoissonRegressor),
    "tweedie": (1.5, {}, lambda **options: TweedieRegressor(power=1.5, link="log", **options)),
    "tweedie of power 1.9": (
        1.9,
        {"loss_parameter": 1.9},
        lambda **options: TweedieRegressor(power=1.9, link="log", **options),
    ),
    "tweedie of power 2": (2.0, {"loss_parameter": 2.0}, GammaRegressor),
}


@pytest.fixture
def data(rng):
    X = rng.normal(size=(200, 4))
    return X, rng.gamma(2.0, np.exp(X @ [0.4, -0.3, 0.0, 0.2]) / 2), rng.integers(0, 4, 200).astype(float)


@pytest.mark.numba_case(name="tweedie")
@pytest.mark.parametrize("name", MODELS)
def test_the_optimum_is_that_of_scikit_learn(name, backend, data):
    power, options, model = MODELS[name]
    X, y, weights = data
    y = np.round(y) if power < 2 else y  # zeros among them
    common = {"loss": name.split()[0], "penalty": "l2", "alpha": 0.1, "sample_weight": weights, "backend": backend}
    run = gdfast.fit(X, y, epochs=4000, learning_rate=0.1, **common, **options)
    expected = model(alpha=0.1, tol=1e-12, solver="newton-cholesky").fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(run.coef, expected.coef_, atol=1e-8)
    assert run.intercept == pytest.approx(expected.intercept_, abs=1e-8)
    np.testing.assert_allclose(run.predict(X), expected.predict(X), rtol=1e-7)
    loss = run.cost - 0.05 * run.coef @ run.coef
    if name == "poisson":  # which leaves the constants out
        loss += np.average(np.where(y > 0, y * np.log(np.maximum(y, 1)), 0) - y, weights=weights)
    deviance = mean_tweedie_deviance(y, run.predict(X), sample_weight=weights, power=power)
    assert loss == pytest.approx(deviance / 2, rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 20])
@pytest.mark.parametrize("loss", ["gamma", "tweedie"])
def test_mini_batches_and_sgd_come_near_it(loss, batch_size, data):
    X, y, _ = data
    options = {"loss": loss, "penalty": "l2", "alpha": 0.1}
    best = gdfast.fit(X, y, epochs=4000, learning_rate=0.1, **options)
    run = gdfast.fit(X, y, epochs=200, learning_rate=0.01, batch_size=batch_size, seed=0, **options)
    assert run.cost - best.cost < 0.01 * (best.costs[0] - best.cost)


def test_the_estimator_takes_them(data):
    X, y, _ = data
    options = {"loss": "tweedie", "loss_parameter": 1.7, "epochs": 200, "learning_rate": 0.1}
    model, run = GDRegressor(**options).fit(X, y), gdfast.fit(X, y, **options)
    np.testing.assert_array_equal(model.coef_, run.coef)
    np.testing.assert_allclose(model.predict(X), np.exp(X @ run.coef + run.intercept), rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "worst", "message"),
    [
        ({"loss": "gamma"}, 0.0, r"^y holds 0, and loss='gamma' needs values above 0"),
        ({"loss": "gamma"}, -1.5, r"^y holds -1\.5.*gamma.*above 0"),
        ({"loss": "tweedie"}, -1.0, r"^y holds -1.*tweedie.*of at least 0"),
        ({"loss": "tweedie", "loss_parameter": 2.0}, 0.0, r"^y holds 0.*tweedie.*above 0"),
        ({"loss": "tweedie", "loss_parameter": 0.9}, 1.0, r"^loss_parameter=0\.9.*at least 1 and at most 2.*power"),
        ({"loss": "tweedie", "loss_parameter": 2.1}, 1.0, r"^loss_parameter=2\.1.*at most 2"),
        ({"loss": "gamma", "loss_parameter": 1.0}, 1.0, r"^loss_parameter=1.0: loss='gamma' has none.*tweedie"),
    ],
)
def test_targets_and_powers_that_have_no_likelihood(options, worst, message):
    X, y = [[1.0], [2.0], [4.0]], [1.0, worst, 2.0]
    with pytest.raises(ValueError, match=message):
        gdfast.fit(X, y, **options)
    with pytest.raises(ValueError, match=message.replace("^", "")):
        gdfast.fit(X, [1.0, 2.0, 3.0], validation=(X, y), **options)


def test_a_zero_is_a_target_of_tweedie_and_costs_what_its_mean_costs():
    run = gdfast.fit([[1.0]], [0.0], loss="tweedie", fit_intercept=False, coef_init=[1.0], epochs=1)
    assert run.costs[0] == pytest.approx(2 * np.exp(0.5), rel=1e-15)


def test_stability_reads_the_targets_of_a_log_link(data):
    X, y, _ = data
    plain, scaled = (gdfast.stability(X, y * factor, loss="gamma") for factor in (1.0, 10.0))
    assert scaled.max_learning_rate == pytest.approx(plain.max_learning_rate / 10)
    assert not plain.is_limit


@pytest.mark.parametrize("loss", ["gamma", "tweedie"])
def test_extreme_means_end_as_a_divergence_and_not_as_a_number(loss):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = gdfast.fit([[1.0], [1.0]], [1e-3, 1e-3], loss=loss, epochs=50, learning_rate=1e6)
    assert run.diverged_at is not None
    assert np.isfinite(run.costs).all()
    assert any(issubclass(warning.category, gdfast.DivergenceWarning) for warning in caught)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_targets_with_which_the_curvature_overflows_are_named(loss):
    for call in (gdfast.fit, gdfast.stability):
        with pytest.raises(ValueError, match=r"^y holds 1e\+308, with which the curvature overflows; scale y"):
            call([[1.0], [2.0]], [1e308, 1e308], loss=loss)
