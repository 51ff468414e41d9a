"""The nodes of a stretch of epochs, and sums over epochs of the polynomials that pass through values at them.

A stretch of m epochs is t = 0 ... m, x = 2 t / m - 1. Its nodes are the Chebyshev points of the second kind, rounded to
whole epochs, so that rates and costs exist there; T_j is the Chebyshev polynomial of degree j in x.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEGREE", "SHORTEST", "Long", "Nodes", "Recurrence", "nodes_of", "polynomials", "recurrence", "series_at"]

DEGREE = 32
SHORTEST = 1024  # epochs of a stretch: of shorter ones neighbouring nodes fall together
BLOCK_EPOCHS = 2**15  # whose polynomials are made at a time

Long = np.longdouble  # of 80 bits where the processor has them


class Nodes(NamedTuple):
    """Where a stretch is evaluated, and what depends on its length alone."""

    length: int
    epochs: NDArray[np.int64]  # (DEGREE + 1,), from 0 to length
    between: NDArray[np.int64]  # (DEGREE,), of the grid of twice as many intervals
    at_between: NDArray[np.float64]  # Chebyshev coefficients -> values there
    to_series: NDArray[np.longdouble]  # values at the nodes -> Chebyshev coefficients
    to_series64: NDArray[np.float64]
    shift: NDArray[np.longdouble]  # coefficients of f(t) -> of f(t + 1)
    sums: NDArray[np.longdouble]  # coefficients of f -> sum of f(s) over s < t at each node t


class Recurrence(NamedTuple):
    """What w(t + 1) = w(t) - eta_t u(t) makes of the gradients f at the nodes, u being f or what momentum makes of it.

    `sums` takes f to the sums of eta_s u(s) over s < t at each node t; `velocity` to the Chebyshev coefficients of the
    momentum before the update t, None without momentum.
    """

    sums: NDArray[np.float64]
    velocity: NDArray[np.float64] | None


def polynomials(x: NDArray[Any], count: int) -> NDArray[Any]:
    """Return T_0 ... T_(count - 1) at each x, as (len(x), count)."""
    T, twice = np.ones((count, len(x)), x.dtype), 2 * x
    T[1] = x
    for before, last, now in zip(T, T[1:], T[2:], strict=False):
        np.multiply(twice, last, out=now)
        now -= before
    return T.T


def series_at(series: NDArray[np.float64], length: int, epochs: NDArray[Any]) -> NDArray[np.float64]:
    """Return Chebyshev series, their coefficients along the first axis, at epochs of a stretch."""
    return np.asarray(polynomials(2.0 * np.asarray(epochs, np.float64) / length - 1.0, len(series)) @ series)


@lru_cache(maxsize=256)
def nodes_of(length: int, degree: int = DEGREE) -> Nodes:
    """Return the nodes of a stretch, all of it in extended precision where there is one.

    Those of a lower degree, which divides DEGREE, are among those of DEGREE.
    """
    K = degree + 1
    angles = np.arange(2 * degree + 1) * np.pi / (2 * degree)
    places = np.rint((1 - np.cos(angles)) / 2 * length).astype(np.int64)
    epochs, between = places[::2], places[1::2]
    x, h = 2 * epochs.astype(Long) / length - 1, Long(2) / length
    T, after = polynomials(x, K + 1), polynomials(x + h, K + 1)
    # T_j(x + h) - T_j(x), by a recurrence that no cancellation spoils.
    D, twice, steps = np.zeros((K + 1, K), Long), 2 * x, 2 * h * after.T
    D[1] = h
    for j in range(2, K + 1):
        np.multiply(twice, D[j - 1], out=D[j])
        D[j] += steps[j - 1]
        D[j] -= D[j - 2]
    to_series = inverse(T[:, :K])
    step = np.triu(to_series @ D.T, 1)  # column j has the coefficients of T_j(x + h) - T_j(x), of degree j - 1
    at_start = (-1.0) ** np.arange(K + 1)
    sums = (T - at_start)[:, 1:] @ inverse(step[:, 1:])
    at_between = polynomials(2.0 * between / length - 1.0, K)
    shift = np.eye(K, dtype=Long) + step[:, :K]
    return Nodes(length, epochs, between, at_between, to_series, to_series.astype(np.float64), shift, sums)


def inverse(A: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse of a well-conditioned matrix in extended precision: that of float64, by a step of Newton's."""
    found = np.linalg.inv(A.astype(np.float64))
    left = np.eye(len(A), dtype=Long) - A @ found.astype(Long)
    return np.asarray(found.astype(Long) + found @ left.astype(np.float64))


def weighted_sums(nodes: Nodes, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each node t and each j the sum of rates_s T_j(x_s) over s < t."""
    K = len(nodes.epochs)
    parts = np.zeros((K, K))  # of the epochs between each node and the one before it
    for first in range(0, nodes.length, BLOCK_EPOCHS):
        epochs = np.arange(first, min(first + BLOCK_EPOCHS, nodes.length))
        terms = polynomials(2.0 * epochs / nodes.length - 1.0, K) * rates[epochs, None]
        owner = np.searchsorted(nodes.epochs, epochs, side="right")
        owners, starts = np.unique(owner, return_index=True)
        parts[owners] += np.add.reduceat(terms, starts, axis=0)
    return np.asarray(np.cumsum(parts, axis=0))


@lru_cache(maxsize=64)
def velocity_series(length: int, degree: int, mu: float) -> NDArray[np.longdouble]:
    """Return what takes the coefficients of f to those of the v with v(t + 1) = mu v(t) + f(t)."""
    return inverse(nodes_of(length, degree).shift - Long(mu) * np.eye(degree + 1, dtype=Long))


def recurrence(nodes: Nodes, rates: float | NDArray[np.float64], mu: float, looks_ahead: bool) -> Recurrence:
    """Return the Recurrence of a stretch for its rate, or for the rates of its epochs, and for momentum."""
    degree = len(nodes.epochs) - 1
    if isinstance(rates, float):
        sums = constant_sums(nodes.length, degree, mu, looks_ahead) * rates
    else:
        sums = weighted_sums(nodes, rates) @ update_series(nodes, mu, looks_ahead)
    velocity = velocity_series(nodes.length, degree, mu) @ nodes.to_series if mu else None
    return Recurrence(sums.astype(np.float64), None if velocity is None else velocity.astype(np.float64))


@lru_cache(maxsize=256)
def constant_sums(length: int, degree: int, mu: float, looks_ahead: bool) -> NDArray[np.longdouble]:
    """Return `sums` of a Recurrence at rate 1."""
    nodes = nodes_of(length, degree)
    return np.asarray(nodes.sums @ update_series(nodes, mu, looks_ahead))


def update_series(nodes: Nodes, mu: float, looks_ahead: bool) -> NDArray[np.longdouble]:
    """Return what takes f at the nodes to the coefficients of u."""
    if not mu:
        return nodes.to_series
    momentum = nodes.shift @ velocity_series(nodes.length, len(nodes.epochs) - 1, mu)  # after the update
    if looks_ahead:
        momentum = np.eye(len(nodes.epochs), dtype=Long) + Long(mu) * momentum
    return np.asarray(momentum @ nodes.to_series)
