"""Made-up data: standard normal rows, noisy targets of a linear model or their labels."""

from typing import Any

import numpy as np


def targets(z: np.ndarray, loss: str, rng: np.random.Generator) -> np.ndarray:
    """Return noisy z, as the loss wants its targets."""
    noisy = z + 0.5 * rng.normal(size=len(z))
    if loss == "multinomial":
        return np.digitize(noisy, (-0.5, 0.5))
    if loss in ("poisson", "tweedie"):
        return rng.poisson(np.exp(np.clip(noisy, -3, 3))).astype(z.dtype)
    if loss == "gamma":
        return np.exp(np.clip(noisy, -3, 3)).astype(z.dtype)
    if loss in ("log_loss", "hinge", "squared_hinge", "modified_huber", "perceptron"):
        return (noisy > 0).astype(z.dtype)
    return noisy.astype(z.dtype)


def dense(shape: tuple[int, int], dtype: str = "float64", loss: str = "squared_error") -> tuple[Any, np.ndarray]:
    """Return X and y."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape, dtype=dtype)
    return X, targets(X @ (rng.normal(size=shape[1]) / np.sqrt(shape[1])).astype(dtype), loss, rng)


def sparse(
    shape: tuple[int, int], nonzeros: int, dtype: str = "float64", loss: str = "squared_error"
) -> tuple[Any, np.ndarray]:
    """Return X in CSR with so many values in each row, of squared norm 1, and y."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    n, d = shape
    width = d // nonzeros  # one column of each stretch: all different and in order
    columns = np.arange(nonzeros) * width + rng.integers(width, size=(n, nonzeros))
    values = (rng.standard_normal(n * nonzeros) / np.sqrt(nonzeros)).astype(dtype)
    starts = np.arange(0, n * nonzeros + 1, nonzeros)
    X = csr_matrix((values, columns.astype(np.int32).ravel(), starts.astype(np.int32)), shape=shape)
    return X, targets(X @ rng.normal(size=d).astype(dtype), loss, rng)
