"""Every formula of the registry against what it must be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdfast.formulas import vocabulary
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES, cumulative_l1, penalty_value, soft_threshold
from gdfast.formulas.update_rules import UPDATE_RULES, correction

# Exact values at (y, z, c), from the definitions in the docstrings.
EXACT = {
    "squared_error": [(2.0, 5.0, 0.0, 4.5)],
    "log_loss": [(1.0, 0.0, 0.0, math.log(2)), (-1.0, 800.0, 0.0, 800.0), (1.0, 40.0, 0.0, math.exp(-40))],
    "hinge": [(1.0, -1.0, 0.0, 2.0), (-1.0, -3.0, 0.0, 0.0)],
    "squared_hinge": [(1.0, -1.0, 0.0, 4.0)],
    "modified_huber": [(1.0, -3.0, 0.0, 12.0), (1.0, 0.0, 0.0, 1.0), (-1.0, -1.5, 0.0, 0.0)],
    "perceptron": [(1.0, -3.0, 0.0, 3.0), (1.0, 3.0, 0.0, 0.0)],
    "huber": [(0.0, 1.0, 2.0, 0.5), (0.0, -5.0, 2.0, 8.0)],
    "epsilon_insensitive": [(0.0, 3.0, 1.0, 2.0), (0.0, 0.5, 1.0, 0.0)],
    "squared_epsilon_insensitive": [(0.0, -3.0, 1.0, 4.0)],
    "multinomial": [(1.0, -2.0, 0.0, 2.0), (0.0, -2.0, 0.0, 0.0)],  # of log-probabilities
    "quantile": [(1.0, 0.0, 0.9, 0.9), (0.0, 1.0, 0.9, 0.1)],
    "poisson": [(2.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, math.e)],
}
# multinomial's gradient is by what its log-probabilities are made of: tests/test_multinomial.py.
SINGLE = [name for name, loss in LOSSES.items() if not loss.coupled]


def targets(name, size, rng):
    if LOSSES[name].classification:
        return rng.choice([-1.0, 1.0], size)
    return rng.poisson(3.0, size).astype(float) if name == "poisson" else rng.normal(0, 2, size)


def parameter(name):
    return LOSSES[name].parameter.default if LOSSES[name].parameter else 0.0


def test_every_loss_has_exact_values():
    assert set(EXACT) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_values(name):
    for y, z, c, expected in EXACT[name]:
        assert float(LOSSES[name].value(y, z, c)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", SINGLE)
def test_gradient_is_the_derivative_of_the_value(name, rng):
    loss, c, h = LOSSES[name], parameter(name), 1e-6
    y, z = targets(name, 2000, rng), rng.normal(0, 3, 2000)
    kink = np.min([np.abs(y * z - k) for k in (-1, 0, 1)] + [np.abs(np.abs(z - y) - k) for k in (0, c)], axis=0)
    far = kink > 2 * h
    numeric = (loss.value(y, z + h, c) - loss.value(y, z - h, c)) / (2 * h)
    assert far.sum() > 1800
    np.testing.assert_allclose(loss.gradient(y, z, c)[far], numeric[far], rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("name", SINGLE)
def test_at_a_kink_the_gradient_lies_between_its_sides(name):
    loss, c = LOSSES[name], parameter(name)
    for y in (1.0,) if loss.classification else (0.0, 1.0):
        for z in (-1.0, 0.0, 1.0, y - c, y + c):
            low, at, high = (float(loss.gradient(y, z + shift, c)) for shift in (-1e-9, 0.0, 1e-9))
            assert low - 1e-8 <= at <= high + 1e-8


@pytest.mark.parametrize("name", [name for name in SINGLE if LOSSES[name].curvature is not None])
def test_curvature_bounds_the_slope_of_the_gradient(name, rng):
    loss, c = LOSSES[name], parameter(name)
    y = targets(name, 5000, rng)
    a, b = rng.normal(0, 3, (2, 5000))
    slope = (loss.gradient(y, a, c) - loss.gradient(y, b, c)) / (a - b)
    assert slope.max() <= loss.curvature * (1 + 1e-9)
    near = (loss.gradient(y, a, c) - loss.gradient(y, a + 1e-3, c)) / -1e-3
    assert near.max() >= 0.95 * loss.curvature  # and is no idle bound


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_convex_and_a_loss_without_bound_has_a_assumed_curvature(name, rng):
    loss, c = LOSSES[name], parameter(name)
    y = targets(name, 1000, rng)
    z = np.sort(rng.normal(0, 3, (2, 1000)), axis=0)
    assert (loss.gradient(y, z[0], c) <= loss.gradient(y, z[1], c) + 1e-12).all()
    assert (loss.curvature is None) == (loss.assumed_curvature is not None)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_comes_through(name):
    assert math.isnan(LOSSES[name].value(1.0, math.nan, parameter(name)))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_vocabulary_lets_nan_through_on_either_side(name):
    function = getattr(vocabulary, name)
    assert math.isnan(function(math.nan, 1.0))
    assert math.isnan(function(1.0, math.nan))


@given(st.floats(-10, 10), st.floats(0, 5))
def test_soft_threshold_minimises_its_proximal_problem(w, t):
    best = soft_threshold(w, t)

    def objective(v):
        return 0.5 * (v - w) ** 2 + t * abs(v)

    assert all(objective(best) <= objective(v) + 1e-12 for v in np.linspace(-10, 10, 201))


def test_penalties_are_the_mix_they_name(rng):
    w = rng.normal(size=50)
    for name, expected in {
        "none": 0.0,
        "l2": 0.3 * (w @ w) / 2,
        "l1": 0.3 * np.abs(w).sum(),
        "elasticnet": 0.3 * (0.2 * np.abs(w).sum() + 0.8 * (w @ w) / 2),
    }.items():
        penalty = PENALTIES[name]
        value = penalty_value(w, penalty.l2(0.3, 0.2), penalty.l1(0.3, 0.2)).sum()
        assert value == pytest.approx(expected, rel=1e-13)


def test_cumulative_l1_takes_what_is_owed_and_stops_at_zero():
    # Owed 3, of which 1 was taken already (q = -1 for a positive weight).
    assert float(cumulative_l1(5.0, -1.0, 3.0)) == 3.0
    assert float(cumulative_l1(-5.0, 1.0, 3.0)) == -3.0
    assert float(cumulative_l1(1.0, -1.0, 3.0)) == 0.0
    assert float(cumulative_l1(-1.0, 1.0, 3.0)) == 0.0
    assert float(cumulative_l1(0.0, 0.0, 3.0)) == 0.0


def rules_written_out(gradients, eta, mu, rho, eps, decay):
    """Return the iterates of each rule from w = 1, written out from the papers' formulas."""
    w = dict.fromkeys(("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"), 1.0)
    m = squares = mean_square = first = second = 0.0
    for t, g in enumerate(gradients, 1):
        m = mu * m + g
        squares += g**2
        mean_square = rho * mean_square + (1 - rho) * g**2
        first, second = mu * first + (1 - mu) * g, rho * second + (1 - rho) * g**2
        w["gd"] -= eta * g
        w["momentum"] -= eta * m
        w["nesterov"] -= eta * (g + mu * m)
        w["adagrad"] -= eta * g / (math.sqrt(squares) + eps)
        w["rmsprop"] -= eta * g / (math.sqrt(mean_square) + eps)
        w["adam"] -= eta * decay * w["adam"] + eta * first / (1 - mu**t) / (math.sqrt(second / (1 - rho**t)) + eps)
    return w


