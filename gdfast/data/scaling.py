"""Scale columns to weighted mean 0 and standard deviation 1, and parameters to and from those columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.data.csr import BLOCK_VALUES, CSR, Features

__all__ = ["Moments", "Scaling", "check_scale", "scaling_of"]

# Standard deviations by bytes of a value: the coefficient of a column is divided by its own, and keeps X's dtype.
SCALES = {4: (1e-25, 1e25), 8: (1e-200, 1e200)}


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """The center and the scale of each column: x becomes (x - center) / scale."""

    center: NDArray[np.float64]  # (d,)
    scale: NDArray[np.float64]  # (d,)

    def scaled(self, X: Features) -> Features:
        """Return X scaled, in its own dtype; a sparse X is not centred."""
        if isinstance(X, CSR):
            values = (X.data / self.scale[X.indices]).astype(X.dtype, copy=False)
            return CSR(values, X.indices, X.indptr, X.shape)
        result = np.empty_like(X)
        for rows in blocks_of_rows(X):
            result[rows] = (X[rows] - self.center) / self.scale
        return result

    def to_scaled(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients (k, d) and intercepts (k,) for the scaled columns, from those for X."""
        return W * self.scale, b + W.astype(np.float64) @ self.center

    def to_original(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coefficients and intercepts for X, from those for the scaled columns."""
        with np.errstate(over="ignore", invalid="ignore"):
            coef = (W / self.scale).astype(W.dtype, copy=False)
            return coef, b - coef.astype(np.float64) @ self.center


class Moments(NamedTuple):
    """The weighted moments of the columns of some rows, (d,) each; those of several parts merge into those of all."""

    weight: float  # of all rows
    center: NDArray[np.float64]  # the mean
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]  # the smallest value
    high: NDArray[np.float64]

    @staticmethod
    def of(X: Features, weights: NDArray[np.float64] | None) -> "Moments":
        """Return those of rows; rows of weight 0 have no part in them."""
        used = slice(None) if weights is None or weights.min(initial=1.0) > 0 else np.flatnonzero(weights > 0)
        X, s = X[used], np.ones(len(X)) if weights is None else weights[used]
        if not len(X):
            zeros = np.zeros(X.shape[1])
            return Moments(0.0, zeros, zeros, zeros + np.inf, zeros - np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            return sparse_moments(X, s) if isinstance(X, CSR) else dense_moments(X, s)

    def merge(self, other: "Moments") -> "Moments":
        """Return those of the rows of both."""
        if not (self.weight and other.weight):
            return self if self.weight else other
        weight = self.weight + other.weight
        first, second = self.weight / weight, other.weight / weight
        with np.errstate(over="ignore", invalid="ignore"):
            distance = other.center - self.center
            within = np.hypot(np.sqrt(first) * self.deviation, np.sqrt(second) * other.deviation)
            deviation = np.hypot(within, np.sqrt(first * second) * distance)
            center = self.center + second * distance
        return Moments(weight, center, deviation, np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def scaling(self, sparse: bool, dtype: np.dtype[Any]) -> Scaling:
        """Return the Scaling by them; a constant column is divided by 1, and a sparse X is not centred."""
        constant = self.low == self.high
        center, scale = np.where(constant, self.low, self.center), np.where(constant, 1.0, self.deviation)
        if not (np.isfinite(center).all() and np.isfinite(scale).all()):
            j = int(np.argmin(np.isfinite(center) & np.isfinite(scale)))
            raise ValueError(f"standardize=True: column {j} of X holds values too large for a mean; scale it first")
        check_scale(scale, dtype)
        return Scaling(np.zeros_like(center) if sparse else center, scale)


def scaling_of(X: Features, weights: NDArray[np.float64] | None) -> Scaling:
    """Return the Scaling of X by its weighted means and standard deviations."""
    return Moments.of(X, weights).scaling(isinstance(X, CSR), X.dtype)


def check_scale(scale: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
    """Raise an error unless coefficients of dtype can be divided by these standard deviations."""
    smallest, largest = SCALES[dtype.itemsize]
    if not (smallest <= scale.min() and scale.max() <= largest):
        j = int(np.argmax(~((scale >= smallest) & (scale <= largest))))
        raise ValueError(
            f"standardize=True: column {j} of X has the standard deviation {scale[j]:.3g}, and must have one from "
            f"{smallest:g} to {largest:g} in {dtype}, so that coefficients in its units neither overflow nor vanish; "
            "scale it first"
        )


def moments(
    weight: float,
    center: NDArray[np.float64],
    deviation: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> Moments:
    """Return Moments, those of a constant column without rounding."""
    constant = low == high
    return Moments(weight, np.where(constant, low, center), np.where(constant, 0.0, deviation), low, high)


def blocks_of_rows(X: NDArray[Any]) -> Iterator[slice]:
    """Yield slices of rows that hold few enough values for temporary arrays in float64."""
    count = max(1, BLOCK_VALUES // X.shape[1])
    for first in range(0, len(X), count):
        yield slice(first, first + count)


def dense_moments(X: NDArray[Any], s: NDArray[np.float64]) -> Moments:
    """Return the moments of an array with row weights s."""
    low, high, total = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64), s.sum()
    center = low + (high - low) / 2.0
    for _ in range(2):  # the second pass corrects the rounding of the first
        center = center + sum(s[rows] @ (X[rows] - center) for rows in blocks_of_rows(X)) / total
    largest = np.maximum(np.maximum(high - center, center - low), np.finfo(np.float64).tiny)
    squares = sum(s[rows] @ (((X[rows] - center) / largest) ** 2) for rows in blocks_of_rows(X)) / total
    return moments(float(total), center, largest * np.sqrt(squares), low, high)


def sparse_moments(X: CSR, s: NDArray[np.float64]) -> Moments:
    """Return the moments of a sparse matrix with row weights s."""
    d, total = X.shape[1], s.sum()
    weights = np.repeat(s, X.counts)
    stored = np.bincount(X.indices, minlength=d)
    low = np.where(stored < len(X), 0.0, np.inf)  # a column with a value that is not stored holds a 0
    high = -low
    np.minimum.at(low, X.indices, X.data)
    np.maximum.at(high, X.indices, X.data)
    center = np.bincount(X.indices, weights * X.data, d) / total
    largest = np.maximum(np.maximum(high - center, center - low), np.finfo(np.float64).tiny)
    distance = (X.data - center[X.indices]) / largest[X.indices]
    zeros = np.maximum(total - np.bincount(X.indices, weights, d), 0.0) * (stored < len(X))
    squares = (np.bincount(X.indices, weights * distance**2, d) + zeros * (center / largest) ** 2) / total
    return moments(float(total), center, largest * np.sqrt(squares), low, high)
