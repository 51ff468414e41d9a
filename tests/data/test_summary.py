"""Summaries: merged in any way they are the rows', and whatever is fitted on them equals the fit on the rows."""

import io
import pickle

import numpy as np
import pytest

import gdfast
from gdfast import Summary

OPTIONS = (
    {},
    {"fit_intercept": False},
    {"penalty": "l2", "alpha": 0.1},
    {"optimizer": gdfast.Momentum(0.8)},
    {"optimizer": gdfast.Momentum(0.5, nesterov=True)},
    {"learning_rate": gdfast.InverseTime(0.1, 1e-3)},
    {"history": "objective", "history_every": 7},
)


def drawn(seed):
    """Return rows of a random shape: some with columns of other units, equal columns, or fewer rows than features."""
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(1, 300)), int(rng.integers(1, 9)), int(rng.integers(1, 4))
    X = rng.normal(size=(n, d))
    if seed % 3 == 1:
        X *= 10.0 ** rng.integers(-3, 4, size=d)
    if seed % 3 == 2 and d > 1:
        X[:, -1] = X[:, 0]
    Y = X @ rng.normal(size=(d, k)) + rng.normal(size=(n, k)) + 1.0
    weights = None if seed % 2 else rng.integers(0, 4, n) + (np.arange(n) == 0)
    return rng, X, Y if k > 1 else Y[:, 0], weights


def in_random_tree(rng, X, y, weights):
    """Return the Summary of rows, cut at random and merged in random pairs; some parts have no rows."""
    cuts = np.sort(rng.integers(0, len(X) + 1, size=rng.integers(1, 8)))
    parts = [
        Summary(X[a:b], y[a:b], sample_weight=None if weights is None else weights[a:b])
        for a, b in zip([0, *cuts], [*cuts, len(X)], strict=True)
    ]
    while len(parts) > 1:
        first = parts.pop(rng.integers(len(parts)))
        second = parts.pop(rng.integers(len(parts)))
        parts.append(first.merge(second))
    return parts[0]


@pytest.mark.parametrize("seed", range(60))
def test_a_fit_on_a_summary_equals_that_on_the_rows(seed):
    rng, X, y, weights = drawn(seed)
    summary = in_random_tree(rng, X, y, weights)
    assert summary.n == len(X)
    assert summary.weight == pytest.approx(len(X) if weights is None else weights.sum())
    options = {"epochs": 500, "learning_rate": 0.3 * gdfast.stability(X, sample_weight=weights).max_learning_rate}
    options |= OPTIONS[seed % len(OPTIONS)]
    if not isinstance(options["learning_rate"], float):
        options["learning_rate"] = gdfast.InverseTime(0.3 / max(1.0, gdfast.stability(X).curvatures[0]), 1e-3)
    ours = gdfast.fit(summary, **options)
    theirs = gdfast.fit(X, y, sample_weight=weights, solver="closed_form", **options)
    scale = np.linalg.norm(theirs.coef) + abs(np.max(theirs.intercept))
    assert ours.solver == "closed_form"
    assert ours.coef.shape == theirs.coef.shape
    np.testing.assert_allclose(ours.costs, theirs.costs, rtol=1e-11, atol=1e-26)
    assert np.linalg.norm(ours.coef - theirs.coef) <= 1e-11 * scale
    assert np.abs(np.subtract(ours.intercept, theirs.intercept)).max() <= 1e-11 * scale
    assert ours.resume(100).epochs == 600


def test_against_a_plain_loop_in_80_bits():
    rng, X, y, _ = drawn(0)
    summary = in_random_tree(rng, X, y[:, 0], None)
    rate = 0.3 * gdfast.stability(summary).max_learning_rate
    run = gdfast.fit(summary, epochs=300, learning_rate=rate)
    A = np.column_stack([X, np.ones(len(X))]).astype(np.longdouble)
    theta, costs = np.zeros(A.shape[1], np.longdouble), []
    for _ in range(301):
        off = A @ theta - y[:, 0]
        costs.append((off @ off) / (2 * len(X)))
        before, theta = theta, theta - np.longdouble(rate) * (off @ A) / len(X)
    np.testing.assert_allclose(run.costs, np.array(costs, float), rtol=1e-12)
    assert np.linalg.norm(np.append(run.coef, run.intercept) - before) <= 1e-12 * np.linalg.norm(before)


