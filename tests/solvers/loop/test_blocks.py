"""The loop over blocks of rows; its numbers are held against an 80-bit loop in tests/fuzz/test_options.py."""

import gc
import itertools
import signal
import threading
import time
import weakref

import numpy as np
import pytest

import gdfast
from gdfast import Blocks

rng = np.random.default_rng(0)
SIZES = [30, 0, 1, 39, 20]
X = rng.normal(size=(90, 4))
Y = X @ [1.0, 2.0, -1.0, 0.5] + rng.normal(size=90)
LABELS = np.where(Y > 0, "yes", "no")
CLASSES = np.digitize(Y, [-1, 1])
FULL = {"loss": "log_loss", "epochs": 9, "learning_rate": 0.5}
SGD = {"loss": "log_loss", "epochs": 4, "learning_rate": 0.05, "batch_size": 1, "seed": 3}
ADAM = {"loss": "log_loss", "epochs": 4, "learning_rate": 0.1, "batch_size": 8, "seed": 3, "optimizer": "adam"}
ADAM |= {"average": 2, "penalty": "l1", "alpha": 0.01}
OBJECTIVE = SGD | {"history": "objective"}
OPTIONS = {"full batch": FULL, "SGD": SGD, "mini-batches": ADAM, "objective": OBJECTIVE}
EVERY = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def parts(rows=X, y=LABELS, sizes=SIZES):
    borders = np.cumsum([0, *sizes])
    return [(rows[i:j], y[i:j]) for i, j in itertools.pairwise(borders)]


def made(blocks):
    """Return Blocks that are made anew in each pass."""
    return Blocks([lambda block=block: block for block in blocks])


def bits(run):
    return run.coef.tobytes(), run.costs.tobytes(), run.intercept


@EVERY
def test_no_bit_depends_on_where_blocks_are(options):
    run = gdfast.fit(Blocks(parts()), **options)
    assert run.solver == "loop"
    assert bits(gdfast.fit(made(parts()), **options)) == bits(run)
    assert bits(gdfast.fit(Blocks(parts()), n_threads=3, **options)) == bits(run)
    watched = gdfast.fit(Blocks(parts()), callbacks=lambda state: None, callback_every=1, **options)
    assert bits(watched) == bits(run)
    alone = gdfast.fit(Blocks(lambda: iter(parts())), **options | {"shuffle": False})
    assert bits(alone) == bits(gdfast.fit(made(parts()), **options | {"shuffle": False}))


@EVERY
def test_resumed(options, tmp_path):
    run = gdfast.fit(made(parts()), **options)
    first = gdfast.fit(made(parts()), **options | {"epochs": options["epochs"] - 2})
    assert bits(first.resume(2)) == bits(run)
    path = tmp_path / "run.npz"
    first.save(path)
    assert bits(gdfast.resume(path, Blocks(parts()), epochs=2)) == bits(run)
    with pytest.raises(ValueError, match="the fingerprint of X, y and sample_weight is not that"):
        gdfast.resume(path, Blocks(parts(X + 1)), epochs=2)
    with pytest.raises(ValueError, match="resuming needs the data again"):
        gdfast.resume(path, epochs=2)


@EVERY
def test_cut_off_within_an_epoch(options, tmp_path):
    """A pass that the time ends leaves what a finished one would have continued from."""

    def slow(block):
        time.sleep(0.005)
        return block

    path = tmp_path / "run.npz"
    blocks = Blocks([lambda block=block: slow(block) for block in parts()])
    run = gdfast.fit(blocks, max_seconds=0.5, checkpoint=path, **options | {"epochs": 10_000})
    assert run.stop_reason == "max_seconds"
    whole = gdfast.fit(Blocks(parts()), **options | {"epochs": run.epochs + 3})
    assert bits(run.resume(3)) == bits(whole)
    assert bits(gdfast.resume(path, Blocks(parts()), epochs=3)) == bits(whole)


@pytest.mark.parametrize("options", [FULL, SGD], ids=["full batch", "SGD"])
def test_ctrl_c_ends_a_pass(options):
    pressed = threading.Event()

    def block():
        calls.append(0)
        if len(calls) > 20 and not pressed.is_set():
            pressed.set()
            signal.raise_signal(signal.SIGINT)
        return parts()[3]

    calls = []
    run = gdfast.fit(Blocks([block] * 9), **options | {"epochs": 10_000})
    assert run.stop_reason == "interrupted"
    assert len(calls) < 60
    assert "gdfast-blocks" not in [thread.name for thread in threading.enumerate()]


def test_at_most_two_blocks_are_in_memory():
    alive, most = [], []

    class Rows(np.ndarray):
        pass

    def block():
        gc.collect()
        rows = np.ones((50, 3)).view(Rows)
        rows[:, 0] = np.arange(50)
        alive.append(weakref.ref(rows))
        most.append(sum(one() is not None for one in alive))
        return rows, np.arange(50) % 2

    for options in (FULL, SGD):
        gdfast.fit(Blocks([block] * 8), **options)
    assert max(most) <= 2


