"""How rows are read, dense and sparse: products with the coefficients, and sums for the gradient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.numba.compilation import counting, jit
from gdfast.formulas.constants import BLOCK, BLOCK_BYTES

__all__ = ["DENSE", "SPARSE", "Rows", "SparseRows", "csr_row", "four_products", "place_of"]


class SparseRows(NamedTuple):
    """The arrays of a CSR."""

    data: NDArray[Any]
    indices: NDArray[Any]
    indptr: NDArray[Any]


class Rows(NamedTuple):
    """How the kernels read X: a dense array, or SparseRows."""

    product: Any  # (X, row, W, o) -> the product of a row with output o's coefficients
    predict: Any  # writes the products of a block of rows, and the intercept, into z
    spread: Any  # (X, row, scale, G, o): G[o] = scale times the row, without the intercept
    add_rows: Any  # adds the rows' part of the gradient to G[o]
    block: Any  # (X, d) -> how many rows at once
    row: Any  # (X, d) -> an array for add_rows to sum in


@jit
def place_of(order, i):  # type: ignore[no-untyped-def]
    """Return the i-th row; order empty: the rows themselves."""
    return np.int64(order[i]) if order.size else i


@jit
def dense_product(X, row, W, o):  # type: ignore[no-untyped-def]
    product = X.dtype.type(0)
    for j in range(W.shape[1]):
        product += X[row, j] * W[o, j]
    return product


@jit
def four_products(X, q0, q1, q2, q3, W, o):  # type: ignore[no-untyped-def]
    """Return four rows' products with output o's coefficients."""
    p0 = p1 = p2 = p3 = X.dtype.type(0)
    for j in range(W.shape[1]):
        w = W[o, j]
        p0 += X[q0, j] * w
        p1 += X[q1, j] * w
        p2 += X[q2, j] * w
        p3 += X[q3, j] * w
    return np.float64(p0), np.float64(p1), np.float64(p2), np.float64(p3)


@jit
def predict_dense(X, order, first, size, W, o, bias, z):  # type: ignore[no-untyped-def]
    whole = size - size % 4
    for i in range(0, whole, 4):
        q0, q1 = place_of(order, first + i), place_of(order, first + i + 1)
        q2, q3 = place_of(order, first + i + 2), place_of(order, first + i + 3)
        p0, p1, p2, p3 = four_products(X, q0, q1, q2, q3, W, o)
        z[i], z[i + 1], z[i + 2], z[i + 3] = p0 + bias, p1 + bias, p2 + bias, p3 + bias
    for i in range(whole, size):
        z[i] = dense_product(X, place_of(order, first + i), W, o) + bias


@jit
def dense_spread(X, row, scale, G, o):  # type: ignore[no-untyped-def]
    for j in range(X.shape[1]):
        G[o, j] = scale * X[row, j]


@jit
def add_dense_rows(X, order, first, size, r, part, G, o):  # type: ignore[no-untyped-def]
    of_type, whole = X.dtype.type, size - size % 4
    for j in range(part.size):
        part[j] = 0
    for i in range(0, whole, 4):
        q0, q1 = place_of(order, first + i), place_of(order, first + i + 1)
        q2, q3 = place_of(order, first + i + 2), place_of(order, first + i + 3)
        r0, r1, r2, r3 = of_type(r[i]), of_type(r[i + 1]), of_type(r[i + 2]), of_type(r[i + 3])
        for j in range(part.size):
            part[j] += (r0 * X[q0, j] + r1 * X[q1, j]) + (r2 * X[q2, j] + r3 * X[q3, j])
    for i in range(whole, size):
        row, a = place_of(order, first + i), of_type(r[i])
        for j in range(part.size):
            part[j] += a * X[row, j]
    for j in range(part.size):
        G[o, j] += part[j]


@jit
def csr_row(X, row):  # type: ignore[no-untyped-def]
    """Return a row's values and their columns."""
    start, stop = X.indptr[row], X.indptr[row + 1]
    return X.data[start:stop], X.indices[start:stop]


@jit
def csr_product(X, row, W, o):  # type: ignore[no-untyped-def]
    values, columns = csr_row(X, row)
    product = values.dtype.type(0)
    for i in range(values.size):
        product += values[i] * W[o, columns[i]]
    return product


@jit
def predict_csr(X, order, first, size, W, o, bias, z):  # type: ignore[no-untyped-def]
    for i in range(size):
        z[i] = csr_product(X, place_of(order, first + i), W, o) + bias


@jit
def csr_spread(X, row, scale, G, o):  # type: ignore[no-untyped-def]
    values, columns = csr_row(X, row)
    for j in range(G.shape[1]):
        G[o, j] = 0.0
    for i in range(values.size):
        G[o, columns[i]] = scale * values[i]


@jit
def add_csr_rows(X, order, first, size, r, part, G, o):  # type: ignore[no-untyped-def]
    for i in range(size):
        values, columns = csr_row(X, place_of(order, first + i))
        for place in range(values.size):
            G[o, columns[place]] += r[i] * values[place]


DENSE = Rows(
    product=dense_product,
    predict=predict_dense,
    spread=dense_spread,
    add_rows=add_dense_rows,
    block=jit(lambda X, d: max(4, min(BLOCK, BLOCK_BYTES // (d * X.itemsize) // 4 * 4))),
    row=counting(lambda X, d: np.empty(d, X.dtype)),
)
SPARSE = Rows(
    product=csr_product,
    predict=predict_csr,
    spread=csr_spread,
    add_rows=add_csr_rows,
    block=jit(lambda X, d: BLOCK),
    row=counting(lambda X, d: np.empty(0, X.data.dtype)),
)
