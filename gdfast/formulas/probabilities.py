"""Probabilities that agree with the class that is predicted, and those of classes fitted one against all others."""

from typing import Any

import numpy as np

from gdfast.formulas.losses import LossFormulas, log_normalised

__all__ = ["agreeing", "log_one_against_all", "predicted_classes"]


def predicted_classes(z: Any) -> Any:
    """Return which class is predicted from z: (n,), positive for the second of two, or one column for each class."""
    return np.asarray(z.argmax(axis=1) if z.ndim == 2 else z > 0, dtype=np.intp)


def agreeing(p: Any, predicted: Any) -> Any:
    """Return probabilities (n, k), or their logarithms, whose largest is that of the predicted class.

    Where they are equal after rounding, or their order is rounding's, the predicted one becomes the next number above.
    """
    rows = np.flatnonzero(p.argmax(axis=1) != predicted)
    if not len(rows):
        return p
    p = p.copy()
    p[rows, predicted[rows]] = np.nextafter(p[rows].max(axis=1), p.dtype.type(np.inf))
    return p


def log_one_against_all(loss: LossFormulas, Z: Any) -> Any:
    """Return log(p / sum_o p_o), p the probability of each class against all others; the same for all where p is 0.

    The logarithms are normalised, so that classes whose p underflow are still different.
    """
    with np.errstate(divide="ignore"):
        assert loss.probabilities is not None
        logs = -loss.value(1.0, Z, 0.0) if loss.likelihood else np.log(loss.probabilities(Z)[..., 1])
    return log_normalised(np.where(np.isneginf(logs).all(axis=1, keepdims=True), 0.0, logs))
