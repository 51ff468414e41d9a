"""Blocks of any sizes, from any source, are the rows: in their order, with their names, and to the bit the same."""

import functools
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast import Blocks, Summary


def drawn(seed, features=3):
    """Return rows, and where they are cut: into blocks of one row, without rows, and of any number."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    X = rng.normal(size=(n, features))
    Y = X @ rng.normal(size=(features, 1 + seed % 2)) + rng.normal(size=(n, 1 + seed % 2)) + 1.0
    weights = rng.integers(0, 4, n) + (np.arange(n) == 0) if seed % 3 else None
    cuts = np.sort(rng.integers(0, n + 1, size=rng.integers(0, 9)))
    return X, Y if seed % 2 else Y[:, 0], weights, list(zip([0, *cuts], [*cuts, n], strict=True))


def cut(X, y, weights, places):
    """Return blocks as a list."""
    return [(X[a:b], y[a:b], *([] if weights is None else [weights[a:b]])) for a, b in places]


def bits(blocks):
    """Return every bit of the Summary of blocks."""
    return pickle.dumps(sorted((name, value.tobytes()) for name, value in Summary.of(blocks).__getstate__().items()))


@pytest.mark.parametrize("seed", range(24))
def test_a_fit_on_blocks_equals_that_on_the_rows(seed):
    X, y, weights, places = drawn(seed)
    blocks = Blocks(cut(X, y, weights, places))
    options = {"epochs": 300, "learning_rate": 0.3 * gdfast.stability(X, sample_weight=weights).max_learning_rate}
    options |= [{}, {"fit_intercept": False}, {"penalty": "l2", "alpha": 0.1}, {"optimizer": gdfast.Momentum(0.5)}][
        seed % 4
    ]
    ours = gdfast.fit(blocks, **options)
    theirs = gdfast.fit(X, y, sample_weight=weights, solver="closed_form", **options)
    assert ours.solver == "closed_form"
    assert ours.feature_names is None
    np.testing.assert_allclose(ours.costs, theirs.costs, rtol=1e-11, atol=1e-26)
    np.testing.assert_allclose(ours.coef, theirs.coef, rtol=0, atol=1e-11 * (1 + np.abs(theirs.coef).max()))
    summary = Summary.of(blocks)
    assert summary.n == len(X)
    assert gdfast.stability(blocks).curvatures == pytest.approx(gdfast.stability(summary).curvatures, rel=0)
    assert ours.resume(20).costs.tobytes() == gdfast.fit(blocks, **options | {"epochs": 320}).costs.tobytes()


def test_standardized_columns():
    X, y, weights, places = drawn(1)
    blocks, options = Blocks(cut(X * [1.0, 10.0, 0.01] + 5.0, y, weights, places)), {"epochs": 50, "standardize": True}
    rows = gdfast.fit(X * [1.0, 10.0, 0.01] + 5.0, y, sample_weight=weights, solver="closed_form", **options)
    np.testing.assert_allclose(gdfast.fit(blocks, **options).costs, rows.costs, rtol=1e-10)


def test_a_callable_rate_is_called_once_for_each_epoch():
    called = []
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    gdfast.fit(Blocks.from_array(X, y, 2), epochs=4, learning_rate=lambda epoch: called.append(epoch) or 0.01)
    assert called == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(6))
def test_the_same_bits_from_every_source(seed):
    X, y, weights, places = drawn(seed)
    blocks = cut(X, y, weights, places)
    expected = bits(blocks)
    assert bits(Blocks(blocks)) == expected
    assert bits(Blocks(tuple(blocks))) == expected
    assert bits(Blocks([functools.partial(tuple, block) for block in blocks])) == expected
    assert bits(Blocks(lambda: iter(blocks))) == expected
    assert bits(Blocks(lambda: (block for block in blocks))) == expected
    assert bits(Blocks([list(block) for block in blocks])) == expected


def test_which_blocks_can_be_taken_in_any_order():
    X, y = np.ones((4, 1)), np.ones(4)
    assert Blocks([(X, y)]).shuffles is True
    assert Blocks([lambda: (X, y)]).shuffles is True
    assert Blocks.from_array(X, y, 2).shuffles is True
    assert Blocks(lambda: iter([(X, y)])).shuffles is False
    assert repr(Blocks([(X, y)])) == "gdfast.Blocks(1 block)"
    assert repr(Blocks(lambda: iter([(X, y)]))) == "gdfast.Blocks(blocks as they come)"


class Lazy:
    """A sequence that makes its blocks when they are asked for."""

    def __init__(self, blocks):
        self.blocks, self.asked = blocks, []

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, number):
        self.asked.append(number)
        return self.blocks[number]


def test_an_order_of_blocks():
    X, y, weights, _ = drawn(4)
    source = Lazy(cut(X, y, weights, [(i, i + 1) for i in range(5)]))
    blocks = Blocks(source)
    read = [(block.number, block.X[0, 0]) for block in blocks._read([3, 0, 4])]
    assert read == [(3, X[3, 0]), (0, X[0, 0]), (4, X[4, 0])]
    assert source.asked == [0, 1, 2, 3, 4, 3, 0, 4]  # the first pass, then the order


def test_arrays_of_every_kind_in_blocks(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(0)
    X, y = np.where(rng.random((60, 4)) < 0.5, rng.normal(size=(60, 4)), 0.0), rng.normal(size=60)
    places = [(0, 1), (1, 1), (1, 30), (30, 60)]
    expected = bits(cut(X, y, None, places))
    assert bits(Blocks(cut(sparse.csr_array(X), y, None, places))) == expected
    assert bits(Blocks(cut(np.asfortranarray(X), y, None, places))) == expected
    assert bits(Blocks([(x.tolist() if len(x) else x, y.tolist()) for x, y in cut(X, y, None, places)])) == expected
    single = X.astype(np.float32)
    assert bits(Blocks(cut(single, y, None, places))) == bits(cut(single.astype(float), y, None, places))
    mapped = np.memmap(tmp_path / "rows", dtype=float, mode="w+", shape=X.shape)
    mapped[:] = X
    mapped.flush()
    read_only = np.memmap(tmp_path / "rows", dtype=float, mode="r", shape=X.shape)
    of_ten = bits(cut(X, y, None, [(i, i + 10) for i in range(0, 60, 10)]))
    assert bits(Blocks.from_array(read_only, y, 10)) == of_ten
    assert bits(Blocks.from_array(X, y, 10)) == of_ten
    assert bits(Blocks.from_array(sparse.coo_array(X), y, 10)) == of_ten
    assert bits(Blocks.from_array(X, y, 10, np.ones(60))) == of_ten
    for X_given, views in ((X, X), (read_only, read_only)):
        blocks = Blocks.from_array(X_given, y, 10)
        assert all(np.shares_memory(block.X, views) for block in blocks._read())  # nothing is copied
    assert Blocks.from_array(X, y, 10).shuffles
    assert gdfast.fit(Blocks.from_array(X, y, 10, np.arange(60.0)), epochs=3).costs == pytest.approx(
        gdfast.fit(X, y, sample_weight=np.arange(60.0), epochs=3).costs, rel=1e-12
    )


def frames():
    for name in ("pandas", "polars"):
        module = pytest.importorskip(name)
        yield module.DataFrame
    yield pytest.importorskip("pyarrow").table


def test_names():
    X, y, _, _ = drawn(2)
    X, y = np.vstack([X, X])[:10], np.concatenate([y, y])[:10]
    expected = Summary.of([(X[:4], y[:4]), (X[4:], y[4:])])
    for make in frames():
        columns = dict(zip("abc", X.T, strict=True)) | {"t": y, "w": np.ones(10)}

        def frame(names, rows, columns=columns, make=make):
            return make({name: columns[name][rows] for name in names})

        first, second = slice(0, 4), slice(4, 10)
        for blocks in (
            Blocks([(frame("abc", first), y[:4]), (frame("cab", second), y[4:])]),
            Blocks([(frame("abct", first), "t"), (frame("tcab", second), "t")]),
            Blocks([(frame("tcwab", first), "t"), (frame("bcawt", second), "t", "w")], columns=["a", "b", "c"]),
        ):
            summary = Summary.of(blocks)
            assert summary.feature_names == ("a", "b", "c")
            assert summary._triangle.tobytes() == expected._triangle.tobytes()
            assert gdfast.fit(blocks, epochs=2).feature_names == ("a", "b", "c")
        whole = frame("abctw", slice(None))
        assert Summary.of(Blocks.from_array(whole, "t", 4, "w")).feature_names == ("a", "b", "c")
        assert bits(Blocks.from_array(frame("abc", slice(None)), y, 4)) == bits(
            [(frame("abc", slice(i, i + 4)), y[i : i + 4]) for i in (0, 4, 8)]
        )
        for second_block, words in (
            ((frame("ab", second), y[4:]), "block 1: X lacks the column 'c'"),
            ((frame("abcw", second), y[4:]), "block 1: X has the column 'w', not a feature"),
            ((X[4:], y[4:]), "block 1: X has no names for its columns, and the first block has names"),
        ):
            with pytest.raises(ValueError, match=words):
                gdfast.fit(Blocks([(frame("abc", first), y[:4]), second_block]))
        with pytest.raises(ValueError, match="block 1: X has names for its columns"):
            gdfast.fit(Blocks([(X[:4], y[:4]), (frame("abc", second), y[4:])]))
        with pytest.raises(ValueError, match="block 0: X lacks the column 'q' of columns="):
            gdfast.fit(Blocks([(frame("abc", first), y[:4])], columns=["a", "q"]))
    with pytest.raises(TypeError, match=r"block 0: columns=.* X \(ndarray\) has no column names"):
        gdfast.fit(Blocks([(X, y)], columns=["a"]))


def test_saved_and_resumed(tmp_path):
    pd = pytest.importorskip("pandas")
    X, y, _, _ = drawn(5)
    X, y = np.vstack([X, X]), np.concatenate([y, y])
    frame = pd.DataFrame(X, columns=list("abc"))
    blocks, path = Blocks.from_array(frame, y, 7), tmp_path / "run.npz"
    run = gdfast.fit(blocks, epochs=20, learning_rate=0.01, checkpoint=path)
    expected = gdfast.fit(blocks, epochs=30, learning_rate=0.01)
    for again in (blocks, Blocks.from_array(frame, y, 7), Blocks.from_array(frame[["c", "a", "b"]], y, 7)):
        run.save(path)
        resumed = gdfast.resume(path, again, epochs=10)
        assert resumed.coef.tobytes() == expected.coef.tobytes()
        assert resumed.costs.tobytes() == expected.costs.tobytes()
    assert run.resume(10, blocks).coef.tobytes() == run.resume(10).coef.tobytes() == expected.coef.tobytes()
    run.save(path)
    for other in (Blocks.from_array(frame + 1, y, 7), Blocks.from_array(frame, y, 8), Summary(frame, y)):
        with pytest.raises(ValueError, match="fingerprint"):
            gdfast.resume(path, other, epochs=10)
    with pytest.raises(ValueError, match="block 0: X lacks the column 'c'"):
        gdfast.resume(path, Blocks.from_array(frame[["a", "b"]], y, 7), epochs=10)
    with pytest.raises(ValueError, match="y= is given with Blocks, which hold it"):
        gdfast.resume(path, blocks, y, epochs=10)


def test_sweeps(tmp_path):
    X, y, _, _ = drawn(5)
    blocks, store = Blocks.from_array(X, y, 9), tmp_path / "runs.db"
    sweep = gdfast.sweep(blocks, learning_rate=[0.01, 0.02], epochs=10, store=store)
    for run, rate in zip(sweep.runs, (0.01, 0.02), strict=True):
        assert run.costs.tobytes() == gdfast.fit(blocks, learning_rate=rate, epochs=10).costs.tobytes()
    assert gdfast.sweep(blocks, learning_rate=[0.01, 0.02], epochs=10, store=store).table["stored"] == [True, True]
    with pytest.raises(gdfast.StoreError):
        gdfast.sweep(Blocks.from_array(X + 1, y, 9), learning_rate=[0.01, 0.02], epochs=10, store=store)
    with pytest.raises(ValueError, match="folds= needs the rows, and blocks are read a part at a time"):
        gdfast.sweep(blocks, learning_rate=[0.01], folds=2)


REFUSED = {
    "closed form": ({"solver": "closed_form", "batch_size": 1}, "solver='closed_form' needs the full batch"),
    "collocation": ({"solver": "collocation", "loss": "log_loss"}, "needs the rows of X and y in memory"),
    "validation": ({"validation": 0.2}, r"validation=0.2 draws rows, .*; give validation=\(X, y\) in arrays"),
    "y": ({"y": [1.0]}, "y= is given with Blocks"),
    "sample_weight": ({"sample_weight": [1.0]}, "sample_weight= is given with Blocks"),
    "factors": ({"penalty_factors": [1.0]}, "penalty_factors has shape"),
    "start": ({"coef_init": [1.0]}, "coef_init has shape"),
    "epochs": ({"epochs": 0}, "epochs=0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_blocks_cannot_do_is_said_before_they_are_read(name):
    options, words = REFUSED[name]
    source = Lazy(cut(*drawn(4)[:3], [(i, i + 1) for i in range(9)]))
    with pytest.raises(ValueError, match=words):
        gdfast.fit(Blocks(source), **{"epochs": 3} | options)
    assert len(source.asked) <= 2  # the first one, and the one that is read ahead


def test_labels_are_no_fault_of_theirs():
    assert gdfast.fit(Blocks([(np.ones((2, 1)), ["no", "yes"])]), loss="log_loss").classes.tolist() == ["no", "yes"]
    with pytest.raises(TypeError, match="block 0: y holds strings"):
        gdfast.fit(Blocks([(np.ones((2, 1)), ["no", "yes"])]))


def good():
    return [(np.arange(6.0).reshape(3, 2), np.arange(3.0)) for _ in range(3)]


BAD_BLOCKS = {
    "NaN": ((np.array([[1.0, 2.0], [1.0, np.nan]]), [1.0, 2.0]), ValueError, r"block 1: X holds nan at \(1, 1\)"),
    "y": ((np.ones((2, 2)), [1.0]), ValueError, "block 1: y has shape"),
    "infinite y": ((np.ones((2, 2)), [1.0, np.inf]), ValueError, "block 1: y holds inf at"),
    "features": ((np.ones((2, 3)), [1.0, 2.0]), ValueError, "block 1: X has 3 features, and the first block 2"),
    "outputs": ((np.ones((2, 2)), np.ones((2, 2))), ValueError, "block 1: y has 2 columns, and 1 before"),
    "weights": ((np.ones((2, 2)), [1.0, 2.0], [1.0, -2.0]), ValueError, "block 1: sample_weight holds -2 at 1"),
    "weights' number": ((np.ones((2, 2)), [1.0, 2.0], [1.0]), ValueError, "block 1: sample_weight has shape"),
    "strings": (([["a", "b"]], [1.0]), TypeError, "block 1: X holds strings"),
    "one axis": ((np.ones(2), [1.0, 2.0]), ValueError, "block 1: X has shape"),
    "no tuple": (lambda: np.ones((2, 2)), TypeError, "block 1: it is a ndarray, and must be"),
    "four": (lambda: (1, 2, 3, 4), TypeError, "block 1: it is a tuple of 4 parts"),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_bad_blocks(name):
    bad, kind, words = BAD_BLOCKS[name]
    first, _, last = good()
    for source in ([first, bad, last], lambda: iter([first, bad() if callable(bad) else bad, last])):
        with pytest.raises(kind, match=words):
            gdfast.fit(Blocks(source), epochs=2)


def with_arguments(number):
    return iter([number])


def generating(number):
    yield number


BAD_SOURCES = {
    "generator": (lambda: (block for block in good()), TypeError, "generator, which can be read once"),
    "iterator": (lambda: iter(good()), TypeError, "which can be read once, .* give a list of blocks, or a function"),
    "empty": (list, ValueError, "no blocks"),
    "array": (lambda: np.ones((2, 2)), TypeError, "source is a ndarray, .* gdfast.Blocks.from_array"),
    "string": (lambda: "rows.parquet", TypeError, "source is a str"),
    "dict": (lambda: {"X": 1}, TypeError, "source is a dict"),
    "number": (lambda: 3, TypeError, "source=3 is a int"),
    "no block": (lambda: [good()[0], 3], TypeError, "block 1 is a int"),
    "X and y": (lambda: good()[0], TypeError, "block 0 is a ndarray"),
    "arguments": (lambda: with_arguments, TypeError, "this function has arguments"),
    "generator's arguments": (lambda: generating, TypeError, "this function has arguments"),
    "class": (lambda: list, TypeError, "source=<class 'list'> is a type"),
}


@pytest.mark.parametrize("name", BAD_SOURCES)
def test_bad_sources(name):
    make, kind, words = BAD_SOURCES[name]
    with pytest.raises(kind, match=words):
        Blocks(make())


def test_bad_arguments():
    for columns in ("a", ["a", "a"], [], [1], 3):
        with pytest.raises((TypeError, ValueError), match="columns="):
            Blocks(good(), columns=columns)
    for rows in (0, -1, 1.5, None, "a"):
        with pytest.raises((TypeError, ValueError), match="block_rows"):
            Blocks.from_array(np.ones((2, 2)), np.ones(2), rows)
    with pytest.raises(ValueError, match="y has shape"):
        Blocks.from_array(np.ones((2, 2)), np.ones(3), 1)
    with pytest.raises(ValueError, match="X has shape"):
        Blocks.from_array(np.ones(2), np.ones(2), 1)
    with pytest.raises(TypeError, match="has returned 3, and must return an iterator"):
        gdfast.fit(Blocks(lambda: 3))
    with pytest.raises(ValueError, match="no rows of positive weight"):
        gdfast.fit(Blocks([(np.ones((0, 2)), np.ones(0))] * 3))
    with pytest.raises(ValueError, match="no rows of positive weight"):
        gdfast.fit(Blocks([(np.ones((2, 2)), np.ones(2), np.zeros(2))]))
    with pytest.raises(ValueError, match="blocks is empty"):
        gdfast.fit(Blocks(lambda: iter([])))


def test_blocks_that_change_between_passes():
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
    given = [(X[:3].copy(), y[:3].copy()), (X[3:].copy(), y[3:].copy())]
    blocks = Blocks(lambda: iter(given))
    first = bits(blocks)
    assert bits(blocks) == first
    given[1][0][2, 1] += 1e-9
    with pytest.raises(ValueError, match="block 1 has changed since the first pass"):
        Summary.of(blocks)
    given[1][0][2, 1] = X[5, 1]
    assert bits(blocks) == first
    given[0][1][0] = 5.0
    with pytest.raises(ValueError, match="block 0 has changed since the first pass"):
        Summary.of(blocks)
    given[0][1][0] = y[0]
    given[1] = (X[3:5], y[3:5])
    with pytest.raises(ValueError, match="block 1 has 2 rows, and had 3"):
        Summary.of(blocks)
    given[1] = (X[3:], y[3:], np.ones(3))
    with pytest.raises(ValueError, match="block 1 has changed"):
        Summary.of(blocks)
    given[1] = (X[3:], y[3:])
    given.append((X[:1], y[:1]))
    with pytest.raises(ValueError, match="block 2 is one more than the 2 blocks"):
        Summary.of(blocks)
    del given[1:]
    with pytest.raises(ValueError, match=r"block 1 is missing: .* the first pass had 2"):
        Summary.of(blocks)


def test_a_function_that_returns_the_same_iterator_again():
    once = iter(good())
    blocks = Blocks(lambda: once)
    assert Summary.of(blocks).n == 9
    with pytest.raises(ValueError, match=r"block 0 is missing: .* must return a new iterator at each call"):
        Summary.of(blocks)


def test_blocks_of_arrays_import_no_other_library():
    code = (
        "import sys, numpy, gdfast; blocks = gdfast.Blocks.from_array(numpy.eye(3), numpy.ones(3), 2); "
        "gdfast.fit(blocks, epochs=2); print([name for name in ('pyarrow', 'polars', 'pandas') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_callers_arrays_stay_as_they_are():
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
    before = X.tobytes(), y.tobytes()
    gdfast.fit(Blocks.from_array(X, y, 4, np.ones(6)), epochs=5)
    assert (X.tobytes(), y.tobytes()) == before
    assert X.flags.writeable
