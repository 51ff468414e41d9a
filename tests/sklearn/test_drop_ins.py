"""SGDRegressor, SGDClassifier and SGDOneClassSVM give what scikit-learn's give."""

import pickle
import re
import signal
import threading
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn import datasets, linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import gdfast.sklearn

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "drop_ins.py"
if not SCRIPT.is_file():
    pytest.skip("the benchmarks are not beside the tests", allow_module_level=True)
spec = spec_from_file_location("gdfast_drop_ins", SCRIPT)
drop_ins = module_from_spec(spec)
spec.loader.exec_module(drop_ins)

# The number of random combinations for each estimator.
COMBINATIONS = {"SGDRegressor": 180, "SGDClassifier": 240, "SGDOneClassSVM": 40}
LOSSES = [
    (name, loss) for name in ("SGDRegressor", "SGDClassifier") for loss in getattr(linear_model, name).loss_functions
]


def left_out(combinations):
    """Return how many combinations were left out, as scikit-learn's own result moves; in the others both agree."""
    count = 0
    for number, combination in enumerate(combinations):
        theirs = drop_ins.fitted(linear_model, combination, combination.X)
        if drop_ins.agree(drop_ins.fitted(gdfast.sklearn, combination, combination.X), theirs):
            continue
        assert drop_ins.moves(combination, theirs), (number, combination.options)
        count += 1
    return count


@pytest.mark.slow_in_python
@pytest.mark.parametrize("name", COMBINATIONS)
def test_coefficients_are_scikit_learns(name):
    total = COMBINATIONS[name]
    drawn = (drop_ins.draw(name, np.random.default_rng([number, len(name)])) for number in range(total))
    assert left_out(drawn) <= 0.12 * total


def grid(name, loss, early_stopping):
    """Yield every penalty with every averaging, dense and on CSR."""
    rng = np.random.default_rng(len(loss))
    X = rng.normal(size=(90, 7))
    z = X @ rng.normal(size=7) + rng.normal(size=90)
    y = z / z.std() if name == "SGDRegressor" else np.digitize(z, [0.0])
    rows = sparse.csr_array(np.where(rng.random(X.shape) < 0.5, 0.0, X))
    for penalty, average, data in product(("l2", "l1", "elasticnet", None), (False, True, 100), (X, rows)):
        options = {
            "loss": loss, "penalty": penalty, "average": average, "early_stopping": early_stopping, "tol": 1e-3,
            "alpha": 0.05, "l1_ratio": 0.4, "learning_rate": "invscaling", "eta0": 0.05, "power_t": 0.1,
            "validation_fraction": 0.3, "n_iter_no_change": 3, "max_iter": 60, "random_state": int(rng.integers(2**31)),
        }  # fmt: skip
        yield drop_ins.Combination(name, options, data, y, None, False)


@pytest.mark.slow_in_python
@pytest.mark.parametrize("early_stopping", [True, False], ids=["score", "objective"])
@pytest.mark.parametrize(("name", "loss"), LOSSES)
def test_training_stops_where_scikit_learns_does(name, loss, early_stopping):
    """By the score on validation rows or the objective, for every penalty and averaging, on CSR as well."""
    assert left_out(grid(name, loss, early_stopping)) <= 4


@pytest.mark.parametrize("early_stopping", [True, False], ids=["score", "objective"])
@pytest.mark.parametrize(("name", "loss"), [("SGDRegressor", "huber"), ("SGDClassifier", "log_loss")])
def test_float32_stops_where_scikit_learns_does(name, loss, early_stopping):
    """The scale is folded into the coefficients at another threshold in float32, and the score knows it."""
    for combination in grid(name, loss, early_stopping):
        X = combination.X.astype(np.float32)
        if early_stopping:
            combination.options.update(alpha=0.5, power_t=0.01)  # so that the scale is folded several times
        ours, theirs = (drop_ins.fitted(module, combination, X) for module in (gdfast.sklearn, linear_model))
        # Coefficients to what float32 leaves of some hundred shrinking updates, in another order of sums on NumPy.
        assert drop_ins.agree(ours, theirs, 1e-3), combination.options


@pytest.mark.parametrize("average", [False, True, 10**6])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", COMBINATIONS)
def test_attributes_of_float32_have_scikit_learns_dtypes(name, classes, average):
    X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    y = X[:, 0] if name == "SGDRegressor" else np.arange(60) % classes
    dtypes = []
    for module in (gdfast.sklearn, linear_model):
        model = getattr(module, name)(average=average, max_iter=2, tol=None, random_state=0).fit(X, y).partial_fit(X, y)
        parts = {part: value for part, value in vars(model).items() if "coef" in part or part.endswith(("cept", "_"))}
        dtypes.append({part: value.dtype for part, value in parts.items() if isinstance(value, np.ndarray)})
    ours, theirs = dtypes
    assert len(ours) >= 2
    assert ours == {part: theirs[part] for part in ours}


