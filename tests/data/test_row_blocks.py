"""Evaluation by blocks of rows: the same numbers, little memory, and errors that name the row."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import gdfast
from gdfast.data.row_blocks import BLOCK_ROWS, BLOCK_VALUES, by_row_blocks
from gdfast.formulas.losses import LOSSES

N, D = 200_000, 50
ROWS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
W = np.linspace(-1.0, 1.0, D)
LABELS = (ROWS @ W.astype(np.float32) > 0.3).astype(int)
SMALL = slice(0, 300)


def runs():
    """Return a float64 Run of each kind."""
    X, y = ROWS[SMALL].astype(float), ROWS[SMALL] @ W
    return {
        "regression": gdfast.fit(X, y, epochs=3),
        "several outputs": gdfast.fit(X, np.column_stack([y, -y]), epochs=3),
        "log link": gdfast.fit(X, np.abs(y), loss="poisson", epochs=3),
        "two classes": gdfast.fit(X, LABELS[SMALL], loss="log_loss", epochs=3),
        "three classes": gdfast.fit(X, np.arange(300) % 3, loss="multinomial", epochs=3),
    }


RUNS = runs()
METHODS = {name: ["decision", "predict"] + ["predict_proba"] * (run.classes is not None) for name, run in RUNS.items()}
CASES = [(name, method) for name, methods in METHODS.items() for method in methods]


def additional_memory(call):
    """Return the largest memory that a call takes beyond its result."""
    call()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] - getattr(result, "nbytes", 0)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool", ">f4"])
@pytest.mark.parametrize(("name", "method"), CASES)
def test_numbers_are_those_of_all_rows_at_once(name, method, dtype):
    X = np.random.default_rng(1).normal(size=(4001, D)).astype(dtype)
    assert X.size > 2 * BLOCK_VALUES
    call = getattr(RUNS[name], method)
    found, expected = call(X), call(X.astype(np.float64))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_little_memory_is_taken_beside_the_rows(name, method):
    """Less than 5 % of X beside the result; and of rows in another layout or dtype as well."""
    call = getattr(RUNS[name], method)
    for X in (ROWS, np.asfortranarray(ROWS), (8 * ROWS).astype(np.int8)):
        assert additional_memory(lambda: call(X)) < 0.05 * ROWS.nbytes  # noqa: B023


@pytest.mark.parametrize("name", METHODS)
def test_bits_of_float64_are_those_of_one_product(name):
    X = ROWS[:10_001].astype(np.float64)
    run, z = RUNS[name], X @ RUNS[name].coef.T + RUNS[name].intercept
    np.testing.assert_array_equal(run.decision(X), z)
    loss = LOSSES[run.loss]
    if loss.inverse_link is not None:
        np.testing.assert_array_equal(run.predict(X), loss.inverse_link(z))
    if loss.probabilities is not None:
        np.testing.assert_array_equal(run.predict_proba(X), loss.probabilities(z))


@pytest.mark.parametrize("batch_size", [None, 16])
def test_validation_rows_are_not_converted(batch_size):
    """A fit keeps a copy of them for its settings, and vectors."""
    X, y = ROWS[SMALL], ROWS[SMALL, 0]
    validation = (ROWS, ROWS[:, 0])
    taken = additional_memory(lambda: gdfast.fit(X, y, epochs=2, batch_size=batch_size, validation=validation))
    assert taken < (1.05 * ROWS.nbytes) + 7 * 8 * N  # as float64 the rows would be twice that


@pytest.mark.parametrize("name", ["regression", "two classes"])
def test_a_score_takes_vectors_of_the_rows_alone(name):
    y = LABELS if name == "two classes" else ROWS[:, 0]
    assert additional_memory(lambda: RUNS[name].score(ROWS, y)) < 0.05 * ROWS.nbytes + 6 * 8 * N
    assert additional_memory(lambda: RUNS[name].score(ROWS, y, np.ones(N))) < 0.05 * ROWS.nbytes + 8 * 8 * N


ESTIMATORS = {
    "GDRegressor": ["predict"], "SGDRegressor": ["predict"], "SGDOneClassSVM": ["decision_function", "predict"],
    "GDClassifier": ["decision_function", "predict", "predict_proba", "predict_log_proba"],
    "SGDClassifier": ["decision_function", "predict"],
}  # fmt: skip


@pytest.mark.parametrize("single", [False, True], ids=["fitted on float64", "fitted on float32"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_take_little_memory(name, single):
    models = pytest.importorskip("gdfast.sklearn")
    model = getattr(models, name)(**({"epochs": 3} if name.startswith("GD") else {"max_iter": 3, "tol": None}))
    X = ROWS[SMALL] if single else ROWS[SMALL].astype(float)
    model.fit(X, ROWS[SMALL, 0] if "Regressor" in name else LABELS[SMALL])
    for method in ESTIMATORS[name]:
        call = getattr(model, method)
        vectors = 8 * N * (method == "predict")  # scikit-learn's, for the labels
        assert additional_memory(lambda: call(ROWS)) < 0.05 * ROWS.nbytes + vectors, method  # noqa: B023
        some = np.ascontiguousarray(ROWS[:4000])
        whole = call(some.astype(np.float64))
        if not single:
            np.testing.assert_allclose(call(some), whole, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("row", [0, 3000])
def test_errors_are_those_of_all_rows(row):
    X = ROWS[:4000].copy()
    X[row, 7] = np.nan
    with pytest.raises(ValueError, match=rf"X holds nan at \({row}, 7\)"):
        RUNS["regression"].predict(X)
    with pytest.raises(ValueError, match="49 features, and this Run was fitted on 50"):
        RUNS["regression"].predict(ROWS[:4000, :-1])


def test_blocks_are_of_whole_rows_and_only_where_rows_are_converted():
    seen = []

    def function(rows):
        seen.append(rows.shape if hasattr(rows, "shape") else None)
        return np.zeros(len(rows))

    X = np.zeros((3 * BLOCK_ROWS + 1, 1), np.float32)
    assert by_row_blocks(function, X, np.float64).shape == (len(X),)
    assert seen == [(BLOCK_ROWS, 1)] * 3 + [(1, 1)]
    for whole in (X.astype(np.float64), X[:9], [[1.0]], X.astype(object)):
        seen.clear()
        by_row_blocks(function, whole, np.float64)
        assert len(seen) == 1
    seen.clear()
    by_row_blocks(function, X, np.float32)
    assert len(seen) == 1
    labels = by_row_blocks(function, X.astype(np.float64), np.float64, lambda z: z[:, None] + [1, 2])
    np.testing.assert_array_equal(labels, np.tile([1.0, 2.0], (len(X), 1)))
    wide = np.zeros((3, BLOCK_VALUES), np.float32)
    seen.clear()
    by_row_blocks(function, wide, np.float64)
    assert seen == [(1, BLOCK_VALUES)] * 3


def test_sparse_rows_are_as_they_were():
    X = sp.csr_array(ROWS[:3000] * (ROWS[:3000] > 1))
    run = RUNS["regression"]
    np.testing.assert_allclose(run.predict(X), run.predict(X.toarray()), rtol=1e-12, atol=1e-13)
