"""Learning rates of the schedules, each written once: a function of t, the epochs (or updates) finished before.

t may be a number or an array. No schedule knows how long the training will be, so that resuming is exact.
"""

import math
from typing import Any

import numpy as np

__all__ = ["constant", "cosine", "exponential", "inverse_scaling", "inverse_time", "step", "warmup"]


def constant(t: Any, rate: float) -> Any:
    """Return the rate."""
    return np.full(np.shape(t), rate)[()]


def step(t: Any, rate: float, every: int, factor: float) -> Any:
    """Return rate factor^(t // every)."""
    return rate * factor ** (np.asarray(t) // every).astype(float)


def exponential(t: Any, rate: float, factor: float) -> Any:
    """Return rate factor^t."""
    return rate * factor ** np.asarray(t, dtype=float)


def inverse_scaling(t: Any, rate: float, power: float) -> Any:
    """Return rate / (t + 1)^power."""
    return rate / (np.asarray(t, dtype=float) + 1.0) ** power


def inverse_time(t: Any, rate: float, k: float) -> Any:
    """Return rate / (1 + k t)."""
    return rate / (1.0 + k * np.asarray(t, dtype=float))


def cosine(t: Any, rate: float, period: int, min_rate: float, restarts: bool) -> Any:
    """Return min_rate + (rate - min_rate)(1 + cos(pi u / period)) / 2, u = t mod period or min(t, period)."""
    t = np.asarray(t)
    u = t % period if restarts else np.minimum(t, period)
    return min_rate + (rate - min_rate) * (1.0 + np.cos(math.pi * (u / period))) / 2.0


def warmup(t: Any, schedule: Any, length: int) -> Any:
    """Return schedule(0) (t + 1) / length for t < length, then schedule(t - length)."""
    t = np.asarray(t)
    rising = schedule(0) * (t + 1) / length
    return np.where(t < length, rising, schedule(np.maximum(t - length, 0)))[()]
