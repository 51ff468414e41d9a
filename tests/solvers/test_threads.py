"""Threads: they end with the fit, any of them may ask for a cost, and a fork takes none along."""

import os
import queue
import subprocess
import sys
import threading

import numpy as np
import pytest

import gdfast

COMPILED = gdfast.backends.available()["cython"] is None
ROOT = np.random.default_rng(0)
X = ROOT.normal(size=(6000, 10))
Y = X @ np.arange(10.0) + ROOT.normal(size=6000)


@pytest.mark.skipif(not COMPILED, reason="threads are the compiled core's")
def test_runs_keep_no_threads(tmp_path):
    before, runs = threading.active_count(), []
    for options in ({"solver": "loop"}, {"batch_size": 50, "average": True}, {"validation": 0.5, "tol": 0.0}):
        runs.append(gdfast.fit(X, Y, epochs=4, n_threads=16, checkpoint=tmp_path / f"{len(runs)}.npz", **options))
        runs.append(runs[-1].resume(2))
    assert threading.active_count() == before
    assert all(np.isfinite(run.cost) for run in runs)
    assert threading.active_count() == before


@pytest.mark.skipif(not COMPILED, reason="threads are the compiled core's")
def test_threads_end_after_an_error():
    def fail(state):
        raise LookupError(state.epoch)

    before = threading.active_count()
    with pytest.raises(LookupError):
        gdfast.fit(X, Y, epochs=9, solver="loop", n_threads=3, callbacks=fail, callback_every=2)
    assert threading.active_count() == before


@pytest.mark.skipif(not COMPILED, reason="threads are the compiled core's")
@pytest.mark.parametrize("optimizer", ["gd", "adam"])
def test_thousands_of_short_passes_change_no_bit(optimizer, monkeypatch):
    """With a few rows in each part that threads share, passes begin and end as often as they can."""
    from gdfast.backends import cython

    monkeypatch.setattr(cython, "LEAST_ROWS", 1)
    options = {"solver": "loop", "optimizer": optimizer, "epochs": 5000, "learning_rate": 0.001}
    assert cython.slab_rows(64, 11, 64 * 10) == 3
    alone, *shared = [gdfast.fit(X[:64], Y[:64], n_threads=count, **options) for count in (1, 2, 3)]
    for run in shared:
        assert run.coef.tobytes() == alone.coef.tobytes()
        assert run.costs.tobytes() == alone.costs.tobytes()


@pytest.mark.parametrize("options", [{"solver": "loop"}, {"batch_size": 100}], ids=str)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_state_s_cost_is_another_threads_to_ask(options, n_threads):
    options = {**options, "epochs": 60, "learning_rate": 0.01, "seed": 0, "n_threads": n_threads}
    alone, costs, states = gdfast.fit(X, Y, **options), [], queue.Queue()

    def read():
        while (state := states.get()) is not None:
            costs.append((state.cost, state.coef, state.intercept))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    watched = gdfast.fit(X, Y, callbacks=states.put, callback_every=1, **options)
    for _ in readers:
        states.put(None)
    for reader in readers:
        reader.join()
    assert watched.coef.tobytes() == alone.coef.tobytes()
    assert watched.costs.tobytes() == alone.costs.tobytes()
    assert len(costs) == 60
    for cost, coef, intercept in costs:
        assert cost == pytest.approx(0.5 * np.mean((X @ coef + intercept - Y) ** 2), rel=1e-12)


FORKED = """
import os, signal, sys, threading
import numpy as np, gdfast
X = np.random.default_rng(0).normal(size=(6000, 10)); y = X[:, 0] + 0.1
options = dict(epochs=20, solver="loop", n_threads=3, average=True)
whole = gdfast.fit(X, y, **options)

def in_child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

def evaluate():
    assert np.isfinite(run.cost) and repr(run)
    run.save(sys.argv[1])
    assert run.resume(5).epochs == 25

run = gdfast.fit(X, y, **options)
in_child(evaluate)
assert gdfast.Run.load(sys.argv[1]).cost == whole.cost

child = []
def fork_once(state):
    if state.epoch == 4 and not child:
        child.append(os.fork())
        if child == [0]:
            signal.alarm(60)
            assert np.isfinite(state.cost)
run = gdfast.fit(X, y, callbacks=fork_once, callback_every=2, **options)
assert (run.coef == whole.coef).all()
if child == [0]:
    os._exit(0)
assert os.waitpid(child[0], 0)[1] == 0

big = np.random.default_rng(0).normal(size=(400_000, 20))
long = gdfast.fit(big, big[:, 0], epochs=1, batch_size=100_000, seed=0)
short = gdfast.fit(X[:50], y[:50], epochs=2, batch_size=1, seed=0)
reader = threading.Thread(target=lambda: long.cost)
reader.start()
in_child(lambda: short.cost)
reader.join()
print("right")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_evaluates_and_trains(tmp_path):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, str(tmp_path / "run.npz")]
    # OpenBLAS ends its own threads before a fork, and a product of NumPy that waits for them in another
    # thread hangs for ever, without gdfast too.
    single_threaded = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=single_threaded)
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr
