"""Stopping, history, callbacks, checkpoints, interruption and continuation of a descent."""

import itertools
import math
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gdfast
from gdfast.results import history

IGNORE_STABILITY = pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore::gdfast.DivergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=40)
LABELS = np.where(Y > 0, "yes", "no")


def assert_same(run, other):
    for name in ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs"):
        assert np.asarray(getattr(run, name)).tobytes() == np.asarray(getattr(other, name)).tobytes(), name
    assert (run.epochs, run.steps, run.best_epoch) == (other.epochs, other.steps, other.best_epoch)
    for name, column in run.history.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, other.history[name])


def draws(count, seed):
    """Yield options drawn over all that a continuation must keep."""
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
        yield {**options, "seed": 3, "y": Y if options["loss"] == "squared_error" else LABELS}


def test_going_on_is_one_fit_in_memory_and_from_a_file(backend, tmp_path):
    compared, few = 0, 14 if os.environ.get("GDFAST_TESTS") == "all" else 5  # Numba compiles for each
    for options in draws({"cython": 150, "numpy": 60}.get(backend, few), seed=5):
        y = options.pop("y")
        whole = gdfast.fit(X, y, epochs=30, backend=backend, **options)
        first = gdfast.fit(X, y, epochs=11, backend=backend, **options)
        second = first.resume(1)
        if "tol" in (first.stop_reason, second.stop_reason) or "validation" in (first.stop_reason, second.stop_reason):
            continue
        assert_same(second.resume(18), whole)
        first.save(tmp_path / "run.npz")
        loaded = gdfast.Run.load(tmp_path / "run.npz")
        assert_same(loaded, first)
        assert_same(loaded.resume(19, X, y), whole)
        assert_same(loaded.resume(19, X, y), whole)
        compared += 1
    assert compared > 2


def test_a_loaded_run_wants_the_same_data(tmp_path):
    weights = np.linspace(1, 2, 40)
    gdfast.fit(X, Y, sample_weight=weights, epochs=3).save(tmp_path / "run.npz")
    run = gdfast.Run.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="give it: resume"):
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
def test_what_a_file_cannot_hold_is_given_again(kind, tmp_path):
    loss = gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, curvature=1.0)
    options = {"learning_rate": lambda epoch: 0.1 / (1 + epoch)} if kind == "rate" else {"loss": loss}
    whole = gdfast.fit(X, Y, epochs=9, solver="loop", backend="numpy", **options)
    gdfast.fit(X, Y, epochs=4, solver="loop", backend="numpy", **options).save(tmp_path / "run.npz")
    run = gdfast.Run.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"give (learning_rate|loss)= again"):
        run.resume(5, X, Y)
    assert_same(run.resume(5, X, Y, **options), whole)


def test_checkpoints_are_runs_and_are_not_overwritten(tmp_path):
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


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    """A few kills here; benchmarks/kills.py makes as many as one likes."""
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


def press(after):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.parametrize("options", [{"loss": "log_loss"}, {"solver": "loop"}, {"batch_size": 1}], ids=str)
def test_ctrl_c_returns_what_was_done(options, backend):
    y = LABELS if "loss" in options else Y
    gdfast.fit(X, y, epochs=2, backend=backend, learning_rate=0.001, **options)  # whatever is compiled is compiled now
    handler = signal.getsignal(signal.SIGINT)
    press(0.3)
    run = gdfast.fit(X, y, epochs=10**9, backend=backend, learning_rate=0.001, seed=1, **options)
    assert run.stop_reason == "interrupted"
    assert math.isfinite(run.cost)
    assert 0 < run.epochs < 10**9
    assert signal.getsignal(signal.SIGINT) is handler
    target = run.epochs + 3
    assert_same(run.resume(3), gdfast.fit(X, y, epochs=target, backend=backend, learning_rate=0.001, seed=1, **options))


def test_ctrl_c_may_raise():
    press(0.2)
    with pytest.raises(KeyboardInterrupt):
        gdfast.fit(X, Y, epochs=10**9, solver="loop", interrupt="raise")


def test_a_cut_within_an_epoch_is_finished_first(backend):
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


@pytest.mark.parametrize("batch_size", [None, 8])
def test_gradient_tol_stops_at_the_first_small_gradient(batch_size):
    options = {"batch_size": batch_size, "solver": "loop", "learning_rate": 0.3, "epochs": 400, "seed": 1}
    run = gdfast.fit(X, Y, gradient_tol=0.05, record="gradient_norm", **options)
    A = np.column_stack([X, np.ones(40)])
    norm = np.linalg.norm(A.T @ (A @ np.append(run.coef, run.intercept) - Y) / 40)
    assert run.stop_reason == "gradient"
    assert run.history["gradient_norm"][-1] == pytest.approx(norm, rel=1e-9)
    assert run.history["gradient_norm"][-1] <= 0.05 < run.history["gradient_norm"][:-1].min()


def test_gradient_norms_at_kinks_and_bounds():
    options = {"penalty": "l1", "alpha": 0.4, "epochs": 20_000, "record": "gradient_norm", "solver": "loop"}
    assert gdfast.fit(X, Y, history_every=5000, **options).history["gradient_norm"][-1] < 1e-12
    bounded = gdfast.fit(X, Y, bounds=(-0.5, [0.3, 9, 9]), history_every=5000, **options)
    assert bounded.history["gradient_norm"][-1] < 1e-12
    assert bounded.coef[0] == 0.3
    assert bounded.coef[1] == -0.5
    assert gdfast.fit(X, Y, positive=True, epochs=50).coef.min() == 0.0


def test_validation_chooses_the_best_epoch(backend):
    options = {"learning_rate": 0.02, "epochs": 80, "backend": backend, "optimizer": "momentum"}
    run = gdfast.fit(X[:20], Y[:20], validation=(X[20:], Y[20:]), **options)
    costs = run.history["validation_cost"]
    z = X[20:] @ run.coef + run.intercept
    assert costs[-1] == pytest.approx(0.5 * np.mean((z - Y[20:]) ** 2), rel=1e-12)
    assert len(costs) == 81
    assert run.best_epoch == int(np.argmin(costs))
    best = gdfast.fit(X[:20], Y[:20], validation=(X[20:], Y[20:]), restore_best=True, **options)
    then = gdfast.fit(X[:20], Y[:20], **{**options, "epochs": run.best_epoch}, solver="loop")
    np.testing.assert_array_equal(best.coef, then.coef)
    np.testing.assert_array_equal(best.last_coef, run.coef)


@pytest.mark.parametrize(
    ("tol", "patience", "expected"), [(0.0, 1, "validation"), (0.0, 500, "epochs"), (1e-3, 4, "validation")]
)
def test_validation_stops_after_patience_epochs_in_a_row(tol, patience, expected):
    options = {"learning_rate": 0.05, "epochs": 400, "validation": (X[20:], Y[20:]), "optimizer": "momentum"}
    costs = gdfast.fit(X[:20], Y[:20], **options).history["validation_cost"]
    lowest, missed, last = math.inf, 0, 400
    for epoch, cost in enumerate(costs):
        missed = missed + 1 if cost > lowest - tol else 0
        lowest = min(lowest, cost)
        if missed == patience:
            last = epoch
            break
    stopped = gdfast.fit(X[:20], Y[:20], tol=tol, patience=patience, **options)
    assert (stopped.stop_reason, stopped.epochs) == (expected, last)


def test_validation_fraction_is_drawn_from_the_seed():
    run = gdfast.fit(X, Y, validation=0.25, seed=9, epochs=7)
    again = gdfast.fit(X, Y, validation=0.25, seed=9, epochs=7)
    np.testing.assert_array_equal(run.validation_rows, again.validation_rows)
    assert len(run.validation_rows) == 10
    rest = np.setdiff1d(np.arange(40), run.validation_rows)
    plain = gdfast.fit(X[rest], Y[rest], epochs=7, solver="loop", learning_rate=run.learning_rate)
    np.testing.assert_array_equal(run.coef, plain.coef)
    rows = gdfast.fit(X, LABELS, loss="log_loss", validation=0.25, seed=9, epochs=2).validation_rows
    np.testing.assert_array_equal(rows, run.validation_rows)


def test_records_are_the_iterates():
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


def test_callbacks_come_when_they_should(backend):
    events = []

    class Watch:
        def on_start(self, state):
            events.append(("start", state.epoch, state.cost))

        def on_chunk(self, state):
            events.append(("chunk", state.epoch, state.cost))
            state.coef[:] = 99.0
            return state.epoch == 9

        def on_end(self, state):
            events.append(("end", state.epoch, state.cost))

    run = gdfast.fit(X, Y, epochs=20, learning_rate=0.1, callbacks=Watch(), callback_every=3, backend=backend)
    assert [(kind, epoch) for kind, epoch, _ in events] == [
        ("start", 0),
        ("chunk", 3),
        ("chunk", 6),
        ("chunk", 9),
        ("end", 9),
    ]
    assert run.stop_reason == "callback"
    plain = gdfast.fit(X, Y, epochs=20, learning_rate=0.1, solver="loop", backend=backend)
    assert [cost for *_, cost in events[1:-1]] == plain.costs[[3, 6, 9]].tolist()
    assert run.coef.max() < 99.0
    with pytest.raises(ZeroDivisionError):
        gdfast.fit(X, Y, epochs=200, callbacks=lambda state: 1 / 0, callback_every=1)


