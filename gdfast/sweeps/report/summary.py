"""The runs of a store as their lists show them: short keys, and which results there are to show."""

from collections.abc import Sequence
from typing import Any

__all__ = ["RESULTS", "result_names", "short_keys", "shown_result"]

SHORT = 8  # characters of a key, more where they are those of two runs
# The columns of a result and whether they are shown where no run has a value.
RESULTS = {
    "fold": False,
    "cost": True,
    "validation_cost": False,
    "epochs": True,
    "stop_reason": True,
    "solver": True,
    "seconds": True,
    "error": False,
}


def short_keys(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the first characters of each key, as many as tell them apart."""
    keys, length = [row["key"] for row in rows], SHORT
    while len({key[:length] for key in keys}) < len(keys):
        length += 1
    return {key: key[:length] for key in keys}


def result_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of the results to show."""
    return [name for name, always in RESULTS.items() if always or any(row[name] is not None for row in rows)]


def shown_result(value: Any) -> str:
    """Return a result as text."""
    if value is None:
        return "-"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
