"""The rules that read every epoch's cost: each cost once, whatever the chunks, and none after an epoch that acts."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.prepare import prepare

COSTS = st.lists(st.sampled_from([0.1, 0.5, 0.85, 0.9, 0.995, 1.0, 2.0]) | st.floats(0.0, 3.0), max_size=40)
CUTS = st.lists(st.integers(1, 39), max_size=8)
STOPPING = st.none() | st.tuples(st.sampled_from([0.0, 0.01, 0.3]), st.integers(1, 4))
THRESHOLDS, LOWEST = st.sampled_from([0.0, 0.01, 0.2]), st.sampled_from([0.0, 0.15])
PLATEAUS = st.none() | st.builds(
    gdfast.ReduceOnPlateau, st.just(0.8), st.just(0.5), st.integers(0, 3), THRESHOLDS, LOWEST
)


def make_rules(stopping=None, plateau=None, **options):
    if stopping is not None:
        options["tol"], options["patience"] = stopping
    options = DEFAULTS | {"learning_rate": plateau or 0.1, "backend": "numpy"} | options
    return CostRules(prepare([[1.0], [2.0], [4.0]], [1.0, 2.0, 5.0], None, options)[1])


def by_definition(costs, stopping, plateau, first=0):
    """Return the epochs at which a rule acts, the epoch to stop at, and the rate after them.

    Stopping: after `patience` epochs in a row whose cost is above the lowest before minus tol. The rate: as PyTorch's
    ReduceLROnPlateau, mode "min", a relative threshold, no cooldown.
    """
    acts, missed, best, bad = [], 0, math.inf, 0
    rate = plateau and plateau.rate
    for epoch, cost in enumerate(costs, first):
        if plateau is not None:
            fell = cost < best * (1.0 - plateau.threshold)
            best, bad = (cost, 0) if fell else (best, bad + 1)
            if bad > plateau.patience:
                lower, bad = max(rate * plateau.factor, plateau.min_rate), 0
                acts += [epoch] if lower < rate else []
                rate = lower
        if stopping is not None:
            earlier = costs[: epoch - first]
            missed = missed + 1 if earlier and cost > min(earlier) - stopping[0] else 0
            if missed == stopping[1]:
                return sorted({*acts, epoch}), epoch, rate
    return acts, None, rate


def feed(rules, costs, cuts, again=0, first=0):
    """Pass costs on in chunks as the loop does; each begins with the `again` epochs before it."""
    ends, acts = sorted({cut for cut in cuts if cut < len(costs)} | {len(costs)}), []
    for end in ends:
        while rules.reason is None and first < end:
            begin = max(0, first - again)
            acted = rules.update(begin, np.array(costs[begin:end]))
            acts += [] if acted is None else [acted]
            first = end if acted is None else acted + 1
    return acts


@settings(max_examples=300, deadline=None)
@given(COSTS, CUTS, st.integers(0, 3), STOPPING, PLATEAUS)
def test_rules_act_by_definition_whatever_the_chunks(costs, cuts, again, stopping, plateau):
    rules = make_rules(stopping, plateau)
    acts, stop, rate = by_definition(costs, stopping, plateau)
    assert feed(rules, costs, cuts, again) == acts
    assert rules.reason == (None if stop is None else "tol")
    assert (rules.plateau and rules.plateau.rate) == rate
    seen = stop if stop is not None else len(costs) - 1
    assert rules.seen == (seen if rules.active else -1)


@settings(max_examples=100, deadline=None)
@given(COSTS, STOPPING, PLATEAUS)
def test_costs_after_the_epoch_that_acts_change_nothing(costs, stopping, plateau):
    rules, other = make_rules(stopping, plateau), make_rules(stopping, plateau)
    acted = rules.update(0, np.array(costs))
    assert other.update(0, np.array(costs if acted is None else costs[: acted + 1])) == acted
    assert rules.state() == other.state()
    assert rules.reason == other.reason


@settings(max_examples=100, deadline=None)
@given(COSTS, st.integers(0, 39), STOPPING, PLATEAUS)
def test_rules_that_are_restored_act_as_if_they_had_never_ended(costs, cut, stopping, plateau):
    rules, restored = make_rules(stopping, plateau), make_rules(stopping, plateau)
    before = feed(rules, costs[:cut], [])
    if rules.reason is not None:
        return
    state = rules.state()
    expected = feed(rules, costs, [], first=len(costs[:cut]))
    feed(restored, costs[::-1], [])  # of another training
    restored.restore(state)
    assert restored.reason is None
    assert feed(restored, costs, [], again=2, first=len(costs[:cut])) == expected
    assert restored.state() == rules.state()
    assert before + expected == by_definition(costs, stopping, plateau)[0]


@settings(max_examples=100, deadline=None)
@given(COSTS, PLATEAUS, st.booleans())
def test_after_a_stop_epochs_are_counted_anew_and_the_rate_stays(costs, plateau, known):
    """Where the cost of the iterate is known it is the first one."""
    stopping, rules = (0.0, 2), make_rules((0.0, 2), plateau)
    feed(rules, costs, [])
    if rules.reason is None:
        return
    seen, state = rules.seen, rules.state()
    rules.reset_stopping(costs[seen] if known else None)
    assert rules.reason is None
    assert rules.state()["plateau"] == state["plateau"]
    feed(rules, costs, [], first=seen + 1)
    first = seen + (not known)
    stop = by_definition(costs[first:], stopping, None, first)[1]
    assert (rules.reason, rules.seen) == (None if stop is None else "tol", len(costs) - 1 if stop is None else stop)


def test_the_reason_names_the_cost_that_was_watched():
    costs = np.array([1.0, 1.0, 1.0])
    for validation, reason in ((None, "tol"), (([[1.0]], [2.0]), "validation")):
        rules = make_rules((0.1, 2), validation=validation)
        assert rules.update(0, costs) == 2
        assert rules.reason == reason


def test_without_a_rule_nothing_is_read():
    rules = make_rules()
    assert not rules.active
    assert rules.update(0, np.array([1.0, math.nan])) is None
    assert make_rules((0.0, 1)).active
    assert make_rules(None, gdfast.ReduceOnPlateau(0.1)).active
