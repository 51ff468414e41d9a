"""A fit or partial_fit that raises leaves every estimator as it was."""

import copy
import inspect
import itertools
import pickle

import numpy as np
import pytest

import gdfast

models = pytest.importorskip("gdfast.sklearn")
from gdfast.sklearn import base, sgd  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
TARGETS = {"Regressor": X[:, 0] + 0.1 * RNG.normal(size=60), "Classifier": np.arange(60) % 3, "SVM": None}
ESTIMATORS = {
    "SGDRegressor": {}, "SGDRegressor averaged": {"average": True}, "SGDClassifier": {"loss": "log_loss"},
    "SGDClassifier averaged": {"average": 10}, "SGDOneClassSVM": {}, "SGDOneClassSVM averaged": {"average": True},
    "GDRegressor": {"epochs": 3}, "GDClassifier": {"epochs": 3},
    "GDClassifier multinomial": {"epochs": 3, "loss": "multinomial"},
}  # fmt: skip


def target(name):
    return next(y for kind, y in TARGETS.items() if kind in name)


def estimator(name, **options):
    model = getattr(models, name.split()[0])(random_state=np.random.RandomState(3), **ESTIMATORS[name], **options)
    return model.set_params(max_iter=3, tol=None) if name.startswith("SGD") else model


def with_value(values, place, value):
    changed = values.astype(float)
    changed[place] = value
    return changed


# Each returns arguments of fit that make it raise: X, y and others by name.
WRONG_INPUT = {
    "NaN in X": lambda y: (with_value(X, (7, 1), np.nan), y, {}),
    "infinity in X": lambda y: (with_value(X, (59, 2), np.inf), y, {}),
    "another number of rows": lambda y: (X, y[:-1], {}),
    "no rows": lambda y: (X[:0], y[:0], {}),
    "no numbers": lambda y: (X.astype(str).astype(object) + "x", y, {}),
    "masked values": lambda y: (np.ma.masked_less(X, -1), y, {}),
    "NaN in y": lambda y: (X, with_value(y, 3, np.nan), {}),
    "NaN in the weights": lambda y: (X, y, {"sample_weight": with_value(np.ones(60), 3, np.nan)}),
    "no weights above zero": lambda y: (X, y, {"sample_weight": np.zeros(60)}),
    "too few weights": lambda y: (X, y, {"sample_weight": np.ones(59)}),
}
WRONG_PARTS = {
    "another number of features": lambda y: (X[:, :2], y, {}),  # of those before: partial_fit alone
    "other classes": lambda y: (X, y, {"classes": [0, 1, 2, 3]}),
}
WRONG_START = {"coef_init": lambda y: (X, y, {"coef_init": np.zeros(7)})}


def state(model):
    """Return copies of all attributes, by name, as what can be compared."""
    found = {}
    for name, value in vars(model).items():
        if isinstance(value, np.random.RandomState):
            value = [np.array(part) for part in value.get_state()]
        found[name] = id(value) if name in ("_runs", "_data", "_history") else copy.deepcopy(value)
        if name == "_progress":
            found[name] = pickle.dumps(value)
    return found


def check_unchanged(model, before):
    after = state(model)
    assert after.keys() == before.keys()
    for name, value in before.items():
        assert type(after[name]) is type(value), name
        np.testing.assert_equal(after[name], value, err_msg=name)


def check_failure(model, call, errors=(ValueError, TypeError)):
    before = state(model)
    objects = {name: id(value) for name, value in vars(model).items()}
    with pytest.raises(errors):
        call()
    check_unchanged(model, before)
    assert {name: id(value) for name, value in vars(model).items()} == objects


def starts(name):
    """Yield what trains, of fitted estimators and new ones: fit, with warm_start as well, and partial_fit."""
    y = target(name)
    for fitted in (False, True):
        for warm_start in (False, True):
            model = estimator(name, warm_start=warm_start)
            yield model.fit(X, y) if fitted else model, model.fit
        if hasattr(model, "partial_fit"):
            model = estimator(name)
            classes = {"classes": [0, 1, 2]} if "Classifier" in name else {}
            yield model.partial_fit(X, y, **classes) if fitted else model, model.partial_fit


