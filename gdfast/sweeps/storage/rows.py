"""What a row of a store says of a Run: how it is made, and checked when it is read."""

import json
from datetime import UTC, datetime
from typing import Any

from gdfast._utils.arguments import shown
from gdfast.results.run import Run
from gdfast.sweeps.storage.schema import COLUMNS, PLAIN
from gdfast.sweeps.storage.store_error import StoreError

__all__ = ["checked_row", "row_of"]

JSON = ("settings", "environment")
TYPES: dict[str, Any] = {"TEXT": str, "INTEGER": int, "REAL": float}  # of SQLite's columns, which also hold others


def row_of(run: Run | None, validation_cost: float) -> dict[str, Any]:
    """Return the columns of a Run that finished now, or of a configuration without one; NaN is stored as NULL."""
    finished = datetime.now(UTC).isoformat(timespec="microseconds")
    if run is None:
        names = ("cost", "validation_cost", "epochs", "stop_reason", "solver", "backend", "seconds")
        return {"finished": finished, **dict.fromkeys(names)}
    return {
        "finished": finished,
        "cost": float(run.cost),
        "validation_cost": float(validation_cost),
        "epochs": int(run.epochs),
        "stop_reason": str(run.stop_reason),
        "solver": run.solver,
        "backend": run.backend,
        "seconds": float(run.seconds),
    }


def checked_row(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a row of a file with its JSON read, every value of the type of its column."""
    try:
        for column in PLAIN:
            kind, _, rest = COLUMNS[column].partition(" ")
            if not (row[column] is None and "NOT NULL" not in rest) and not isinstance(row[column], TYPES[kind]):
                raise TypeError(column)
        read = {column: json.loads(row[column] or "{}") for column in JSON}
        if not all(isinstance(value, dict) for value in read.values()):
            raise TypeError(JSON)
    except (ValueError, TypeError, RecursionError):
        raise StoreError(
            f"the row {shown(row['key'], 80)} of {name!r} is damaged; use a copy of the file that is whole, or give "
            "another path"
        ) from None
    return row | read