def test_the_rules_that_are_written_out_are_the_registry():
    assert set(rules_written_out([], 0.1, 0.9, 0.99, 1e-8, 0.0)) == set(UPDATE_RULES)


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_update_rules_follow_their_recurrences(name, rng):
    rule = UPDATE_RULES[name]
    for eta, mu, rho, eps, decay in (
        (0.1, 0.9, 0.99, 1e-8, 0.0),
        (0.3, 0.5, 0.9, 0.1, 0.05),
        (0.01, 0.0, 0.0, 1e-3, 0.0),
    ):
        w, m, v, gradients = 1.0, 0.0, 0.0, rng.normal(size=9).tolist()
        for t, g in enumerate(gradients, 1):
            with np.errstate(divide="ignore"):  # log(0) of a mean that remembers nothing
                corrections = correction(mu, t), correction(rho, t)
            step, m, v = rule.step(w, g, m, v, eta, mu, rho, eps, decay if name == "adam" else 0.0, *corrections)
            w += step
        assert w == pytest.approx(rules_written_out(gradients, eta, mu, rho, eps, decay)[name], rel=1e-13)
        assert (m != 0.0) <= rule.momentum
        assert (v != 0.0) <= rule.adaptive


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_the_rate_of_a_rule_is_what_a_constant_gradient_is_multiplied_by(name):
    rule, eta, mu, rho, eps, g = UPDATE_RULES[name], 0.01, 0.6, 0.9, 1e-8, 0.7
    m = v = step = 0.0
    for t in range(1, 400):
        step, m, v = rule.step(0.0, g, m, v, eta, mu, rho, eps, 0.0, correction(mu, t), correction(rho, t))
    assert -step / g == pytest.approx(rule.rate(v, eta, mu, eps, correction(rho, 399)), rel=1e-12)
