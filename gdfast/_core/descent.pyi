"""The compiled kernels: arrays and numbers in, the state updated in place."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# loss, its parameter, l2, l1, update rule, momentum, intercept
_Numbers: TypeAlias = tuple[int, float, float, float, int, float, bool]
# float32 or float64, one dtype in a call
_Floating: TypeAlias = NDArray[np.floating]
_Double: TypeAlias = NDArray[np.float64]

LOSSES: tuple[str, ...]
OPTIMIZERS: tuple[str, ...]

def batch(
    X: _Floating,
    Y: _Double,
    s: _Double | None,
    by_columns: bool,
    numbers: _Numbers,
    W: _Floating,
    b: _Double,
    M: _Double,
    kept_W: _Floating,
    kept_b: _Double,
    part: _Floating,
    G: _Double,
    rates: _Double,
    objective: bool,
    costs: _Double,
) -> int: ...
def stochastic(
    X: _Floating,
    Y: _Double,
    s: _Double | None,
    numbers: _Numbers,
    W: _Floating,
    b: _Double,
    M: _Double,
    kept_W: _Floating,
    kept_b: _Double,
    part: _Floating,
    G: _Double,
    Q: _Double,
    sums: _Double,
    order: NDArray[np.int32],
    batch_size: int,
    shuffle: bool,
    seed: int,
    epoch: int,
    position: int,
    steps: int,
    rates: _Double,
    by_step: bool,
    costs: _Double,
) -> int: ...
def sample_order(order: NDArray[np.int32], seed: int, epoch: int) -> None: ...
