"""The fraction of the initial error that remains after k epochs of descent on a quadratic: phi_k in each direction.

The curvature of a direction is lambda, the rate eta. Gradient descent: phi_k = (1 - eta lambda)^k. With momentum
phi is the solution of phi_{k+1} = T phi_k - D phi_{k-1} (Polyak, 1964), phi_0 = 1, phi_1 = M_11 of the 2 x 2 step.
1 - phi_k is computed on its own, so that it keeps its digits where phi_k is near one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.protocol import PowerCosts
from gdfast.formulas.constants import PATH_BLOCK
from gdfast.options.learning_rates import LearningRates
from gdfast.options.model import Model

__all__ = ["Epochs", "GradientDescentModes", "Modes", "MomentumModes", "log_factors", "make_modes", "sum_of_squares"]

# Rising epochs; a range is evenly spaced, which is faster.
Epochs = range | NDArray[np.int64]

# Logarithms are clipped here: a larger power is 0 or infinite after one epoch, and at epoch 0 it is 0 times finite.
LARGEST_LOG = 1e6
# Growth below this is the rounding of a factor of -1.
GROWTH = 1e-14
# Beyond this a step's square would overflow.
LARGEST_STEP = 1e153
# Epochs of a block where the last epoch must be searched.
SCAN_EPOCHS = 65_536
RECURRENCE_EPOCHS = 8_192  # of momentum under changing rates, some 30 ms
# Values of a temporary array.
CHUNK_VALUES = 2**17


class Modes(ABC):
    """phi_k and 1 - phi_k for the directions of a problem."""

    @abstractmethod
    def at(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch, (r,) each."""

    @abstractmethod
    def costs(
        self, sizes: NDArray[np.float64], residual: float, epochs: Epochs, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return (residual + sum_i (sizes_i phi_k,i)^2) / 2 for each epoch k, in rising order, perhaps in `out`."""

    def cost_blocks(
        self, sizes: NDArray[np.float64], residual: float, first: int, last: int
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the costs of the epochs first .. last in blocks, each with its first epoch."""
        for start in range(first, last + 1, SCAN_EPOCHS):
            yield start, self.costs(sizes, residual, range(start, min(start + SCAN_EPOCHS, last + 1)))

    @abstractmethod
    def grows(self) -> NDArray[np.bool_]:
        """Return a mask of the directions in which the error grows."""


def sum_of_squares(left: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sum_i (left_i sizes_i)^2: squared after the product, so that it overflows only where it must."""
    used = sizes > 0
    parts = left[..., used] * sizes[used]
    return np.asarray((parts * parts).sum(axis=-1))


def epoch_array(epochs: Epochs) -> NDArray[np.int64]:
    """Return epochs as an array."""
    return np.arange(epochs.start, epochs.stop, epochs.step) if isinstance(epochs, range) else epochs


def log_factors(curvatures: NDArray[np.float64], rate: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return log |f| for the factor f = 1 - eta lambda of each direction, and where f is negative."""
    with np.errstate(over="ignore"):
        step = rate * curvatures
    negative = step > 1.0
    with np.errstate(divide="ignore"):
        log = np.log1p(np.where(negative, step - 2.0, -step))
    return np.clip(log, -LARGEST_LOG, LARGEST_LOG), negative


class GradientDescentModes(Modes):
    """Gradient descent at a constant rate: phi_k = f^k, f = 1 - eta lambda."""

    def __init__(self, curvatures: NDArray[np.float64], rate: float, kernel: PowerCosts) -> None:
        self.kernel = kernel
        self.log, self.negative = log_factors(curvatures, rate)

    def at(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch."""
        size = np.exp(epoch * self.log)
        left = np.where(self.negative & (epoch % 2 == 1), -size, size)
        return left, np.where(left == size, -np.expm1(epoch * self.log), 1.0 - left)

    def costs(
        self, sizes: NDArray[np.float64], residual: float, epochs: Epochs, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the costs; of a range by blocks of blocks, in whose kernel nothing but sums of products is left."""
        used = sizes > 0
        half, log = np.log(0.5) + 2.0 * np.log(sizes[used]), 2.0 * self.log[used]
        if not isinstance(epochs, range) or len(epochs) < PATH_BLOCK:
            return spread(half, log, epoch_array(epochs)) + 0.5 * residual
        falling = log <= 0  # powers that grow would overflow on their own, ahead of their product
        costs = np.empty(len(epochs)) if out is None else out
        self.write_falling(half[falling], log[falling], 0.5 * residual, epochs, costs)
        return costs if falling.all() else costs + spread(half[~falling], log[~falling], epoch_array(epochs))

    def write_falling(
        self,
        half: NDArray[np.float64],
        log: NDArray[np.float64],
        base: float,
        epochs: range,
        costs: NDArray[np.float64],
    ) -> None:
        """Write base + sum_i exp(k log_i + half_i) for evenly spaced epochs k, no log above zero."""
        within = np.arange(PATH_BLOCK) * float(epochs.step)
        groups = np.arange(-(-len(epochs) // PATH_BLOCK**2)) * float(epochs.step * PATH_BLOCK**2) + epochs.start
        powers, firsts = np.exp(log[:, None] * within), np.exp(within[:, None] * PATH_BLOCK * log)
        sizes = np.exp(groups[:, None] * log + half)
        self.kernel(sizes=sizes, firsts=firsts, powers=powers, base=base, costs=costs)

    def grows(self) -> NDArray[np.bool_]:
        """Return a mask of the directions in which the error grows."""
        return self.log > GROWTH


def spread(half: NDArray[np.float64], log: NDArray[np.float64], epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return sum_i exp(k log_i + half_i) for any epochs k."""
    total = np.zeros(len(epochs))
    rows = max(1, CHUNK_VALUES // max(1, len(log)))
    for first in range(0, len(epochs), rows):
        total[first : first + rows] = np.exp(np.outer(epochs[first : first + rows], log) + half).sum(axis=1)
    return total


class MomentumModes(Modes):
    """Momentum or Nesterov at a constant rate: phi_k = A r_1^k + (1 - A) r_2^k, or its form for complex roots."""

    def __init__(self, curvatures: NDArray[np.float64], rate: float, mu: float, nesterov: bool) -> None:
        with np.errstate(over="ignore"):
            x = rate * curvatures
        self.overflows = x > LARGEST_STEP  # in one epoch
        x = np.minimum(x, LARGEST_STEP)
        self.drop = x * (1.0 + mu if nesterov else 1.0)  # 1 - phi_1
        a = 1.0 - mu + self.drop
        discriminant = a * a - 4.0 * x
        self.complex = discriminant < 0
        root = np.sqrt(np.abs(discriminant))
        # Real roots 1 - delta: the slower delta without cancellation.
        self.slow = np.where(self.complex, 1.0, 2.0 * x / (a + root))
        self.fast = np.where(self.complex, 1.0, (a + root) / 2.0)
        # Complex roots: their size squared is the determinant.
        self.size = np.sqrt(np.where(self.complex, mu * (1.0 - x) if nesterov else np.full_like(x, mu), 1.0))
        real = 1.0 - a / 2.0
        self.angle = np.where(self.complex, np.arctan2(root / 2.0, real), 0.0)
        self.turn = np.where(self.complex, (1.0 - self.drop - real) / np.where(root > 0, root / 2.0, 1.0), 0.0)
        self.root = np.where(self.complex, 1.0, np.maximum(root, 1e-300))

    def remaining_and_removed(self, k: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi_k and 1 - phi_k for a column of epochs k."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            waves = self.size**k * (np.cos(k * self.angle) + self.turn * np.sin(k * self.angle))
            one, two = power(self.slow, k), power(self.fast, k)
            # Near a double root the difference of the powers is taken as one expm1, which keeps its digits.
            ratio = -self.root / (1.0 - self.slow)
            grown = k * np.log1p(np.where(ratio > -1.0, ratio, 0.0))
            near = (ratio > -1.0) & (grown < 1.0)
            slope = np.where(near, -one[0] * np.expm1(np.minimum(grown, 1.0)), one[0] - two[0]) / self.root
            straight = one[0] + (self.slow - self.drop) * slope
            gone = one[1] - (self.slow - self.drop) * slope
        left, gone = np.where(self.complex, waves, straight), np.where(self.complex, 1.0 - waves, gone)
        over = self.overflows & (np.asarray(k) > 0)
        return np.where(over, -np.inf, left), np.where(over, np.inf, gone)

    def at(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch."""
        return self.remaining_and_removed(float(epoch))

    def costs(
        self, sizes: NDArray[np.float64], residual: float, epochs: Epochs, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the costs."""
        epochs, total = epoch_array(epochs), np.empty(len(epochs))
        rows = max(1, CHUNK_VALUES // max(1, len(sizes)))
        for first in range(0, len(epochs), rows):
            left, _ = self.remaining_and_removed(epochs[first : first + rows, None].astype(np.float64))
            total[first : first + rows] = sum_of_squares(left, sizes)
        return 0.5 * (residual + total)

    @property
    def log(self) -> NDArray[np.float64]:
        """The logarithm of what an epoch leaves, in the long run."""
        reach = np.maximum(np.abs(1.0 - self.slow), np.abs(1.0 - self.fast))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.where(self.complex, self.size, reach)))

    def grows(self) -> NDArray[np.bool_]:
        """Return a mask of the directions in which the error grows."""
        return self.log > GROWTH


def power(delta: NDArray[np.float64], k: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (1 - delta)^k and 1 - (1 - delta)^k."""
    negative = delta > 1.0
    log = np.maximum(np.log1p(np.where(negative, delta - 2.0, -delta)), -LARGEST_LOG)
    size = np.exp(k * log)
    flipped = negative & (np.mod(k, 2.0) == 1.0)
    return np.where(flipped, -size, size), np.where(flipped, 1.0 + size, -np.expm1(k * log))


class ScheduledModes(Modes):
    """Rates that change: phi computed epoch by epoch, in every direction at once."""

    def __init__(self, curvatures: NDArray[np.float64], rates: LearningRates, mu: float, nesterov: bool) -> None:
        self.curvatures, self.rates, self.mu, self.nesterov = curvatures, rates, mu, nesterov
        one = np.ones(len(curvatures))
        self.latest = 0, one, 0 * one  # the epoch that the last block ended with, phi and 1 - phi after it

    def blocks(self, epochs: int) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
        """Yield the first epoch of each block, and phi and 1 - phi after each of its epochs, 1 .. epochs."""
        step = self.products if self.mu == 0 else self.recurrence
        rows = max(1, CHUNK_VALUES // max(1, len(self.curvatures)))
        if self.mu > 0:
            rows = min(rows, RECURRENCE_EPOCHS)
        state = None
        for first in range(0, epochs, rows):
            rates = self.rates.take(first, min(rows, epochs - first))
            state, left, gone = step(state, rates)
            self.latest = first + len(rates), left[-1], gone[-1]
            yield first + 1, left, gone

    def products(self, state: Any, rates: NDArray[np.float64]) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
        """Return running products of 1 - eta lambda, as sums of logarithms, which do not drift."""
        logs, odd = state or (np.zeros(len(self.curvatures), np.longdouble), np.zeros(len(self.curvatures), bool))
        steps = np.outer(rates, self.curvatures)
        negative = steps > 1.0
        with np.errstate(divide="ignore"):
            log = np.maximum(np.log1p(np.where(negative, steps - 2.0, -steps)), -LARGEST_LOG)
        sums = logs + np.cumsum(log, axis=0, dtype=np.longdouble)
        flips = odd ^ (np.cumsum(negative, axis=0) % 2 == 1)
        size = np.exp(sums.astype(np.float64))
        left = np.where(flips, -size, size)
        gone = np.where(flips, 1.0 + size, -np.expm1(sums.astype(np.float64)))
        return (sums[-1], flips[-1]), left, gone

    def recurrence(
        self, state: Any, rates: NDArray[np.float64]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
        """Return phi by momentum's own recurrence."""
        zero = np.zeros(len(self.curvatures))
        left, gone, m = state or (zero + 1.0, zero, zero)
        lefts, gones = np.empty((len(rates), len(zero))), np.empty((len(rates), len(zero)))
        for t, eta in enumerate(rates):
            g = self.curvatures * left
            m = self.mu * m + g
            step = eta * (g + self.mu * m) if self.nesterov else eta * m
            left, gone = left - step, gone + step
            lefts[t], gones[t] = left, gone
        return (left, gone, m), lefts, gones

    def at(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch."""
        reached, left, gone = self.latest
        if reached == epoch:
            return left, gone
        left, gone = np.ones((1, len(self.curvatures))), np.zeros((1, len(self.curvatures)))
        for _, left, gone in self.blocks(epoch):  # noqa: B007
            pass
        return left[-1], gone[-1]

    def costs(
        self, sizes: NDArray[np.float64], residual: float, epochs: Epochs, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the costs."""
        epochs, total = epoch_array(epochs), np.full(len(epochs), (sizes * sizes).sum())
        for first, left, _ in self.blocks(int(epochs[-1]) if len(epochs) else 0):
            low, high = np.searchsorted(epochs, [first, first + len(left)])
            total[low:high] = sum_of_squares(left[epochs[low:high] - first], sizes)
        return 0.5 * (residual + total)

    def cost_blocks(
        self, sizes: NDArray[np.float64], residual: float, first: int, last: int
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the costs of the epochs first .. last in blocks, computed once."""
        if first == 0:
            yield 0, np.array([0.5 * (residual + (sizes * sizes).sum())])
        for start, left, _ in self.blocks(last):
            skipped = min(len(left), max(0, first - start))
            yield start + skipped, 0.5 * (residual + sum_of_squares(left[skipped:], sizes))

    def grows(self) -> NDArray[np.bool_]:
        """Return a mask of the directions in which the error can grow; with changing rates that is all of them."""
        return np.ones(len(self.curvatures), dtype=bool)


def make_modes(curvatures: NDArray[np.float64], model: Model, rates: LearningRates, kernel: PowerCosts) -> Modes:
    """Return the Modes of a model's update rule at these rates."""
    if rates.constant is None:
        return ScheduledModes(curvatures, rates, model.mu, model.formula.looks_ahead)
    if model.mu == 0:
        return GradientDescentModes(curvatures, rates.constant, kernel)
    return MomentumModes(curvatures, rates.constant, model.mu, model.formula.looks_ahead)
