"""The path of full-batch descent on a squared error: cost and parameters after any epoch."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gdfast.solvers.closed_form.factorization import EPS, Factors
from gdfast.solvers.closed_form.modes import Epochs, Modes, sum_of_squares

__all__ = ["Path"]


class Path:
    """The descent on Factors from a start: cost and parameters after any epoch, without those before it."""

    def __init__(
        self, factors: Factors, start: NDArray[np.float64], modes: Modes, n: int, largest: float = math.inf
    ) -> None:
        self.factors, self.start, self.modes, self.n = factors, start, modes, n
        self.largest = largest  # a coefficient beyond it is infinite in the data's dtype
        self.full_rank = len(factors.s) == len(factors.V)
        with np.errstate(over="ignore", invalid="ignore"):
            self.along = factors.V.T @ start  # (r, k)
            reached = factors.s[:, None] * self.along
            self.q = reached - factors.h
            size = factors.size + float(np.linalg.norm(reached))
            weak = (np.abs(self.q) <= 8 * EPS * size).all(axis=1) & np.isfinite(size)
            self.still = weak & modes.grows()  # rounding that would grow: such a direction stands still
            self.sizes = np.where(self.still, 0.0, np.sqrt((self.q * self.q).sum(axis=1)))
        self.known = -1, np.empty(0), np.empty(0)

    def costs(self, epochs: Epochs, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return J after each of these epochs, in rising order, perhaps in `out`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.modes.costs(self.sizes, self.factors.residual, epochs, out)

    def cost_blocks(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield J after the epochs first .. last in blocks, each with its first epoch."""
        with np.errstate(over="ignore", invalid="ignore"):
            yield from self.modes.cost_blocks(self.sizes, self.factors.residual, first, last)

    def cost(self, epoch: int) -> float:
        """Return J after an epoch."""
        with np.errstate(over="ignore", invalid="ignore"):
            left = self.remaining_and_removed(epoch)[0]
            return float(0.5 * (self.factors.residual + sum_of_squares(left, self.sizes)))

    def remaining_and_removed(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return phi and 1 - phi after an epoch; the last asked for is remembered, since its cost follows."""
        if self.known[0] != epoch:
            left, gone = self.modes.at(epoch)
            if self.still.any():
                left, gone = np.where(self.still, 1.0, left), np.where(self.still, 0.0, gone)
            self.known = epoch, left, gone
        return self.known[1:]

    def parameters(self, epoch: int) -> NDArray[np.float64]:
        """Return the parameters after an epoch, (p, k)."""
        V, s, h = self.factors.V, self.factors.s, self.factors.h
        with np.errstate(over="ignore", invalid="ignore"):
            left, gone = (part[:, None] for part in self.remaining_and_removed(epoch))
            if self.full_rank:
                return V @ (left * self.along + gone / s[:, None] * h)
            # What lies outside the directions stays as it is.
            return self.start + V @ (gone * (h / s[:, None] - self.along))

    def finite(self, epoch: int) -> bool:
        """Tell whether n J after an epoch is a finite number, and every coefficient."""
        if not math.isfinite(self.n * self.cost(epoch)):
            return False
        return self.largest == math.inf or bool(np.abs(self.parameters(epoch)).max() <= self.largest)

    @property
    def curvatures(self) -> NDArray[np.float64]:
        """The curvatures of J along the directions, largest first."""
        return self.factors.curvatures

    @property
    def grows(self) -> bool:
        """Whether the costs grow without end."""
        return bool((self.modes.grows() & (self.sizes > 0)).any())

    def diverged_epoch(self, epochs: int) -> int | None:
        """Return the first epoch, up to the last, whose cost is not finite."""
        if not (self.grows or self.largest < math.inf) or self.finite(epochs):
            return None
        finite, infinite = 0, epochs
        while infinite - finite > 1:
            middle = (finite + infinite) // 2
            finite, infinite = (middle, infinite) if self.finite(middle) else (finite, middle)
        return infinite
