from functools import partial

import numpy as np
import pytest

import gdfast
from gdfast.solvers import smoothness

X_A = np.arange(1.0, 301.0)[:, None]


def eigenvalues(X, weights=None, alpha=0.0, bound=1.0):
    n = len(X)
    s = np.ones(n) if weights is None else weights * n / weights.sum()
    A = np.column_stack([X, np.ones(n)])
    return np.linalg.eigvalsh(bound * A.T @ (s[:, None] * A) / n + np.diag([alpha] * X.shape[1] + [0.0]))


def test_the_limits_of_the_tutorials():
    assert 2 * gdfast.stability(X_A).max_learning_rate == pytest.approx(1.32666e-4, rel=1e-5)
    X_B = 10 * np.random.RandomState(10).rand(100, 5)
    assert gdfast.stability(X_B).max_learning_rate == pytest.approx(1.54457e-2, rel=1e-5)


def test_the_numbers_are_those_of_the_second_derivatives(rng):
    X, weights = rng.normal(size=(60, 4)) * [1, 3, 0.2, 1], rng.random(60)
    found = gdfast.stability(X, penalty="l2", alpha=0.4, sample_weight=weights)
    values = eigenvalues(X, weights, 0.4)
    L, m = values[-1], values[0]
    assert found.max_learning_rate == pytest.approx(2 / L, rel=1e-12)
    assert found.best_learning_rate == pytest.approx(2 / (L + m), rel=1e-12)
    assert found.condition_number == pytest.approx(L / m, rel=1e-10)
    np.testing.assert_allclose(
        found.time_constants, sorted(-1 / np.log(np.abs(1 - values * 2 / (L + m))))[::-1], rtol=1e-7
    )
    assert found.is_limit
    assert "the limit" in str(found)
    log = gdfast.stability(X, loss="log_loss", penalty="l2", alpha=0.4)
    assert log.max_learning_rate == pytest.approx(2 / eigenvalues(X, None, 0.4, 0.25)[-1], rel=1e-12)
    assert not log.is_limit
    assert "safe rate" in str(log)


@pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore::gdfast.DivergenceWarning")
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.9, False), (0.9, True)])
def test_the_limit_divides_what_converges_from_what_diverges(momentum, nesterov, rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    limit = gdfast.stability(X, momentum=momentum, nesterov=nesterov).max_learning_rate
    options = {"epochs": 200_000, "optimizer": gdfast.Momentum(momentum, nesterov), "solver": "loop", "history": "none"}
    assert gdfast.fit(X, y, learning_rate=0.999 * limit, **options).stop_reason == "epochs"
    assert gdfast.fit(X, y, learning_rate=1.01 * limit, **options).stop_reason == "diverged"


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_epochs_to_is_how_long_the_slowest_direction_takes(momentum, rng):
    X, y = rng.normal(size=(30, 3)) * [1, 2, 5], rng.normal(size=30)
    found = gdfast.stability(X, momentum=momentum)
    for rate in (None, 0.3 * found.max_learning_rate):
        epochs = int(found.epochs_to(1e-6, rate))
        run = gdfast.fit(
            X, y, epochs=epochs, learning_rate=rate or found.best_learning_rate, solver="loop",
            optimizer=gdfast.Momentum(momentum),
        )  # fmt: skip
        best = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), y, rcond=None)[0]
        off = np.linalg.norm(np.append(run.coef, run.intercept) - best) / np.linalg.norm(best)
        assert off < (1e-5 if momentum == 0 else 1e-3)
    assert found.epochs_to(1e-6, 2 * found.max_learning_rate) == np.inf


def test_bad_arguments_are_named():
    for bad, name in (({"momentum": 1.0}, "momentum"), ({"loss": "l2"}, "loss"), ({"alpha": -1}, "alpha")):
        with pytest.raises(ValueError, match=name):
            gdfast.stability(X_A, **bad)
    with pytest.raises(ValueError, match="tolerance"):
        gdfast.stability(X_A).epochs_to(1.0)
    with pytest.raises(ValueError, match="X holds nan"):
        gdfast.stability([[np.nan]])


def test_degenerate_data():
    still = gdfast.stability([[0.0]], fit_intercept=False)
    assert (still.epochs_to(0.1), still.max_learning_rate) == (0.0, np.inf)
    assert "no epochs" in str(still)
    assert "inf" in str(gdfast.stability([[1e-200]], fit_intercept=False))
    with pytest.raises(ValueError, match="X holds values whose squares overflow"):
        gdfast.stability([[1e155]])
    with pytest.raises(ValueError, match="X has shape"):
        gdfast.stability(5)
    with pytest.raises(ValueError, match=r"y has shape \(1,\), and X has 2 rows"):
        gdfast.stability([[1.0], [2.0]], y=[1.0])


@pytest.mark.parametrize(("n", "d"), [(2678, 34), (3065, 31), (3166, 21), (300, 600)])
@pytest.mark.parametrize("steepest", [1.0, 3.0, 100.0])
@pytest.mark.filterwarnings("ignore:the cost is growing")
def test_a_rate_just_above_the_limit_is_reported(n, d, steepest, rng):
    """A few passes are enough for rates far below the limit, not for one near it or with one steep direction."""
    for _ in range(5):
        X, y = rng.normal(size=(n, d)), rng.normal(size=n)
        X[:, rng.integers(d)] *= steepest
        limit = gdfast.stability(X).max_learning_rate
        gdfast.fit(X, y, epochs=51, learning_rate=limit * (1 - 1e-9), solver="loop")
        for above in (1 + 1e-6, 2.0, 10.0):
            with pytest.warns(gdfast.StabilityWarning):
                gdfast.fit(X, y, epochs=51, learning_rate=limit * above, solver="loop")


@pytest.mark.filterwarnings("error", "ignore::gdfast.DivergenceWarning")
@pytest.mark.parametrize(("n", "d"), [(40, 3), (3000, 30), (300, 600)])
@pytest.mark.parametrize("epochs", [1, 5, 50])
def test_a_rate_is_checked_after_a_few_epochs_if_their_costs_have_risen(n, d, epochs, rng, monkeypatch):
    """The check may take longer than the epochs; and no cost overflows before a warning."""
    X, y = rng.normal(size=(n, d)), rng.normal(size=n)
    limit = gdfast.stability(X).max_learning_rate
    fit = partial(gdfast.fit, X, y, epochs=epochs, solver="loop")
    with pytest.warns(gdfast.StabilityWarning, match="above"):
        assert fit(learning_rate=3 * limit).costs[-1] > y @ y / (2 * n)
    with pytest.warns(gdfast.StabilityWarning, match="above"):  # before training, as the costs could overflow
        fit(learning_rate=1e6 * limit)
    monkeypatch.setattr(smoothness, "largest_curvature", None)  # where they fall nothing is made of the rows
    run = fit(learning_rate=0.5 * limit)
    assert run.costs[-1] < run.costs[0]


@pytest.mark.parametrize("y", [3, [1.0], np.ones((2, 1))])
def test_targets_that_are_not_one_for_each_row(y):
    with pytest.raises(ValueError, match=r"^y has shape .*and X has 3 rows"):
        gdfast.stability([[1.0], [2.0], [4.0]], y)