def test_blocks_merge_in_a_tree_whose_shape_their_number_decides():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    parts = [Summary(X[i : i + 10], y[i : i + 10]) for i in range(0, 100, 10)]
    expected = (((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]))) + (
        parts[8] + parts[9]
    )
    found = Summary.of((X[i : i + 10], y[i : i + 10]) for i in range(0, 100, 10))
    assert found._triangle.tobytes() == expected._triangle.tobytes()
    assert sum(parts).n == found.n == 100


@pytest.mark.parametrize("seed", range(12))
def test_standardized(seed):
    rng, X, y, weights = drawn(seed)
    X = X * 3.0 + 2.0
    if seed % 4 == 3:
        X[:, 0] = 7.0
    if len(X) < 3:
        pytest.skip("no deviation")
    summary = in_random_tree(rng, X, y, weights)
    scaled = summary.standardized()
    s = np.ones(len(X)) if weights is None else weights
    center = np.average(X, axis=0, weights=s)
    deviation = np.sqrt(np.average((X - center) ** 2, axis=0, weights=s))
    constant = np.ptp(X[s > 0], axis=0) == 0
    np.testing.assert_allclose(scaled.center, center, rtol=1e-12)
    np.testing.assert_allclose(scaled.scale, np.where(constant, 1.0, deviation), rtol=1e-10)
    options = {"epochs": 200, "learning_rate": 0.1}
    on_rows = gdfast.fit((X - scaled.center) / scaled.scale, y, sample_weight=weights, **options)
    np.testing.assert_allclose(gdfast.fit(scaled, **options).costs, on_rows.costs, rtol=1e-11, atol=1e-24)
    units = gdfast.fit(summary, standardize=True, **options)
    rows = gdfast.fit(X, y, sample_weight=weights, standardize=True, solver="closed_form", **options)
    np.testing.assert_allclose(units.costs, rows.costs, rtol=1e-11, atol=1e-24)
    np.testing.assert_allclose(units.coef, rows.coef, rtol=1e-9, atol=1e-11)


def test_what_else_takes_a_summary():
    rng, X, y, weights = drawn(4)
    summary = in_random_tree(rng, X, y, weights)
    for options in ({}, {"momentum": 0.5}, {"loss": "log_loss"}, {"penalty": "l2", "alpha": 1.0}):
        ours, theirs = gdfast.stability(summary, **options), gdfast.stability(X, sample_weight=weights, **options)
        assert ours.max_learning_rate == pytest.approx(theirs.max_learning_rate, rel=1e-12)
        np.testing.assert_allclose(ours.curvatures, theirs.curvatures, rtol=1e-9)
    rates = [ours.max_learning_rate / 10, ours.max_learning_rate / 100]
    sweep = gdfast.sweep(summary, learning_rate=rates, epochs=50)
    for run, rate in zip(sweep.runs, rates, strict=True):
        assert run.costs.tobytes() == gdfast.fit(summary, learning_rate=rate, epochs=50).costs.tobytes()
    auto = gdfast.fit(summary, epochs=5)
    assert auto.learning_rate == pytest.approx(
        gdfast.fit(X, y, sample_weight=weights, epochs=5).learning_rate, rel=1e-12
    )
    with pytest.warns(gdfast.StabilityWarning, match="above"):
        gdfast.fit(summary, epochs=5, learning_rate=auto.learning_rate * 3)
    assert gdfast.fit(summary, epochs=5, max_seconds=1e-9).epochs == 5


def test_sparse_and_float32_rows():
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(80, 6)) * (rng.random((80, 6)) < 0.4), rng.normal(size=80)
    dense = Summary(X, y)
    np.testing.assert_allclose(np.abs(Summary(sparse.csr_array(X), y)._triangle), np.abs(dense._triangle), atol=1e-12)
    assert Summary(sparse.csr_array(X), y).standardized().scale == pytest.approx(dense.standardized().scale)
    single = X.astype(np.float32)
    assert Summary(single, y)._triangle.tobytes() == Summary(single.astype(float), y)._triangle.tobytes()


