"""A Run as the bytes that a row of a store holds: its file with a thinned history, compressed, without pickle."""

import io
import zlib
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from gdfast._utils.archive import Arrays, read_archive, write_archive
from gdfast.results.history import LogGrid, Recorded, StepGrid, thinned
from gdfast.results.run import Run
from gdfast.results.run_file import as_arrays, read_from

__all__ = ["MOST_POINTS", "history_of", "pack", "unpack"]

MOST_POINTS = 10_000  # of a history
HISTORY_BYTES = 2**26  # where coefficients are recorded fewer points are kept, so that a row stays below SQLite's limit
SMALL, RATIO = 2**28, 32  # what is unpacked has at most so many bytes, or so many times those of the row


def pack(run: Run) -> bytes:
    """Return a Run as bytes."""
    file = io.BytesIO()
    write_archive(file, as_arrays(with_thinned_history(run)))
    whole = file.getvalue()
    packed = zlib.compress(whole)
    return packed if len(whole) <= most_unpacked(packed) else zlib.compress(whole, 0)


def unpack(packed: bytes, name: str) -> Run | None:
    """Return the Run of some bytes from a file, None where a newer gdfast wrote it; damaged ones raise all sorts."""
    return read_from(unpacked(packed), lambda text, arrays: Run._from_file(text, arrays, name))


def history_of(packed: bytes) -> Arrays:
    """Return the columns of the history of some bytes; damaged ones raise all sorts."""
    members = {name: f"history.{name}" for name in ("epoch", "cost")}
    arrays = read_archive(unpacked(packed), tuple(members.values()))
    columns = {name: column_of(arrays, member) for name, member in members.items()}
    if len(columns["epoch"]) != len(columns["cost"]):
        raise ValueError("the columns of its history are not equally long")
    return columns


def column_of(arrays: Arrays, name: str) -> NDArray[Any]:
    """Return a column of numbers."""
    column = arrays[name]
    if column.ndim != 1 or column.dtype.kind not in "if":
        raise ValueError(f"{name} is no column of numbers")
    return column


def most_unpacked(packed: bytes) -> int:
    """Return to how many bytes these may unpack."""
    return max(SMALL, RATIO * len(packed))


def unpacked(packed: bytes) -> io.BytesIO:
    """Return what was compressed, which may not be larger than `pack` makes it."""
    if not isinstance(packed, bytes):
        raise ValueError("it holds no bytes")
    reader = zlib.decompressobj()
    whole = reader.decompress(packed, most_unpacked(packed) + 1)
    if len(whole) > most_unpacked(packed):
        raise ValueError(f"its {len(packed):,} bytes would unpack to more than {most_unpacked(packed):,}")
    if not reader.eof or reader.unused_data:
        raise ValueError("it is cut off, or has bytes after its end")
    return io.BytesIO(whole)


def with_thinned_history(run: Run) -> Run:
    """Return a Run with so many points of its history as a store keeps, which resumes to the same coefficients."""
    columns = run.history
    rows = len(columns["epoch"])
    most = min(MOST_POINTS, max(2, HISTORY_BYTES * rows // max(1, sum(column.nbytes for column in columns.values()))))
    if rows <= most:
        return run
    kept, grid = thinned(columns, grid_of(run), most)
    state = dict(run.state)
    if "history" in state:  # of the loop, which checks it against the rows and resumes from it
        forced = not bool(grid.holds(kept["epoch"][-1:])[0])
        state["history"] = {**state["history"], "every": grid.every, "forced": forced}
    return replace(
        run, history_source=Recorded(kept), state=state, known_cost=run.cost, known_fingerprint=run.fingerprint
    )


def grid_of(run: Run) -> StepGrid | LogGrid:
    """Return the grid of a Run's history, perhaps finer than `history_limit` has made it since."""
    every = run.settings["history_every"]
    thinned_to = run.state.get("history", {}).get("every")
    if isinstance(every, str):
        return LogGrid(thinned_to or 1)
    return StepGrid(thinned_to or int(every))
