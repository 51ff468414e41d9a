import numpy as np
import pytest

import gdfast
from gdfast.data.order import fill_order, sample_order

MASK = 2**64 - 1


def plain_order(n, seed, epoch):
    """The algorithm of the docstring in plain integers."""

    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    counter = mix((mix((seed + golden) & MASK) + (epoch + 1) * golden) & MASK)
    rows = list(range(n))
    for i in range(n - 1, 0, -1):
        counter = (counter + golden) & MASK
        j = ((mix(counter) >> 32) * (i + 1)) >> 32
        rows[i], rows[j] = rows[j], rows[i]
    return rows


@pytest.mark.parametrize(("n", "seed", "epoch"), [(1, 0, 0), (2, 1, 5), (7, 2**64 - 1, 0), (1000, 3, 10**12)])
def test_order_is_the_documented_one(n, seed, epoch):
    assert sample_order(n, seed, epoch).tolist() == plain_order(n, seed, epoch)


@pytest.mark.skipif(gdfast.backends.why_unavailable("cython") is not None, reason="no compiled core in this build")
def test_compiled_order_is_the_same():
    from gdfast._core import descent

    for n, seed, epoch in [(1, 0, 0), (2, 1, 5), (999, 2**64 - 1, 3), (4096, 12345, 10**15)]:
        order = np.empty(n, np.int32)
        descent.sample_order(order, seed, epoch)
        assert order.tolist() == sample_order(n, seed, epoch).tolist()


def test_every_order_of_four_rows_is_equally_likely():
    counts = {}
    for epoch in range(24_000):
        order = np.empty(4, np.int32)
        fill_order(order, 11, epoch)
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    assert len(counts) == 24
    chi2 = sum((count - 1000) ** 2 / 1000 for count in counts.values())
    assert chi2 < 49.7  # 99.9 % of chi-square with 23 degrees of freedom


def test_sgd_takes_rows_in_this_order(backend, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    run = gdfast.fit(X, y, batch_size=1, epochs=3, learning_rate=0.05, seed=9, backend=backend)
    w, b = np.zeros(3), 0.0
    for epoch in range(3):
        for i in gdfast.sample_order(20, 9, epoch):
            r = X[i] @ w + b - y[i]
            w, b = w - 0.05 * r * X[i], b - 0.05 * r
    np.testing.assert_allclose(np.append(run.coef, run.intercept), np.append(w, b), rtol=1e-12)


@pytest.mark.parametrize("bad", [{"n": 0}, {"n": 2**31}, {"seed": -1}, {"seed": 2**64}, {"epoch": -1}, {"n": 1.5}])
def test_bad_arguments_are_named(bad):
    with pytest.raises((ValueError, TypeError), match=f"^{next(iter(bad))}="):
        sample_order(**{"n": 3, "seed": 0, "epoch": 0, **bad})


@pytest.mark.parametrize("shuffle_blocks", [True, False])
@pytest.mark.parametrize("blocks", [(7,), (3, 4), (0, 1, 6, 0), [2, 2, 3], np.array([1, 6])])
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (2**64 - 1, 3), (5, 10**12)])
def test_order_of_rows_in_blocks(blocks, seed, epoch, shuffle_blocks):
    m, starts = len(blocks), [int(sum(blocks[:j])) for j in range(len(blocks))]
    expected = []
    for j in plain_order(m, seed, epoch) if shuffle_blocks else range(m):
        expected += [starts[j] + row for row in plain_order(int(blocks[j]), (seed + j + 1) % 2**64, epoch)]
    order = sample_order(7, seed, epoch, blocks=blocks, shuffle_blocks=shuffle_blocks)
    assert order.dtype == np.int32
    assert order.tolist() == expected
    assert sorted(expected) == list(range(7))


BAD_SIZES = {
    "sum": ((3, 3), ValueError, r"blocks=\(3, 3\) has 6 rows in all, and must have n=7"),
    "none": ((), ValueError, "has 0 rows in all"),
    "negative": ((8, -1), ValueError, "blocks: the rows of a block=-1"),
    "part": ((3.5, 3.5), TypeError, "blocks: the rows of a block=3.5"),
    "number": (7, TypeError, "blocks=7 must be a sequence"),
    "string": ("34", TypeError, "blocks='34' must be a sequence"),
    "nested": ([[7]], TypeError, r"blocks: the rows of a block=\[7\] is a list"),
    "two axes": (np.array([[7]]), TypeError, "must be a sequence of whole numbers"),
}


@pytest.mark.parametrize("name", BAD_SIZES)
def test_bad_sizes_of_blocks(name):
    blocks, kind, words = BAD_SIZES[name]
    with pytest.raises(kind, match=words):
        sample_order(7, 0, 0, blocks=blocks)
    with pytest.raises(TypeError, match="shuffle_blocks=1"):
        sample_order(7, 0, 0, blocks=(7,), shuffle_blocks=1)
