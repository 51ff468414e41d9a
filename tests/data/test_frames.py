"""Frames: columns are taken by their names in every call that takes X, whatever their order."""

import pickle
from importlib.util import find_spec

import numpy as np
import pytest

import gdfast

RNG = np.random.default_rng(5)
NAMES = ("height", "width", "depth")
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)
WEIGHTS = RNG.integers(1, 4, 60).astype(float)
OPTIONS = {"epochs": 30, "learning_rate": 0.1, "solver": "loop"}


def pandas_frame(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def polars_frame(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def arrow_table(columns):
    return pytest.importorskip("pyarrow").table(columns)


LIBRARIES = {"pandas": pandas_frame, "polars": polars_frame, "pyarrow": arrow_table}


@pytest.fixture(params=LIBRARIES)
def make(request):
    """Return a function that makes a frame of columns, in the order that they are named in."""
    columns = {
        **dict(zip(NAMES, X.T, strict=True)),
        "price": Y,
        "weight": WEIGHTS,
        "class": np.where(Y > 0, "up", "down"),
    }
    return lambda *names, rows=slice(None): LIBRARIES[request.param]({name: columns[name][rows] for name in names})


@pytest.fixture
def plain():
    return gdfast.fit(X, Y, sample_weight=WEIGHTS, **OPTIONS)


SHUFFLED = ("depth", "height", "width")


def test_y_and_sample_weight_are_columns(make, plain, assert_same):
    frame = make("price", "height", "width", "weight", "depth")
    run = gdfast.fit(frame, "price", sample_weight="weight", **OPTIONS)
    assert_same(run, plain)
    assert run.feature_names == NAMES
    assert plain.feature_names is None
    assert gdfast.fit(make(*NAMES), Y, epochs=1).feature_names == NAMES


def test_another_order_gives_the_same_numbers(make, plain):
    run = gdfast.fit(make(*NAMES), Y, sample_weight=WEIGHTS, **OPTIONS)
    for given in (make(*SHUFFLED), make(*NAMES), X):
        np.testing.assert_array_equal(run.predict(given), plain.predict(X))
        np.testing.assert_array_equal(run.decision(given), plain.decision(X))
        assert run.score(given, Y) == plain.score(X, Y)
    assert run.score(make("price", *SHUFFLED), "price") == plain.score(X, Y)
    assert run.score(make("price", "weight", *SHUFFLED), "price", "weight") == plain.score(X, Y, WEIGHTS)


def test_labels_are_a_column(make):
    run = gdfast.fit(make("class", *NAMES), "class", loss="log_loss", epochs=20)
    assert run.classes.tolist() == ["down", "up"]
    assert run.score(make(*SHUFFLED, "class"), "class") == np.mean(run.predict(X) == np.where(Y > 0, "up", "down"))
    np.testing.assert_array_equal(run.predict_proba(make(*SHUFFLED)), run.predict_proba(X))


@pytest.mark.parametrize("batch_size", [None, 7])
def test_validation_by_name(make, batch_size, assert_same):
    options = OPTIONS | {"batch_size": batch_size, "seed": 1, "restore_best": True}
    expected = gdfast.fit(X, Y, validation=(X[::-1], Y[::-1], WEIGHTS[::-1]), **options)
    backwards = make("weight", *SHUFFLED, "price", rows=slice(None, None, -1))
    run = gdfast.fit(make(*NAMES), Y, validation=(backwards, "price", "weight"), **options)
    assert_same(run, expected)
    with pytest.raises(ValueError, match=r"^validation: X has the column 'weight', not a feature of the fit"):
        gdfast.fit(make(*NAMES), Y, validation=(backwards, "price"), **options)


def test_files_and_pickles_keep_the_names(make, tmp_path, assert_same):
    run = gdfast.fit(make(*NAMES, "price"), "price", validation=(make(*SHUFFLED, "price"), "price"), **OPTIONS)
    run.save(tmp_path / "run.npz")
    whole = run.resume(10)
    for kept in (run, gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        assert kept.feature_names == NAMES
        np.testing.assert_array_equal(kept.predict(make(*SHUFFLED)), run.predict(X))
        further = kept.resume(10, make("price", *SHUFFLED), "price")
        assert_same(further, whole)
        assert further.feature_names == NAMES
        with pytest.raises(ValueError, match="'weight', not a feature"):
            kept.resume(10, make("weight", *NAMES, "price"), "price")


def test_a_checkpoint_is_resumed_by_name(make, tmp_path, assert_same):
    path = tmp_path / "run.npz"
    whole = gdfast.fit(X, Y, **OPTIONS | {"epochs": 40})
    gdfast.fit(make(*NAMES), Y, checkpoint=path, **OPTIONS)
    assert_same(gdfast.resume(path, make(*SHUFFLED), Y, epochs=10), whole)


def test_stability_takes_names(make):
    by_name = gdfast.stability(make("price", *NAMES, "weight"), "price", sample_weight="weight")
    assert by_name.max_learning_rate == gdfast.stability(X, Y, sample_weight=WEIGHTS).max_learning_rate


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("height", "width"), r"^X lacks the column 'depth'; .*add what it lacks$"),
        (
            (*NAMES, "weight", "price"),
            r"^X has the columns 'weight', 'price', not features.*leave out.*the target too$",
        ),
        (("height", "width", "price"), r"^X lacks the column 'depth' and has the column 'price', not a feature"),
    ],
)
def test_missing_and_additional_names_are_listed(make, names, message):
    run = gdfast.fit(make(*NAMES), Y, **OPTIONS)
    calls = [run.predict, run.decision, lambda frame: run.score(frame, Y), lambda frame: run.resume(1, frame, Y)]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call(make(*names))
    with pytest.raises(ValueError, match=message.replace("^", "^validation: ")):
        gdfast.fit(make(*NAMES), Y, validation=(make(*names), Y))
    probable = gdfast.fit(make(*NAMES), Y > 0, loss="log_loss", epochs=2)
    with pytest.raises(ValueError, match=message):
        probable.predict_proba(make(*names))


