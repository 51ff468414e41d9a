"""The helpers that scikit-learn's own estimators use and that have no public equal, imported here alone.

tests/sklearn/test_internals.py holds them to what gdfast uses of them.
"""

from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = ["check_method_params", "check_sample_weight", "fit_context", "has_callbacks", "safe_split"]


def has_callbacks(estimator: Any) -> bool:
    """Return whether callbacks are set on an estimator or on one of its parameters (scikit-learn 1.9 and later)."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(getattr(part, "_skl_callbacks", None) for part in parts if hasattr(part, "get_params"))
