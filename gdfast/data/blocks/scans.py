"""Data that another library reads in pieces: pyarrow's datasets and polars' lazy frames, taken as they come."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.data.blocks.parquet import arrow_piece
from gdfast.data.blocks.pieces import Cutter, Memory, Piece, Wanted, piece_of, wanted_columns
from gdfast.data.blocks.source import MadeAnew
from gdfast.data.frames import is_dataset
from gdfast.data.tables.arrow import reading
from gdfast.data.tables.numbers import REMEDY
from gdfast.data.tables.objects import checked_array

__all__ = ["Scan"]

WORDS = ("y", "sample_weight")


class Scan(MadeAnew):
    """The blocks of a dataset or a lazy frame."""

    shuffles = False

    def __init__(self, X: Any, y: Any, sample_weight: Any) -> None:
        for what, value in zip(WORDS, (y, sample_weight), strict=True):
            if not isinstance(value, str) and not (value is None and what == "sample_weight"):
                raise TypeError(
                    f"{what}={shown(value)}: X is a {type(X).__name__}, whose rows are read in blocks; give the name "
                    "of its column"
                )
        self.X = X
        names = list(X.schema.names) if is_dataset(X) else X.collect_schema().names()
        self.wanted = wanted_columns(names, "X", y, None, sample_weight, WORDS)

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Yield the blocks."""
        pieces = dataset_pieces(self.X, self.wanted) if is_dataset(self.X) else lazy_pieces(self.X, self.wanted)
        cutter = Cutter(pieces, self.wanted, None, Memory())
        while (block := [cutter.take(self.wanted.most_rows)])[0] is not None:
            yield block.pop()

    def __repr__(self) -> str:
        return f"blocks of a {type(self.X).__name__}"


def dataset_pieces(dataset: Any, wanted: Wanted) -> Iterator[Piece]:
    """Yield the rows of a dataset."""
    batches = dataset.to_batches(
        columns=wanted.all, batch_size=2**14, batch_readahead=1, fragment_readahead=1, use_threads=False
    )
    first = 0
    while True:
        with reading():
            batch = next(batches, None)
        if batch is None:
            return
        yield arrow_piece(batch, wanted, first, None)
        first += batch.num_rows


def lazy_pieces(frame: Any, wanted: Wanted) -> Iterator[Piece]:
    """Yield the rows of a lazy frame."""
    first = 0
    for part in lazy_parts(frame.select(wanted.all), min(wanted.most_rows, 2**16)):
        yield polars_piece(part, wanted, first)
        first += len(part)


def polars_piece(frame: Any, wanted: Wanted, first: int) -> Piece:
    """Return a data frame of polars as a piece."""
    return piece_of(lambda name, before: polars_column(name, frame[name], before), wanted, first)


def lazy_parts(frame: Any, rows: int) -> Iterator[Any]:
    """Yield a lazy frame as data frames of some rows each, in its order."""
    if hasattr(type(frame), "collect_batches"):
        yield from frame.collect_batches(chunk_size=rows, maintain_order=True)
        return
    first = 0
    while len(part := frame.slice(first, rows).collect()):
        yield part
        first += rows


def polars_column(name: str, column: Any, first: int) -> NDArray[Any]:
    """Return a column of polars as an array, none of whose values may be missing."""
    if column.null_count():
        row = int(np.argmax(column.is_null().to_numpy()))
        raise ValueError(f"column {name!r} has no finite number in row {row + 1 + first} (null); {REMEDY}")
    if column.dtype.is_decimal():
        import polars as pl

        column = column.cast(pl.Float64)
    return checked_array(name, np.asarray(column.to_numpy()), first)
