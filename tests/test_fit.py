"""fit against plain loops, and what holds for any fit."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.formulas.losses import LOSSES

IGNORE_STABILITY = pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning")
X_A = np.arange(1.0, 301.0)[:, None]
Y_A = 0.5 * X_A[:, 0] + 2.0


def plain_loop(X, y, epochs, rate, alpha=0.0, weights=None, start=None, intercept=True):
    """Full-batch descent on squared error with l2, in 80-bit floats; the costs of 0 .. epochs."""
    n, d = X.shape
    A = np.column_stack([X, np.full(n, float(intercept))]).astype(np.longdouble)
    s = np.ones(n, np.longdouble) if weights is None else weights.astype(np.longdouble) * n / weights.sum()
    w = np.zeros(d + 1, np.longdouble) if start is None else np.array(start, np.longdouble)
    l2 = np.full(d + 1, alpha, np.longdouble)
    l2[-1] = 0
    costs = []
    for k in range(epochs + 1):
        e = A @ w - y
        costs.append((s * e * e).sum() / (2 * n) + (l2 * w * w).sum() / 2)
        if k < epochs:
            w = w - np.longdouble(rate) * (A.T @ (s * e) / n + l2 * w)
    return w.astype(float), np.array(costs, float)


def test_tutorial_a(backend):
    epochs = 200_000 if backend != "numpy" else 2_000
    run = gdfast.fit(X_A, Y_A, epochs=epochs, learning_rate=0.5e-4, solver="loop", backend=backend)
    if backend != "numpy":
        assert run.coef[0] == pytest.approx(0.5008287639956263, rel=1e-12)
        assert run.intercept == pytest.approx(1.8339723159878247, rel=1e-12)
        assert np.sqrt(run.costs[-2]) == pytest.approx(0.05855369063451121, rel=1e-9)
    _, costs = plain_loop(X_A, Y_A, 2_000, 0.5e-4)
    np.testing.assert_allclose(run.costs[:2001], costs, rtol=1e-11)
    assert len(run.costs) == epochs + 1
    assert run.solver == "loop"


def test_ridge_weights_and_start(backend, rng):
    X, y, weights = rng.normal(size=(40, 4)), rng.normal(size=40), rng.random(40)
    start = rng.normal(size=5)
    run = gdfast.fit(
        X, y, epochs=50, learning_rate=0.1, penalty="l2", alpha=0.3, sample_weight=weights,
        coef_init=start[:4], intercept_init=start[4], backend=backend,
    )  # fmt: skip
    w, costs = plain_loop(X, y, 50, 0.1, 0.3, weights, start)
    np.testing.assert_allclose(np.append(run.coef, run.intercept), w, rtol=1e-12)
    np.testing.assert_allclose(run.costs, costs, rtol=1e-12)
    assert run.cost == run.costs[-1]
    assert run.cost_epochs.tolist() == list(range(51))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_integer_weight_is_a_repeated_row_and_zero_a_removed_one(loss, rng):
    X, times = rng.normal(size=(30, 3)), rng.integers(0, 4, 30)
    y = rng.integers(0, 2, 30) + (loss == "gamma")
    options = {"loss": loss, "epochs": 20, "learning_rate": 0.05, "penalty": "l1", "alpha": 0.01}
    weighted = gdfast.fit(X, y, sample_weight=times, **options)
    repeated = gdfast.fit(np.repeat(X, times, axis=0), np.repeat(y, times), **options)
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(weighted.costs, repeated.costs, rtol=1e-11)


def test_the_minibatch_loop(backend, rng):
    X, y = rng.normal(size=(23, 3)), rng.normal(size=23)
    run = gdfast.fit(X, y, batch_size=5, epochs=4, learning_rate=0.1, shuffle=False, backend=backend)
    w, b, costs = np.zeros(3), 0.0, []
    for _ in range(4):
        running = 0.0
        for first in range(0, 23, 5):
            x, t = X[first : first + 5], y[first : first + 5]
            e = x @ w + b - t
            running += (e @ e) / 2
            w, b = w - 0.1 * x.T @ e / len(t), b - 0.1 * e.mean()
        costs.append(running / 23)
    np.testing.assert_allclose(run.costs, costs, rtol=1e-13)
    np.testing.assert_allclose(np.append(run.coef, run.intercept), np.append(w, b), rtol=1e-12)
    assert (run.steps, run.epochs, run.cost_epochs.tolist()) == (20, 4, [1, 2, 3, 4])
    e = X @ run.coef + run.intercept - y
    assert run.cost == pytest.approx((e @ e) / 46, rel=1e-13)


@pytest.mark.slow_in_python
def test_cumulative_l1_reaches_the_optimum_that_the_proximal_step_reaches(rng):
    X = rng.normal(size=(200, 6))
    y = X @ [2.0, -1.0, 0, 0, 0, 0.5] + 0.1 * rng.normal(size=200)
    options = {"penalty": "l1", "alpha": 0.3, "seed": 0}
    batch = gdfast.fit(X, y, epochs=3000, **options)
    sgd = gdfast.fit(X, y, epochs=3000, batch_size=1, learning_rate=2e-4, **options)
    assert (batch.coef[2:5] == 0).all()
    np.testing.assert_allclose(sgd.coef, batch.coef, atol=0.01)
    assert sgd.cost == pytest.approx(batch.cost, rel=1e-4)
    for mu in (0.5, 0.9):
        momentum = gdfast.fit(X, y, epochs=3000, optimizer=gdfast.Momentum(mu), learning_rate=0.05, **options)
        np.testing.assert_allclose(momentum.coef, batch.coef, atol=1e-9)


@pytest.mark.slow_in_python
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("batch_size", [None, 1, 16])
def test_the_automatic_rate_converges_on_standardized_data(loss, batch_size, rng):
    X = rng.normal(size=(400, 5))
    X = (X - X.mean(0)) / X.std(0)
    z = X @ rng.normal(size=5) / 2
    y = rng.poisson(np.exp(z)) + (loss == "gamma") if LOSSES[loss].inverse_link else z + 0.3 * rng.normal(size=400)
    if LOSSES[loss].classification:
        y = y > 0.1
    options = {"loss": loss, "batch_size": batch_size, "seed": 1, "penalty": "l2", "alpha": 0.05}
    run = gdfast.fit(X, y, epochs=400, **options)
    best = gdfast.fit(X, y, epochs=8000, learning_rate=0.01, **{**options, "batch_size": None})
    start = gdfast.fit(X, y, epochs=1, learning_rate=1e-12, **{**options, "batch_size": None}).costs[0]
    assert run.cost - best.cost < 0.06 * (start - best.cost) + 0.003


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_the_automatic_rate_of_one_row(batch_size):
    assert gdfast.fit([[3.0, 2.0]], [1.0], batch_size=batch_size).learning_rate == pytest.approx(1 / 14)


def test_the_automatic_rate_is_one_over_the_largest_curvature(rng):
    for d, weights in ((3, None), (3, rng.random(100)), (90, rng.random(100)), (600, rng.random(100))):
        X = rng.normal(size=(100, d)) * np.geomspace(1, 30, d)
        s = np.ones(100) if weights is None else weights * 100 / weights.sum()
        A = np.column_stack([X, np.ones(100)])
        H = A.T @ (s[:, None] * A) / 100 + np.diag([0.7] * d + [0.0])
        run = gdfast.fit(X, rng.normal(size=100), epochs=1, penalty="l2", alpha=0.7, sample_weight=weights)
        assert run.learning_rate == pytest.approx(1 / np.linalg.eigvalsh(H)[-1], rel=1e-9)
        sgd = gdfast.fit(
            X, rng.normal(size=100), epochs=1, batch_size=1, penalty="l2", alpha=0.7, sample_weight=weights
        )
        assert sgd.learning_rate == pytest.approx(1 / (max(s * (A * A).sum(1)) + 0.7), rel=1e-12)
        log = gdfast.fit(X, X[:, 0] > 0, loss="log_loss", epochs=1)
        assert log.learning_rate == pytest.approx(4 / np.linalg.eigvalsh(A.T @ A / 100)[-1], rel=1e-9)


@settings(deadline=None, max_examples=100)
@given(
    n=st.integers(12, 70), d=st.integers(1, 25), loss=st.sampled_from(["squared_error", "log_loss", "squared_hinge"]),
    batch_size=st.sampled_from([None, 1, 2, 4, 16, 64]), mu=st.sampled_from([0.0, 0.5, 0.9, 0.99]),
    nesterov=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_automatic_rate_is_stable(n, d, loss, batch_size, mu, nesterov, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), 1 + 3 * rng.normal(size=n)
    if loss != "squared_error":
        y = y > np.median(y)
    optimizer = gdfast.Momentum(mu, nesterov=nesterov) if mu else "gd"
    run = gdfast.fit(X, y, loss=loss, batch_size=batch_size, optimizer=optimizer, epochs=40, seed=seed)
    assert max(run.costs) < 10 * run.costs[0]  # the noise of SGD lifts it at most some six times


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 30), d=st.integers(1, 12), exponent=st.integers(-8, 8), intercept=st.booleans(),
    seed=st.integers(0, 99), part=st.floats(0.05, 1.9),
)  # fmt: skip
def test_full_batch_equals_the_80_bit_loop(n, d, exponent, intercept, seed, part):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)) * 10.0**exponent, rng.normal(size=n)
    A = np.column_stack([X, np.full(n, float(intercept))])
    rate = part / np.linalg.eigvalsh(A.T @ A / n)[-1]
    run = gdfast.fit(X, y, epochs=20, learning_rate=rate, fit_intercept=intercept, batch_size=None, solver="loop")
    _, costs = plain_loop(X, y, 20, rate, intercept=intercept)
    np.testing.assert_allclose(run.costs, costs, rtol=1e-11, atol=1e-13 * costs[0])


@pytest.mark.numba_case(batch_size=1, history="objective")
@pytest.mark.parametrize("batch_size", [None, 1, 8])
@pytest.mark.parametrize("history", ["objective", "running", "none"])
def test_every_kind_of_history_records_the_same_fit(batch_size, history, backend, rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    options = {
        "batch_size": batch_size,
        "epochs": 12,
        "learning_rate": 0.05,
        "seed": 2,
        "backend": backend,
        "solver": "loop",
    }
    run = gdfast.fit(X, y, history=history, **options)
    plain = gdfast.fit(X, y, **options)
    assert run.coef.tobytes() == plain.coef.tobytes()
    first = {"objective": [0], "running": [1], "none": []}[history]
    assert run.cost_epochs[:1].tolist() == first
    assert len(run.costs) == {"objective": 13, "running": 12, "none": 0}[history]
    if history == "objective":
        for k in (1, 5):
            part = gdfast.fit(X, y, **{**options, "epochs": k})
            assert run.costs[k] == part.cost
    if history == "running" and batch_size is None:
        np.testing.assert_allclose(run.costs, gdfast.fit(X, y, history="objective", **options).costs[:-1], rtol=1e-14)


def test_history_thins_to_its_limit():
    run = gdfast.fit(X_A, Y_A, epochs=1001, learning_rate=1e-5, history_limit=100, solver="loop")
    whole = gdfast.fit(X_A, Y_A, epochs=1001, learning_rate=1e-5, solver="loop")
    assert len(run.costs) <= 101
    assert run.cost_epochs[[0, -1]].tolist() == [0, 1001]
    np.testing.assert_array_equal(run.costs, whole.costs[run.cost_epochs])
    assert set(np.diff(run.cost_epochs[:-1])) == {16}


@pytest.mark.parametrize("every", [7, "log"])
def test_history_grids(every):
    run = gdfast.fit(X_A, Y_A, epochs=1000, learning_rate=1e-5, history_every=every, solver="loop")
    whole = gdfast.fit(X_A, Y_A, epochs=1000, learning_rate=1e-5, solver="loop")
    np.testing.assert_array_equal(run.costs, whole.costs[run.cost_epochs])
    longer = gdfast.fit(X_A, Y_A, epochs=1500, learning_rate=1e-5, history_every=every, solver="loop")
    assert set(run.cost_epochs[:-1]) <= set(longer.cost_epochs)
    assert set(run.to_pandas().columns) == {"epoch", "cost"}


@IGNORE_STABILITY
def test_divergence_returns_the_last_finite_epoch(backend):
    with pytest.warns(gdfast.DivergenceWarning, match=r"epoch 497 .*0\.0001.* 6\.633e-05"):
        run = gdfast.fit(X_A, Y_A, epochs=600, learning_rate=1e-4, backend=backend, solver="loop")
    assert (run.diverged_at, run.epochs, run.stop_reason) == (497, 496, "diverged")
    assert len(run.costs) == 497
    assert np.isfinite(run.costs).all()
    assert run.cost == run.costs[-1]
    e = X_A[:, 0] * run.coef[0] + run.intercept - Y_A
    assert run.cost == pytest.approx(e @ e / 600, rel=1e-12)


@pytest.mark.numba_case(batch_size=7)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_stochastic_divergence(backend, batch_size):
    with pytest.warns(gdfast.DivergenceWarning, match="lower rate"):
        run = gdfast.fit(X_A, Y_A, epochs=60, learning_rate=1e-3, batch_size=batch_size, backend=backend, seed=0)
    assert run.epochs == run.diverged_at - 1
    assert np.isfinite(run.coef).all()
    assert len(run.costs) == run.epochs


@IGNORE_STABILITY
def test_epochs_of_a_diverging_run_do_not_depend_on_where_it_ends():
    ends = {}
    for epochs in (496, 497, 498, 2000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gdfast.DivergenceWarning)
            run = gdfast.fit(X_A, Y_A, epochs=epochs, learning_rate=1e-4)
        ends[epochs] = (run.epochs, run.diverged_at)
    assert ends == {496: (496, None), 497: (496, 497), 498: (496, 497), 2000: (496, 497)}


def test_a_start_that_overflows_is_an_error():
    with pytest.raises(ValueError, match="not finite at the start"):
        gdfast.fit([[1e200], [2e200]], [1e200, 2.0], coef_init=[1e200], learning_rate=1e-300)


def test_progress_is_shown_on_stderr(capsys):
    gdfast.fit(X_A, Y_A, epochs=500, progress=True, learning_rate=1e-5)
    captured = capsys.readouterr()
    assert "500" in captured.err
    assert captured.out == ""


def test_a_drawn_seed_is_recorded_and_reproduces():
    a = gdfast.fit(X_A / 300, Y_A, epochs=3, batch_size=1)
    b = gdfast.fit(X_A / 300, Y_A, epochs=3, batch_size=1)
    repeated = gdfast.fit(X_A / 300, Y_A, epochs=3, batch_size=1, seed=a.seed)
    assert a.seed != b.seed
    assert repeated.coef.tobytes() == a.coef.tobytes()


def test_batch_size_of_all_rows_is_the_full_batch(rng):
    X, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    full = gdfast.fit(X, y, epochs=5)
    for size in (9, 100):
        assert gdfast.fit(X, y, epochs=5, batch_size=size).costs.tolist() == full.costs.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "squared"}, "loss='squared'.*squared_error.*poisson"),
        ({"penalty": "l3", "alpha": 1}, "penalty='l3'.*none, l2, l1, elasticnet"),
        ({"alpha": 1.0}, "alpha=1 without a penalty"),
        ({"alpha": -1.0, "penalty": "l2"}, "alpha=-1.0 must be.*at least 0"),
        ({"l1_ratio": 1.5}, "l1_ratio=1.5.*at least 0 and at most 1"),
        ({"loss_parameter": 1.0}, "loss_parameter=1.0.*has none.*huber"),
        ({"loss": "huber", "loss_parameter": 0.0}, "loss_parameter=0.0.*above 0.*delta"),
        ({"loss": "quantile", "loss_parameter": 1.0}, "loss_parameter=1.0.*above 0 and below 1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0.*above 0"),
        ({"learning_rate": -1}, "learning_rate=-1"),
        ({"learning_rate": "fast"}, "learning_rate='fast'.*auto"),
        ({"learning_rate": np.nan}, "learning_rate=nan"),
        ({"learning_rate": True}, "learning_rate=True is a bool"),
        ({"epochs": 0}, "epochs=0.*at least 1"),
        ({"epochs": 2.0}, "epochs=2.0 is a float.*write 2"),
        ({"batch_size": 0}, "batch_size=0.*at least 1.*None is the full batch"),
        ({"batch_size": "all"}, "batch_size='all' is a str"),
        ({"optimizer": "adamm"}, "optimizer='adamm'.*gd, momentum, nesterov"),
        ({"optimizer": gdfast.GD}, "optimizer=GD is a class; write GD()"),
        ({"seed": -1}, "seed=-1.*at least 0"),
        ({"shuffle": "no"}, "shuffle='no' must be True or False"),
        ({"history": "all"}, "history='all'.*objective, running, none"),
        ({"history_every": 0}, "history_every=0"),
        ({"history_every": "lin"}, "history_every='lin'.*log"),
        ({"solver": "qr"}, "solver='qr'.*auto, closed_form, loop"),
        ({"solver": "closed_form", "batch_size": 8}, r"closed_form' needs the full batch \(batch_size=None\); use"),
        (
            {"solver": "closed_form", "loss": "huber", "penalty": "l1", "alpha": 1},
            "needs loss='squared_error', and penalty None",
        ),
        ({"tol": -1.0}, "tol=-1.0.*at least 0"),
        ({"patience": 3}, "patience=3 without tol"),
        ({"tol": 0.1, "patience": 0}, "patience=0.*at least 1"),
        ({"on_divergence": "stop"}, "on_divergence='stop'.*warn, raise"),
        ({"learning_rate": [0.1, 0.2]}, "learning_rate holds 2 rates, and epochs=100"),
        ({"learning_rate": [-0.1] * 100}, r"learning_rate is -0.1 at epoch 0"),
        ({"learning_rate": lambda epoch: -1.0}, r"learning_rate\(0\)=-1.0.*at least 0"),
        ({"learning_rate": gdfast.Constant}, r"learning_rate=Constant is a class; write Constant\(...\)"),
        ({"fit_intercept": None}, "fit_intercept=None must be True or False"),
        ({"coef_init": [1.0, 2.0]}, r"coef_init has shape \(2,\).*\(1,\)"),
        ({"coef_init": [np.nan]}, "coef_init holds nan"),
        ({"intercept_init": np.inf}, "intercept_init holds inf"),
        ({"intercept_init": 1.0, "fit_intercept": False}, "intercept_init is not zero"),
        ({"progress": 1}, "progress=1 must be True or False"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gdfast.fit(X_A, Y_A, **options)


@pytest.mark.numba_case(batch_size=1, optimizer="nesterov")
@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("optimizer", ["gd", "nesterov"])
def test_rates_of_every_kind_are_the_same_rates(batch_size, optimizer, backend, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    options = {
        "batch_size": batch_size, "optimizer": optimizer, "epochs": 9, "seed": 0, "backend": backend, "solver": "loop",
    }  # fmt: skip
    schedule = gdfast.InverseTime(0.05, 0.3)
    seen = []

    def function(epoch):
        seen.append(epoch)
        return 0.05 / (1 + 0.3 * epoch)

    ends = [
        gdfast.fit(X, y, learning_rate=rate, **options).coef.tobytes()
        for rate in (schedule, schedule(np.arange(9)), function)
    ]
    assert ends[0] == ends[1] == ends[2]
    assert seen == list(range(9))
    per_epoch = {None: 1, 1: 20, 7: 3}[batch_size]
    by_step = gdfast.Step(0.05, every=2 * per_epoch, factor=0.5, by="step")
    by_epoch = gdfast.Step(0.05, every=2, factor=0.5)
    assert (
        gdfast.fit(X, y, learning_rate=by_step, **options).coef.tobytes()
        == gdfast.fit(X, y, learning_rate=by_epoch, **options).coef.tobytes()
    )


def test_divergence_can_raise():
    with pytest.warns(gdfast.StabilityWarning), pytest.raises(gdfast.DivergenceError, match="epoch 497") as caught:
        gdfast.fit(X_A, Y_A, epochs=600, learning_rate=1e-4, on_divergence="raise")
    assert caught.value.run.epochs == 496


def test_a_rate_that_will_diverge_is_reported_before_training():
    message = r"0\.0001 is above 6\.633e-05.*overflow in epoch 497.*standardize.*condition number is 1\.21e\+05"
    for solver in ("loop", "closed_form"):
        with (
            pytest.warns(gdfast.StabilityWarning, match=message),
            pytest.warns(gdfast.DivergenceWarning, match=r"growing.*3921.*4\.778e\+09 after epoch 10\. .*6\.633e-05"),
        ):
            gdfast.fit(X_A, Y_A, epochs=10, learning_rate=1e-4, solver=solver)
    gdfast.fit(X_A, Y_A, epochs=10, learning_rate=6.6e-5)
    with pytest.warns(gdfast.DivergenceWarning, match=r"growing.*Try a lower rate"):  # no limit is known of its rows
        gdfast.fit(X_A, Y_A, epochs=10, learning_rate=1e-4, batch_size=30, seed=0)


def test_settings_do_not_follow_the_callers_arrays():
    start = np.array([0.25])
    run = gdfast.fit(X_A, Y_A, epochs=1, coef_init=start)
    start[0] = 9.0
    assert run.settings["coef_init"].tolist() == [0.25]


def test_momentum_checks_its_arguments():
    with pytest.raises(ValueError, match=r"momentum=1.0.*below 1"):
        gdfast.Momentum(1.0)
    with pytest.raises(TypeError, match="nesterov='yes'"):
        gdfast.Momentum(nesterov="yes")
