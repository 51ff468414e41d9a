"""Ctrl-C during a fit returns the run so far, or raises KeyboardInterrupt."""

import math
import os
import signal
import threading

import pytest

import gdfast


def press(after):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.numba_case(options={"batch_size": 1})
@pytest.mark.parametrize("options", [{"loss": "log_loss"}, {"solver": "loop"}, {"batch_size": 1}], ids=str)
def test_ctrl_c_returns_what_was_done(options, backend, X, Y, labels, assert_same):
    y = labels if "loss" in options else Y
    gdfast.fit(X, y, epochs=2, backend=backend, learning_rate=0.001, **options)  # whatever is compiled is compiled now
    handler = signal.getsignal(signal.SIGINT)
    press(0.3)
    run = gdfast.fit(X, y, epochs=10**9, backend=backend, learning_rate=0.001, seed=1, **options)
    assert run.stop_reason == "interrupted"
    assert math.isfinite(run.cost)
    assert 0 < run.epochs < 10**9
    assert signal.getsignal(signal.SIGINT) is handler
    target = run.epochs + 3
    assert_same(run.resume(3), gdfast.fit(X, y, epochs=target, backend=backend, learning_rate=0.001, seed=1, **options))


def test_ctrl_c_may_raise(X, Y):
    press(0.2)
    with pytest.raises(KeyboardInterrupt):
        gdfast.fit(X, Y, epochs=10**9, solver="loop", interrupt="raise")
