"""Ctrl-C during a fit returns the run so far, or raises KeyboardInterrupt."""

import math
import signal
import threading
import warnings

import numpy as np
import pytest

import gdfast


def press(after):
    threading.Timer(after, signal.raise_signal, (signal.SIGINT,)).start()


@pytest.mark.numba_case(options={"batch_size": 1})
@pytest.mark.parametrize(
    "options", [{"loss": "log_loss", "solver": "loop"}, {"solver": "loop"}, {"batch_size": 1}], ids=str
)
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


@pytest.mark.parametrize("calls", [125, 122, 140])
def test_an_epoch_that_was_cut_off_after_others_in_one_chunk_is_left_out_where_it_diverges(calls):
    """Ctrl-C comes in the fourth epoch of a chunk, which diverges after resuming: the third is returned."""
    left = None

    def value(y, z):
        nonlocal left
        if left is not None:
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGINT)
        return (z - y) ** 2 / 2

    X = np.random.default_rng(0).normal(size=(40, 3))
    y = X.sum(axis=1)
    options = {
        "loss": gdfast.Loss(value, lambda y, z: z - y), "batch_size": 1, "seed": 0, "backend": "numpy", "epochs": 20,
        "learning_rate": np.array([0.01, 0.02, 0.03] + [1e60] * 17),
    }  # fmt: skip
    with pytest.warns(gdfast.DivergenceWarning):
        whole = gdfast.fit(X, y, **options)
    left = calls
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the cost is growing")  # in the epoch that is cut off, for two of three
        cut = gdfast.fit(X, y, **options)
    left = None
    assert (cut.stop_reason, cut.epochs, cut.steps > 120) == ("interrupted", 3, True)
    with pytest.warns(gdfast.DivergenceWarning):
        resumed = cut.resume(17)
    assert resumed.epochs == whole.epochs == 3
    assert resumed.coef.tobytes() == whole.coef.tobytes()
    assert resumed.costs.tobytes() == whole.costs.tobytes()
