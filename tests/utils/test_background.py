"""Long calls of LAPACK on a thread of their own: result, error, and the end at Ctrl-C and a time limit."""

import asyncio
import signal
import threading
import time

import numpy as np
import pytest

import gdfast
from gdfast._utils import background
from gdfast._utils.background import EndIsDueError, end_here_if_due, in_background
from gdfast._utils.interrupt import UNINTERRUPTED, Interrupt, TimeLimit

LONG = 1e12
main_thread = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)


def press(after):
    timer = threading.Timer(after, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    return timer


def fail(text):
    raise np.linalg.LinAlgError(text)


@pytest.mark.parametrize("operations", [1.0, LONG])
def test_result_and_error(operations):
    assert in_background(operations, divmod, 7, 2) == (3, 1)
    assert in_background(operations, sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        in_background(operations, fail, "singular")


def test_short_calls_stay_on_this_thread():
    assert in_background(1.0, threading.current_thread) is threading.current_thread()
    assert in_background(LONG, threading.current_thread) is not threading.current_thread()


def test_time_limit():
    started = time.perf_counter()
    with TimeLimit(started + 0.1), pytest.raises(EndIsDueError):
        in_background(LONG, time.sleep, 20)
    assert time.perf_counter() - started < 10
    with TimeLimit(started), pytest.raises(EndIsDueError):
        end_here_if_due()
    with TimeLimit(started), UNINTERRUPTED:
        end_here_if_due()
    end_here_if_due()


@main_thread
def test_ctrl_c():
    press(0.1)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        in_background(LONG, time.sleep, 20)
    assert time.perf_counter() - started < 10


@main_thread
@pytest.mark.parametrize(
    "work",
    [
        lambda X: gdfast.stability(X),
        lambda X: gdfast.fit(X, X[:, 0], solver="closed_form", learning_rate=1e-3),
        lambda X: gdfast.fit(X, X[:, 0], epochs=3),
    ],
    ids=["stability", "closed form", "automatic rate"],
)
def test_ctrl_c_in_linear_algebra(work, monkeypatch):
    """Each call lasts for ever, but for Ctrl-C."""
    monkeypatch.setattr(background, "LEAST_OPERATIONS", 0)
    for name in ("qr", "eigvalsh"):
        monkeypatch.setattr(np.linalg, name, lambda *arguments, **options: time.sleep(20))
    press(0.2)
    with pytest.raises(KeyboardInterrupt):
        work(np.random.default_rng(0).normal(size=(50, 4)))


def test_the_loop_runs_where_the_time_is_over_before_the_factors(monkeypatch):
    monkeypatch.setattr(background, "LEAST_OPERATIONS", 0)
    monkeypatch.setattr(np.linalg, "svd", lambda *arguments, **options: time.sleep(20))
    X = np.random.default_rng(0).normal(size=(50, 4))
    options = {"solver": "closed_form", "learning_rate": 0.01, "epochs": 10**9, "max_seconds": 0.2}
    run = gdfast.fit(X, X[:, 0], **options)
    assert (run.stop_reason, run.solver) == ("max_seconds", "loop")
    assert run.seconds < 10
    monkeypatch.undo()
    assert run.resume(5).epochs == run.epochs + 5


@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_max_seconds_in_the_scan_of_a_path(optimizer, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 8))
    y = X @ np.arange(8.0) + 0.1
    options = {"learning_rate": gdfast.InverseTime(0.1, 0.01), "optimizer": optimizer, "solver": "closed_form"}
    run = gdfast.fit(X, y, epochs=10**9, max_seconds=0.2, **options)
    assert (run.stop_reason, run.diverged_at) == ("max_seconds", None)
    assert 0 < run.epochs < 10**9
    assert run.seconds < 10
    whole = gdfast.fit(X, y, epochs=run.epochs + 100, **options)
    run.save(tmp_path / "run.npz")
    np.testing.assert_array_equal(whole.at(run.epochs).coef, run.coef)
    for resumed in (run.resume(100, max_seconds=60), gdfast.Run.load(tmp_path / "run.npz").resume(100, max_seconds=60)):
        assert (resumed.epochs, resumed.stop_reason) == (run.epochs + 100, "epochs")
        np.testing.assert_array_equal(resumed.coef, whole.coef)
        np.testing.assert_array_equal(resumed.costs, whole.costs)
    further = gdfast.resume(tmp_path / "run.npz", max_seconds=0.01)
    assert (further.stop_reason, further.epochs > run.epochs) == ("max_seconds", True)


@main_thread
def test_ctrl_c_in_the_scan_of_a_path():
    X = np.random.default_rng(0).normal(size=(60, 8))
    press(0.3)
    run = gdfast.fit(X, X[:, 0], epochs=10**9, learning_rate=gdfast.InverseTime(0.1, 0.01), solver="closed_form")
    assert run.stop_reason == "interrupted"


@main_thread
def test_ctrl_c_in_a_fit_of_a_callback_ends_both():
    X = np.random.default_rng(0).normal(size=(500, 5))
    options = {"epochs": 10**9, "solver": "loop", "max_seconds": 20}
    inner = []

    def callback(state):
        if not inner:
            press(0.2)
            inner.append(gdfast.fit(X, X[:, 0], **options).stop_reason)

    run = gdfast.fit(X, X[:, 1], callbacks=callback, **options)
    assert (run.stop_reason, inner) == ("interrupted", ["interrupted"])


@main_thread
def test_ctrl_c_under_asyncio():
    X = np.random.default_rng(0).normal(size=(500, 5))

    async def train():
        press(0.2)
        return gdfast.fit(X, X[:, 0], epochs=10**9, solver="loop", max_seconds=20)

    assert asyncio.run(train()).stop_reason == "interrupted"


@main_thread
def test_a_handler_that_is_installed_meanwhile_stays():
    def mine(*arguments):
        pass

    before = signal.getsignal(signal.SIGINT)
    try:
        with Interrupt():
            signal.signal(signal.SIGINT, mine)
        assert signal.getsignal(signal.SIGINT) is mine
        with Interrupt() as interrupt:
            assert signal.getsignal(signal.SIGINT) is mine
        assert not interrupt.pressed
    finally:
        signal.signal(signal.SIGINT, before)
    with Interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


@main_thread
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_stop_after_the_last_epoch_is_none(epochs):
    X = np.random.default_rng(0).normal(size=(50, 2))
    y, options = X[:, 0], {"epochs": epochs, "solver": "loop", "callback_every": epochs}
    assert gdfast.fit(X, y, callbacks=lambda state: True, **options).stop_reason == "epochs"
    pressed = {"callbacks": lambda state: signal.raise_signal(signal.SIGINT)}
    assert gdfast.fit(X, y, **pressed, **options).stop_reason == "epochs"
    with pytest.raises(KeyboardInterrupt):
        gdfast.fit(X, y, interrupt="raise", **pressed, **options)
