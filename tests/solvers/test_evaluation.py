"""Evaluation of an iterate: J, the loss, the norm of the gradient, the validation cost, and threads that end."""

import threading

import numpy as np
import pytest

import gdfast
from gdfast.formulas.losses import LOSSES
from gdfast.solvers.evaluation import Evaluator, norm, objective_at

RNG = np.random.default_rng(7)
WEIGHTS = RNG.uniform(0.1, 2.0, 40)
FACTORS = [0.5, 0.0, 3.0]
W, B = np.array([[0.7, -1.1, 0.2]]), np.array([0.4])
SMOOTH = [name for name, loss in LOSSES.items() if loss.curvature is not None or loss.inverse_link]
COMPILED = gdfast.backends.available()["cython"] is None


@pytest.fixture
def make_evaluator(prepared):
    def make(**options):
        return Evaluator(*prepared(**options))

    return make


def targets(loss):
    """Return targets of 40 rows that a loss takes."""
    if LOSSES[loss].coupled:
        return RNG.integers(0, 3, 40)
    return RNG.integers(0, 2, 40) if LOSSES[loss].classification else RNG.poisson(2.0, 40) + 0.5


@pytest.mark.parametrize(("penalty", "l1"), [("l1", 1.0), ("l2", 0.0), ("elasticnet", 0.3)])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_the_objective_is_the_weighted_mean_loss_and_the_penalty(
    make_evaluator, prepared, quick_backend, loss, weights, penalty, l1
):
    y = targets(loss)
    options = {"penalty": penalty, "l1_ratio": 0.3, "alpha": 0.6, "penalty_factors": FACTORS}
    options |= {"y": y, "loss": loss, "sample_weight": weights, "backend": quick_backend}
    evaluator, (problem, plan) = make_evaluator(**options), prepared(**options)
    z = problem.X @ W[0] + B[0]
    losses = (z - y) ** 2 / 2 if loss == "squared_error" else np.log(1 + np.exp(np.where(y == 1, -z, z)))
    mean = np.average(losses, weights=weights)
    J = mean + 0.6 * np.sum(FACTORS * (l1 * np.abs(W[0]) + (1 - l1) * W[0] ** 2 / 2))
    assert evaluator.objective(W, B) == pytest.approx(J, rel=1e-13)
    assert evaluator.objective(W, B, gradient=True) == evaluator.objective(W, B) == objective_at(problem, plan, W, B)
    assert evaluator.loss(W, B) == pytest.approx(mean, rel=1e-13)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("loss", SMOOTH)