@pytest.mark.slow_in_python
@pytest.mark.parametrize("number", range(40))
def test_float32_is_near_scikit_learns(number):
    name = list(COMBINATIONS)[number % 3]
    combination = drop_ins.draw(name, np.random.default_rng([number, 32]))
    options = combination.options
    options.update(tol=None, max_iter=3, learning_rate="invscaling", eta0=0.01)
    if options.get("loss") not in ("squared_error", "log_loss", None):
        options["loss"] = "squared_error"
    X = combination.X.astype(np.float32)
    ours, theirs = (drop_ins.fitted(module, combination, X) for module in (gdfast.sklearn, linear_model))
    model = getattr(gdfast.sklearn, name)(**options).fit(X, combination.y)
    assert model.coef_.dtype == np.float32
    tolerance = 1e-3 if name != "SGDOneClassSVM" else 2e-2  # rounding may put a row on the other side of a hinge's kink
    assert drop_ins.agree(ours, theirs, tolerance), options


@pytest.mark.parametrize("name", COMBINATIONS)
def test_numpy_backend_gives_the_same_coefficients(name, monkeypatch):
    """The updates in NumPy, which run without the compiled core, are the specification of the compiled ones."""
    count = 0
    for number in range(25):
        combination = drop_ins.draw(name, np.random.default_rng([number, 7]))
        combination.options["max_iter"] = min(combination.options["max_iter"], 3)
        ours = drop_ins.fitted(gdfast.sklearn, combination, combination.X)
        monkeypatch.setenv("GDFAST_BACKEND", "numpy")
        plain = drop_ins.fitted(gdfast.sklearn, combination, combination.X)
        monkeypatch.delenv("GDFAST_BACKEND")
        if not drop_ins.agree(plain, ours):
            theirs = drop_ins.fitted(linear_model, combination, combination.X)
            assert drop_ins.moves(combination, theirs), (number, combination.options)
            count += 1
    assert count <= 4


# Checks that fail for scikit-learn's own estimators, too.
WEIGHTS = "an update by a row of weight 2 is not two updates"
DECLARED = {f"check_sample_weight_equivalence_on_{kind}_data": WEIGHTS for kind in ("dense", "sparse")}


@pytest.mark.slow_in_python
@parametrize_with_checks(
    [
        gdfast.sklearn.SGDRegressor(), gdfast.sklearn.SGDClassifier(), gdfast.sklearn.SGDOneClassSVM(),
        gdfast.sklearn.GDRegressor(), gdfast.sklearn.GDClassifier(), gdfast.sklearn.GDClassifier("multinomial"),
    ],
    expected_failed_checks=lambda model: DECLARED if type(model).__name__.startswith("SGD") else {},
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_only_private_names_are_added_and_none_is_overridden(name):
    ours, theirs = getattr(gdfast.sklearn, name), getattr(linear_model, name)
    assert {attribute for attribute in set(dir(ours)) - set(dir(theirs)) if not attribute.startswith("_")} == set()
    defined = {attribute for base in ours.__mro__ if base.__module__.startswith("gdfast") for attribute in vars(base)}
    private = {attribute for attribute in defined if attribute.startswith("_") and not attribute.startswith("__")}
    assert private & set(dir(theirs)) <= {"_abc_impl"}


def two_moons():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    return X, X[:, 0] + 0.5 * X[:, 1] > 0


def test_a_negative_never_matches_in_the_score_of_log_loss():
    """Training stops early, when the positives are right."""
    X, y = two_moons()
    options = {"early_stopping": True, "loss": "log_loss", "random_state": 0, "n_iter_no_change": 2, "penalty": None}
    options |= {"learning_rate": "constant", "eta0": 0.1}
    fits = [module.SGDClassifier(**options).fit(X, y) for module in (gdfast.sklearn, linear_model)]
    assert fits[0].n_iter_ == fits[1].n_iter_
    np.testing.assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-10)


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_probabilities_are_scikit_learns_numbers(loss):
    """The same for all classes where all underflow, too."""
    fits = [module.SGDClassifier(loss=loss).fit(np.eye(3), [0, 1, 2]) for module in (gdfast.sklearn, linear_model)]
    for model in fits:
        model.coef_, model.intercept_ = np.eye(3), np.zeros(3)
    X = np.random.default_rng(0).normal(size=(50, 3)) * np.geomspace(1e-8, 1e300, 50)[:, None]
    p, expected = (model.predict_proba(X) for model in fits)
    np.testing.assert_array_equal(p, expected)
    assert (p == 1 / 3).all(axis=1).any()


def test_fit_copies_initial_coefficients_and_partial_fit_changes_them_in_place():
    X, y = two_moons()
    start, intercept = np.ones((1, 4)), np.ones(1)
    model = gdfast.sklearn.SGDClassifier(random_state=0, max_iter=3, tol=None)
    model.fit(X, y, coef_init=start, intercept_init=intercept)
    assert (start == 1).all()
    assert (intercept == 1).all()
    coef = model.coef_
    model.partial_fit(X, y)
    assert model.coef_ is coef


