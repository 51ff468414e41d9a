"""The loop as a solver: its result while it runs."""

import numpy as np
import pytest

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.prepare import prepare

ROOT = np.random.default_rng(2)
X, Y = ROOT.normal(size=(30, 4)), ROOT.normal(size=30)


def make(**options):
    options = {**DEFAULTS, "epochs": 40, "learning_rate": 0.05, "seed": 1, **options}
    problem, plan = prepare(X, Y, None, options)
    return Loop(problem, plan), plan


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"batch_size": 7, "average": 1, "history_every": 4}])
def test_a_checkpoint_is_the_result_of_a_fit_that_ended_there(options):
    loop, _ = make(**options)
    loop.descent.begin()
    for epoch in (1, 6):  # averaging begins after the first
        while loop.state.epoch < epoch:
            loop.descent.run_chunk(epoch)
    before = loop.descent.snapshot()
    result = loop.result_so_far()
    fitted = gdfast.fit(X, Y, epochs=6, learning_rate=0.05, seed=1, solver="loop", **options)
    assert result.stop_reason == "interrupted"
    assert result.estimate[0][0].tobytes() == fitted.coef.tobytes()
    assert result.history.costs().tobytes() == fitted.costs.tobytes()
    assert result.history.epochs().tolist() == fitted.cost_epochs.tolist()
    for name, value in loop.descent.snapshot()["state"].items():
        np.testing.assert_array_equal(value, before["state"][name])
    while not loop.descent.finished():
        loop.descent.run_chunk(40)
    whole = gdfast.fit(X, Y, epochs=40, learning_rate=0.05, seed=1, solver="loop", **options)
    assert loop.state.estimate()[0][0].tobytes() == whole.coef.tobytes()
    assert loop.result().history.costs().tobytes() == whole.costs.tobytes()
