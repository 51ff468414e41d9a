"""GDRegressor and GDClassifier: gdfast.fit as scikit-learn estimators, and in scikit-learn's tools."""

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsOneClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdfast
from gdfast.sklearn import GDClassifier, GDRegressor, SGDClassifier, SGDRegressor

IRIS, LABELS = datasets.load_iris(return_X_y=True)
IRIS = (IRIS - IRIS.mean(axis=0)) / IRIS.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[LABELS]
DIABETES, TARGET = datasets.load_diabetes(return_X_y=True)
TWO = IRIS[LABELS > 0], NAMES[LABELS > 0]


@pytest.mark.parametrize("options", [{}, {"batch_size": 16}, {"batch_size": 1, "average": True}], ids=str)
def test_a_regressor_is_a_run(options):
    weights = np.linspace(0.5, 2.0, len(TARGET))
    model = GDRegressor(epochs=30, random_state=3, **options).fit(DIABETES, TARGET, sample_weight=weights)
    run = gdfast.fit(
        DIABETES, TARGET, epochs=30, seed=3, sample_weight=weights, history="objective", **options
    )  # fmt: skip
    np.testing.assert_array_equal(model.coef_, run.coef)
    assert model.intercept_ == run.intercept
    np.testing.assert_array_equal(model.history_["cost"], run.costs)
    assert model.stop_reason_ is gdfast.StopReason.EPOCHS
    assert model.n_iter_ == 30
    np.testing.assert_array_equal(model.predict(DIABETES), run.predict(DIABETES))
    assert (
        model.stability_.max_learning_rate
        == gdfast.stability(DIABETES, TARGET, sample_weight=weights).max_learning_rate
    )


def test_several_outputs_sparse_data_and_float32():
    Y = np.column_stack([TARGET, -TARGET])
    model = GDRegressor(epochs=50).fit(sparse.csr_array(DIABETES.astype(np.float32)), Y)
    assert model.coef_.shape == (2, 10)
    assert model.coef_.dtype == np.float32
    assert model.predict(DIABETES.astype(np.float32)).shape == Y.shape
    rates = GDRegressor("poisson", epochs=200).fit(IRIS, LABELS)
    assert (rates.predict(IRIS) > 0).all()


def test_classes_one_by_one_and_all_at_once():
    apart = GDClassifier(epochs=300).fit(IRIS, NAMES)
    assert apart.coef_.shape == (3, 4)
    assert len(apart.history_) == len(apart.stop_reason_) == 3
    for i, name in enumerate(apart.classes_):
        np.testing.assert_array_equal(apart.coef_[i], gdfast.fit(IRIS, name == NAMES, loss="log_loss", epochs=300).coef)
    together = GDClassifier("multinomial", epochs=300).fit(IRIS, NAMES)
    run = gdfast.fit(IRIS, NAMES, loss="multinomial", epochs=300)
    np.testing.assert_array_equal(together.coef_, run.coef)
    np.testing.assert_array_equal(together.predict(IRIS), run.predict(IRIS))
    for model in (apart, together):
        p = model.predict_proba(IRIS)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(IRIS)), p)
        assert model.score(IRIS, NAMES) > 0.85
        assert (model.classes_[p.argmax(axis=1)] == model.predict(IRIS)).all()


def test_two_classes_have_one_row():
    model = GDClassifier(epochs=100, class_weight="balanced").fit(*TWO)
    assert model.coef_.shape == (1, 4)
    assert model.intercept_.shape == (1,)
    assert model.decision_function(TWO[0]).shape == (100,)
    soft = GDClassifier("multinomial", epochs=100).fit(*TWO)
    assert soft.coef_.shape == (2, 4)
    np.testing.assert_allclose(soft.predict_proba(TWO[0])[:, 1], 1 / (1 + np.exp(-soft.decision_function(TWO[0]))))
    with pytest.raises(AttributeError, match="predict_proba"):
        GDClassifier("hinge").fit(*TWO).predict_proba(TWO[0])


