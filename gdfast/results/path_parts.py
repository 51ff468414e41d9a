"""The parts of the path of a Run of solver "collocation"."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["PathPart", "path_parts"]


class PathPart(NamedTuple):
    """Epochs `first` to `last`, where the next part begins, and how they were computed."""

    first: int
    last: int
    by: str  # "collocation" or "loop"
    passes: int  # over the rows, one that serves 32 points counting 32
    residual: float  # the largest that was verified, in units of rounding; NaN for the loop


def path_parts(stretches: Mapping[str, Any], epochs: int) -> list[PathPart]:
    """Return the parts up to the last epoch: the stretches by their fields, and what the loop ran between them."""
    parts, at = [], 0
    names = ("first", "length", "passes", "residual")
    for first, length, passes, residual in zip(*(stretches[name].tolist() for name in names), strict=True):
        if first > at:
            parts.append(PathPart(at, first, "loop", first - at, np.nan))
        at = min(first + length, epochs)
        if at == first:  # training ended before it was taken
            continue
        parts.append(PathPart(first, at, "collocation", passes, residual))
    if at < epochs:
        parts.append(PathPart(at, epochs, "loop", epochs - at, np.nan))
    return parts