def test_reduce_on_plateau_follows_the_costs(backend):
    schedule = gdfast.ReduceOnPlateau(0.5, factor=0.5, patience=1, threshold=1e-3)
    for options in (
        {},
        {"batch_size": 1, "seed": 1, "learning_rate": None},
        {"batch_size": 4, "seed": 1, "history": "objective"},
    ):
        rate = gdfast.ReduceOnPlateau(0.05, factor=0.5, patience=1, threshold=1e-3) if options else schedule
        options = {**options, "learning_rate": rate, "epochs": 40, "solver": "loop", "backend": backend}
        run = gdfast.fit(X, Y, record="learning_rate", **options)
        plain = gdfast.fit(X, Y, **options)
        assert plain.coef.tobytes() == run.coef.tobytes()
        known, rates, least, without, now = run.history["cost"], [math.nan], math.inf, 0, rate.rate
        for cost in known:
            if not math.isnan(cost):
                if cost < least * (1 - 1e-3):
                    least, without = cost, 0
                else:
                    without += 1
                if without > 1:
                    now, without = now * 0.5, 0
            rates.append(now)
        np.testing.assert_allclose(run.history["learning_rate"], rates[:-1])


@IGNORE_STABILITY
@pytest.mark.parametrize("batch_size", [None, 1, 6])
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_backtracking_halves_the_rate_until_it_holds(batch_size, optimizer, backend):
    options = {"batch_size": batch_size, "optimizer": optimizer, "seed": 1, "backend": backend}
    run = gdfast.fit(
        X, Y, learning_rate=50.0, epochs=1500, on_divergence="backtrack", record="learning_rate", **options
    )
    assert run.stop_reason == "epochs"
    assert run.diverged_at is not None
    assert run.epochs == 1500
    assert np.isfinite(run.costs[1:]).all()
    halvings = np.log2(50.0 / run.history["learning_rate"][-1])
    assert halvings == round(halvings) >= 1
    assert np.array_equal(run.cost_epochs, np.arange(1501))
    first = gdfast.fit(
        X, Y, learning_rate=50.0, epochs=700, on_divergence="backtrack", record="learning_rate", **options
    )
    assert_same(first.resume(800), run)


def test_own_losses_train_as_the_registrys(backend):
    from gdfast.formulas.vocabulary import maximum, minimum

    own = gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, name="mine", curvature=1.0)
    clipped = gdfast.Loss(
        lambda y, z: 0.5 * minimum(abs(z - y), 1.0) ** 2 + abs(z - y) - minimum(abs(z - y), 1.0),
        lambda y, z: maximum(minimum(z - y, 1.0), -1.0),
        curvature=1.0,
    )
    if backend == "cython":
        with pytest.raises(ValueError, match="backend='cython' cannot run"):
            gdfast.fit(X, Y, loss=own, backend=backend)
        return
    for loss, name, c in ((own, "squared_error", None), (clipped, "huber", 1.0)):
        for batch_size in (None, 1, 7):
            options = {"epochs": 5, "batch_size": batch_size, "seed": 1, "backend": backend, "solver": "loop"}
            mine, theirs = (
                gdfast.fit(X, Y, loss=loss, **options),
                gdfast.fit(X, Y, loss=name, loss_parameter=c, **options),
            )
            np.testing.assert_allclose(mine.coef, theirs.coef, rtol=1e-12)
            np.testing.assert_allclose(mine.costs, theirs.costs, rtol=1e-12)
            assert mine.loss == loss.name
            assert mine.predict(X).shape == (40,)


