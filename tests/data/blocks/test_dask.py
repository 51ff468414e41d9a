"""Dask's arrays and data frames in fits: computed here, and on the workers of a cluster."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gdfast
from gdfast import Blocks

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")
pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

rng = np.random.default_rng(0)
SIZES = (100, 70, 130, 1, 99)
X = rng.normal(size=(400, 5))
Y = X @ [1.0, -2.0, 0.5, 0.0, 1.0] + rng.normal(size=400)
LABELS = (Y > 0).astype(int)
ROWS = [slice(stop - size, stop) for size, stop in zip(SIZES, np.cumsum(SIZES), strict=True)]
OPTIONS = {
    "closed form": (Y, {"epochs": 500, "learning_rate": 0.1, "penalty": "l2", "alpha": 0.1}),
    "full batch": (LABELS, {"loss": "log_loss", "epochs": 8, "learning_rate": 0.5}),
    "SGD": (LABELS, {"loss": "log_loss", "epochs": 2, "learning_rate": 0.05, "batch_size": 1, "seed": 2}),
    "Adam": (Y, {"loss": "huber", "epochs": 2, "batch_size": 32, "seed": 1, "optimizer": "adam", "average": 1,
                 "penalty": "l1", "alpha": 0.01}),
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", OPTIONS)


def arrays(y, rows=X):
    """Return Dask arrays of X, cut along the columns too, and y."""
    return da.from_array(rows, chunks=(SIZES, 3)), da.from_array(y, chunks=(SIZES,))


def frame(npartitions=4):
    columns = dict(zip("abcde", X.T, strict=True)) | {"y": Y, "label": np.where(LABELS, "yes", "no")}
    return dd.from_pandas(pd.DataFrame(columns), npartitions=npartitions)


def bits(run):
    return run.coef.tobytes(), run.costs.tobytes(), run.intercept


def local(name):
    y, options = OPTIONS[name]
    return bits(gdfast.fit(Blocks([(X[rows], y[rows]) for rows in ROWS]), **options))


@pytest.fixture(scope="module")
def cluster():
    """Return a cluster of two processes."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as made:
        yield made


@pytest.fixture
def client(cluster):
    """Return a client of the cluster, by which the fits of a test compute."""
    with distributed.Client(cluster) as made:
        made.wait_for_workers(2)
        yield made


@EVERY
@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_the_same_bits_without_a_client(name, scheduler):
    y, options = OPTIONS[name]
    with dask.config.set(scheduler=scheduler):
        assert bits(gdfast.fit(*arrays(y), **options)) == local(name)


@EVERY
def test_the_same_bits_on_a_cluster(name, client):
    y, options = OPTIONS[name]
    assert bits(gdfast.fit(*arrays(y), **options)) == local(name)


@EVERY
def test_the_same_bits_of_persisted_collections(name, client):
    y, options = OPTIONS[name]
    rows, targets = (one.persist() for one in arrays(y))
    assert bits(gdfast.fit(rows, targets, **options)) == local(name)
    assert bits(gdfast.fit(rows.rechunk((SIZES, 5)).persist(), targets, **options)) == local(name)


@EVERY
def test_the_same_bits_where_blocks_are_computed_anew(name, client, monkeypatch):
    from gdfast.data.blocks.dask import cluster

    monkeypatch.setattr(cluster, "PART", -1.0)
    y, options = OPTIONS[name]
    assert bits(gdfast.fit(*arrays(y), **options)) == local(name)


@pytest.mark.parametrize("name", ["full batch", "SGD"])
def test_the_same_bits_after_a_worker_has_died(name, client):
    y, options = OPTIONS[name]
    workers = list(client.run(os.getpid).values())

    def kill(state):
        if state.epoch == 1 and workers:
            os.kill(workers.pop(), signal.SIGKILL)
            workers.clear()

    run = gdfast.fit(*arrays(y), callbacks=kill, callback_every=1, **options)
    assert not workers
    assert bits(run) == local(name)


def test_one_worker_gives_the_same_bits(client, cluster):
    y, options = OPTIONS["full batch"]
    address = next(iter(client.nthreads()))
    with dask.annotate(workers=[address]):
        assert bits(gdfast.fit(*arrays(y), **options)) == local("full batch")


