"""Penalties of the registry, soft thresholding and cumulative l1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdfast.formulas.penalties import PENALTIES, cumulative_l1, penalty_value, soft_threshold


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


def test_cumulative_l1_applies_the_pending_penalty_and_stops_at_zero():
    # The penalty so far is 3, of which 1 was applied already (q = -1 for a positive weight).
    assert float(cumulative_l1(5.0, -1.0, 3.0)) == 3.0
    assert float(cumulative_l1(-5.0, 1.0, 3.0)) == -3.0
    assert float(cumulative_l1(1.0, -1.0, 3.0)) == 0.0
    assert float(cumulative_l1(-1.0, 1.0, 3.0)) == 0.0
    assert float(cumulative_l1(0.0, 0.0, 3.0)) == 0.0
