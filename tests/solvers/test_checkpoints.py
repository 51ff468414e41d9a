"""Checkpoints: whole runs, never overwritten by another fit, and resumed after a kill."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import gdfast


def test_checkpoints_are_runs_and_are_not_overwritten(tmp_path, X, Y, assert_same):
    path = tmp_path / "point"
    options = {"batch_size": 4, "seed": 1, "epochs": 12, "checkpoint": path, "checkpoint_every": 5, "optimizer": "adam"}
    seen = []

    class Look:
        def on_chunk(self, state):
            seen.append((state.epoch, gdfast.Run.load(path).epochs))

    run = gdfast.fit(X, Y, callbacks=Look(), callback_every=1, **options)
    assert [kept for _, kept in seen] == [0] * 5 + [5] * 5 + [10] * 2
    assert_same(gdfast.Run.load(path), run)
    with pytest.raises(FileExistsError, match=r"gdfast\.resume"):
        gdfast.fit(X, Y, **options)
    further = gdfast.resume(path, X, Y, epochs=3)
    assert_same(further, run.resume(3))
    assert_same(gdfast.Run.load(path), further)
    assert gdfast.resume(path, X, Y).epochs == gdfast.resume(path, X, Y, epochs=0).epochs == 15
    with pytest.raises(ValueError, match="fingerprint"):
        gdfast.resume(path, X, Y + 1)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="point"):
        gdfast.resume(path, X, Y)


CHILD = """
import sys, numpy as np, gdfast
X = np.random.default_rng(0).normal(size=(200, 5))
y = X.sum(axis=1) + np.random.default_rng(1).normal(size=200)
options = dict(batch_size=3, seed=2, optimizer="adam", average=3, learning_rate=gdfast.InverseTime(0.05, 0.01))
if sys.argv[2] == "fit":
    gdfast.fit(X, y, epochs=400, checkpoint=sys.argv[1], checkpoint_seconds=0.01, **options)
run = gdfast.resume(sys.argv[1], X, y) if sys.argv[2] == "resume" else gdfast.fit(X, y, epochs=400, **options)
print(run.coef.tobytes().hex(), run.costs.tobytes().hex()[-64:], run.epochs, len(run.costs))
"""


def child(folder, *arguments):
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, cwd=folder)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    """Three kills; benchmarks/kills.py makes any number."""
    expected = child(tmp_path, "-", "whole").communicate()[0]
    for number in range(3):
        path = tmp_path / str(number)
        process = child(tmp_path, str(path), "fit")
        while not path.exists() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(0.02 * number)
        process.kill()
        process.communicate()
        assert child(tmp_path, str(path), "resume").communicate()[0] == expected


class Stop:
    """A callback that fails at an epoch, as a process that is killed."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_start(self, state):
        self.on_chunk(state)

    def on_chunk(self, state):
        if state.epoch == self.epoch:
            raise KeyError(self.epoch)


@pytest.mark.parametrize("epoch", [0, 3, 8])
@pytest.mark.parametrize("history_every", [1, 5, "log"])
@pytest.mark.parametrize("more", [{}, {"history_limit": 3}, {"history_limit": 2, "record": "coef_norm"}], ids=str)
def test_the_history_does_not_depend_on_where_a_fit_was_killed(epoch, history_every, more, tmp_path, X, Y, assert_same):
    options = {"epochs": 13, "history_every": history_every, "solver": "loop", **more}
    path = tmp_path / "run.npz"
    with pytest.raises(KeyError):
        gdfast.fit(X, Y, checkpoint=path, checkpoint_every=1, callbacks=Stop(epoch), callback_every=1, **options)
    assert_same(gdfast.resume(path, X, Y), gdfast.fit(X, Y, **options))


def test_the_rate_of_the_last_update_is_kept_where_a_plateau_lowered_it_after(tmp_path, X, Y):
    rate, path = gdfast.ReduceOnPlateau(0.01, factor=0.5, patience=0, threshold=0.5), tmp_path / "run.npz"
    options = {"batch_size": 5, "history": "objective", "record": "learning_rate", "history_every": 50, "seed": 0}
    options |= {"learning_rate": rate}
    stop = {"callbacks": Stop(4), "callback_every": 1, "checkpoint": path, "checkpoint_every": 1}
    with pytest.raises(KeyError):
        gdfast.fit(X, Y, epochs=9, **stop, **options)
    loaded = gdfast.Run.load(path)
    fitted = gdfast.fit(X, Y, epochs=loaded.epochs, **options)
    np.testing.assert_array_equal(loaded.history["learning_rate"], fitted.history["learning_rate"])
    seen = []

    class Start:
        def on_start(self, state):
            seen.append(state.learning_rate)

    loaded.resume(1, X, Y, callbacks=Start())
    assert seen == [fitted.history["learning_rate"][-1]]
