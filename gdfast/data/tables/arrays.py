"""NumPy's files as columns; nothing is unpickled."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.data.tables.layout import Found
from gdfast.data.tables.objects import checked_array

__all__ = ["read_npy", "read_npz"]


def read_npy(data: bytes) -> Found:
    """Return the columns of an array that numpy.save wrote, named 0, 1, ... or as its fields are."""
    return of_arrays(columns_of("the array", loaded(data, ".npy"), ""))


def read_npz(data: bytes) -> Found:
    """Return the columns of arrays that numpy.savez wrote."""
    members = dict(loaded(data, ".npz"))
    if "run" in members and members["run"].ndim == 0:
        raise ValueError("it is a Run that gdfast wrote, which holds no data; give the data file")
    if len(members) == 1:
        return of_arrays(columns_of("the array", next(iter(members.values())), ""))
    columns: list[tuple[str, NDArray[Any]]] = []
    for name, array in members.items():
        columns += [(name, array)] if array.ndim == 1 and not array.dtype.names else columns_of(name, array, name)
    lengths = {name: len(column) for name, column in columns}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"its arrays differ in their numbers of rows ({', '.join(f'{name}: {n}' for name, n in lengths.items())}); "
            "give those of one table"
        )
    return of_arrays(columns)


def loaded(data: bytes, kind: str) -> Any:
    """Return what numpy.load reads without pickle."""
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except Exception as error:  # a damaged file makes NumPy and zipfile raise all sorts
        raise ValueError(
            f"it is not a whole {kind} file of numbers, and objects are never unpickled; write it with numpy.save of "
            "an array of numbers"
        ) from error


def columns_of(what: str, array: NDArray[Any], prefix: str) -> list[tuple[str, NDArray[Any]]]:
    """Return the columns of an array of rows; of one with fields, a column for each."""
    if array.dtype.names and array.ndim == 1:
        return [(name, array[name]) for name in array.dtype.names]
    if array.ndim != 2 or array.dtype.names:
        raise ValueError(f"{what} has shape {array.shape}; it must be 2-d, a row for each sample")
    return [(f"{prefix}{place}", column) for place, column in enumerate(array.T)]


def of_arrays(columns: list[tuple[str, NDArray[Any]]]) -> Found:
    """Return columns as what a file holds."""
    if not columns or not len(columns[0][1]):
        raise ValueError("it holds no rows; give a file that has some")
    names = tuple(name for name, _ in columns)
    numbered = names == tuple(map(str, range(len(names))))
    return Found(names, lambda places, _: [checked_array(*columns[place]) for place in places], (), numbered)
