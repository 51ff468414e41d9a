"""The options of the command line that say how a data file is laid out, and which of its columns are read."""

import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer

from gdfast.data.tables.layout import SENTENCES, Found, Layout, make_layout
from gdfast.data.tables.reader import chosen_names, read_chosen
from gdfast.data.tables.table import Table

__all__ = [
    "FILES",
    "Columns",
    "Decimal",
    "Drop",
    "Encoding",
    "Header",
    "OneHot",
    "Separator",
    "columns_to_fit",
    "columns_to_predict",
    "given_layout",
    "option",
    "read",
    "read_all",
    "several",
    "texts",
]

FILES = "Data and output"
ONE_HOT = "Replace this column by one of 0 and 1 for each of its values; those of the fit are kept in the run file."
SEVERAL = "Several names have commas between them, or the option is given again."


def option(sentence: str, *names: str, metavar: str | None = None) -> Any:
    """Return a typer option of the panel of files."""
    return typer.Option(*names, help=sentence, metavar=metavar, rich_help_panel=FILES)


Header: TypeAlias = Annotated[bool | None, option(SENTENCES["header"], "--header/--no-header")]
Separator: TypeAlias = Annotated[str | None, option(SENTENCES["separator"], metavar="TEXT")]
Decimal: TypeAlias = Annotated[str | None, option(SENTENCES["decimal"], metavar="TEXT")]
Encoding: TypeAlias = Annotated[str | None, option(SENTENCES["encoding"], metavar="NAME")]
Columns: TypeAlias = Annotated[
    list[str] | None, option(f"Take these columns only as features. {SEVERAL}", metavar="NAME,...")
]
Drop: TypeAlias = Annotated[list[str] | None, option(f"{SENTENCES['drop']} {SEVERAL}", metavar="NAME,...")]
OneHot: TypeAlias = Annotated[list[str] | None, option(f"{ONE_HOT} {SEVERAL}", metavar="NAME,...")]

# An argument of read_table in a message, as it is typed.
ARGUMENTS = re.compile(r"(?<![\w.])(header=True|header=False|(?:separator|decimal|encoding|columns|drop)=)")
TYPED = {"header=True": "--header", "header=False": "--no-header"}


def given_layout(header: bool | None, separator: str | None, decimal: str | None, encoding: str | None) -> Layout:
    """Return the layout that the options give, checked."""
    try:
        return make_layout(header, separator, decimal, encoding)
    except ValueError as error:
        raise ValueError(as_typed(str(error))) from error


def as_typed(text: str) -> str:
    """Return a message of the reader with its arguments as they are typed."""
    typed = ARGUMENTS.sub(lambda found: TYPED.get(found[1], f"--{found[1]}"), text)
    return typed.replace("to drop", "to --drop")


def read(path: Path, layout: Layout, choose: Any, as_text: Collection[str] = ()) -> Table:
    """Read the columns of a data file that a function chooses; messages have the options as they are typed."""
    try:
        return read_chosen(path, layout, choose, as_text)
    except ValueError as error:
        raise ValueError(as_typed(str(error))) from error


def read_all(paths: Sequence[Path], layout: Layout, choose: Any, as_text: Collection[str] = ()) -> Table:
    """Read the columns of data files that a function chooses, one file below the other."""
    tables = [read(path, layout, choose, as_text) for path in paths]
    first = tables[0]
    for path, table in zip(paths, tables, strict=True):
        if set(table.names) != set(first.names):
            other = sorted(set(table.names) ^ set(first.names))[0]
            raise ValueError(
                f"{str(path)!r} and {str(paths[0])!r} have different columns, as {other!r}; choose those that both "
                "have by --columns"
            )
        for name in table.names:
            if (table[name].dtype == object) != (first[name].dtype == object):
                kinds = [f"{'text' if one[name].dtype == object else 'numbers'}" for one in (table, first)]
                raise ValueError(
                    f"the column {name!r} holds {kinds[0]} in {str(path)!r} and {kinds[1]} in {str(paths[0])!r}; "
                    "make them alike"
                )
    if len(tables) == 1:
        return first
    return Table({name: np.concatenate([table[name] for table in tables]) for name in first.names})


def several(given: Sequence[str] | None, known: Collection[str]) -> tuple[str, ...]:
    """Return the names that are given: each text is one name of those known, or several with commas between them."""
    names: list[str] = []
    for text in given or ():
        names += [text] if text in known else [part.strip() for part in text.split(",")]
    return tuple(names)


def texts(given: Sequence[str] | None) -> set[str]:
    """Return all names that may be meant: each text, and what is between its commas."""
    return {part.strip() for text in given or () for part in (text, *text.split(","))}


def columns_to_fit(
    found: Found, own: dict[str, str], columns: Sequence[str] | None, drop: Sequence[str] | None
) -> list[str]:
    """Return the names of the columns that a fit reads; `own` has the target and the weights, by their options."""
    dropped = several(drop, found.names)
    if len(set(own.values())) < len(own):
        raise ValueError(f"{' and '.join(own)} both name the column {next(iter(own.values()))!r}; give one of each")
    for option_name, name in own.items():
        if name not in found.names:
            numbered = "; no header was recognised in it" if found.numbered else ""
            raise ValueError(f"there is no column {name!r}; the columns are {', '.join(found.names[:20])}{numbered}")
        if name in dropped:
            raise ValueError(f"{option_name}={name!r} is among the columns of --drop; leave it out of one of them")
    wanted = None if columns is None else (*several(columns, found.names), *own.values())
    return chosen_names(found, wanted, dropped)


def columns_to_predict(found: Found, features: Sequence[str], drop: Sequence[str] | None) -> list[str]:
    """Return the names of the columns that have the features of a run, in the order of the features.

    Where the file has no header and the run has names, the columns are taken in their order, and stderr says so.
    """
    dropped = several(drop, found.names)
    for name in dropped:
        if name not in found.names:
            raise ValueError(f"drop={name!r} is not a column; the columns are {', '.join(found.names[:20])}")
    left = [name for name in found.names if name not in dropped]
    if found.numbered and not all(name.isdecimal() for name in features):
        if len(left) != len(features):
            raise ValueError(
                f"it has no header and {len(left)} columns, and the run has the {len(features)} features "
                f"{', '.join(features)}; leave the other columns out by --drop, or give a file with names"
            )
        print(f"gdfast: no header; the columns are taken in the order {', '.join(features)}", file=sys.stderr)
        return left
    missing = [name for name in features if name not in left]
    if missing:
        remedy = "; give --no-header if it has none" if missing[0].isdecimal() and not found.numbered else ""
        raise ValueError(f"the data has no column {missing[0]!r}; the run was fitted on {', '.join(features)}{remedy}")
    return list(features)
