"""compat: each call follows its tutorial's loop, written here again in plain NumPy, for any shape of the targets."""

import math
import random
import re

import numpy as np
import pytest

import gdfast
from gdfast import compat
from gdfast.options.declarations import DEFAULTS

PARK_X = np.array([15.0, 18, 20, 21, 23, 25, 27, 28, 29, 30, 32, 34, 35, 36])
PARK_Y = np.array([23.0, 74, 65, 82, 135, 321, 440, 400, 290, 620, 630, 610, 560, 568])
B_X = 10 * np.random.RandomState(10).rand(100, 5)
B_Y = 0.9 + B_X @ [2.2, 4, -4, 1, 2]
STARTS = np.random.RandomState(3).randn(6)


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    available = gdfast.backends.available()["cython"] is None
    monkeypatch.setenv("GDFAST_BACKEND", "cython" if available else "numpy")


def loop_a(inputs, targets, epochs, rate):
    weights, bias, costs = np.zeros((inputs.shape[1], 1)), 0.0, []
    for _ in range(epochs):
        e = inputs @ weights + bias - targets
        costs.append(math.sqrt(float(np.sum(e * e)) / (2 * len(e))))
        weights, bias = weights - rate * inputs.T @ e / (2 * len(e)), bias - rate * np.sum(e) / (2 * len(e))
    return weights, bias, costs


def loop_b(X, y, alpha, epochs, W):
    ones, costs = np.column_stack([np.ones(len(X)), X]), []
    for _ in range(epochs):
        e = ones @ W - y
        costs.append(e @ e / (2 * len(y)))
        W = W - alpha * ones.T @ e / len(y)
    return W, costs


def loop_c(X, Y, iterations, lr):
    w, b, losses = 0.0, 0.0, []
    for _ in range(iterations):
        e = X * w + b - Y
        losses.append(np.mean(e * e))
        w, b = w - lr * 2 * np.mean(e * X), b - lr * 2 * np.mean(e)
    return w, b, losses


def close(value, other, rtol=1e-11):
    return np.allclose(value, other, rtol=rtol, atol=0)


def line_of_points():
    inputs, targets, _, _ = compat.generate_data(300, 0, 0.5, 2.0)
    return inputs, targets


def test_tutorial_a_meets_its_numbers():
    weights, bias, costs = compat.linear_regression(*line_of_points(), 200_000, 0.0001)
    assert weights.shape == (1, 1)
    assert type(bias) is float
    assert type(costs) is list
    assert len(costs) == 200_000
    assert close(weights, 0.5008287639956263)
    assert close(bias, 1.8339723159878247)
    assert close([costs[0], costs[-1]], [62.62005136801896, 0.05855369063451121])
    assert close(compat.rmse(*line_of_points(), weights, bias), 0.05855296238504223)


def test_tutorial_c_meets_its_numbers():
    w, b, losses = compat.train(PARK_X, PARK_Y, iterations=20_000, lr=0.001, return_losses=True)
    assert f"{w:.8f} {b:.8f} {compat.predict(33, w, b):.2f}" == "30.72223104 -471.01174707 542.82"
    assert len(losses) == 20_000
    assert compat.train(PARK_X, PARK_Y, 20_000, 0.001) == (w, b)


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("features", [1, 3])
def test_linear_regression_follows_its_loop(column, features):
    inputs = np.random.RandomState(0).rand(40, features)
    targets = np.random.RandomState(1).rand(40, 1)
    weights, bias, costs = compat.linear_regression(inputs, targets if column else targets[:, 0], 500, 0.3)
    expected = loop_a(inputs, targets, 500, 0.3)
    assert weights.shape == (features, 1)
    assert close(weights, expected[0])
    assert close(bias, expected[1])
    assert close(costs, expected[2])


@pytest.mark.parametrize("column", [False, True])
def test_gradient_descent_follows_its_loop(column):
    W, costs = compat.gradient_descent(B_X, B_Y[:, None] if column else B_Y, alpha=0.01, epochs=100, init=STARTS)
    expected = loop_b(B_X, B_Y, 0.01, 100, STARTS)
    assert W.shape == (6,)
    assert type(costs) is list
    assert close(W, expected[0])
    assert close(costs, expected[1])


