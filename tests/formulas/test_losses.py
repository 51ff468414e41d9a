"""Losses of the registry: exact values, gradients, curvatures and convexity."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from gdfast.formulas.losses import LOSSES

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
    "gamma": [(2.0, 0.0, 0.0, 1.0 - math.log(2)), (1.0, 1.0, 0.0, math.exp(-1.0))],
    "tweedie": [
        (0.0, 1.0, 1.5, 2.0 * math.exp(0.5)),
        (4.0, 0.0, 1.5, 2.0),
        (2.0, 0.0, 1.0, 2.0 * math.log(2) - 1.0),
        (2.0, 0.0, 2.0, 1.0 - math.log(2)),
    ],
}
# The gradient of multinomial depends on all outputs of a sample: tests/test_multinomial.py checks it.
SINGLE = [name for name, loss in LOSSES.items() if not loss.coupled]


def targets(name, size, rng):
    if LOSSES[name].classification:
        return rng.choice([-1.0, 1.0], size)
    if LOSSES[name].inverse_link is None:
        return rng.normal(0, 2, size)
    return rng.poisson(3.0, size) + (0.5 if LOSSES[name].lowest_excluded(0.0) else 0.0)


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
def test_losses_are_convex_and_a_loss_without_bound_has_an_assumed_curvature(name, rng):
    loss, c = LOSSES[name], parameter(name)
    y = targets(name, 1000, rng)
    z = np.sort(rng.normal(0, 3, (2, 1000)), axis=0)
    assert (loss.gradient(y, z[0], c) <= loss.gradient(y, z[1], c) + 1e-12).all()
    assert (loss.curvature is None) == (loss.assumed_curvature is not None)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_comes_through(name):
    assert math.isnan(LOSSES[name].value(1.0, math.nan, parameter(name)))


def tweedie_deviance(y, z, power):
    """Return half the unit deviance with mean e^z, and the size of its largest term, with sixty digits."""
    y, z, power = Decimal(y), Decimal(z), Decimal(power)
    if power == 1:
        terms = [y * (y.ln() - z) if y else Decimal(0), -y, z.exp()]
    elif power == 2:
        terms = [y * (-z).exp(), Decimal(-1), z - y.ln()]
    else:
        a, b = 1 - power, 2 - power
        terms = [(b * y.ln()).exp() / (a * b) if y else Decimal(0), -y * (a * z).exp() / a, (b * z).exp() / b]
    sizes = [(2 - power) * z, (1 - power) * z + y.ln() if y else Decimal(-1000)]
    return sum(terms), max(abs(sum(terms)), *[size.exp() for size in sizes])


@pytest.mark.parametrize("power", [1.0, 1 + 1e-12, 1 + 1e-6, 1.2, 1.5 - 1e-9, 1.5, 1.8, 2 - 1e-6, 2 - 1e-12, 2.0])
def test_tweedie_holds_near_both_ends_of_its_power_and_far_from_the_target(power, rng):
    for scale, spread in ((1e-3, 1e-6), (1.0, 1e-3), (1.0, 1.0), (30.0, 10.0)):
        for _ in range(20):
            z = float(rng.normal(0, scale))
            y = float(np.exp(z + rng.normal(0, spread))) if power == 2 or rng.random() < 0.9 else 0.0
            with localcontext(prec=60):
                exact, size = tweedie_deviance(y, z, power)
                error = abs(Decimal(float(LOSSES["tweedie"].value(y, z, power))) - exact) / size
            assert error < 2e-14


def test_tweedie_is_poisson_and_gamma_at_its_ends(rng):
    y, z = rng.gamma(2.0, size=500), rng.normal(size=500)
    tweedie, poisson, gamma = (LOSSES[name] for name in ("tweedie", "poisson", "gamma"))
    np.testing.assert_array_equal(tweedie.gradient(y, z, 1.0), poisson.gradient(y, z, 0.0))
    np.testing.assert_array_equal(tweedie.gradient(y, z, 2.0), gamma.gradient(y, z, 0.0))
    np.testing.assert_allclose(tweedie.value(y, z, 2.0), gamma.value(y, z, 0.0), rtol=1e-12, atol=1e-14)
    constant = y * np.log(y) - y
    np.testing.assert_allclose(tweedie.value(y, z, 1.0), poisson.value(y, z, 0.0) + constant, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.deviance])
def test_a_deviance_is_the_value_less_its_minimum(name, rng):
    loss, c = LOSSES[name], parameter(name)
    y, z = rng.gamma(2.0, size=200), rng.normal(size=200)
    np.testing.assert_allclose(loss.deviance(y, np.log(y), c), 0.0, atol=1e-14)
    np.testing.assert_allclose(
        loss.deviance(y, z, c), loss.value(y, z, c) - loss.value(y, np.log(y), c), rtol=1e-11, atol=1e-13
    )
