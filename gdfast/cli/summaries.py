"""The commands on summaries of rows: summarize writes one of data files, merge one of several; fit reads them."""

import glob
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gdfast.cli.data_options import (
    Columns,
    Decimal,
    Drop,
    Encoding,
    Header,
    Separator,
    columns_to_fit,
    given_layout,
    option,
    read,
)
from gdfast.cli.streaming import Memory, blocks_of_files, memory_allowed
from gdfast.data.summary import Summary, summary_of_blocks
from gdfast.data.tables.layout import Layout
from gdfast.data.triangle import merged_in_tree
from gdfast.solvers.monitoring.progress import BlocksBar

__all__ = ["expanded", "merge", "summarize", "summary_of_files"]

MEMBERS = {"triangle.npy", "low.npy", "high.npy", "digest.npy"}  # of a file of Summary.save

Out = Annotated[Path, option("Write the summary to this .npz file.", "--out", "-o", metavar="FILE")]


def summarize(
    files: Annotated[
        list[Path], typer.Argument(metavar="DATA", help="Data files with the same columns, or patterns of their names.")
    ],
    target: Annotated[str, option("The column to predict (a number, from 0, without a header).", metavar="COLUMN")],
    out: Out,
    sample_weight: Annotated[str | None, option("The column of weights.", metavar="COLUMN")] = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    columns: Columns = None,
    drop: Drop = None,
    memory: Memory = None,
) -> None:
    """Write all that full-batch descent on a squared error needs of data files, a file or a block of it at a time."""
    own = {"--target": target} | ({} if sample_weight is None else {"--sample-weight": sample_weight})
    layout = given_layout(header, separator, decimal, encoding)
    write(summaries_of_files(expanded(files), layout, own, columns, drop, memory_allowed(memory)), out)


def merge(
    files: Annotated[
        list[Path], typer.Argument(metavar="SUMMARY", help="Files that `gdfast summarize` or Summary.save wrote.")
    ],
    out: Out,
) -> None:
    """Write the summary of the rows of several summaries."""
    write(((path, Summary.load(path)) for path in expanded(files)), out)


def write(parts: Iterator[tuple[Path, Summary]], out: Path) -> None:
    """Write the summary of all parts, and say what it holds."""
    merged = merged_in_tree(parts, merged_files)
    if merged is None:
        raise ValueError("no files are given; name at least one")
    summary = merged[1]
    summary.save(out)
    features = f"{summary.n_features:,} feature{'s' if summary.n_features > 1 else ''}"
    print(f"{summary.n:,} rows, {features}, weight {summary.weight:.12g}; saved in {out}")


def merged_files(first: tuple[Path, Summary], second: tuple[Path, Summary]) -> tuple[Path, Summary]:
    """Return two merged; an error names the second's file."""
    try:
        return first[0], first[1].merge(second[1])
    except ValueError as error:
        raise ValueError(f"{str(second[0])!r}: {error}") from error


def expanded(files: Sequence[Path]) -> list[Path]:
    """Return files, those of a pattern in the order of their names."""
    found: list[Path] = []
    for path in files:
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        matching = sorted(glob.glob(str(path)))
        if not matching:
            raise ValueError(f"no file matches {str(path)!r}; check the pattern")
        found += map(Path, matching)
    return found


def summaries_of_files(
    paths: Sequence[Path],
    layout: Layout,
    own: dict[str, str],
    columns: Sequence[str] | None,
    drop: Sequence[str] | None,
    allowed: float,
) -> Iterator[tuple[Path, Summary]]:
    """Yield the summary of each data file, which is read in blocks where it does not fit into the memory allowed."""
    for path in paths:
        blocks = blocks_of_files([path], allowed, layout, own, columns, drop)
        if blocks is not None:
            blocks._progress = BlocksBar() if sys.stderr.isatty() else None
            yield path, summary_of_blocks(blocks)
            continue
        table = read(path, layout, lambda found: columns_to_fit(found, own, columns, drop))
        X = table.select([name for name in table.names if name not in own.values()])
        weight = table.numbers(own["--sample-weight"]) if "--sample-weight" in own else None
        try:
            yield path, Summary(X, table.numbers(own["--target"]), sample_weight=weight)
        except ValueError as error:
            raise ValueError(f"{str(path)!r}: {error}") from error


def summary_of_files(paths: Sequence[Path], target: str | None, others: dict[str, Any]) -> Summary | None:
    """Return the Summary that a file holds, None where there are data files, which need a target."""
    held = [path for path in paths if is_summary(path)]
    if not held:
        if target is None:
            raise ValueError("--target is missing: the column of the data file to predict; give it by --target COLUMN")
        return None
    path = held[0]
    if len(paths) > 1:
        raise ValueError(
            f"{str(path)!r} is a summary, and {len(paths)} files are given; give one summary, which `gdfast merge` "
            "makes of several"
        )
    given = ["--target"] if target is not None else []
    given += [name for name, value in others.items() if value not in (None, ())]
    if given:
        raise ValueError(
            f"{str(path)!r} is a summary, whose columns are chosen already; leave out {' and '.join(given)}"
        )
    return Summary.load(path)


def is_summary(path: Path) -> bool:
    """Tell whether a file is one of Summary.save, whole or not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= MEMBERS
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
