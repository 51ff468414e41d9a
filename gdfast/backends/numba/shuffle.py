"""The order of samples of an epoch, as gdfast/data/order.py has it."""

import numpy as np

from gdfast.backends.numba.compilation import jit
from gdfast.formulas import constants

__all__ = ["fill_order"]

MIX_1, MIX_2, STEP = np.uint64(constants.MIX_1), np.uint64(constants.MIX_2), np.uint64(constants.GOLDEN)


@jit
def mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> np.uint64(30))) * MIX_1
    x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))


@jit
def fill_order(order, seed, epoch):  # type: ignore[no-untyped-def]
    """Write the order of an epoch (gdfast/data/order.py)."""
    counter = mix(mix(np.uint64(seed) + STEP) + (np.uint64(epoch) + np.uint64(1)) * STEP)
    for i in range(order.size):
        order[i] = i
    for i in range(order.size - 1, 0, -1):
        counter += STEP
        j = np.int64(((mix(counter) >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]