def test_gradient_descent_starts_where_numpy_draws():
    np.random.seed(10)  # noqa: NPY002
    drawn = np.random.randn(6)  # noqa: NPY002
    expected = compat.gradient_descent(B_X, B_Y, init=drawn)[0]
    np.random.seed(10)  # noqa: NPY002
    assert np.array_equal(compat.gradient_descent(B_X, B_Y)[0], expected)
    assert np.array_equal(compat.gradient_descent(B_X, B_Y, seed=10)[0], expected)
    assert close(expected, loop_b(B_X, B_Y, 0.01, 30, drawn)[0])


@pytest.mark.parametrize("shape_x", [(-1,), (-1, 1)])
@pytest.mark.parametrize("shape_y", [(-1,), (-1, 1)])
def test_train_follows_its_loop(shape_x, shape_y):
    w, b, losses = compat.train(PARK_X.reshape(shape_x), PARK_Y.reshape(shape_y), 700, 0.001, return_losses=True)
    assert type(w) is type(b) is float
    assert close(w, loop_c(PARK_X, PARK_Y, 700, 0.001)[0])
    assert close(b, loop_c(PARK_X, PARK_Y, 700, 0.001)[1])
    assert close(losses, loop_c(PARK_X, PARK_Y, 700, 0.001)[2])


@pytest.mark.parametrize("form", [list, tuple, lambda values: values.astype("f4"), lambda values: values.astype(int)])
def test_any_form_of_the_same_numbers_gives_the_same_line(form):
    assert compat.train(form(PARK_X), form(PARK_Y), 50, 0.001) == compat.train(PARK_X, PARK_Y, 50, 0.001)


def test_the_derivatives_are_those_of_the_loss():
    w, b, h = 3.0, -20.0, 1e-3
    slope, offset = compat.gradient(PARK_X, PARK_Y[:, None], w, b)
    assert close(compat.loss(PARK_X, PARK_Y, w, b), np.mean((PARK_X * w + b - PARK_Y) ** 2))
    by_w = (compat.loss(PARK_X, PARK_Y, w + h, b) - compat.loss(PARK_X, PARK_Y, w - h, b)) / (2 * h)
    by_b = (compat.loss(PARK_X, PARK_Y, w, b + h) - compat.loss(PARK_X, PARK_Y, w, b - h)) / (2 * h)
    assert close([slope, offset], [by_w, by_b], 1e-7)
    assert close(compat.gradient(PARK_X[:, None], PARK_Y, w, b), (slope, offset))


def test_predict_keeps_the_shape():
    assert type(compat.predict(33, 2, 1)) is float
    assert compat.predict(33, [2.0], np.array([[1.0]])) == 67.0
    for shape in [(4,), (4, 1), (2, 2), (0,)]:
        values = np.arange(float(np.prod(shape))).reshape(shape)
        assert np.array_equal(compat.predict(values, 2, 1), 2 * values + 1)


def test_generate_data():
    random.seed(7)
    inputs, targets, test_inputs, test_targets = compat.generate_data(5, 50, 0.5, 2.0)
    assert np.array_equal(inputs, [[1.0], [2], [3], [4], [5]])
    assert np.array_equal(targets, inputs * 0.5 + 2)
    assert test_inputs.shape == test_targets.shape == (50, 1)
    assert np.array_equal(test_targets, test_inputs * 0.5 + 2)
    assert ((test_inputs >= 1000) & (test_inputs <= 100_000) & (test_inputs % 1 == 0)).all()
    random.seed(7)
    assert np.array_equal(compat.generate_data(5, 50, 0.5, 2.0)[2], test_inputs)
    assert compat.generate_data(1, 0, 1, 1)[2].shape == (0, 1)