def test_the_gradient_norm_is_that_of_a_numerical_derivative(make_evaluator, quick_backend, loss, fit_intercept):
    backend = "numpy" if LOSSES[loss].coupled else quick_backend
    options = {"penalty": "l2", "alpha": 0.6, "penalty_factors": FACTORS, "sample_weight": WEIGHTS, "loss": loss}
    evaluator = make_evaluator(y=targets(loss), fit_intercept=fit_intercept, backend=backend, **options)
    k, h = 3 if LOSSES[loss].coupled else 1, 1e-5
    point, slopes = RNG.normal(size=(k, 4)), np.zeros((k, 4))
    point[:, 3] *= fit_intercept
    for place in np.ndindex(k, 3 + fit_intercept):
        ends = [point.copy(), point.copy()]
        ends[0][place] += h
        ends[1][place] -= h
        high, low = (evaluator.objective(end[:, :3].copy(), end[:, 3].copy()) for end in ends)
        slopes[place] = (high - low) / (2 * h)
    evaluator.objective(point[:, :3].copy(), point[:, 3].copy(), gradient=True)
    assert evaluator.gradient_norm(point[:, :3].copy()) == pytest.approx(np.linalg.norm(slopes), rel=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_the_gradient_norm_is_the_rate_of_the_steepest_descent_within_the_bounds(make_evaluator, alpha):
    """J has a slope upwards and one downwards along each coefficient; a step is possible where a bound allows it."""
    for w in np.array([[0.0, 0.0, 0.0], [0.7, 0.0, -0.2], [2.0, -3.0, 0.0], [0.7, -1.1, 0.2]]):
        for low, high in ((w - 1.0, w + 1.0), (w, w + 1.0), (w - 1.0, w), (w, w)):
            options = {"penalty": "l1", "alpha": alpha, "penalty_factors": FACTORS} if alpha else {}
            evaluator = make_evaluator(bounds=(low, high), **options)
            error = evaluator.kernels.X @ w + B[0] - evaluator.kernels.Y[:, 0]
            g, kink = evaluator.kernels.X.T @ error / 40, alpha * np.array(FACTORS)
            upwards = -(g + np.where(w >= 0, kink, -kink)) * (w < high)
            downwards = (g + np.where(w > 0, kink, -kink)) * (w > low)
            rates = np.maximum(0.0, np.maximum(upwards, downwards))
            evaluator.objective(w[None], B, gradient=True)
            expected = np.linalg.norm([*rates, error.mean()])
            assert evaluator.gradient_norm(w[None]) == pytest.approx(expected, rel=1e-12)


def test_the_validation_cost_is_the_weighted_mean_loss_without_penalty(make_evaluator, quick_backend):
    V, v, s = RNG.normal(size=(9, 3)), RNG.normal(size=9), RNG.uniform(0.1, 2.0, 9)
    options = {"penalty": "elasticnet", "alpha": 0.6, "sample_weight": WEIGHTS, "backend": quick_backend}
    cost = make_evaluator(validation=(V, v, s), **options).validation_cost(W, B)
    assert cost == pytest.approx(np.average((V @ W[0] + B[0] - v) ** 2 / 2, weights=s), rel=1e-13)


def test_a_cost_overflows_where_the_sum_that_it_is_the_mean_of_does(make_evaluator):
    evaluator = make_evaluator()
    costs = [1.0, 1e306, 4.4e306, 4.6e306, np.inf, np.nan]  # 40 rows; the largest number is about 1.8e308
    assert [evaluator.overflows(cost) for cost in costs] == [False, False, False, True, True, True]


@pytest.mark.skipif(not COMPILED, reason="threads are the compiled core's")
def test_threads_end_with_close_and_begin_again(make_evaluator):
    before, options = threading.active_count(), {"rows": 8000, "validation": 0.5, "backend": "cython"}
    alone, evaluator = make_evaluator(**options), make_evaluator(n_threads=3, **options)
    expected = alone.objective(W, B, gradient=True), alone.gradient_norm(W), alone.validation_cost(W, B)
    assert threading.active_count() == before
    evaluator.close()
    for _ in range(2):
        assert (evaluator.objective(W, B, gradient=True), evaluator.gradient_norm(W)) == expected[:2]
        of_training = threading.active_count()
        assert evaluator.validation_cost(W, B) == expected[2]
        assert before < of_training < threading.active_count() <= before + 4
        evaluator.close()
        assert threading.active_count() == before


def test_a_cost_that_is_asked_for_alone_leaves_no_threads(prepared, monkeypatch):
    closed = []
    monkeypatch.setattr(Evaluator, "close", lambda self: closed.append(self))
    objective_at(*prepared(), W, B)
    assert len(closed) == 1


@pytest.mark.parametrize("options", [{"solver": "loop"}, {"batch_size": 7, "history": "objective"}], ids=str)
def test_the_objective_is_the_cost_that_an_epoch_computes_to_the_bit(prepared, quick_backend, options):
    problem, plan = prepared(backend=quick_backend, **options)
    fitted = {"epochs": 7, "learning_rate": 0.1, "seed": 0, "backend": quick_backend, **options}
    run = gdfast.fit(problem.X, problem.Y[:, 0], **fitted)
    assert objective_at(problem, plan, run.coef[None], np.array([run.intercept])) == run.costs[-1]


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e-310, 1e200, 1e307])
def test_a_norm_whose_squares_are_no_floats(size):
    assert norm(np.array([3.0 * size]), np.array([[0.0, 4.0 * size]])) == pytest.approx(5.0 * size, rel=1e-12)


def test_a_norm_that_is_no_number_stays_none():
    assert norm(np.zeros(0)) == norm(np.zeros(3)) == 0.0
    assert norm(np.array([np.inf, 1.0])) == np.inf
    assert np.isnan(norm(np.array([np.nan, 1.0])))
    assert norm(np.full(4, 1e308)) == np.inf


def test_a_gradient_whose_square_overflows_is_recorded_without_a_warning():
    options = {"epochs": 1, "batch_size": 1, "learning_rate": 1e-300, "history": "objective", "gradient_tol": 1e-3}
    run = gdfast.fit([[1.0], [1.0]], [0.0, 1.0], loss="poisson", coef_init=[400.0], record="gradient_norm", **options)
    np.testing.assert_allclose(run.history["gradient_norm"], np.sqrt(2.0) * np.exp(400.0), rtol=1e-12)
