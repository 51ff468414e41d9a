import numpy as np
import pytest

import gdfast
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.prepare import prepare


def test_nothing_is_computed_where_nothing_is_asked_for(make_descent):
    assert not make_descent().observer.active
    assert make_descent().observer.next_stop(3) is None
    assert make_descent(gradient_tol=1e-3).observer.next_stop(3) == 4
    assert make_descent(record="coef", history_every=5).observer.next_stop(3) == 5


def test_a_gradient_below_gradient_tol_is_a_minimum(make_descent, data):
    X, y = data
    descent = make_descent(gradient_tol=0.5)
    e = X @ descent.state.W[0] - y
    norm = np.hypot(np.linalg.norm(X.T @ e), e.sum()) / len(y)
    for tol, expected in ((1.001 * norm, True), (0.999 * norm, False)):
        assert make_descent(gradient_tol=tol).observer.observe().at_minimum is expected


def test_columns_are_those_of_the_definition(data):
    X, y = data
    options = {"epochs": 12, "learning_rate": gdfast.Exponential(0.2, 0.9), "penalty": "l2", "alpha": 0.3}
    record = ("learning_rate", "gradient_norm", "coef_norm", "coef")
    run = gdfast.fit(X, y, record=record, validation=(X[:5], y[:5]), solver="loop", **options)
    for row in range(13):
        coef, b = run.history["coef"][row], run.history["intercept"][row]
        e, h = X @ coef + b - y, run.history
        gradient = np.append(X.T @ e / len(y) + 0.3 * coef, e.mean())
        assert h["cost"][row] == pytest.approx(0.5 * np.mean(e * e) + 0.15 * coef @ coef, rel=1e-13)
        assert h["gradient_norm"][row] == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
        assert h["coef_norm"][row] == pytest.approx(np.linalg.norm(coef), rel=1e-14)
        assert h["validation_cost"][row] == pytest.approx(0.5 * np.mean(e[:5] ** 2), rel=1e-13)
        assert h["learning_rate"][row] == pytest.approx(0.2 * 0.9 ** (row - 1), rel=1e-14) if row else True
    assert np.isnan(run.history["learning_rate"][0])


def test_the_best_epoch_is_the_first_of_the_lowest(data):
    X, y = data
    options = {**gdfast.fit.__kwdefaults__, "learning_rate": 0.1, "validation": (X[:5], y[:5]), "epochs": 9}
    problem, plan = prepare(X, y, None, options)
    descent = Descent(problem, plan, Evaluator(problem, plan))
    costs = iter([3.0, 1.0, 2.0, 1.0, 0.5, 0.5])
    descent.evaluator.validation_cost = lambda W, b: next(costs)
    best = []
    for epoch in range(6):
        descent.state.epoch = epoch
        descent.observer.validated()
        best.append(descent.observer.best.epoch)
    assert best == [0, 1, 1, 1, 4, 4]


def test_an_infinite_cost_is_a_bad_epoch(make_descent):
    descent = make_descent(gradient_tol=1e-3)
    descent.state.W[:] = 1e200
    assert descent.observer.observe().bad
