"""A block of rows: as a source gives it, and as arrays that are checked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, vector
from gdfast.data.csr import CSR, Features, features, rows_and_features
from gdfast.data.frames import by_name, column_names, columns_named, reorder_columns, select_columns
from gdfast.data.problem import unmixed

__all__ = ["Block", "NamedRows", "SourceBlock", "checked_block", "unpacked"]


class SourceBlock(NamedTuple):
    """A block that a source of ours gives."""

    X: Any
    y: Any
    sample_weight: Any
    file: str | None  # where it comes from


class NamedRows:
    """Rows in one array whose columns have names: finite numbers, which a source of ours has checked."""

    def __init__(self, names: Sequence[str], values: NDArray[Any]) -> None:
        self.names, self.values = tuple(names), values

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, as pyarrow.Table has them."""
        return self.names

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.values.shape

    def select(self, names: Sequence[str]) -> "NamedRows":
        """Return some of the columns, in the order of their names."""
        places = [self.names.index(name) for name in names]
        return NamedRows(names, np.ascontiguousarray(self.values[:, places]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.values if dtype is None else self.values.astype(dtype, copy=False)


class Block:
    """A checked block. Whoever reads blocks one after another has its arrays until the next one is asked for."""

    __slots__ = ("X", "names", "number", "sample_weight", "y")

    X: Features  # (rows, features); an array without rows is no CSR
    y: NDArray[Any]  # (rows,) or (rows, outputs): numbers or labels, as they were given
    sample_weight: NDArray[np.float64] | None

    def __init__(
        self,
        number: int,
        X: Features,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        names: tuple[str, ...] | None,
    ) -> None:
        self.number, self.X, self.y, self.sample_weight, self.names = number, X, y, sample_weight, names

    @property
    def nbytes(self) -> int:
        """The bytes of its arrays."""
        X = self.X
        parts = [X.data, X.indices, X.indptr] if isinstance(X, CSR) else [X]
        parts += [self.y] if self.sample_weight is None else [self.y, self.sample_weight]
        return sum(part.nbytes for part in parts)

    def __sizeof__(self) -> int:  # by which Dask knows how much memory it takes
        return object.__sizeof__(self) + self.nbytes

    @property
    def outputs(self) -> int:
        """The columns of y."""
        return int(self.y.shape[1]) if self.y.ndim == 2 else 1

    def release(self) -> None:
        """Let go of the arrays."""
        del self.X, self.y, self.sample_weight


def unpacked(block: Any) -> SourceBlock:
    """Return the parts of a block that a source has given."""
    if isinstance(block, SourceBlock):
        return block
    if not isinstance(block, (tuple, list)) or len(block) not in (2, 3):
        size = f" of {len(block)} parts" if isinstance(block, (tuple, list)) else ""
        raise TypeError(f"it is a {type(block).__name__}{size}, and must be (X, y) or (X, y, sample_weight)")
    return SourceBlock(block[0], block[1], block[2] if len(block) == 3 else None, None)


def checked_block(
    number: int, block: SourceBlock, columns: tuple[str, ...] | None, expected: tuple[str, ...] | None
) -> Block:
    """Return a block with its numbers checked; its columns are put in the order expected."""
    X, y, sample_weight, names = by_name(*block[:3])
    if columns is not None:
        X = chosen(X, names, columns)
    X = reorder_columns(X, expected)
    names = column_names("X", X)
    shape = rows_and_features(X)
    rows: Features
    if isinstance(X, NamedRows):
        rows = X.values
    elif shape is not None and shape[0] == 0 and shape[1] > 0:
        rows = np.empty(shape)
    else:
        rows = features("X", X)
    n = rows.shape[0]
    values = as_array("y", y, "targets")
    values = values if values is y else unmixed(values, y)
    if values.ndim == 0 or len(values) != n:
        raise ValueError(f"y has shape {values.shape}, and must have one value for each of the {n} rows of X: ({n},)")
    return Block(number, rows, values, checked_weights(sample_weight, n), names)


def chosen(X: Any, names: tuple[str, ...] | None, columns: tuple[str, ...]) -> Any:
    """Return the columns of X that are asked for."""
    if names is None:
        raise TypeError(
            f"columns={list(columns)!r} selects features by name, but X ({type(X).__name__}) has no column names; give "
            "frames, or leave columns= out"
        )
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(
            f"X lacks {columns_named(missing)} of columns=; its features are {', '.join(map(repr, names))}"
        )
    return select_columns(X, columns)


def checked_weights(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Return the weights of n rows, which may all be zero."""
    if sample_weight is None:
        return None
    weights = vector("sample_weight", sample_weight, n, "row of X")
    if n and weights.min() < 0:
        row = int(np.argmax(weights < 0))
        raise ValueError(f"sample_weight holds {weights[row]:g} at {row}, and must not be negative; 0 leaves a row out")
    return weights
