"""Penalties, each written once: all of them are l2 w^2 / 2 + l1 |w|, coordinate by coordinate.

w is a coefficient, t a threshold; q is what the cumulative l1 penalty has done to w so far and
u what it could have done at most.
"""

from collections.abc import Callable
from typing import NamedTuple

from gdfast.formulas.vocabulary import absolute, maximum, minimum, where

__all__ = [
    "PENALTIES",
    "Penalty",
    "cumulative_l1",
    "penalty_value",
    "projected_subgradient",
    "smallest_subgradient",
    "soft_threshold",
]


class Penalty(NamedTuple):
    """A penalty as its two numbers: functions of (alpha, l1_ratio)."""

    l2: Callable[[float, float], float]
    l1: Callable[[float, float], float]
    scaled: bool = True  # whether alpha counts
    mixed: bool = False  # whether l1_ratio counts


def penalty_value(w, l2, l1):
    """l2 w^2 / 2 + l1 |w|."""
    return 0.5 * l2 * w * w + l1 * absolute(w)


def soft_threshold(w, t):
    """Return the proximal step of t |w|: w drawn towards zero by t, and not past it."""
    return maximum(w - t, 0.0) - maximum(-w - t, 0.0)


def cumulative_l1(w, q, u):
    """Return w drawn towards zero by what is pending of u beyond q (Tsuruoka et al., 2009, ACL, section 3.2)."""
    down = maximum(w - (u + q), 0.0)
    up = -maximum(-w - (u - q), 0.0)
    return where(w > 0.0, down, where(w < 0.0, up, w))


def smallest_subgradient(w, g, l1):
    """Return the smallest subgradient of J along a coordinate, g being the gradient without l1."""
    return where(w > 0.0, g + l1, where(w < 0.0, g - l1, soft_threshold(g, l1)))


def projected_subgradient(w, s, low, high):
    """Return the part of a subgradient that a step could follow within low..high."""
    inside = where(w <= low, minimum(s, 0.0), s)
    return where(w >= high, maximum(inside, 0.0), inside)


PENALTIES = {
    "none": Penalty(lambda alpha, l1_ratio: 0.0, lambda alpha, l1_ratio: 0.0, scaled=False),
    "l2": Penalty(lambda alpha, l1_ratio: alpha, lambda alpha, l1_ratio: 0.0),
    "l1": Penalty(lambda alpha, l1_ratio: 0.0, lambda alpha, l1_ratio: alpha),
    "elasticnet": Penalty(
        lambda alpha, l1_ratio: alpha * (1.0 - l1_ratio), lambda alpha, l1_ratio: alpha * l1_ratio, mixed=True
    ),
}
