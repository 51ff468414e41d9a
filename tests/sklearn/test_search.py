"""GridSearchCV has scikit-learn's results, and fits together what can be."""

import gc
import pickle
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn import datasets, model_selection
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, make_scorer, mean_squared_error
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import gdfast
from gdfast.sklearn import GDClassifier, GDRegressor, GridSearchCV, SGDClassifier, SGDRegressor, search, together

X, Y = datasets.make_regression(90, 4, noise=20.0, random_state=0)
THREE = np.array(["a", "b", "c"])[np.digitize(Y, np.quantile(Y, [0.3, 0.7]))]
TWO = THREE == "b"
COUNTS = np.abs(Y) // 20
SPARSE = sparse.csr_array(np.where(np.abs(X) < 0.5, 0.0, X))
L2 = {"penalty": ["l2"], "alpha": [0.01, 1.0]}


def both(estimator, grid, *data, search_options=(), **params):
    """Return the fitted searches of gdfast and of scikit-learn, for one estimator."""
    kinds = GridSearchCV, model_selection.GridSearchCV
    return [kind(clone(estimator), grid, **dict(search_options)).fit(*data, **params) for kind in kinds]


def check_equal(own, reference):
    assert own.cv_results_.keys() == reference.cv_results_.keys()
    for name, expected in reference.cv_results_.items():
        found = own.cv_results_[name]
        if name == "params":
            assert repr(found) == repr(expected)
        elif name.startswith("param_"):
            assert repr(found) == repr(expected)
            assert found.dtype == expected.dtype
        elif name.endswith("_time"):
            assert found.shape == expected.shape
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-8, err_msg=name)
    for name in ("best_params_", "best_index_", "multimetric_", "n_splits_"):
        assert hasattr(own, name) == hasattr(reference, name)
        assert repr(getattr(own, name, None)) == repr(getattr(reference, name, None)), name
    if hasattr(reference, "best_score_"):
        assert own.best_score_ == pytest.approx(reference.best_score_, rel=1e-8, nan_ok=True)
    ours_alone = {"_planned"} & set(vars(own))
    assert not ours_alone
    assert set(vars(own)) == set(vars(reference))


@pytest.fixture
def passes(monkeypatch):
    """Return a list to which each shared pass appends the number of its configurations."""
    sizes, original = [], together.fit_together

    def counted(X, y, sample_weight, configurations):
        sizes.append(len(configurations))
        return original(X, y, sample_weight, configurations)

    monkeypatch.setattr(together, "fit_together", counted)
    return sizes


@pytest.fixture
def stand_ins(monkeypatch):
    """Return a list to which each fit that scikit-learn found done appends its candidate."""
    done, original = [], search.FittedStandIn.set_params

    def counted(self, **params):
        done.append(params)
        return original(self, **params)

    monkeypatch.setattr(search.FittedStandIn, "set_params", counted)
    return done


class Counting(TransformerMixin, BaseEstimator):
    """A scaler that counts its fits."""

    fits = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Counting.fits += 1
        self.scale_ = np.abs(X).max() * self.factor
        return self

    def transform(self, X):
        return X / self.scale_