def test_batches_do_not_cross_blocks():
    sizes = [5, 0, 1, 9]
    whole = gdfast.fit(Blocks(parts(sizes=sizes)), **ADAM | {"batch_size": 1000})
    assert whole.steps == 3 * ADAM["epochs"]
    run = gdfast.fit(Blocks(parts(sizes=sizes)), **ADAM | {"batch_size": 4})
    assert run.steps == (2 + 1 + 3) * ADAM["epochs"]


def test_classes_that_not_every_block_has():
    order = np.argsort(CLASSES, kind="stable")
    options = {"loss": "multinomial", "epochs": 20, "learning_rate": 0.3}
    run = gdfast.fit(Blocks(parts(X[order], CLASSES[order])), **options)
    expected = gdfast.fit(X[order], CLASSES[order], **options)
    assert run.classes.tolist() == [0, 1, 2]
    np.testing.assert_allclose(run.costs, expected.costs, rtol=1e-12)
    assert run.predict(X).tolist() == expected.predict(X).tolist()
    start = gdfast.fit(Blocks(parts(y=CLASSES)), coef_init=np.ones((3, 4)), **options)
    assert start.costs[0] == pytest.approx(gdfast.fit(X, CLASSES, coef_init=np.ones((3, 4)), **options).costs[0])


def mixed(*labels):
    return Blocks([(X[: len(y)], y) for y in labels])


