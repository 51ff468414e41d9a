"""How long the loop must run until what no polynomial follows has died out: fast modes, and modes that alternate."""

import numpy as np
from numpy.typing import NDArray

from gdfast.options.model import Model
from gdfast.solvers.collocation.nodes import DEGREE

__all__ = ["epochs_until_smooth"]

SLOWEST = 1e-12  # a smaller rate of decay is none
WHOLE = 36.0  # log of what is rounded away beside one


def epochs_until_smooth(
    curvatures: NDArray[np.float64], sizes: NDArray[np.float64], length: int, rate: float, model: Model, done: int
) -> float:
    """Return after how many epochs the polynomials of a stretch of a length follow every mode down to rounding.

    `sizes` are those of the gradient along the eigenvectors of these curvatures, in units of rounding. Along one of
    curvature l the error goes as z^t, z the roots of the recurrence's polynomial. The last
    coefficient of such a mode's Chebyshev series must be below rounding; a mode that alternates has none. The loop has
    `done` epochs here, in which the faster one of two roots that do not alternate has died out or not.
    """
    roots = roots_of(rate * curvatures, model.mu, model.formula.looks_ahead)
    decay = np.maximum(-np.log(np.maximum(np.abs(roots), 1e-300)), SLOWEST)
    smooth = (np.abs(roots.imag) < 1e-12) & (roots.real > 0)
    left = np.log(np.maximum(sizes, 1e-300))[:, None] + np.where(smooth, log_of_last(decay * length / 2), 0.0)
    needed = left / decay
    if roots.shape[1] == 2:
        needed[:, 1] = np.where(smooth[:, 1], WHOLE / decay[:, 1] - done, needed[:, 1])
    return float(needed.max(initial=0.0))


def log_of_last(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log of the last coefficient of exp(-a (x + 1)), the scaled Bessel function I, as Debye expanded it."""
    whole = np.hypot(DEGREE, a)
    return np.asarray(whole - a - DEGREE * np.arcsinh(DEGREE / a) - np.log(2 * np.pi * whole) / 2)


def roots_of(x: NDArray[np.float64], mu: float, looks_ahead: bool) -> NDArray[np.complex128]:
    """Return the roots of the recurrence along curvatures times the rate, x: one for each, with momentum two."""
    if not mu:
        return np.asarray(1.0 - x, dtype=np.complex128)[:, None]
    # w(t + 1) = trace w(t) - determinant w(t - 1)
    trace = (1 + mu) * (1 - x) if looks_ahead else 1 + mu - x
    determinant = mu * (1 - x) if looks_ahead else np.full_like(x, mu)
    root = np.sqrt((trace * trace / 4 - determinant).astype(np.complex128))
    return np.stack([trace / 2 + root, trace / 2 - root], axis=1)
