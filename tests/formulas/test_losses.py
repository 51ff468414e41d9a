"""Losses of the registry: exact values, gradients, curvatures and convexity."""

import math

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
}
# The gradient of multinomial depends on all outputs of a sample: tests/test_multinomial.py checks it.
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
def test_losses_are_convex_and_a_loss_without_bound_has_an_assumed_curvature(name, rng):
    loss, c = LOSSES[name], parameter(name)
    y = targets(name, 1000, rng)
    z = np.sort(rng.normal(0, 3, (2, 1000)), axis=0)
    assert (loss.gradient(y, z[0], c) <= loss.gradient(y, z[1], c) + 1e-12).all()
    assert (loss.curvature is None) == (loss.assumed_curvature is not None)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_comes_through(name):
    assert math.isnan(LOSSES[name].value(1.0, math.nan, parameter(name)))