def test_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.5, 1.0, 0.0], "t": [1.0, 0.0, 2.0], "w": [1.0, 2.0, 0.0]})
    first = Summary(frame, "t", sample_weight="w")
    assert first.feature_names == ("a", "b")
    second = Summary(frame[["b", "a"]], frame["t"])
    merged = first.merge(second)
    assert merged.feature_names == ("a", "b")
    X = frame[["a", "b"]].to_numpy()
    expected = Summary(np.vstack([X, X]), np.tile(frame["t"], 2), sample_weight=[1, 2, 0, 1, 1, 1])
    assert np.abs(merged._triangle) == pytest.approx(np.abs(expected._triangle), abs=1e-14)
    assert gdfast.fit(merged, epochs=3, learning_rate=0.01).feature_names == ("a", "b")
    with pytest.raises(ValueError, match="this one has names and the one to merge has none"):
        first.merge(expected)
    with pytest.raises(ValueError, match="lacks the column 'b'"):
        first.merge(Summary(frame[["a", "w"]], frame["t"]))


def test_a_summary_without_rows_is_neutral():
    _rng, X, y, _ = drawn(1)
    summary = Summary(X, y)
    outputs = summary.n_outputs
    for empty in (
        Summary(X[:0], y[:0]),
        Summary(X, y, sample_weight=np.zeros(len(X))),
    ):
        assert empty.n_outputs == outputs
        assert empty.weight == 0
        for merged in (empty + summary, summary + empty):
            assert np.abs(merged._triangle) == pytest.approx(np.abs(summary._triangle), rel=1e-12, abs=1e-9)
            assert merged.standardized().center == pytest.approx(summary.standardized().center)
        with pytest.raises(ValueError, match="no rows of positive weight"):
            gdfast.fit(empty)
        with pytest.raises(ValueError, match="no rows of positive weight"):
            gdfast.stability(empty)
        with pytest.raises(ValueError, match="no rows of positive weight"):
            empty.standardized()


def test_saved_loaded_and_pickled(tmp_path):
    pd = pytest.importorskip("pandas")
    _rng, X, y, weights = drawn(6)
    frame = pd.DataFrame(X, columns=[f"column {j}" for j in range(X.shape[1])])
    summary = Summary(frame, y, sample_weight=weights).standardized()
    path = tmp_path / "rows.npz"
    summary.save(path)
    for copy in (Summary.load(path), pickle.loads(pickle.dumps(summary))):
        assert copy._triangle.tobytes() == summary._triangle.tobytes()
        assert (copy.n, copy.weight, copy.feature_names) == (summary.n, summary.weight, summary.feature_names)
        assert copy.scale.tobytes() == summary.scale.tobytes()
        assert copy.merge(summary).n == 2 * summary.n
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole.replace(b"triangle", b"trianglf"), b"", b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"rows\.npz' is not a whole file"):
            Summary.load(path)
    changed = dict(np.load(io.BytesIO(whole)))
    changed["n"] += 1
    np.savez(path, **changed)
    with pytest.raises(ValueError, match="digest"):
        Summary.load(path)
    with pytest.raises(FileNotFoundError):
        Summary.load(tmp_path / "none.npz")


def test_a_run_of_a_summary_is_saved_and_resumed(tmp_path):
    _rng, X, y, weights = drawn(8)
    summary = Summary(X, y, sample_weight=weights)
    rate = gdfast.stability(summary).max_learning_rate / 3
    run = gdfast.fit(summary, epochs=40, learning_rate=rate)
    path = tmp_path / "run.npz"
    run.save(path)
    whole = gdfast.fit(summary, epochs=60, learning_rate=rate)
    assert gdfast.resume(path, summary, epochs=20).coef.tobytes() == whole.coef.tobytes()
    run.save(path)
    assert gdfast.resume(path, epochs=20).coef.tobytes() == whole.coef.tobytes()
    run.save(path)
    with pytest.raises(ValueError, match="fingerprint"):
        gdfast.resume(path, Summary(X * 2, y), epochs=20)


