"""Resuming after any split gives the bits of one fit, for drawn options: history, records, stopping rules, solvers."""

import itertools
import os
import pickle
import signal
import tempfile
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.solvers.loop import chunks
from gdfast.solvers.monitoring import callbacks

SAME_DRAWS = os.environ.get("GDFAST_TESTS") != "all"  # .ci/long draws new ones

RNG = np.random.default_rng(6)
X = RNG.normal(size=(23, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=23)
HERE = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]
RATES = [0.02, gdfast.InverseTime(0.05, 0.1), gdfast.Step(0.05, 7, by="step"), gdfast.ReduceOnPlateau(0.1, 0.5, 1)]
RECORDS = ["learning_rate", "gradient_norm", "coef_norm", "coef", "seconds"]

OPTIONS = {
    "history": st.sampled_from(["auto", "objective", "running", "none"]),
    "history_every": st.sampled_from([1, 2, 3, 5, "log"]),
    "history_limit": st.sampled_from([2, 3, 4, 7, 10_000_000]),
    "record": st.lists(st.sampled_from(RECORDS), max_size=2, unique=True).map(tuple) | st.just(()),
    "tol": st.sampled_from([None, None, 0.0, 1e-7]),
    "gradient_tol": st.sampled_from([None, None, 0.0, 1e-9]),
    "validation": st.sampled_from([None, None, 0.3, (X[:5], Y[:5])]),
    "learning_rate": st.sampled_from(RATES),
    "batch_size": st.sampled_from([None, 1, 5]),
    "optimizer": st.sampled_from(["gd", "nesterov", "adam"]),
    "average": st.sampled_from([None, 3, gdfast.EMA(0.9)]),
    "on_divergence": st.sampled_from(["warn", "backtrack"]),
    "standardize": st.booleans(),
    "backend": st.sampled_from(HERE),
}
STANDING = {"solver": "closed_form", "backend": HERE[0]}
PATH_OPTIONS = {
    "history": st.sampled_from(["auto", "objective", "none"]),
    "learning_rate": st.sampled_from(RATES[:2]),
    "optimizer": st.sampled_from(["gd", "momentum", "nesterov"]),
    "standardize": st.booleans(),
} | {name: OPTIONS[name] for name in ("history_every", "history_limit", "tol")}
SPLITS = st.lists(st.integers(1, 69), min_size=1, max_size=4, unique=True).map(sorted)
WAYS = st.sampled_from(["memory", "pickle", "file"])


def taken_up(run, way):
    """Return the run as the next call finds it, and the data that it needs."""
    if way == "memory":
        return run, ()
    if way == "pickle":
        return pickle.loads(pickle.dumps(run)), (X, Y)
    with tempfile.TemporaryDirectory() as folder:
        run.save(os.path.join(folder, "run.npz"))
        return gdfast.Run.load(os.path.join(folder, "run.npz")), (X, Y)


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
        warnings.filterwarnings("ignore", "the cost is growing")
        return function(*arguments, **options)


def assert_equal(parts, whole):
    for name in ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs"):
        assert np.asarray(getattr(parts, name)).tobytes() == np.asarray(getattr(whole, name)).tobytes(), name
    assert (parts.epochs, parts.steps, parts.best_epoch) == (whole.epochs, whole.steps, whole.best_epoch)
    assert parts.history.keys() == whole.history.keys()
    for name in set(whole.history) - {"seconds"}:
        np.testing.assert_array_equal(parts.history[name], whole.history[name], err_msg=name)


def check_splits(options, splits, way):
    whole = quietly(gdfast.fit, X, Y, epochs=70, seed=4, **options)
    run = quietly(gdfast.fit, X, Y, epochs=splits[0], seed=4, **options)
    for first, end in itertools.pairwise([*splits, 70]):
        if run.stop_reason != "epochs":
            assert whole.stop_reason != "epochs"
            return
        again, data = taken_up(run, way)
        run = quietly(again.resume, end - first, *data)
    assert run.stop_reason == whole.stop_reason
    assert_equal(run, whole)


@given(st.fixed_dictionaries(OPTIONS), SPLITS, WAYS)
@settings(max_examples=120, deadline=None, derandomize=SAME_DRAWS)
def test_the_loop_split_at_any_epochs_is_one_fit(options, splits, way):
    check_splits({"solver": "loop", **options}, splits, way)


@given(st.fixed_dictionaries(PATH_OPTIONS), SPLITS, WAYS)
@settings(max_examples=40, deadline=None, derandomize=SAME_DRAWS)
def test_the_closed_form_split_at_any_epochs_is_one_fit(options, splits, way):
    check_splits(options | STANDING, splits, way)


@given(st.fixed_dictionaries(OPTIONS), st.lists(st.integers(1, 60), min_size=1, max_size=3), WAYS)
@settings(max_examples=40, deadline=None, derandomize=SAME_DRAWS)
def test_ctrl_c_within_any_epoch_and_resuming_is_one_fit(options, presses, way):
    """A chunk is one update here, so that Ctrl-C comes after any of them."""
    options = {"solver": "loop", "seed": 4, **options}
    whole = quietly(gdfast.fit, X, Y, epochs=70, **options)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("FIRST_PRODUCTS", "LARGEST_CHUNK", "LARGEST_CALL"):
            patched.setattr(chunks, name, 1)
        patched.setattr(callbacks, "CALLBACK_SECONDS", -1.0)
        run = None
        for press in presses:
            left = itertools.count(1)

            def on_chunk(state, press=press, left=left):
                if next(left) == press:
                    signal.raise_signal(signal.SIGINT)

            if run is None:
                run = quietly(gdfast.fit, X, Y, epochs=70, callbacks=on_chunk, **options)
            elif run.stop_reason == "interrupted" and run.epochs < 70:
                again, data = taken_up(run, way)
                run = quietly(again.resume, 70 - run.epochs, *data, callbacks=on_chunk)
    if run.stop_reason == "interrupted" and run.epochs < 70:
        again, data = taken_up(run, way)
        run = quietly(again.resume, 70 - run.epochs, *data, callbacks=())
    assert run.stop_reason in (whole.stop_reason, "interrupted")
    assert_equal(run, whole)


def test_a_thousand_single_epochs_keep_the_limit():
    options = {"solver": "loop", "history_limit": 3}
    run = gdfast.fit(X, Y, epochs=1, **options)
    for _ in range(199):
        run = run.resume(1)
    assert_equal(run, gdfast.fit(X, Y, epochs=200, **options))
    assert len(run.costs) <= 4


@pytest.mark.parametrize("batch_size", [None, 5, 1])
@pytest.mark.parametrize("options", [{}, {"gradient_tol": 1e-12}, {"tol": 0.0}, {"gradient_tol": 1e-12, "tol": 0.0}])
def test_epoch_0_is_recorded_whatever_is_watched(batch_size, options):
    for backend in HERE:
        run = gdfast.fit(
            X, Y, epochs=4, batch_size=batch_size, history="objective", seed=0, learning_rate=0.01, solver="loop",
            backend=backend, **options,
        )  # fmt: skip
        assert run.cost_epochs.tolist() == [0, 1, 2, 3, 4]
        assert run.costs[0] == pytest.approx(0.5 * np.mean(Y**2), rel=1e-14)
