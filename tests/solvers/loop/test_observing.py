"""What is computed where an epoch ends: the gradient for gradient_tol, the best validation cost, the cost to watch."""

import numpy as np
import pytest

ITERATES = np.array([[0.0, 0.0, 0.0], [0.5, -1.0, 0.2], [1.0, -2.0, 0.5], [1.0, -2.0, 0.5], [2.0, 1.0, 0.0]])
RNG = np.random.default_rng(4)
VALIDATION = (RNG.normal(size=(12, 3)), RNG.normal(size=12), RNG.uniform(0.1, 2.0, 12))


def half_square(X, y, w, b=0.25, weights=1.0):
    return np.mean(weights * (X @ w + b - y) ** 2 / 2)


def test_gradient_tol_is_met_where_the_norm_is_at_most_that(make_observer, at):
    observer = make_observer(record="gradient_norm")
    at(observer, 1, ITERATES[1])
    norm = float(observer.recorder.history.table()["gradient_norm"][0])
    for tol, met in ((norm, True), (np.nextafter(norm, 0.0), False), (0.0, False)):
        assert at(make_observer(gradient_tol=tol), 1, ITERATES[1]).at_minimum is met
    assert not at(observer, 2, ITERATES[1]).at_minimum
    *w, b = np.linalg.lstsq(np.column_stack([observer.X, np.ones(40)]), observer.y, rcond=None)[0]
    assert at(make_observer(gradient_tol=1e-13), 1, w, b).at_minimum


def test_the_first_of_the_lowest_validation_costs_is_the_best(make_observer, at):
    observer, costs = make_observer(validation=VALIDATION), []
    V, v, s = VALIDATION
    order = [0, 4, 2, 1, 3, 4]
    for epoch, number in enumerate(order):
        costs.append(half_square(V, v, ITERATES[number], weights=s / s.mean()))
        assert at(observer, epoch, ITERATES[number]).watched == pytest.approx(costs[-1], rel=1e-12)
    best = observer.best
    assert best.epoch == int(np.argmin(costs))
    assert best.cost == pytest.approx(min(costs), rel=1e-12)
    np.testing.assert_array_equal(best.W[0], ITERATES[order[best.epoch]])
    equal = make_observer(validation=VALIDATION)
    for epoch in (2, 3):
        at(equal, epoch, ITERATES[epoch])
    assert equal.best.epoch == 2


def test_validation_is_that_of_coef_and_not_of_the_iterate(make_observer, at):
    observer = make_observer(validation=VALIDATION, average=True)
    observer.state.begin_mean()
    observer.state.A[:] = [[1.0, -2.0, 0.5, 0.125]]
    seen = at(observer, 3, ITERATES[4])
    expected = half_square(*VALIDATION[:2], ITERATES[2], 0.125, VALIDATION[2] / VALIDATION[2].mean())
    assert seen.watched == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(observer.best.W[0], ITERATES[2])


def test_a_cost_that_the_kernels_know_is_not_computed_again(make_observer, at):
    stochastic = make_observer(batch_size=7, history="objective", gradient_tol=0.0)
    cost = half_square(stochastic.X, stochastic.y, ITERATES[1])
    seen = at(stochastic, 1, ITERATES[1])
    assert (seen.cost, seen.watched) == (pytest.approx(cost), pytest.approx(cost))
    for record in ("coef_norm", "gradient_norm"):
        known = make_observer(batch_size=7, history="objective", record=record)
        known.recorder.latest[1] = 123.0
        if record == "coef_norm":
            known.evaluator.objective = None  # which is not called
        assert at(known, 1, ITERATES[1]).watched == 123.0
        assert known.recorder.history.table()["cost"].tolist() == [123.0]
    full = make_observer(gradient_tol=0.0)
    assert at(full, 1, ITERATES[1])[1:3] == (None, None)  # the next chunk begins with this cost
    assert full.recorder.latest == {1: pytest.approx(cost)}


def test_where_costs_are_running_means_j_is_not_watched(make_observer, at):
    running = make_observer(batch_size=7, gradient_tol=0.0)
    running.recorder.latest[1] = 123.0  # which the rules have had from the kernels
    assert at(running, 1, ITERATES[1])[1:3] == (None, None)
    assert running.recorder.latest == {1: 123.0}


def test_which_epochs_are_observed(make_observer, at):
    for options in ({"gradient_tol": 0.1}, {"validation": VALIDATION}):
        observer = make_observer(history_every=4, record="coef", **options)
        assert observer.active
        assert [observer.next_stop(epoch) for epoch in (0, 1, 4)] == [1, 2, 5]
    assert make_observer(gradient_tol=0.1).active
    rows, none = make_observer(history_every=4, record="coef"), make_observer()
    at(rows, 0, ITERATES[0])
    assert (rows.active, [rows.next_stop(epoch) for epoch in (0, 1, 4)]) == (True, [4, 4, 8])
    assert (none.active, none.next_stop(0)) == (False, None)
