"""What a row of a store says of a Run: how it is made, and checked when it is read."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gdfast._utils.arguments import shown
from gdfast.results.run import Run
from gdfast.sweeps.keys import settings_as_json
from gdfast.sweeps.storage.environment import environment
from gdfast.sweeps.storage.packing import pack
from gdfast.sweeps.storage.schema import COLUMNS, PLAIN
from gdfast.sweeps.storage.store_error import StoreError

__all__ = ["Finished", "checked_row", "row_of"]

JSON = ("settings", "environment")
TYPES: dict[str, Any] = {"TEXT": str, "INTEGER": int, "REAL": float}  # of SQLite's columns, which also hold others


class Finished(NamedTuple):
    """A configuration that has ended: its Run, or the error of one that failed."""

    key: str
    settings: Mapping[str, Any]
    fold: int | None
    run: Run | None = None
    validation_cost: float = math.nan
    error: str | None = None


def row_of(finished: Finished, fingerprint: str | None) -> dict[str, Any]:
    """Return the columns of a configuration that ended now; NaN is stored as NULL."""
    run, error = finished.run, finished.error
    if (run is None) == (error is None):
        raise TypeError("a row has either a run or an error; give one of them")
    row = dict.fromkeys(COLUMNS) | {
        "key": finished.key,
        "settings": json.dumps(settings_as_json(finished.settings), allow_nan=False),
        "fold": None if finished.fold is None else int(finished.fold),
        "fingerprint": fingerprint,
        "finished": datetime.now(UTC).isoformat(timespec="microseconds"),
        "environment": json.dumps(environment()),
    }
    if run is None:
        return row | {"error": str(error).encode("utf-8", "backslashreplace").decode()}  # file names hold any bytes
    return row | {
        "fingerprint": fingerprint or run.fingerprint,
        "cost": float(run.cost),
        "validation_cost": float(finished.validation_cost),
        "epochs": int(run.epochs),
        "stop_reason": str(run.stop_reason),
        "solver": run.solver,
        "backend": run.backend,
        "seconds": float(run.seconds),
        "run": pack(run),
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
