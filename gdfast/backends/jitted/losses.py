"""Losses as jitted functions."""

import types
from typing import Any

from gdfast.backends.jitted.elementary import exponential, log_one_plus
from gdfast.backends.jitted.options import counting, inlined, jit
from gdfast.formulas.losses import LOSSES

__all__ = ["jitted_loss"]


def formula_of(function: Any) -> Any:
    """Return a loss's formula jitted, exp and log1p being those above."""
    names = {**function.__globals__, "exp": exponential, "log1p": log_one_plus}
    return inlined(types.FunctionType(function.__code__, names, function.__name__))


def jitted_loss(loss: str, own: Any) -> tuple[Any, Any]:
    """Return a loss's value and gradient as jitted functions of (y, z, c)."""
    if own is None:
        return formula_of(LOSSES[loss].value), formula_of(LOSSES[loss].gradient)
    own_value, own_gradient = counting(own.value), counting(own.gradient)
    return jit(lambda y, z, c: own_value(y, z)), jit(lambda y, z, c: own_gradient(y, z))
