"""Blocks of Parquet files: whole row groups, joined and split, or as many rows as asked for."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gdfast.data.blocks.block import SourceBlock
from gdfast.data.blocks.files import checked_columns, checked_rows, file_names
from gdfast.data.blocks.pieces import Cutter, Memory, Piece, Wanted, piece_of, wanted_columns
from gdfast.data.blocks.source import Known
from gdfast.data.tables.arrow import as_array, index, reading
from gdfast.data.tables.source import needed

__all__ = ["ParquetBlocks", "arrow_piece", "reading_file"]

FLOATS = {"double": "float64", "float": "float32"}  # of Arrow's types those that stay as they are
NUMBERS = {*FLOATS, *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
BATCH_ROWS = 2**14  # decoded and converted at a time
BUFFER = 2**16  # bytes of a column read at a time: without it, and with pre_buffer, all columns of a row group are


class Part(NamedTuple):
    """The rows of a block in their file."""

    file: str
    first: int
    stop: int


class ParquetBlocks:
    """The blocks of some files, none of which is in two of them."""

    shuffles = True

    def __init__(self, paths: Any, target: Any, columns: Any, weight: Any, block_rows: Any) -> None:
        chosen, rows = checked_columns(columns), checked_rows(block_rows)
        self.files = file_names(paths)
        with opened(self.files[0]) as parquet:
            schema = parquet.schema_arrow
        first = repr(self.files[0])
        self.wanted = wanted_columns(schema.names, first, target, chosen, weight, index=index(schema))
        self.parts: list[Part] = []
        self.schemas: list[Any] = []
        self.groups: dict[str, list[int]] = {}  # the rows of each row group
        for file in self.files:
            with opened(file) as parquet:
                self.wanted.check(parquet.schema_arrow.names, repr(file))
                self.groups[file] = row_groups(parquet)
                self.schemas.append(parquet.schema_arrow)
            self.parts += parts_of(file, self.groups[file], rows, self.wanted.most_rows)
        if not self.parts:
            raise ValueError(
                f"paths: there are no rows in {', '.join(map(repr, self.files[:5]))}; give a file that has some"
            )

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(part.stop - part.first for part in self.parts)

    def held(self, number: int) -> None:
        """Return None: blocks are read anew."""

    def known(self) -> Known | None:
        """Return what the files say of their blocks."""
        kinds = {str(schema.field(name).type) for schema in self.schemas for name in self.wanted.features}
        numbers = all(str(schema.field(self.wanted.target).type) in NUMBERS for schema in self.schemas)
        if self.wanted.weight is not None or len(kinds) > 1 or not kinds <= set(FLOATS) or not numbers:
            return None
        sizes = [part.stop - part.first for part in self.parts]
        return Known(sizes, len(self.wanted.features), np.dtype(FLOATS[kinds.pop()]), self.wanted.features)

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Yield the blocks of an order; of blocks that follow one another a file is read on."""
        reading_of: FileReader | None = None
        memory = Memory()
        try:
            for number in range(len(self.parts)) if order is None else order:
                part = self.parts[number]
                if reading_of is None or (reading_of.file, reading_of.at) != (part.file, part.first):
                    if reading_of is not None:
                        reading_of.close()
                    reading_of = FileReader(part, self.groups[part.file], self.wanted, memory)
                yield reading_of.take(part.stop - part.first)
        finally:
            if reading_of is not None:
                reading_of.close()

    def __repr__(self) -> str:
        return f"{len(self.parts)} block(s) of {len(self.files)} Parquet file(s)"


class FileReader:
    """A file from the first row of a block on."""

    def __init__(self, part: Part, groups: list[int], wanted: Wanted, memory: Memory) -> None:
        self.file, self.at, self.wanted = part.file, part.first, wanted
        if not os.path.exists(part.file):
            raise ValueError(f"{part.file!r} is gone since it was first read; the files must stay the same")
        self.parquet = opened(part.file)
        self.cutter: Cutter | None = None
        try:
            wanted.check(self.parquet.schema_arrow.names, repr(part.file))
            if row_groups(self.parquet) != groups:
                raise ValueError(
                    f"{part.file!r} has changed since it was first read: it has other row groups; the files must stay "
                    "the same"
                )
        except ValueError:
            self.close()
            raise
        skipped, group = 0, 0
        while skipped + groups[group] <= part.first:
            skipped += groups[group]
            group += 1
        pieces = self.pieces(list(range(group, len(groups))), skipped)
        self.cutter = Cutter(pieces, wanted, part.file, memory)
        self.cutter.skip(part.first - skipped)

    def pieces(self, groups: list[int], first: int) -> Iterator[Piece]:
        """Yield the rows of some row groups, which have so many rows before them."""
        with reading_file(self.file):
            batches = self.parquet.iter_batches(
                batch_size=BATCH_ROWS, row_groups=groups, columns=self.wanted.all, use_threads=False
            )
        while True:
            with reading_file(self.file):
                batch = next(batches, None)
            if batch is None:
                return
            yield arrow_piece(batch, self.wanted, first, self.file)
            first += batch.num_rows

    def take(self, rows: int) -> SourceBlock:
        """Return the next rows."""
        block = None if self.cutter is None else self.cutter.take(rows)
        if block is None or block.X.shape[0] < rows:
            raise ValueError(f"{self.file!r} has fewer rows than it says; is it cut off?")
        self.at += rows
        return block

    def close(self) -> None:
        """Close the file, and let go of what was read of it."""
        if self.cutter is not None:
            self.cutter.close()
            self.cutter = None
        self.parquet.close()


def arrow_piece(batch: Any, wanted: Wanted, first: int, file: str | None) -> Piece:
    """Return a record batch as a piece."""
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    try:
        return piece_of(lambda name, before: as_array(name, table.column(name), before), wanted, first)
    except ValueError as error:
        raise ValueError(str(error) if file is None else f"{file!r}: {error}") from error


def opened(file: str) -> Any:
    """Return an open Parquet file."""
    parquet = needed("pyarrow.parquet", "Parquet files")
    with reading_file(file):
        return parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)


@contextmanager
def reading_file(file: str) -> Iterator[None]:
    """Name the file in the error of one that is damaged."""
    try:
        with reading():
            yield
    except ValueError as error:
        raise ValueError(f"{file!r}: {error}") from error


def row_groups(parquet: Any) -> list[int]:
    """Return the rows of each row group."""
    metadata = parquet.metadata
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def parts_of(file: str, groups: list[int], block_rows: int | None, most_rows: int) -> list[Part]:
    """Return the blocks of a file: of block_rows rows, or row groups joined up to most_rows and split beyond."""
    borders = [0]
    if block_rows is not None:
        borders += [*range(block_rows, sum(groups), block_rows), sum(groups)]
    else:
        end = 0
        for rows in groups:
            if borders[-1] < end and end + rows - borders[-1] > most_rows:
                borders.append(end)
            end += rows
            while end - borders[-1] > most_rows:
                borders.append(borders[-1] + most_rows)
        borders.append(end)
    return [Part(file, a, b) for a, b in pairwise(borders) if b > a]
