"""benchopt's solvers find the least of its objectives; a stub stands in where benchopt is not installed."""

import sys
import types
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

FOLDER = Path(__file__).parents[2] / "benchmarks" / "benchopt"
if not FOLDER.is_dir():
    pytest.skip("the benchmarks are not beside the tests", allow_module_level=True)


class BaseSolver:
    """As much of benchopt's as the solvers meet: parameters become attributes."""

    @classmethod
    def get_instance(cls, **parameters):
        solver = cls()
        for names, values in cls.parameters.items():
            vars(solver).update(zip(names.split(", "), values[0], strict=True))
        vars(solver).update(parameters)
        return solver


def solver_class(problem):
    """Return the class Solver of a file."""
    stub = types.ModuleType("benchopt")
    stub.BaseSolver = BaseSolver
    spec = spec_from_file_location(f"{problem}_solver", FOLDER / problem / "solvers" / "gdfast.py")
    module = module_from_spec(spec)
    with mock.patch.dict(sys.modules, {} if find_spec("benchopt") else {"benchopt": stub}):
        spec.loader.exec_module(module)
    return module.Solver


def ridge(X, y, w, b):
    e = y - X @ w - b
    return e @ e / 2


def logistic(X, y, w, b):
    return np.logaddexp(0.0, -y * (X @ w + b)).sum()


OBJECTIVES = {"benchmark_ridge": ridge, "benchmark_logreg_l2": logistic}


def objective(problem, X, y, lmbd, beta):
    """Return benchopt's objective of beta, which has the intercept last or none."""
    w, b = beta[: X.shape[1]], (beta[X.shape[1] :] if len(beta) > X.shape[1] else 0.0)
    return OBJECTIVES[problem](X, y, w, b) + lmbd * (w @ w) / 2


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("problem", OBJECTIVES)
def test_solvers_find_the_least(problem, fit_intercept, rng):
    X = rng.normal(size=(60, 4))
    y = np.where(X @ [1.0, -2.0, 0.5, 0.0] + 0.3 + rng.normal(size=60) > 0, 1.0, -1.0)
    solver = solver_class(problem).get_instance()
    solver.set_objective(X=X, y=y, lmbd=0.1, fit_intercept=fit_intercept)
    solver.run(0)
    start = solver.get_result()["beta"]
    assert start.shape == (4 + fit_intercept,)
    assert not start.any()
    solver.run(3000)
    least = minimize(lambda beta: objective(problem, X, y, 0.1, beta), start, tol=1e-12).fun
    np.testing.assert_allclose(objective(problem, X, y, 0.1, solver.get_result()["beta"]), least, rtol=1e-9)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("problem", OBJECTIVES)
def test_every_parameter_descends(problem, place, rng):
    X = csr_matrix(rng.normal(size=(60, 4)) * (rng.random((60, 4)) < 0.5))
    y = np.where(X @ [1.0, -2.0, 0.5, 0.0] > 0, 1.0, -1.0)
    kind = solver_class(problem)
    batch_size, optimizer = kind.parameters["batch_size, optimizer"][place]
    solver = kind.get_instance(batch_size=batch_size, optimizer=optimizer)
    solver.set_objective(X=X, y=y, lmbd=0.1, fit_intercept=False)
    solver.run(20)
    beta = solver.get_result()["beta"]
    assert objective(problem, X, y, 0.1, beta) < objective(problem, X, y, 0.1, np.zeros(4))


def test_ordinary_least_squares_has_no_lmbd(rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    solver = solver_class("benchmark_ridge").get_instance()
    solver.set_objective(X=X, y=y, fit_intercept=False)
    solver.run(2000)
    np.testing.assert_allclose(solver.get_result()["beta"], np.linalg.lstsq(X, y, rcond=None)[0], rtol=1e-9)
