"""standardize=True: descent on columns of mean 0 and deviation 1, results in the units of X."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import gdfast
from gdfast.data.csr import features
from gdfast.data.scaling import scaling_of

RNG = np.random.default_rng(11)
X = RNG.normal(size=(60, 4)) * [1.0, 1e3, 1e-4, 7.0] + [5.0, -1e4, 1e-3, 0.0]
Y = X @ [1.0, 1e-3, 2e3, 0.1] + 0.3 * RNG.normal(size=60)
WEIGHTS = RNG.integers(0, 4, 60).astype(float)
TWO, THREE = np.where(np.median(Y) < Y, "up", "down"), np.digitize(Y, np.quantile(Y, (0.3, 0.7)))


def scaled_by_hand(X, weights):
    center = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weights))
    return center, np.where(scale > 0, scale, 1.0)


CASES = {
    "full batch": {},
    "closed form": {"solver": "closed_form"},
    "momentum": {"optimizer": "momentum", "learning_rate": 0.05},
    "SGD": {"batch_size": 1, "learning_rate": 0.01},
    "mini-batches, l1": {"batch_size": 8, "penalty": "elasticnet", "alpha": 0.05},
    "Adam, averaged": {"batch_size": 16, "optimizer": "adam", "learning_rate": 0.01, "average": 5},
    "bounds": {"bounds": (-0.3, 0.4), "clip_norm": 0.5},
    "ridge": {"penalty": "l2", "alpha": 0.2},
    "auto": {"learning_rate": "auto"},
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_fit_on_columns_scaled_by_hand(case, loss, weights, backend):
    if backend == "numba" or (case == "closed form" and loss != "squared_error"):
        pytest.skip("the kernels are given scaled columns, whichever they are")
    y = {"squared_error": Y, "log_loss": TWO, "multinomial": THREE}[loss]
    options = {"loss": loss, "epochs": 40, "learning_rate": 0.1, "seed": 3, "solver": "loop", **CASES[case]}
    options |= {"sample_weight": weights, "backend": backend}
    center, scale = scaled_by_hand(X, weights)
    expected = gdfast.fit((X - center) / scale, y, **options)
    run = gdfast.fit(X, y, standardize=True, **options)
    np.testing.assert_allclose(run.coef, expected.coef / scale, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(run.intercept, expected.intercept - run.coef @ center, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(run.costs, expected.costs, rtol=1e-10)
    assert run.cost == pytest.approx(expected.cost, rel=1e-10)
    np.testing.assert_allclose(run.decision(X), expected.decision((X - center) / scale), rtol=1e-8, atol=1e-9)
    if options["learning_rate"] == "auto":
        assert run.learning_rate == pytest.approx(expected.learning_rate, rel=1e-9)


def test_the_start_is_given_in_the_units_of_x_and_converted():
    run = gdfast.fit(X, Y, standardize=True, epochs=200, learning_rate=0.1)
    again = gdfast.fit(
        X, Y, standardize=True, epochs=200, learning_rate=0.1, coef_init=run.coef, intercept_init=run.intercept
    )
    assert again.costs[0] == pytest.approx(run.cost, rel=1e-12)
    assert again.cost < run.cost


def test_recorded_coefficients_and_every_epoch_are_in_the_units_of_x():
    options = {"standardize": True, "epochs": 20, "learning_rate": 0.1, "sample_weight": WEIGHTS}
    loop = gdfast.fit(X, Y, solver="loop", record=("coef", "coef_norm"), **options)
    exact = gdfast.fit(X, Y, solver="closed_form", **options)
    np.testing.assert_array_equal(loop.history["coef"][-1], loop.coef)
    for epoch in (0, 7, 20):
        found, expected = exact.at(epoch), loop.at(epoch)
        np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-9, atol=1e-12)
        assert found.intercept == pytest.approx(expected.intercept, abs=1e-9)
        assert found.cost == pytest.approx(expected.cost, rel=1e-11)
    np.testing.assert_allclose(loop.history["coef_norm"], np.linalg.norm(loop.history["coef"], axis=1), rtol=1e-14)


def test_callbacks_see_the_units_of_x():
    seen = []
    run = gdfast.fit(
        X, Y, standardize=True, epochs=10, learning_rate=0.1, solver="loop", callback_every=10,
        callbacks=lambda state: seen.append((state.coef, state.intercept, state.cost)),
    )  # fmt: skip
    np.testing.assert_array_equal(seen[-1][0], run.coef)
    assert seen[-1][1:] == (run.intercept, pytest.approx(run.cost, rel=1e-14))


@pytest.mark.parametrize("solver", ["loop", "closed_form"])
def test_resuming_from_a_file_and_a_pickle(solver, tmp_path, assert_same):
    options = {"standardize": True, "learning_rate": 0.1, "solver": solver, "penalty": "l2", "alpha": 0.1}
    whole = gdfast.fit(X, Y, epochs=30, **options)
    run = gdfast.fit(X, Y, epochs=20, **options)
    run.save(tmp_path / "run.npz")
    for kept in (run, gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        np.testing.assert_array_equal(kept.predict(X), run.predict(X))
        assert_same(kept.resume(10, X, Y), whole)
        if solver == "closed_form":
            assert_same(kept.resume(10), whole)
            np.testing.assert_array_equal(kept.at(30).coef, whole.coef)


def test_validation_is_scaled_by_the_rows_that_are_trained_on():
    options = {"standardize": True, "epochs": 15, "learning_rate": 0.1, "seed": 4, "restore_best": True}
    run = gdfast.fit(X, Y, validation=0.25, **options)
    rows = run.validation_rows
    training = np.setdiff1d(np.arange(60), rows)
    split = gdfast.fit(X[training], Y[training], validation=(X[rows], Y[rows]), **options)
    np.testing.assert_allclose(run.history["validation_cost"], split.history["validation_cost"], rtol=1e-13)
    loss = np.mean((run.predict(X[rows]) - Y[rows]) ** 2) / 2
    assert run.history["validation_cost"][run.best_epoch] == pytest.approx(loss, rel=1e-9)


def test_a_constant_column_is_divided_by_one():
    constant = np.column_stack([X[:, 0], np.full(60, 0.1), np.zeros(60)])
    run = gdfast.fit(constant, Y, standardize=True, epochs=50, learning_rate=0.1)
    assert run.coef[1:].tolist() == [0.0, 0.0]
    alone = gdfast.fit(X[:, :1], Y, standardize=True, epochs=50, learning_rate=0.1)
    np.testing.assert_allclose(run.predict(constant), alone.predict(X[:, :1]), rtol=1e-12)
    one_row = gdfast.fit([[3.0, 4.0]], [2.0], standardize=True, epochs=50, learning_rate=0.5)
    assert one_row.predict([[3.0, 4.0]]) == pytest.approx(2.0)


def test_rows_of_weight_zero_have_no_part_in_the_scaling():
    weights = np.where(np.arange(60) < 20, 0.0, WEIGHTS + 1)
    odd = X.copy()
    odd[:20] = 1e6 * RNG.normal(size=(20, 4))
    odd[:, 2] = np.where(weights > 0, 3.0, odd[:, 2])
    scaling = scaling_of(odd, weights)
    center, scale = scaled_by_hand(odd[20:], weights[20:])
    np.testing.assert_allclose(scaling.center, center, rtol=1e-13)
    np.testing.assert_allclose(scaling.scale[[0, 1, 3]], scale[[0, 1, 3]], rtol=1e-13)
    assert scaling.scale[2] == 1.0
    sparse = scaling_of(features("X", sp.csr_array(odd)), weights)
    np.testing.assert_allclose(sparse.scale, scaling.scale, rtol=1e-13)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_a_sparse_x_is_scaled_and_not_centred(weights):
    wide = np.where(RNG.random((60, 6)) < 0.3, RNG.normal(size=(60, 6)) * [1, 100, 1e-3, 5, 1, 1], 0.0)
    wide[:, 4], wide[:, 5] = 0.0, 2.0
    _, scale = scaled_by_hand(wide, weights)
    options = {"epochs": 30, "learning_rate": 0.1, "solver": "loop", "sample_weight": weights}
    run = gdfast.fit(sp.csr_array(wide), Y, standardize=True, **options)
    expected = gdfast.fit(sp.csr_array(wide / scale), Y, **options)
    np.testing.assert_allclose(run.coef, expected.coef / scale, rtol=1e-9, atol=1e-12)
    assert run.intercept == pytest.approx(expected.intercept, rel=1e-10)
    np.testing.assert_allclose(run.predict(wide), run.predict(sp.csr_array(wide)), rtol=1e-12)


def test_without_an_intercept_it_is_zero_on_the_scaled_columns():
    center, scale = scaled_by_hand(X, None)
    options = {"fit_intercept": False, "epochs": 30, "learning_rate": 0.1}
    run = gdfast.fit(X, Y, standardize=True, **options)
    expected = gdfast.fit((X - center) / scale, Y, **options)
    np.testing.assert_allclose(run.predict(X), expected.predict((X - center) / scale), rtol=1e-9)
    again = gdfast.fit(X, Y, standardize=True, coef_init=run.coef, intercept_init=run.intercept, **options)
    assert again.costs[0] == pytest.approx(run.cost, rel=1e-10)
    with pytest.raises(ValueError, match="intercept_init is not zero on the standardized columns"):
        gdfast.fit(X, Y, standardize=True, coef_init=run.coef, intercept_init=run.intercept + 1, **options)


@pytest.mark.parametrize("seed", range(30))
def test_means_and_deviations_hold_over_scales_and_offsets(seed):
    rng = np.random.default_rng(seed)
    n, scale, offset = int(rng.integers(2, 5000)), 10.0 ** rng.uniform(-150, 150, 3), 10.0 ** rng.uniform(-3, 6, 3)
    values = (rng.normal(size=(n, 3)) + offset) * scale
    s = rng.uniform(0.1, 1, n)
    found = scaling_of(values, s).scaled(values)
    assert np.abs(s @ found / s.sum()).max() < 1e-9
    np.testing.assert_allclose(np.sqrt(s @ found**2 / s.sum()), 1.0, rtol=1e-9)


def test_float32_stays_and_the_callers_x_is_not_changed():
    single = X.astype(np.float32)
    before = single.copy()
    run = gdfast.fit(single, Y, standardize=True, epochs=200, learning_rate=0.1)
    assert run.coef.dtype == np.float32
    double = gdfast.fit(X, Y, standardize=True, epochs=200, learning_rate=0.1)
    np.testing.assert_allclose(run.predict(single), double.predict(X), rtol=2e-4, atol=2e-2)
    np.testing.assert_array_equal(single, before)


def test_values_whose_mean_overflows_are_named():
    with pytest.raises(ValueError, match=r"^standardize=True: column 1 of X holds values too large"):
        gdfast.fit([[1.0, 1e308], [2.0, -1e308]], [1.0, 2.0], standardize=True)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_it_is_true_or_false(value):
    with pytest.raises(TypeError, match=r"standardize=.*True or False"):
        gdfast.fit(X, Y, standardize=value)


def test_the_estimators_have_it():
    sklearn = pytest.importorskip("gdfast.sklearn")
    model = sklearn.GDRegressor(standardize=True, epochs=50).fit(X, Y)
    run = gdfast.fit(X, Y, standardize=True, epochs=50)
    np.testing.assert_array_equal(model.coef_, run.coef)
    assert model.stability_.max_learning_rate == pytest.approx(2 * run.learning_rate, rel=1e-9)
    several = sklearn.GDClassifier(standardize=True, epochs=50).fit(X, THREE)
    assert several.score(X, THREE) > 0.7
    warm = sklearn.GDRegressor(standardize=True, epochs=50, warm_start=True).fit(X, Y)
    cost = warm.history_["cost"][-1]
    assert warm.fit(X, Y).history_["cost"][0] == pytest.approx(cost, rel=1e-10)


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e-310, "f8"), (1e-300, "f8"), (1e300, "f8"), (1e-42, "f4"), (1e-30, "f4"), (1e37, "f4")]
)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_deviations_whose_coefficients_a_float_cannot_hold_are_refused(make, scale, dtype):
    values = make((np.array([[1.0, 1.0], [2.0, 5.0], [5.0, 3.0]]) * [1.0, scale]).astype(dtype))
    with pytest.raises(
        ValueError, match=r"^standardize=True: column 1 of X has the standard deviation .*scale it first"
    ):
        gdfast.fit(values, [1.0, 2.0, 3.0], standardize=True)


def test_coefficients_too_large_for_the_units_of_x_are_an_error():
    single = (np.array([[1.0], [2.0], [5.0]]) * 1e-24).astype(np.float32)
    with pytest.raises(
        ValueError, match=r"^standardize=True: the coefficients in the units of X are too large for float32"
    ):
        gdfast.fit(single, [1e20, 2e20, 3e20], standardize=True)