def test_data_frames(client):
    options = {"epochs": 20, "learning_rate": 0.1}
    run = gdfast.fit(frame()[[*"abcde", "y"]], "y", **options)
    assert run.feature_names == tuple("abcde")
    np.testing.assert_allclose(run.costs, gdfast.fit(X, Y, **options).costs, rtol=1e-11)
    weighted = gdfast.fit(frame()[[*"abcd", "e", "y"]], "y", sample_weight=np.abs(frame()["a"]), **options)
    expected = gdfast.fit(X, Y, sample_weight=np.abs(X[:, 0]), **options)
    np.testing.assert_allclose(weighted.costs, expected.costs, rtol=1e-11)
    labels = gdfast.fit(frame()[list("abcde")], frame()["label"], loss="log_loss", **options)
    assert labels.classes.tolist() == ["no", "yes"]
    other = gdfast.fit(frame()[list("abcde")], frame(2)["label"], loss="log_loss", **options)
    assert bits(other) == bits(labels)  # a series in other divisions, which are known


def test_unknown_sizes_and_empty_partitions(client):
    kept = frame()
    kept = kept[kept["a"] > 0.0]
    few = frame().map_partitions(lambda part: part[part.index >= 350])
    for part, rows in ((kept, X[:, 0] > 0.0), (few, np.arange(400) >= 350)):
        run = gdfast.fit(part[list("abcde")], part["label"], loss="log_loss", epochs=5, learning_rate=0.1)
        expected = gdfast.fit(X[rows], LABELS[rows], loss="log_loss", epochs=5, learning_rate=0.1)
        np.testing.assert_allclose(run.costs, expected.costs, rtol=1e-11)
        as_arrays = gdfast.fit(part[list("abcde")].to_dask_array(), part["y"].to_dask_array(), epochs=5)
        np.testing.assert_allclose(as_arrays.costs, gdfast.fit(X[rows], Y[rows], epochs=5).costs, rtol=1e-8)


def test_single_precision_and_sparse_chunks(client):
    sparse = pytest.importorskip("scipy.sparse")
    y, options = OPTIONS["full batch"]
    single = X.astype(np.float32)
    run = gdfast.fit(*arrays(y, single), **options)
    assert run.coef.dtype == np.float32
    assert bits(run) == bits(gdfast.fit(Blocks([(single[rows], y[rows]) for rows in ROWS]), **options))
    rows = da.from_array(X, chunks=(SIZES, 5)).map_blocks(sparse.csr_matrix)
    run = gdfast.fit(rows, arrays(y)[1], **options)
    np.testing.assert_allclose(run.costs, gdfast.fit(X, y, **options).costs, rtol=1e-11)


def test_summaries_stability_and_sweeps(client):
    rows, y = arrays(Y)
    summary = gdfast.Summary(rows, y)
    assert (summary.n, summary.feature_names) == (400, None)
    expected = gdfast.stability(X, Y).max_learning_rate
    assert gdfast.stability(summary).max_learning_rate == pytest.approx(expected)
    assert gdfast.stability(rows, y).max_learning_rate == pytest.approx(expected)
    sweep = gdfast.sweep(rows, y, learning_rate=[0.1, 0.2], epochs=5)
    assert bits(sweep.runs[0]) == bits(gdfast.fit(rows, y, learning_rate=0.1, epochs=5))


def test_resumed(client, tmp_path):
    y, options = OPTIONS["full batch"]
    run = gdfast.fit(*arrays(y), **options | {"epochs": 5})
    assert bits(run.resume(3)) == local("full batch")
    path = tmp_path / "run.npz"
    run.save(path)
    assert bits(gdfast.resume(path, *arrays(y), epochs=3)) == local("full batch")
    run.save(path)
    assert bits(gdfast.resume(path, Blocks([(X[rows], y[rows]) for rows in ROWS]), epochs=3)) == local("full batch")
    with pytest.raises(ValueError, match="the fingerprint of X, y and sample_weight"):
        gdfast.resume(path, *arrays(y, X + 1), epochs=3)


