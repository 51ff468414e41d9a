"""A sweep: each of its runs is the run of its own fit; grids, folds, the table, the best run, and what is refused."""

import os
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest
from sklearn.model_selection import KFold

import gdfast
from gdfast.solvers.loop import chunks
from gdfast.solvers.loop import solver as loop
from gdfast.sweeps.sweep import fit_together

DRAWS = int(os.environ.get("GDFAST_FUZZ", "100"))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)


@pytest.fixture
def share_all(monkeypatch):
    """Have every pass shared, however short."""
    monkeypatch.setattr(loop, "LEAST_SECONDS", 0.0)


def fit(X, y, options, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gdfast.fit(X, y, **options, **more)


def assert_same(run, single, tol=1e-12):
    """A run of a sweep is that of the single fit."""
    assert run.epochs == single.epochs
    assert run.stop_reason == single.stop_reason
    assert run.solver == single.solver
    assert run.diverged_at == single.diverged_at
    assert repr(run.settings) == repr(single.settings)
    scale = np.linalg.norm(np.append(np.ravel(single.coef), single.intercept)) + 1e-300
    assert np.abs(run.coef - single.coef).max() <= tol * scale
    assert np.abs(np.asarray(run.intercept) - single.intercept).max() <= tol * scale
    assert run.cost_epochs.tobytes() == single.cost_epochs.tobytes()
    largest = np.nanmax(np.abs(single.costs), initial=0.0)  # beside which a loss that vanishes is rounding
    np.testing.assert_allclose(run.costs, single.costs, rtol=tol, atol=1e-15 * largest)


def drawn(seed):
    """Return data and the arguments of a sweep: axes, folds, all sorts of X."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(12, 80)), int(rng.integers(1, 7))
    X = rng.normal(size=(n, d))
    z = X @ rng.normal(size=d)
    loss = str(rng.choice(["squared_error", "log_loss", "poisson", "huber", "multinomial", "hinge"]))
    y = {
        "log_loss": (z + rng.logistic(size=n) > 0).astype(int),
        "hinge": (z > 0).astype(int),
        "poisson": rng.poisson(np.exp(np.clip(z, -2, 2))).astype(float),
        "multinomial": np.arange(n) % 3,
    }.get(loss, z + rng.normal(size=n))
    if loss in ("log_loss", "hinge"):
        y[:4] = [0, 1, 0, 1]
        y[-4:] = [0, 1, 0, 1]
    options = {"loss": loss, "epochs": int(rng.integers(2, 25)), "seed": int(rng.integers(100))}
    options["learning_rate"] = [float(rate) for rate in 10.0 ** rng.uniform(-3, -1, rng.integers(1, 5))]
    if rng.random() < 0.6:
        options["penalty"] = [["l2"], ["l1", "l2"], [None, "elasticnet"]][rng.integers(3)]
        options["alpha"] = [float(alpha) for alpha in 10.0 ** rng.uniform(-4, 0, rng.integers(1, 4))]
    if rng.random() < 0.4:
        options["optimizer"] = ["gd", gdfast.Momentum(0.8), "adam"][: rng.integers(1, 4)]
    options["batch_size"] = [None, 1, 7, [None, 1], [1, 5]][rng.integers(5)]
    if rng.random() < 0.3:
        options["fit_intercept"] = [True, False]
    if rng.random() < 0.3:
        options |= {"tol": float(10.0 ** rng.uniform(-4, -1)), "patience": 2}
    if rng.random() < 0.2:
        options["standardize"] = True
    if rng.random() < 0.2:
        options["history_every"] = [1, 3]
    if rng.random() < 0.15:
        options["validation"] = 0.25
    if rng.random() < 0.15:
        options["record"] = ("gradient_norm", "coef")
    kind = str(rng.choice(["float64", "float64", "float64", "float32", "csr"]))
    if kind == "float32":
        X = X.astype(np.float32)
    elif kind == "csr":
        X = pytest.importorskip("scipy.sparse").csr_matrix(X * (rng.random(X.shape) < 0.5))
    weight = rng.uniform(0.5, 2.0, n) if rng.random() < 0.3 else None
    return X, y, weight, options, int(rng.integers(2, 4)) if rng.random() < 0.3 else None


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_drawn_sweep_is_its_single_fits(seed, share_all):
    X, y, weight, options, folds = drawn(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = gdfast.sweep(X, y, sample_weight=weight, folds=folds, **options)
    pairs = [(slice(None), None)] if folds is None else list(KFold(folds).split(np.zeros(X.shape[0])))
    assert len(result) % len(pairs) == 0
    for place, (run, configuration) in enumerate(zip(result, result.configurations, strict=True)):
        train, test = pairs[place % len(pairs)]
        rows = None if weight is None else weight[train]
        error = result.errors[place]
        if error is not None:
            with pytest.raises(type(error)):
                fit(X[train], y[train], configuration, sample_weight=rows)
            continue
        single = fit(X[train], y[train], configuration, sample_weight=rows)
        assert_same(run, single)
        if test is not None and configuration["loss"] == "squared_error":
            off = y[test] - single.decision(X[test])
            weights = None if weight is None else weight[test]
            tol = 1e-10 if X.dtype == np.float64 else 1e-4
            assert result.validation_costs[place] == pytest.approx(0.5 * np.average(off**2, weights=weights), rel=tol)


@pytest.mark.parametrize("loss", ["huber", "log_loss"])
def test_rates_at_which_sgd_spreads_rounding_train_alone(loss):
    """Above 2 / (curvature of a row) iterates that differ in a last digit move apart, though the costs stay bounded."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 25))
    y = X @ rng.normal(size=25) + rng.normal(size=300)
    y = (y > 0).astype(int) if loss == "log_loss" else y
    rates = [1e-3, 1e-2, 0.1, 1.0]
    result = gdfast.sweep(X, y, loss=loss, learning_rate=rates, batch_size=1, epochs=20, seed=0)
    for run, configuration in zip(result, result.configurations, strict=True):
        assert_same(run, fit(X, y, configuration))


@pytest.mark.parametrize(
    "optimizer",
    ["gd", gdfast.Momentum(0.8), gdfast.Momentum(0.5, nesterov=True), "adagrad", "rmsprop", "adam", gdfast.AdamW()],
    ids=str,
)
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
@pytest.mark.parametrize("average", [None, 7, gdfast.EMA(0.8)], ids=str)
def test_full_batches_of_each_optimizer_over_many_chunks(data, share_all, monkeypatch, optimizer, penalty, average):
    """A step count, or what is pending, that a chunk does not hand on shows from the second one on."""
    monkeypatch.setattr(chunks, "GROWTH", 1)
    monkeypatch.setattr(chunks, "FIRST_PRODUCTS", 1000)  # five epochs
    X, y = data
    options = {"loss": "huber", "epochs": 23, "optimizer": optimizer, "penalty": penalty, "solver": "loop"}
    options |= {} if average is None else {"average": average}
    grid = {"learning_rate": [0.01, 0.03, 0.1], "alpha": [0.0] if penalty is None else [0.0, 0.01]}
    result = gdfast.sweep(X, y, **options, **grid)
    for run, configuration in zip(result, result.configurations, strict=True):
        assert_same(run, fit(X, y, configuration))


def test_order_is_that_of_the_keywords_folds_innermost(data):
    result = gdfast.sweep(*data, epochs=3, alpha=[0.0, 0.5], penalty="l2", learning_rate=[0.1, 0.2], folds=2)
    table = result.table
    assert list(table)[:2] == ["alpha", "learning_rate"]
    assert table["alpha"] == [0.0] * 4 + [0.5] * 4
    assert table["learning_rate"] == [0.1, 0.1, 0.2, 0.2] * 2
    assert table["fold"] == [0, 1] * 4
    assert list(table)[2:] == [
        "fold", "cost", "validation_cost", "epochs", "stop_reason", "seconds", "solver", "stored",
    ]  # fmt: skip
    assert len(result.to_pandas()) == 8
    assert result.to_arrow().num_rows == 8


def test_a_tuple_and_an_array_are_one_value(data):
    result = gdfast.sweep(*data, epochs=3, learning_rate=np.array([0.1, 0.2, 0.1]), bounds=(0, 1))
    assert len(result) == 1
    assert result.swept == []
    assert_same(result.runs[0], fit(*data, result.configurations[0]))


def test_configurations_stand_alone(data):
    given = [{"learning_rate": 0.1}, {"learning_rate": [0.1, 0.2, 0.3], "alpha": 0.1}]
    result = gdfast.sweep(*data, configurations=given, epochs=3, penalty="l2")
    assert result.swept == ["learning_rate", "alpha"]
    assert [run.settings["alpha"] for run in result] == [0.0, 0.1]
    assert_same(result.runs[1], fit(*data, result.configurations[1]))


def test_one_seed_for_all(data):
    result = gdfast.sweep(*data, epochs=2, batch_size=1, learning_rate=[0.01, 0.02])
    assert result.runs[0].seed == result.runs[1].seed
    other = gdfast.sweep(*data, epochs=2, batch_size=1, learning_rate=[0.01, 0.02], seed=[3, 4], history=["none"])
    assert [run.seed for run in other] == [3, 4, 3, 4]


def test_costs_are_the_union(data):
    result = gdfast.sweep(*data, learning_rate=0.1, epochs=[2, 4], history_every=[1, 2])
    assert result.cost_epochs.tolist() == [0, 1, 2, 3, 4]
    expected = [[1, 1, 1, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 1, 0, 1]]
    assert np.isfinite(result.costs).astype(int).tolist() == expected


def test_the_best_run(data):
    with pytest.warns(gdfast.DivergenceWarning):
        result = gdfast.sweep(*data, learning_rate=[0.01, 0.1, 50.0], epochs=200)
    assert result.best() is result.runs[1]
    folds = gdfast.sweep(*data, learning_rate=[0.001, 0.1], epochs=50, folds=3)
    best = folds.best("validation_cost")
    assert best.settings["learning_rate"] == 0.1
    assert_same(best, fit(*data, best.settings))
    with pytest.raises(ValueError, match="no run has a finite validation_cost"):
        result.best("validation_cost")


def test_divergence_is_said_once(data):
    with pytest.warns(gdfast.DivergenceWarning, match=r"2 of 3 runs") as caught:
        result = gdfast.sweep(*data, learning_rate=[0.1, 1e3, 1e4], epochs=100, solver="loop")
    assert len(caught) == 1
    assert [run.stop_reason for run in result] == ["epochs", "diverged", "diverged"]
    for run, configuration in zip(result, result.configurations, strict=True):
        assert_same(run, fit(*data, configuration))


def test_a_configuration_that_fails_does_not_end_the_sweep(data):
    X, y = data
    result = gdfast.sweep(X, y, learning_rate=0.01, epochs=3, loss=["squared_error", "gamma"])
    assert result.table["stop_reason"] == ["epochs", "failed"]
    assert "gamma" in str(result.errors[1]) or "y" in str(result.errors[1])
    assert result.runs[1] is None
    labels = np.arange(60) < 50
    folds = gdfast.sweep(X, labels, loss="log_loss", learning_rate=0.01, epochs=3, folds=[(range(50), range(50, 60))])
    assert folds.table["stop_reason"] == ["failed"]


def test_a_raised_divergence_is_the_error_of_its_run(data):
    result = gdfast.sweep(*data, learning_rate=[0.1, 1e4], epochs=200, solver="loop", on_divergence="raise")
    assert isinstance(result.errors[1], gdfast.DivergenceError)
    assert result.errors[0] is None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"learning_rate": []}, ValueError, r"learning_rate=\[\] is an axis without values"),
        ({"rate": [1]}, ValueError, "'rate' is no argument of fit; choose from loss, "),
        ({"alpha": [0, 0.0]}, ValueError, "configurations 0 and 1 are the same"),
        ({"checkpoint": "a.npz"}, ValueError, "checkpoint= belongs to a single fit"),
        ({"configurations": []}, ValueError, "holds nothing to fit"),
        ({"configurations": {"alpha": 1}}, TypeError, "must be a list of dicts"),
        ({"configurations": [1]}, TypeError, r"configurations\[0\]=1 must be a dict"),
        ({"configurations": [{}], "alpha": [0.1]}, ValueError, "both given"),
        ({"configurations": [{"rate": 1}]}, ValueError, "'rate' is no argument"),
        ({"folds": 1}, ValueError, "folds=1 must be from 2 to the 60 rows"),
        ({"folds": 61}, ValueError, "folds=61"),
        ({"folds": "5"}, TypeError, "must be a number of folds"),
        ({"folds": [(1, 2, 3)]}, ValueError, "must be a pair"),
        ({"folds": [([0, 60], [1])]}, ValueError, "holds row 60, and X has 60 rows; give numbers from 0 to 59"),
        ({"folds": [([0, 1], [])]}, ValueError, "at least one"),
        ({"folds": []}, ValueError, "holds no fold"),
        ({"progress": 3}, TypeError, "progress=3"),
    ],
)
def test_what_is_refused_before_training(data, options, error, words):
    with pytest.raises(error, match=words):
        gdfast.sweep(*data, epochs=2, **options)


