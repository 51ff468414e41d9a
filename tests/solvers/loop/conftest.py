"""Small problems and the parts of a descent on them."""

import numpy as np
import pytest

import gdfast
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.prepare import prepare

ROOT = np.random.default_rng(2)
X = ROOT.normal(size=(30, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 + 0.1 * ROOT.normal(size=30)


@pytest.fixture
def make_descent():
    """Return a function of fit's options that makes a Descent at its start."""

    def make(rows=30, **options):
        options = {**gdfast.fit.__kwdefaults__, "epochs": 50, "learning_rate": 0.05, "seed": 1, **options}
        problem, plan = prepare(np.resize(X, (rows, 4)), np.resize(Y, rows), None, options)
        return Descent(problem, plan, Evaluator(problem, plan))

    return make


@pytest.fixture
def data():
    return X, Y
