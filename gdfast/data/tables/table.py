"""The table that is read from a data file: columns with names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import REAL_KINDS, is_number, shown
from gdfast.data.tables.numbers import is_number_text

__all__ = ["Table", "checked_numbers", "not_numbers"]

MOST_LISTED = 20  # names in a message


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """The columns of a data file.

    `gdfast.read_table` makes it. `gdfast.fit` takes it as X, with y a column's name; `predict` and `score` take it,
    too. ``table["name"]`` is one column and ``len(table)`` the number of rows.

    Parameters
    ----------
    columns : dict of ndarray
        Equally long 1-d arrays by name. Numbers are int64 or float64 (in Parquet and NumPy files the file's own
        dtype), columns of true and false are bool, and text is an object array of str.

    Attributes
    ----------
    names : tuple of str
        The names of the columns, in the order of the file.

    Examples
    --------
    >>> import numpy as np
    >>> from gdfast.data.tables.table import Table
    >>> table = Table({"size": np.array([50.0, 80.0]), "rooms": np.array([2, 3])})
    >>> table
    gdfast.Table of 2 rows: size (float64), rooms (int64)
    >>> table["rooms"]
    array([2, 3])
    """

    columns: dict[str, NDArray[Any]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(self.columns)

    @property
    def column_names(self) -> list[str]:
        """The names of the columns as a list, as pyarrow.Table has them."""
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            more = f" and {len(self.names) - MOST_LISTED} more" if len(self.names) > MOST_LISTED else ""
            raise ValueError(
                f"there is no column {name!r}; the columns are {', '.join(self.names[:MOST_LISTED])}{more}"
            )
        return self.columns[name]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self.matrix()
        return found if dtype is None else found.astype(dtype, copy=False)

    def __repr__(self) -> str:
        kinds = [f"{name} ({kind_of(column)})" for name, column in self.columns.items()]
        listed = ", ".join(kinds[:MOST_LISTED]) + (", ..." if len(kinds) > MOST_LISTED else "")
        return f"gdfast.Table of {len(self):,} rows: {listed}"

    def select(self, names: Sequence[str]) -> "Table":
        """Return a table of some of the columns.

        Parameters
        ----------
        names : sequence of str
            Their names, in the order wanted.

        Returns
        -------
        Table
            The columns of these names; their values are not copied.

        Raises
        ------
        ValueError
            If there is no column of such a name.
        """
        return Table({name: self[name] for name in names})

    def slice(self, offset: int, length: int) -> "Table":
        """Return a table of some of the rows.

        Parameters
        ----------
        offset : int
            The first of them.
        length : int
            How many.

        Returns
        -------
        Table
            These rows; their values are not copied.
        """
        return Table({name: column[offset : offset + length] for name, column in self.columns.items()})

    def renamed(self, names: Sequence[str]) -> "Table":
        """Return the table with other names for its columns.

        Parameters
        ----------
        names : sequence of str
            One name for each column, in their order.

        Returns
        -------
        Table
            The same columns; their values are not copied.
        """
        return Table(dict(zip(names, self.columns.values(), strict=True)))

    def matrix(self) -> NDArray[Any]:
        """Return the columns side by side, each of which must hold numbers.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            The values, in the dtype that NumPy finds for all columns.

        Raises
        ------
        ValueError
            If a column holds something else than finite numbers, with its name and the row, counted from 1.
        """
        if not self.columns:
            raise ValueError("no feature column is left beside the target; the file needs at least two columns")
        return np.column_stack([self.numbers(name) for name in self.names])

    def numbers(self, name: str) -> NDArray[Any]:
        """Return a column, which must hold numbers.

        Parameters
        ----------
        name : str
            The column's name.

        Returns
        -------
        ndarray of shape (n_rows,)
            The column.

        Raises
        ------
        ValueError
            If it holds something else than finite numbers, with the row, counted from 1.
        """
        return checked_numbers(name, self[name])

    def to_pandas(self) -> Any:
        """Return the columns as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One column for each of the table's, of the same names.

        Raises
        ------
        ImportError
            If pandas is not available.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError('to_pandas needs pandas; pip install "gdfast[cli]", or use .columns') from error
        return pd.DataFrame(self.columns)

    def to_polars(self) -> Any:
        """Return the columns as a polars DataFrame.

        Returns
        -------
        polars.DataFrame
            One column for each of the table's, of the same names.

        Raises
        ------
        ImportError
            If polars is not available.
        """
        try:
            import polars as pl
        except ImportError as error:
            raise ImportError("to_polars needs polars; pip install polars, or use .columns") from error
        columns = {
            name: column.tolist() if column.dtype.kind == "O" else column for name, column in self.columns.items()
        }
        return pl.DataFrame(columns)


def checked_numbers(name: str, column: NDArray[Any], first: int = 0) -> NDArray[Any]:
    """Return a column, which must hold finite numbers; first rows of the file are before it."""
    if column.dtype.kind not in REAL_KINDS:
        raise not_numbers(name, first_other(column, first))
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.flatnonzero(~np.isfinite(column))[0])
        raise ValueError(
            f"column {name!r} has no finite number in row {row + 1 + first}; fill it, or leave the row out"
        )
    return column


def not_numbers(name: str, found: str) -> ValueError:
    """Return the error of a column that holds something else than numbers."""
    return ValueError(f"column {name!r} does not hold numbers only ({found}); drop it, or encode it (one-hot)")


def kind_of(column: NDArray[Any]) -> str:
    """Return the word for what a column holds."""
    return "text" if column.dtype.kind == "O" else str(column.dtype)


def first_other(column: NDArray[Any], first: int) -> str:
    """Return the first value that is no number and its row, in words."""
    if column.dtype.kind != "O":
        return f"they are {column.dtype}"
    for row, value in enumerate(column, first + 1):
        if not (is_number(type(value)) or is_number_text(value)):
            return f"the first other is {shown(value)} in row {row}"
    return f"row {first + 1} has the text {shown(column[0])}" if len(column) else "it has no rows"
