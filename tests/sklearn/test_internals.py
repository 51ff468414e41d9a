"""scikit-learn's helpers that are not public do what gdfast uses of them; else the message says in which version."""

import inspect

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
for part in ("linear_model", "model_selection", "pipeline", "preprocessing"):
    pytest.importorskip(f"sklearn.{part}")
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


def test_rows_and_arguments_of_a_fold():
    X, y, train = np.arange(8.0).reshape(4, 2), np.arange(4), np.array([0, 3])
    X_train, y_train = internals.safe_split(sklearn.linear_model.Ridge(), X, y, train)
    assert X_train.tolist() == [[0.0, 1.0], [6.0, 7.0]], CHANGED
    assert y_train.tolist() == [0, 3], CHANGED
    params = {"sample_weight": [1.0, 2.0, 3.0, 4.0], "validation": (X, y), "coef_init": None}
    found = internals.check_method_params(X, params=params, indices=train)
    assert found["sample_weight"] == [1.0, 4.0], CHANGED
    assert found["validation"] is params["validation"], CHANGED
    assert found["coef_init"] is None, CHANGED


def test_callbacks_are_seen_wherever_they_are_set():
    model = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression()
    )
    search = sklearn.model_selection.GridSearchCV(model, {})
    assert not internals.has_callbacks(search)
    if hasattr(search, "set_callbacks"):  # scikit-learn 1.9
        model[-1].set_callbacks(sklearn.callback.ProgressBar())
        assert internals.has_callbacks(search), CHANGED
        assert internals.has_callbacks(model), CHANGED
        assert not internals.has_callbacks(model[0])


def test_a_search_clones_its_estimator_once_for_each_fit_by_candidates_and_then_folds():
    order = []

    class Estimator(sklearn.base.BaseEstimator):
        def __init__(self, a=0):
            self.a = a

        def __sklearn_clone__(self):
            order.append("clone")
            return Estimator(self.a)

        def set_params(self, **params):
            order.append(params)
            self.a = params["a"]
            return self

        def fit(self, X, y):
            order.append((self.a, len(X)))
            return self

        def score(self, X, y):
            return -self.a

    splits = [(np.arange(2), np.arange(2, 4)), (np.arange(3), np.arange(3, 4))]
    sklearn.model_selection.GridSearchCV(Estimator(), {"a": [1, 2]}, cv=splits).fit(np.zeros((4, 1)), np.zeros(4))
    fits = [(1, 2), (1, 3), (2, 2), (2, 3), (1, 4)]
    assert order == ["clone", *(step for a, n in fits for step in ("clone", {"a": a}, (a, n)))], CHANGED
