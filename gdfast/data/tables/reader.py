"""Read a data file as a table of columns with names."""

import io
import os
import zipfile
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from gdfast._utils.arguments import shown
from gdfast.data.tables.header import check_distinct
from gdfast.data.tables.layout import Found, Layout, make_layout
from gdfast.data.tables.source import decompressed, kind_of, name_of, read_bytes
from gdfast.data.tables.table import Table

__all__ = ["chosen_names", "read_chosen", "read_table"]

Choose = Callable[[Found], Sequence[str]]


def read_table(
    path: str | os.PathLike[str],
    *,
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    columns: Any = None,
    drop: Any = (),
) -> Table:
    r"""Read a data file as a table, which `gdfast.fit` takes as X with y a column's name.

    Text (separated by commas, semicolons, tabs, bars or blanks), Parquet, Feather, Arrow, NumPy (.npy, .npz), JSON and
    Excel (.xlsx) files are recognised by what is in them, also within .gz, .bz2, .xz, .zst and .zip. What is not
    certain is not guessed: it raises ValueError with the row, counted from 1 without the header, and the reason.

    Parameters
    ----------
    path : path-like
        The file; "-" is standard input.
    header : bool, optional
        Whether the first line of text has the names of the columns. By default it has where no field in it is a number,
        a date, true or false; a file of text alone therefore has a header. Without one the names are "0", "1", ...
    separator : str, optional
        The character between the fields of text; " " stands for any number of blanks and tabs. By default it is
        recognised from the first lines.
    decimal : {".", ","}, optional
        The decimal mark of text; the other mark, a blank or an apostrophe may then stand between thousands. By default
        it is recognised, and a number like "1,234", which may be 1.234 or 1234, is refused.
    encoding : str, optional
        The encoding of text. By default it is the one that a byte order mark shows, else UTF-8 or UTF-16 where
        the bytes are valid, else Windows-1252.
    columns : sequence of str, optional
        Names of the columns to read, in the order wanted. All by default.
    drop : sequence of str, default ()
        Names of columns to leave out. What they hold is not checked.

    Returns
    -------
    Table
        The columns: numbers, true and false, or text. No value is missing or infinite.

    Raises
    ------
    ValueError
        If the file is not whole, or something in it cannot be read for certain: a row longer or shorter than the
        header, a missing value, decimal points mixed with decimal commas, two columns of one name, a column without a
        name (such as the index that pandas writes; leave it out by `drop`).
    TypeError
        If an argument is of another type.
    OSError
        If there is no such file, or it cannot be opened.
    ImportError
        If a library that the kind of file needs is not available: pyarrow for text, Parquet and Arrow, openpyxl for
        Excel.

    Examples
    --------
    >>> import gdfast, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "flats.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("size;rooms;price\n50,5;2;310,5\n80;3;420\n120;4;700,25\n")
    >>> table = gdfast.read_table(path)
    >>> table
    gdfast.Table of 3 rows: size (float64), rooms (int64), price (float64)
    >>> gdfast.fit(table, "price", standardize=True).feature_names
    ('size', 'rooms')
    """
    layout = make_layout(header, separator, decimal, encoding)
    wanted, left_out = checked_names("columns", columns), checked_names("drop", drop) or ()
    return read_chosen(path, layout, lambda found: chosen_names(found, wanted, left_out))


def read_chosen(path: Any, layout: Layout, choose: Choose, as_text: Collection[str] = ()) -> Table:
    """Return the columns of a file that a function chooses; in a text file some stay text, though all are numbers."""
    name = name_of(path)
    data = read_bytes(name)
    try:
        found = read_columns(name, data, layout)
        check_distinct(found.names)
        names = choose(found)
        places = {one: found.names.index(one) for one in names}
        arrays = found.convert(list(places.values()), {places[one] for one in names if one in as_text})
    except ValueError as error:
        raise ValueError(f"{'standard input' if name == '-' else repr(name)}: {error}") from error
    return Table(dict(zip(names, arrays, strict=True)))


def read_columns(name: str, data: bytes, layout: Layout) -> Found:
    """Return what a file holds, by its kind; the modules that read the kinds are imported where they are used."""
    data = decompressed(data)
    kind = kind_of(name, data)
    if kind == "zip":
        return read_zip(name, data, layout)
    if kind in ("parquet", "arrow"):
        from gdfast.data.tables import arrow

        return arrow.read_parquet(data) if kind == "parquet" else arrow.read_arrow(data)
    if kind == "npy":
        from gdfast.data.tables.arrays import read_npy

        return read_npy(data)
    if kind == "json":
        from gdfast.data.tables.documents import read_json
        from gdfast.data.tables.text.lines import decoded

        return read_json(decoded(data, layout.encoding))
    from gdfast.data.tables.text.files import read_text

    return read_text(data, layout)


def read_zip(name: str, data: bytes, layout: Layout) -> Found:
    """Return what is in an .npz, an .xlsx, or a .zip of one file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [one for one in archive.namelist() if not one.startswith("__MACOSX") and not one.endswith("/")]
            if members and all(one.endswith(".npy") for one in members):
                from gdfast.data.tables.arrays import read_npz

                return read_npz(data)
            from gdfast.data.tables.documents import is_workbook, read_excel

            if is_workbook(members):
                return read_excel(data, layout.header)
            if len(members) == 1:
                return read_columns(members[0], archive.read(members[0]), layout)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is not a whole .zip file ({error}); is it cut off?") from error
    listed = ", ".join(map(repr, members[:5])) + (", ..." if len(members) > 5 else "")
    raise ValueError(f"it is an archive of several files ({listed}); unpack the one that is meant")


def checked_names(name: str, given: Any) -> tuple[str, ...] | None:
    """Return names of columns as a tuple of str; one name may be given by itself, a number stands for its digits."""
    if given is None:
        return None
    names = (given,) if isinstance(given, (str, int)) else given
    kept = tuple(names) if isinstance(names, Iterable) else (None,)
    if not all(isinstance(one, (str, int)) for one in kept):
        raise TypeError(f"{name}={shown(given)} must be a sequence of names of columns")
    return tuple(map(str, kept))


def chosen_names(found: Found, columns: tuple[str, ...] | None, drop: tuple[str, ...]) -> list[str]:
    """Return the names of the columns to read."""
    for argument, names in (("columns", columns or ()), ("drop", drop)):
        for one in names:
            if one not in found.names:
                raise ValueError(f"{argument}={one!r} is not a column; the columns are {', '.join(found.names[:20])}")
    kept = [one for one in dict.fromkeys(columns or found.names) if one not in drop]
    if not kept:
        raise ValueError("no column is left; choose fewer columns to drop")
    if columns is None:
        check_named(found, kept)
    return kept


def check_named(found: Found, names: Sequence[str]) -> None:
    """Raise ValueError where a column is the index that pandas wrote, or has no name."""
    for place, name in enumerate(found.names):
        if name in found.unnamed and name in names:
            is_index = place == 0 or not name.startswith("Unnamed: ")
            why = "looks like the index that pandas writes" if is_index else "has no name"
            raise ValueError(
                f"column {place + 1} {why}; leave it out by drop={name!r}, or choose columns= by their names"
            )
