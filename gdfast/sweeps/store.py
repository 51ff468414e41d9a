"""The store of a sweep: one SQLite file with one table, a row for each finished run.

A row is inserted once and never rewritten, but that of a configuration that failed, which a later result replaces.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gdfast._utils.archive import Arrays
from gdfast._utils.arguments import shown
from gdfast._utils.storage import file_name
from gdfast.results.run import Run
from gdfast.results.run_file import described
from gdfast.sweeps.keys import key_of
from gdfast.sweeps.storage.database import check_path, with_database
from gdfast.sweeps.storage.packing import history_of, unpack
from gdfast.sweeps.storage.rows import Finished, checked_row, row_of
from gdfast.sweeps.storage.schema import (
    COLUMNS,
    PLAIN,
    begun,
    check_all_fingerprints,
    check_contents,
    check_fingerprint,
    check_schema,
    create,
    is_empty,
)
from gdfast.sweeps.storage.store_error import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Finished", "Store", "StoreError", "key_of", "open_store"]

SHORTEST_PREFIX = 6  # characters of a key that are enough where they are those of one run alone
KEY_LENGTH = 64
AT_ONCE = 100  # rows with their BLOBs, read in one transaction and unpacked after it


def open_store(path: str | os.PathLike[str], fingerprint: str | None = None) -> "Store":
    """Return the store at a path, which is made where there is none; with a fingerprint all its rows must have it."""
    name = os.path.abspath(file_name(path, "store"))  # also where the process changes its folder later

    def check(connection: "sqlite3.Connection") -> bool:
        if is_empty(begun(connection)):
            return True
        check_schema(connection, name)
        check_contents(connection, name)
        if fingerprint is not None:
            check_all_fingerprints(connection, name, fingerprint)
        return False

    if not check_path(name):
        with_database(name, create, create=True)
    if with_database(name, check):
        with_database(name, create)
        with_database(name, check)  # another process may have made it, or something else
    return Store(name, fingerprint)


class Store:
    """The runs of one file; any thread and any forked process may use it at any time."""

    def __init__(self, name: str, fingerprint: str | None = None) -> None:
        self.name, self.fingerprint = name, fingerprint

    def add(
        self,
        key: str,
        settings: Mapping[str, Any],
        fold: int | None,
        run: Run | None = None,
        validation_cost: float = math.nan,
        error: str | None = None,
    ) -> None:
        """Store a finished run, or the error of one that failed; it is on the disk when this returns.

        A run that is stored already stays as it is; in the place of an error comes the new result.
        """
        self.add_all([Finished(key, settings, fold, run, validation_cost, error)])

    def add_all(self, results: Iterable[Finished]) -> None:
        """Store several results as `add` does, all of them or none: the disk is waited for once."""
        rows = [row_of(result, self.fingerprint) for result in results]
        names = ", ".join(COLUMNS)
        insert = f"INSERT INTO runs ({names}) VALUES (:{names.replace(', ', ', :')}) ON CONFLICT (key) DO NOTHING"

        def work(connection: "sqlite3.Connection") -> None:
            known = check_fingerprint(begun(connection, write=True), self.name, self.fingerprint)
            for row in rows:
                connection.execute("DELETE FROM runs WHERE key = :key AND error IS NOT NULL", row)
                connection.execute(insert, row | {"fingerprint": known or row["fingerprint"]})
            connection.execute("COMMIT")

        with_database(self.name, work)

    def finished(self, keys: Iterable[str]) -> dict[str, tuple[Run, float]]:
        """Return the Run and the validation cost (NaN where there is none) of those that finished without an error."""
        found = {}
        for row in self._with_blobs(list(keys), "validation_cost"):
            run = self._unpacked(row["key"], lambda row=row: unpack(row["run"], self.name))
            found[row["key"]] = run, math.nan if row["validation_cost"] is None else float(row["validation_cost"])
        return found

    def histories(self, keys: Iterable[str]) -> Iterator[tuple[str, Arrays]]:
        """Yield the key and the history ("epoch" and "cost") of those that are stored without an error."""
        for row in self._with_blobs(list(keys)):
            yield row["key"], self._unpacked(row["key"], lambda row=row: history_of(row["run"]))

    def rows(self) -> list[dict[str, Any]]:
        """Return all columns but the BLOBs of all rows, in the order in which they were stored."""
        query = f"SELECT {', '.join(PLAIN)} FROM runs ORDER BY rowid"
        rows = with_database(self.name, lambda connection: begun(connection).execute(query).fetchall())
        return [checked_row(dict(zip(PLAIN, row, strict=True)), self.name) for row in rows]

    def run(self, key: str) -> Run:
        """Return a Run by its key, or the beginning of it."""
        whole = self.keys([key])[0]
        found = self.finished([whole])
        if whole not in found:
            error = next((row["error"] for row in self.rows() if row["key"] == whole), None)
            raise StoreError(
                f"the run {whole[:8]} of {self.name!r} failed, and has an error alone: {error}; correct what the error "
                "names, and run the sweep again"
            )
        return found[whole][0]

    def remove(self, keys: Sequence[str]) -> int:
        """Remove runs by their keys, or the beginnings of them; return how many."""
        whole = self.keys(keys)

        def work(connection: "sqlite3.Connection") -> int:
            begun(connection, write=True)
            removed = sum(connection.execute("DELETE FROM runs WHERE key = ?", [key]).rowcount for key in whole)
            connection.execute("COMMIT")
            return removed

        return with_database(self.name, work)

    def keys(self, beginnings: Sequence[str]) -> list[str]:
        """Return the whole keys of some beginnings of keys, each once."""
        texts = [self._beginning(text) for text in beginnings]
        query = "SELECT key FROM runs WHERE key >= ? AND key < ? ORDER BY key"

        def work(connection: "sqlite3.Connection") -> list[list[str]]:
            begun(connection)
            return [[key for (key,) in connection.execute(query, [text, text + "g"])] for text in texts]

        found = with_database(self.name, work)
        for text, several in zip(texts, found, strict=True):
            if len(several) != 1:
                several_of_them = ", ".join(key[: len(text) + 6] for key in several[:5])
                what = f"has no run {text!r}" if not several else f"has several runs {text!r}: {several_of_them}"
                raise StoreError(f"{self.name!r} {what}; `gdfast runs ls` lists the keys")
        return list(dict.fromkeys(several[0] for several in found))

    def _beginning(self, text: str) -> str:
        """Return the beginning of a key, checked."""
        lowered = text.lower() if isinstance(text, str) else ""
        if not (SHORTEST_PREFIX <= len(lowered) <= KEY_LENGTH and set(lowered) <= set("0123456789abcdef")):
            raise ValueError(
                f"key={shown(text)} must be the key of a run, or its first characters, {SHORTEST_PREFIX} at least, of "
                "0-9 and a-f; `gdfast runs ls` lists the keys"
            )
        return lowered

    def _with_blobs(self, keys: list[str], *names: str) -> Iterator[dict[str, Any]]:
        """Yield the rows with a Run of some keys, a few of them in a transaction."""
        columns = ["key", "run", *names]
        for first in range(0, len(keys), AT_ONCE):
            for row in self._read(columns, keys[first : first + AT_ONCE]):
                yield dict(zip(columns, row, strict=True))

    def _read(self, columns: list[str], keys: list[str]) -> list[tuple[Any, ...]]:
        """Return some columns of the rows with a Run of a few keys."""
        query = f"SELECT {', '.join(columns)} FROM runs WHERE error IS NULL AND key IN ({', '.join('?' * len(keys))})"
        return with_database(
            self.name, lambda connection: begun(connection).execute(query + " ORDER BY rowid", keys).fetchall()
        )

    def _unpacked(self, key: str, read: Any) -> Any:
        """Return what is read of a row's BLOB; whatever is wrong is an error that names the file and the key."""
        try:
            made = read()
        except Exception as error:  # a damaged one makes zlib, NumPy, zipfile and json raise all sorts
            raise StoreError(
                f"the run {key[:8]} of {self.name!r} is damaged ({described(error)}); remove it by `gdfast runs rm`, "
                "and the next sweep trains it again"
            ) from error
        if made is None:
            raise StoreError(
                f"the run {key[:8]} of {self.name!r} was written by a newer gdfast; update gdfast to read it"
            )
        return made