REFUSED = {
    "batch_size": ({"batch_size": 1}, "closed form alone, which needs the full batch"),
    "loss": ({"loss": "log_loss"}, "closed form alone, which needs loss='squared_error'"),
    "poisson": ({"loss": "poisson"}, "closed form alone"),
    "l1": ({"penalty": "l1", "alpha": 0.1}, "needs penalty None or 'l2'"),
    "optimizer": ({"optimizer": "adam"}, "needs an optimizer of gd"),
    "loop": ({"solver": "loop"}, "needs the rows of X and y"),
    "validation": ({"validation": 0.2}, "needs validation=None"),
    "y": ({"y": [1.0]}, "y= is given with a Summary"),
    "sample_weight": ({"sample_weight": [1.0]}, "sample_weight= is given with a Summary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_summary_cannot_do(name):
    options, words = REFUSED[name]
    summary = Summary([[1.0], [2.0], [4.0]], [1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match=words):
        gdfast.fit(summary, epochs=3, **options)


def test_folds_need_rows():
    with pytest.raises(ValueError, match="folds= needs the rows"):
        gdfast.sweep(Summary([[1.0], [2.0]], [1.0, 0.0]), learning_rate=[0.1], folds=2)


BAD = {
    "NaN": (lambda: Summary([[np.nan]], [1.0]), ValueError, "X holds nan at"),
    "y": (lambda: Summary([[1.0]], [1.0, 2.0]), ValueError, "y has shape"),
    "no y": (lambda: Summary([[1.0]], None), TypeError, "y=None"),
    "negative": (lambda: Summary([[1.0]], [1.0], sample_weight=[-1.0]), ValueError, "must not be negative"),
    "no features": (lambda: Summary(np.empty((0, 0)), []), ValueError, "no samples"),
    "overflow": (lambda: Summary(np.full((9, 1), 1.7e308), np.ones(9)), ValueError, "overflow"),
    "other": (lambda: Summary([[1.0]], [1.0]).merge(3), TypeError, "other=3 is a int"),
    "features": (
        lambda: Summary([[1.0]], [1.0]) + Summary([[1.0, 2.0]], [1.0]), ValueError, "has 2 features, and this one 1",
    ),
    "outputs": (
        lambda: Summary([[1.0]], [[1.0, 2.0]]) + Summary([[1.0]], [1.0]), ValueError, "has 1 outputs, and this one 2",
    ),
    "scaled": (
        lambda: Summary([[1.0], [2.0]], [1.0, 0.0]).standardized() + Summary([[1.0]], [1.0]), ValueError, "scaled",
    ),
    "block": (lambda: Summary.of([([[1.0]], [1.0]), ([[1.0, 2.0]], [1.0])]), ValueError, "block 1: .*2 features"),
    "value": (lambda: Summary.of([([[1.0]], [1.0]), ([[np.inf]], [1.0])]), ValueError, "block 1: X holds inf"),
    "pair": (lambda: Summary.of([3]), TypeError, "block 0"),
    "none": (lambda: Summary.of([]), ValueError, "blocks is empty"),
    "text": (lambda: Summary.of("ab"), TypeError, "blocks='ab'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, error, words = BAD[name]
    with pytest.raises(error, match=words):
        call()


def test_inputs_and_summaries_are_not_changed():
    _rng, X, y, weights = drawn(10)
    before = X.copy(), np.copy(y)
    summary = Summary(X, y, sample_weight=weights)
    R = summary._triangle.copy()
    summary.merge(summary)
    summary.standardized()
    gdfast.fit(summary, epochs=3, learning_rate=1e-9, standardize=True)
    assert (before[0] == X).all()
    assert (y == before[1]).all()
    assert (summary._triangle == R).all()
    with pytest.raises(ValueError, match="read-only"):
        summary._triangle[0, 0] = 1.0
