"""Sparse data: X by rows, as the values that are stored and the columns where they stand (CSR)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, float_type, floating, matrix, numeric_array, two_dimensions, whole
from gdfast.data.tables.table import Table

__all__ = [
    "CSR",
    "Features",
    "as_kind_of",
    "dense",
    "features",
    "from_parts",
    "is_sparse",
    "row_squares",
    "rows_and_features",
]

# Values handled at a time, so that temporary arrays stay small beside a large matrix.
BLOCK_VALUES = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class CSR:
    """A sparse matrix: row i holds data[indptr[i] : indptr[i + 1]] in the columns indices[...], rising; the rest is 0.

    As of an array there are `len`, `shape`, `dtype`, ``X[rows]``, ``X @ A`` and ``A @ X``; products are summed in
    float64. Nothing in it is written to.
    """

    data: NDArray[Any]  # (nnz,), float64 or float32
    indices: NDArray[Any]  # (nnz,), int32 or int64
    indptr: NDArray[Any]  # (n + 1,), of the same dtype
    shape: tuple[int, int]

    __array_ufunc__ = None  # so that in `array @ X` the array leaves the product to X

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.data.dtype

    @property
    def counts(self) -> NDArray[Any]:
        """How many values each row holds."""
        return np.diff(self.indptr)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.integer[Any]]) -> "CSR":
        """Return rows: a slice shares the values, an array of row numbers copies them."""
        if isinstance(rows, slice):
            first, stop, _ = rows.indices(len(self))
            start, end = self.indptr[first], self.indptr[stop]
            indptr = self.indptr[first : stop + 1] - start
            return CSR(self.data[start:end], self.indices[start:end], indptr, (stop - first, self.shape[1]))
        starts = self.indptr[rows]
        counts = self.indptr[rows + 1] - starts
        indptr = np.append(0, np.cumsum(counts, dtype=np.int64))
        places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], counts)
        parts = self.data[places], self.indices[places], indptr.astype(self.indptr.dtype)
        return CSR(*parts, (len(rows), self.shape[1]))

    def pieces(self) -> Iterator[tuple[int, "CSR"]]:
        """Yield the matrix in blocks of rows, each with its first row."""
        inner = np.searchsorted(self.indptr, np.arange(BLOCK_VALUES, len(self.data), BLOCK_VALUES))
        borders = np.unique([0, *inner, len(self)]).tolist()
        for first, stop in pairwise(borders):
            yield first, self[first:stop]

    def __matmul__(self, A: NDArray[Any]) -> NDArray[Any]:
        """Return X A for A (d,) or (d, k)."""
        if A.ndim == 2:
            return np.stack([self @ a for a in A.T], axis=1)
        result = np.zeros(len(self), np.result_type(self.dtype, A.dtype))
        for first, part in self.pieces():
            result[first : first + len(part)] = part.row_sums(part.data * A[part.indices])
        return result

    def __rmatmul__(self, A: NDArray[Any]) -> NDArray[Any]:
        """Return A X for A (n,) or (k, n)."""
        if A.ndim == 2:
            return np.stack([self.__rmatmul__(a) for a in A])
        total: NDArray[np.float64] = np.zeros(self.shape[1])
        for first, part in self.pieces():
            terms = part.data * np.repeat(A[first : first + len(part)], part.counts)
            total += np.bincount(part.indices, terms, self.shape[1])
        return total.astype(np.result_type(self.dtype, A.dtype), copy=False)

    def row_sums(self, terms: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each row of terms, of which there is one for each value."""
        sums: NDArray[np.float64] = np.zeros(len(self))
        filled = np.flatnonzero(self.counts)  # reduceat knows no empty part
        if len(filled):
            sums[filled] = np.add.reduceat(terms, self.indptr[filled], dtype=np.float64)
        return sums

    def max(self) -> float:
        """Return the largest value, 0 counted among them."""
        return float(np.max(self.data, initial=0.0))

    def min(self) -> float:
        """Return the smallest value, 0 counted among them."""
        return float(np.min(self.data, initial=0.0))


# X of a Problem.
Features: TypeAlias = NDArray[Any] | CSR