def test_pickles_predict_the_same():
    X, y = two_moons()
    model = gdfast.sklearn.SGDClassifier(random_state=0, max_iter=2, tol=None).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))


@pytest.mark.parametrize("backend", ["auto", "numpy"])
@pytest.mark.parametrize("layout", ["dense", "CSR"])
@pytest.mark.parametrize(
    "options",
    [{}, {"penalty": None}, {"penalty": "l1"}, {"early_stopping": True}, {"loss": "log_loss", "early_stopping": True},
     {"learning_rate": "pa1", "eta0": 0.1}, {"average": True, "early_stopping": True, "penalty": "elasticnet"}],
    ids=str,
)  # fmt: skip
def test_reports_of_the_epochs_are_scikit_learns(options, layout, backend, capsys, monkeypatch):
    """All numbers but the seconds, the norm among them, which on CSR counts the columns of the last row alone."""
    if backend != "auto":
        monkeypatch.setenv("GDFAST_BACKEND", backend)
    X, y = two_moons()
    rows = X if layout == "dense" else sparse.csr_array(np.where(X > 0.8, 0.0, X))
    reports = []
    for module in (linear_model, gdfast.sklearn):
        module.SGDClassifier(verbose=1, random_state=1, max_iter=6, tol=0.1, alpha=0.01, n_iter_no_change=2).set_params(
            **options
        ).fit(rows, y)
        lines = capsys.readouterr().out.splitlines()
        reports.append([re.sub(r"[\d.]+ seconds", "seconds", line) for line in lines])
    assert len(reports[0]) > 5
    assert reports[1] == reports[0]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"alpha": 0.0}, "alpha must be > 0"),
        ({"learning_rate": "pa1", "loss": "log_loss"}, "only works with loss"),
        ({"penalty": "elasticnet", "l1_ratio": None}, "l1_ratio must be set"),
        ({"max_iter": 0}, "max_iter"),
        ({"loss": "nonsense"}, "loss"),
    ],
    ids=str,
)
def test_invalid_parameters_raise_scikit_learns_errors(options, what):
    X, y = two_moons()
    for module in (linear_model, gdfast.sklearn):
        with pytest.raises(ValueError, match=what):
            module.SGDClassifier(**options).fit(X, y)


@pytest.mark.parametrize("module", [linear_model, gdfast.sklearn], ids=["theirs", "ours"])
def test_invalid_input_raises_scikit_learns_errors(module):
    X, y = two_moons()
    bad = X.copy()
    bad[3, 1] = np.nan
    model = module.SGDClassifier(random_state=0)
    for arguments in ((bad, y), (X, y[:-1]), (X, np.zeros(len(X))), (X[:, 0], y), (X, None)):
        with pytest.raises(ValueError):  # noqa: PT011
            module.SGDClassifier().fit(*arguments)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        module.SGDClassifier(class_weight="balanced").partial_fit(X, y, classes=[False, True])
    with pytest.raises(ValueError, match="should be False with partial_fit"):
        module.SGDClassifier(early_stopping=True).partial_fit(X, y, classes=[False, True])
    model.partial_fit(X, y, classes=[False, True])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], y)
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:, :2])
    with pytest.raises(ValueError, match="under-/overflow"):
        module.SGDRegressor(learning_rate="constant", eta0=1e250).fit(X * 1e250, X[:, 0])
    with pytest.raises(ValueError):  # noqa: PT011
        module.SGDClassifier().fit(X, y, coef_init=np.zeros((1, 3)))
    with pytest.warns(ConvergenceWarning, match="Maximum number of iteration reached before"):
        module.SGDClassifier(max_iter=1).fit(X, y)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_sparse_matrices_with_int64_indices_are_taken(name):
    """scikit-learn refuses them."""
    X, y = two_moons()
    narrow = sparse.csr_array(np.where(X > 0.5, X, 0.0))
    wide = sparse.csr_array(narrow)
    wide.indices, wide.indptr = (part.astype(np.int64) for part in (narrow.indices, narrow.indptr))
    fits = [getattr(gdfast.sklearn, name)(random_state=0, max_iter=3, tol=None).fit(rows, y) for rows in (narrow, wide)]
    np.testing.assert_array_equal(fits[1].coef_, fits[0].coef_)
    np.testing.assert_array_equal(fits[1].predict(wide), fits[0].predict(narrow))


def test_threads_share_the_classes():
    X, y = datasets.load_iris(return_X_y=True)
    options = {"random_state": 0, "max_iter": 20, "tol": None}
    alone = gdfast.sklearn.SGDClassifier(**options).fit(X, y)
    shared = gdfast.sklearn.SGDClassifier(n_jobs=2, **options).fit(X, y)
    np.testing.assert_array_equal(alone.coef_, shared.coef_)


def test_ctrl_c_stops_at_once():
    X = np.random.default_rng(0).normal(size=(20_000, 50))
    model = gdfast.sklearn.SGDRegressor(max_iter=10**6, tol=None)
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, X[:, 0])
