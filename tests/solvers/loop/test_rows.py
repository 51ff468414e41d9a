"""Rows of the history: their columns are the values of their definitions."""

import numpy as np
import pytest

import gdfast

EVERYTHING = ("learning_rate", "gradient_norm", "coef_norm", "seconds", "coef")
ITERATES = np.array([[0.0, 0.0, 0.0], [0.5, -1.0, 0.2], [1.0, -2.0, 0.5], [2.0, 1.0, 0.0]])
RNG = np.random.default_rng(4)
VALIDATION = (RNG.normal(size=(12, 3)), RNG.normal(size=12), RNG.uniform(0.1, 2.0, 12))


def half_square(X, y, w, weights):
    return np.mean(weights * (X @ w + 0.25 - y) ** 2 / 2)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_columns_are_the_values_of_their_definitions(make_observer, at, quick_backend, batch_size):
    weights = RNG.uniform(0.1, 2.0, 40)
    options = {"penalty": "l2", "alpha": 0.3, "learning_rate": gdfast.InverseTime(0.5, 1.0), "history": "objective"}
    options |= {"record": EVERYTHING, "batch_size": batch_size, "backend": quick_backend, "validation": VALIDATION}
    observer = make_observer(sample_weight=weights, **options)
    for epoch, w in enumerate(ITERATES):
        assert not at(observer, epoch, w).bad
    columns, (X, y), weights = observer.recorder.history.table(), (observer.X, observer.y), weights / weights.mean()
    V, v, s = VALIDATION
    assert columns["epoch"].tolist() == [0, 1, 2, 3]
    assert columns["learning_rate"].tolist() == pytest.approx([np.nan, 0.5, 0.25, 0.5 / 3], nan_ok=True)
    np.testing.assert_array_equal(columns["coef"], ITERATES)
    np.testing.assert_array_equal(columns["intercept"], [0.25] * 4)
    assert (np.diff(columns["seconds"]) >= 0).all()
    for epoch, w in enumerate(ITERATES):
        error = weights * (X @ w + 0.25 - y)
        slopes = np.append(X.T @ error / 40 + 0.3 * w, error.mean())
        expected = {"cost": half_square(X, y, w, weights) + 0.15 * w @ w, "coef_norm": np.sqrt(w @ w)}
        expected["gradient_norm"] = np.sqrt(slopes @ slopes)
        expected["validation_cost"] = half_square(V, v, w, s / s.mean())
        assert {name: columns[name][epoch] for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [{"record": "coef"}, {"gradient_tol": 1.0}, {"validation": VALIDATION}], ids=list)
def test_a_cost_that_is_not_finite_makes_no_row(make_observer, at, options):
    observer = make_observer(**options)
    assert at(observer, 1, ITERATES[1] * 1e200) == (True, None, None, False)
    assert observer.recorder.history.rows == 0


def test_the_last_row_is_made_off_the_grid_where_it_is_missing(make_observer, at):
    plain = make_observer(history_every=4)
    plain.recorder.add(0, np.array([3.0, 2.0]))
    assert plain.last_row() is None
    plain.state.advance(1)
    assert plain.last_row() == {"cost": 2.0}
    plain.state.advance(1)
    assert plain.last_row() is None
    observer = make_observer(history_every=4, record="gradient_norm", batch_size=7)
    at(observer, 0, ITERATES[0])
    assert observer.last_row() is None
    at(observer, 1, ITERATES[1])
    every = make_observer(record="gradient_norm", batch_size=7)
    at(every, 1, ITERATES[1])
    assert observer.last_row()["gradient_norm"] == every.recorder.history.table()["gradient_norm"][0]
    observer.state.advance(1)
    assert observer.last_row() is None  # within an epoch
