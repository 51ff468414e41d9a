"""The compiled kernels: arrays and numbers in, the state updated in place."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from gdfast.data.csr import CSR

# loss, its parameter, l2, l1, intercept; rule, corrected, linear, mu, rho, eps, decay; clip_norm, clip_value, checked,
# limit, floored, coupled
_Numbers: TypeAlias = tuple[float, ...]
# penalty factors, lower and upper bounds
_Limits: TypeAlias = tuple[_Double | None, _Double | None, _Double | None]
# the state of rules, of the mean and of the cumulative l1
_Arrays: TypeAlias = tuple[_Double, ...]
# float32 or float64, one dtype in a call
_Floating: TypeAlias = NDArray[np.floating]
_Double: TypeAlias = NDArray[np.float64]

LOSSES: tuple[str, ...]
UPDATE_RULES: tuple[str, ...]

@disjoint_base
class Passes:
    def __init__(
        self,
        X: _Floating | CSR,
        Y: _Double,
        weights: _Double | None,
        columns: _Floating | None,
        targets: _Double | None,
        sums: _Double,
        slab: int,
        scratch: _Double,
        coupled: _Double | None = None,
    ) -> None: ...

@disjoint_base
class Crew:
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def close(self) -> None: ...
    def serve(self, passes: Passes, numbers: _Numbers, limits: _Limits, W: _Floating, b: _Double) -> None: ...

def batch(
    passes: Passes,
    numbers: _Numbers,
    limits: _Limits,
    W: _Floating,
    b: _Double,
    arrays: _Arrays,
    sums: _Double,
    t: int,
    count: int,
    gain: float,
    G: _Double,
    rates: _Double,
    objective: bool,
    costs: _Double,
    look: bool,
    crew: Crew | None = None,
) -> int: ...
def stochastic(
    passes: Passes,
    numbers: _Numbers,
    limits: _Limits,
    W: _Floating,
    b: _Double,
    arrays: _Arrays,
    sums: _Double,
    t: int,
    count: int,
    gain: float,
    G: _Double,
    order: NDArray[np.int32],
    batch_size: int,
    shuffle: bool,
    seed: int,
    epoch: int,
    position: int,
    steps: int,
    rates: _Double,
    by_step: bool,
    wanted: NDArray[np.uint8],
    costs: _Double,
    every: int,
    window: _Double | None,
    until: NDArray[np.int32] | None,
) -> int: ...
def sample_order(order: NDArray[np.int32], seed: int, epoch: int) -> None: ...
def as_sklearn(
    passes: Passes,
    numbers: _Numbers,
    options: tuple[float, ...],
    W: _Floating,
    state: _Double,
    mean: _Double | None,
    applied: _Double | None,
    row_squares: _Double | None,
    rows: NDArray[np.int32],
    steps: int,
    rates: _Double,
    order: NDArray[np.int32] | None = None,
    places: NDArray[np.int32] | None = None,
    objectives: _Double | None = None,
) -> int: ...
def forward_shuffle(order: NDArray[np.int32], seed: int) -> None: ...
