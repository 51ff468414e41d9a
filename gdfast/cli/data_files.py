"""Data files for the command line: CSV, Parquet and .npy, as columns with names."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """The columns of a file."""

    names: list[str]
    columns: list[NDArray[Any]]

    def take(self, name: str) -> tuple[NDArray[Any], "Table"]:
        """Return the column of that name, and a table of the others."""
        if name not in self.names:
            raise ValueError(f"there is no column {name!r}; the columns are {', '.join(self.names[:20])}")
        place = self.names.index(name)
        others = [i for i in range(len(self.names)) if i != place]
        return self.columns[place], Table([self.names[i] for i in others], [self.columns[i] for i in others])

    @property
    def column_names(self) -> list[str]:
        """The names, as a frame has them."""
        return self.names

    def select(self, names: list[str]) -> "Table":
        """Return a table of some columns."""
        return Table(names, [self.take(name)[0] for name in names])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.take(name)[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.matrix().astype(np.float64, copy=False)

    def matrix(self) -> NDArray[Any]:
        """Return the columns side by side; each must hold numbers."""
        if not self.names:
            raise ValueError("no feature column is left beside the target; the file needs at least two columns")
        for name, column in zip(self.names, self.columns, strict=True):
            if column.dtype.kind not in "biuf":
                raise ValueError(
                    f"column {name!r} does not hold numbers only ({first_other(column)}); drop it, or encode it"
                )
            if column.dtype.kind == "f" and not np.isfinite(column).all():
                row = int(np.flatnonzero(~np.isfinite(column))[0])
                raise ValueError(
                    f"column {name!r} has no finite number in row {row + 1}; fill it, or leave the row out"
                )
        return np.column_stack(self.columns)


def first_other(column: NDArray[Any]) -> str:
    """Return the first value that is no number, in words."""
    for value in column:
        try:
            float(value)
        except (TypeError, ValueError):
            return f"the first other is {value!r}"
    return f"they are {column.dtype}"


def read_table(path: Path, header: bool = True) -> Table:
    """Return the file's columns; without a header, and from .npy, they are named 0, 1, ..."""
    if not path.exists():
        raise ValueError(f"there is no file {os.fspath(path)!r}")
    if path.is_dir():
        raise ValueError(f"{os.fspath(path)!r} is a folder; name a CSV, Parquet or .npy file")
    kind = path.suffix.lower()
    if kind == ".npy":
        return from_array(path)
    if kind not in (".csv", ".tsv", ".txt", ".parquet", ".pq"):
        raise ValueError(
            f"{os.fspath(path)!r}: the kind {kind or '(none)'} is not known; give .csv, .tsv, .txt, .parquet or .npy"
        )
    return from_pandas(path, kind, header)


def from_array(path: Path) -> Table:
    """Read a 2-d array that np.save wrote."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"{os.fspath(path)!r} is not a whole .npy file of numbers; write it with numpy.save"
        ) from error
    if array.ndim != 2 or array.dtype.names:
        raise ValueError(
            f"{os.fspath(path)!r} holds an array of shape {array.shape}; it must be 2-d, a row for each sample"
        )
    return Table([str(i) for i in range(array.shape[1])], list(array.T))


def from_pandas(path: Path, kind: str, header: bool) -> Table:
    """Read CSV (or tab- or blank-separated text) or Parquet with pandas."""
    import pandas as pd

    try:
        if kind in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            separator = {".csv": ",", ".tsv": "\t"}.get(kind, r"\s+")
            frame = pd.read_csv(path, sep=separator, header=0 if header else None, skipinitialspace=True)
    except ImportError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{os.fspath(path)!r} cannot be read as a table: {reason}") from error
    if frame.empty:
        raise ValueError(f"{os.fspath(path)!r} holds no rows")
    names = [str(name).strip() for name in frame.columns]
    return Table(names, [frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])])
