"""`gdfast runs` and `gdfast report`: what a store of a sweep holds, as text, JSON, Parquet or a page."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gdfast.cli.options import GroupedCommand
from gdfast.cli.report import as_text, plain
from gdfast.options.declarations import DEFAULTS
from gdfast.sweeps.keys import as_text as json_text
from gdfast.sweeps.keys import differing, settings_as_json, shown_setting
from gdfast.sweeps.report.summary import result_names, short_keys, shown_result
from gdfast.sweeps.store import Store, open_store

__all__ = ["report", "runs"]

runs = typer.Typer(help="List, show, compare, remove and export the runs of a store.")

StoreFile = Annotated[Path, typer.Argument(metavar="STORE", help="A file that a sweep with store= wrote.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A key, or its first characters (6 or more).")]
Keys = Annotated[list[str], typer.Argument(metavar="KEY", help="Keys, or their first characters (6 or more).")]


def opened(path: Path) -> Store:
    """Return a store, which must exist."""
    if not path.exists():
        raise ValueError(f"there is no file {os.fspath(path)!r}; give the store of a sweep")
    return open_store(path)


@runs.command("ls", cls=GroupedCommand)
def list_runs(
    store: StoreFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as one line of JSON.")] = False,
) -> None:
    """List the runs with what differs between their settings, in the order in which they finished."""
    rows = opened(store).rows()
    if as_json:
        listed = [{name: plain(value) for name, value in row.items()} for row in rows]
        print(json.dumps(listed, ensure_ascii=False, allow_nan=False))
    elif not rows:
        print("The store holds no runs.")
    else:
        print("\n".join(aligned(list_of(rows))))


def list_of(rows: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield the cells of the list: the names, then a row for each run."""
    names, results, keys = differing([row["settings"] for row in rows]), result_names(rows), short_keys(rows)
    yield ["key", *[name if name not in results else f"{name} (setting)" for name in names], *results]
    for row in rows:
        settings = [shown_setting(row["settings"].get(name)) for name in names]
        yield [keys[row["key"]], *settings, *[shown_result(row[name]) for name in results]]


def aligned(table: Iterator[list[str]]) -> Iterator[str]:
    """Yield the lines of a table with its columns below each other."""
    cells = [[printable(cell) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def printable(text: str) -> str:
    """Return a text in one line, without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


@runs.command("show", cls=GroupedCommand)
def show_run(store: StoreFile, key: Key) -> None:
    """Show one run: its settings that are not defaults, cost, coefficients, and where it stopped."""
    file = opened(store)
    whole = file.keys([key])[0]
    row = next(row for row in file.rows() if row["key"] == whole)
    print(f"Run {whole}, finished {row['finished']}")
    if row["fold"] is not None:
        print(f"fold {row['fold']}, cost on its left-out rows {shown_result(row['validation_cost'])}")
    print("\n".join(aligned(own_settings(row["settings"]))))
    if row["error"] is not None:
        print(f"failed: {printable(row['error'])}")
        return
    run = file.run(whole)
    print(as_text(run, run.feature_names or [str(number) for number in range(run.coef.shape[-1])]))


def own_settings(settings: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the settings that are not defaults."""
    defaults = settings_as_json(DEFAULTS)
    found = {name: value for name, value in settings.items() if json_text(value) != json_text(defaults.get(name))}
    yield ["settings", "", ""] if found else ["settings: the defaults"]
    yield from (["", name, shown_setting(value)] for name, value in found.items())


@runs.command("compare", cls=GroupedCommand)
def compare_runs(store: StoreFile, keys: Keys) -> None:
    """Compare runs side by side: the settings and results that differ."""
    file = opened(store)
    whole = file.keys(keys)
    if len(whole) < 2:
        raise ValueError("compare takes the keys of two different runs or more; give another KEY")
    found = {row["key"]: row for row in file.rows() if row["key"] in whole}
    print("\n".join(aligned(comparison([found[key] for key in whole]))))


def comparison(rows: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield the cells of a comparison: a column for each run."""
    keys = short_keys(rows)
    yield ["", *[keys[row["key"]] for row in rows]]
    results = [name for name in result_names(rows) if len({shown_result(row[name]) for row in rows}) > 1]
    for name in differing([row["settings"] for row in rows]):
        label = name if name not in results else f"{name} (setting)"
        yield [label, *[shown_setting(row["settings"].get(name)) for row in rows]]
    for name in results:
        yield [name, *[shown_result(row[name]) for row in rows]]


@runs.command("rm", cls=GroupedCommand)
def remove_runs(store: StoreFile, keys: Keys) -> None:
    """Remove runs, which the next sweep with this store trains again."""
    file = opened(store)
    rows = file.rows()
    whole = file.keys(keys)
    names, short = differing([row["settings"] for row in rows]), short_keys(rows)
    file.remove(whole)
    found = {row["key"]: row for row in rows}
    for key in whole:
        settings = found[key]["settings"]
        described = ", ".join(f"{name}={shown_setting(settings.get(name))}" for name in names)
        print(f"Removed {short[key]}" + (f" ({described})" if described else ""))


@runs.command("export", cls=GroupedCommand)
def export_runs(
    store: StoreFile,
    parquet: Annotated[Path, typer.Option(metavar="FILE", help="Write a table of the runs to this Parquet file.")],
) -> None:
    """Write the runs to a Parquet file: a row for each, with its settings and results."""
    from gdfast.sweeps.report.parquet import write_parquet

    rows = opened(store).rows()
    write_parquet(parquet, rows)
    print(f"Wrote {len(rows):,} runs to {parquet}")


def report(
    store: StoreFile,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Write the page to this file.")],
) -> None:
    """Write a page with a table of all runs of a store and their curves of costs: one file, which needs no network."""
    from gdfast.sweeps.report.page import write_report

    count = write_report(opened(store), out)
    print(f"Wrote a report on {count:,} runs to {out}")
