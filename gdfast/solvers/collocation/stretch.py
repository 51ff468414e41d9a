"""A stretch of the path as polynomials in the epoch."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.solvers.collocation.nodes import DEGREE, Long, polynomials, series_at

__all__ = ["Stretch", "joined", "separated"]

PARTS, PLACES = 64, 16  # that the epochs of a stretch are cut into, and places of each whose costs give all of them
COUNTS, NUMBERS = ("first", "length", "passes"), ("residual", "start_cost")


class Stretch(NamedTuple):
    """Epochs `first` to `first + length` as Chebyshev series in the epoch, verified."""

    first: int
    length: int
    W: NDArray[np.float64]  # (DEGREE + 1, p)
    velocity: NDArray[np.float64] | None  # (DEGREE + 1, p), the momentum
    costs: NDArray[np.float64]  # (DEGREE + 1,)
    end: NDArray[np.float64]  # (p,), the parameters after the last epoch
    passes: int
    residual: float  # the largest, in units of rounding
    weights: NDArray[np.float64]  # (DEGREE + 1,), the coefficients of the gradient in these units, the largest of each
    start_cost: float = np.nan

    @property
    def last(self) -> int:
        """The epoch at which it ends."""
        return self.first + self.length

    def parameters(self, epoch: int) -> NDArray[np.float64]:
        """Return the parameters after an epoch."""
        if epoch == self.last:
            return self.end
        return np.asarray(series_at(self.W, self.length, np.array([epoch - self.first]))[0])

    def velocity_at(self, epoch: int) -> NDArray[np.float64]:
        """Return the momentum after an epoch."""
        if self.velocity is None:
            raise AttributeError("a path without momentum has no velocity")
        return np.asarray(series_at(self.velocity, self.length, np.array([epoch - self.first]))[0])

    def costs_at(self, epochs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the costs after epochs."""
        return series_at(self.costs, self.length, epochs - self.first)

    def costs_from(self, first: int, stop: int) -> NDArray[np.float64]:
        """Return the costs after the epochs first, ..., stop - 1.

        The range is cut into parts. In each the series is a polynomial of low degree, so its values at a few places
        give all of them by one product.
        """
        part = max(PLACES, self.length // PARTS)
        places, to_all = places_of(part)
        starts = np.arange(first, stop, part)
        values = self.costs_at((starts[:, None] + places).ravel()).reshape(-1, PLACES)
        base = values[:, :1].copy()  # beside which the others differ little, and so does what rounding takes
        costs = (values - base) @ to_all.T
        costs += base
        costs = costs.ravel()[: stop - first]
        if first == self.first:
            costs[0] = self.start_cost
        return costs


def joined(stretches: list[Stretch], p: int) -> dict[str, NDArray[Any]]:
    """Return stretches of p parameters as one array for each field, the first axis that of the stretches."""
    count = len(stretches)
    series = (count, DEGREE + 1)
    moving = bool(count) and stretches[0].velocity is not None
    empty = {name: np.zeros(count, np.int64) for name in COUNTS} | {name: np.zeros(count) for name in NUMBERS}
    empty |= {"W": np.zeros((*series, p)), "velocity": np.zeros((count if moving else 0, DEGREE + 1, p))}
    empty |= {"costs": np.zeros(series), "end": np.zeros((count, p)), "weights": np.zeros(series)}
    for name, array in empty.items():
        for i, stretch in enumerate(stretches[: len(array)]):
            array[i] = getattr(stretch, name)
    return empty


def separated(arrays: dict[str, NDArray[Any]]) -> list[Stretch]:
    """Return the stretches that `joined` took."""
    fields = {name: list(array) for name, array in arrays.items()}
    fields |= {name: arrays[name].tolist() for name in (*COUNTS, *NUMBERS)}
    count = len(fields["first"])
    if len(fields["velocity"]) < count:
        fields["velocity"] = [None] * count
    return [Stretch(**{name: values[i] for name, values in fields.items()}) for i in range(count)]


@lru_cache(maxsize=16)
def places_of(length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places within so many epochs, and what takes values there to those of all of these epochs."""
    angles = np.pi * (np.arange(PLACES, dtype=Long) + 0.5) / PLACES
    x, degrees = np.cos(angles), np.arange(PLACES)
    to_series = np.cos(np.outer(degrees, angles)) * (2 / Long(PLACES))
    to_series[0] /= 2
    epochs = 2.0 * np.arange(length) / (length - 1) - 1.0
    to_all = polynomials(epochs, PLACES) @ to_series.astype(np.float64)
    return ((x + 1) / 2 * (length - 1)).astype(np.float64), to_all