@pytest.mark.parametrize("name", ESTIMATORS)
def test_wrong_input_changes_nothing(name):
    y = target(name)
    for model, train in starts(name):
        partial, fitted = train.__name__ == "partial_fit", hasattr(model, "coef_")
        kinds = WRONG_INPUT | (WRONG_PARTS if partial and fitted else {} if partial else WRONG_START)
        for kind, wrong in kinds.items():
            about_y = "y" in kind.split() or kind in ("another number of rows", "no rows")
            if (y is None and about_y) or (kind == "other classes" and "Classifier" not in name):
                continue
            if kind == "coef_init" and name.startswith("SGDRegressor") and fitted and model.warm_start:
                continue  # scikit-learn does not look at it
            rows, labels, others = wrong(np.zeros(60) if y is None else y)
            if partial and not fitted and "Classifier" in name:
                others = others | {"classes": [0, 1, 2]}
            check_failure(model, lambda: train(rows, labels, **others))  # noqa: B023


@pytest.mark.parametrize("name", ESTIMATORS)
def test_wrong_parameters_change_nothing(name):
    y = target(name)
    for model, train in starts(name):
        if train.__name__ == "partial_fit" and hasattr(model, "coef_"):
            continue  # scikit-learn checks combinations in the first call alone
        parameters = {"learning_rate": "optimal", "alpha": 0.0} if "SGD" in name else {"learning_rate": -1.0}
        if name.startswith("SGDOneClassSVM"):
            parameters = {"nu": 2.0}
        model.set_params(**parameters)
        classes = {"classes": [0, 1, 2]} if "GDClassifier" in name and train.__name__ == "partial_fit" else {}
        check_failure(model, lambda: train(X, y, **classes))  # noqa: B023


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.startswith("SGD")])
def test_overflow_changes_nothing(name):
    y = target(name)
    for model, train in starts(name):
        fitted = hasattr(model, "coef_")
        model.set_params(learning_rate="constant", eta0=1e300)
        classes = {"classes": [0, 1, 2]} if "Classifier" in name and "partial" in train.__name__ and not fitted else {}
        check_failure(model, lambda: train(1e200 * X, y, **classes))  # noqa: B023


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.startswith("GD")])
def test_divergence_and_a_callback_that_raises_change_nothing(name):
    y = target(name)
    for model, train in starts(name):
        partial = train.__name__ == "partial_fit"
        rate = 1e200 if partial else 1e9
        model.set_params(learning_rate=rate, on_divergence="raise", epochs=500, batch_size=16)
        if name == "GDRegressor":
            check_failure(model, lambda: train(X, y), gdfast.DivergenceError)  # noqa: B023
        if partial:
            continue  # which has no callbacks
        calls = itertools.count()

        def callback(run, calls=calls):
            if next(calls) == 1:
                raise KeyboardInterrupt

        model.set_params(learning_rate=0.01, callbacks=[callback], callback_every=1)
        check_failure(model, lambda: train(X, y), KeyboardInterrupt)  # noqa: B023


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.startswith("SGD")])
@pytest.mark.parametrize("where", ["in training", "after training"])
def test_ctrl_c_changes_nothing(name, where, monkeypatch):
    """In training, of several classes after the first, or between the changes of attributes that follow."""
    y = target(name)
    module = sgd if name.startswith("SGDClassifier") else base
    whole = module.train
    for model, train in starts(name):
        calls = itertools.count(int("Classifier" not in name))

        def interrupted(*arguments, calls=calls):
            result = whole(*arguments)
            if next(calls) == 1:
                raise KeyboardInterrupt
            return result

        def half_done(self, *arguments):
            self.coef_[...] = 7.0
            self.t_ = -1.0
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            if where == "in training":
                patch.setattr(module, "train", interrupted)
            else:
                patch.setattr(type(model), "_warn_after_fit", half_done)
                if train.__name__ == "partial_fit":
                    patch.setattr(type(model), "_training_settings", half_done)
            classes = {"classes": [0, 1, 2]} if "Classifier" in name and train.__name__ == "partial_fit" else {}
            check_failure(model, lambda: train(X, y, **classes), KeyboardInterrupt)  # noqa: B023


def test_what_failed_can_be_called_again():
    """A first call that raises does not fix the classes, and the next call does what it would have done without it."""
    y = target("SGDClassifier") % 2
    model = estimator("SGDClassifier")
    with pytest.raises(ValueError, match="zero"):
        model.partial_fit(X, y, classes=[0, 1], sample_weight=np.zeros(60))
    assert not hasattr(model, "classes_")
    again = model.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(again.coef_, estimator("SGDClassifier").partial_fit(X, y, classes=[0, 1, 2]).coef_)


def test_signatures_are_scikit_learns():
    """A search routes weights by them."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    for name in ("SGDRegressor", "SGDClassifier", "SGDOneClassSVM"):
        for method in ("fit", "partial_fit", "score", "predict"):
            ours, theirs = (getattr(getattr(module, name), method, None) for module in (models, linear_model))
            if theirs is not None:
                assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
