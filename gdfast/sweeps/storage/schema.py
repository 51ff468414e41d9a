"""The one table of a store, and the check that a file has it and no other."""

import os
from typing import TYPE_CHECKING

from gdfast.sweeps.storage.store_error import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "COLUMNS",
    "PLAIN",
    "begun",
    "check_all_fingerprints",
    "check_contents",
    "check_fingerprint",
    "check_schema",
    "create",
    "is_empty",
]

VERSION = 1  # PRAGMA user_version; raised when an older gdfast could not use the file
COLUMNS = {
    "key": "TEXT PRIMARY KEY NOT NULL",
    "settings": "TEXT NOT NULL",  # JSON
    "fold": "INTEGER",
    "fingerprint": "TEXT",
    "finished": "TEXT NOT NULL",  # UTC, ISO
    "cost": "REAL",
    "validation_cost": "REAL",
    "epochs": "INTEGER",
    "stop_reason": "TEXT",
    "error": "TEXT",
    "solver": "TEXT",
    "backend": "TEXT",
    "seconds": "REAL",
    "environment": "TEXT",  # JSON
    "run": "BLOB",
}
PLAIN = [name for name, kind in COLUMNS.items() if kind != "BLOB"]
CHECKED_BYTES = 2**28  # of a file up to which all its pages are read when it is opened: a third of a second


def begun(connection: "sqlite3.Connection", write: bool = False) -> "sqlite3.Connection":
    """Begin a transaction, which the connection undoes when it is closed, and return the connection."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the lock is taken by the first read
    return connection


def is_empty(connection: "sqlite3.Connection") -> bool:
    """Return whether a file holds nothing yet, as one whose creation was cut off."""
    objects = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return objects == 0 and version_of(connection) == 0


def version_of(connection: "sqlite3.Connection") -> int:
    """Return the version of the table."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def create(connection: "sqlite3.Connection") -> None:
    """Make the table, unless another process has made it since."""
    begun(connection, write=True)
    if is_empty(connection):
        connection.execute(f"CREATE TABLE runs ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def check_schema(connection: "sqlite3.Connection", name: str) -> None:
    """Raise an error unless the file has the table of a store, and nothing else."""
    version = version_of(connection)
    if version > VERSION:
        raise StoreError(
            f"{name!r} was written by a newer gdfast (version {version} of the store); update gdfast to use it, or "
            "give another path"
        )
    objects = connection.execute("SELECT type, name FROM sqlite_master WHERE type != 'index'").fetchall()
    found = {
        column: f"{kind}{' PRIMARY KEY' if key else ''}{' NOT NULL' if not_null else ''}"
        for _, column, kind, not_null, default, key, hidden in connection.execute("PRAGMA table_xinfo(runs)")
        if default is None and not hidden
    }
    if version != VERSION or objects != [("table", "runs")] or found != COLUMNS:
        raise StoreError(f"{name!r} is not a store of runs: it is an SQLite file of another program; give another path")


def check_contents(connection: "sqlite3.Connection", name: str) -> None:
    """Raise an error where the file is shorter than its pages, or the pages do not belong together."""
    pages, size = (int(connection.execute(f"PRAGMA {what}").fetchone()[0]) for what in ("page_count", "page_size"))
    found = os.stat(name).st_size
    if found < pages * size:
        raise StoreError(
            f"{name!r} is cut off: it has {found:,} of {pages * size:,} bytes; use a copy of it that is whole, or give "
            "another path"
        )
    if found <= CHECKED_BYTES:
        problem = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if problem != "ok":
            problem = " ".join(problem.split())
            raise StoreError(f"{name!r} is corrupt ({problem}); use a copy of it that is whole, or give another path")


def check_fingerprint(connection: "sqlite3.Connection", name: str, fingerprint: str | None) -> str | None:
    """Return the fingerprint of the first row, None where there is none; raise an error where it is another."""
    row = connection.execute("SELECT fingerprint FROM runs ORDER BY rowid LIMIT 1").fetchone()
    if row is None:
        return None
    if fingerprint is not None and row[0] != fingerprint:
        raise other_data(name, row[0], fingerprint)
    return None if row[0] is None else str(row[0])


def check_all_fingerprints(connection: "sqlite3.Connection", name: str, fingerprint: str) -> None:
    """Raise an error where any row is of other data."""
    row = connection.execute(
        "SELECT fingerprint FROM runs WHERE fingerprint IS NOT ? LIMIT 1", [fingerprint]
    ).fetchone()
    if row is not None:
        raise other_data(name, row[0], fingerprint)


def other_data(name: str, found: str | None, fingerprint: str) -> StoreError:
    """Return the error of a file whose rows are of other data."""
    return StoreError(
        f"{name!r} holds runs on other data: their fingerprint is {found}, and that of these data {fingerprint}; "
        "give the same data (every value, shape and dtype), or another path"
    )
