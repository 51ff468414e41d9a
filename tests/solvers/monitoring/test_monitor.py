import dataclasses
import signal
import time

import numpy as np
import pytest

import gdfast
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.prepare import prepare

ROOT = np.random.default_rng(2)
X, Y = ROOT.normal(size=(30, 4)), ROOT.normal(size=30)


def make(**options):
    options = {**gdfast.fit.__kwdefaults__, "epochs": 40, "learning_rate": 0.05, "seed": 1, **options}
    problem, plan = prepare(X, Y, None, options)
    return Loop(problem, plan), plan


def attached(loop, plan, **more):
    monitor = Monitor(plan, time.perf_counter(), **more)
    monitor.attach(loop)
    return monitor


def test_a_chunk_ends_at_the_next_callback_or_checkpoint():
    loop, plan = make(callbacks=lambda state: None, callback_every=4)
    monitor = attached(loop, dataclasses.replace(plan, checkpoint_every=6))
    assert [monitor.next_stop(epoch) for epoch in (0, 4, 6, 8)] == [4, 6, 8, 12]
    assert attached(*make()).next_stop(0) is None


def test_reasons_to_stop_in_their_order():
    loop, plan = make(callbacks=lambda state: True, callback_every=1, max_seconds=1e-9)
    loop.descent.run_chunk(1)
    monitor = attached(loop, plan)
    monitor.callbacks.last_epoch = 0
    monitor.interrupt.pressed = True
    assert monitor.between_chunks() == "interrupted"
    monitor.interrupt.pressed = False
    monitor.callbacks.last_epoch = 0
    assert monitor.between_chunks() == "callback"
    assert monitor.between_chunks() == "max_seconds"
    assert attached(*make()).between_chunks() is None


def test_ctrl_c_is_noted_while_the_solver_runs():
    monitor = attached(*make())
    with monitor:
        signal.raise_signal(signal.SIGINT)
        assert monitor.interrupt.pressed
        assert monitor.between_chunks() == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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


def test_a_callback_sees_a_copy():
    loop, plan = make(callbacks=lambda state: None)
    state = attached(loop, plan).callback_state()
    state.coef[:] = 7.0
    assert not loop.state.W.any()
    assert state.cost == pytest.approx(0.5 * np.mean(Y**2), rel=1e-14)  # of the coef that it had
