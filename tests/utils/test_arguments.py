"""X and the options: numbers in any form give the same run; all else is refused by name, value and remedy."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import gdfast
from gdfast._utils.arguments import choice, matrix, real, shown, vector, whole

WHOLE = np.array([[1, 2], [3, 4], [5, 7], [0, 1]])
X = WHOLE.astype(float)
Y = np.array([1.0, 2.0, 0.0, 5.0])
HUGE = 10**400  # more than a float holds
ENDLESS = 10**5000  # more digits than Python prints


class Subclass(np.ndarray):
    pass


class Convertible:
    def __array__(self, dtype=None, copy=None):
        return X.copy()


def fit(X=X, y=Y, **options):
    return gdfast.fit(X, y, **{"epochs": 5, "learning_rate": 0.01, "seed": 0, "backend": "numpy", **options})


def same(run, other):
    return (
        np.array_equal(run.coef, other.coef) and run.intercept == other.intercept and run.coef.dtype == other.coef.dtype
    )


def pandas(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def polars(*columns):
    return pytest.importorskip("polars").DataFrame(dict(zip("ab", columns, strict=False)))


def nullable(dtype):
    return pandas(a=WHOLE[:, 0], b=WHOLE[:, 1]).astype(dtype)


def read_only():
    array = X.copy()
    array.flags.writeable = False
    return array


def unaligned():
    array = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(X.shape)
    array[:] = X
    return array


def objects(kind):
    return np.array([[kind(int(value)) for value in row] for row in WHOLE], dtype=object)


SAME_X = {
    "lists": lambda: WHOLE.tolist(),
    "tuples": lambda: tuple(map(tuple, X)),
    "list of arrays": lambda: list(X),
    "memoryview": lambda: memoryview(X),
    "Fortran order": lambda: np.asfortranarray(X),
    "negative strides": lambda: X[::-1, ::-1].copy()[::-1, ::-1],
    "every second row": lambda: np.repeat(X, 2, axis=0)[::2],
    "read-only": read_only,
    "unaligned": unaligned,
    "matrix": lambda: X.view(np.matrix),
    "subclass": lambda: X.view(Subclass),
    "__array__": Convertible,
    "masked nowhere": lambda: np.ma.array(X),
    "Fractions": lambda: objects(Fraction),
    "Decimals": lambda: objects(Decimal),
    "ints as objects": lambda: objects(int),
    "list of Decimals": lambda: objects(Decimal).tolist(),
    **{dtype: lambda dtype=dtype: WHOLE.astype(dtype) for dtype in ("i1", "u8", ">i4", "f2", "g", ">f8")},
    "pandas": lambda: pandas(a=X[:, 0], b=X[:, 1]),
    "pandas mixed": lambda: pandas(a=WHOLE[:, 0], b=X[:, 1]),
    "pandas Int64": lambda: nullable("Int64"),
    "pandas Float64": lambda: nullable("Float64"),
    "pandas Int64 and float": lambda: nullable({"a": "Int64", "b": "float"}),
    "pandas Categorical numbers": lambda: nullable("category"),
    "polars": lambda: polars(X[:, 0], X[:, 1]),
    "polars mixed": lambda: polars(WHOLE[:, 0], X[:, 1]),
}


@pytest.mark.parametrize("name", SAME_X)
def test_the_same_numbers_in_any_form_give_the_same_run(name):
    assert same(fit(SAME_X[name]()), fit())


@pytest.mark.parametrize("backend", ["numpy", "cython"])
@pytest.mark.parametrize("name", ["unaligned", "read-only", "negative strides"])
@pytest.mark.parametrize("batch_size", [None, 1])
def test_awkward_memory_is_no_matter_to_a_backend(name, backend, batch_size):
    if gdfast.backends.available()[backend]:
        pytest.skip(gdfast.backends.available()[backend])
    options = {"backend": backend, "batch_size": batch_size}
    assert same(fit(SAME_X[name](), **options), fit(**options))


def test_memmap(tmp_path):
    X.tofile(tmp_path / "X")
    assert same(fit(np.memmap(tmp_path / "X", X.dtype, "r", shape=X.shape)), fit())


@pytest.mark.parametrize(
    "make",
    [
        lambda: WHOLE > 1,
        lambda: (WHOLE > 1).tolist(),
        lambda: (WHOLE > 1).astype(object),
        lambda: pandas(a=WHOLE[:, 0] > 1, b=(WHOLE[:, 1] > 1).astype(float)),
        lambda: nullable("Int64") > 1,
        lambda: polars(WHOLE[:, 0] > 1, (WHOLE[:, 1] > 1).astype(int)),
    ],
)
def test_bools_are_zero_and_one(make):
    assert same(fit(make()), fit((WHOLE > 1).astype(float)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: X.astype("f4"),
        lambda: X.astype(">f4"),
        lambda: np.asfortranarray(X.astype("f4")),
        lambda: pandas(a=X[:, 0], b=X[:, 1]).astype("f4"),
        lambda: polars(*X.T.astype("f4")),
    ],
)
def test_float32_stays_float32(make):
    run = fit(make())
    assert run.coef.dtype == np.float32
    assert same(run, fit(X.astype("f4")))
    assert isinstance(run.intercept, float)
    assert run.decision(make()).dtype == run.costs.dtype == np.float64


NOTHING = np.datetime64("2020-01-01")
BAD_X = {
    "NaN": (ValueError, lambda: np.where(X == 7, np.nan, X), r"nan at \(2, 1\)"),
    "infinity": (ValueError, lambda: np.where(X == 7, np.inf, X), r"inf at \(2, 1\)"),
    "both infinities": (ValueError, lambda: np.full((4, 2), [np.inf, -np.inf]), r"inf at \(0, 0\)"),
    "NaN in float16": (ValueError, lambda: np.full((4, 2), np.nan, "f2"), "nan"),
    "infinity in float32": (ValueError, lambda: np.full((4, 2), np.inf, "f4"), "inf"),
    "longdouble": (ValueError, lambda: np.full((4, 2), np.finfo("g").max), "finite as float64"),
    "None": (TypeError, lambda: None, "X=None"),
    "None inside": (ValueError, lambda: [[1, None]] * 4, "nan"),
    "Decimal NaN": (ValueError, lambda: [[Decimal("nan"), 1]] * 4, "nan"),
    "signalling NaN": (ValueError, lambda: [[Decimal("sNaN"), 1]] * 4, "signaling NaN"),
    "Decimal infinity": (ValueError, lambda: [[Decimal("inf"), 1]] * 4, "inf"),
    "large integer": (ValueError, lambda: [[HUGE, 1]] * 4, "too large"),
    "large negative integer": (ValueError, lambda: [[-HUGE, 0.5]] * 4, "too large"),
    "endless integer": (ValueError, lambda: [[ENDLESS, None]] * 4, "too large"),
    "large Fraction": (ValueError, lambda: [[Fraction(HUGE), 1]] * 4, "too large"),
    "1-d": (ValueError, lambda: Y, r"reshape\(-1, 1\)"),
    "0-d": (ValueError, lambda: 3.0, "2-d"),
    "3-d": (ValueError, lambda: X[:, :, None], "2-d"),
    "empty": (ValueError, list, "2-d"),
    "no rows": (ValueError, lambda: np.empty((0, 2)), "no samples"),
    "no features": (ValueError, lambda: np.empty((4, 0)), "no features"),
    "no features in lists": (ValueError, lambda: [[], []], "no features"),
    "ragged": (ValueError, lambda: [[1, 2], [3], [4, 5], [6, 7]], "ragged"),
    "ragged objects": (TypeError, lambda: np.array([[1, 2], [3], [4]], dtype=object)[:, None], "equally long"),
    "itself": (ValueError, lambda: endless_list(), "ragged"),
    "string": (TypeError, lambda: "1 2", "X='1 2'"),
    "bytes": (TypeError, lambda: b"12", "X=b'12'"),
    "strings": (TypeError, lambda: [["a", "b"]] * 4, "strings"),
    "strings of digits": (TypeError, lambda: [["1", "2"]] * 4, "strings"),
    "string among numbers": (TypeError, lambda: [[1, "a"]] * 4, "strings"),
    "string among objects": (TypeError, lambda: np.array([["1", 2]] * 4, dtype=object), "'1', a str"),
    "dates": (TypeError, lambda: np.full((4, 2), NOTHING), "dates"),
    "dates in lists": (TypeError, lambda: [[datetime.date(2020, 1, 1), 1]] * 4, "a date"),
    "date objects": (TypeError, lambda: np.full((4, 2), NOTHING).astype(object), "a date"),
    "NumPy dates as objects": (TypeError, lambda: [[NOTHING, 1.0]] * 4, "datetime64"),
    "time spans": (TypeError, lambda: np.full((4, 2), NOTHING - NOTHING), "time spans"),
    "complex": (TypeError, lambda: X + 0j, "complex"),
    "complex in lists": (TypeError, lambda: [[1, 2j]] * 4, "complex"),
    "complex objects": (TypeError, lambda: np.array([[1j, 2]] * 4, dtype=object), "1j, a complex"),
    "NumPy complex objects": (TypeError, lambda: np.array([[np.complex64(1j), 2]] * 4, dtype=object), "complex64"),
    "records": (TypeError, lambda: np.zeros(4, [("a", float)]), "records"),
    "objects": (TypeError, lambda: [[object(), 1]] * 4, "an? object"),
    "generator": (TypeError, lambda: (row for row in X), "make a list"),
    "iterator": (TypeError, lambda: iter(X), "make a list"),
    "set": (TypeError, lambda: {1, 2}, "make a list"),
    "dict": (TypeError, lambda: {"a": [1, 2]}, "must be an array"),
    "function": (TypeError, lambda: len, "must be an array"),
    "masked": (ValueError, lambda: np.ma.array(X, mask=X > 6), "masked"),
    "masked rows": (ValueError, lambda: [np.ma.array(row, mask=[True, False]) for row in X], "masked"),
    "pandas NA": (TypeError, lambda: nullable("Int64").where(X < 7), "NA.*fill"),
    # pandas makes floats of whole numbers and NA since 2.2, objects before.
    "pandas NA in one column": (
        (ValueError, TypeError),
        lambda: nullable("Int64").where(X < 3)[["a"]],
        "nan|NA.*fill",
    ),
    "pandas NA among floats": (TypeError, lambda: nullable({"a": "Int64"}).where(X < 3).assign(b=1.0), "NA.*fill"),
    "pandas strings": (TypeError, lambda: pandas(a=list("abcd"), b=Y), "'a', a str"),
    "pandas Categorical strings": (TypeError, lambda: pandas(a=list("abcd"), b=Y).astype({"a": "category"}), "'a'"),
    "pandas dates": (TypeError, lambda: pandas(a=np.full(4, NOTHING), b=Y), "Timestamp"),
    "pandas time spans": (TypeError, lambda: pandas(a=np.full(4, NOTHING - NOTHING), b=Y), "Timedelta"),
    "polars null": (ValueError, lambda: polars([1, None, 2, 3], Y), "nan"),
    "polars strings": (TypeError, lambda: polars(list("abcd"), Y), "'a', a str"),
    "polars dates": (TypeError, lambda: polars([datetime.date(2020, 1, 1)] * 4), "dates"),
    "polars dates and floats": (TypeError, lambda: polars([datetime.date(2020, 1, 1)] * 4, Y), "dates"),
    "polars spans and ints": (TypeError, lambda: polars([datetime.timedelta(1)] * 4, WHOLE[:, 0]), "dates or times"),
    "polars times": (TypeError, lambda: polars([datetime.time(1)] * 4, Y), "dates or times"),
}


def endless_list():
    rows = []
    rows.append(rows)
    return rows


@pytest.mark.parametrize("name", BAD_X)
def test_an_x_that_is_not_finite_numbers_is_refused_by_name(name):
    error, make, words = BAD_X[name]
    with pytest.raises(error, match=words) as caught:
        fit(make())
    assert str(caught.value).startswith("X")
    assert len(str(caught.value)) < 250


def test_a_sum_that_overflows_is_no_infinity():
    assert np.array_equal(matrix("X", np.full((9, 9), 1e308)), np.full((9, 9), 1e308))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_matrix_is_ordered_aligned_and_native(dtype):
    given = np.zeros(65, np.uint8)[1:].view(np.dtype(dtype).newbyteorder(">")).reshape(2, -1)
    made = matrix("X", given)
    assert made.flags.c_contiguous
    assert made.flags.aligned
    assert made.dtype == np.dtype(dtype)
    assert type(made) is np.ndarray


def test_vector_takes_a_column_and_nothing_broader():
    assert np.array_equal(vector("v", [[1], [2]], 2, "row"), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"v has shape \(1, 2\).*\(2,\)"):
        vector("v", [[1, 2]], 2, "row")


BAD_OPTIONS = {
    "learning_rate": [0, -1, 0.0, np.nan, np.inf, HUGE, ENDLESS, Fraction(1, HUGE), "fast", "", None, True, 1j, [0.1]],
    "epochs": [0, -1, 2**53 + 1, ENDLESS, -ENDLESS, 1.5, 2.0, np.float64(2), np.inf, 1e300, "10", None, True, [3], 1j],
    "batch_size": [0, -1, 1.5, 2.0, "full", True, np.nan, [2], np.array([2])],
    "alpha": [-1, -1e-300, np.nan, np.inf, HUGE, "a", None, True, [1], 1j, 0.1],
    "l1_ratio": [-0.1, 1.1, np.nan, "a", None],
    "loss": ["squared", "MSE", "Squared_Error", "", None, 3, ["log_loss"], b"log_loss"],
    "penalty": ["L2", "ridge", "None", "", 3, True, ["l2"]],
    "optimizer": ["sgd", "GD", "", None, 3, gdfast.GD, gdfast.Momentum, {"name": "gd"}],
    "history": ["all", "", None, True, 3, []],
    "history_every": [0, -1, 1.5, "Log", "linear", None, True, [1]],
    "history_limit": [0, 1, -1, 1.5, None, "a", np.inf, True],
    "solver": ["exact", "", None, 3],
    "backend": ["gpu", "Cython", "", None, 3, []],
    "fit_intercept": [0, 1, None, "yes", []],
    "shuffle": [0, 1, None, "no"],
    "progress": [0, 1, None, "yes"],
    "seed": [-1, 2**64, ENDLESS, 1.0, "a", True, np.nan, np.random.default_rng(0), [1]],
    "loss_parameter": [1.0, "a"],
}


BAD_PAIRS = [(name, value) for name, values in BAD_OPTIONS.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD_PAIRS, ids=lambda value: shown(value).split(" at 0x")[0])
def test_an_option_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises((ValueError, TypeError)) as caught:
        fit(**{name: value})
    message = str(caught.value)
    assert message.startswith(name)
    assert len(message) < 300


KNOWN = {
    "loss": gdfast.formulas.losses.LOSSES,
    "penalty": ["l2", "l1", "elasticnet"],
    "optimizer": gdfast.options.optimizers.OPTIMIZERS,
    "history": ["auto", "objective", "running", "none"],
    "backend": gdfast.backends.BACKENDS,
    "solver": ["loop"],
}


@pytest.mark.parametrize("name", KNOWN)
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match="nonsense") as caught:
        fit(**{name: "nonsense"})
    assert all(known in str(caught.value) for known in KNOWN[name])


def test_a_name_written_otherwise_is_guessed():
    with pytest.raises(ValueError, match="did you mean 'squared_error'"):
        fit(loss="SquaredError")
    assert choice("loss", np.str_("hinge"), ["hinge"]) == "hinge"


@pytest.mark.parametrize(
    ("loss", "value"),
    [("huber", value) for value in (0, -1, np.nan, np.inf, True, "a")]
    + [("epsilon_insensitive", -1), ("quantile", 0), ("quantile", 1), ("quantile", 2)],
)
def test_a_loss_parameter_out_of_its_range_is_refused(loss, value):
    with pytest.raises((ValueError, TypeError), match=f"^loss_parameter=.*{loss}"):
        fit(loss=loss, loss_parameter=value)


@pytest.mark.parametrize("value", [np.nan, -0.1, 1, 1.5, "a", None, True])
def test_a_momentum_out_of_its_range_is_refused(value):
    with pytest.raises((ValueError, TypeError), match=r"^momentum=.*below 1"):
        gdfast.Momentum(value)


@pytest.mark.parametrize("value", [0.01, Fraction(1, 100), np.float64(0.01), np.array(0.01), np.longdouble("0.01")])
def test_a_number_may_be_of_any_real_type(value):
    assert same(fit(learning_rate=value), fit())


@pytest.mark.parametrize("value", [5, np.int64(5), np.uint8(5), np.array(5)])
def test_a_count_may_be_of_any_integer_type(value):
    assert same(fit(epochs=value), fit())


def test_the_ends_of_an_interval():
    assert real("a", 1, 1, 2) == real("a", 1.0, 1.0, 2.0) == 1.0
    assert real("a", 2.0, 1, 2, ends="(]") == 2.0
    for ends, value in {"(]": 1.0, "[)": 2.0, "()": 1, "[]": np.inf}.items():
        with pytest.raises(ValueError, match=r"a=.* must be a finite number (at least|above) 1 and"):
            real("a", value, 1, 2, ends=ends)
    with pytest.raises(ValueError, match=r"must be a finite number, please$"):
        real("a", np.nan, hint=", please")
    assert whole("k", 2**53, 0, 2**53) == 2**53
    with pytest.raises(TypeError, match=r"write 2$"):
        whole("k", 2.0)


def test_a_message_stays_short():
    assert shown(np.float64(0.5)) == "0.5"
    assert shown(np.str_("a")) == "'a'"
    assert len(shown("a" * 1000)) == 60
    assert "\n" not in shown(X)
    assert "digits" in shown(ENDLESS)