# estimator, grid, targets, shared passes with 3 folds
SINGLE = {
    "full batch": (GDRegressor(epochs=40), {**L2, "learning_rate": [0.1, 0.3]}, Y, [4] * 3),
    "SGD": (GDRegressor(batch_size=1, epochs=3, random_state=1), {"learning_rate": [0.01, 0.02]}, Y, [2] * 3),
    "several outputs": (GDRegressor(epochs=20), L2, np.column_stack([Y, -Y]), [2] * 3),
    "losses": (GDRegressor(epochs=20), {"loss": ["squared_error", "huber", "quantile"]}, Y, [3] * 3),
    "counts": (GDRegressor("poisson", epochs=20), L2, COUNTS, [2] * 3),
    "two classes": (GDClassifier(epochs=20), {**L2, "loss": ["log_loss", "hinge"]}, TWO, [4] * 3),
    "one against all": (GDClassifier(epochs=9, batch_size=8, random_state=2), L2, THREE, [2] * 9),
    "softmax": (GDClassifier("multinomial", epochs=20), L2, THREE, [2] * 3),
    "both": (GDClassifier(epochs=20), {"loss": ["log_loss", "multinomial"]}, THREE, [1] * 12),
    "class weights": (GDClassifier(epochs=20), {**L2, "class_weight": [None, "balanced", {False: 2}]}, TWO, [2] * 9),
    "grids": (GDRegressor(epochs=20), [L2, {"positive": [True]}, {"epochs": [5]}], Y, [4] * 3),
    "seeds": (
        GDRegressor(batch_size=4, epochs=2, learning_rate=0.01, random_state=np.random.RandomState(3)), L2, Y, [2] * 3
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", [X, X.astype(np.float32), SPARSE, X.tolist()], ids=["", "float32", "CSR", "list"])
@pytest.mark.parametrize("name", SINGLE)
def test_results_are_scikit_learns_and_passes_are_shared(name, data, passes, stand_ins):
    estimator, grid, y, sizes = SINGLE[name]
    own, reference = both(estimator, grid, data, y, search_options={"cv": 3, "return_train_score": True})
    check_equal(own, reference)
    assert passes == sizes
    assert len(stand_ins) == 3 * len(own.cv_results_["params"])
    np.testing.assert_allclose(own.best_estimator_.coef_, reference.best_estimator_.coef_, rtol=1e-10)
    np.testing.assert_array_equal(own.predict(data), reference.predict(data))


PIPELINES = {
    "GDRegressor": (GDRegressor(epochs=20), L2, Y),
    "GDClassifier": (GDClassifier(epochs=20), L2, THREE),
    "SGDRegressor": (SGDRegressor(max_iter=5, tol=None, random_state=0), {"alpha": [1e-3, 1.0]}, Y),
    "SGDClassifier": (SGDClassifier(max_iter=5, tol=None, random_state=0), {"alpha": [1e-3, 1.0]}, THREE),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_other_steps_of_a_pipeline_are_fitted_once_a_fold(name, stand_ins):
    last, grid, y = PIPELINES[name]
    pipeline = Pipeline([("scale", StandardScaler()), ("count", Counting()), ("model", last)])
    grid = {f"model__{key}": values for key, values in grid.items()}
    Counting.fits = 0
    own = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert Counting.fits == 3 + 1
    check_equal(own, model_selection.GridSearchCV(pipeline, grid, cv=3).fit(X, y))
    assert len(stand_ins) == 3 * 2
    assert own.best_estimator_.named_steps["count"].scale_ > 0


def test_candidates_that_change_other_steps_share_by_groups():
    pipeline = Pipeline([("count", Counting()), ("scale", StandardScaler()), ("model", GDRegressor(epochs=20))])
    grid = [
        {"count__factor": [1.0, 2.0], "model__alpha": [0.0, 1.0], "model__penalty": ["l2"]},
        {"scale": ["passthrough", MinMaxScaler()], "model": [GDRegressor(epochs=5), Ridge()], "model__alpha": [0.5]},
    ]
    Counting.fits = 0
    own = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    assert Counting.fits == 3 * (2 + 4) + 1
    check_equal(own, model_selection.GridSearchCV(pipeline, grid, cv=3).fit(X, Y))


def test_a_candidate_may_replace_all_steps():
    other = [("model", Counting()), ("last", GDRegressor(epochs=10))]
    pipeline = Pipeline([("scale", StandardScaler()), ("model", GDRegressor(epochs=10))])
    grid = [
        {"steps": [other], "model__factor": [1.0, 3.0], "last__alpha": [0.1, 1.0], "last__penalty": ["l2"]},
        {"model__penalty": ["l2"], "model__alpha": [0.1, 1.0]},
    ]
    Counting.fits = 0
    own = GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, Y)
    assert Counting.fits == 3 * 2
    check_equal(own, model_selection.GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, Y))
    np.testing.assert_array_less(own.cv_results_["split0_test_score"][2], own.cv_results_["split0_test_score"][0])


def test_a_pipeline_with_memory(tmp_path):
    pipeline = make_pipeline(Counting(), GDRegressor(epochs=20), memory=str(tmp_path))
    check_equal(*both(pipeline, {"gdregressor__penalty": ["l2"], "gdregressor__alpha": [0.1, 1.0]}, X, Y))


@pytest.mark.parametrize("estimator", [SGDRegressor(max_iter=5, tol=None, random_state=0), Ridge()], ids=str)
def test_other_estimators_are_left_to_scikit_learn(estimator, stand_ins):
    check_equal(*both(estimator, {"alpha": [0.1, 1.0]}, X, Y))
    assert not stand_ins


def test_a_subclass_is_fitted_by_its_own_method(stand_ins):
    class Shifted(GDRegressor):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y + 100.0)

    check_equal(*both(Shifted(epochs=20), L2, X, Y))
    assert not stand_ins


