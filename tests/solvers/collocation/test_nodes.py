"""Sums over epochs and the momentum recurrence of polynomials, against the epochs one by one."""

from decimal import Decimal

import numpy as np
import pytest

from gdfast.solvers.collocation.nodes import DEGREE, SHORTEST, nodes_of, polynomials, recurrence, series_at
from gdfast.solvers.collocation.stretch import PARTS, PLACES, Stretch

Long = np.longdouble


def smooth(t, length):
    return np.exp(-4 * t / length) + 0.3 * np.cos(3 * t / length)


@pytest.mark.parametrize("length", [SHORTEST, 1025, 4000, 100_003])
def test_nodes_are_whole_epochs_of_both_ends(length):
    nodes = nodes_of(length)
    both = np.sort(np.concatenate([nodes.epochs, nodes.between]))
    assert nodes.epochs[0] == 0
    assert nodes.epochs[-1] == length
    assert (np.diff(both) > 0).all()
    assert len(both) == 2 * DEGREE + 1


def epoch_by_epoch(f, rates, mu, nesterov, first):
    """Return the momentum before each epoch and the sums of the steps, in decimals: long double may be double."""
    mu, velocity, total = Decimal(mu), Decimal(float(first)), Decimal(0)
    velocities, sums = [float(velocity)], [0.0]
    for gradient, rate in zip(map(Decimal, f[:-1].tolist()), map(Decimal, rates.tolist()), strict=True):
        velocity = mu * velocity + gradient
        total += rate * (gradient + mu * velocity if nesterov else velocity)
        velocities.append(float(velocity))
        sums.append(float(total))
    return np.array(velocities), np.array(sums)


@pytest.mark.parametrize("length", [SHORTEST, 5001, 100_000])
@pytest.mark.parametrize(("mu", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("kind", ["constant", "array"])
def test_sums_are_those_of_the_epochs(length, mu, nesterov, kind):
    if mu and length < 10_000:
        pytest.skip("too short beside what momentum remembers")
    nodes, t = nodes_of(length), np.arange(length + 1)
    f = smooth(t, length)
    rates = np.full(length, 0.25) if kind == "constant" else 0.25 / np.sqrt(1 + t[:-1] / 100)
    rule = recurrence(nodes, 0.25 if kind == "constant" else rates, mu, nesterov)
    series = rule.velocity @ f[nodes.epochs] if mu else None
    first = series_at(series, length, np.zeros(1))[0] if mu else 0.0
    v, sums = epoch_by_epoch(f, rates, mu, nesterov, first)
    sums = sums[nodes.epochs]
    assert np.abs(rule.sums @ f[nodes.epochs] - sums).max() < 1e-14 * np.abs(sums).max()
    if mu:
        places = np.array([0, 7, length // 3, length])
        assert series_at(series, length, places) == pytest.approx(v[places], rel=1e-13)


def test_a_series_passes_through_its_values():
    nodes = nodes_of(3000)
    t = np.arange(3001)
    values = smooth(t, 3000)
    series = nodes.to_series.astype(float) @ values[nodes.epochs]
    assert np.abs(series_at(series, 3000, t) - values).max() < 2e-15


def decaying(t, length):
    return np.exp(-24 * t / length) + 1


def oscillating(t, length):
    return np.cos(16 * t / length) + 2


@pytest.mark.parametrize("shape", [smooth, decaying, oscillating])
@pytest.mark.parametrize("length", [SHORTEST, PARTS * PLACES * 8, 16_054, 300_000])
def test_costs_of_a_range_are_those_of_its_epochs(length, shape):
    nodes = nodes_of(length)
    series = nodes.to_series.astype(float) @ shape(nodes.epochs.astype(float), length)
    empty = np.zeros((DEGREE + 1, 1))
    stretch = Stretch(
        100, length, empty, None, series, np.zeros(1), 0, 0.0, np.zeros(DEGREE + 1), series @ (-1.0) ** np.arange(33)
    )
    t = np.arange(length)
    exact = polynomials(2 * t.astype(Long) / length - 1, DEGREE + 1) @ series.astype(Long)
    assert np.abs(stretch.costs_from(100, 100 + length) - exact).max() < 5e-15
    assert np.abs(stretch.costs_from(100 + length // 3, 100 + length) - exact[length // 3 :]).max() < 5e-15
