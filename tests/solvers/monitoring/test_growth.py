"""Costs that end far above the start, and finite: one warning, an error where asked for, and advice on the rate."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse

import gdfast
from gdfast.results.trend import GROWTH

X = np.arange(200.0)[:, None]
Y = 2 * X[:, 0]
RNG = np.random.default_rng(5)
HOPELESS = {"batch_size": 1, "learning_rate": 0.001, "epochs": 1, "seed": 0}


def fit(X, y, **options):
    """Return the Run and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return gdfast.fit(X, y, **options), [str(warning.message) for warning in caught]


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse", "weighted"])
def test_sgd_that_explodes(kind):
    data = {"float32": X.astype(np.float32), "sparse": sparse.csr_array(X)}.get(kind, X)
    weights = np.linspace(0.5, 1.5, 200) if kind == "weighted" else None
    options = {**HOPELESS, "learning_rate": {"float32": 2e-4, "weighted": 5e-4}.get(kind, 0.001)}
    run, messages = fit(data, Y, sample_weight=weights, **options)
    assert (run.stop_reason, run.diverged_at) == ("epochs", None)
    assert np.isfinite(run.cost)
    assert len(messages) == 1
    assert "growing" in messages[0]
    assert "learning_rate" in messages[0]
    assert "growing" in run.advice
    assert "lower learning_rate" in run.advice
    assert "more epochs" not in run.advice


def test_warning_exactly_from_1000_times_the_start():
    warned = 0
    for draw in range(300):
        rng = np.random.default_rng(draw)
        n, d, epochs = (int(number) for number in rng.integers([2, 1, 1], [400, 4, 4]))
        data, y = rng.normal(size=(n, d)) * 10 ** rng.uniform(-1, 1.5), rng.normal(size=n)
        options = {
            "learning_rate": 10 ** rng.uniform(-3.5, 0.5),
            "batch_size": int(rng.integers(1, 20)),
            "average": bool(rng.integers(2)) or None,
            "history": str(rng.choice(["running", "objective", "none"])),
            "coef_init": rng.normal(size=d) if rng.integers(2) else None,
        }
        run, messages = fit(data, y, epochs=epochs, seed=1, **options)
        if run.stop_reason == "diverged":
            continue
        start = options["coef_init"] if options["coef_init"] is not None else np.zeros(d)
        with np.errstate(over="ignore"):
            before, after = (np.mean((data @ w + b - y) ** 2) for w, b in ((start, 0.0), (run.coef, run.intercept)))
        grown = after > GROWTH * before
        assert any("growing" in message for message in messages) == grown, (draw, options, before, after)
        warned += grown
    assert 30 < warned < 270


def test_error_where_it_is_asked_for():
    with pytest.raises(gdfast.DivergenceError, match="growing") as caught:
        gdfast.fit(X, Y, on_divergence="raise", **HOPELESS)
    assert "growing" in caught.value.run.advice


@pytest.mark.parametrize("solver", ["closed_form", "loop"])
def test_full_batch(solver):
    run, messages = fit(X, Y, learning_rate=1.5e-3, epochs=10, solver=solver)
    assert np.isfinite(run.costs).all()
    assert [("growing" in message) for message in messages] == [False, True]
    assert "stable one" in messages[1]


def test_resumed_loaded_and_pickled(tmp_path):
    run, _ = fit(X, Y, **{**HOPELESS, "epochs": 1})
    run.save(tmp_path / "run.npz")
    for other in (gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        assert other.advice == run.advice


def test_resumed():
    """Steady for an epoch, then the callable's rate explodes."""

    def rate(epoch):
        return np.where(np.asarray(epoch) < 1, 1e-9, 1e-3)

    run, messages = fit(X, Y, **{**HOPELESS, "learning_rate": rate})
    assert not messages
    with pytest.warns(gdfast.DivergenceWarning, match="growing"):
        run.resume(1)


def test_no_warning_for_rounding_alone():
    coef = np.array([0.1, 0.7, -0.3])
    data = RNG.normal(size=(50, 3))
    y = data @ coef
    run, messages = fit(data, y, coef_init=coef, batch_size=1, epochs=5, learning_rate=0.01, fit_intercept=False)
    assert not messages
    assert run.start_cost is None
