import warnings

import numpy as np
import pytest

import gdfast
from gdfast.solvers.loop.backtracking import MOST_HALVINGS, Backtracking


def test_the_first_of_the_lowest_costs_is_kept_with_its_chunks_snapshot():
    backtracking = Backtracking(True)
    backtracking.note(0, np.array([3.0, 2.0, 2.5]), {"chunk": 0})
    backtracking.note(3, np.array([2.0, 1.0, 1.0]), {"chunk": 1})
    backtracking.note(6, np.array([1.0]), {"chunk": 2})
    backtracking.note(7, np.empty(0), {"chunk": 3})
    assert backtracking.lowest == (1.0, 4, {"chunk": 1})


def test_it_is_possible_sixty_times_where_it_is_wanted():
    backtracking = Backtracking(True)
    assert not backtracking.possible  # no cost is known
    backtracking.note(0, np.array([1.0]), {})
    for halvings in range(MOST_HALVINGS):
        backtracking.halvings = halvings
        assert backtracking.possible
        assert backtracking.factor == 0.5**halvings
    backtracking.halvings = MOST_HALVINGS
    assert not backtracking.possible
    unwanted = Backtracking(False)
    unwanted.note(0, np.array([1.0]), {})
    assert unwanted.lowest is None
    assert not unwanted.possible


def test_the_history_is_one_descent_whose_rate_was_halved_where_it_diverged(data):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
        run = gdfast.fit(
            X, y, learning_rate=10.0, epochs=400, on_divergence="backtrack", record=("coef", "learning_rate")
        )
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
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
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
