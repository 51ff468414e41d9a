"""The formulas of the registries as jitted functions, and what is made of one alone."""

import types
from typing import Any

import numpy as np

from gdfast.backends.numba.arithmetic import inline_exp, inline_log, inline_log1p
from gdfast.backends.numba.compilation import counting, inlined, jit
from gdfast.formulas import penalties, update_rules, vocabulary
from gdfast.formulas.losses import LOSSES

__all__ = [
    "averaged",
    "clipped",
    "correction",
    "cumulative_l1",
    "jitted_loss",
    "penalty",
    "penalty_value",
    "soft_threshold",
    "within",
]

penalty_value = jit(penalties.penalty_value)
soft_threshold = jit(penalties.soft_threshold)
cumulative_l1 = jit(penalties.cumulative_l1)
averaged = jit(update_rules.averaged)
clipped = jit(update_rules.clipped)
correction = jit(update_rules.correction)


@jit
def penalty(W, l2, l1, any_penalty):  # type: ignore[no-untyped-def]
    """Return the penalty at W."""
    total = 0.0
    if any_penalty:
        for o in range(W.shape[0]):
            for j in range(W.shape[1]):
                total += penalty_value(np.float64(W[o, j]), l2[j], l1[j])
    return total


@jit
def within(w, low, high):  # type: ignore[no-untyped-def]
    """Return w projected on low..high."""
    return vocabulary.maximum(vocabulary.minimum(w, high), low)


def formula_of(function: Any) -> Any:
    """Return a loss's formula jitted, exp and the logarithms being those without calls."""
    names = {**function.__globals__, "exp": inline_exp, "log": inline_log, "log1p": inline_log1p}
    return inlined(types.FunctionType(function.__code__, names, function.__name__))


def jitted_loss(loss: str, custom: Any) -> tuple[Any, Any]:
    """Return a loss's value and gradient as jitted functions of (y, z, c)."""
    if custom is None:
        return formula_of(LOSSES[loss].value), formula_of(LOSSES[loss].gradient)
    custom_value, custom_gradient = counting(custom.value), counting(custom.gradient)
    return jit(lambda y, z, c: custom_value(y, z)), jit(lambda y, z, c: custom_gradient(y, z))
