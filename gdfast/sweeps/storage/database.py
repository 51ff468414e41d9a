"""The SQLite file of a store: connections, waiting for other processes, and errors that name the file.

A connection is opened for each operation and closed after it, so that threads and forked processes share none. The
journal is SQLite's rollback journal: the store stays one single file that also works on a network disk, where the
shared memory of a write-ahead log does not. What a killed process had begun is undone at the next opening.
"""

import os
import pathlib
import random
import stat
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from gdfast.sweeps.storage.store_error import StoreError

if TYPE_CHECKING:
    import sqlite3  # imported with the first store

__all__ = ["check_path", "with_database"]

Result = TypeVar("Result")

LONGEST_WAIT = 50.0  # seconds, for other processes that write
BUSY_SECONDS = 1.0  # that SQLite waits itself, in which Ctrl-C is not heard
PAUSE = 0.05  # seconds between two tries, at random up to twice that, so that no two processes keep in step
HEADER_BYTES = 100  # of every SQLite file that is not empty

# What SQLite's errors mean, by their primary codes.
WRONG = {
    "SQLITE_NOTADB": "is not a store of runs: it is no SQLite file; give another path",
    "SQLITE_CORRUPT": "is corrupt ({error}); use a copy of it that is whole, or give another path",
    "SQLITE_READONLY": "is read-only, or its folder is, and nothing can be stored in it; make both writable, or give "
    "another path",
    "SQLITE_CANTOPEN": "cannot be opened ({error}); it must exist, and the file and its folder must be readable, and "
    "writable to store runs",
    "SQLITE_FULL": "cannot grow: the disk is full; the runs stored before are kept. Free some space, then try again",
    "SQLITE_IOERR": "cannot be read or written ({error}); the runs stored before are kept. See whether the disk is "
    "full or failing",
    "SQLITE_TOOBIG": "cannot hold a run of this size in a row ({error}); record no coefficients, or give validation as "
    "a fraction",
}
BUSY = "has been locked by another process for {seconds:.0f} s; end that process, or give another path"


def with_database(name: str, work: Callable[["sqlite3.Connection"], Result], create: bool = False) -> Result:
    """Return the result of work on a connection; it is done again, from its start, while other processes are busy."""
    import sqlite3

    started = time.monotonic()
    while True:
        try:
            with closing(connected(name, create)) as connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                return work(connection)
        except (sqlite3.Error, OverflowError) as error:
            if code_of(error) not in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise store_error(name, error) from error
            if time.monotonic() - started > LONGEST_WAIT:
                raise StoreError(f"{name!r} {BUSY.format(seconds=LONGEST_WAIT)}") from error
        time.sleep(random.uniform(0, 2 * PAUSE))


def connected(name: str, create: bool) -> "sqlite3.Connection":
    """Return a new connection; nothing is read or written yet."""
    import sqlite3

    place = f"{pathlib.Path(name).as_uri()}?mode={'rwc' if create else 'rw'}"
    return sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def code_of(error: Exception) -> str:
    """Return the name of the primary code of SQLite's error, also where its name is that of an extended one."""
    import sqlite3

    if isinstance(error, OverflowError):  # by Python, of bytes that no row can hold
        return "SQLITE_TOOBIG"
    code = getattr(error, "sqlite_errorcode", None)
    names = [*WRONG, "SQLITE_BUSY", "SQLITE_LOCKED"]
    return next((one for one in names if code is not None and getattr(sqlite3, one) == code & 0xFF), "")


def store_error(name: str, error: Exception) -> StoreError:
    """Return the error of a store for one of SQLite's."""
    wrong = WRONG.get(code_of(error), "cannot be used as a store ({error}); give another path")
    return StoreError(f"{name!r} {wrong.format(error=error)}")


def check_path(name: str) -> bool:
    """Return whether there is a file; raise an error where there is no folder for one, or something else is there."""
    try:
        found = os.stat(name)
    except FileNotFoundError:
        folder = os.path.dirname(name)
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f"there is no folder {folder!r} for the store {name!r}; make it first, or give another path"
            ) from None
        return False
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StoreError(f"{name!r} is not a store of runs: it is {kind}; give another path")
    if 0 < found.st_size < HEADER_BYTES:  # SQLite takes a file of one byte for an empty one, and would write over it
        raise StoreError(f"{name!r} {WRONG['SQLITE_NOTADB']}")
    return True
