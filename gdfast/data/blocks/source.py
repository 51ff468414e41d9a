"""Sources of blocks: sequences, whose blocks are taken in any order, and functions that return iterators."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from gdfast._utils.arguments import as_array, shown, whole
from gdfast.data.csr import is_sparse
from gdfast.data.frames import by_name, is_frame, rows_of

__all__ = ["Calls", "Entries", "Known", "MadeAnew", "RowsOfArrays", "Source", "make_source"]

ONCE = (
    "which can be read once, and training reads the blocks again and again; give a list of blocks, or a function "
    "without arguments that returns a new iterator at each call"
)
KINDS = (
    "a sequence of blocks (X, y) or (X, y, sample_weight) or of functions that return one, or a function that returns "
    "a new iterator over the blocks at each call"
)


class Known(NamedTuple):
    """What a source knows of its blocks without reading them; they have no weights, and one column of numbers as y."""

    sizes: list[int]
    features: int
    dtype: np.dtype[Any]  # of X, float64 or float32
    names: tuple[str, ...] | None


class Source(Protocol):
    """Where blocks come from."""

    shuffles: bool  # whether the blocks can be taken in any order

    @property
    def rows(self) -> int | None:
        """The rows of all blocks, None where they are not known before they are read."""

    def held(self, number: int) -> Any:
        """Return the array in memory that X of a block is, or is a part of; None where it is made anew."""

    def known(self) -> Known | None:
        """Return what is known of the blocks without reading them, None where that is not all of it."""

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Return a new iterator over the blocks: all of them, or where they can be shuffled those of an order.

        It keeps no block that it has given.
        """


class MadeAnew:
    """A source whose blocks are made anew in each pass, and of which nothing is known before they are."""

    rows: int | None = None

    def held(self, number: int) -> None:
        """Return None: no block is held in memory."""

    def known(self) -> Known | None:
        """Return None: nothing is known of blocks that are not read."""
        return None


class Entries:
    """A sequence of blocks, or of functions that return one."""

    shuffles = True

    def __init__(self, source: Sequence[Any]) -> None:
        self.source = source

    @property
    def rows(self) -> int | None:
        """The rows of an array in memory, else None."""
        return self.source.n if isinstance(self.source, RowsOfArrays) else None

    def held(self, number: int) -> Any:
        """Return the array in memory that X of a block is, or is a part of; None where it is made anew."""
        if isinstance(self.source, RowsOfArrays):
            return self.source.X
        if not isinstance(self.source, (list, tuple)) or number >= len(self.source):
            return None
        entry = self.source[number]
        return None if callable(entry) else entry[0]

    def known(self) -> Known | None:
        """Return what is known of arrays in memory."""
        if isinstance(self.source, RowsOfArrays):
            entries: list[Any] = [(self.source.X, *self.source.parts)]
        else:
            entries = list(self.source) if isinstance(self.source, (list, tuple)) else []
        if not entries or not all(is_plain(entry) for entry in entries) or not any(len(X) for X, _ in entries):
            return None
        first = entries[0][0]
        if any(X.shape[1] != first.shape[1] or X.dtype != first.dtype for X, _ in entries):
            return None
        sizes = [len(X) for X, _ in entries]
        if isinstance(self.source, RowsOfArrays):
            n, rows = self.source.n, self.source.block_rows
            sizes = [min(rows, n - place) for place in range(0, n, rows)]
        return Known(sizes, int(first.shape[1]), first.dtype, None)

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Yield the blocks of an order."""
        for number in range(len(self.source)) if order is None else order:
            yield self.block(number)

    def block(self, number: int) -> Any:
        """Return one block."""
        entry = self.source[number]
        return entry() if callable(entry) else entry

    def __repr__(self) -> str:
        return f"{len(self.source):,} block{'s' if len(self.source) != 1 else ''}"


class Calls(MadeAnew):
    """A function that returns a new iterator over the same blocks at each call."""

    shuffles = False

    def __init__(self, function: Callable[[], Iterable[Any]]) -> None:
        self.function = function

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Return the iterator of a new call."""
        blocks = self.function()
        if not isinstance(blocks, Iterable) or isinstance(blocks, (str, bytes, dict)) or is_data(blocks):
            raise TypeError(
                f"source={shown(self.function)} has returned {shown(blocks)}, and must return an iterator over blocks "
                "(X, y) or (X, y, sample_weight)"
            )
        return iter(blocks)

    def __repr__(self) -> str:
        return "blocks as they come"


