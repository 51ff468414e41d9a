"""y, weights and starts: what is taken, what is refused, and that the caller's arrays are left alone."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import gdfast
from gdfast.data.problem import make_problem

X = np.array([[1.0, 2], [3, 4], [5, 7], [0, 1]])
Y = np.array([1.0, 2.0, 0.0, 5.0])
REGRESSIONS = ["squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile", "poisson"]
CLASSIFICATIONS = ["log_loss", "hinge", "squared_hinge", "modified_huber", "perceptron"]
EARLY, LATE = datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)


def fit(X=X, y=Y, **options):
    return gdfast.fit(X, y, **{"epochs": 5, "learning_rate": 0.01, "seed": 0, "backend": "numpy", **options})


def same(run, other):
    return np.array_equal(run.coef, other.coef) and np.array_equal(run.intercept, other.intercept)


def series(values, dtype=None):
    return pytest.importorskip("pandas").Series(values, dtype=dtype)


def polars(values, dtype=None):
    return pytest.importorskip("polars").Series(values, dtype=getattr(pytest.importorskip("polars"), dtype or "", None))


def sparse(values):
    return pytest.importorskip("scipy.sparse").csr_matrix(values)


SAME_VECTOR = {
    "list": lambda: Y.tolist(),
    "tuple": lambda: tuple(Y),
    "column": lambda: Y[:, None],
    "float32": lambda: Y.astype("f4"),
    "big-endian": lambda: Y.astype(">f8"),
    "strided": lambda: np.repeat(Y, 2)[::2],
    "backwards": lambda: Y[::-1].copy()[::-1],
    "Fractions": lambda: [Fraction(int(value)) for value in Y],
    "Decimals": lambda: [Decimal(int(value)) for value in Y],
    "matrix": lambda: Y[:, None].view(np.matrix),
    "pandas": lambda: series(Y, "float64"),
    "pandas index is no order": lambda: series(Y).set_axis([3, 2, 1, 0]),
    "pandas Int64": lambda: series([1, 2, 0, 5], "Int64"),
    "pandas Float64": lambda: series(Y, "Float64"),
    "pandas Categorical numbers": lambda: series([1, 2, 0, 5], "category"),
    "pandas frame": lambda: series(Y).to_frame(),
    "polars": lambda: polars(Y),
    "polars frame": lambda: polars(Y).to_frame(),
}


@pytest.mark.parametrize("name", SAME_VECTOR)
def test_the_same_targets_or_weights_in_any_form_give_the_same_run(name):
    assert same(fit(y=SAME_VECTOR[name]()), fit())
    assert same(fit(sample_weight=SAME_VECTOR[name]()), fit(sample_weight=Y))


def test_one_column_is_one_target_and_more_are_more():
    one = fit(y=Y[:, None])
    assert one.coef.shape == (2,)
    assert isinstance(one.intercept, float)
    two = fit(y=np.column_stack([Y, -Y]))
    assert two.coef.shape == (2, 2)
    assert np.array_equal(two.coef[0], -two.coef[1])
    assert two.intercept.shape == (2,)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_one_row_is_data(batch_size):
    run = fit(X[:1], Y[:1], batch_size=batch_size, epochs=99, learning_rate=0.2)
    assert run.predict(X[:1]) == pytest.approx(Y[:1])


BAD_VECTOR = {
    "NaN": (ValueError, lambda: [1, 2, np.nan, 3], "nan at 2"),
    "infinity": (ValueError, lambda: [1, 2, np.inf, 3], "inf at 2"),
    "None inside": (ValueError, lambda: [1, None, 2, 3], "nan at 1"),
    "large integer": (ValueError, lambda: [10**400, 1, 2, 3], "too large"),
    "short": (ValueError, lambda: Y[:3], r"shape \(3,\).*\(4,\)"),
    "empty": (ValueError, list, r"shape \(0,\).*\(4,\)"),
    "row": (ValueError, lambda: Y[None], r"shape \(1, 4\).*\(4,\)"),
    "no columns": (ValueError, lambda: np.empty((4, 0)), r"shape \(4, 0\).*\(4,\)"),
    "3-d": (ValueError, lambda: Y[:, None, None], r"shape \(4, 1, 1\)"),
    "scalar": (ValueError, lambda: 1.0, r"shape \(\)"),
    "ragged": (ValueError, lambda: [1, [2], 3, 4], "ragged"),
    "string": (TypeError, lambda: "abcd", "'abcd'"),
    "strings": (TypeError, lambda: ["1", "2", "3", "4"], "strings"),
    "dates": (TypeError, lambda: [EARLY, LATE] * 2, "a date"),
    "complex": (TypeError, lambda: Y + 0j, "complex"),
    "function": (TypeError, lambda: len, "built-in function"),
    "generator": (TypeError, lambda: (value for value in Y), "make a list"),
    "set": (TypeError, lambda: set(Y), "make a list"),
    "masked": (ValueError, lambda: np.ma.array(Y, mask=Y > 4), "masked"),
    "masked inside": (ValueError, lambda: [1.0, np.ma.masked, 2.0, 3.0], "masked"),
    "sparse": (TypeError, lambda: sparse(Y), "toarray"),
    # pandas makes floats of whole numbers and NA since 2.2, objects before.
    "pandas NA": ((ValueError, TypeError), lambda: series([1, None, 2, 3], "Int64"), "nan at 1|NA.*fill"),
    "pandas strings": (TypeError, lambda: series(list("abcd")), "a str|strings"),
    "polars null": (ValueError, lambda: polars([1, None, 2, 3]), "nan at 1"),
    "polars dates": (TypeError, lambda: polars([EARLY] * 4), "dates"),
}


@pytest.mark.parametrize("name", BAD_VECTOR)
def test_bad_targets_and_weights_are_refused_by_name(name):
    error, make, words = BAD_VECTOR[name]
    with pytest.raises(error, match=f"^y.*({words})"):
        fit(y=make())
    with pytest.raises(error, match=f"^sample_weight.*({words})"):
        fit(sample_weight=make())


@pytest.mark.parametrize("weights", [[1, -1, 1, 1], [-1e-300, 1, 1, 1], [0, 0, 0, 0], [-0.0] * 4, np.ones((4, 2))])
def test_weights_must_weigh(weights):
    with pytest.raises(ValueError, match=r"^sample_weight .*(negative|positive|shape)"):
        fit(sample_weight=weights)


def test_y_is_required():
    with pytest.raises(TypeError, match=r"^y=None"):
        fit(y=None)


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1.0, 1e300, 1.7e308])
def test_weights_matter_up_to_their_scale(scale):
    weights = make_problem(X, Y, "squared_error", np.full(4, scale)).weights
    assert np.array_equal(weights, np.ones(4))


def test_a_whole_weight_is_a_repeated_row_and_zero_is_none():
    weighted = fit(sample_weight=[2, 1, 0, 1])
    repeated = fit(X[[0, 0, 1, 3]], Y[[0, 0, 1, 3]])
    assert np.allclose(weighted.coef, repeated.coef, rtol=1e-13)
    assert weighted.cost == pytest.approx(repeated.cost, rel=1e-13)


@pytest.mark.parametrize("loss", REGRESSIONS)
def test_the_domain_of_y(loss):
    if loss == "poisson":
        with pytest.raises(ValueError, match=r"^y holds -1.*poisson.*at least 0"):
            fit(y=[1, 2, -1, 0], loss=loss)
    else:
        assert np.isfinite(fit(y=-Y, loss=loss).cost)
    if loss not in ("squared_error", "huber"):
        with pytest.raises(ValueError, match=r"^y has 2 columns.*squared_error, huber"):
            fit(y=np.column_stack([Y, Y]), loss=loss)


LABELS = {
    "strings": (["a", "b"], list),
    "a column of strings": (["a", "b"], lambda labels: [[label] for label in labels]),
    "objects": (["a", "b"], lambda labels: np.array(labels, dtype=object)),
    "bytes": ([b"a", b"b"], list),
    "bools": ([False, True], list),
    "ints": ([0, 1], list),
    "signs": ([-1, 1], np.array),
    "big-endian": ([3, 7], lambda labels: np.array(labels, ">i2")),
    "floats": ([0.5, 1.5], list),
    "float16": ([0.5, 1.5], lambda labels: np.array(labels, "f2")),
    "int and float": ([1, 2.5], list),
    "large ints": ([1, 10**400], list),
    "Fractions": ([Fraction(1, 3), Fraction(1, 2)], list),
    "dates": ([EARLY, LATE], list),
    "NumPy dates": ([EARLY, LATE], lambda labels: np.array(labels, "M8[D]")),
    "tuple": (["a", "b"], tuple),
    "matrix": ([0, 1], lambda labels: np.array(labels)[:, None].view(np.matrix)),
    "pandas strings": (["a", "b"], series),
    "pandas string dtype": (["a", "b"], lambda labels: series(labels, "string")),
    "pandas Categorical": (["a", "b"], lambda labels: series(labels, "category")),
    "pandas Int64": ([0, 1], lambda labels: series(labels, "Int64")),
    "pandas boolean": ([False, True], lambda labels: series(labels, "boolean")),
    "pandas dates": ([np.datetime64(EARLY), np.datetime64(LATE)], lambda labels: series(labels, "datetime64[s]")),
    "pandas frame": (["a", "b"], lambda labels: series(labels).to_frame()),
    "polars strings": (["a", "b"], polars),
    "polars Categorical": (["a", "b"], lambda labels: polars(labels, "Categorical")),
    "polars bools": ([False, True], polars),
    "polars dates": ([EARLY, LATE], polars),
    "polars frame": (["a", "b"], lambda labels: polars(labels).to_frame()),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_type_the_larger_is_positive(name):
    (low, high), make = LABELS[name]
    given = [high, low, low, high]
    options = {"loss": "log_loss", "epochs": 200, "learning_rate": 0.2}
    run = fit(y=make(given), **options)
    assert same(run, fit(y=[1, -1, -1, 1], **options))
    assert list(run.predict(X[[1, 3]])) == [low, high]
    assert list(run.classes) == [low, high]


SIGNALLING = Decimal("sNaN")
BAD_LABELS = {
    "one class": (ValueError, lambda: ["a"] * 4, "one class only \\('a'\\)"),
    "one zero": (ValueError, lambda: [0.0, -0.0] * 2, "one class"),
    "three classes": (ValueError, lambda: list("abca"), "3 classes.*GDClassifier"),
    "short": (ValueError, lambda: ["a", "b"], r"shape \(2,\).*\(4,\)"),
    "two columns": (ValueError, lambda: np.eye(4)[:, :2], r"shape \(4, 2\)"),
    "string": (TypeError, lambda: "abab", "'abab'"),
    "generator": (TypeError, lambda: (label for label in "abab"), "make a list"),
    "set": (TypeError, lambda: {0, 1}, "make a list"),
    "None": (TypeError, lambda: None, "y=None"),
    "ragged": (ValueError, lambda: [1, [2], 1, 2], "ragged"),
    "sparse": (TypeError, lambda: sparse([[0], [1], [0], [1]]), "toarray"),
    "masked": (ValueError, lambda: np.ma.array([0, 1, 0, 1], mask=[1, 0, 0, 0]), "masked"),
    "string and int": (TypeError, lambda: [1, "a"] * 2, "several types"),
    "string and NaN": (TypeError, lambda: ["a", np.nan] * 2, "several types"),
    "string and bool objects": (TypeError, lambda: np.array([True, "a"] * 2, dtype=object), "several types"),
    "objects without order": (TypeError, lambda: [object(), object()] * 2, "several types|no order"),
    **{
        str(label): (ValueError, lambda label=label: [label, 1.0] * 2, "missing or infinite")
        for label in (None, np.nan, np.inf, complex("nan"), SIGNALLING, Decimal("nan"))
    },
    "NaT": (ValueError, lambda: np.array(["NaT", "2020"] * 2, "M8[Y]"), "missing"),
    "None among strings": (ValueError, lambda: ["a", None] * 2, "missing"),
    "pandas NaT": (ValueError, lambda: series([EARLY, None] * 2, "datetime64[s]"), "missing"),
    "pandas NA": (ValueError, lambda: series([1, None] * 2, "Int64"), "missing"),
    "pandas string NA": (ValueError, lambda: series(["a", None] * 2, "string"), "missing"),
    "pandas Categorical": (ValueError, lambda: series(["a", None] * 2, "category"), "missing"),
    "polars null": (ValueError, lambda: polars(["a", None] * 2), "missing"),
    "polars null number": (ValueError, lambda: polars([1, None] * 2), "missing"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_bad_labels_are_refused(name):
    error, make, words = BAD_LABELS[name]
    with pytest.raises(error, match=f"^y.*({words})"):
        fit(y=make(), loss="hinge")


@pytest.mark.parametrize("loss", CLASSIFICATIONS)
def test_every_classification_needs_two_classes(loss):
    with pytest.raises(ValueError, match=f"^y holds one class.*{loss}"):
        fit(y=[1, 1, 1, 1], loss=loss)


BAD_STARTS = [
    ("coef_init", [1.0, np.nan], "nan"),
    ("coef_init", [1.0, -np.inf], "inf"),
    ("coef_init", [1.0], r"shape \(1,\).*\(2,\)"),
    ("coef_init", [1.0, 2, 3], r"shape \(3,\).*\(2,\)"),
    ("coef_init", [[1.0], [2.0]], r"shape \(2, 1\).*\(2,\)"),
    ("coef_init", 1.0, r"shape \(\)"),
    ("coef_init", ["a", "b"], "strings"),
    ("coef_init", [1j, 1], "complex"),
    ("coef_init", [10**400, 1], "too large"),
    ("coef_init", np.ma.array([1.0, 2.0], mask=[1, 0]), "masked"),
    ("coef_init", (value for value in Y), "make a list"),
    ("intercept_init", np.nan, "nan"),
    ("intercept_init", [np.inf], "inf"),
    ("intercept_init", [1.0, 2.0], r"shape \(2,\).*\(1,\)"),
    ("intercept_init", [], r"shape \(0,\)"),
    ("intercept_init", "a", "'a'"),
    ("intercept_init", 1j, "complex"),
    ("intercept_init", 10**400, "too large"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD_STARTS)
def test_bad_starts_are_refused_by_name(name, value, words):
    with pytest.raises((ValueError, TypeError), match=f"^{name}.*{words}"):
        fit(**{name: value})


def test_a_start_that_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r"^coef_init holds 1e\+39.*float32"):
        fit(X.astype("f4"), coef_init=[1e39, 0])


@pytest.mark.parametrize("start", [1, 1.0, np.float32(1), Fraction(1), Decimal(1), [1.0], [[1]], np.array(1)])
def test_an_intercept_may_be_any_number(start):
    assert same(fit(intercept_init=start), fit(intercept_init=1.0))


@pytest.mark.parametrize("batch_size", [None, 1, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nothing_of_the_callers_is_changed_or_shared(batch_size, dtype):
    given = {
        "X": X.astype(dtype),
        "y": Y.copy(),
        "sample_weight": np.array([1.0, 2, 3, 4]),
        "coef_init": np.ones(2, dtype),
        "intercept_init": np.ones(1),
    }
    before = {name: array.copy() for name, array in given.items()}
    run = fit(**given, batch_size=batch_size, optimizer="momentum", penalty="l1", alpha=0.01)
    assert all(np.array_equal(given[name], before[name]) for name in given)
    results = [run.coef, np.asarray(run.intercept), run.last_coef, run.costs]
    assert not any(np.shares_memory(result, array) for result in results for array in given.values())
    run.coef[:] = 7
    assert all(np.array_equal(given[name], before[name]) for name in given)


def test_labels_are_not_shared():
    labels = np.array(["b", "a", "a", "b"], dtype=object)
    run = fit(y=labels, loss="hinge")
    run.classes[:] = "c"
    assert labels.tolist() == ["b", "a", "a", "b"]


@pytest.mark.parametrize("loss", ["log_loss", "multinomial"])
def test_one_hot_labels_name_argmax(loss):
    hot = np.eye(2)[[0, 1, 1, 0]]
    for y in (hot, hot.astype(int), hot.astype(bool), hot.tolist()):
        with pytest.raises(ValueError, match=r"^y has shape \(4, 2\) with a single 1 in each row.*argmax\(axis=1\)"):
            fit(y=y, loss=loss)
    assert fit(y=hot.argmax(axis=1), loss=loss).classes.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"^y has shape \(4, 2\), and must have one label"):
        fit(y=2 * hot, loss=loss)


def test_more_features_or_fewer_at_predict_are_refused():
    run = fit()
    for wrong in (X[:, :1], np.hstack([X, X])):
        with pytest.raises(ValueError, match=f"^X has {wrong.shape[1]} features.*fitted on 2"):
            run.predict(wrong)
    with pytest.raises(ValueError, match=r"^X has shape \(2,\).*reshape\(1, -1\)"):
        run.predict(X[0])
    with pytest.raises(ValueError, match=r"^X holds nan"):
        run.decision([[1.0, np.nan]])
