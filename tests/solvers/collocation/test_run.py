"""What a Run of collocation has and does: histories, any epoch, resuming, files, stops, and what it needs."""

import pickle
import signal
import threading
import time

import numpy as np
import pytest

import gdfast
from gdfast.results.fields import FieldError
from gdfast.solvers.collocation import finder

EPOCHS = 12_000
OPTIONS = {"loss": "log_loss", "learning_rate": 0.02, "epochs": EPOCHS, "seed": 1}


@pytest.fixture
def data(plain):
    X, y, _ = plain.problem("log_loss", n=60, d=3)
    return X, y


def fit(data, solver="collocation", **options):
    return gdfast.fit(*data, solver=solver, **OPTIONS | options)


def assert_equal(a, b):
    assert a.coef.tobytes() == b.coef.tobytes()
    assert a.costs.tobytes() == b.costs.tobytes()
    assert a.cost_epochs.tobytes() == b.cost_epochs.tobytes()
    assert (a.intercept, a.epochs, a.stop_reason) == (b.intercept, b.epochs, b.stop_reason)


def assert_close(a, b):
    assert a.epochs == b.epochs
    assert a.stop_reason == b.stop_reason
    assert a.coef == pytest.approx(b.coef, rel=1e-12)
    for name, column in b.history.items():
        if name != "seconds":
            assert a.history[name] == pytest.approx(column, rel=1e-10, abs=1e-15, nan_ok=True), name


HERE = [
    pytest.param(name, marks=[pytest.mark.numba] if name == "numba" else [])
    for name, missing in gdfast.backends.available().items()
    if missing is None
]


@pytest.mark.parametrize("backend", HERE)
def test_every_backend_has_it(data, backend):
    run, loop = (fit(data, solver, backend=backend, epochs=4000) for solver in ("collocation", "loop"))
    assert run.backend == backend
    assert "collocation" in {part.by for part in run.collocation}
    assert_close(run, loop)


def test_parts_cover_the_path(data):
    run = fit(data)
    parts = run.collocation
    assert run.solver == "collocation"
    assert parts[0].first == 0
    assert parts[-1].last == EPOCHS
    assert [part.first for part in parts[1:]] == [part.last for part in parts[:-1]]
    assert {part.by for part in parts} == {"loop", "collocation"}
    for part in parts:
        if part.by == "loop":
            assert part.passes == part.last - part.first
            assert np.isnan(part.residual)
        else:
            assert 60 < part.passes < 600
            assert 0.0 <= part.residual < 6.0
    assert sum(part.passes for part in parts) < EPOCHS / 3
    assert fit(data, "loop").collocation is None
    assert gdfast.fit([[1.0], [2.0]], [1.0, 2.0]).collocation is None


@pytest.mark.parametrize(
    "options",
    [
        {"history_every": 7},
        {"history_every": "log"},
        {"history_limit": 50},
        {"history": "none"},
        {"history": "running"},
        {"record": ["coef", "gradient_norm", "learning_rate", "coef_norm"], "history_every": 500},
        {"validation": 0.3, "epochs": 3000},
        {"validation": 0.3, "epochs": 3000, "restore_best": True, "patience": 3},
        {"gradient_tol": 2e-3},
        {"tol": 1e-7},
        {"tol": 1e-9, "patience": 3},
        {"standardize": True},
        {"optimizer": "momentum", "penalty": "l2", "alpha": 0.01},
        {"optimizer": "nesterov", "learning_rate": gdfast.InverseScaling(0.1, 0.5)},
    ],
    ids=str,
)
def test_a_run_is_that_of_the_loop(data, options):
    assert_close(fit(data, **options), fit(data, "loop", **options))


@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"optimizer": "momentum"}], ids=str)
def test_any_epoch(data, options):
    run = fit(data, **options)
    first = next(part for part in run.collocation if part.by == "collocation")
    for epoch in (0, 10, first.first, first.first + 1, first.last, min(first.last + 5, EPOCHS), EPOCHS - 1, EPOCHS):
        found = run.at(epoch)
        loop = fit(data, "loop", **options | {"epochs": max(1, epoch)})
        if epoch:
            assert found.coef == pytest.approx(loop.coef, rel=1e-11)
            assert found.intercept == pytest.approx(loop.intercept, rel=1e-11)
        assert found.cost == pytest.approx(loop.costs[epoch], rel=1e-12)
    with pytest.raises(ValueError, match="past the last epoch"):
        run.at(EPOCHS + 1)


def test_any_epoch_of_several_outputs(plain):
    X, y, _ = plain.problem("multinomial", n=40)
    run, loop = (
        gdfast.fit(X, y, loss="multinomial", learning_rate=0.02, epochs=epochs, solver=solver)
        for solver, epochs in (("collocation", 6000), ("loop", 3000))
    )
    assert run.at(3000).coef == pytest.approx(loop.coef, rel=1e-11)
    assert run.at(3000).intercept == pytest.approx(loop.intercept, rel=1e-11)


