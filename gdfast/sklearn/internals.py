"""The helpers that scikit-learn's own estimators use and that have no public equal, imported here alone.

tests/sklearn/test_internals.py holds them to what gdfast uses of them.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = ["check_sample_weight", "fit_context"]
