"""Blocks of CSV files, which are read from their beginning: comma-separated UTF-8 with a header."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.data.blocks.files import checked_columns, checked_rows, file_names
from gdfast.data.blocks.parquet import reading_file
from gdfast.data.blocks.pieces import Cutter, Memory, Piece, Wanted, piece_of, wanted_columns
from gdfast.data.blocks.source import MadeAnew
from gdfast.data.tables.numbers import REMEDY, is_missing, is_number_text
from gdfast.data.tables.objects import checked_array
from gdfast.data.tables.source import needed
from gdfast.data.tables.table import not_numbers

__all__ = ["CSVBlocks"]

HEAD = 2**22  # bytes within which the header ends
# Read at a time; a row must fit into it, of which a field takes some 25 bytes.
LEAST_BYTES, ROW_BYTES = 2**20, 256


class CSVBlocks(MadeAnew):
    """The blocks of some files, none of which is in two of them."""

    shuffles = False

    def __init__(self, paths: Any, target: Any, columns: Any, weight: Any, block_rows: Any) -> None:
        needed("pyarrow.csv", "CSV files")
        chosen, rows = checked_columns(columns), checked_rows(block_rows)
        self.files = file_names(paths)
        self.wanted = wanted_columns(header(self.files[0]), repr(self.files[0]), target, chosen, weight)
        self.block_rows = rows or self.wanted.most_rows

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Yield the blocks, file by file."""
        memory = Memory()
        for file in self.files:
            if not os.path.exists(file):
                raise ValueError(f"{file!r} is gone since it was first read; the files must stay the same")
            self.wanted.check(header(file), repr(file))
            cutter = Cutter(pieces(file, self.wanted), self.wanted, file, memory)
            while (block := [cutter.take(self.block_rows)])[0] is not None:
                yield block.pop()

    def __repr__(self) -> str:
        return f"blocks of {len(self.files)} CSV file(s)"


def header(file: str) -> list[str]:
    """Return the names of the columns."""
    pa = needed("pyarrow", "CSV files")
    with reading_file(file), pa.input_stream(file) as stream:
        text = stream.read(HEAD).decode("utf-8-sig", errors="replace")
    names = next(csv.reader(io.StringIO(text, newline="")), [])
    if not names:
        raise ValueError(f"{file!r} is empty; its first line must have the names of the columns")
    return names


def pieces(file: str, wanted: Wanted) -> Iterator[Piece]:
    """Yield the rows of a file as they come."""
    reader = None
    first = 0
    try:
        while True:
            try:
                with reading_file(file):
                    reader = reader or open_reader(file, wanted)
                    batch = next(reader, None)
            except ValueError as error:
                raise ValueError(f"{error}{where_uneven(file)}") from error
            if batch is None:
                return
            try:
                yield text_piece(batch, wanted, first)
            except ValueError as error:
                raise ValueError(f"{file!r}: {error}") from error
            first += batch.num_rows
    finally:
        if reader is not None:
            reader.close()


def open_reader(file: str, wanted: Wanted) -> Any:
    """Return pyarrow's reader of the columns, all as text: what it takes for a number depends on the rows before."""
    import pyarrow as pa
    import pyarrow.csv as pc

    convert = pc.ConvertOptions(
        column_types=dict.fromkeys(wanted.all, pa.string()), include_columns=wanted.all, strings_can_be_null=False
    )
    return pc.open_csv(
        file,
        read_options=pc.ReadOptions(use_threads=False, block_size=max(LEAST_BYTES, ROW_BYTES * len(header(file)))),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=convert,
    )


def where_uneven(file: str) -> str:
    """Return in words which row is longer or shorter than the header, where one is."""
    import pyarrow as pa

    with pa.input_stream(file) as stream:
        records = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=""))
        length = len(next(records, []))
        row = 0
        try:
            for record in records:
                row += bool(record)
                if record and len(record) != length:
                    return f" (row {row} has {len(record)} fields, and the header {length})"
        except csv.Error:
            return ""
    return ""


def text_piece(batch: Any, wanted: Wanted, first: int) -> Piece:
    """Return a record batch of text as a piece."""

    def numbers(name: str, before: int) -> NDArray[Any]:
        return as_numbers(name, batch.column(name), before)

    def target(name: str, before: int) -> NDArray[Any]:
        return as_numbers_or_labels(name, batch.column(name), before)

    column: Callable[[str, int], NDArray[Any]] = numbers
    return piece_of(column, wanted, first, target)


def as_numbers(name: str, column: Any, first: int) -> NDArray[np.float64]:
    """Return a column of text, all of which must be numbers."""
    found = cast(column)
    if found is None:
        row, value = first_no_number(column)
        if is_missing(value):
            raise ValueError(f"column {name!r} has no finite number in row {row + 1 + first} ({value!r}); {REMEDY}")
        raise not_numbers(name, f"the first other is {shown(value)} in row {row + 1 + first}")
    return checked_array(name, found, first)


def as_numbers_or_labels(name: str, column: Any, first: int) -> NDArray[Any]:
    """Return a target: numbers, or text where none of it is one."""
    if cast(column) is None:
        labels = column.to_pylist()
        missing = [row for row, label in enumerate(labels) if not label.strip()]
        if missing:
            raise ValueError(f"column {name!r} has no value in row {missing[0] + 1 + first}; leave the row out")
        if not any(map(is_number_text, labels)):
            return np.array(labels, dtype=object)
    return as_numbers(name, column, first)


def cast(column: Any) -> NDArray[np.float64] | None:
    """Return text as numbers, None where not all of it are numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return np.asarray(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def first_no_number(column: Any) -> tuple[int, str]:
    """Return the first row that is no number, and what it holds."""
    low, high = 0, len(column)  # the first `low` rows are numbers, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if cast(column.slice(low, middle - low)) is None else (middle, high)
    return low, column[low].as_py()
