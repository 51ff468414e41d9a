"""The monitor: where a chunk must end, what is done between two, and the reason to stop."""

import math
import signal
import time

import numpy as np
import pytest

from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.monitoring import monitor as module
from gdfast.solvers.monitoring.monitor import Monitor


@pytest.fixture
def make_monitor(prepared):
    """Return a function of fit's options that returns a monitor with a solver, and what it writes."""

    def make(started=None, shows=False, write=None, epoch=0, **options):
        problem, plan = prepared(**({"checkpoint": "a path"} | options if write else options))
        monitor = Monitor(plan, time.perf_counter() if started is None else started, shows, write)
        solver = Loop(problem, plan)
        solver.state.advance(epoch * solver.state.steps_per_epoch)
        monitor.attach(solver)
        return monitor

    return make


def test_the_logger_gdfast_is_told_what_begins(make_monitor, caplog):
    with caplog.at_level("DEBUG", "gdfast"):
        make_monitor(epoch=2, epochs=7, backend="numpy")
    assert caplog.messages == ["descent from epoch 2 to 7 on numpy"]


def move(monitor, epoch):
    """Move the solver to the end of an epoch, and do what is due there."""
    state = monitor.solver.state
    state.advance(epoch * state.steps_per_epoch - state.steps)
    return monitor.between_chunks()


def never(state):
    return False


def test_a_chunk_ends_where_the_first_of_callbacks_and_checkpoints_is_due(make_monitor):
    both = make_monitor(write=[].append, callbacks=never, callback_every=3, checkpoint_every=4)
    assert [both.next_stop(epoch) for epoch in (0, 3, 4, 6, 8)] == [3, 4, 6, 8, 9]
    assert make_monitor(callbacks=never, callback_every=3).next_stop(3) == 6
    assert make_monitor(write=[].append, checkpoint_every=4).next_stop(3) == 4
    assert make_monitor(callbacks=never).next_stop(3) is None


def test_events_come_in_order_with_a_checkpoint_at_the_start(make_monitor):
    seen = []

    class Events:
        def on_start(self, state):
            seen.append(("start", state.epoch))

        def on_chunk(self, state):
            seen.append(("chunk", state.epoch))

        def on_end(self, state):
            seen.append(("end", state.epoch))

    def write(result):
        seen.append(("file", result.epochs))

    options = {"callbacks": Events(), "callback_every": 2, "checkpoint_every": 4}
    monitor = make_monitor(write=write, **options)
    with monitor:
        monitor.start()
        assert [move(monitor, epoch) for epoch in (1, 2, 4, 5)] == [None] * 4
        monitor.end()
    assert seen == [("file", 0), ("start", 0), ("chunk", 2), ("chunk", 4), ("file", 4), ("end", 5)]
    seen.clear()
    resumed = make_monitor(write=write, epoch=4, **options)
    assert resumed.between_chunks() is None
    assert seen == []  # they were there when training ended


def test_an_interrupt_comes_before_a_callback_and_both_before_the_time_limit(make_monitor):
    options = {"callbacks": lambda state: True, "callback_every": 1}
    assert move(make_monitor(), 1) is None
    assert move(make_monitor(max_seconds=60.0), 1) is None
    late = make_monitor(time.perf_counter() - 2.0, max_seconds=1.0)
    assert move(late, 1) == "max_seconds"
    asked = make_monitor(time.perf_counter() - 2.0, max_seconds=1.0, **options)
    assert move(asked, 1) == "callback"
    asked.interrupt.noted = True
    assert move(asked, 2) == "interrupted"


def test_ctrl_c_is_noted_within_a_training_alone(make_monitor):
    handler, monitor = signal.getsignal(signal.SIGINT), make_monitor()
    with monitor:
        signal.raise_signal(signal.SIGINT)
        assert monitor.between_chunks() == "interrupted"
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_callback_sees_the_training_and_cannot_change_it(make_monitor):
    monitor = make_monitor(rows=30, penalty="l2", alpha=0.4, batch_size=7, epochs=9, learning_rate=0.25)
    solver, w, b = monitor.solver, np.array([1.0, -1.0, 2.0]), 0.5
    solver.state.W[:], solver.state.b[:] = w, b
    solver.state.advance(12)  # of 5 an epoch
    seen = monitor.callback_state()
    assert (seen.epoch, seen.epochs, seen.steps, seen.learning_rate) == (2, 9, 12, 0.25)
    assert (seen.coef.tolist(), seen.intercept) == ([1.0, -1.0, 2.0], 0.5)
    seen.coef[:] = 99.0
    error = solver.problem.X @ w + b - solver.problem.Y[:, 0]
    assert seen.cost == pytest.approx(np.mean(error**2) / 2 + 0.2 * 6.0)
    assert solver.state.W.max() == 2.0
    monitor.started -= 100.0
    assert 100.0 <= monitor.callback_state().seconds < math.inf


def test_progress_is_that_of_the_solver_and_ends_with_the_training(make_monitor, monkeypatch):
    seen = []

    class Bar:
        def __init__(self, epochs, wanted, done):
            seen.append((epochs, wanted, done))

        def show(self, *known):
            seen.append(known)

        def __exit__(self, *error):
            seen.append("closed")

    monkeypatch.setattr(module, "ProgressBar", Bar)
    with make_monitor(shows=True, epoch=3, epochs=20, learning_rate=0.25) as monitor:
        move(monitor, 5)
        monitor.solver.descent.recorder.add(8, np.array([1.5]))
        move(monitor, 8)
        monitor.end()
    assert seen == [(20, True, 3), (5, 0.25, None), (8, 0.25, 1.5), (8, 0.25, 1.5), "closed"]
