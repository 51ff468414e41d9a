"""A Run as data: pickled, copied and in other processes, without X and y."""

import copy
import functools
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast.results import history

ROOT = np.random.default_rng(0)
X = ROOT.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.3 + 0.1 * ROOT.normal(size=40)


def pickled(run):
    return pickle.loads(pickle.dumps(run, 5))


def saved(run, folder):
    run.save(folder / "run.npz")
    return gdfast.Run.load(folder / "run.npz")


def copies(run, folder):
    return pickled(run), copy.deepcopy(run), copy.copy(run), saved(run, folder), pickled(saved(run, folder))


OPTIONS = [
    {},
    {"solver": "loop"},
    {"solver": "closed_form", "penalty": "l2", "alpha": 0.1, "optimizer": "nesterov"},
    {"solver": "closed_form", "learning_rate": gdfast.InverseTime(0.1, 0.01), "history_every": 3},
    {"batch_size": 1, "learning_rate": gdfast.Step(0.05, 9, by="step"), "average": gdfast.EMA(0.9, 2)},
    {"batch_size": 7, "optimizer": "adam", "validation": 0.25, "restore_best": True, "record": "coef"},
    {"batch_size": 7, "penalty": "l1", "alpha": 0.05, "history": "objective", "learning_rate": "auto"},
    {"learning_rate": gdfast.ReduceOnPlateau(0.1, 0.5, 1), "bounds": (-1.0, np.ones(3)), "history_limit": 7},
    {"learning_rate": np.linspace(0.2, 0.1, 40), "validation": (X[:9], Y[:9]), "patience": 2, "history": "none"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_a_copy_resumes_as_the_run_does(options, tmp_path, assert_same):
    run = gdfast.fit(X, Y, epochs=20, seed=3, **options)
    expected = run.resume(10)
    for other in copies(run, tmp_path):
        assert_same(other, run)
        assert other.data is None
        resumed = other.resume(10, X, Y)
        assert_same(resumed, expected)
        assert_same(pickled(resumed).resume(5, X, Y), expected.resume(5))
        for name in ("stop_reason", "seed", "solver", "backend", "learning_rate", "best_epoch", "diverged_at", "cost"):
            assert getattr(resumed, name) == getattr(expected, name)
        for name in set(run.history) - {"seconds"}:
            np.testing.assert_array_equal(resumed.history[name], expected.history[name])


@pytest.mark.parametrize("rate", [0.1, gdfast.Exponential(0.1, 0.99), np.full(30, 0.1), lambda t: 0.1 / (1 + t)])
def test_the_closed_form_needs_no_data(rate, tmp_path, assert_same):
    run = gdfast.fit(X, Y, epochs=20, solver="closed_form", learning_rate=rate)
    again = {"learning_rate": rate} if callable(rate) and not isinstance(rate, gdfast.Exponential) else {}
    expected = run.resume(10)
    for other in copies(run, tmp_path):
        assert_same(other.resume(10, **again), expected)
        assert_same(pickled(other.resume(9, **again)).resume(1, **again), expected)
        for epoch in (0, 7, 20):
            for one, same in zip(other.at(epoch), run.at(epoch), strict=True):
                np.testing.assert_array_equal(one, same)
    if again:
        with pytest.raises(ValueError, match="epoch=21 is past the 20 rates"):
            pickled(run).at(21)


def test_at_of_a_copy_reaches_past_the_end(tmp_path):
    run = gdfast.fit(np.column_stack([X, X[:, 0]]), np.column_stack([Y, -Y]), epochs=5, solver="closed_form")
    for other in copies(run, tmp_path):
        assert other.at(1000).coef.tobytes() == run.at(1000).coef.tobytes()
        assert other.at(1000).coef.shape == (2, 4)


def test_the_loop_needs_the_same_data(tmp_path):
    run = gdfast.fit(X, Y, epochs=5, solver="loop")
    for other in copies(run, tmp_path):
        with pytest.raises(ValueError, match="needs the data again"):
            other.resume(3)
        with pytest.raises(ValueError, match="fingerprint"):
            other.resume(3, X + 1, Y)
        with pytest.raises(ValueError, match="no recorded coefficients"):
            other.at(3)


@pytest.mark.parametrize("options", [{}, {"batch_size": 1000, "validation": 0.4, "average": True}])
def test_a_pickle_is_small(options):
    X = np.random.default_rng(1).normal(size=(1_000_000, 2))
    run = gdfast.fit(X, X[:, 0], epochs=2, learning_rate=0.1, seed=0, **options)
    assert len(pickle.dumps(run, 5)) < 200_000
    if options:
        np.testing.assert_array_equal(pickled(run).validation_rows, run.validation_rows)


def test_what_is_made_of_the_data_is_made_first():
    run = gdfast.fit(X, Y, epochs=5, batch_size=4, average=True, seed=0)
    other = pickled(run)
    assert other.cost == run.cost > 0
    assert other.costs.tobytes() == run.costs.tobytes()


def test_recorded_coefficients_leave_their_memory_map(monkeypatch, tmp_path):
    monkeypatch.setattr(history, "SPILL_BYTES", 1000)
    run = gdfast.fit(X, Y, epochs=200, solver="loop", record="coef")
    assert isinstance(run.history["coef"], np.memmap)
    for other in (pickled(run), copy.deepcopy(run)):
        assert type(other.history["coef"]) is np.ndarray
        np.testing.assert_array_equal(other.history["coef"], run.history["coef"])
        assert other.at(17).coef.tobytes() == run.at(17).coef.tobytes()
        assert other.resume(9, X, Y).coef.tobytes() == run.resume(9).coef.tobytes()


def test_functions_are_replaced(assert_same):
    loss = gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, curvature=1.0)
    given = {"learning_rate": lambda epoch: 0.1 / (1 + epoch), "loss": loss}
    options = {"backend": "numpy", "solver": "loop", "callbacks": [lambda state: None], "callback_every": 2}
    run = gdfast.fit(X, Y, epochs=10, **given, **options)
    other = pickled(run)
    assert "lambda" in other.settings["learning_rate"]
    with pytest.raises(ValueError, match=r"give (learning_rate|loss)= again"):
        other.resume(5, X, Y)
    assert_same(other.resume(5, X, Y, **given), run.resume(5))
    seen = []
    other.resume(5, X, Y, **given, callbacks=lambda state: seen.append(state.epoch), callback_every=1)
    assert seen == [11, 12, 13, 14, 15]


def test_a_callable_is_asked_once_for_each_epoch():
    asked = []

    def rate(epoch):
        asked.append(epoch)
        return 0.1

    for options in ({"solver": "loop"}, {"solver": "closed_form"}, {"batch_size": 4}):
        asked.clear()
        run = gdfast.fit(X, Y, epochs=10, learning_rate=rate, **options)
        run.resume(5)
        pickled(run).resume(5, X, Y, learning_rate=rate)
        assert asked == [*range(10), *range(10, 15), *range(10, 15)]


@pytest.mark.parametrize("kind", ["tuple", "list", "frame"])
def test_arrays_of_the_settings_are_the_runs_own(kind, tmp_path, assert_same):
    rates, features = np.full(20, 0.1), X[:9].copy()
    if kind == "frame":
        features = pytest.importorskip("pandas").DataFrame(features)
    validation = [features, Y[:9].copy()]
    run = gdfast.fit(
        X, Y, epochs=5, learning_rate=rates, validation=tuple(validation) if kind == "tuple" else validation
    )
    expected, others = run.resume(5), copies(run, tmp_path)
    rates[:] = 0.0
    features *= 0.0
    validation[1][:] = 0.0
    for other in (run, *others, *copies(run, tmp_path)):
        assert_same(other.resume(5, X, Y), expected)


def test_a_callable_is_not_asked_again_after_backtracking():
    asked = []

    def rate(epoch):
        asked.append(epoch)
        return 0.01 if epoch < 5 else 1e12

    run = gdfast.fit(X, Y, epochs=4, learning_rate=rate, batch_size=4, on_divergence="backtrack", seed=0)
    with pytest.warns(gdfast.DivergenceWarning, match="the cost is growing"):  # at 1e12, halved until it is finite
        resumed = run.resume(3)
    assert resumed.diverged_at is not None
    assert asked == list(range(7))


def test_what_cannot_be_written_out_is_named():
    class Bad:
        def __repr__(self):
            raise RuntimeError

        def on_chunk(self, state):
            pass

    class Halved(gdfast.Step):
        def __call__(self, t):
            return 0.5 * super().__call__(t)

    long = functools.partial(lambda numbers, epoch: 0.1, list(range(10_000)))
    for options in ({"callbacks": Bad()}, {"learning_rate": gdfast.Warmup(Halved(0.1, 5), 2)}, {"learning_rate": long}):
        other = pickled(gdfast.fit(X, Y, epochs=3, solver="loop", **options))
        assert len(pickle.dumps(other)) < 10_000
        again = {} if "callbacks" in options else options
        if again:
            with pytest.raises(ValueError, match="give learning_rate= again"):
                other.resume(2, X, Y)
        assert other.resume(2, X, Y, **again).epochs == 5


@pytest.mark.parametrize("labels", [[b"x", b"yy"], [np.datetime64("2024-01-01"), np.datetime64("2025-01-01")]])
def test_validation_labels_of_any_kind_are_kept(labels, tmp_path, assert_same):
    y = [labels[int(value > 0)] for value in Y]
    run = gdfast.fit(X, y, loss="log_loss", validation=(X[:9], y[:9]), epochs=5)
    for other in copies(run, tmp_path):
        assert_same(other.resume(3, X, y), run.resume(3))


PROGRAM = """
import multiprocessing, warnings
from concurrent.futures import ProcessPoolExecutor
import numpy as np, gdfast
from gdfast.results import history

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.3
OPTIONS = [{"solver": "closed_form"}, {"solver": "loop", "n_threads": 2}, {"batch_size": 4, "average": True}]

def fit(options):
    return gdfast.fit(X, Y, epochs=20, seed=1, **options)

def resume(run):
    return run.resume(7, X, Y)

def diverge(rate):
    warnings.simplefilter("ignore")
    gdfast.fit(X, Y, epochs=2000, learning_rate=rate, solver="loop", on_divergence="raise")

def same(one, other):
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in ("coef", "costs"))

if __name__ == "__main__":
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        runs = list(pool.map(fit, OPTIONS))
        longer = list(pool.map(resume, runs))
        error = pool.submit(diverge, 100.0).exception()
    for options, run, resumed in zip(OPTIONS, runs, longer):
        assert same(run, fit(options)) and same(resumed, fit(options).resume(7)), options
    assert isinstance(error, gdfast.DivergenceError), error
    assert error.run.diverged_at == error.run.epochs + 1
    try:
        import joblib
    except ImportError:
        joblib = None
    if joblib is not None:
        runs = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(fit)(options) for options in OPTIONS)
        assert all(same(run, fit(options)) for run, options in zip(runs, OPTIONS))
        history.SPILL_BYTES = 1000
        run = gdfast.fit(X, Y, epochs=200, solver="loop", record="coef")
        assert isinstance(run.history["coef"], np.memmap)
        longer, = joblib.Parallel(n_jobs=2, backend="loky", max_nbytes=100)([joblib.delayed(resume)(run)])
        assert same(longer, run.resume(7)) and longer.at(3).coef.tobytes() == run.at(3).coef.tobytes()
    print("right")
"""


def test_runs_cross_process_borders(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr


def test_results_of_minimize_and_stability_pickle():
    low = gdfast.minimize(lambda t: (t - 5) ** 2, 0.0, learning_rate=0.1, steps=5)
    assert pickled(low).path.tolist() == low.path.tolist()
    assert pickled(low).stop_reason is low.stop_reason
    limits = gdfast.stability(X)
    assert pickled(limits).epochs_to(1e-3) == limits.epochs_to(1e-3)
