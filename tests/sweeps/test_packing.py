"""A Run as bytes: thinned, compressed, resumed, and never trusted."""

import io
import pickle
import zipfile
import zlib

import numpy as np
import pytest

import gdfast
from gdfast.results.run_file import as_arrays
from gdfast.sweeps.storage import packing
from gdfast.sweeps.storage.packing import history_of, pack, unpack

LONG = 200
CASES = [
    {},
    {"solver": "loop"},
    {"batch_size": 1},
    {"batch_size": 1, "record": ("coef", "coef_norm")},
    {"loss": "log_loss", "solver": "collocation"},
    {"validation": 0.2, "history_every": 7},
    {"history_every": "log"},
    {"solver": "loop", "history_limit": 90, "history_every": 3},
    {"optimizer": "adam", "learning_rate": gdfast.Step(0.1, 50)},
    {"history": "none"},
]


@pytest.fixture(params=CASES, ids=str)
def case(request, trained):
    X, y = trained.data
    target = np.where(y > 0, "yes", "no") if "loss" in request.param else y
    return X, target, gdfast.fit(X, target, **{"epochs": 2001, "learning_rate": 0.01, "seed": 3, **request.param})


def test_what_is_read_back_is_the_run_and_resumes_as_it(case, monkeypatch):
    monkeypatch.setattr(packing, "MOST_POINTS", LONG)
    X, y, run = case
    settings, before = dict(run.settings), dict(run.state)
    back = unpack(pack(run), "runs.db")
    for name in ("cost", "epochs", "steps", "stop_reason", "solver", "seed", "intercept", "feature_names"):
        assert getattr(back, name) == getattr(run, name), name
    assert back.settings == {**settings, "record": tuple(settings["record"]), "callbacks": ()}
    assert back.coef.tobytes() == run.coef.tobytes()
    assert dict(run.state) == before
    resumed, undisturbed = back.resume(30, X, y), run.resume(30)
    assert resumed.coef.tobytes() == undisturbed.coef.tobytes()
    assert (resumed.epochs, resumed.cost) == (undisturbed.epochs, undisturbed.cost)
    assert (np.diff(resumed.cost_epochs) > 0).all()


def test_the_history_keeps_its_first_and_last_point_and_its_grid(case, monkeypatch):
    monkeypatch.setattr(packing, "MOST_POINTS", LONG)
    _, _, run = case
    back = unpack(pack(run), "runs.db")
    whole, kept = run.history, back.history
    assert set(kept) == set(whole)
    epochs = kept["epoch"]
    if not len(whole["epoch"]):
        assert not len(epochs)
        return
    assert (LONG // 2 <= len(epochs) <= LONG) or len(epochs) == len(whole["epoch"])
    assert epochs[0] == whole["epoch"][0]
    assert epochs[-1] == whole["epoch"][-1]
    places = np.searchsorted(whole["epoch"], epochs)
    for name, column in kept.items():
        np.testing.assert_array_equal(column, whole[name][places])
    if run.settings["history_every"] != "log":
        every = int(epochs[2] - epochs[1])
        assert set(np.diff(epochs[1:-1])) == {every}
        assert (epochs[1:-1] % every == 0).all()
        power = every // run.settings["history_every"]
        assert power & (power - 1) == 0, "the history's own grid, without every second epoch again and again"


def test_at_most_10_000_points_are_kept(trained):
    run = trained(epochs=25_000)
    assert len(unpack(pack(run), "").costs) == 6251
    np.testing.assert_array_equal(history_of(pack(run))["epoch"], np.arange(0, 25_001, 4))
    short = trained(epochs=9_999)
    assert len(unpack(pack(short), "").costs) == 10_000


def test_recorded_coefficients_are_bounded_in_bytes(trained, monkeypatch):
    monkeypatch.setattr(packing, "HISTORY_BYTES", 2000)
    run = unpack(pack(trained(batch_size=1, record="coef", epochs=1000)), "")
    assert 20 <= len(run.costs) <= 2000 // 40


def test_the_bytes_hold_no_pickle(trained):
    whole = zlib.decompress(pack(trained(batch_size=1, record="coef")))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        for name in archive.namelist():
            np.lib.format.read_array(archive.open(name), allow_pickle=False)


def test_what_compresses_well_is_read_back(trained, monkeypatch):
    monkeypatch.setattr(packing, "SMALL", 100)
    monkeypatch.setattr(packing, "RATIO", 2)
    run = trained()
    assert len(as_arrays(run)) > 2
    assert unpack(pack(run), "").cost == run.cost


def test_what_would_unpack_to_much_more_is_refused(monkeypatch):
    monkeypatch.setattr(packing, "SMALL", 2**20)
    bomb = zlib.compress(bytes(2**27))
    with pytest.raises(ValueError, match="would unpack to more than"):
        unpack(bomb, "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"x",
        lambda packed: packed[:40] + bytes([packed[40] ^ 1]) + packed[41:],
        lambda packed: b"",
        lambda packed: pickle.dumps({"a": 1}),
        lambda packed: zlib.compress(b"no archive"),
        lambda packed: zlib.compress(pickle.dumps({"a": 1})),
        lambda packed: "text",
        lambda packed: None,
    ],
)
@pytest.mark.parametrize("read", [lambda packed: unpack(packed, ""), history_of])
def test_damaged_bytes_are_refused(trained, damage, read):
    with pytest.raises((ValueError, KeyError, zlib.error, zipfile.BadZipFile)):
        read(damage(pack(trained())))