@pytest.mark.parametrize(
    ("names", "y", "weight", "kind", "message"),
    [
        (NAMES, "price", None, ValueError, r"^y='price' is not a column of X, which has the columns 'height', 'width'"),
        (NAMES, Y, "w", ValueError, r"^sample_weight='w' is not a column of X"),
        (("price", *NAMES), "price", "price", ValueError, r"^y and sample_weight both name the column 'price'"),
        (("price",), "price", None, ValueError, r"^X has no columns besides 'price'; give at least one feature"),
    ],
)
def test_names_that_no_column_has(make, names, y, weight, kind, message):
    with pytest.raises(kind, match=message):
        gdfast.fit(make(*names), y, sample_weight=weight)


@pytest.mark.parametrize(("y", "weight", "which"), [("price", None, "y"), (Y, "weight", "sample_weight")])
def test_an_array_has_no_names(y, weight, which):
    with pytest.raises(
        TypeError,
        match=rf"^{which}='\w+' is a column's name, but X \(ndarray\) has no column names; give X as a DataFrame",
    ):
        gdfast.fit(X, y, sample_weight=weight)


def test_frames_of_pandas_without_names_go_by_position():
    pd = pytest.importorskip("pandas")
    run = gdfast.fit(pd.DataFrame(X), Y, epochs=2)
    assert run.feature_names is None
    np.testing.assert_array_equal(run.predict(pd.DataFrame(X, columns=NAMES)), run.predict(X))
    with pytest.raises(
        TypeError, match=r"y='price' is a column's name, but X \(DataFrame\) has no column names; name its"
    ):
        gdfast.fit(pd.DataFrame(X), "price")