BAD = {
    "three classes": (Blocks(parts(y=CLASSES)), FULL, ValueError, "y holds 3 classes, and loss='log_loss' takes two"),
    "one class": (mixed([1, 1], [1]), FULL, ValueError, "y holds one class only"),
    "mixed labels": (mixed([0, 1], ["a", "b"]), FULL, TypeError, "block 1: y holds strings, and .* numbers"),
    "mixed in a block": (mixed([0, "a"]), FULL, TypeError, "block 0: y holds labels of several types"),
    "missing label": (mixed([0, 1], [np.nan, 1]), FULL, ValueError, "block 1: y holds missing or infinite labels"),
    "outputs": (mixed(X[:5, :2], X[:5, :3]), {"solver": "loop"}, ValueError, "block 1: y has 3 columns, and 2 before"),
    "targets": (mixed([1.0], [-1.0]), {"loss": "poisson"}, ValueError, "block 1: y holds -1, and loss='poisson'"),
    "no rows": (mixed([]), FULL, ValueError, "no rows of positive weight"),
    "no weight": (Blocks([(X, LABELS, np.zeros(90))]), FULL, ValueError, "no rows of positive weight"),
    "validation": (Blocks(parts()), FULL | {"validation": 0.1}, ValueError, "validation=0.1 draws rows"),
    "other labels": (Blocks(parts()), FULL | {"validation": (X, CLASSES)}, ValueError, "validation: y holds"),
    "start": (
        Blocks(parts(y=CLASSES)), {"loss": "multinomial", "coef_init": np.ones((2, 4))}, ValueError,
        r"coef_init has shape \(2, 4\), and must have shape \(3, 4\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_blocks(name):
    blocks, options, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        gdfast.fit(blocks, **options)


def test_dense_and_sparse_blocks_do_not_mix():
    sparse = pytest.importorskip("scipy.sparse")
    blocks = Blocks([(X, LABELS), (sparse.csr_matrix(X), LABELS)])
    with pytest.raises(ValueError, match="block 1: X is sparse, and the blocks before are dense; make all alike"):
        gdfast.fit(blocks, **FULL)


def test_single_and_double_precision_blocks():
    blocks = [(X[:40].astype(np.float32), LABELS[:40]), (X[40:], LABELS[40:])]
    rows = np.vstack([X[:40].astype(np.float32).astype(float), X[40:]])
    run = gdfast.fit(Blocks(blocks), **FULL)
    assert run.coef.dtype == np.float64
    np.testing.assert_allclose(run.costs, gdfast.fit(rows, LABELS, **FULL).costs, rtol=1e-14)


@pytest.mark.parametrize("options", [FULL, SGD], ids=["full batch", "SGD"])
@pytest.mark.parametrize("passes", [1, 2, 4])
def test_blocks_that_change_between_passes(options, passes):
    calls = []

    def changed(number, new):
        def function():
            calls.append(number)
            return new if calls.count(number) > passes else parts()[number]

        return function

    for new, message in (
        ((X[30:31] + 1, LABELS[30:31]), "block 2 has changed since the first pass"),
        ((X[:2], LABELS[:2]), "block 2 has 2 rows, and had 1 in the first pass"),
        ((X[:1, :2], LABELS[:1]), "block 2: X has 2 features, and the first block 4"),
    ):
        calls.clear()
        blocks = Blocks([lambda: parts()[0], lambda: parts()[1], changed(2, new), lambda: parts()[4]])
        with pytest.raises(ValueError, match=message):
            gdfast.fit(blocks, **options)
    for first, second, message in (
        (5, 3, "block 3 is missing: the blocks have ended, and the first pass had 5"),
        (3, 5, "block 3 is one more than the 3 blocks of the first pass"),
    ):
        calls.clear()

        def source(first=first, second=second):
            calls.append(0)
            return iter(parts()[: first if len(calls) <= passes else second])

        with pytest.raises(ValueError, match=message):
            gdfast.fit(Blocks(source), **options)


def test_an_error_of_the_source_in_a_later_pass():
    calls = []

    def failing():
        calls.append(0)
        if len(calls) > 3:
            raise OSError("the disk is gone")
        return parts()[0]

    for options in (FULL, SGD):
        calls.clear()
        with pytest.raises(OSError, match="the disk is gone") as caught:
            gdfast.fit(Blocks([failing]), **options)
        assert "raised while block 0 was read" in caught.value.__notes__


def test_arrays_that_a_callback_changes():
    rows = X.copy()

    def change(state):
        rows[60, 1] = 9.0

    with pytest.raises(ValueError, match="block 3 has changed since the first pass"):
        gdfast.fit(Blocks(parts(rows)), callbacks=change, callback_every=1, **FULL)


def test_rates_of_auto_are_those_of_the_rows():
    wide = rng.normal(size=(60, 600))
    cases = [(X, LABELS, FULL), (X, LABELS, SGD), (X, Y**2, {"loss": "poisson", "standardize": True})]
    cases += [(X, Y, {"solver": "loop", "penalty": "l2", "alpha": 0.3}), (wide, np.arange(60) % 2, FULL)]
    for rows, y, options in cases:
        options = options | {"epochs": 1, "learning_rate": "auto"}
        blocks = Blocks([(rows[:20], y[:20]), (rows[20:], y[20:])])
        expected = gdfast.fit(rows, y, **options).learning_rate
        assert gdfast.fit(blocks, **options).learning_rate == pytest.approx(expected, rel=1e-9)


def test_the_smallest_batch_of_all_blocks_bounds_the_rate():
    one_left = gdfast.fit(Blocks(parts(sizes=[33, 57])), loss="log_loss", batch_size=8, epochs=1).learning_rate
    none_left = gdfast.fit(Blocks(parts(sizes=[40, 50])), loss="log_loss", batch_size=10, epochs=1).learning_rate
    rows = gdfast.fit(X, LABELS, loss="log_loss", batch_size=1, epochs=1).learning_rate
    assert rows < one_left < 2.2 * rows < none_left


def test_warnings():
    with pytest.warns(gdfast.StabilityWarning, match=r"learning_rate=5 is above .*, the largest stable rate"):
        gdfast.fit(Blocks(parts(y=Y)), epochs=1, learning_rate=5.0, solver="loop")
    with pytest.warns(gdfast.DivergenceWarning, match="the cost is growing"):
        gdfast.fit(Blocks(parts(y=Y)), epochs=2, learning_rate=1.0, batch_size=1, seed=0)
    with pytest.raises(gdfast.DivergenceError) as caught:
        gdfast.fit(Blocks(parts(y=Y)), epochs=500, learning_rate=5.0, batch_size=10, on_divergence="raise")
    assert np.isfinite(caught.value.run.coef).all()


def test_the_sample_of_the_rows_stays_small():
    blocks = Blocks([(X[:9], LABELS[:9])] * 1000)
    run = gdfast.fit(blocks, **SGD | {"epochs": 1})
    assert len(run.data.problem.blocks.sample()) <= 64


def test_validation_in_memory():
    options = FULL | {"validation": (X[:20], LABELS[:20]), "restore_best": True, "standardize": True}
    run, expected = gdfast.fit(Blocks(parts()), **options), gdfast.fit(X, LABELS, **options)
    np.testing.assert_allclose(run.history["validation_cost"], expected.history["validation_cost"], rtol=1e-12)
    np.testing.assert_allclose(run.coef, expected.coef, rtol=1e-11)


def test_the_blocks_of_a_loop_are_read_as_often_as_needed():
    """A pass to check them, one an epoch, one for the last cost; and with a rate of auto one to find it."""
    calls = []

    def block():
        calls.append(0)
        return X, LABELS

    for options, passes in ((FULL, 11), (FULL | {"history": "none"}, 11), (SGD, 5), (OBJECTIVE, 10)):
        calls.clear()
        gdfast.fit(Blocks([block]), **options)
        assert len(calls) == passes, options
