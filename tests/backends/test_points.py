"""Sums of losses and their gradients at several points at once: every backend against sums without rounding."""

import math

import numpy as np
import pytest

import gdfast
from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import TimeLimit
from gdfast.backends import load
from gdfast.data.csr import features
from gdfast.data.problem import make_problem
from gdfast.formulas.constants import POINTS_ROWS
from gdfast.formulas.losses import LOSSES, log_normalised
from gdfast.options.model import Model

HERE = [
    pytest.param(name, marks=[pytest.mark.numba] if name == "numba" else [])
    for name, missing in gdfast.backends.available().items()
    if missing is None
]
SMOOTH = [name for name, loss in LOSSES.items() if loss.smooth]


def made(loss, n, d, *, weighted=False, sparse=False, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if sparse:
        X = pytest.importorskip("scipy.sparse").csr_matrix(X * (rng.random((n, d)) < 0.4))
    if LOSSES[loss].classification:
        y = np.arange(n) % (3 if LOSSES[loss].coupled else 2)
    else:
        y = rng.uniform(0.1, 3.0, (n, 2) if LOSSES[loss].several_outputs else n)
    c = 1.5 if loss == "tweedie" else 0.0
    problem = make_problem(features("X", X), y, loss, rng.uniform(0, 2, n) if weighted else None, c)
    return problem, Model(loss, c, 0.0, 0.0, True, "gd", 0.0), rng


def exact_sums(problem, model, point):
    """Return the sum of s_i loss_i and its gradient, each summed without rounding."""
    X = problem.X if isinstance(problem.X, np.ndarray) else problem.X @ np.eye(problem.X.shape[1])
    s = np.ones(len(X)) if problem.weights is None else problem.weights
    Z = X @ point[:, :-1].T + point[:, -1]
    Z = log_normalised(Z) if model.formulas.coupled else Z
    values = s[:, None] * model.formulas.value(problem.Y, Z, model.c)
    R = s[:, None] * model.formulas.gradient(problem.Y, Z, model.c)
    A = np.column_stack([X, np.ones(len(X))])
    gradient = [[math.fsum(R[:, o] * A[:, j]) for j in range(A.shape[1])] for o in range(R.shape[1])]
    return math.fsum(values.ravel()), np.array(gradient)


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(("n", "d", "count"), [(4, 1, 1), (37, 3, 8), (300, 9, 33), (11, 70, 70)])
def test_sums_at_points(backend, loss, sparse, n, d, count):
    problem, model, rng = made(loss, n, d, weighted=count % 2 == 1, sparse=sparse)
    points = rng.normal(size=(count, problem.Y.shape[1], d + 1)) / math.sqrt(d)
    sums, gradients = load(backend).Kernels(problem, model).sums_at_points(points)
    assert sums.shape == (count,)
    none, alone = load(backend).Kernels(problem, model).sums_at_points(points, costs=False)
    assert none is None
    assert alone == pytest.approx(gradients, rel=1e-13, abs=1e-14 * abs(gradients).max())
    for i in {0, count // 2, count - 1}:
        total, gradient = exact_sums(problem, model, points[i])
        assert sums[i] == pytest.approx(total, rel=1e-13)
        assert gradients[i] == pytest.approx(gradient, rel=1e-12, abs=1e-13 * abs(gradient).max())


@pytest.mark.parametrize("backend", HERE)
def test_a_point_does_not_depend_on_the_others_or_on_threads(backend):
    problem, model, rng = made("log_loss", 100, 5)
    points = rng.normal(size=(40, 1, 6))
    sums, gradients = load(backend).Kernels(problem, model).sums_at_points(points)
    for n_threads in (2, 3):
        kernels = load(backend).Kernels(problem, model, True, n_threads)
        kernels.helpers = n_threads - 1  # so few rows would go without
        others = kernels.sums_at_points(points)
        kernels.close()
        assert others[0].tobytes() == sums.tobytes()
        assert others[1].tobytes() == gradients.tobytes()
    if backend == "cython":
        few = load(backend).Kernels(problem, model).sums_at_points(points[3:5])
        assert few[0].tobytes() == sums[3:5].tobytes()
        assert few[1].tobytes() == gradients[3:5].tobytes()


@pytest.mark.parametrize("backend", HERE)
def test_large_sums_lose_nothing_to_rounding(backend):
    problem, model, _ = made("squared_error", 20_000, 1)
    points = np.full((1, 2, 2), 1e8)
    sums, gradients = load(backend).Kernels(problem, model).sums_at_points(points)
    total, gradient = exact_sums(problem, model, points[0])
    assert sums[0] == pytest.approx(total, rel=3e-15)
    assert gradients[0] == pytest.approx(gradient, rel=3e-15, abs=3e-15 * abs(gradient).max())


@pytest.mark.parametrize("backend", HERE)
def test_the_end_is_heard(backend):
    problem, model, _ = made("log_loss", 100, 2)
    kernels = load(backend).Kernels(problem, model)
    with TimeLimit(0.0), pytest.raises(EndIsDueError):
        kernels.sums_at_points(np.zeros((2, 1, 3)))


@pytest.mark.skipif(gdfast.backends.available()["cython"] is not None, reason="no compiled core here")
def test_arrays_that_do_not_fit_are_refused():
    from gdfast._core import descent

    problem, model, _ = made("log_loss", 100, 2)
    kernels = load("cython").Kernels(problem, model)
    W, work, sums, gradient = (
        np.zeros((1, 3, 8)),
        np.zeros(5 * POINTS_ROWS * 8),
        np.zeros((2, 8)),
        np.zeros((2, 1, 3, 8)),
    )
    descent.sums_at_points(kernels.passes, kernels.compiled, 0, 100, W, work, sums, gradient)
    for wrong in (
        (0, 101, W, work, sums, gradient),
        (-1, 10, W, work, sums, gradient),
        (0, 100, W[:, :2].copy(), work, sums, gradient),
        (0, 100, W, work[:-1].copy(), sums, gradient),
        (0, 100, W, work, sums[:1].copy(), gradient),
        (0, 100, W, work, sums, gradient[:1].copy()),
        (0, 100, np.zeros((1, 3, 7)), work, np.zeros((2, 7)), np.zeros((2, 1, 3, 7))),
        (0, 100, np.zeros((1, 3, 40)), np.zeros(5 * POINTS_ROWS * 40), np.zeros((2, 40)), np.zeros((2, 1, 3, 40))),
    ):
        with pytest.raises(TypeError, match="do not fit"):
            descent.sums_at_points(kernels.passes, kernels.compiled, *wrong)
