import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.prepare import prepare

COSTS = st.lists(st.sampled_from([1.0, 0.9, 0.85, 0.5, 0.499, 0.1, 2.0]), min_size=1, max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=8)


def rules(**options):
    options = {**gdfast.fit.__kwdefaults__, "learning_rate": 0.1, **options}
    return CostRules(prepare([[1.0], [2.0], [4.0]], [1.0, 2.0, 5.0], None, options)[1])


def in_chunks(rule, costs, cuts):
    """Pass costs on in chunks, from the beginning of a chunk again where a rule acts, as the loop does."""
    cuts = sorted({0, *(cut for cut in cuts if cut < len(costs)), len(costs)})
    acted = []
    for first, stop in itertools.pairwise(cuts):
        while first < stop and rule.reason is None:
            epoch = rule.update(first, np.array(costs[first:stop]))
            if epoch is None:
                break
            acted.append(epoch)
            first = epoch + 1
    return acted


def stop_by_definition(costs, tol, patience):
    least, missed = math.inf, 0
    for epoch, cost in enumerate(costs):
        missed = missed + 1 if cost > least - tol else 0
        least = min(least, cost)
        if missed >= patience:
            return epoch
    return None


@settings(max_examples=200, deadline=None)
@given(COSTS, CUTS, st.sampled_from([0.0, 0.01, 0.3]), st.integers(1, 4))
def test_stopping_does_not_depend_on_chunks(costs, cuts, tol, patience):
    rule, expected = rules(tol=tol, patience=patience), stop_by_definition(costs, tol, patience)
    acted = in_chunks(rule, costs, cuts)
    assert acted == ([] if expected is None else [expected])
    assert (rule.reason == "tol") is (expected is not None)


def rates_by_definition(costs, rate, factor, patience, threshold):
    """PyTorch's ReduceLROnPlateau: mode min, relative threshold, no cooldown."""
    best, bad, rates = math.inf, 0, []
    for cost in costs:
        if cost < best * (1 - threshold):
            best, bad = cost, 0
        else:
            bad += 1
        if bad > patience:
            rate, bad = rate * factor, 0
        rates.append(rate)
    return rates


@settings(max_examples=200, deadline=None)
@given(COSTS, CUTS, st.integers(0, 3))
def test_the_plateau_does_not_depend_on_chunks(costs, cuts, patience):
    rule = rules(learning_rate=gdfast.ReduceOnPlateau(0.1, 0.5, patience, threshold=0.01))
    expected = rates_by_definition(costs, 0.1, 0.5, patience, 0.01)
    changes = [epoch for epoch, (old, new) in enumerate(zip([0.1, *expected], expected, strict=False)) if old != new]
    assert in_chunks(rule, costs, cuts) == changes
    assert rule.plateau.rate == pytest.approx(expected[-1], rel=1e-15)


def test_a_cost_is_counted_once():
    rule = rules(tol=0.0, patience=3)
    costs = np.array([1.0, 2.0, 2.0])
    assert rule.update(0, costs) is None
    assert rule.update(0, costs) is None  # the loop returned to epoch 0, and repeats it
    assert rule.update(2, np.array([2.0, 2.0])) == 3


def test_what_was_saved_is_restored():
    costs = [1.0, 0.5, 0.6, 0.7, 0.8, 0.4, 0.5, 0.6, 0.7, 0.8]
    options = {"tol": 0.0, "patience": 4, "learning_rate": gdfast.ReduceOnPlateau(0.1, 0.5, 2)}
    whole, first, second = rules(**options), rules(**options), rules(**options)
    in_chunks(whole, costs, [])
    in_chunks(first, costs[:4], [])
    second.restore(first.state())
    assert second.update(4, np.array(costs[4:5])) is not None
    in_chunks(second, costs, [5])
    assert second.state() | {"plateau": None} == whole.state() | {"plateau": None}
    assert second.plateau.rate == whole.plateau.rate < 0.1


@pytest.mark.parametrize(("cost", "stop"), [(None, 5), (3.0, 4)])
def test_counting_begins_anew_after_a_stop(cost, stop):
    rule = rules(tol=0.0, patience=2)
    assert rule.update(0, np.array([1.0, 2.0, 2.0])) == 2
    rule.reset_stopping(cost)
    assert rule.reason is None
    assert rule.update(3, np.array([3.5])) is None
    assert rule.update(4, np.array([4.0, 4.0, 4.0])) == stop
    assert rule.reason == "tol"


def test_the_plateau_has_no_cost_after_the_stop():
    options = {"tol": 0.0, "patience": 2, "learning_rate": gdfast.ReduceOnPlateau(0.1, 0.5, 9)}
    costs, far, near = np.array([1.0, 2.0, 2.0, 2.0, 0.1]), rules(**options), rules(**options)
    assert far.update(0, costs) == near.update(0, costs[:3]) == 2
    assert far.plateau.state() == near.plateau.state()