@pytest.mark.parametrize("call", [lambda run, frame: run.predict(frame), lambda run, frame: gdfast.fit(frame, Y)])
def test_duplicate_and_mixed_names(call):
    pd = pytest.importorskip("pandas")
    run = gdfast.fit(pd.DataFrame(X, columns=NAMES), Y, epochs=2)
    with pytest.raises(ValueError, match=r"^X has the column 'height' more than once"):
        call(run, pd.DataFrame(X, columns=["height", "width", "height"]))
    with pytest.raises(
        TypeError, match=r"^X has columns named by strings and the column 1; name all of them by strings"
    ):
        call(run, pd.DataFrame(X, columns=["height", 1, "width"]))


@pytest.mark.skipif(find_spec("polars") is None, reason="polars is not installed")
def test_a_lazy_frame_is_to_be_collected():
    lazy = polars_frame(dict(zip(NAMES, X.T, strict=True))).lazy()
    for call in (lambda: gdfast.fit(lazy, Y), lambda: gdfast.fit(X, Y, epochs=1).predict(lazy)):
        with pytest.raises(TypeError, match=r"^X is a LazyFrame, which holds no values yet; give X.collect\(\)"):
            call()


def test_nothing_of_the_callers_frame_is_changed(make):
    frame = make("price", *NAMES)
    before = np.array(frame)
    gdfast.fit(frame, "price", epochs=2).predict(make(*SHUFFLED))
    np.testing.assert_array_equal(np.array(frame), before)


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_the_estimators_refuse_another_order():
    from gdfast.sklearn import GDClassifier, GDRegressor

    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=NAMES)
    for model, y in (
        (GDRegressor(epochs=5), Y),
        (GDClassifier(epochs=5), Y > 0),
        (GDClassifier(epochs=5), RNG.integers(0, 3, 60)),
    ):
        model.fit(frame, y, validation=(frame, y))
        with pytest.raises(ValueError, match="same order"):
            model.predict(frame[list(SHUFFLED)])
        with pytest.raises(ValueError, match="same order"):
            model.fit(frame, y, validation=(frame[list(SHUFFLED)], y))
        by_name = model.fit(frame, y, validation=(frame.assign(y=y), "y"))
        assert by_name.n_features_in_ == 3


@pytest.mark.parametrize(
    "name", ["column_names", "collect", "collect_schema", "tocsr", "select", "iloc", "columns", "shape"]
)
def test_a_column_may_be_named_like_an_attribute_of_a_frame(name):
    frame = pytest.importorskip("pandas").DataFrame(
        {name: X[:, 0], "collect": X[:, 1], "collect_schema": X[:, 2], "y": Y}
    )
    names = tuple(one for one in frame.columns if one != "y")
    run = gdfast.fit(frame, "y", **OPTIONS)
    assert run.feature_names == names
    np.testing.assert_array_equal(run.predict(frame[list(names[::-1])]), run.predict(frame[list(names)]))


def test_a_run_with_names_takes_no_frame_whose_columns_have_none():
    pd = pytest.importorskip("pandas")
    run = gdfast.fit(pd.DataFrame(X, columns=NAMES), Y, epochs=2)
    for columns in ([2, 1, 0], pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("d", "b")])):
        with pytest.raises(
            TypeError, match=r"^X is a DataFrame whose columns are not named by strings, and the features"
        ):
            run.predict(pd.DataFrame(X, columns=columns))


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_the_estimators_take_no_names():
    from gdfast.sklearn import GDClassifier, GDRegressor

    frame = pytest.importorskip("pandas").DataFrame(X, columns=NAMES)
    for model in (GDRegressor(), GDClassifier()):
        with pytest.raises(
            TypeError, match=r"^y='depth': scikit-learn's estimators take no column's name; give y as an"
        ):
            model.fit(frame, "depth")
        with pytest.raises(TypeError, match=r"^sample_weight='depth': scikit-learn's"):
            model.fit(frame, Y > 0, "depth")
