"""What a history records: costs, iterates and gradient norms, in memory or in a file."""

import errno
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast.results import history


def test_gradient_norms_at_kinks_and_bounds(X, Y):
    options = {"penalty": "l1", "alpha": 0.4, "epochs": 20_000, "record": "gradient_norm", "solver": "loop"}
    assert gdfast.fit(X, Y, history_every=5000, **options).history["gradient_norm"][-1] < 1e-12
    bounded = gdfast.fit(X, Y, bounds=(-0.5, [0.3, 9, 9]), history_every=5000, **options)
    assert bounded.history["gradient_norm"][-1] < 1e-12
    assert bounded.coef[0] == 0.3
    assert bounded.coef[1] == -0.5
    assert gdfast.fit(X, Y, positive=True, epochs=50).coef.min() == 0.0


def test_records_are_the_iterates(X, Y):
    run = gdfast.fit(
        X, Y, learning_rate=gdfast.Exponential(0.1, 0.9), epochs=6, batch_size=5, seed=1, history="objective",
        record=("coef", "coef_norm", "learning_rate", "seconds"),
    )  # fmt: skip
    for epoch in range(1, 7):
        part = gdfast.fit(X, Y, learning_rate=gdfast.Exponential(0.1, 0.9), epochs=epoch, batch_size=5, seed=1)
        point = run.at(epoch)
        np.testing.assert_array_equal(point.coef, part.coef)
        assert (point.intercept, point.cost) == (part.intercept, part.cost)
        assert run.history["coef_norm"][epoch] == pytest.approx(np.linalg.norm(part.coef))
        assert run.history["learning_rate"][epoch] == pytest.approx(0.1 * 0.9 ** (epoch - 1))
    assert math.isnan(run.history["learning_rate"][0])
    assert (np.diff(run.history["seconds"]) >= 0).all()
    assert set(map(len, run.history.values())) == {7}
    running = gdfast.fit(X, Y, epochs=3, batch_size=5, record="coef_norm").history
    assert running["epoch"].tolist() == [0, 1, 2, 3]
    assert math.isnan(running["cost"][0])


def test_recorded_coefficients_spill_into_a_file(monkeypatch, X, Y):
    """A history larger than the memory allowed for it is a map, with the same rows; thinned and continued, too."""
    options = {"learning_rate": 0.05, "record": ("coef",), "history_limit": 150, "backend": "numpy"}
    within_memory = gdfast.fit(X, Y, epochs=200, **options).resume(40).history  # joined when it is asked for
    monkeypatch.setattr(history, "SPILL_BYTES", 500)
    spilled = gdfast.fit(X, Y, epochs=200, **options).resume(40)
    assert isinstance(spilled.history["coef"], np.memmap)
    assert not isinstance(within_memory["coef"], np.memmap)
    for name, column in within_memory.items():
        np.testing.assert_array_equal(column, spilled.history[name])


@pytest.mark.numba_case(batch_size=7, history_every="log")
@pytest.mark.parametrize("history_every", [1, 3, "log"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_stochastic_objective_is_j_at_each_recorded_epoch(backend, batch_size, history_every, X, Y):
    """The J that kernels find where an epoch ends is the J of coef there."""
    options = {"penalty": "elasticnet", "alpha": 0.1, "batch_size": batch_size, "learning_rate": 0.01, "seed": 3}
    options |= {"sample_weight": np.arange(1.0, 41.0), "backend": backend}
    run = gdfast.fit(X, Y, epochs=11, history="objective", history_every=history_every, **options)
    assert run.cost == run.costs[-1]
    for epoch, cost in zip(run.cost_epochs.tolist()[1:], run.costs[1:], strict=True):
        assert gdfast.fit(X, Y, epochs=epoch, **options).cost == pytest.approx(cost, rel=1e-14)


def no_space(*given):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_blocks(*given):
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("options", [{}, {"history_every": 2}, {"history_limit": 40}])
def test_recorded_coefficients_on_a_full_disk_return_what_was_done(options, batch_size, monkeypatch, X, Y, assert_same):
    """Nothing that was recorded is lost; what was done is the error's run, which is resumed to the bits of one fit."""
    options = {
        "record": ("coef",),
        "solver": "loop",
        "learning_rate": 0.05,
        "batch_size": batch_size,
        "seed": 1,
    } | options
    whole = gdfast.fit(X, Y, epochs=200, **options)
    with monkeypatch.context() as patched:
        patched.setattr(history, "SPILL_BYTES", 1500)
        patched.setattr(os, "posix_fallocate", no_space)
        with pytest.raises(OSError, match=r"the recorded history needs [0-9,]+ bytes more.*TMPDIR") as caught:
            gdfast.fit(X, Y, epochs=200, **options)
        run = caught.value.run
        assert caught.value.errno == errno.ENOSPC
        assert 0 < run.epochs < 200
        assert run.stop_reason == "interrupted"
        assert len(run.history["coef"]) == len(run.costs) > 1  # in memory, as far as that goes
        if "history_limit" not in options:  # by which the rest is small
            with pytest.raises(OSError, match="No space left"):
                run.resume(200 - run.epochs)
        finished = gdfast.fit(X, Y, epochs=run.epochs, **options)  # nothing more is to be recorded, so nothing is lost
    assert_same(run, finished)
    assert_same(run, gdfast.fit(X, Y, epochs=run.epochs, **options))
    assert_same(run.resume(200 - run.epochs), whole)
    with monkeypatch.context() as patched:
        patched.setattr(history, "SPILL_BYTES", 1500)
        patched.setattr(os, "posix_fallocate", no_blocks)  # then zeros are written
        assert_same(gdfast.fit(X, Y, epochs=200, **options), whole)


def test_a_history_that_neither_disk_nor_memory_holds_is_an_error(monkeypatch):
    monkeypatch.setattr(history, "SPILL_BYTES", 1000)
    monkeypatch.setattr(history, "memory_bytes", lambda: 10_000)
    monkeypatch.setattr(os, "posix_fallocate", no_space)
    assert history.allocated((600,), np.dtype(float)).shape == (600,)
    with pytest.raises(OSError, match="the recorded history needs 8,000 bytes"):
        history.allocated((1000,), np.dtype(float))


FULL = """
import resource, numpy as np, gdfast
from gdfast.results import history
history.SPILL_BYTES = 2**20
resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))
X = np.random.default_rng(0).normal(size=(20, 2000))
try:
    gdfast.fit(X, X[:, 0], epochs=300, solver="loop", record="coef", learning_rate=1e-6)
except OSError as error:
    run = error.run
    print(run.epochs, len(run.history["coef"]), bool((run.history["coef"][-1] == run.coef).all()))
"""


def test_a_full_temporary_disk_does_not_end_the_process(tmp_path):
    """A map without blocks on the disk would end it by SIGBUS."""
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    epochs, rows, same = done.stdout.split()
    assert 60 <= int(epochs) == int(rows) - 1 < 300
    assert same == "True"
    assert os.listdir(tmp_path) == []
