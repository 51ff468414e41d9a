"""Columns of categories as columns of 0 and 1, one for each category (one-hot)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import shown
from gdfast.data.tables.header import check_distinct
from gdfast.data.tables.table import Table

__all__ = ["Categories", "encoded", "found_categories"]

Categories = Mapping[str, Sequence[Any]]  # of each column, in the order of their columns of 0 and 1
MOST_LISTED = 10  # categories in a message


def found_categories(table: Table, names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the values of columns in sorted order."""
    return {name: sorted_values(name, table[name]) for name in names}


def sorted_values(name: str, column: NDArray[Any]) -> list[Any]:
    """Return the values of a column in sorted order, each once."""
    try:
        values: list[Any] = np.unique(column).tolist()
    except TypeError:
        raise ValueError(
            f"column {name!r} has values of several types, which have no order; make them all text or numbers"
        ) from None
    if not isinstance(values[0], (str, int, float)):
        raise ValueError(
            f"column {name!r} has values such as {shown(values[0])}, and --one-hot takes text, numbers, true and "
            "false; convert it first"
        )
    return values


def encoded(table: Table, categories: Categories) -> Table:
    """Return a table with columns of 0 and 1, named name=category, in the place of each column of categories."""
    columns: list[tuple[str, NDArray[Any]]] = []
    for name in table.names:
        if name in categories:
            check_known(name, table[name], categories[name])
            columns += [(f"{name}={one}", (table[name] == one).astype(np.float64)) for one in categories[name]]
        else:
            columns.append((name, table[name]))
    check_distinct([name for name, _ in columns])
    return Table(dict(columns))


def check_known(name: str, column: NDArray[Any], categories: Sequence[Any]) -> None:
    """Raise ValueError where a column holds a category that is not among those of the fit."""
    known = set(categories)
    for row, value in enumerate(column.tolist(), 1):
        if value not in known:
            listed = ", ".join(map(shown, categories[:MOST_LISTED])) + (", ..." if len(known) > MOST_LISTED else "")
            raise ValueError(
                f"column {name!r} has {shown(value)} in row {row}, and the categories of the fit are {listed}; leave "
                "the row out, or fit again with it"
            )