@pytest.mark.parametrize(
    "alone",
    [{"max_seconds": 100.0}, {"callbacks": [lambda state: False]}, {"callbacks": lambda state: state.epoch == 2}],
)
def test_what_stops_by_time_or_observes_is_fitted_alone(alone, passes, stand_ins):
    estimator = GDRegressor(epochs=20, **alone)
    check_equal(*both(estimator, L2, X, Y))
    assert not stand_ins
    grid = {f"gdregressor__{key}": values for key, values in L2.items()}
    check_equal(*both(make_pipeline(StandardScaler(), estimator), grid, X, Y))
    assert len(stand_ins) == 5 * 2  # behind a scaler that they share
    assert not [size for size in passes if size]


@pytest.mark.parametrize("refit", ["r2", False, lambda results: 1], ids=["name", "False", "callable"])
def test_several_scorers(refit):
    scoring = {"r2": "r2", "error": make_scorer(mean_squared_error, greater_is_better=False)}
    own, reference = both(
        GDRegressor(epochs=20), L2, X, Y,
        search_options={"scoring": scoring, "refit": refit, "return_train_score": True},
    )  # fmt: skip
    check_equal(own, reference)
    if refit == "r2":
        assert own.score(X, Y) == pytest.approx(reference.score(X, Y), rel=1e-8)


def test_a_callable_that_returns_several_scores():
    def scores(estimator, X, y):
        return {"accuracy": accuracy_score(y, estimator.predict(X)), "epochs": estimator.n_iter_}

    check_equal(*both(GDClassifier(epochs=20), L2, X, THREE, search_options={"scoring": scores, "refit": "accuracy"}))


def messages(caught):
    return [str(each.message) for each in caught if each.category is FitFailedWarning]


FAILING = [
    (GDRegressor(epochs=20), {"penalty": ["l2", "none"], "alpha": [0.1, -1.0]}, Y),
    (GDRegressor(epochs=20), {"learning_rate": [0.1, 50.0], "on_divergence": ["raise"]}, Y),
    (GDClassifier(epochs=20), {"loss": ["log_loss", "squared_error"]}, THREE),
    (make_pipeline(StandardScaler(), GDRegressor(epochs=20)), {"gdregressor__bounds": [None, (1.0, 0.0)]}, Y),
]


@pytest.mark.parametrize(("estimator", "grid", "y"), FAILING, ids=["values", "divergence", "loss", "pipeline"])
@pytest.mark.filterwarnings("ignore:One or more of the test scores", "ignore::gdfast.StabilityWarning")
def test_a_candidate_that_fails_gets_the_error_score_alone(estimator, grid, y):
    texts = []
    for kind in (GridSearchCV, model_selection.GridSearchCV):
        with pytest.warns(FitFailedWarning) as caught:
            texts.append((kind(estimator, grid, error_score=-5.0).fit(X, y), messages(caught)))
    (own, ours), (reference, theirs) = texts
    check_equal(own, reference)
    assert (own.cv_results_["split0_test_score"] == -5.0).any()
    assert (own.cv_results_["split0_test_score"] != -5.0).any()
    assert [text.splitlines()[:3] for text in ours] == [text.splitlines()[:3] for text in theirs]
    errors = []
    for kind in (GridSearchCV, model_selection.GridSearchCV):
        with pytest.raises((ValueError, ArithmeticError)) as error:
            kind(estimator, grid, error_score="raise").fit(X, y)
        errors.append((type(error.value), str(error.value)))
    assert errors[0] == errors[1]


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_fold_that_fails_gets_the_error_score_alone():
    y = np.repeat([0, 1], 45)
    splits = [(np.arange(30), np.arange(60, 90)), (np.arange(0, 90, 2), np.arange(1, 90, 2))]
    found = []
    for kind in (GridSearchCV, model_selection.GridSearchCV):
        with pytest.warns(FitFailedWarning, match="2 fits failed"):
            found.append(kind(GDClassifier(epochs=20), L2, cv=splits).fit(X, y))
    check_equal(*found)
    assert np.isnan(found[0].cv_results_["split0_test_score"]).all()
    assert np.isfinite(found[0].cv_results_["split1_test_score"]).all()


