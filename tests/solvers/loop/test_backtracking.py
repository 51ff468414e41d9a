"""Backtracking: which epoch and which snapshot it returns to, and how often."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gdfast
from gdfast.solvers.loop.backtracking import Backtracking, Lowest

CHUNKS = st.lists(st.lists(st.sampled_from([0.5, 1.0, 2.0, np.inf]) | st.floats(0.0, 3.0), max_size=6), max_size=8)


@given(CHUNKS, st.integers(0, 5))
def test_the_lowest_cost_is_kept_with_the_snapshot_before_its_chunk(chunks, first):
    backtracking, epoch = Backtracking(True), first
    for number, costs in enumerate(chunks):
        backtracking.note(epoch, np.array(costs), {"chunk": number})
        epoch += len(costs)
    costs = [cost for chunk in chunks for cost in chunk]
    numbers = [number for number, chunk in enumerate(chunks) for _ in chunk]
    if not costs:
        assert backtracking.lowest is None
        return
    place = costs.index(min(costs))  # the first of equals
    assert backtracking.lowest == (costs[place], first + place, {"chunk": numbers[place]})


def test_an_epoch_that_is_repeated_keeps_its_first_snapshot():
    backtracking = Backtracking(True)
    backtracking.note(4, np.array([3.0, 1.0, 2.0]), {"chunk": 0})
    backtracking.note(5, np.array([1.0, 2.0]), {"chunk": 1})
    assert backtracking.lowest == (1.0, 5, {"chunk": 0})


def test_nothing_is_remembered_where_backtracking_is_not_wanted():
    backtracking = Backtracking(False)
    backtracking.note(0, np.array([1.0]), {})
    assert backtracking.lowest is None
    backtracking.lowest = Lowest(1.0, 0, {})  # of a training that is resumed with other options
    assert not backtracking.possible


def test_the_rate_is_halved_sixty_times_at_most_and_not_before_a_cost_is_known():
    backtracking = Backtracking(True)
    assert not backtracking.possible
    backtracking.note(0, np.array([1.0]), {})
    halvings = 0
    while backtracking.possible:
        assert backtracking.factor == pytest.approx(1 / 2**halvings, rel=0)
        halvings += 1
        backtracking.halvings = halvings
    assert halvings == 60


def test_the_history_is_one_descent_whose_rate_was_halved_where_it_diverged(data):
    X, y = data
    run = gdfast.fit(X, y, learning_rate=10.0, epochs=400, on_divergence="backtrack", record=("coef", "learning_rate"))
    rates, coef, intercept = (run.history[name] for name in ("learning_rate", "coef", "intercept"))
    assert run.diverged_at is not None
    assert run.stop_reason == "epochs"
    assert run.cost_epochs.tolist() == list(range(401))
    halvings = np.log2(10.0 / rates[1:])
    assert (halvings == np.round(halvings)).all()
    assert (np.diff(halvings) >= 0).all()
    for epoch in range(400):
        e = X @ coef[epoch] + intercept[epoch] - y
        expected = coef[epoch] - rates[epoch + 1] * (X.T @ e) / len(y)
        np.testing.assert_allclose(coef[epoch + 1], expected, rtol=1e-9, atol=1e-12)
        assert run.costs[epoch] == pytest.approx(0.5 * np.mean(e * e), rel=1e-12)


@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("history_every", [1, 3])
def test_all_epochs_are_done_in_the_end(data, batch_size, history_every):
    X, y = data
    options = {"epochs": 400, "batch_size": batch_size, "seed": 0, "history": "objective", "solver": "loop"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gdfast.DivergenceWarning)  # a rate of 1.25 is too high for mini-batches
        run = gdfast.fit(X, y, learning_rate=10.0, on_divergence="backtrack", history_every=history_every, **options)
    assert run.diverged_at is not None
    assert np.isfinite(run.costs).all()
    assert (np.diff(run.cost_epochs) > 0).all()
    assert run.stop_reason == "epochs"
    assert run.epochs == 400


def test_a_divergence_halves_the_rate_once(make_descent):
    descent = make_descent(learning_rate=10.0, on_divergence="backtrack", epochs=10**4)
    descent.begin()
    while descent.diverged_at is None:
        assert descent.backtracking.halvings == 0
        descent.run_chunk(10**4)
    assert descent.backtracking.halvings == 1
    assert descent.reason is None
    assert descent.state.epoch == descent.backtracking.lowest.epoch
    assert descent.rates.take(1).tolist() == [5.0]
