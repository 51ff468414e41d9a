"""Resuming gives the bits of one longer fit: in memory, from a file or a pickle, and after a stop within an epoch."""

import os
import pickle

import numpy as np
import pytest

import gdfast


def draws(count, seed):
    """Yield random options over all that resuming must keep."""
    rng = np.random.default_rng(seed)
    choices = {
        "optimizer": ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"],
        "learning_rate": [
            0.02, gdfast.InverseTime(0.05, 0.1), gdfast.Step(0.05, 7, by="step"), gdfast.ReduceOnPlateau(0.1, 0.5, 1),
            gdfast.Warmup(gdfast.Cosine(0.05, 20, restarts=True), 5), np.linspace(0.05, 0.01, 30),
        ],
        "average": [None, True, 3, gdfast.EMA(0.9), gdfast.EMA(0.8, 7)],
        "batch_size": [None, 1, 7],
        "loss": ["squared_error", "log_loss"],
        "penalty": [None, "l1", "elasticnet"],
        "history_every": [1, 3, "log"],
        "history": ["auto", "objective", "running", "none"],
        "history_limit": [10**6, 9],
        "tol": [None, None, 1e-4],
        "positive": [False, True],
        "clip_norm": [None, 0.5],
        "validation": [None, None, 0.3],
        "record": [(), ("coef", "gradient_norm", "learning_rate", "coef_norm")],
        "on_divergence": ["warn", "backtrack"],
    }  # fmt: skip
    for _ in range(count):
        options = {name: values[rng.integers(len(values))] for name, values in choices.items()}
        options["alpha"] = 0.05 if options["penalty"] else 0.0
        options["restore_best"] = options["validation"] is not None and bool(rng.integers(2))
        yield {**options, "seed": 3}


def test_resuming_in_memory_from_a_file_and_from_a_pickle_is_one_fit(backend, tmp_path, X, Y, labels, assert_same):
    compared, few = 0, 14 if os.environ.get("GDFAST_TESTS") == "all" else 5  # Numba compiles for each
    for options in draws({"cython": 150, "numpy": 60}.get(backend, few), seed=5):
        y = Y if options["loss"] == "squared_error" else labels
        whole = gdfast.fit(X, y, epochs=30, backend=backend, **options)
        first = gdfast.fit(X, y, epochs=11, backend=backend, **options)
        second = first.resume(1)
        if "tol" in (first.stop_reason, second.stop_reason) or "validation" in (first.stop_reason, second.stop_reason):
            continue
        assert_same(second.resume(18), whole)
        first.save(tmp_path / "run.npz")
        for other in (gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(first, 5))):
            assert_same(other, first)
            assert_same(other.resume(19, X, y), whole)
            assert_same(other.resume(19, X, y), whole)
        compared += 1
    assert compared > 2


def test_a_loaded_run_needs_the_same_data(tmp_path, X, Y):
    weights = np.linspace(1, 2, 40)
    gdfast.fit(X, Y, sample_weight=weights, epochs=3).save(tmp_path / "run.npz")
    run = gdfast.Run.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="needs the data again"):
        run.resume(2)
    changed = X.copy()
    changed[3, 1] = np.nextafter(changed[3, 1], 9)
    for data in (
        (changed, Y, weights),
        (X.astype(np.float32), Y, weights),
        (X, Y + 1, weights),
        (X, Y),
        (X[1:], Y, weights),
    ):
        with pytest.raises(ValueError, match="fingerprint"):
            run.resume(2, *data)
    assert run.resume(2, np.asfortranarray(X), Y.tolist(), weights).epochs == 5
    with pytest.raises(TypeError, match="resume takes"):
        run.resume(2, X, Y, weights, optimizer="adam")


@pytest.mark.parametrize("kind", ["rate", "loss"])
def test_what_a_file_cannot_hold_is_replaced(kind, tmp_path, X, Y, assert_same):
    loss = gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, curvature=1.0)
    options = {"learning_rate": lambda epoch: 0.1 / (1 + epoch)} if kind == "rate" else {"loss": loss}
    whole = gdfast.fit(X, Y, epochs=9, solver="loop", backend="numpy", **options)
    gdfast.fit(X, Y, epochs=4, solver="loop", backend="numpy", **options).save(tmp_path / "run.npz")
    run = gdfast.Run.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"give (learning_rate|loss)= again"):
        run.resume(5, X, Y)
    assert_same(run.resume(5, X, Y, **options), whole)


def test_an_epoch_that_was_cut_short_is_finished_first(backend, assert_same):
    big = np.random.default_rng(4).normal(size=(60_000, 40))
    y = big[:, 0] + big[:, 1] ** 2
    options = {"batch_size": 1, "learning_rate": 1e-3, "seed": 1, "backend": backend}
    gdfast.fit(big[:50], y[:50], epochs=1, **options)
    run = gdfast.fit(big, y, epochs=1000, max_seconds=0.1, **options)
    assert run.stop_reason == "max_seconds"
    assert run.epochs < 1000
    if backend == "numpy":
        assert run.steps < 60_000
        return
    assert_same(run.resume(2), gdfast.fit(big, y, epochs=run.epochs + 2, **options))


@pytest.mark.parametrize("rate", [0.05, gdfast.InverseTime(0.1, 0.02)], ids=repr)
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
@pytest.mark.parametrize("history_every", [1, 7, "log"])
@pytest.mark.parametrize("solver", ["loop", "closed_form", 1, 5])
@pytest.mark.filterwarnings("ignore:the cost is growing")
def test_resuming_is_one_fit(solver, history_every, optimizer, rate, rng):
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    options = {"learning_rate": rate, "optimizer": optimizer, "history_every": history_every}
    options |= {"solver": solver} if isinstance(solver, str) else {"batch_size": solver, "seed": 4}
    whole = gdfast.fit(X, y, epochs=447, **options)
    first = gdfast.fit(X, y, epochs=20, **options)
    kept = first.costs.copy()
    parts = first.resume(1).resume(426)
    assert parts.epochs == 447
    assert parts.coef.tobytes() == whole.coef.tobytes()
    assert parts.intercept == whole.intercept
    assert parts.cost_epochs.tolist() == whole.cost_epochs.tolist()
    assert parts.costs.tobytes() == whole.costs.tobytes()
    assert first.epochs == 20
    assert first.costs.tobytes() == kept.tobytes()
