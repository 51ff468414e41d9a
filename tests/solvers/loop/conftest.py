"""Small problems and the parts of a descent on them."""

import numpy as np
import pytest

from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.backtracking import Backtracking
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.loop.observing import Observer
from gdfast.solvers.loop.rates import Rates
from gdfast.solvers.loop.recording import Recorder
from gdfast.solvers.prepare import prepare

ROOT = np.random.default_rng(2)
X = ROOT.normal(size=(30, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 + 0.1 * ROOT.normal(size=30)


@pytest.fixture
def make_descent():
    """Return a function of fit's options that makes a Descent at its start."""

    def make(rows=30, **options):
        options = {**DEFAULTS, "epochs": 50, "learning_rate": 0.05, "seed": 1, **options}
        problem, plan = prepare(np.resize(X, (rows, 4)), np.resize(Y, rows), None, options)
        return Descent(problem, plan, Evaluator(problem, plan))

    return make


@pytest.fixture
def data():
    return X, Y


@pytest.fixture
def make_observer(prepared, start):
    """Return a function of fit's options that returns an Observer with its data."""

    def make(**options):
        problem, plan = prepared(**options)
        state, recorder = start(problem, plan), Recorder(plan, problem.dimensions)
        rates = Rates(plan, state, CostRules(plan), Backtracking(False))
        observer = Observer(plan, state, Evaluator(problem, plan), recorder, rates)
        observer.X, observer.y = problem.X, problem.Y[:, 0]
        return observer

    return make


@pytest.fixture
def at():
    """Return a function that moves an Observer to the end of an epoch, and returns what it observes there."""

    def observe(observer, epoch, w, b=0.25):
        state = observer.state
        state.advance(epoch * state.steps_per_epoch - state.steps)
        state.W[:], state.b[:] = w, b
        return observer.observe()

    return observe
