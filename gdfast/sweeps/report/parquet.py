"""The runs of a store as a Parquet file."""

import os
from collections.abc import Sequence
from typing import Any

from gdfast._utils.storage import file_name, write_whole
from gdfast.sweeps.keys import shown_setting
from gdfast.sweeps.storage.schema import COLUMNS, PLAIN

__all__ = ["write_parquet"]

TYPES = {"TEXT": "string", "INTEGER": "int64", "REAL": "float64"}  # of SQLite's columns, in Arrow
NUMBERS = {frozenset({int}): "int64", frozenset({float}): "float64", frozenset({int, float}): "float64"}
LARGEST = 2**63 - 1


def write_parquet(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write a table of some rows, whole or not at all: the results, and a column for each setting.

    A setting with the name of a result has setting_ in front. Settings are numbers or bools where all of them are, else
    text; None is null.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError('a Parquet file needs pyarrow; pip install "gdfast[cli]"') from error
    columns = {}
    for name in PLAIN:
        if name not in ("settings", "environment"):
            columns[name] = pa.array([row[name] for row in rows], getattr(pa, TYPES[COLUMNS[name].split()[0]])())
    for name in dict.fromkeys(name for row in rows for name in row["settings"]):
        values, kind = setting_column([row["settings"].get(name) for row in rows])
        columns[name if name not in columns else f"setting_{name}"] = pa.array(values, getattr(pa, kind)())
    table = pa.table(columns)
    write_whole(file_name(path), lambda file: pq.write_table(table, file))


def setting_column(values: list[Any]) -> tuple[list[Any], str]:
    """Return the values of a setting, and the Arrow type that they all have."""
    kinds = frozenset(type(value) for value in values if value is not None)
    if kinds == {bool}:
        return values, "bool_"
    if kinds in NUMBERS and not any(isinstance(value, int) and abs(value) > LARGEST for value in values):
        kind = NUMBERS[kinds]
        return [None if value is None else float(value) if kind == "float64" else value for value in values], kind
    return [None if value is None else shown_setting(value) for value in values], "string"
