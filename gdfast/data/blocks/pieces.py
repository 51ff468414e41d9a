"""Rows of files as pieces, in the sizes in which a library gives them, and cut and joined to blocks."""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import float_type, shown
from gdfast.data.blocks.block import NamedRows, SourceBlock
from gdfast.data.frames import columns_named, listed
from gdfast.data.tables.header import check_distinct, unnamed_columns
from gdfast.data.tables.table import checked_numbers

__all__ = ["MOST_VALUES", "Cutter", "Memory", "Piece", "Wanted", "piece_of", "wanted_columns"]

MOST_VALUES = 4_000_000  # of a block by default: 32 megabytes of float64
MOST_KEPT = 3  # arrays of blocks: two in memory, and the one that is read
UNUSED = 3  # references to an array that only `Memory.array` has: its list, its variable and an argument


class Wanted(NamedTuple):
    """The columns that are read."""

    features: tuple[str, ...]
    target: str
    weight: str | None
    chosen: bool  # by columns=, which leaves others out

    @property
    def all(self) -> list[str]:
        """The names of all of them."""
        return [*self.features, self.target, *([] if self.weight is None else [self.weight])]

    @property
    def most_rows(self) -> int:
        """The rows of a block by default."""
        return max(1, MOST_VALUES // len(self.all))

    def check(self, names: Sequence[str], source: str) -> None:
        """Raise an error unless a file has these columns, and no others where they were not chosen."""
        missing = [name for name in self.all if name not in names]
        if missing:
            raise ValueError(f"{source} lacks {columns_named(missing)}, which it must have as the first file does")
        additional = [name for name in names if name not in self.all]
        if additional and not self.chosen:
            raise ValueError(
                f"{source} has {columns_named(additional)}, which the first file does not have; choose the features by "
                "columns="
            )


def wanted_columns(
    names: Sequence[str],
    source: str,
    target: Any,
    columns: tuple[str, ...] | None,
    weight: Any,
    words: tuple[str, str] = ("target", "weight"),
    index: Sequence[str] = (),
) -> Wanted:
    """Return the columns to read of those that the first file has, whose index is no feature unless it is chosen."""
    try:
        check_distinct(names)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    for what, name in zip(words, (target, weight), strict=True):
        if name is None and what == words[1]:
            continue
        if not isinstance(name, str):
            raise TypeError(f"{what}={shown(name)} must be the name of a column of {source}")
        if name not in names:
            raise ValueError(
                f"{what}={name!r} is not a column of {source}, which has {columns_named(list(names))}; give one of them"
            )
    if target == weight:
        raise ValueError(f"{words[0]} and {words[1]} both name the column {target!r}; give one of each")
    features = columns if columns is not None else tuple(name for name in names if name not in (target, weight))
    missing = [name for name in features if name not in names]
    if missing:
        raise ValueError(
            f"columns= names {columns_named(missing)}, which {source} does not have; choose from {listed(list(names))}"
        )
    if target in features or weight in features:
        raise ValueError(
            f"columns= holds {target if target in features else weight!r}, which is no feature; leave that name out"
        )
    if not features:
        raise ValueError(f"{source} has no columns besides the target; give at least one feature")
    unnamed = [name for name in features if columns is None and name in {*unnamed_columns(names), *index}]
    if unnamed:
        raise ValueError(
            f"{source} has {columns_named(unnamed)}, which looks like the index that pandas writes; choose the "
            "features by columns="
        )
    return Wanted(features, target, weight, columns is not None)


class Piece(NamedTuple):
    """Some rows of a file, as columns."""

    columns: list[NDArray[Any]]
    y: NDArray[Any]
    sample_weight: NDArray[Any] | None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.y)

    def part(self, first: int, stop: int) -> "Piece":
        """Return some of the rows, as views."""
        weights = None if self.sample_weight is None else self.sample_weight[first:stop]
        return Piece([values[first:stop] for values in self.columns], self.y[first:stop], weights)


def piece_of(
    column: Callable[[str, int], NDArray[Any]],
    wanted: Wanted,
    first: int,
    target: Callable[[str, int], NDArray[Any]] | None = None,
) -> Piece:
    """Return a piece of columns, each of which is returned by its name and `first`, the rows before it in its file."""
    columns = [checked_numbers(name, column(name, first), first) for name in wanted.features]
    weights = None
    if wanted.weight is not None:
        weights = checked_numbers(wanted.weight, column(wanted.weight, first), first)
        if len(weights) and weights.min() < 0:
            row = int(np.argmax(weights < 0))
            raise ValueError(
                f"the weight {wanted.weight!r} is {weights[row]:g} in row {row + 1 + first}, and below 0; weights "
                "must be 0 or more"
            )
    return Piece(columns, (target or column)(wanted.target, first), weights)


class Memory:
    """The memory of blocks: that of one which nobody refers to any more is taken for another.

    Memory that is new to a process has to be cleared first, which takes as long as reading into it.
    """

    def __init__(self) -> None:
        self.kept: list[NDArray[Any]] = []

    def array(self, rows: int, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any values."""
        size = rows * width
        for memory in self.kept:
            unused = sys.getrefcount(memory) == UNUSED
            if unused and memory.dtype == dtype and memory.size >= size:
                return memory[:size].reshape(rows, width)
        memory = np.empty(size, dtype)
        self.kept = [*self.kept[-MOST_KEPT + 1 :], memory]
        return memory.reshape(rows, width)


class Cutter:
    """Pieces of a file, cut and joined to blocks of as many rows as are asked for."""

    def __init__(self, pieces: Iterator[Piece], wanted: Wanted, file: str | None, memory: Memory) -> None:
        self.pieces, self.wanted, self.file, self.memory = pieces, wanted, file, memory
        self.left: Piece | None = None  # of a piece that was cut

    def next_piece(self) -> Piece | None:
        """Return the rows that come next, in any number."""
        left, self.left = self.left, None
        while left is None or not left.rows:
            left = next(self.pieces, None)
            if left is None:
                return None
        return left

    def take(self, rows: int) -> SourceBlock | None:
        """Return the next rows, fewer only at the end, None after it."""
        piece = self.next_piece()
        if piece is None:
            return None
        X = self.memory.array(rows, len(piece.columns), float_type(np.result_type(*piece.columns)))
        y, weights = [], []
        filled = 0
        while piece is not None:
            part = piece.part(0, rows - filled)
            for j, values in enumerate(part.columns):
                X[filled : filled + part.rows, j] = values
            filled += part.rows
            y.append(part.y.copy())
            if part.sample_weight is not None:
                weights.append(part.sample_weight.copy())
            if part.rows < piece.rows:
                self.left = piece.part(part.rows, piece.rows)
            if filled == rows:
                break
            piece = self.next_piece()
        named = NamedRows(self.wanted.features, X[:filled])
        return SourceBlock(named, np.concatenate(y), np.concatenate(weights) if weights else None, self.file)

    def close(self) -> None:
        """End the pieces."""
        self.left = None
        if isinstance(self.pieces, Generator):
            self.pieces.close()

    def skip(self, rows: int) -> None:
        """Leave out the next rows."""
        while rows > 0 and (piece := self.next_piece()) is not None:
            self.left = piece.part(min(rows, piece.rows), piece.rows)
            rows -= piece.rows - self.left.rows
