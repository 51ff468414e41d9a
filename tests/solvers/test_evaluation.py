import dataclasses
import threading

import numpy as np
import pytest

import gdfast
from gdfast.solvers.evaluation import Evaluator, objective_at
from gdfast.solvers.prepare import prepare

HERE = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]
ROOT = np.random.default_rng(5)
X = ROOT.normal(size=(3000, 3))
Y = X @ [1.0, -2.0, 0.0] + ROOT.normal(size=3000)
WEIGHTS = ROOT.uniform(0.5, 2.0, size=3000)
W, B = np.array([[0.3, -0.2, 0.0]]), np.array([0.4])


def make(weights=None, **options):
    options = {**gdfast.fit.__kwdefaults__, "learning_rate": 0.1, **options}
    return prepare(X, Y, weights, options)


def objective(W, b, weights=None, l2=0.0, l1=0.0):
    s = np.ones(len(Y)) if weights is None else weights / weights.mean()
    return np.mean(s * 0.5 * (X @ W[0] + b - Y) ** 2) + 0.5 * l2 * (W * W).sum() + l1 * np.abs(W).sum()


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
def test_the_objective_and_its_gradient_are_those_of_the_definition(backend, weights, penalty):
    alpha, part = (0.0, 0.0) if penalty is None else (0.3, {"l2": 0.0, "l1": 1.0, "elasticnet": 0.25}[penalty])
    problem, plan = make(weights, penalty=penalty, alpha=alpha, l1_ratio=0.25, backend=backend)
    size = {"weights": weights, "l2": alpha * (1 - part), "l1": alpha * part}
    evaluator = Evaluator(problem, plan)
    assert evaluator.objective(W, B, gradient=True) == pytest.approx(objective(W, B, **size), rel=1e-13)
    gradient = np.empty(4)
    for j in range(3):
        step = np.zeros((1, 3))
        step[0, j] = 1e-6
        gradient[j] = (objective(W + step, B, **size) - objective(W - step, B, **size)) / 2e-6
    gradient[3] = (objective(W, B + 1e-6, **size) - objective(W, B - 1e-6, **size)) / 2e-6
    if size["l1"]:  # the third coefficient is at the kink: the smallest subgradient
        smooth = size | {"l1": 0.0}
        step = np.array([[0.0, 0.0, 1e-6]])
        slope = (objective(W + step, B, **smooth) - objective(W - step, B, **smooth)) / 2e-6
        gradient[2] = max(0.0, abs(slope) - size["l1"])
    assert evaluator.gradient_norm(W) == pytest.approx(np.linalg.norm(gradient), rel=1e-7)


@pytest.mark.parametrize("backend", HERE)
def test_it_is_the_cost_that_an_epoch_computes_to_the_bit(backend):
    for options in ({}, {"batch_size": 100}):
        problem, plan = make(backend=backend, **options)
        run = gdfast.fit(
            X, Y, epochs=7, learning_rate=0.1, backend=backend, seed=0, history="objective", solver="loop", **options
        )
        assert objective_at(problem, plan, run.coef[None], np.array([run.intercept])) == run.costs[-1]


@pytest.mark.skipif("cython" not in HERE, reason="threads are the compiled core's")
def test_threads_end_at_close_and_start_again():
    before = threading.active_count()
    problem, plan = make(validation=(X, Y), n_threads=3, backend="cython")
    evaluator, alone = Evaluator(problem, plan), Evaluator(problem, dataclasses.replace(plan, n_threads=1))
    for _ in range(2):
        assert evaluator.objective(W, B) == alone.objective(W, B)
        assert evaluator.validation_cost(W, B) == alone.validation_cost(W, B)
        assert threading.active_count() > before
        evaluator.close()
        assert threading.active_count() == before


def test_a_cost_whose_sum_overflows_is_no_cost():
    evaluator = Evaluator(*make())
    assert not evaluator.overflows(1e300)
    assert evaluator.overflows(1e305)
    assert evaluator.overflows(np.nan)
