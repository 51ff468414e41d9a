"""The compiled kernels: arrays and numbers in, the state updated in place."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from gdfast.backends.protocol import Updates
from gdfast.backends.state import KernelState, SampleOrder
from gdfast.data.csr import CSR

# float32 or float64, one dtype in a call
_Floating: TypeAlias = NDArray[np.floating]
_Double: TypeAlias = NDArray[np.float64]

# What a class is made of is passed by name; at run time no constructor of a compiled class has a signature.

LOSSES: tuple[str, ...]
UPDATE_RULES: tuple[str, ...]

@disjoint_base
class CompiledModel:
    def __init__(
        self,
        loss: str,
        c: float,
        l2: float,
        l1: float,
        intercept: bool,
        rule: str,
        corrected: bool = False,
        linear: bool = False,
        mu: float = 0.0,
        rho: float = 0.0,
        eps: float = 0.0,
        decay: float = 0.0,
        clip_norm: float = ...,
        clip_value: float = ...,
        limit: float = ...,
        coupled: bool = False,
        floored: bool = False,
        checked: bool = False,
        factors: _Double | None = None,
        low: _Double | None = None,
        high: _Double | None = None,
    ) -> None: ...

@disjoint_base
class Passes:
    def __init__(
        self,
        X: _Floating | CSR,
        Y: _Double,
        sums: _Double,
        slab: int,
        scratch: _Double,
        weights: _Double | None = None,
        columns: _Floating | None = None,
        targets: _Double | None = None,
        coupled: _Double | None = None,
        gradient: _Double | None = None,
        window: _Double | None = None,
        until: NDArray[np.int32] | None = None,
    ) -> None: ...

@disjoint_base
class Crew:
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    def close(self) -> None: ...
    def serve(self, passes: Passes, compiled: CompiledModel, state: KernelState) -> None: ...

@disjoint_base
class SklearnUpdates:
    def __init__(
        self,
        passes: Passes,
        model: CompiledModel,
        w: _Floating,
        state: _Double,
        average_sum: _Double | None,
        applied_l1: _Double | None,
        row_squares: _Double | None,
        l1: float,
        intercept_penalty: float,
        intercept_decay: float,
        passive_aggressive: int,
        aggressiveness: float,
        track_objective: bool,
        track_norm: bool,
        track_scale: bool,
    ) -> None: ...
    def run_rows(self, *, rows: NDArray[np.int32], steps: int, rates: _Double) -> None: ...
    def run_epochs(
        self,
        *,
        order: NDArray[np.int32],
        permutation: NDArray[np.int32] | None,
        rates: _Double,
        objectives: _Double,
    ) -> int: ...

def sums_at_points(
    passes: Passes,
    compiled: CompiledModel,
    first: int,
    stop: int,
    W: _Double,
    workspace: _Double,
    sums: _Double,
    gradient: _Double,
    costs: bool = True,
) -> None: ...
def batch(
    passes: Passes,
    compiled: CompiledModel,
    W: _Floating,
    state: KernelState,
    rates: _Double,
    costs: _Double,
    objective: bool,
    look: int = 0,
    crew: Crew | None = None,
) -> int: ...
def stochastic(
    passes: Passes,
    compiled: CompiledModel,
    W: _Floating,
    state: KernelState,
    order: SampleOrder,
    updates: Updates,
    every: int,
    crew: Crew | None = None,
) -> int: ...
def workspace_of(d: int, batched: bool) -> tuple[_Double, ...]: ...
def stochastic_together(
    passes: Passes,
    compiled: CompiledModel,
    coefficients: _Floating,
    workspace: tuple[_Double, ...],
    order: SampleOrder,
    updates: list[Updates],
    l2: _Double,
    results: NDArray[np.int64],
) -> None: ...
def sample_order(order: NDArray[np.int32], seed: int, epoch: int) -> None: ...
def forward_shuffle(order: NDArray[np.int32], seed: int) -> None: ...
