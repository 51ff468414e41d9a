"""Probabilities and scores of a Run, against scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, softmax

import gdfast
from gdfast.formulas.losses import LOSSES

RNG = np.random.default_rng(8)
X = RNG.normal(size=(80, 3))
Z = X @ [1.0, -1.0, 0.3]
WEIGHTS = RNG.integers(0, 3, 80).astype(float)
THREE = np.array(["x", "y", "z"])[np.digitize(Z + RNG.normal(size=80), (-0.5, 0.5))]
TWO = np.where(Z + RNG.normal(size=80) > 0, "up", "down")
COUNTS = RNG.poisson(np.exp(Z / 2)).astype(float)


def test_probabilities_are_those_of_the_linear_predictor():
    run = gdfast.fit(X, TWO, loss="log_loss", epochs=50)
    np.testing.assert_allclose(run.predict_proba(X)[:, 1], expit(run.decision(X)), rtol=1e-15)
    run = gdfast.fit(X, TWO, loss="modified_huber", epochs=50)
    np.testing.assert_allclose(run.predict_proba(X)[:, 1], (np.clip(run.decision(X), -1, 1) + 1) / 2, atol=1e-15)
    run = gdfast.fit(X, THREE, loss="multinomial", epochs=50)
    assert run.coef.shape == (3, 3)
    np.testing.assert_allclose(run.predict_proba(X), softmax(run.decision(X), axis=1), rtol=1e-14)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.probabilities])
def test_probabilities_are_in_the_order_of_the_classes_and_never_underflow_together(loss):
    run = gdfast.fit(X, THREE if LOSSES[loss].coupled else TWO, loss=loss, epochs=50)
    for values in (X, 1e6 * X, sp.csr_array(X)):
        p = run.predict_proba(values)
        assert p.shape == (80, len(run.classes))
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
        np.testing.assert_array_equal(run.classes[p.argmax(axis=1)], run.predict(values))


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.probabilities])
def test_other_losses_give_none(loss):
    run = gdfast.fit(X, TWO if LOSSES[loss].classification else COUNTS + 1, loss=loss, epochs=2)
    with pytest.raises(AttributeError, match=rf"loss='{loss}' gives no.*log_loss or modified_huber or multinomial"):
        run.predict_proba(X)


def test_a_custom_loss_gives_none_and_is_scored_as_a_regression():
    run = gdfast.fit(X, Z, loss=gdfast.Loss(lambda y, z: (z - y) ** 2, lambda y, z: 2 * (z - y)), epochs=50)
    with pytest.raises(AttributeError, match="loss='custom' gives no probabilities"):
        run.predict_proba(X)
    assert run.score(X, Z) == pytest.approx(1 - np.sum((run.predict(X) - Z) ** 2) / np.sum((Z - Z.mean()) ** 2))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_scores_are_those_of_scikit_learn(weights):
    metrics = pytest.importorskip("sklearn.metrics")
    several = np.column_stack([Z, 3 - Z + RNG.normal(size=80)])
    for y, loss in ((Z, "huber"), (several, "squared_error"), (Z, "quantile")):
        run = gdfast.fit(X, y, loss=loss, epochs=20)
        expected = metrics.r2_score(y, run.predict(X), sample_weight=weights)
        assert run.score(X, y, weights) == pytest.approx(expected, rel=1e-12)
    for y, loss in ((TWO, "hinge"), (THREE, "multinomial"), (Z > 0, "log_loss")):
        run = gdfast.fit(X, y, loss=loss, epochs=20)
        expected = metrics.accuracy_score(y, run.predict(X), sample_weight=weights)
        assert run.score(X, y, weights) == pytest.approx(expected, rel=1e-14)
    for loss, power, c in (("poisson", 1, None), ("gamma", 2, None), ("tweedie", 1.5, None), ("tweedie", 1.2, 1.2)):
        y = COUNTS + (loss == "gamma")
        run = gdfast.fit(X, y, loss=loss, loss_parameter=c, epochs=20)
        expected = metrics.d2_tweedie_score(y, run.predict(X), sample_weight=weights, power=power)
        assert run.score(X, y, weights) == pytest.approx(expected, rel=1e-12)


def test_a_constant_target_scores_one_or_zero():
    zero = gdfast.fit(X, np.zeros(80), epochs=2)
    assert zero.score(X, np.zeros(80)) == 1.0
    assert zero.score(X, np.ones(80)) == 0.0
    assert gdfast.fit(X, np.zeros(80), loss="poisson", epochs=2).score(X, np.zeros(80)) == 0.0


def test_one_row_has_no_r2():
    run = gdfast.fit(X, Z, epochs=2)
    with pytest.warns(RuntimeWarning, match="fewer than two rows") as caught:
        assert np.isnan(run.score(X[:1], Z[:1]))
    assert caught[0].filename == __file__


def test_labels_that_the_fit_had_not_are_wrong_but_not_all_of_them_may_be():
    run = gdfast.fit(X, TWO, loss="log_loss", epochs=20)
    y = run.predict(X).copy().astype(object)
    y[:20] = "sideways"
    assert run.score(X, y) == 0.75
    with pytest.raises(ValueError, match="y holds none of the labels 'down', 'up'"):
        run.score(X, np.arange(80))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Z[:5]), r"y has shape \(5,\)"),
        ((X[:, :2], Z), "X has 2 features, and this Run was fitted on 3"),
        ((X, np.column_stack([Z, Z])), "y has 2 columns, and this Run 1 outputs"),
        ((X, Z, -np.ones(80)), "sample_weight holds -1"),
        ((X, np.where(Z > 0, np.nan, Z)), "y holds nan"),
    ],
)
def test_what_cannot_be_scored(arguments, message):
    with pytest.raises(ValueError, match=message):
        gdfast.fit(X, Z, epochs=2).score(*arguments)


def test_targets_of_a_score_are_those_that_the_loss_knows():
    with pytest.raises(ValueError, match=r"y holds -.*poisson"):
        gdfast.fit(X, COUNTS, loss="poisson", epochs=2).score(X, -COUNTS - 1)


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), "NA"])
def test_missing_labels_are_refused_and_not_counted_as_wrong(missing):
    if missing == "NA":
        pd = pytest.importorskip("pandas")
        y, run = pd.array([pd.NA, *TWO[1:]], dtype="string"), gdfast.fit(X, TWO, loss="log_loss", epochs=2)
    elif missing is None:
        y, run = np.array([None, *TWO[1:]], dtype=object), gdfast.fit(X, TWO, loss="log_loss", epochs=2)
    else:
        numbers = np.digitize(Z, (-0.5, 0.5)).astype(float)
        y, run = np.array([missing, *numbers[1:]]), gdfast.fit(X, numbers, loss="multinomial", epochs=2)
    with pytest.raises(ValueError, match=r"^y holds missing or infinite labels"):
        run.score(X, y)
    with pytest.raises(ValueError, match=r"^validation: y holds missing or infinite labels"):
        gdfast.fit(X, TWO, loss="log_loss", validation=(X, y))
