"""scikit-learn's helpers that are not public do what gdfast uses of them; else the message says in which version."""

import inspect

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
internals = pytest.importorskip("gdfast.sklearn.internals")
CHANGED = f"scikit-learn {sklearn.__version__} changed its helper: mend gdfast/sklearn/internals.py"


def test_weights_are_checked_and_made_an_array():
    X = np.zeros((3, 2), np.float32)
    assert {"sample_weight", "X", "dtype"} <= set(inspect.signature(internals.check_sample_weight).parameters), CHANGED
    assert internals.check_sample_weight(None, X, dtype=np.float32).tolist() == [1, 1, 1], CHANGED
    assert internals.check_sample_weight([1, 0, 2], X, dtype=np.float32).dtype == np.float32, CHANGED
    for wrong in ([1, 2], [[1], [2], [3]], [1, np.nan, 1]):
        with pytest.raises(ValueError, match=r"(?i)sample.weight"):
            internals.check_sample_weight(wrong, X)


def test_a_fit_checks_its_estimators_parameters_first():
    class Estimator(sklearn.base.BaseEstimator):
        _parameter_constraints = {"a": [int]}  # noqa: RUF012

        def __init__(self, a):
            self.a = a

        @internals.fit_context(prefer_skip_nested_validation=True)
        def fit(self, X):
            return self

    assert isinstance(Estimator(1).fit(None), Estimator), CHANGED
    with pytest.raises(ValueError, match="The 'a' parameter"):
        Estimator("x").fit(None)
