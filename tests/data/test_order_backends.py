"""Validation rows are the same ones on every backend."""

import numpy as np
import pytest

import gdfast
from gdfast.data.order import fill_order

BACKENDS = [name for name, reason in gdfast.backends.available().items() if reason is None]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("n", [1, 2, 3, 1000])
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (2**64 - 1, 7), (3, -1)])
def test_every_backend_shuffles_alike(name, n, seed, epoch):
    ours, expected = np.empty((2, n), np.int32)
    fill_order(expected, seed, epoch)
    gdfast.backends.load(name).fill_order(ours, seed, epoch)
    np.testing.assert_array_equal(ours, expected)
