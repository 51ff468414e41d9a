"""gdfast: the fastest trainer on a CPU for models fitted by gradient descent.

`fit` is the one door; `compat` has the calls of the loops that tutorials teach, `minimize` descends any
function, `plots` draws, `backends` tells what is there. Importing gdfast needs NumPy alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdfast import backends, compat, plots
    from gdfast.data.order import sample_order
    from gdfast.minimization import minimize
    from gdfast.options.averaging import EMA
    from gdfast.options.custom_loss import Loss
    from gdfast.options.optimizers import GD, AdaGrad, Adam, AdamW, Momentum, RMSProp
    from gdfast.options.schedules import (
        Constant,
        Cosine,
        Exponential,
        InverseScaling,
        InverseTime,
        ReduceOnPlateau,
        Step,
        Warmup,
    )
    from gdfast.results.divergence import DivergenceError, DivergenceWarning, StabilityWarning
    from gdfast.results.run import Run
    from gdfast.results.stop_reason import StopReason
    from gdfast.stable_rates import stability
    from gdfast.train import fit, resume

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


# Where names live; modules are imported when a name of theirs is first asked for, so that `import gdfast` is quick.
HOMES = {
    "options.averaging": ("EMA",),
    "results.divergence": ("DivergenceError", "DivergenceWarning", "StabilityWarning"),
    "options.schedules": (
        "Constant", "Cosine", "Exponential", "InverseScaling", "InverseTime", "ReduceOnPlateau", "Step", "Warmup",
    ),
    "minimization": ("minimize",),
    "options.optimizers": ("GD", "AdaGrad", "Adam", "AdamW", "Momentum", "RMSProp"),
    "options.custom_loss": ("Loss",),
    "results.run": ("Run",),
    "data.order": ("sample_order",),
    "stable_rates": ("stability",),
    "results.stop_reason": ("StopReason",),
    "train": ("fit", "resume"),
}  # fmt: skip
HOME_OF = {name: home for home, names in HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in HOME_OF:
        value = getattr(import_module(f"gdfast.{HOME_OF[name]}"), name)
        globals()[name] = value  # also over a module of the same name
        return value
    if name in ("backends", "compat", "plots"):
        return import_module(f"gdfast.{name}")
    if name == "__version__":
        from importlib import metadata  # as slow to import as half of NumPy

        return metadata.version("gdfast")
    raise AttributeError(f"module 'gdfast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
