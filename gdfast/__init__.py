"""gdfast: the fastest trainer on a CPU for models fitted by gradient descent.

`fit` is the one door; `compat` has the calls of the loops that tutorials teach, `minimize` descends any
function, `plots` draws, `backends` tells what is there. Importing gdfast needs NumPy alone.
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from gdfast import backends
from gdfast.averaging import EMA
from gdfast.divergence import DivergenceError, DivergenceWarning, StabilityWarning
from gdfast.formulas.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    InverseTime,
    ReduceOnPlateau,
    Step,
    Warmup,
)
from gdfast.minimize import minimize
from gdfast.optimizers import GD, AdaGrad, Adam, AdamW, Momentum, RMSProp
from gdfast.own_loss import Loss
from gdfast.run import Run
from gdfast.sample_order import sample_order
from gdfast.stability import stability
from gdfast.stop_reason import StopReason
from gdfast.train import fit, resume

if TYPE_CHECKING:
    from gdfast import compat, plots

__all__ = [
    "EMA",
    "GD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "DivergenceError",
    "DivergenceWarning",
    "Exponential",
    "InverseScaling",
    "InverseTime",
    "Loss",
    "Momentum",
    "RMSProp",
    "ReduceOnPlateau",
    "Run",
    "StabilityWarning",
    "Step",
    "StopReason",
    "Warmup",
    "backends",
    "compat",
    "fit",
    "minimize",
    "plots",
    "resume",
    "sample_order",
    "stability",
]


def __getattr__(name: str) -> Any:
    if name in ("compat", "plots"):
        return import_module(f"gdfast.{name}")
    if name == "__version__":
        return metadata.version("gdfast")
    raise AttributeError(f"module 'gdfast' has no attribute {name!r}")