def test_it_pickles_without_data(data):
    result = gdfast.sweep(*data, learning_rate=[0.01, 0.1], epochs=20, folds=2)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.table["cost"] == result.table["cost"]
    assert copy.costs.tobytes() == result.costs.tobytes()
    with pytest.raises(ValueError, match="sweep again"):
        copy.best()


def test_ctrl_c_keeps_what_is_finished(data):
    def press(state):
        signal.raise_signal(signal.SIGINT)

    given = [{"epochs": 2}, {"epochs": 10**6, "callbacks": (press,)}, {"epochs": 3, "shuffle": False}]
    result = gdfast.sweep(*data, configurations=given, learning_rate=1e-3, batch_size=1)
    assert result.stop_reason == "interrupted"
    assert result.table["stop_reason"] == ["epochs", "interrupted", "not run"]
    assert 0 < result.runs[1].epochs < 10**6


def test_passes_on_threads_equal_those_on_one(data):
    grid = {"optimizer": ["gd", "adam"], "batch_size": [None, 1, 8], "alpha": [0.0, 0.1], "penalty": "l2"}
    options = {"epochs": 20, "learning_rate": 0.01, "seed": 0, "folds": 2}
    one, two = (gdfast.sweep(*data, **grid, **options, n_threads=threads) for threads in (1, 2))
    assert one.costs.tobytes() == two.costs.tobytes()
    assert [run.coef.tobytes() for run in one.runs] == [run.coef.tobytes() for run in two.runs]
    assert {run.settings["n_threads"] for run in two.runs} == {2}


