"""Data files that are larger than the memory allowed: read in blocks, where their kind can be."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from gdfast.cli.data_options import FILES, columns_to_fit
from gdfast.data.blocks.blocks import Blocks
from gdfast.data.tables.layout import Found, Layout

__all__ = ["Memory", "blocks_of_files", "memory_allowed"]

UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
BINARY = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
SIZE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
PART = 0.25  # of the machine's memory, by default
VALUE = 8  # bytes of a number
BLOCKS = 8  # blocks that the memory allowed must hold: two, their copies for the kernels, and what a file needs
STREAMED = "only Parquet files and comma-separated UTF-8 files (.csv) with a header are read in blocks"

Memory: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Read files in blocks where all of them would take more than this, as 500MB, 2GB or 1.5GiB; by default a "
        "quarter of the machine's memory.",
        metavar="SIZE",
        rich_help_panel=FILES,
    ),
]


def memory_allowed(text: str | None) -> float:
    """Return the bytes that --memory stands for."""
    if text is None:
        return PART * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = SIZE.fullmatch(text)
    size = 0.0 if found is None else float(found[1]) * (BINARY if found[3] else UNITS)[found[2].lower()]
    if not size > 0:
        raise ValueError(f"--memory={text!r} must be a size above 0, as 500MB, 2GB or 1.5GiB")
    return size


def blocks_of_files(
    paths: Sequence[Path],
    allowed: float,
    layout: Layout,
    own: dict[str, str],
    columns: Sequence[str] | None,
    drop: Sequence[str] | None,
    one_hot: Sequence[str] | None = None,
) -> Blocks | None:
    """Return files as Blocks, None where they fit into the memory allowed; `own` has the target and the weights."""
    if any(str(path) == "-" or not path.is_file() for path in paths):
        return None
    kinds = {kind(path) for path in paths}
    size = sum(size_in_memory(path) for path in paths)
    if size <= allowed:
        return None
    listed = ", ".join(repr(str(path)) for path in paths[:3]) + (", ..." if len(paths) > 3 else "")
    needs = f"{listed} would take about {shown_size(size)}, more than the {shown_size(allowed)} of --memory, and "
    if None in kinds or len(kinds) > 1 or not is_plain(layout):
        raise ValueError(f"{needs}{STREAMED}; allow more memory, or convert the data to Parquet")
    if one_hot:
        raise ValueError(f"{needs}--one-hot needs all rows; allow more memory, or encode the columns before")
    found = names_of(paths[0])
    if len(found.names) < 2:
        raise ValueError(f"{needs}{str(paths[0])!r} has one column; {STREAMED}; convert the data to Parquet")
    chosen = columns_to_fit(found, own, columns, drop)
    features = [name for name in chosen if name not in own.values()]
    rows = int(allowed / BLOCKS / VALUE / len(chosen))
    make = Blocks.from_parquet if kinds == {"parquet"} else Blocks.from_csv
    return make(
        [str(path) for path in paths],
        own["--target"],
        columns=features,
        weight=own.get("--sample-weight"),
        block_rows=max(1, rows) if rows < default_rows(len(chosen)) else None,
    )


def default_rows(columns: int) -> int:
    """Return the rows of a block by default."""
    from gdfast.data.blocks.pieces import MOST_VALUES

    return MOST_VALUES // columns


def kind(path: Path) -> str | None:
    """Return how a file is read in blocks, None where it cannot be."""
    return {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}.get(path.suffix.lower())


def is_plain(layout: Layout) -> bool:
    """Tell whether a layout is that of CSV files that are read in blocks."""
    encoding = (layout.encoding or "utf-8").lower().replace("_", "-")
    plain = layout.separator in (None, ",") and layout.decimal in (None, ".") and layout.header is not False
    return plain and encoding in ("utf-8", "utf8", "utf-8-sig")


def size_in_memory(path: Path) -> float:
    """Return about how many bytes the table of a file takes: of Parquet by its rows and columns, else those on disk."""
    if kind(path) != "parquet":
        return float(path.stat().st_size)
    from gdfast.data.blocks.parquet import opened

    with opened(str(path)) as parquet:
        return float(VALUE * parquet.metadata.num_rows * parquet.metadata.num_columns)


def names_of(path: Path) -> Found:
    """Return the names of the columns of a file that is read in blocks."""
    if kind(path) == "csv":
        from gdfast.data.blocks.delimited import header
        from gdfast.data.tables.header import unnamed_columns

        names = header(str(path))
        return Found(tuple(names), no_columns, unnamed_columns(names))
    from gdfast.data.blocks.parquet import opened
    from gdfast.data.tables.arrow import index
    from gdfast.data.tables.header import unnamed_columns

    with opened(str(path)) as parquet:
        schema = parquet.schema_arrow
    return Found(tuple(schema.names), no_columns, (*unnamed_columns(schema.names), *index(schema)))


def no_columns(places: list[int], as_text: set[int]) -> list[Any]:
    """Raise: columns are read in blocks."""
    raise NotImplementedError


def shown_size(size: float) -> str:
    """Return a size in words."""
    for unit, bytes_of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_of:
            return f"{size / bytes_of:.3g} {unit}"
    return f"{size:.0f} bytes"
