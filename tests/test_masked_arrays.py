"""Every entry point refuses an array with masked values, and takes one without as it is."""

import numpy as np
import pytest

import gdfast
from gdfast import compat, plots

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2))
Y = np.abs(X[:, 0]) + 1
TWO, THREE = (Y.mean() < Y).astype(int), np.arange(12) % 3
ONES = np.ones(12)


def masked(values, any_masked):
    """Return a masked array, with one masked value or none."""
    mask = np.zeros(np.shape(values), bool)
    mask.flat[0] = any_masked
    return np.ma.array(values, mask=mask)


RUN = gdfast.fit(X, Y, epochs=3)
CLASSIFIER = gdfast.fit(X, TWO, loss="log_loss", epochs=3)
# Each calls an entry point with one array made by m.
CALLS = {
    "fit X": lambda m: gdfast.fit(m(X), Y, epochs=2),
    "fit a list of rows": lambda m: gdfast.fit(list(m(X)), Y, epochs=2),
    "fit y": lambda m: gdfast.fit(X, m(Y), epochs=2),
    "fit several y": lambda m: gdfast.fit(X, m(X), epochs=2),
    "fit labels": lambda m: gdfast.fit(X, m(TWO), loss="log_loss", epochs=2),
    "fit classes": lambda m: gdfast.fit(X, m(THREE), loss="multinomial", epochs=2),
    "fit sample_weight": lambda m: gdfast.fit(X, Y, sample_weight=m(ONES), epochs=2),
    "fit coef_init": lambda m: gdfast.fit(X, Y, coef_init=m(np.zeros(2)), epochs=2),
    "fit bounds": lambda m: gdfast.fit(X, Y, bounds=(m(np.zeros(2)), 1.0), epochs=2, learning_rate=0.1),
    "fit penalty_factors": lambda m: gdfast.fit(X, Y, penalty="l2", alpha=0.1, penalty_factors=m(np.ones(2)), epochs=2),
    "fit learning_rate": lambda m: gdfast.fit(X, Y, learning_rate=m(np.full(2, 0.1)), epochs=2),
    "fit in closed form": lambda m: gdfast.fit(m(X), Y, solver="closed_form", epochs=2),
    "fit standardized": lambda m: gdfast.fit(m(X), Y, standardize=True, epochs=2),
    "validation X": lambda m: gdfast.fit(X, Y, validation=(m(X), Y), epochs=2),
    "validation y": lambda m: gdfast.fit(X, Y, validation=(X, m(Y)), epochs=2),
    "validation labels": lambda m: gdfast.fit(X, TWO, loss="log_loss", validation=(X, m(TWO)), epochs=2),
    "validation weights": lambda m: gdfast.fit(X, Y, validation=(X, Y, m(ONES)), epochs=2),
    "predict": lambda m: RUN.predict(m(X)),
    "decision": lambda m: RUN.decision(m(X)),
    "predict_proba": lambda m: CLASSIFIER.predict_proba(m(X)),
    "score X": lambda m: RUN.score(m(X), Y),
    "score y": lambda m: RUN.score(X, m(Y)),
    "score labels": lambda m: CLASSIFIER.score(X, m(TWO)),
    "score sample_weight": lambda m: RUN.score(X, Y, m(ONES)),
    "resume X": lambda m: RUN.resume(2, m(X), Y),
    "resume y": lambda m: RUN.resume(2, X, m(Y)),
    "stability X": lambda m: gdfast.stability(m(X)),
    "stability y": lambda m: gdfast.stability(X, m(Y), loss="poisson"),
    "stability sample_weight": lambda m: gdfast.stability(X, sample_weight=m(ONES)),
    "minimize": lambda m: gdfast.minimize(lambda x: (x**2).sum(), m(np.ones(2)), learning_rate=0.1, steps=2),
    "linear_regression": lambda m: compat.linear_regression(X, m(Y), 2, 0.01),
    "rmse": lambda m: compat.rmse(m(X), Y, [1.0, 1.0], 1.0),
    "gradient_descent": lambda m: compat.gradient_descent(m(X), Y, init=np.zeros(3)),
    "gradient_descent init": lambda m: compat.gradient_descent(X, Y, init=m(np.zeros(3))),
    "compat predict": lambda m: compat.predict(m(X[:, 0]), 1.0, 1.0),
    "loss": lambda m: compat.loss(X[:, 0], m(Y), 1.0, 1.0),
    "gradient": lambda m: compat.gradient(m(X[:, 0]), Y, 1.0, 1.0),
    "train": lambda m: compat.train(m(X[:, 0]), Y, 2, 0.01),
}
DRAWN = {
    "predictions": lambda m: plots.predictions(m(Y), Y),
    "fitted_line": lambda m: plots.fitted_line(m(X[:, 0]), Y, 1.0, 1.0),
}
ESTIMATORS = ("GDRegressor", "GDClassifier", "SGDRegressor", "SGDClassifier", "SGDOneClassSVM")


def estimator(name):
    models = pytest.importorskip("gdfast.sklearn")
    options = {"epochs": 2} if name.startswith("GD") else {"max_iter": 2, "tol": None}
    return getattr(models, name)(**options)


def calls_of(name):
    """Return what calls the methods of an estimator, each with one array made by m."""
    y = Y if "Regressor" in name else TWO
    model = estimator(name)
    if name == "SGDClassifier":
        model.set_params(loss="log_loss", learning_rate="constant")
    model.fit(X, y)
    methods = ("predict", "decision_function", "predict_proba", "predict_log_proba", "score_samples")
    calls = {
        method: lambda m, method=method: getattr(model, method)(m(X)) for method in methods if hasattr(model, method)
    }
    coef = np.zeros(2)
    for method in ("fit", "partial_fit", "score"):
        if hasattr(model, method):
            call = getattr(model, method)
            calls[f"{method} X"] = lambda m, call=call: call(m(X), y)
            if name != "SGDOneClassSVM":
                calls[f"{method} y"] = lambda m, call=call: call(X, m(y))
                calls[f"{method} y by name"] = lambda m, call=call: call(X=X, y=m(y))
            calls[f"{method} sample_weight"] = lambda m, call=call: call(X, y, sample_weight=m(ONES))
    calls["coef_init"] = lambda m: model.fit(X, y, coef_init=m(coef))
    if name.startswith("GD"):
        for part in range(3):
            calls[f"validation {part}"] = lambda m, part=part: model.fit(
                X, y, validation=[m(value) if i == part else value for i, value in enumerate((X, y, ONES))]
            )
    if name == "SGDClassifier":
        calls["classes"] = lambda m: estimator(name).partial_fit(X, y, classes=m([0, 1]))
    if name == "SGDOneClassSVM":
        calls["fit_predict"] = lambda m: estimator(name).fit_predict(m(X))
    return calls


def check(call):
    with pytest.raises(ValueError, match="masked values, and must have none"):
        call(lambda values: masked(values, True))
    call(lambda values: masked(values, False))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_masked_values_are_refused(call):
    check(call)


@pytest.mark.parametrize("call", DRAWN.values(), ids=DRAWN)
def test_pictures_refuse_masked_values(call):
    pytest.importorskip("matplotlib").use("Agg")
    check(call)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_refuse_masked_values(name):
    calls = calls_of(name)
    assert len(calls) >= 7
    for call in calls.values():
        check(call)


def test_an_array_without_masked_values_is_its_data():
    whole = masked(X, False)
    np.testing.assert_array_equal(gdfast.fit(whole, masked(Y, False), epochs=3).coef, RUN.coef)
    assert not whole.mask.any()
