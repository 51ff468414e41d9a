"""The trend of the last costs, and the advice that follows from it."""

import numpy as np
import pytest

import gdfast
from gdfast.results.trend import FIRST_SENTENCE, TREND_ADVICE, Trend, has_grown, trend_of

RNG = np.random.default_rng(0)
EPOCHS = np.arange(1000.0)


@pytest.mark.parametrize(
    ("costs", "trend"),
    [
        (0.99**EPOCHS, Trend.FALLING),
        (-1 / (1 + EPOCHS[:50]), Trend.GROWING),
        (1.01**EPOCHS, Trend.GROWING),
        (5 + 1e-9 * EPOCHS, Trend.FLAT),
        (np.zeros(20), Trend.FLAT),
        (np.full(20, -3.0), Trend.FLAT),
        (2 + (-1.0) ** EPOCHS, Trend.MIXED),
        (2 + 0.1 * RNG.normal(size=1000), Trend.MIXED),
        (100 - 0.05 * EPOCHS + 0.1 * RNG.normal(size=1000), Trend.FALLING),
        (1.0 + 0.05 * EPOCHS + 0.1 * RNG.normal(size=1000), Trend.GROWING),
        (np.array([1e308, 1.5e308, 1.7e308]), Trend.GROWING),
        (np.array([3.0, 2.0]), Trend.FALLING),
        (np.array([3.0, np.nan, np.inf, 2.0]), Trend.FALLING),
        (np.array([3.0]), None),
        (np.empty(0), None),
    ],
)
def test_trend(costs, trend):
    given = costs.copy()
    assert trend_of(costs) is trend
    np.testing.assert_array_equal(costs, given)


def test_growth_of_costs_below_zero():
    assert has_grown(-1.0, 1001.0)
    assert not has_grown(-1.0, 999.0)
    assert not has_grown(5.0, -1e9)
    assert not has_grown(5.0, np.nan)


def test_every_trend_has_advice():
    assert set(TREND_ADVICE) == set(Trend)
    assert all(trend.value in text for trend, text in TREND_ADVICE.items())
    assert set(gdfast.StopReason) - set(FIRST_SENTENCE) == {"tol", "gradient", "step", "validation", "diverged"}


def test_advice_of_runs():
    X, y = RNG.normal(size=(60, 2)), RNG.normal(size=60)
    advice = {epochs: gdfast.fit(X, y, epochs=epochs, learning_rate=0.05).advice for epochs in (4, 5000)}
    assert "falling" in advice[4]
    assert "flat" in advice[5000]
    noisy = gdfast.fit(X, y, batch_size=1, learning_rate=0.3, epochs=200, seed=0, solver="loop")
    assert "rising and falling in turn" in noisy.advice
    assert gdfast.fit(X, y, history="none", epochs=3).advice == gdfast.StopReason.EPOCHS.advice
    assert gdfast.fit(X, y, tol=1e-3, epochs=9000).advice == gdfast.StopReason.TOL.advice