def test_errors_are_those_of_scikit_learn_and_the_search_can_be_used_again():
    for grid, data in (({"alhpa": [1.0]}, (X, Y)), ({"alpha": []}, (X, Y)), (L2, (X, Y[:-1]))):
        errors = []
        for kind in (GridSearchCV, model_selection.GridSearchCV):
            estimator = GDRegressor(epochs=20)
            failing = kind(estimator, grid)
            with pytest.raises(ValueError) as error:  # noqa: PT011
                failing.fit(*data)
            errors.append(str(error.value))
            assert failing.estimator is estimator
            assert "_planned" not in vars(failing)
            failing.set_params(param_grid=L2).fit(X, Y)
        assert errors[0] == errors[1]


def test_weights_that_are_passed_on():
    weights = np.linspace(0.0, 3.0, len(Y))
    check_equal(*both(GDRegressor(epochs=20), L2, X, Y, sample_weight=weights))
    grid = {f"gdregressor__{key}": values for key, values in L2.items()}
    pipeline = make_pipeline(StandardScaler(), GDRegressor(epochs=20))
    own, reference = both(pipeline, grid, X, Y, gdregressor__sample_weight=weights)
    check_equal(own, reference)
    plain = GridSearchCV(pipeline, grid).fit(X, Y)
    assert abs(plain.best_score_ - own.best_score_) > 1e-6


@pytest.mark.parametrize("kind", [GDRegressor, SGDRegressor])
def test_weights_and_groups_by_routing(kind, stand_ins):
    weights, groups = np.linspace(0.0, 3.0, len(Y)), np.arange(len(Y)) % 6
    options = {"epochs": 20} if kind is GDRegressor else {"max_iter": 5, "tol": None}
    with sklearn.config_context(enable_metadata_routing=True):
        model = kind(random_state=0, **options)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        options = {"cv": model_selection.GroupKFold(3)}
        for estimator, grid in (
            (model, {"alpha": [0.1, 1.0]}),
            (Pipeline([("scale", scaler), ("model", model)]), {"model__alpha": [0.1, 1.0]}),
        ):
            own, reference = both(estimator, grid, X, Y, search_options=options, sample_weight=weights, groups=groups)
            check_equal(own, reference)
            plain = both(estimator, grid, X, Y, search_options=options, groups=groups)
            check_equal(*plain)
            assert abs(plain[0].best_score_ - own.best_score_) > 1e-6
    assert stand_ins


def test_other_arguments_of_fit_are_passed_on():
    params = {"validation": (X[:20], Y[:20]), "coef_init": np.ones(4), "intercept_init": 2.0}
    check_equal(*both(GDRegressor(epochs=3), L2, X, Y, **params))
    check_equal(
        *both(GDRegressor(epochs=9, batch_size=8, learning_rate=0.01, random_state=0), L2, X, Y, validation=0.2)
    )


@pytest.mark.parametrize(
    ("most", "sizes"), [(2**28, [64] * 2 + [6] * 2), (16 * 100, [25] * 4 + [20] * 2), (0, [1] * 140)]
)
def test_models_that_wait_to_be_scored_take_limited_memory(most, sizes, passes, monkeypatch):
    monkeypatch.setattr(search, "MOST_BYTES", most)
    estimator, grid = GDRegressor(epochs=2), {"learning_rate": np.linspace(0.01, 0.2, 70).tolist()}
    own = GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    assert passes == sizes
    check_equal(own, model_selection.GridSearchCV(estimator, grid, cv=2).fit(X, Y))


def test_no_model_waits_longer_than_it_is_scored():
    references = []

    def alive(estimator, X, y):
        references.append(weakref.ref(estimator))
        return float(sum(reference() is not None for reference in references))

    own = GridSearchCV(GDRegressor(epochs=2), {"epochs": [1, 2, 3, 4]}, cv=3, scoring=alive, refit=False).fit(X, Y)
    gc.collect()
    assert max(own.cv_results_["split2_test_score"]) <= 3
    assert not any(reference() for reference in references)