def make_source(source: Any) -> Source:
    """Return the source of what a user gives as one."""
    if isinstance(source, Iterator):
        raise TypeError(f"source={shown(source)} is a {type(source).__name__}, {ONCE}")
    is_list = isinstance(source, (list, tuple))
    is_sequence = is_list or (hasattr(type(source), "__len__") and hasattr(type(source), "__getitem__"))
    if isinstance(source, (str, bytes, dict)) or is_data(source):
        raise TypeError(
            f"source is a {type(source).__name__}, and must be {KINDS}; of arrays gdfast.Blocks.from_array makes blocks"
        )
    if is_sequence:
        return Entries(checked_entries(source) if is_list else source)
    if not callable(source) or isinstance(source, type):
        raise TypeError(f"source={shown(source)} is a {type(source).__name__}, and must be {KINDS}")
    if takes_nothing(source):
        return Calls(source)
    raise TypeError(f"source={shown(source)} must be {KINDS}: this function has arguments; use functools.partial")


def is_plain(entry: Any) -> bool:
    """Tell whether a block is an array X of floats, and as long an array y of numbers."""
    if callable(entry) or len(entry) != 2 or not all(type(part) is np.ndarray for part in entry):
        return False
    X, y = entry
    plain = X.ndim == 2 and y.ndim == 1 and len(X) == len(y) and y.dtype.kind in "fiu"
    return bool(plain and X.shape[1] > 0 and X.dtype in (np.float64, np.float32))


def is_data(value: Any) -> bool:
    """Return whether a value is rows itself."""
    return isinstance(value, np.ndarray) or is_sparse(value) or is_frame(value)


def checked_entries(source: Sequence[Any]) -> Sequence[Any]:
    """Return a list or tuple of blocks, none of which is something else for certain."""
    if not len(source):
        raise ValueError(f"source={shown(source)} has no blocks; give at least one (X, y)")
    for number, entry in enumerate(source):
        if not callable(entry) and not (isinstance(entry, (list, tuple)) and len(entry) in (2, 3)):
            raise TypeError(
                f"source: block {number} is a {type(entry).__name__}, and must be (X, y) or (X, y, sample_weight), or "
                "a function that returns one"
            )
    return source


def takes_nothing(function: Any) -> bool:
    """Return whether a function can be called without arguments, as far as can be told."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


class RowsOfArrays(Sequence[Any]):
    """Blocks of rows of arrays, as views."""

    def __init__(self, X: Any, y: Any, block_rows: Any, sample_weight: Any) -> None:
        self.block_rows = whole("block_rows", block_rows, 1)
        X, y, sample_weight, names = by_name(X, y, sample_weight)
        self.X = X.tocsr() if is_sparse(X) else as_array("X", X) if names is None else X
        self.parts = [as_array("y", y, "targets")]
        shape = (len(X), len(names)) if names is not None else tuple(self.X.shape)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"X has shape {shape}, and must be 2-d: (n_samples, n_features), at least one of each")
        if sample_weight is not None:
            self.parts.append(as_array("sample_weight", sample_weight))
        n = self.n = int(shape[0])
        for name, part in zip(("y", "sample_weight"), self.parts, strict=False):
            if part.ndim == 0 or len(part) != n:
                raise ValueError(
                    f"{name} has shape {part.shape}, and must have one value for each of the {n} rows of X: ({n},)"
                )

    def __len__(self) -> int:
        return -(-self.n // self.block_rows)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(f"block {number} of {len(self)}")
        rows = slice(number * self.block_rows, (number + 1) * self.block_rows)
        return (rows_of(self.X, rows), *(part[rows] for part in self.parts))