def test_errors_and_divergence_on_threads(data):
    given = [{"learning_rate": 1e3}, {"learning_rate": 1e-3, "loss": "log_loss"}, {"learning_rate": 1e-3, "epochs": 3}]
    with pytest.warns(gdfast.DivergenceWarning, match="1 of 3 runs"):
        result = gdfast.sweep(*data, configurations=given, epochs=400, batch_size=1, seed=0, n_threads=2)
    assert result.table["stop_reason"] == ["diverged", "failed", "epochs"]


def test_ctrl_c_ends_passes_on_threads():
    """Two run and others wait: nothing is begun after it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 20))
    y = X @ rng.normal(size=20)
    timer = threading.Timer(1.0, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    try:
        result = gdfast.sweep(
            X,
            y,
            optimizer="adam",
            learning_rate=[1e-4, 1e-3, 1e-2, 2e-2],
            batch_size=1,
            epochs=10**6,
            n_threads=2,
            max_seconds=60,
        )
    finally:
        timer.cancel()
    assert result.stop_reason == "interrupted"
    assert set(result.table["stop_reason"]) == {"interrupted", "not run"}
    assert all(run is None or run.epochs < 10**6 for run in result.runs)


def test_ctrl_c_in_fits_whose_all_results_are_wanted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 20))
    y = X @ rng.normal(size=20)
    threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT)).start()
    long = {"learning_rate": 1e-3, "batch_size": 1, "epochs": 10**6}
    with pytest.raises(KeyboardInterrupt):
        fit_together(X, y, None, [long, long | {"penalty": "l1", "alpha": 0.1}])


def test_frames_go_by_name(data):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(data[0], columns=list("abc")).assign(target=data[1], w=np.linspace(1, 2, 60))
    result = gdfast.sweep(frame, "target", sample_weight="w", learning_rate=[0.1], epochs=5, folds=2)
    single = gdfast.fit(frame[:30], "target", sample_weight="w", learning_rate=0.1, epochs=5)
    assert result.runs[1].feature_names == ("a", "b", "c")
    assert result.runs[1].coef == pytest.approx(single.coef, rel=1e-12)


@pytest.fixture
def pictures():
    """Draw in memory, and close the figures afterwards."""
    pytest.importorskip("matplotlib").use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.mark.usefixtures("pictures")
def test_pictures(data):
    with pytest.warns(gdfast.DivergenceWarning):
        result = gdfast.sweep(*data, learning_rate=[0.01, 0.1, 1e3], alpha=[0.0, 0.1], penalty="l2", epochs=200)
    assert len(result.plot().lines) == 6
    grid = result.plot_grid("learning_rate", "alpha")
    assert grid.images[0].get_array().shape == (2, 3)
    assert np.isnan(grid.images[0].get_array().filled(np.nan)[:, 2]).all()
    assert len(result.plot_parallel().lines) == 6
    with pytest.raises(ValueError, match="x='tol'"):
        result.plot_grid("tol", "alpha")


def label_of(axes):
    """Return the text beside the colour bar of a heat map."""
    return axes.images[0].colorbar.ax.get_ylabel()


@pytest.mark.usefixtures("pictures")
def test_pictures_show_the_validation_cost_where_there_is_one(data):
    """The mean over the folds of each pair, as `best(by)` compares them; by="cost" asks for the training cost."""
    grid = {"learning_rate": [0.01, 0.1], "alpha": [0.0, 0.1], "penalty": "l2", "epochs": 20}
    result = gdfast.sweep(*data, folds=3, **grid)
    for by in (None, "validation_cost", "cost"):
        name = by or "validation_cost"
        means = np.reshape(result.table[name], (2, 2, 3)).mean(axis=-1).T
        axes = result.plot_grid("learning_rate", "alpha", by=by)
        assert label_of(axes) == f"final {name.replace('_', ' ')}"
        assert np.asarray(axes.images[0].get_array()) == pytest.approx(means, rel=1e-12)
        axes = result.plot_parallel(by=by)
        assert axes.get_xticklabels()[-1].get_text() == f"final {name.replace('_', ' ')}"
        assert axes.texts[-2].get_text() == f" {min(result.table[name]):.4g}"
    plain = gdfast.sweep(*data, **grid)
    axes = plain.plot_grid("learning_rate", "alpha")
    assert label_of(axes) == "final cost"
    assert np.asarray(axes.images[0].get_array()) == pytest.approx(np.reshape(plain.table["cost"], (2, 2)).T, rel=1e-12)
    for draw in (lambda by: plain.plot_grid("learning_rate", "alpha", by=by), lambda by: plain.plot_parallel(by=by)):
        with pytest.raises(ValueError, match="by='validation_cost': no run has a validation cost; sweep with folds="):
            draw("validation_cost")
        with pytest.raises(ValueError, match="by='loss' is not known; choose one of cost, validation_cost"):
            draw("loss")


def test_a_sweep_says_which_runs_are_growing(data, tmp_path):
    """What the warning names tells a run that overflows from one that stays finite far above its start."""
    rates = {"learning_rate": [0.1, 3.0, 1e4], "epochs": 100}
    with pytest.warns(gdfast.DivergenceWarning, match=r"2 of 3 runs .*; \.table\['stop_reason'\] and \.growing"):
        result = gdfast.sweep(*data, store=tmp_path / "runs.db", **rates)
    assert result.table["stop_reason"] == ["epochs", "epochs", "diverged"]
    assert result.growing == [False, True, False]
    assert gdfast.sweep(*data, store=tmp_path / "runs.db", **rates).growing == [False, True, False]


def test_a_run_that_backtracking_saved_is_not_warned_of(data):
    result = gdfast.sweep(*data, learning_rate=[0.1, 4.0], epochs=1000, on_divergence="backtrack")
    assert result.runs[1].diverged_at is not None
    assert result.growing == [False, False]
