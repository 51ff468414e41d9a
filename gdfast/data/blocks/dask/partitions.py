"""The partitions of Dask's collections, X, y and weights side by side."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from gdfast._utils.arguments import as_array, shown
from gdfast.data.frames import columns_named, listed

__all__ = ["Partition", "Partitions", "is_array", "is_collection"]


def is_collection(values: Any) -> bool:
    """Tell whether values are a Dask array, data frame or series; Dask is not imported."""
    return hasattr(type(values), "__dask_graph__") and hasattr(type(values), "npartitions")


def is_array(values: Any) -> bool:
    """Tell whether a collection is a Dask array."""
    return hasattr(type(values), "chunks")


class Partition(NamedTuple):
    """Rows as Dask computes them: delayed values, or values."""

    X: Any
    y: Any  # or the name of its column
    sample_weight: Any


class Partitions:
    """The rows of X, y and sample_weight in partitions.

    y and sample_weight are collections with as many partitions, or names of X's columns; where the sizes of X's
    partitions are known, anything else with a value for each row.
    """

    def __init__(self, X: Any, y: Any, sample_weight: Any) -> None:
        if X.ndim != 2:
            raise ValueError(f"X has {X.ndim} dimension(s), and must be 2-d: (n_samples, n_features)")
        if y is None:
            raise ValueError("X is given without y; give both")
        names = {what: value for what, value in (("y", y), ("sample_weight", sample_weight)) if isinstance(value, str)}
        check_names(X, names)
        if is_array(X) and X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        self.kind, self.bytes = type(X).__name__, float(X.nbytes) if is_array(X) else math.nan
        self.features = int(X.shape[1]) - len(names)
        self.outputs = int(y.shape[1]) if getattr(y, "ndim", 1) == 2 else 1
        sizes = known_sizes(X)
        rows = delayed_rows(X)
        ys = beside("y", y, X, sizes, len(rows))
        weights = beside("sample_weight", sample_weight, X, sizes, len(rows))
        self.parts = [Partition(*part) for part in zip(rows, ys, weights, strict=True)]

    def __repr__(self) -> str:
        return f"{len(self.parts):,} partition{'s' if len(self.parts) != 1 else ''} of a Dask {self.kind}"


def check_names(X: Any, names: dict[str, str]) -> None:
    """Raise an error unless y and weights that are names are those of columns of X."""
    for what, name in names.items():
        if is_array(X):
            raise TypeError(
                f"{what}={name!r} is a column's name, but X (dask.array) has no column names; give an array"
            )
        columns = list(map(str, X.columns))
        if name not in columns:
            raise ValueError(
                f"{what}={name!r} is not a column of X, which has {columns_named(columns)}; give one of them"
            )
    if len(set(names.values())) < len(names):
        raise ValueError(f"y and sample_weight both name the column {names['y']!r} of X; give one of each")
    if names and len(X.columns) == len(names):
        raise ValueError(f"X has no columns besides {listed(list(names.values()))}; give at least one feature")


def known_sizes(values: Any) -> tuple[int, ...] | None:
    """Return the rows of each partition, None where they are not known."""
    if not is_array(values) or any(math.isnan(size) for size in values.chunks[0]):
        return None
    return tuple(map(int, values.chunks[0]))


def delayed_rows(values: Any) -> list[Any]:
    """Return the partitions of rows as delayed values."""
    return list(np.ravel(values.to_delayed())) if is_array(values) else list(values.to_delayed())


def beside(name: str, values: Any, X: Any, sizes: tuple[int, ...] | None, count: int) -> Sequence[Any]:
    """Return what belongs to each partition of X."""
    if values is None or isinstance(values, str):
        return [values] * count
    if not is_collection(values):
        return cut(name, as_array(name, values), sizes)
    own = known_sizes(values)
    if is_array(values):
        if values.ndim == 2 and values.numblocks[1] > 1:
            values = values.rechunk({1: -1})
        if sizes is not None and own is not None and own != sizes:
            if sum(own) != sum(sizes):
                raise ValueError(f"{name} has {sum(own)} rows, and X {sum(sizes)}; give one value for each row of X")
            values = values.rechunk({0: sizes})
    elif not is_array(X) and X.known_divisions and values.known_divisions and X.divisions != values.divisions:
        values = of_divisions(name, values, X)
    if values.npartitions != count:
        raise ValueError(
            f"{name} has {values.npartitions} partitions and X {count}, whose sizes are not known; give both in the "
            f"same partitions, as those of one data frame are, or call compute_chunk_sizes() of both"
        )
    return delayed_rows(values)


def of_divisions(name: str, values: Any, X: Any) -> Any:
    """Return a series in the divisions of X."""
    try:
        return values.repartition(divisions=X.divisions)
    except ValueError as error:
        raise ValueError(
            f"{name} has the divisions {shown(values.divisions)}, and X {shown(X.divisions)}; give both in the same"
        ) from error


def cut(name: str, array: Any, sizes: tuple[int, ...] | None) -> list[Any]:
    """Return the parts of an array for partitions of these sizes."""
    if sizes is None:
        raise ValueError(
            f"{name} is an array in memory, and the sizes of X's partitions are not known; give {name} as a Dask "
            "array, or call X.compute_chunk_sizes()"
        )
    if array.ndim == 0 or len(array) != sum(sizes):
        raise ValueError(
            f"{name} has shape {array.shape}, and must have one value for each of the {sum(sizes)} rows of X"
        )
    return [array[first:stop] for first, stop in pairwise([0, *accumulate(sizes)])]