def test_linear_regression_reports_every_iteration(capsys):
    quiet = compat.linear_regression(*line_of_points(), 7, 0.0001)
    assert capsys.readouterr().out == ""
    verbose = compat.linear_regression(*line_of_points(), 7, 0.0001, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    for one, other in zip(quiet, verbose, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    pattern = r"Iteration: (\d+) \| Cost/Loss: (\S+) \| Weight: \[\[(\S+)\]\] \| Bias: (\S+)"
    rows = np.array([re.fullmatch(pattern, line).groups() for line in lines], dtype=float)
    assert rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert rows[:, 1].tolist() == verbose[2]  # the cost before the update
    assert rows[-1, 2] == pytest.approx(verbose[0].item(), rel=1e-7)  # the weight after it
    assert rows[-1, 3] == verbose[1]


def test_gradient_descent_reports_every_tenth_iteration(capsys):
    _, costs = compat.gradient_descent(B_X, B_Y, epochs=21, init=STARTS, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"cost:{costs[epoch]} \t iteration: {epoch}" for epoch in (0, 10, 20)]


def test_the_others_report_one_line(capsys):
    w, b = compat.train(PARK_X, PARK_Y, 20_000, 0.001, verbose=True)
    compat.predict(33, w, b, verbose=True)
    compat.predict([1, 2], 2, 0, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "w=30.72223104; b=-471.01174707",
        "Prediction: x=33 => y=542.82",
        "Prediction: x=1 => y=2.00",
        "Prediction: x=2 => y=4.00",
    ]
    value = compat.loss(PARK_X, PARK_Y, 1, 2, verbose=True)
    assert capsys.readouterr().out == f"Loss: {value}\n"


RATES_TOO_LARGE = {
    "A": (lambda rate: compat.linear_regression(*line_of_points(), 900, rate)[2], "learning_rate", 1.32666e-4),
    "B": (lambda rate: compat.gradient_descent(B_X, B_Y, rate, 2000, init=STARTS)[1], "alpha", 1.54457e-2),
    "C": (lambda rate: compat.train(PARK_X, PARK_Y, 2000, rate, return_losses=True)[2], "lr", 1.33178e-3),
}


@pytest.mark.parametrize("name", RATES_TOO_LARGE)
@pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning")
def test_a_rate_too_large_is_reported_with_the_limit_of_the_call(name):
    call, argument, limit = RATES_TOO_LARGE[name]
    with pytest.warns(gdfast.DivergenceWarning, match=f"{argument}=.*below {limit:.4g}") as caught:
        costs = call(2 * limit)
    assert {warning.filename for warning in caught} == {__file__}
    bad = np.isinf(costs)
    assert bad[-1]
    assert not bad[0]
    assert (np.diff(bad.astype(int)) >= 0).all()
    assert np.isfinite(call(0.99 * limit)).all()


@pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning")
def test_a_diverges_where_its_loop_does():
    with pytest.warns(gdfast.DivergenceWarning, match="epoch 497"):
        weights, bias, costs = compat.linear_regression(*line_of_points(), 600, 2e-4)
    with np.errstate(all="ignore"):
        expected = loop_a(*line_of_points(), 600, 2e-4)[2]
    assert np.array_equal(np.isfinite(costs), np.isfinite(expected))
    assert close(costs[:497], expected[:497], 1e-9)
    assert np.isfinite(weights).all()
    assert math.isfinite(bias)


def test_every_cost_comes_back_however_many(monkeypatch):
    expected = compat.train(PARK_X, PARK_Y, 50, 0.001, return_losses=True)
    monkeypatch.setitem(DEFAULTS, "history_limit", 8)
    assert compat.train(PARK_X, PARK_Y, 50, 0.001, return_losses=True) == expected


def test_nothing_of_the_callers_is_changed_or_shared():
    given = [B_X.copy(), B_Y.copy(), STARTS.copy()]
    W, _ = compat.gradient_descent(given[0], given[1], init=given[2])
    assert all(np.array_equal(array, before) for array, before in zip(given, [B_X, B_Y, STARTS], strict=True))
    assert not np.shares_memory(W, given[2])


def linear_regression(**changes):
    return compat.linear_regression(**{"inputs": B_X, "targets": B_Y, "epochs": 3, "learning_rate": 0.001, **changes})


def gradient_descent(**changes):
    return compat.gradient_descent(**{"X": B_X, "y": B_Y, "seed": 0, **changes})


def train(**changes):
    return compat.train(**{"X": PARK_X, "Y": PARK_Y, "iterations": 3, "lr": 0.001, **changes})


def generate_data(**changes):
    return compat.generate_data(**{"m": 3, "n": 2, "a": 1.0, "b": 1.0, **changes})


def rmse(**changes):
    return compat.rmse(**{"inputs": B_X, "targets": B_Y, "weights": np.ones((5, 1)), "bias": 0.0, **changes})


def predict(**changes):
    return compat.predict(**{"X": PARK_X, "w": 1.0, "b": 0.0, **changes})


def loss(**changes):
    return compat.loss(**{"X": PARK_X, "Y": PARK_Y, "w": 1.0, "b": 0.0, **changes})


def gradient(**changes):
    return compat.gradient(**{"X": PARK_X, "Y": PARK_Y, "w": 1.0, "b": 0.0, **changes})


NO_FEATURES = [
    None,
    "abc",
    [["a"]],
    np.full(14, np.nan),
    [np.inf] * 14,
    [1j] * 14,
    [],
    [[1, 2], [3]],
    np.ma.masked_less(PARK_X, 20),
]
NO_TARGETS = [*NO_FEATURES, PARK_Y[:3], 1.0, np.ones((14, 2)), (value for value in PARK_Y)]
NO_COUNT = [0, -1, 1.5, 2.0, "3", None, True, 2**60]
NO_RATE = [0, -0.1, np.nan, np.inf, "auto", None, True, [0.1], 10**400]
NO_NUMBER = [np.nan, np.inf, "a", None, True, [1, 2], [], 10**400]
NO_FLAG = [0, 1, None, "yes"]
BAD = {
    linear_regression: {"inputs": NO_FEATURES, "targets": NO_TARGETS, "epochs": NO_COUNT, "verbose": NO_FLAG}
    | {"learning_rate": [*NO_RATE, 5e-324]},
    gradient_descent: {"X": NO_FEATURES, "y": NO_TARGETS, "alpha": NO_RATE, "epochs": NO_COUNT, "verbose": NO_FLAG}
    | {"init": [[1.0] * 5, [np.nan] * 6, "zeros", 0.0, [1e300] * 5], "seed": [-1, 2**32, 1.0, "a", True]},
    train: {"X": [*NO_FEATURES, B_X, 1.0], "Y": NO_TARGETS, "iterations": NO_COUNT, "lr": [*NO_RATE, 1e308]}
    | {"verbose": NO_FLAG, "return_losses": NO_FLAG},
    generate_data: {
        "m": [*NO_COUNT, 10**400],
        "n": [-1, 1.5, "3", None, True],
        "a": [*NO_NUMBER, 1e308],
        "b": NO_NUMBER,
    },
    rmse: {"inputs": NO_FEATURES, "targets": NO_TARGETS, "weights": [np.ones(4), [np.nan] * 5, "w"], "bias": NO_NUMBER},
    predict: {"X": NO_FEATURES[:6], "w": NO_NUMBER, "b": NO_NUMBER, "verbose": NO_FLAG},
    loss: {"X": [*NO_FEATURES, B_X], "Y": NO_TARGETS, "w": NO_NUMBER, "b": NO_NUMBER, "verbose": NO_FLAG},
    gradient: {"X": [*NO_FEATURES, B_X], "Y": NO_TARGETS, "w": NO_NUMBER, "b": NO_NUMBER, "verbose": NO_FLAG},
}
NAMES = [(call, name) for call, names in BAD.items() for name in names]


@pytest.mark.parametrize(("call", "name"), NAMES, ids=lambda part: getattr(part, "__name__", part))
def test_a_bad_argument_is_refused_by_the_name_in_its_signature(call, name):
    call()
    for value in BAD[call][name]:
        with pytest.raises((ValueError, TypeError), match=f"^{name}\\b"):
            call(**{name: value})


def test_a_cost_that_overflows_at_the_start_names_what_is_too_large():
    with pytest.raises(ValueError, match=r"^X or Y .*overflows"):
        train(Y=PARK_Y * 1e200)
    with pytest.raises(ValueError, match=r"^inputs or targets .*overflows"):
        linear_regression(targets=B_Y * 1e200)
    with pytest.raises(ValueError, match=r"^X or y or init .*overflows"):
        gradient_descent(init=[1e200] * 6)
