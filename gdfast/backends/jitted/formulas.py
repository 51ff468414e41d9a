"""The other formulas as jitted functions, and what is made of one alone."""

import numpy as np

from gdfast.backends.jitted.options import jit
from gdfast.formulas import penalties, update_rules, vocabulary

__all__ = ["averaged", "clipped", "correction", "cumulative_l1", "penalty", "penalty_value", "soft_threshold", "within"]

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