def test_validation_and_the_best_weights():
    for loss in ("log_loss", "multinomial"):
        model = GDClassifier(loss, epochs=200, patience=5, restore_best=True, random_state=0, batch_size=8)
        model.fit(IRIS, NAMES, validation=(IRIS[::3], NAMES[::3]))
        history = model.history_[0] if loss == "log_loss" else model.history_
        assert "validation_cost" in history
        model.fit(IRIS, NAMES, validation=0.2)
        with pytest.raises(ValueError, match="tulip"):
            model.fit(IRIS, NAMES, validation=(IRIS[:1], ["tulip"]))


def test_a_warm_start_resumes():
    once = GDRegressor(epochs=60, solver="loop").fit(DIABETES, TARGET)
    model = GDRegressor(epochs=30, solver="loop", warm_start=True).fit(DIABETES, TARGET).fit(DIABETES, TARGET)
    np.testing.assert_allclose(model.coef_, once.coef_, rtol=1e-12)
    for loss in ("log_loss", "multinomial"):
        GDClassifier(loss, epochs=3, warm_start=True).fit(IRIS, NAMES).fit(IRIS, NAMES)
        GDClassifier(loss, epochs=3, warm_start=True).fit(*TWO).fit(*TWO)


def test_errors_name_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="number of classes has to be greater than one"):
        GDClassifier().fit(IRIS, np.zeros(len(IRIS)))
    with pytest.raises(ValueError, match="loss='squared_error' is not"):
        GDClassifier("squared_error").fit(IRIS, NAMES)
    with pytest.raises(ValueError, match="take one each"):
        GDClassifier(checkpoint=tmp_path / "c.npz").fit(IRIS, NAMES)
    if gdfast.backends.available()["numba"] is None:
        with pytest.raises(ValueError, match="takes the outputs of a row together"):
            gdfast.fit(IRIS, NAMES, loss="multinomial", backend="numba")
    with pytest.raises(AttributeError, match="needs the data of a fit"):
        GDRegressor().stability_  # noqa: B018


ESTIMATORS = [SGDClassifier(random_state=0), GDClassifier(epochs=100), GDClassifier("multinomial", epochs=100)]


@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
@pytest.mark.parametrize("model", ESTIMATORS, ids=str)
def test_scikit_learns_tools_take_them(model, tmp_path):
    search = GridSearchCV(model, {"alpha": [1e-4, 1e-2], "penalty": ["l2"]}, cv=3, n_jobs=2).fit(IRIS, NAMES)
    assert search.best_score_ > 0.8
    columns = ColumnTransformer([("scaled", StandardScaler(), [0, 1]), ("kept", "passthrough", [2, 3])])
    assert make_pipeline(columns, model).fit(IRIS, NAMES).score(IRIS, NAMES) > 0.8
    assert CalibratedClassifierCV(model, cv=3).fit(IRIS, NAMES).predict_proba(IRIS).shape == (150, 3)
    assert min(cross_validate(model, IRIS, NAMES, cv=3, n_jobs=2)["test_score"]) > 0.7
    assert OneVsOneClassifier(model).fit(IRIS, NAMES).score(IRIS, NAMES) > 0.8
    assert BaggingClassifier(model, n_estimators=3, random_state=0).fit(IRIS, NAMES).score(IRIS, NAMES) > 0.8
    assert SelectFromModel(model, max_features=2).fit(IRIS, NAMES).transform(IRIS).shape == (150, 2)
    model.fit(IRIS, NAMES)
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(IRIS), model.predict(IRIS))
    assert "html" in model._repr_html_().lower()


def test_column_names_are_checked():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(IRIS, columns=["a", "b", "c", "d"])
    for model in (SGDRegressor(random_state=0), GDRegressor(epochs=10)):
        model.fit(frame, LABELS)
        assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
        renamed = frame.rename(columns={"a": "z"})
        with pytest.raises(ValueError, match="feature names"):
            model.predict(renamed)