WRONG = [
    {"validation": 1.0}, {"validation": 0}, {"validation": "half"}, {"validation": (X,)},
    {"patience": 3}, {"patience": 0, "tol": 0.1}, {"tol": -1}, {"restore_best": True}, {"bounds": (1, 0)},
    {"bounds": 3}, {"bounds": (np.nan, 1)}, {"bounds": ([0, 1], 1)}, {"bounds": (-2, -1), "positive": True},
    {"positive": 1}, {"clip_norm": 0}, {"clip_value": -1}, {"clip_value": "a"}, {"average": -1}, {"average": 0.5},
    {"average": gdfast.EMA}, {"optimizer": "adam", "solver": "closed_form"},
    {"solver": "closed_form", "positive": True},
    {"solver": "closed_form", "average": True}, {"solver": "closed_form", "validation": 0.5},
    {"optimizer": gdfast.Adam},
    {"penalty_factors": [1, 1, 1]}, {"penalty": "l2", "alpha": 1, "penalty_factors": [1, -1, 1]},
    {"penalty": "l2", "alpha": 1, "penalty_factors": [1, 1]}, {"max_seconds": 0}, {"max_seconds": "1"},
    {"gradient_tol": -1}, {"record": "weights"}, {"record": 3}, {"callbacks": 3}, {"callbacks": [3]},
{"callback_every": 0, "callbacks": print}, {"interrupt": "ignore"}, {"on_divergence": "cry"},
    {"checkpoint_every": 2}, {"checkpoint_seconds": 2.0}, {"checkpoint": 3}, {"checkpoint": "nowhere/at/all"},
    {"learning_rate": gdfast.ReduceOnPlateau}, {"loss": gdfast.Loss}, {"history_limit": 1},
]  # fmt: skip


@pytest.mark.parametrize("options", WRONG, ids=lambda options: "-".join(options))
def test_wrong_options_are_refused_before_training(options):
    def start(state):
        pytest.fail("training began")

    class Begun:
        on_start = staticmethod(start)

    name = next(iter(options))
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as caught:
        gdfast.fit(X, Y, **{"callbacks": Begun(), **options} if "solver" not in options else options)
    words = {"patience": "patience", "optimizer": "closed_form|class", "solver": "closed_form"}
    import re

    assert re.search(words.get(name, name), str(caught.value)), caught.value


@pytest.mark.parametrize(
    "make",
    [
        lambda: gdfast.AdaGrad(eps=0), lambda: gdfast.RMSProp(rho=1.0), lambda: gdfast.Adam(beta1=1),
        lambda: gdfast.Adam(eps=-1),
        lambda: gdfast.AdamW(weight_decay=-1), lambda: gdfast.EMA(1.0), lambda: gdfast.EMA(0.5, -1),
        lambda: gdfast.ReduceOnPlateau(0.1, factor=1.0), lambda: gdfast.ReduceOnPlateau(0),
        lambda: gdfast.ReduceOnPlateau(0.1, patience=-1),
        lambda: gdfast.Warmup(gdfast.ReduceOnPlateau(0.1), 3),
    ],
)  # fmt: skip
def test_wrong_numbers_of_optimizers_and_schedules(make):
    with pytest.raises((ValueError, TypeError)):
        make()


def test_the_callers_arrays_are_left_alone():
    factors, low, high = np.ones(3), np.full(3, -1.0), np.full(3, 1.0)
    kept = [array.copy() for array in (X, Y, factors, low, high)]
    gdfast.fit(
        X, Y, penalty="l1", alpha=0.1, penalty_factors=factors, bounds=(low, high), validation=(X, Y), batch_size=3,
        optimizer="adam", average=True, clip_norm=1.0, epochs=3,
    )  # fmt: skip
    assert all(itertools.starmap(np.array_equal, zip((X, Y, factors, low, high), kept, strict=True)))


def test_recorded_coefficients_spill_into_a_file(monkeypatch):
    """A history larger than the memory allowed for it is a map, with the same rows; thinned and continued, too."""
    options = {"learning_rate": 0.05, "record": ("coef",), "history_limit": 150, "backend": "numpy"}
    within_memory = gdfast.fit(X, Y, epochs=200, **options).resume(40).history  # joined when it is asked for
    monkeypatch.setattr(history, "SPILL_BYTES", 500)
    spilled = gdfast.fit(X, Y, epochs=200, **options).resume(40)
    assert isinstance(spilled.history["coef"], np.memmap)
    assert not isinstance(within_memory["coef"], np.memmap)
    for name, column in within_memory.items():
        np.testing.assert_array_equal(column, spilled.history[name])


@pytest.mark.parametrize("history_every", [1, 3, "log"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_stochastic_objective_is_j_at_each_recorded_epoch(backend, batch_size, history_every):
    """The J that kernels find where an epoch ends is the J of coef there."""
    options = {"penalty": "elasticnet", "alpha": 0.1, "batch_size": batch_size, "learning_rate": 0.01, "seed": 3}
    options |= {"sample_weight": np.arange(1.0, 41.0), "backend": backend}
    run = gdfast.fit(X, Y, epochs=11, history="objective", history_every=history_every, **options)
    assert run.cost == run.costs[-1]
    for epoch, cost in zip(run.cost_epochs.tolist()[1:], run.costs[1:], strict=True):
        assert gdfast.fit(X, Y, epochs=epoch, **options).cost == pytest.approx(cost, rel=1e-14)
