"""Parquet, Feather and Arrow files as columns."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.data.tables.header import unnamed_columns
from gdfast.data.tables.layout import Convert, Found
from gdfast.data.tables.numbers import REMEDY
from gdfast.data.tables.objects import checked_array
from gdfast.data.tables.source import needed

__all__ = ["as_array", "index", "read_arrow", "read_parquet", "reading"]


def read_parquet(data: bytes) -> Found:
    """Return the columns of a Parquet file."""
    pa, parquet = needed("pyarrow", "Parquet files"), needed("pyarrow.parquet", "Parquet files")
    with reading():
        file = parquet.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow

    def convert(places: list[int], as_text: set[int]) -> list[NDArray[Any]]:
        names = [schema.names[place] for place in places]
        with reading():
            table = file.read(columns=names)
        return [as_array(name, table.column(name)) for name in names]

    return of_table(schema, file.metadata.num_rows, convert)


def read_arrow(data: bytes) -> Found:
    """Return the columns of a Feather file or of an Arrow file or stream."""
    pa = needed("pyarrow", "Arrow files")
    ipc, feather = needed("pyarrow.ipc", "Arrow files"), needed("pyarrow.feather", "Feather files")
    source = pa.BufferReader(data)
    with reading():
        if data.startswith(b"FEA1"):
            table = feather.read_table(source)
        else:
            open_it = ipc.open_file if data.startswith(b"ARROW1") else ipc.open_stream
            table = open_it(source).read_all()
    names = table.column_names

    def convert(places: list[int], as_text: set[int]) -> list[NDArray[Any]]:
        return [as_array(names[place], table.column(place)) for place in places]

    return of_table(table.schema, len(table), convert)


@contextmanager
def reading() -> Iterator[None]:
    """Raise what a damaged file makes pyarrow raise as a ValueError in one sentence."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"it cannot be read as a table: {reason}; is it cut off, or of another kind?") from error


def of_table(schema: Any, count: int, convert: Convert) -> Found:
    """Return the columns of a table, those of a data frame's index among the ones without a name."""
    if not count:
        raise ValueError("it holds no rows; give a file that has some")
    return Found(
        tuple(name.strip() for name in schema.names), convert, (*unnamed_columns(schema.names), *index(schema))
    )


def index(schema: Any) -> tuple[str, ...]:
    """Return the names of the columns that were the index of a pandas data frame."""
    try:
        written = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return ()
    return tuple(name for name in written if isinstance(name, str) and name in schema.names)


def as_array(name: str, column: Any, first: int = 0) -> NDArray[Any]:
    """Return a column as an array of numbers, of bool, or of what else it holds; none of its values may be missing.

    first rows of the file are before it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        row = int(pc.index(column.is_null(), True).as_py())
        raise ValueError(f"column {name!r} has no finite number in row {row + 1 + first} (null); {REMEDY}")
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return checked_array(name, np.asarray(column.to_numpy()), first)