def features(name: str, values: Any) -> Features:
    """Return X as a finite array (n, d), or where it is sparse as a CSR, which shares what it can with it.

    Formats other than CSR are converted; duplicates are summed, as SciPy sums them, and columns sorted, in a copy.
    """
    if isinstance(values, CSR):
        return values
    if not is_sparse(values):
        return matrix(name, values.matrix() if isinstance(values, Table) else values)  # whose errors name the row
    return from_parts(name, values.tocsr(), two_dimensions(name, tuple(values.shape)))


def from_parts(name: str, stored: Any, shape: tuple[int, int]) -> CSR:
    """Return a CSR of the data, indices and indptr of another, which are checked."""
    indices, indptr = places(name, stored, shape)
    data = numeric_array(name, stored.data)[: len(indices)]
    data, indices, indptr = canonical(data, indices, indptr)

    def place(value: int) -> tuple[int, int]:
        return int(np.searchsorted(indptr, value, side="right")) - 1, int(indices[value])

    return CSR(floating(name, data, float_type(data.dtype), place), indices, indptr, shape)


def is_sparse(values: Any) -> bool:
    """Tell whether values are a sparse matrix or array, of SciPy or like its."""
    return hasattr(type(values), "tocsr")


def rows_and_features(X: Any) -> tuple[int, int] | None:
    """Return the shape of X where it is known without converting it."""
    shape = X.shape if is_sparse(X) or isinstance(X, CSR) or hasattr(X, "shape") else np.shape(as_array("X", X))
    return (int(shape[0]), int(shape[1])) if len(shape) == 2 else None


def places(name: str, stored: Any, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return indices and indptr of a SciPy CSR matrix as aligned arrays of one dtype, if they are what they must be."""
    indices, indptr = np.asarray(stored.indices), np.asarray(stored.indptr)
    dtype = np.int32 if indices.dtype == indptr.dtype == np.int32 else np.int64
    indices, indptr = (np.require(part, dtype, ["C", "A"]) for part in (indices, indptr))
    n, d = (whole(f"{name}.shape", length) for length in shape)
    rising = len(indptr) == n + 1 and indptr[0] == 0 and not (indptr[1:] < indptr[:-1]).any()
    if rising and indptr[-1] <= min(len(indices), len(stored.data)):
        indices = indices[: indptr[-1]]
        if not len(indices) or (indices.min() >= 0 and indices.max() < d):
            return indices, indptr
    raise ValueError(
        f"{name} is a sparse matrix whose indices or indptr do not fit its shape {shape}; {name}.check_format() says "
        "what is wrong with it"
    )


def canonical(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the same matrix with rising columns in each row: the same arrays where they are so, else new ones."""
    rising = indices[1:] > indices[:-1]
    borders = indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(indices))]
    rising[borders - 1] = True
    if rising.all():
        return data, indices, indptr
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((indices, rows))
    columns = indices[order]
    firsts = np.flatnonzero(np.append(True, (columns[1:] != columns[:-1]) | (rows[1:] != rows[:-1])))
    sums = np.add.reduceat(data[order], firsts, dtype=data.dtype)  # in that dtype, where two True are True
    starts = np.searchsorted(rows[firsts], np.arange(len(indptr)))
    return sums, columns[firsts], starts.astype(indptr.dtype)


def dense(X: Features) -> NDArray[Any]:
    """Return X as an array."""
    if not isinstance(X, CSR):
        return X
    result = np.zeros(X.shape, X.dtype)
    result[np.repeat(np.arange(len(X)), X.counts), X.indices] = X.data
    return result


def as_kind_of(name: str, X: Features, other: Features) -> Features:
    """Return X dense or sparse as another is, and in its dtype."""
    if not isinstance(other, CSR):
        return floating(name, dense(X), other.dtype)
    if not isinstance(X, CSR):
        rows, columns = np.nonzero(X)
        indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=len(X))))
        dtype = other.indices.dtype if indptr[-1] < 2**31 else indptr.dtype
        X = CSR(X[rows, columns], columns.astype(dtype), indptr.astype(dtype), (X.shape[0], X.shape[1]))
    return CSR(floating(name, X.data, other.dtype), X.indices, X.indptr, X.shape)


def row_squares(X: Features) -> NDArray[np.float64]:
    """Return the sum of squares of each row, in float64."""
    if isinstance(X, CSR):
        parts = (part.row_sums(np.square(part.data, dtype=np.float64)) for _, part in X.pieces())
        return np.concatenate(list(parts))
    return np.asarray(np.einsum("ij,ij->i", X, X, dtype=np.float64))
