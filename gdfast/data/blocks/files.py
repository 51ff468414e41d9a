"""The files that a source reads: a list of paths as given, or those of a glob, sorted."""

import glob
import os
from collections.abc import Sequence
from typing import Any

from gdfast._utils.arguments import shown, whole
from gdfast._utils.storage import file_name

__all__ = ["checked_columns", "checked_rows", "file_names"]


def file_names(paths: Any) -> list[str]:
    """Return the paths of files, all of which exist."""
    if isinstance(paths, (str, os.PathLike)):
        name = file_name(paths, "paths")
        names = [name] if os.path.exists(name) else sorted(glob.glob(name, recursive=True))
        if not names:
            raise FileNotFoundError(
                f"paths={name!r}: there is no such file, and none that matches it as a glob; give the path of an "
                "existing file, or a glob that matches some"
            )
    elif isinstance(paths, Sequence) and not isinstance(paths, (bytes, bytearray)):
        names = [file_name(path, "paths") for path in paths]
        if not names:
            raise ValueError(f"paths={shown(paths)} is empty; give at least one file")
    else:
        raise TypeError(f"paths={shown(paths)} must be a path, a glob such as 'data/*.parquet', or a list of paths")
    for name in names:
        if os.path.isdir(name):
            raise ValueError(f"paths: {name!r} is a folder; give the files in it, as by {os.path.join(name, '*')!r}")
        if not os.path.exists(name):
            raise FileNotFoundError(f"paths: there is no file {name!r}; give paths of existing files")
    return names


def checked_columns(columns: Any) -> tuple[str, ...] | None:
    """Return names of columns as a tuple, None where they are not chosen."""
    if columns is None:
        return None
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise TypeError(f"columns={shown(columns)} must be a sequence of names of columns, as ['a', 'b']")
    if not columns or not all(isinstance(name, str) for name in columns):
        raise TypeError(f"columns={shown(columns)} must hold names of columns (str), at least one")
    if len(set(columns)) < len(columns):
        raise ValueError(f"columns={shown(columns)} names a column more than once; leave out the duplicates")
    return tuple(map(str, columns))


def checked_rows(block_rows: Any) -> int | None:
    """Return the rows of a block, None where the default is wanted."""
    return None if block_rows is None else whole("block_rows", block_rows, 1)
