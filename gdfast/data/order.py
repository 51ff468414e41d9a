"""The order in which an epoch takes the samples: fixed by (seed, epoch) alone, the same in every backend.

A Fisher-Yates shuffle of 0 .. n-1 from the last place down. Its numbers are a SplitMix64 stream whose
start mixes seed and epoch; place i is swapped with floor(u (i + 1) / 2^32), u the upper 32 bits of the
next number. src/kernels/order.pxd is the same in C.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import flag, shown, whole
from gdfast.formulas.constants import GOLDEN, MIX_1, MIX_2
from gdfast.options.option import LARGEST_SEED

__all__ = ["LARGEST_SHUFFLE", "fill_order", "sample_order"]

LARGEST_SHUFFLE = 2**31 - 1  # rows are numbered in int32, which halves the memory that a shuffle reads
MASK = 2**64 - 1
CHECKED_EVERY = 2**15  # places after which this shuffle, which Python itself does, checks whether the end is due


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (Steele, Lea and Flood, 2014, OOPSLA)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(MIX_1)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(MIX_2)
    return x ^ (x >> np.uint64(31))


def mix_one(x: int) -> int:
    """Return mix of one number."""
    return int(mix(np.array([x & MASK], dtype=np.uint64))[0])


def never() -> bool:
    """Return False: nothing asks for the end."""
    return False


def fill_order(order: NDArray[np.int32], seed: int, epoch: int, end_is_due: Callable[[], bool] = never) -> bool:
    """Write the order of an epoch into order; leave it and return False where the end is due."""
    n = len(order)
    start = mix_one(mix_one(seed + GOLDEN) + (epoch + 1) * GOLDEN)
    steps: NDArray[np.uint64] = np.arange(1, n, dtype=np.uint64) * np.uint64(GOLDEN)
    numbers: NDArray[np.uint64] = mix(steps + np.uint64(start)) >> np.uint64(32)
    partners = np.right_shift(numbers * np.arange(n, 1, -1, dtype=np.uint64), np.uint64(32))
    rows = list(range(n))
    for first in range(0, n - 1, CHECKED_EVERY):
        if end_is_due():
            return False
        part = partners[first : first + CHECKED_EVERY].tolist()
        for i, j in zip(range(n - 1 - first, n - 1 - first - len(part), -1), part, strict=True):
            rows[i], rows[j] = rows[j], rows[i]
    order[:] = rows
    return True


def sample_order(
    n: int, seed: int, epoch: int, blocks: Sequence[int] | None = None, shuffle_blocks: bool = True
) -> NDArray[np.int32]:
    """Return the order in which an epoch of SGD or mini-batch training takes the rows.

    The order is the same in every backend and on every machine. Of rows in m blocks it takes the blocks in the order
    ``sample_order(m, seed, epoch)``, and the n_j rows of block j, counted from 0, in the order
    ``sample_order(n_j, (seed + j + 1) % 2**64, epoch)``.

    Parameters
    ----------
    n : int
        Number of training rows, from 1 to 2**31 - 1.
    seed : int
        The seed of the run (`Run.seed`), from 0 to 2**64 - 1.
    epoch : int
        The epoch, 0 for the first one.
    blocks : sequence of int, optional
        The rows of each block, where they are in blocks; some may have none. Their sum must be n.
    shuffle_blocks : bool, default True
        Whether the blocks are taken in a new order in each epoch; else as they come.

    Returns
    -------
    ndarray of int32 of shape (n,)
        A permutation of 0 .. n - 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is not a whole number in its range, or the sizes of blocks do not add up to n.

    References
    ----------
    Steele, G. L., Lea, D., Flood, C. H., "Fast splittable pseudorandom number generators", OOPSLA 2014 (the numbers
    of the shuffle).

    Examples
    --------
    >>> import gdfast
    >>> gdfast.sample_order(5, seed=0, epoch=0)
    array([...], dtype=int32)
    >>> gdfast.sample_order(5, seed=0, epoch=0, blocks=(2, 3), shuffle_blocks=False)
    array([...], dtype=int32)
    """
    n = whole("n", n, 1, LARGEST_SHUFFLE)
    seed = whole("seed", seed, 0, LARGEST_SEED)
    epoch = whole("epoch", epoch, 0, 2**63 - 1)
    shuffle_blocks = flag("shuffle_blocks", shuffle_blocks)
    if blocks is None:
        return order_of(n, seed, epoch)
    sizes = block_sizes(blocks, n)
    offsets = np.append(0, np.cumsum(sizes))
    taken = order_of(len(sizes), seed, epoch).tolist() if shuffle_blocks else range(len(sizes))
    parts = [order_of(sizes[j], (seed + j + 1) & MASK, epoch) + np.int32(offsets[j]) for j in taken]
    return np.concatenate(parts)


def order_of(n: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Return an order of n rows; there may be none."""
    order = np.empty(n, dtype=np.int32)
    if n:
        fill_order(order, seed, epoch)
    return order


def block_sizes(blocks: Any, n: int) -> list[int]:
    """Return the rows of each block, n in all."""
    is_array = isinstance(blocks, np.ndarray) and blocks.ndim == 1
    if isinstance(blocks, (str, bytes)) or not (is_array or isinstance(blocks, Sequence)):
        raise TypeError(f"blocks={shown(blocks)} must be a sequence of whole numbers, the rows of each block")
    sizes = [whole("blocks: the rows of a block", size, 0, LARGEST_SHUFFLE) for size in blocks]
    if sum(sizes) != n:
        raise ValueError(f"blocks={shown(blocks)} has {sum(sizes)} rows in all, and must have n={n}")
    return sizes
