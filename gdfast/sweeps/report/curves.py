"""The curves of a report: fewer points of each history, as JSON."""

import functools
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.archive import Arrays

__all__ = ["curves_as_json"]

# The page has so many points at most, shared among the curves, but from 100 to 2,000 for each: about 10 bytes a point.
ALL_POINTS, FEWEST, MOST = 1_000_000, 100, 2000


def curves_as_json(histories: Iterable[tuple[str, Arrays]], count: int) -> str:
    """Return the curves of about `count` runs by their keys; equal epochs stand once, and NaN and infinity are null."""
    most = min(MOST, max(FEWEST, ALL_POINTS // max(1, count)))
    grids: dict[tuple[int, ...], int] = {}
    curves: dict[str, Any] = {}
    for key, history in histories:
        chosen = places(len(history["epoch"]), most)
        if len(chosen):
            epochs = tuple(history["epoch"][chosen].tolist())
            curves[key] = [grids.setdefault(epochs, len(grids)), rounded(history["cost"][chosen])]
    return json.dumps({"grids": list(grids), "curves": curves}, separators=(",", ":"), allow_nan=False)


@functools.cache
def places(rows: int, most: int) -> NDArray[np.intp]:
    """Return which rows of a history to draw: half of them evenly, half of them on a logarithmic grid."""
    if rows <= most:
        return np.arange(rows)
    even = np.linspace(0, rows - 1, most - most // 2)
    return np.unique(np.concatenate([even, np.geomspace(1, rows, most // 2) - 1]).round().astype(np.intp))


def rounded(costs: NDArray[Any]) -> list[float | None]:
    """Return costs to the digits that a reader sees."""
    return [float(f"{cost:.8g}") if math.isfinite(cost) else None for cost in costs.tolist()]
