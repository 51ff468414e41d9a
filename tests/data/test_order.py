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
