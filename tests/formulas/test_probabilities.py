"""Probabilities agree with the predicted class, at every decision, and classes that underflow are still different."""

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp

import gdfast
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.probabilities import agreeing, log_one_against_all, predicted_classes

SIZES = [1e-300, 1e-17, 1e-8, 1.0, 20.0, 50.0, 800.0, 1e4, 1e300]
WITH_PROBABILITIES = [name for name, loss in LOSSES.items() if loss.probabilities]


def decisions(size, k):
    """Return decisions of a size for k classes: of either sign, near each other and not."""
    rng = np.random.default_rng(k)
    spread, near = rng.uniform(-1, 1, (300, k)), 1 + 1e-15 * rng.integers(0, 5, (300, k))
    return size * np.concatenate([spread, -np.abs(spread), np.abs(spread), near, -near])


def test_logarithms_are_those_of_normalised_probabilities():
    Z = decisions(3.0, 4)
    p = 1 / (1 + np.exp(-Z))
    np.testing.assert_allclose(
        np.exp(log_one_against_all(LOSSES["log_loss"], Z)), p / p.sum(axis=1)[:, None], rtol=1e-14
    )
    far = log_expit(Z * 1e5)
    far -= far.max(axis=1, keepdims=True)
    expected = far - logsumexp(far, axis=1, keepdims=True)
    np.testing.assert_allclose(log_one_against_all(LOSSES["log_loss"], Z * 1e5), expected, rtol=1e-14, atol=1e-15)


def test_classes_without_probability_are_equal():
    logs = log_one_against_all(LOSSES["modified_huber"], np.array([[-2.0, -3.0, -1.0], [-2.0, 1.0, 0.0]]))
    np.testing.assert_allclose(np.exp(logs), [[1 / 3, 1 / 3, 1 / 3], [0, 2 / 3, 1 / 3]], rtol=1e-15)


def test_only_the_predicted_class_is_changed_and_only_where_it_is_not_the_largest():
    p = np.array([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75]])
    result = agreeing(p, np.array([0, 1, 1]))
    np.testing.assert_array_equal(result, [[0.5, 0.5], [0.5, np.nextafter(0.5, 1)], [0.25, 0.75]])
    assert p[1, 1] == 0.5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("loss", WITH_PROBABILITIES)
def test_a_runs_most_probable_class_is_the_predicted_one(loss, size, dtype):
    k = 3 if LOSSES[loss].coupled else 1
    start = {"coef_init": np.eye(3) if k == 3 else np.ones(3), "learning_rate": 1e-300, "fit_intercept": False}
    run = gdfast.fit(np.eye(3), [0, 1, 2] if k == 3 else [0, 1, 1], loss=loss, epochs=1, **start)
    X = np.clip(decisions(size, 3), -1e37, 1e37).astype(dtype) if dtype == "float32" else decisions(size, 3)
    p = run.predict_proba(X)
    assert np.isfinite(p).all()
    assert p.max() <= 1
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(run.classes[p.argmax(axis=1)], run.predict(X))


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("loss", WITH_PROBABILITIES)
def test_a_classifiers_most_probable_class_is_the_predicted_one(loss, size, k):
    models = pytest.importorskip("gdfast.sklearn")
    model = models.GDClassifier(loss, epochs=1).fit(np.eye(k), np.arange(k))
    model.coef_ = np.eye(k)[len(model.coef_) - k :] if len(model.coef_) == k else np.ones((1, k))
    model.intercept_ = np.zeros(len(model.coef_))
    X = decisions(size, k)
    p, logs = model.predict_proba(X), model.predict_log_proba(X)
    assert np.isfinite(p).all()
    assert p.max() <= 1
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    for values in (p, logs):
        np.testing.assert_array_equal(model.classes_[values.argmax(axis=1)], model.predict(X))
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(np.exp(logs), p, rtol=1e-9, atol=1e-300)


def test_predicted_classes():
    assert predicted_classes(np.array([-1.0, 0.0, 1e-300])).tolist() == [0, 0, 1]
    assert predicted_classes(np.array([[1.0, 1.0], [0.0, 1.0]])).tolist() == [0, 1]