def test_a_loaded_run_knows_the_epochs_of_its_stretches(data, tmp_path):
    run = fit(data)
    run.save(tmp_path / "run.npz")
    first = next(part for part in run.collocation if part.by == "collocation")
    for other in (gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        assert str(other.collocation) == str(run.collocation)
        for found, expected in zip(other.at(first.first + 20), run.at(first.first + 20), strict=True):
            assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()
        with pytest.raises(ValueError, match="the loop ran this epoch"):
            other.at(10)


def test_a_continuation_is_the_single_fit(data, tmp_path):
    short = fit(data, epochs=5000)
    longer = short.resume(EPOCHS - 5000)
    assert_close(longer, fit(data))
    short.save(tmp_path / "run.npz")
    for other in (gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(short))):
        assert_equal(other.resume(EPOCHS - 5000, *data), longer)
    assert longer.at(4000).cost == pytest.approx(short.at(4000).cost, rel=1e-14)


def test_callbacks_checkpoints_and_threads_move_no_bit(data, tmp_path):
    run = fit(data)
    path = str(tmp_path / "run.npz")
    watched = fit(data, callbacks=lambda state: None, callback_every=777, checkpoint=path, checkpoint_every=1111)
    assert_equal(watched, run)
    assert_equal(fit(data, n_threads=2), run)


def test_a_run_that_a_callback_stopped_goes_on_to_the_same_bits(data):
    run = fit(data)
    place = next(part for part in run.collocation if part.by == "collocation").last - 300
    cut = fit(data, callbacks=lambda state: state.epoch >= place, callback_every=50)
    assert place <= cut.epochs < place + 50
    assert cut.at(place).cost == run.at(place).cost
    finished = cut.resume(EPOCHS - cut.epochs, callbacks=lambda state: None)
    assert finished.coef.tobytes() == run.coef.tobytes()
    assert finished.costs.tobytes() == run.costs.tobytes()


def test_a_checkpoint_is_finished_to_the_same_bits(data, tmp_path):
    path = str(tmp_path / "run.npz")

    def stop(state):
        if state.epoch >= 5000:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        fit(data, callbacks=stop, callback_every=100, checkpoint=path, checkpoint_every=450)
    assert gdfast.Run.load(path).epochs >= 4500
    assert_equal(gdfast.resume(path, *data), fit(data))


def test_a_time_limit_and_ctrl_c_are_kept(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000, 8))
    y = (X.sum(axis=1) + rng.logistic(size=len(X)) > 0).astype(int)
    options = {"loss": "log_loss", "learning_rate": 0.01, "epochs": 10**8, "solver": "collocation"}
    monkeypatch.setattr(finder, "EARLY", 2)  # the end comes within a stretch
    started = time.perf_counter()
    run = gdfast.fit(X, y, max_seconds=0.5, **options)
    assert run.stop_reason == "max_seconds"
    assert time.perf_counter() - started < 3.0
    assert 0 < run.epochs < 10**8
    threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT)).start()
    run = gdfast.fit(X, y, **options)
    assert run.stop_reason == "interrupted"
    assert run.epochs < 10**8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hinge"}, "a smooth loss"),
        ({"batch_size": 5}, "the full batch"),
        ({"penalty": "l1", "alpha": 0.1}, "penalty None or 'l2'"),
        ({"optimizer": "adam"}, "an optimizer of gd, momentum and nesterov"),
        ({"learning_rate": lambda epoch: 0.1}, "a constant rate, an array, or a schedule by epoch"),
        ({"learning_rate": gdfast.ReduceOnPlateau(0.1)}, "a constant rate, an array, or a schedule by epoch"),
        ({"positive": True}, "positive=False"),
        ({"bounds": (0, 1)}, "bounds=None"),
        ({"clip_norm": 1.0}, "clip_norm=None"),
        ({"average": True}, "average=None"),
        ({"on_divergence": "backtrack"}, "on_divergence"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_it_needs_is_said(data, options, words):
    with pytest.raises(ValueError, match=r"solver='collocation' needs .*" + words):
        fit(data, **options)


def test_float32_is_not_for_it(data):
    with pytest.raises(ValueError, match="float64"):
        fit((data[0].astype(np.float32), data[1]))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("W", lambda a: a[:, :, :-1]),
        ("W", lambda a: a * np.nan),
        ("first", lambda a: a + EPOCHS),
        ("length", lambda a: a * 0),
        ("length", lambda a: a * 100),
        ("costs", lambda a: a[:1]),
        ("velocity", lambda a: np.zeros((1, 33, 4))),
        ("passes", lambda a: a.astype(float)),
    ],
)
def test_a_forged_path_is_refused(data, name, change):
    run = pickle.loads(pickle.dumps(fit(data, epochs=9000)))
    stretches = run.state["collocation"]["stretches"]
    assert len(stretches["first"]) > 1
    stretches[name] = change(stretches[name])
    with pytest.raises((ValueError, FieldError), match="no state to resume from"):
        run.resume(100, *data)


def test_auto_takes_it_where_it_is_cheaper(data):
    X, y = data
    many = np.vstack([X] * 40), np.tile(y, 40)
    assert gdfast.fit(*many, loss="log_loss", epochs=20_000, history="none").solver == "collocation"
    assert gdfast.fit(*many, loss="log_loss", epochs=500).solver == "loop"
    assert gdfast.fit(*many, loss="hinge", epochs=8_000, history="none").solver == "loop"
    assert gdfast.fit(many[0], many[0][:, 0], epochs=20_000, optimizer="momentum").solver == "closed_form"
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(many[0])
    assert gdfast.fit(sparse, many[1], epochs=20_000, history="none").solver == "collocation"
