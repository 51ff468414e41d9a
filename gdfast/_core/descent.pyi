"""The compiled kernels: arrays and numbers in, the state updated in place."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# loss, its parameter, l2, l1, update rule, momentum, intercept
Numbers: TypeAlias = tuple[int, float, float, float, int, float, bool]
# float32 or float64, one dtype in a call
Floating: TypeAlias = NDArray[np.floating]
Double: TypeAlias = NDArray[np.float64]

LOSSES: tuple[str, ...]
OPTIMIZERS: tuple[str, ...]

def batch(
    X: Floating,
    Y: Double,
    s: Double | None,
    by_columns: bool,
    numbers: Numbers,
    W: Floating,
    b: Double,
    M: Double,
    kept_W: Floating,
    kept_b: Double,
    part: Floating,
    G: Double,
    rates: Double,
    objective: bool,
    costs: Double,
) -> int: ...
def stochastic(
    X: Floating,
    Y: Double,
    s: Double | None,
    numbers: Numbers,
    W: Floating,
    b: Double,
    M: Double,
    kept_W: Floating,
    kept_b: Double,
    part: Floating,
    G: Double,
    Q: Double,
    sums: Double,
    order: NDArray[np.int32],
    batch_size: int,
    shuffle: bool,
    seed: int,
    epoch: int,
    position: int,
    steps: int,
    rates: Double,
    by_step: bool,
    costs: Double,
) -> int: ...
def sample_order(order: NDArray[np.int32], seed: int, epoch: int) -> None: ...
