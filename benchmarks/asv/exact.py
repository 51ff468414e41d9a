"""Descent in 80-bit floats, as plain as can be: what errors are measured against."""

from typing import Any

import numpy as np

import gdfast


def with_ones(X: np.ndarray) -> np.ndarray:
    """Return X with the column of the intercept, in 80-bit floats."""
    return np.column_stack([X, np.ones(len(X))]).astype(np.longdouble)


def full_batch(X: np.ndarray, y: np.ndarray, rates: np.ndarray, momentum: float = 0.0) -> np.ndarray:
    """Return (coef, intercept) of full-batch descent on a squared error from zero, an epoch for each rate."""
    A, n = with_ones(X), len(X)
    G, c = A.T @ A / n, A.T @ y.astype(np.longdouble) / n  # in 80 bits this loses nothing that a float64 can show
    w = m = np.zeros(A.shape[1], np.longdouble)
    for rate in rates.astype(np.longdouble):
        m = momentum * m + (G @ w - c)
        w = w - rate * m
    return w


def squared_error(y: Any, z: Any) -> Any:
    """Return the slope of (z - y)^2 / 2."""
    return z - y


def log_loss(y: Any, z: Any) -> Any:
    """Return the slope of log(1 + e^z) - y z, y being 0 or 1."""
    return 1 / (1 + np.exp(-z)) - y


SLOPES = {"squared_error": squared_error, "log_loss": log_loss}


def stochastic(X: np.ndarray, y: np.ndarray, loss: str, rate: float, size: int, epochs: int, seed: int) -> np.ndarray:
    """Return (coef, intercept) of descent over batches of so many rows from zero, in gdfast's order of samples."""
    A, y = with_ones(X), y.astype(np.longdouble)
    w = np.zeros(A.shape[1], np.longdouble)
    for epoch in range(epochs):
        order = gdfast.sample_order(len(X), seed, epoch)
        for first in range(0, len(X), size):
            rows = order[first : first + size]
            slopes = SLOPES[loss](y[rows], A[rows] @ w)
            w = w - np.longdouble(rate) * (slopes @ A[rows]) / len(rows)
    return w


def error(run: gdfast.Run, exact: np.ndarray) -> float:
    """Return the largest error of a parameter relative to the largest parameter."""
    found = np.append(run.coef, run.intercept)
    return float(np.abs(found - exact).max() / np.abs(exact).max())