def damaged(place, value):
    rows = X.copy()
    rows[place] = value
    return rows


BAD = {
    "NaN": (lambda: arrays(LABELS, damaged((180, 2), np.nan)), ValueError, r"block 2: X holds nan at \(10, 2\)"),
    "text": (lambda: (frame()[[*"abc", "label"]], frame()["y"]), TypeError, r"block \d: X holds '\w+', a str"),
    "classes": (lambda: arrays(np.arange(400) % 3), ValueError, "y holds 3 classes"),
    "no y": (lambda: (arrays(Y)[0], None), ValueError, "X is given without y"),
    "short y": (lambda: (arrays(Y)[0], Y[:-1]), ValueError, r"y has shape \(399,\), and must have one value for each"),
    "short": (lambda: (arrays(Y)[0], da.from_array(Y[1:], chunks=50)), ValueError, "y has 399 rows, and X 400"),
    "name": (lambda: (arrays(Y)[0], "y"), TypeError, "y='y' is a column's name"),
    "no column": (lambda: (frame(), "z"), ValueError, "y='z' is not a column of X"),
    "partitions": (
        lambda: (frame()[list("abcde")].to_dask_array(), frame(2)["y"].to_dask_array()), ValueError,
        "y has 2 partitions and X 4, whose sizes are not known",
    ),
    "other rows": (
        lambda: (frame()[list("abcde")], frame().map_partitions(lambda part: part[1:])["label"]), ValueError,
        r"block \d: y has shape \(99,\), and must have one value for each of the 100 rows",
    ),
    "in memory": (
        lambda: (frame()[list("abcde")], LABELS), ValueError,
        "y is an array in memory, and the sizes of X's partitions are not known",
    ),
    "one dimension": (lambda: (arrays(Y)[1], Y), ValueError, "X has 1 dimension"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("on", ["cluster", "threads"])
def test_bad_collections(name, on, request):
    if on == "cluster":
        request.getfixturevalue("client")
    made, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        gdfast.fit(*made(), loss="log_loss", epochs=3, learning_rate=0.1)


def test_a_block_that_changes(client, monkeypatch):
    from gdfast.data.blocks.dask import cluster

    monkeypatch.setattr(cluster, "PART", -1.0)
    rows, y = arrays(LABELS)
    noisy = rows.rechunk({1: -1}).map_blocks(lambda part: part + np.random.default_rng().normal(size=part.shape))
    with pytest.raises(ValueError, match="block 0 has changed since the first pass"):
        gdfast.fit(noisy, y, loss="log_loss", epochs=3, learning_rate=0.1)


def test_ctrl_c_and_time_limits_leave_nothing_running(client):
    y, options = OPTIONS["full batch"]
    timer = threading.Timer(0.7, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    run = gdfast.fit(*arrays(y), **options | {"epochs": 10**6})
    assert run.stop_reason == "interrupted"
    assert gdfast.fit(*arrays(y), max_seconds=3.0, **options | {"epochs": 10**6}).stop_reason == "max_seconds"
    del run

    def left(dask_worker):
        return dask_worker.state.executing_count

    for _ in range(50):  # what a task does is done to its end
        if set(client.run(left).values()) == {0}:
            break
        time.sleep(0.1)
    else:
        pytest.fail("tasks are running")


def test_a_closed_client():
    y, options = OPTIONS["full batch"]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as made:
        client = distributed.Client(made)
        run = gdfast.fit(*arrays(y), **options)
        client.close()
        with pytest.raises(RuntimeError, match="the Dask client is closed"):
            run.resume(2)


def test_a_cluster_without_workers(monkeypatch):
    from gdfast.data.blocks.dask import cluster

    monkeypatch.setattr(cluster, "LONGEST_WAIT", 1.5)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=logging.CRITICAL) as made,
        distributed.Client(made),
        pytest.raises(RuntimeError, match=r"the Dask cluster at .* has had no workers for"),
    ):
        gdfast.Summary(*arrays(Y))


def test_estimators(client):
    from gdfast.sklearn import GDClassifier, GDRegressor

    rows, y = arrays(Y)
    model = GDRegressor(learning_rate=0.1, epochs=50).fit(rows, y)
    expected = GDRegressor(learning_rate=0.1, epochs=50).fit(X, Y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-10)
    assert (model.n_features_in_, model.n_iter_) == (5, 50)
    predicted = model.predict(rows)
    assert isinstance(predicted, da.Array)
    assert predicted.chunks == (SIZES,)
    np.testing.assert_allclose(predicted.compute(), expected.predict(X), rtol=1e-10)
    features = frame()[list("abcde")]
    classifier = GDClassifier(loss="log_loss", learning_rate=0.3, epochs=20).fit(features, frame()["label"])
    alone = GDClassifier(loss="log_loss", learning_rate=0.3, epochs=20).fit(X, np.where(LABELS, "yes", "no"))
    assert classifier.feature_names_in_.tolist() == list("abcde")
    assert classifier.predict(features).compute().tolist() == alone.predict(X).tolist()
    np.testing.assert_allclose(classifier.predict_proba(features).compute(), alone.predict_proba(X), rtol=1e-9)
    several = GDClassifier(loss="multinomial", learning_rate=0.3, epochs=5).fit(*arrays(np.arange(400) % 3))
    assert several.decision_function(arrays(Y)[0]).compute().shape == (400, 3)
    classes = np.digitize(Y, [-1.0, 1.0])
    for names in (classes, np.array(["low", "middle", "top"])[classes]):
        options = {"loss": "log_loss", "learning_rate": 0.3, "epochs": 9, "random_state": 0}
        one_by_one = GDClassifier(**options).fit(*arrays(names))
        expected = GDClassifier(**options).fit(X, names)
        np.testing.assert_allclose(one_by_one.coef_, expected.coef_, rtol=1e-10)
        assert one_by_one.classes_.tolist() == expected.classes_.tolist()
        assert one_by_one.predict(rows).compute().tolist() == expected.predict(X).tolist()
    with pytest.raises(ValueError, match="class_weight='balanced' is not possible on blocks of rows"):
        GDClassifier(class_weight="balanced").fit(*arrays(LABELS))


def test_estimators_on_blocks():
    from gdfast.sklearn import GDClassifier, GDRegressor

    names = np.array(["low", "middle", "top"])[np.digitize(Y, [-1.0, 1.0])]
    options = {"loss": "log_loss", "learning_rate": 0.3, "epochs": 9, "validation": (X[:50], names[:50])}
    validation = options.pop("validation")
    for made in (lambda part: part, lambda part: lambda: part):
        parts = Blocks([made((X[rows], names[rows])) for rows in ROWS])
        several = GDClassifier(**options).fit(parts, validation=validation)
        expected = GDClassifier(**options).fit(X, names, validation=validation)
        np.testing.assert_allclose(several.coef_, expected.coef_, rtol=1e-10)
        assert several.predict(X).tolist() == expected.predict(X).tolist()
        assert len(several.history_) == 3
    blocks = Blocks([(X[rows], LABELS[rows]) for rows in ROWS])
    model = GDClassifier(loss="log_loss", batch_size=8, learning_rate=0.1, epochs=20, random_state=0).fit(blocks)
    assert model.score(X, LABELS) > 0.8
    standardized = GDRegressor(standardize=True, epochs=5).fit(Blocks([(X[rows], Y[rows]) for rows in ROWS]))
    expected = GDRegressor(standardize=True, epochs=5).fit(X, Y)
    assert standardized.stability_.max_learning_rate == pytest.approx(expected.stability_.max_learning_rate)
    with pytest.raises(ValueError, match="y= is given with Blocks"):
        GDClassifier().fit(blocks, LABELS)


def test_the_size_of_a_block_is_that_of_its_arrays():
    block = next(iter(Blocks([(X, Y, np.ones(400))])._read()))
    assert sys.getsizeof(block) - X.nbytes - 2 * Y.nbytes in range(500)


def test_dask_is_not_imported():
    code = "import sys, numpy, gdfast; gdfast.fit(numpy.eye(3), numpy.ones(3), epochs=2); print('dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
