"""What must not change a fit, or change it in a known way: drawn options, no reference numbers."""

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.formulas.losses import LOSSES

sparse = pytest.importorskip("scipy.sparse")
HERE = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]
DRAWS = os.environ.get("GDFAST_FUZZ")  # so many, at random; by default a few, the same ones each time
FUZZ = settings(
    max_examples=int(DRAWS or 40), derandomize=not DRAWS, deadline=None, database=None, print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
# Without jumps in the derivative, beyond which rounding would be amplified.
SMOOTH = ["squared_error", "log_loss", "squared_hinge", "modified_huber", "huber", "multinomial", "poisson", "gamma"]
SMOOTH += ["tweedie", "squared_epsilon_insensitive"]
SCALED = ["squared_error", "log_loss", "huber", "poisson", "multinomial"]
# A gradient near zero is divided by EPS: with a smaller one the rate is no stable one there, and rounding is amplified.
EPS = 0.3
COMMON = {
    "epochs": st.integers(1, 15),
    "learning_rate": st.sampled_from([0.001, 0.01, gdfast.InverseTime(0.02, 0.1), gdfast.Exponential(0.02, 0.9)]),
    "optimizer": st.sampled_from(["gd", "momentum", "nesterov", gdfast.Adam(eps=EPS), gdfast.RMSProp(eps=EPS)]),
    "average": st.sampled_from([None, 2, gdfast.EMA(0.8)]),
    "standardize": st.booleans(),
    "fit_intercept": st.booleans(),
    "backend": st.sampled_from(HERE),
    "solver": st.sampled_from(["auto", "loop"]),
    "seed": st.integers(0, 2**64 - 1),
}
PENALTY = {
    "penalty": st.sampled_from(["l2", "l1", "elasticnet"]),
    "alpha": st.sampled_from([0.0, 0.01, 0.3]),
    "clip_norm": st.sampled_from([None, 0.5]),
    "positive": st.sampled_from([False, False, True]),
}
BATCH = {"batch_size": st.sampled_from([None, 1, 4])}
LOSS = {"loss": st.sampled_from(SMOOTH)}
SEED = st.integers(0, 2**32 - 1)


def drawn(*parts):
    together = {}
    for part in parts:
        together |= part
    return st.fixed_dictionaries(together)


def problem(seed, loss):
    """Return a generator, X of 2 to 30 rows and y for a loss."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(3, 31)), int(rng.integers(1, 9))
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < rng.choice([0.4, 1.0]))
    if LOSSES[loss].classification:
        return rng, X, np.arange(n) % (3 if LOSSES[loss].coupled else 2)
    return rng, X, rng.uniform(0.2, 3.0, n) if LOSSES[loss].inverse_link else rng.normal(size=n)


def fitted(X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
        warnings.simplefilter("ignore", gdfast.DivergenceWarning)
        return gdfast.fit(X, y, **options)


def assert_near(values, others, tolerance=1e-9):
    values, others = np.asarray(values, dtype=float), np.asarray(others, dtype=float)
    assert values.shape == others.shape
    np.testing.assert_allclose(
        values, others, rtol=tolerance, atol=tolerance * max(1e-3, np.abs(others).max(initial=0))
    )


def assert_same_fit(run, other, coef=lambda w: w):
    assert_near(run.coef, coef(other.coef))
    assert_near(run.last_coef, coef(other.last_coef))
    assert_near(run.intercept, other.intercept)
    assert_near(run.costs, other.costs)
    assert_near(run.cost, other.cost)
    assert (run.epochs, run.stop_reason) == (other.epochs, other.stop_reason)


@given(SEED, drawn(COMMON, PENALTY, BATCH, LOSS))
@FUZZ
def test_permuted_columns_permute_the_coefficients(seed, options):
    rng, X, y = problem(seed, options["loss"])
    order = rng.permutation(X.shape[1])
    run, permuted = fitted(X, y, **options), fitted(X[:, order], y, **options)
    assert_same_fit(permuted, run, lambda w: w[..., order])


@given(SEED, drawn(COMMON, PENALTY, LOSS))
@FUZZ
def test_integer_weights_are_repeated_rows(seed, options):
    rng, X, y = problem(seed, options["loss"])
    times = rng.integers(0, 4, len(X))
    times[:3] = 1 + times[:3]  # a row of each class at least
    run = fitted(X, y, sample_weight=times, **options)
    assert_same_fit(fitted(np.repeat(X, times, axis=0), np.repeat(y, times), **options), run)


@given(SEED, drawn(COMMON, PENALTY, LOSS))
@FUZZ
def test_all_rows_twice_and_the_order_of_rows_change_nothing(seed, options):
    rng, X, y = problem(seed, options["loss"])
    rows = rng.permutation(np.repeat(np.arange(len(X)), 2))
    assert_same_fit(fitted(X[rows], y[rows], **options), fitted(X, y, **options))


@given(SEED, drawn(COMMON, PENALTY, BATCH, LOSS), st.floats(1e-3, 1e3))
@FUZZ
def test_weights_count_relative_to_each_other(seed, options, factor):
    rng, X, y = problem(seed, options["loss"])
    weights = rng.uniform(0.1, 2.0, len(X))
    run = fitted(X, y, sample_weight=weights, **options)
    assert_same_fit(fitted(X, y, sample_weight=factor * weights, **options), run)


@given(SEED, drawn(COMMON, BATCH, {"loss": st.sampled_from(SCALED)}), st.integers(-8, 8))
@FUZZ
def test_features_scaled_with_the_rate(seed, options, power):
    """Without an intercept X 2^p at the rate eta 4^-p is X at eta, with coefficients of 2^-p times the size."""
    _, X, y = problem(seed, options["loss"])
    options |= {"fit_intercept": False, "standardize": False, "optimizer": "momentum"}
    scaled = options | {"learning_rate": 0.01 / 4.0**power}
    run = fitted(X, y, **options | {"learning_rate": 0.01})
    assert_same_fit(fitted(X * 2.0**power, y, **scaled), run, lambda w: w / 2.0**power)


@given(SEED, drawn(COMMON, BATCH), st.integers(-6, 6))
@FUZZ
def test_standardized_columns_have_no_unit(seed, options, power):
    _, X, y = problem(seed, "squared_error")
    run = fitted(X, y, **options | {"standardize": True})
    other = fitted(X * 2.0**power, y, **options | {"standardize": True})
    assert_same_fit(other, run, lambda w: w / 2.0**power)


@given(SEED, drawn(COMMON, BATCH), st.sampled_from([-4.0, 0.25, 8.0]))
@FUZZ
def test_targets_scaled_scale_the_coefficients(seed, options, factor):
    _, X, y = problem(seed, "squared_error")
    options |= {"optimizer": "nesterov"}
    run, scaled = fitted(X, y, **options), fitted(X, factor * y, **options)
    assert_near(scaled.coef, factor * run.coef)
    assert_near(scaled.intercept, factor * run.intercept)
    assert_near(scaled.costs, factor**2 * run.costs)


@given(SEED, drawn(COMMON, BATCH, {"loss": st.sampled_from(["log_loss", "squared_hinge", "modified_huber"])}))
@FUZZ
def test_swapped_labels_swap_the_sign(seed, options):
    _, X, y = problem(seed, options["loss"])
    run = fitted(X, np.where(y, "b", "a"), **options)
    swapped = fitted(X, np.where(y, "a", "b"), **options)
    assert_near(swapped.coef, -run.coef)
    assert_near(swapped.intercept, -run.intercept)
    assert_near(swapped.costs, run.costs)
    assert (run.predict(X) == np.where(run.decision(X) > 0, "b", "a")).all()


@given(SEED, drawn(COMMON, PENALTY, BATCH, LOSS))
@FUZZ
def test_sparse_rows_are_dense_rows(seed, options):
    """Standardized sparse columns are not centred, so that they are another model."""
    _, X, y = problem(seed, options["loss"])
    options |= {"standardize": False}
    run = fitted(X, y, **options)
    for make in (sparse.csr_matrix, sparse.coo_array, sparse.csc_matrix):
        assert_same_fit(fitted(make(X), y, **options), run)


@given(SEED, drawn(COMMON, PENALTY, BATCH, LOSS))
@FUZZ
def test_a_column_of_zeros_changes_nothing(seed, options):
    _, X, y = problem(seed, options["loss"])
    run = fitted(X, y, **options)
    wider = fitted(np.column_stack([X, np.zeros(len(X))]), y, **options)
    assert_same_fit(wider, run, lambda w: np.concatenate([w, np.zeros_like(w[..., :1])], axis=-1))