class CountedSplits(model_selection.ShuffleSplit):
    made = 0

    def split(self, X, y=None, groups=None):
        CountedSplits.made += 1
        return super().split(X, y, groups)


def test_splits_are_made_once():
    cv = CountedSplits(3, random_state=np.random.RandomState(0))
    before = CountedSplits.made
    own = GridSearchCV(GDRegressor(epochs=20), L2, cv=cv).fit(X, Y)
    assert CountedSplits.made == before + 1
    cv = CountedSplits(3, random_state=np.random.RandomState(0))
    check_equal(own, model_selection.GridSearchCV(GDRegressor(epochs=20), L2, cv=cv).fit(X, Y))
    splits = list(model_selection.KFold(4).split(X))
    for n_jobs in (None, 2):
        cv = iter(splits)
        own = GridSearchCV(GDRegressor(epochs=20), L2, cv=cv, n_jobs=n_jobs).fit(X, Y)
        assert own.cv is cv
        check_equal(own, model_selection.GridSearchCV(GDRegressor(epochs=20), L2, cv=iter(splits)).fit(X, Y))


@pytest.mark.parametrize("n_jobs", [2, 5])
def test_jobs_make_no_difference(n_jobs):
    grid = {"penalty": ["l2"], "alpha": [0.01, 1.0, -1.0], "batch_size": [None, 8], "learning_rate": [0.01]}
    estimator = GDRegressor(epochs=5, random_state=0)
    with pytest.warns(FitFailedWarning, match="6 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        own = GridSearchCV(estimator, grid, cv=3, n_jobs=n_jobs).fit(X, Y)
    with pytest.warns(FitFailedWarning, match="6 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        check_equal(own, model_selection.GridSearchCV(estimator, grid, cv=3).fit(X, Y))


def test_the_best_estimator_is_plain_and_the_search_pickles():
    pipeline = make_pipeline(StandardScaler(), GDRegressor(epochs=20))
    for estimator, prefix in ((GDRegressor(epochs=20), ""), (pipeline, "gdregressor__")):
        own = GridSearchCV(estimator, {prefix + key: values for key, values in L2.items()})
        assert own.fit(X, Y) is own
        assert own.estimator is estimator
        assert own.scorer_._estimator is estimator
        alone = clone(estimator).set_params(**own.best_params_).fit(X, Y)
        assert vars(own.best_estimator_).keys() == vars(alone).keys()
        assert type(own.best_estimator_) is type(estimator)
        loaded = pickle.loads(pickle.dumps(own))
        np.testing.assert_array_equal(loaded.predict(X), alone.predict(X))
        assert len(pickle.dumps(own)) < 20_000
        assert clone(own).get_params()["cv"] is None


def test_scorers_see_fitted_estimators_of_the_same_class():
    def longest(estimator, X, y):
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        assert "fit" not in vars(last) | vars(estimator)
        assert type(last) is GDRegressor
        assert last.stop_reason_ is gdfast.StopReason.EPOCHS
        pickled = pickle.loads(pickle.dumps(last))
        np.testing.assert_array_equal(pickled.history_["cost"], last.history_["cost"])
        return last.history_["cost"][-1] + last.stability_.max_learning_rate

    estimator = GDRegressor(epochs=20, random_state=0)
    grid = {"batch_size": [None, 8], "learning_rate": [0.01], "standardize": [False, True]}
    check_equal(*both(estimator, grid, X, Y, search_options={"scoring": longest}))
    grid = {f"gdregressor__{key}": values for key, values in grid.items()}
    check_equal(*both(make_pipeline(StandardScaler(), estimator), grid, X, Y, search_options={"scoring": longest}))


def test_a_scorer_may_fit_again():
    def refitted(estimator, X, y):
        estimator.fit(X, y)
        return estimator.history_["cost"][-1] - gdfast.fit(X, y, epochs=20).cost

    own = GridSearchCV(GDRegressor(epochs=20, random_state=0), {"shuffle": [True, False]}, scoring=refitted).fit(X, Y)
    assert own.cv_results_["mean_test_score"].tolist() == [0.0, 0.0]
    assert not hasattr(GDRegressor(), "history_")


def test_the_history_of_an_unseeded_fit_is_its_own():
    def own_history(estimator, X, y):
        assert len(estimator.history_["cost"]) == 4
        J = gdfast.fit(
            TRAIN[0], TRAIN[1], coef_init=estimator.coef_, intercept_init=estimator.intercept_, epochs=1
        ).costs[0]  # fmt: skip
        assert estimator.history_["cost"][-1] == pytest.approx(J, rel=1e-10)
        return 0.0

    TRAIN = X[:60], Y[:60]
    estimator = GDRegressor(epochs=3, batch_size=4, learning_rate=0.01)
    splits = [(np.arange(60), np.arange(60, 90))]
    grid = {"learning_rate": [0.01, 0.02]}
    GridSearchCV(estimator, grid, cv=splits, scoring=own_history, error_score="raise").fit(X, Y)


def test_the_time_of_a_shared_fit_is_divided_among_its_candidates(monkeypatch):
    monkeypatch.setattr(together, "time", SimpleNamespace(perf_counter=iter([0.0, 6.0, 0.0, 2.0]).__next__))
    own = GridSearchCV(GDRegressor(epochs=5), L2, cv=2, refit=False).fit(X, Y)
    np.testing.assert_allclose(own.cv_results_["mean_fit_time"], [2.0, 2.0], atol=0.5)
    np.testing.assert_allclose(own.cv_results_["std_fit_time"], [1.0, 1.0], atol=0.5)


def test_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    own, reference = both(GDRegressor(epochs=20), L2, frame, Y)
    check_equal(own, reference)
    assert own.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    pipeline = make_pipeline(FunctionTransformer(), GDRegressor(epochs=20))
    check_equal(*both(pipeline, {"gdregressor__penalty": ["l2"], "gdregressor__alpha": [0.1, 1.0]}, frame, Y))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.FitFailedWarning")
def test_masked_values_are_refused():
    weights = np.ma.masked_array(np.ones(len(Y)), np.arange(len(Y)) == 3)
    with pytest.raises(ValueError, match="sample_weight has masked values"):
        GridSearchCV(GDRegressor(epochs=5), L2).fit(X, Y, sample_weight=weights)
    check_equal(*both(GDRegressor(epochs=5), L2, X, Y, search_options={"refit": False}, sample_weight=weights))


def test_an_interrupt_ends_the_search(monkeypatch):
    def interrupted(*data):
        raise KeyboardInterrupt

    estimator = GDRegressor(epochs=5)
    stopped = GridSearchCV(estimator, L2)
    with monkeypatch.context() as patched:
        patched.setattr(together, "fit_together", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(X, Y)
    assert stopped.estimator is estimator
    assert set(vars(estimator)) == set(vars(GDRegressor()))
    check_equal(stopped.fit(X, Y), model_selection.GridSearchCV(estimator, L2).fit(X, Y))


def test_another_order_of_the_fits_is_an_error(monkeypatch):
    monkeypatch.setattr(search.PlannedFits, "__sklearn_clone__", lambda self: clone(self.estimator))
    with pytest.raises(RuntimeError, match=f"{sklearn.__version__} fits candidates in an order"):
        GridSearchCV(GDRegressor(epochs=5), L2).fit(X, Y)
    with pytest.raises(RuntimeError, match="take sklearn"):
        search.FittedStandIn({"alpha": 1.0}, None).set_params(penalty="l2")
    with pytest.raises(RuntimeError, match="take sklearn"):
        search.FittedStandIn({"alpha": 1.0}, None).set_params(alpha=2.0)


def test_a_search_inside_another_search():
    inner = GridSearchCV(GDRegressor(epochs=20), L2, cv=2)
    scores = model_selection.cross_val_score(inner, X, Y, cv=3)
    reference = model_selection.GridSearchCV(GDRegressor(epochs=20), L2, cv=2)
    np.testing.assert_allclose(scores, model_selection.cross_val_score(reference, X, Y, cv=3), rtol=1e-8)
    check_equal(*both(GridSearchCV(GDRegressor(), L2, cv=2), {"estimator__epochs": [5, 20]}, X, Y))
