"""gdfast: the fastest trainer on a CPU for models fitted by gradient descent.

`fit` trains a linear model, `read_table` reads a data file for it; `compat` has the calls of the loops that tutorials
teach, `minimize` descends any function, `plots` draws, `backends` lists what is available. Importing gdfast needs NumPy
alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdfast import backends as backends
    from gdfast import compat as compat
    from gdfast import plots as plots
    from gdfast._fit import fit as fit
    from gdfast._minimize import minimize as minimize
    from gdfast._resume import _solver_at_end as _solver_at_end
    from gdfast._resume import resume as resume
    from gdfast._stability import stability as stability
    from gdfast.data.blocks.blocks import Blocks as Blocks
    from gdfast.data.order import sample_order as sample_order
    from gdfast.data.summary import Summary as Summary
    from gdfast.data.tables.reader import read_table as read_table
    from gdfast.options.averaging import EMA as EMA
    from gdfast.options.custom_loss import Loss as Loss
    from gdfast.options.optimizers import GD as GD
    from gdfast.options.optimizers import AdaGrad as AdaGrad
    from gdfast.options.optimizers import Adam as Adam
    from gdfast.options.optimizers import AdamW as AdamW
    from gdfast.options.optimizers import Momentum as Momentum
    from gdfast.options.optimizers import RMSProp as RMSProp
    from gdfast.options.schedules import Constant as Constant
    from gdfast.options.schedules import Cosine as Cosine
    from gdfast.options.schedules import Exponential as Exponential
    from gdfast.options.schedules import InverseScaling as InverseScaling
    from gdfast.options.schedules import InverseTime as InverseTime
    from gdfast.options.schedules import ReduceOnPlateau as ReduceOnPlateau
    from gdfast.options.schedules import Step as Step
    from gdfast.options.schedules import Warmup as Warmup
    from gdfast.results.divergence import DivergenceError as DivergenceError
    from gdfast.results.divergence import DivergenceWarning as DivergenceWarning
    from gdfast.results.divergence import StabilityWarning as StabilityWarning
    from gdfast.results.run import Run as Run
    from gdfast.results.stop_reason import StopReason as StopReason
    from gdfast.sweeps.result import Sweep as Sweep
    from gdfast.sweeps.storage.store_error import StoreError as StoreError
    from gdfast.sweeps.sweep import sweep as sweep

# The public names and the modules that define them, which are imported when a name is first asked for.
PUBLIC = {
    "EMA": "options.averaging",
    "GD": "options.optimizers",
    "AdaGrad": "options.optimizers",
    "Adam": "options.optimizers",
    "AdamW": "options.optimizers",
    "Blocks": "data.blocks.blocks",
    "Constant": "options.schedules",
    "Cosine": "options.schedules",
    "DivergenceError": "results.divergence",
    "DivergenceWarning": "results.divergence",
    "Exponential": "options.schedules",
    "InverseScaling": "options.schedules",
    "InverseTime": "options.schedules",
    "Loss": "options.custom_loss",
    "Momentum": "options.optimizers",
    "RMSProp": "options.optimizers",
    "ReduceOnPlateau": "options.schedules",
    "Run": "results.run",
    "StabilityWarning": "results.divergence",
    "Step": "options.schedules",
    "StopReason": "results.stop_reason",
    "Summary": "data.summary",
    "Sweep": "sweeps.result",
    "StoreError": "sweeps.storage.store_error",
    "Warmup": "options.schedules",
    "backends": "backends",
    "compat": "compat",
    "fit": "_fit",
    "minimize": "_minimize",
    "plots": "plots",
    "read_table": "data.tables.reader",
    "resume": "_resume",
    "sample_order": "data.order",
    "stability": "_stability",
    "sweep": "sweeps.sweep",
}
# Not public: what a method of Run finds here, since `results` imports nothing above it.
FOR_RUN = {"_solver_at_end": "_resume"}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name in PUBLIC or name in FOR_RUN:
        place = PUBLIC.get(name) or FOR_RUN[name]
        module = import_module(f"gdfast.{place}")
        value = module if name == place else getattr(module, name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib import metadata  # as slow to import as half of NumPy

        return metadata.version("gdfast")
    raise AttributeError(f"module 'gdfast' has no attribute {name!r}; dir(gdfast) lists what it has")


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
