"""Junk for each parameter of each estimator, and for each argument of its methods: a result, or an error that names it.

scikit-learn checks the parameters of its SGD estimators, and the data of all; its errors do not name every argument.
"""

import inspect
import warnings

import pytest

models = pytest.importorskip("gdfast.sklearn")
DATA = ("X", "y", "sample_weight", "validation", "classes")
OTHERS = {"GDClassifier": {"loss": "log_loss"}, "SGDClassifier": {"loss": "log_loss"}}
METHODS = ("predict", "decision_function", "score", "predict_proba", "predict_log_proba", "score_samples")


def fitting(kind, data):
    """Return a function with the parameters of an estimator that makes and fits it."""

    def construct(**parameters):
        return kind(**parameters).fit(**data)

    construct.__signature__ = inspect.signature(kind)
    return construct


def cases(junk, name):
    """Yield an estimator, fitted with each parameter, and its methods."""
    kind = getattr(models, name)
    labelled = "Classifier" in name
    data = {"X": junk.X, "y": junk.LABELS if labelled else junk.Y}
    few = {"random_state": 0} | OTHERS.get(name, {})
    few |= {"epochs": 3, "learning_rate": 0.01} if name.startswith("GD") else {"max_iter": 5}
    yield name, lambda: fitting(kind, data), few
    for method in {"fit", "partial_fit"} & set(dir(kind)):
        right = data | ({"classes": ["no", "yes"]} if labelled and method == "partial_fit" else {})
        yield f"{name}.{method}", lambda method=method: getattr(kind(**few), method), right
    with warnings.catch_warnings(action="ignore"):
        fitted = kind(**few).fit(**data)
    for method in METHODS:
        if hasattr(fitted, method):
            yield f"{name}.{method}", lambda method=method: getattr(fitted, method), data


@pytest.mark.parametrize(
    "name", [name for name in models.__all__ if name != "GridSearchCV"]
)  # whose checks are not ours
def test_no_junk_gets_through(junk, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # for "junk" as the path of a checkpoint
    faults = junk.faults(cases(junk, name), tmp_path, {(name, argument) for argument in DATA})
    assert not faults, "\n".join(faults)


def test_no_junk_gets_through_with_several_classes(junk, monkeypatch, tmp_path):
    """Each class has a training of its own, in threads."""
    monkeypatch.chdir(tmp_path)
    data = {"X": junk.X, "y": ["a", "b", "c"] * 4}
    for name in ("GDClassifier", "SGDClassifier"):
        few = {"epochs": 3, "learning_rate": 0.01} if name.startswith("GD") else {"max_iter": 5}
        case = name, lambda name=name: fitting(getattr(models, name), data), few
        faults = junk.faults([case], tmp_path, {(name, "early_stopping")})  # scikit-learn's: too few rows for 3 classes
        assert not faults, "\n".join(faults)
