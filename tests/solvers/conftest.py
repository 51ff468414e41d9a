"""Small problems, their plans, and chunks of updates, for the tests of the solvers' parts."""

import numpy as np
import pytest

import gdfast
from gdfast.backends import load
from gdfast.backends.state import State
from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.loop.chunks import Chunks
from gdfast.solvers.prepare import prepare

QUICK = [name for name in ("numpy", "cython") if gdfast.backends.available()[name] is None]


@pytest.fixture(params=QUICK)
def quick_backend(request):
    """Return a backend that compiles nothing."""
    return request.param


@pytest.fixture
def prepared():
    """Return a function of fit's options that returns the problem and the plan."""

    def make(rows=40, y=None, sample_weight=None, **options):
        rng = np.random.default_rng(1)
        X = rng.normal(size=(rows, 3))
        y = X @ [1.0, -2.0, 0.5] + 0.3 + rng.normal(size=rows) if y is None else y
        options = {"learning_rate": 0.1, "backend": "numpy", "seed": 0} | options
        return prepare(X, y, sample_weight, DEFAULTS | options)

    return make


@pytest.fixture
def start():
    """Return a function of a problem and a plan that returns the state before the first update."""

    def make(problem, plan):
        order = {"batch_size": plan.batch_size, "shuffle": plan.shuffle, "seed": plan.seed}
        return State(problem, plan.model, plan.coef, plan.intercept, average_gain=plan.average_gain, **order)

    return make


@pytest.fixture
def make_chunks(prepared, start):
    """Return a function of fit's options that returns the Chunks of a training."""

    def make(values=1, **options):
        problem, plan = prepared(**options)
        kernels = load(plan.backend).Kernels(problem, plan.model, plan.batch_size is None)
        return Chunks(kernels, start(problem, plan), plan, values)

    return make


@pytest.fixture
def run_chunk():
    """Return a function that runs a chunk of at most so many updates, by the plan's rates."""

    def run(chunks, target, size=10**6, wanted=lambda ending: np.zeros(0, dtype=bool)):
        state, taken = chunks.state, chunks.plan.rates.take

        def rates(steps):
            if chunks.plan.rates.by_step and chunks.plan.stochastic:
                return taken(state.steps, steps)
            return taken(state.epoch, -(-(state.position + steps) // state.steps_per_epoch))

        chunks.size = size
        return chunks.run(target, rates, wanted)

    return run
