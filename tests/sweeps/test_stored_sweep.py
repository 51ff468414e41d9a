"""Sweeps with a store: what is done is read back, what failed is tried again, and kills lose nothing."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import gdfast
from gdfast.sweeps.store import open_store

GRID = {"learning_rate": [0.01, 0.1], "alpha": [0.0, 0.1], "penalty": "l2", "epochs": 30, "batch_size": [None, 8]}
SCRIPT = """
import sys, numpy as np, gdfast
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=40)
rates = np.geomspace(1e-3, 1e-1, 40).tolist()
gdfast.sweep(X, y, learning_rate=rates, batch_size=4, epochs=200, store=sys.argv[1])
print("finished")
"""


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    return X, X @ [1.0, 2.0] + 0.1 * rng.normal(size=40)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def test_the_same_call_again_runs_nothing(data, store):
    first, again = (gdfast.sweep(*data, store=store, folds=2, **GRID) for _ in range(2))
    assert first.table["stored"] == [False] * 16
    assert again.table["stored"] == [True] * 16
    for name in ("cost", "validation_cost", "epochs", "stop_reason", "solver", "fold", "alpha"):
        assert again.table[name] == first.table[name], name
    assert again.costs.tobytes() == first.costs.tobytes()
    assert again.best("validation_cost").coef.tobytes() == first.best("validation_cost").coef.tobytes()
    for one, other in zip(first, again, strict=True):
        assert one.coef.tobytes() == other.coef.tobytes()
        assert repr(one.settings) == repr(other.settings)


def test_only_what_is_new_runs(data, store):
    gdfast.sweep(*data, store=store, **GRID)
    wider = gdfast.sweep(*data, store=store, **GRID | {"alpha": [0.0, 0.1, 1.0]})
    assert wider.table["stored"] == [alpha < 1 for alpha in wider.table["alpha"]]
    assert gdfast.sweep(*data, store=store, **GRID, seed=5).table["stored"] == [False] * 8


def test_runs_from_the_store_are_those_of_fit(data, store):
    gdfast.sweep(*data, store=store, **GRID)
    for run in gdfast.sweep(*data, store=store, **GRID):
        single = gdfast.fit(*data, **run.settings)
        assert run.coef == pytest.approx(single.coef, rel=1e-12)
        assert run.resume(5, *data).epochs == 35


def test_other_data_are_refused_and_the_file_stays(data, store):
    gdfast.sweep(*data, store=store, **GRID)
    before = store.read_bytes()
    with pytest.raises(gdfast.StoreError, match="other data"):
        gdfast.sweep(data[0] + 1.0, data[1], store=store, **GRID)
    assert store.read_bytes() == before


def test_what_failed_is_tried_again(data, store):
    X, _ = data
    labels = np.arange(40) < 30
    options = {
        "loss": "log_loss",
        "learning_rate": 0.1,
        "epochs": 3,
        "folds": [(range(30), range(30, 40))],
        "store": store,
    }
    for _ in range(2):
        result = gdfast.sweep(X, labels, **options)
        assert result.table["stop_reason"] == ["failed"]
        assert result.table["stored"] == [False]


def test_an_interrupted_run_is_not_stored(data, store):
    def press(state):
        signal.raise_signal(signal.SIGINT)

    options = {"learning_rate": 1e-3, "batch_size": 1, "seed": 0, "store": store}
    first = gdfast.sweep(*data, configurations=[{"epochs": 1}, {"epochs": 10**6, "callbacks": (press,)}], **options)
    assert first.stop_reason == "interrupted"
    again = gdfast.sweep(*data, configurations=[{"epochs": 1}], **options)
    assert again.table["stored"] == [True]
    assert len(open_store(store).rows()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_kills_lose_nothing(store):
    finished = 0
    for wait in (0.05, 0.2, 0.4, 0.1, None):
        child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(store)], stdout=subprocess.PIPE)
        if wait is None:
            assert b"finished" in child.communicate()[0]
            break
        deadline = time.monotonic() + 60
        while not store.exists() and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.01)
        time.sleep(wait)
        child.kill()
        child.communicate()
        rows = open_store(store).rows() if store.exists() else []
        assert len(rows) >= finished
        finished = len(rows)
    rows = open_store(store).rows()
    assert len(rows) == 40
    assert len({row["key"] for row in rows}) == 40


def test_two_processes_share_a_store(store):
    children = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for child in children:
        out, error = child.communicate()
        assert b"finished" in out, error
    assert len(open_store(store).rows()) == 40
