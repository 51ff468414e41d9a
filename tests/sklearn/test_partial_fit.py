"""partial_fit of GDRegressor and GDClassifier, held against a plain loop in extended precision and one epoch of fit."""

import copy
import itertools
import pickle
import signal
import warnings

import numpy as np
import pytest
from scipy import sparse

import gdfast

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.multioutput import MultiOutputRegressor

from gdfast.sklearn import GDClassifier, GDRegressor, SGDClassifier

LONG = np.longdouble
RNG = np.random.default_rng(5)
D = 4
X = RNG.standard_normal((90, D))
Y = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.3 + 0.2 * RNG.standard_normal(90)
COUNTS = RNG.poisson(np.exp(0.3 * X[:, 0])).astype(float)
LABELS = np.array(["no", "yes"])[(Y > 0).astype(int)]
KINDS = np.array(["a", "b", "c"])[np.digitize(Y, [-1.0, 1.0])]
WEIGHTS = RNG.uniform(0.0, 3.0, 90)
WEIGHTS[::7] = 0.0
UNEVEN = [slice(0, 30), slice(30, 41), slice(41, 42), slice(42, 90)]
EVEN = [slice(0, 30), slice(30, 40), slice(40, 90)]

GRADIENTS = {
    "squared_error": lambda y, z: z - y,
    "huber": lambda y, z: np.clip(z - y, -1.35, 1.35),
    "poisson": lambda y, z: np.exp(z) - y,
    "log_loss": lambda y, z: -y / (1 + np.exp(y * z)),
    "hinge": lambda y, z: np.where(y * z < 1, -y, 0),
    "multinomial": lambda y, z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - y,
}


class Plain:
    """A plain loop in extended precision, a call at a time, written from the formulas of torch.optim."""

    def __init__(self, k, d=D, loss="squared_error", optimizer="gd", batch_size=None, rate=0.05, average=None, seed=3,
                 shuffle=True, l2=0.0, l1=0.0, fit_intercept=True):  # fmt: skip
        self.w = np.zeros((k, d + 1), LONG)
        self.m, self.v, self.a, self.q = (np.zeros((k, d + 1), LONG) for _ in range(4))
        self.loss, self.optimizer, self.batch_size, self.rate = loss, optimizer, batch_size, rate
        self.average, self.seed, self.shuffle = average, seed, shuffle
        self.l2, self.l1, self.intercept = l2, l1, fit_intercept
        self.t = self.calls = self.averaged = 0
        self.u = LONG(0)

    def call(self, X, y, weights=None):
        n = len(X)
        order = gdfast.sample_order(n, self.seed, self.calls) if self.shuffle else np.arange(n)
        size = self.batch_size or n
        if self.batch_size is None:
            order = np.arange(n)
        y, weights = y.reshape(n, -1), np.ones(n) if weights is None else weights
        if isinstance(self.average, gdfast.EMA) and self.calls == self.average.start:
            self.a = self.w.copy()
        for first in range(0, n, size):
            rows = order[first : first + size]
            A = np.column_stack([X[rows], np.ones(len(rows))]).astype(LONG)
            r = GRADIENTS[self.loss](y[rows].astype(LONG), A @ self.w.T) * weights[rows, None]
            g = r.T @ A / len(rows)
            g[:, :-1] += LONG(self.l2) * self.w[:, :-1]
            if not self.intercept:
                g[:, -1] = 0
            self.update(g, LONG(self.rate(self.calls, self.t)) if callable(self.rate) else LONG(self.rate))
        self.calls += 1
        return self

    def update(self, g, eta):
        self.t += 1
        mu, rho, eps = LONG(0.9), LONG(0.999), LONG(1e-8)
        shrink = eta
        if self.optimizer in ("momentum", "nesterov"):
            self.m = mu * self.m + g
            self.w -= eta * (self.m if self.optimizer == "momentum" else g + mu * self.m)
            shrink = eta / (1 - mu)
        elif self.optimizer in ("adam", "adamw"):
            self.m, self.v = mu * self.m + (1 - mu) * g, rho * self.v + (1 - rho) * g * g
            root = np.sqrt(self.v / (1 - rho**self.t)) + eps
            decay = np.append(np.full(self.w.shape[1] - 1, LONG(0.01)), 0) if self.optimizer == "adamw" else 0
            self.w = self.w - eta * (self.m / (1 - mu**self.t) / root + decay * self.w)
            shrink = eta / root
        elif self.optimizer == "rmsprop":
            self.v = LONG(0.99) * self.v + (1 - LONG(0.99)) * g * g
            self.w -= eta * g / (np.sqrt(self.v) + eps)
            shrink = eta / (np.sqrt(self.v) + eps)
        elif self.optimizer == "adagrad":
            self.v = self.v + g * g
            self.w -= eta * g / (np.sqrt(self.v) + LONG(1e-10))
            shrink = eta / (np.sqrt(self.v) + LONG(1e-10))
        else:
            self.w -= eta * g
        if self.l1:
            self.penalise(LONG(self.l1) * np.broadcast_to(shrink, self.w.shape)[:, :-1])
        self.take_into_average()

    def penalise(self, threshold):
        old = self.w[:, :-1].copy()
        if self.batch_size != 1:
            self.w[:, :-1] = np.sign(old) * np.maximum(np.abs(old) - threshold, 0)
            return
        self.u = self.u + threshold  # Tsuruoka et al.: what every coordinate could have had so far
        q = self.q[:, :-1]
        down, up = np.maximum(0, old - (self.u + q)), np.minimum(0, old + (self.u - q))
        new = np.where(old > 0, down, np.where(old < 0, up, 0))
        self.q[:, :-1] += new - old
        self.w[:, :-1] = new

    def take_into_average(self):
        if isinstance(self.average, gdfast.EMA) and self.calls >= self.average.start:
            self.a = LONG(self.average.decay) * self.a + (1 - LONG(self.average.decay)) * self.w
            self.averaged += 1
        elif (
            self.average is not None
            and not isinstance(self.average, gdfast.EMA)
            and self.calls >= int(self.average) * (self.average is not True)
        ):
            self.averaged += 1
            self.a = self.a + (self.w - self.a) / self.averaged

    @property
    def coef(self):
        return (self.a if self.averaged else self.w)[:, :-1]

    @property
    def parameters(self):
        return self.a if self.averaged else self.w


def parameters(model):
    return np.column_stack([np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)])


def check_equal(model, plain, tolerance=1e-12):
    expected = plain.parameters.astype(np.float64)
    assert np.abs(parameters(model) - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


OPTIMIZERS = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
PENALTIES = {None: (0, 0), "l2": (0.3, 0), "l1": (0, 0.05), "elasticnet": (0.03, 0.02)}


@pytest.mark.parametrize("batch_size", [None, 1, 7, 1000])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_calls_are_those_of_a_plain_loop(batch_size, optimizer, penalty):
    l2, l1 = PENALTIES[penalty]
    alpha, ratio = l2 + l1, l1 / (l2 + l1) if penalty else 0.5
    model = GDRegressor(
        batch_size=batch_size, optimizer=optimizer, penalty=penalty, alpha=alpha, l1_ratio=ratio, learning_rate=0.01,
        random_state=3,
    )  # fmt: skip
    plain = Plain(1, optimizer=optimizer, batch_size=batch_size, rate=0.01, l2=l2, l1=l1)
    for call, rows in enumerate(UNEVEN):
        model.partial_fit(X[rows], Y[rows], sample_weight=WEIGHTS[rows] if call != 2 else [0.7])
        plain.call(X[rows], Y[rows], WEIGHTS[rows] if call != 2 else np.array([0.7]))
        check_equal(model, plain)
        assert model.n_iter_ == call + 1
    assert model.stop_reason_ is gdfast.StopReason.EPOCHS


@pytest.mark.parametrize("average", [True, 0, 2, gdfast.EMA(0.9), gdfast.EMA(0.8, start=1)], ids=str)
@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("optimizer", ["gd", "adam"])
def test_averages_count_calls(average, batch_size, optimizer):
    model = GDRegressor(
        batch_size=batch_size, optimizer=optimizer, average=average, learning_rate=0.02, random_state=3
    )  # fmt: skip
    plain = Plain(1, optimizer=optimizer, batch_size=batch_size, rate=0.02, average=average)
    for rows in UNEVEN:
        model.partial_fit(X[rows], Y[rows])
        check_equal(model, plain.call(X[rows], Y[rows]))


SCHEDULES = {
    "by epoch": (gdfast.Exponential(0.05, 0.5), lambda call, t: 0.05 * 0.5**call),
    "by step": (gdfast.InverseScaling(0.05, by="step"), lambda call, t: 0.05 / np.sqrt(t + 1.0)),
    "array": (np.array([0.05, 0.0, 0.02, 0.01]), lambda call, t: [0.05, 0.0, 0.02, 0.01][call]),
    "warm up by step": (
        gdfast.Warmup(gdfast.Constant(0.05, by="step"), 50, by="step"),
        lambda call, t: 0.05 * min(1.0, (t + 1) / 50),
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("batch_size", [None, 1, 7, 30])
def test_schedules_count_calls_or_updates(schedule, batch_size):
    given, rate = SCHEDULES[schedule]
    model, plain = GDRegressor(batch_size=batch_size, learning_rate=given, random_state=3), None
    plain = Plain(1, batch_size=batch_size, rate=rate)
    for rows in UNEVEN:
        model.partial_fit(X[rows], Y[rows])
        check_equal(model, plain.call(X[rows], Y[rows]))


def test_a_callable_gets_each_call_once_and_a_short_array_is_refused():
    asked = []

    def rate(call):
        asked.append(call)
        return 0.01

    model = GDRegressor(batch_size=1, learning_rate=rate, random_state=0)
    for rows in EVEN:
        model.partial_fit(X[rows], Y[rows])
    assert asked == [0, 1, 2]
    short = GDRegressor(learning_rate=np.array([0.1])).partial_fit(X, Y)
    with pytest.raises(ValueError, match="learning_rate holds 1 rates"):
        short.partial_fit(X, Y)


@pytest.mark.parametrize("loss", ["huber", "poisson"])
@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_losses_of_regression(loss, batch_size):
    y = COUNTS if loss == "poisson" else Y
    model = GDRegressor(loss, loss_parameter=1.35 if loss == "huber" else None, batch_size=batch_size,
                        learning_rate=0.02, random_state=3)  # fmt: skip
    plain = Plain(1, loss=loss, batch_size=batch_size, rate=0.02)
    for rows in UNEVEN:
        model.partial_fit(X[rows], y[rows])
        check_equal(model, plain.call(X[rows], y[rows]))


def test_several_outputs():
    targets = np.column_stack([Y, COUNTS])
    model, plain = GDRegressor(batch_size=5, learning_rate=0.02, random_state=3), Plain(2, batch_size=5, rate=0.02)
    for rows in UNEVEN:
        model.partial_fit(X[rows], targets[rows])
        check_equal(model, plain.call(X[rows], targets[rows]))
    assert model.predict(X).shape == (90, 2)
    with pytest.raises(ValueError, match="y has 1 columns, and had 2"):
        model.partial_fit(X, Y)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_two_classes(loss, batch_size):
    model = GDClassifier(loss, batch_size=batch_size, learning_rate=0.05, random_state=3, class_weight={"yes": 2.0})
    plain = Plain(1, loss=loss, batch_size=batch_size, rate=0.05)
    signs, weights = np.where(LABELS == "yes", 1.0, -1.0), np.where(LABELS == "yes", 2.0, 1.0)
    for rows in UNEVEN:
        model.partial_fit(X[rows], LABELS[rows], classes=["yes", "no"])
        check_equal(model, plain.call(X[rows], signs[rows], weights[rows]))
    assert model.coef_.shape == (1, D)
    assert model.intercept_.shape == (1,)
    assert model.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_softmax(batch_size):
    model = GDClassifier("multinomial", batch_size=batch_size, learning_rate=0.05, optimizer="momentum", random_state=3)
    plain = Plain(4, loss="multinomial", batch_size=batch_size, rate=0.05, optimizer="momentum")
    classes = ["a", "b", "c", "never"]
    one_hot = (KINDS[:, None] == np.array(classes)).astype(float)
    for rows in UNEVEN:
        model.partial_fit(X[rows], KINDS[rows], classes)
        check_equal(model, plain.call(X[rows], one_hot[rows]))
    assert (model.predict_proba(X)[:, 3] < 0.3).all()


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_each_class_against_all_others_has_its_own_state(batch_size):
    classes = np.array(["a", "b", "c", "never"])
    model = GDClassifier(batch_size=batch_size, learning_rate=0.05, optimizer="adam", average=1, random_state=8)
    seeds = np.random.RandomState(8).randint(2**31 - 1, size=4)
    plains = [
        Plain(1, loss="log_loss", batch_size=batch_size, rate=0.05, optimizer="adam", average=1, seed=int(seed))
        for seed in seeds
    ]
    for call, rows in enumerate([*UNEVEN, KINDS == "b"]):  # the third has one row, the last one class
        model.partial_fit(X[rows], KINDS[rows], classes=classes[::-1] if call % 2 == 0 else None)
        for i, plain in enumerate(plains):
            plain.call(X[rows], np.where(KINDS[rows] == classes[i], 1.0, -1.0))
            expected = plain.parameters.astype(float)[0]
            np.testing.assert_allclose(parameters(model)[i], expected, rtol=0, atol=1e-12)
    assert model.stop_reason_ == [gdfast.StopReason.EPOCHS] * 4
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


# Against one epoch over the concatenation.


@pytest.mark.parametrize("batch_size", [1, 5, 10])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("rate", [0.01, gdfast.InverseScaling(0.02, by="step")], ids=["constant", "by step"])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"penalty": "l2", "alpha": 0.1}, {"penalty": "l1", "alpha": 0.02}, {"fit_intercept": False},
        {"penalty": "elasticnet", "alpha": 0.05, "penalty_factors": np.array([1.0, 0.0, 2.0, 1.0]), "average": True},
        {"penalty": "l1", "alpha": 0.02, "bounds": (-0.2, np.array([0.3, 0.5, 0.1, 0.2]))},
        {"positive": True, "clip_norm": 0.5, "average": gdfast.EMA(0.9)}, {"clip_value": 0.1, "loss": "quantile"},
    ],
    ids=str,
)  # fmt: skip
def test_calls_over_blocks_are_one_epoch_over_all(batch_size, optimizer, kind, rate, options):
    rows = X if kind == "dense" else sparse.csr_array(np.where(abs(X) > 0.7, X, 0.0))
    options = options | {"batch_size": batch_size, "optimizer": optimizer, "learning_rate": rate, "shuffle": False}
    weights = WEIGHTS * (90 / WEIGHTS.sum())  # mean 1, to which fit scales them
    run = gdfast.fit(rows, Y, epochs=1, sample_weight=weights, **options)
    model = GDRegressor(**options)
    for block in EVEN:
        model.partial_fit(rows[block], Y[block], sample_weight=weights[block])
    np.testing.assert_allclose(model.coef_, run.coef, rtol=0, atol=1e-12)
    assert model.intercept_ == pytest.approx(run.intercept, abs=1e-12)


@pytest.mark.parametrize("size", [1, 10])
def test_classifiers_over_blocks_are_one_epoch_over_all(size):
    options = {"batch_size": size, "learning_rate": 0.1, "shuffle": False, "random_state": 0}
    for loss in ("log_loss", "multinomial", "squared_hinge", "modified_huber", "perceptron"):
        whole = GDClassifier(loss, epochs=1, **options).fit(X, KINDS)
        model = GDClassifier(loss, **options)
        for rows in EVEN:
            model.partial_fit(X[rows], KINDS[rows], classes=["a", "b", "c"])
        np.testing.assert_allclose(model.coef_, whole.coef_, rtol=0, atol=1e-12)
        np.testing.assert_allclose(model.intercept_, whole.intercept_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_calls_on_the_same_rows_are_epochs_of_fit(batch_size):
    options = {"batch_size": batch_size, "optimizer": "adam", "penalty": "l1", "alpha": 0.01, "average": 2,
               "learning_rate": gdfast.Exponential(0.1, 0.9), "random_state": 4}  # fmt: skip
    model = GDRegressor(**options)
    for _ in range(6):
        model.partial_fit(X, Y)
    run = GDRegressor(epochs=6, **options).fit(X, Y)
    np.testing.assert_array_equal(model.coef_, run.coef_)
    assert model.intercept_ == run.intercept_


def test_a_custom_loss():
    loss = gdfast.Loss(lambda y, z: 0.5 * (y - z) ** 2, lambda y, z: z - y)
    model, known = (
        GDRegressor(loss, batch_size=5, learning_rate=0.01, random_state=0) for loss in (loss, "squared_error")
    )
    for rows in UNEVEN:
        model.partial_fit(X[rows], Y[rows])
        known.partial_fit(X[rows], Y[rows])
    np.testing.assert_allclose(model.coef_, known.coef_, atol=1e-14)


# After a fit.

FITTED = {
    "closed form": {"solver": "closed_form"},
    "closed form with momentum": {"solver": "closed_form", "optimizer": "momentum"},
    "closed form with Nesterov's": {"solver": "closed_form", "optimizer": "nesterov", "penalty": "l2", "alpha": 0.1},
    "closed form, rates that end at zero": {
        "solver": "closed_form", "optimizer": "nesterov", "learning_rate": np.r_[np.full(7, 0.05), np.zeros(5)],
    },
    "closed form, rates of zero": {"solver": "closed_form", "optimizer": "momentum", "learning_rate": np.zeros(12)},
    "closed form without intercept": {"solver": "closed_form", "optimizer": "momentum", "fit_intercept": False},
    "full batch by the loop": {"solver": "loop", "optimizer": "adam"},
    "mini-batches": {"batch_size": 7, "optimizer": "adam"},
    "SGD with l1 and an average": {"batch_size": 1, "penalty": "l1", "alpha": 0.02, "average": True},
    "collocation": {"loss": "poisson", "solver": "collocation", "optimizer": "momentum", "learning_rate": 0.01},
}  # fmt: skip


@pytest.mark.parametrize("kept", ["in memory", "pickled"])
@pytest.mark.parametrize("case", FITTED)
def test_the_state_of_a_fit_is_carried_on(case, kept):
    options = {"learning_rate": 0.05, "random_state": 3, **FITTED[case]}
    y = COUNTS if "loss" in options else Y
    model = GDRegressor(epochs=12, **options).fit(X, y)
    if kept == "pickled":
        model = pickle.loads(pickle.dumps(model))
    l2, l1 = PENALTIES[options.get("penalty")][0] and 0.1, 0.02 if options.get("penalty") == "l1" else 0
    rates = options["learning_rate"]
    names = ("loss", "optimizer", "batch_size", "average", "fit_intercept")
    plain = Plain(1, rate=rates if np.ndim(rates) == 0 else lambda call, t: rates[call], l2=l2, l1=l1,
                  **{name: options[name] for name in names if name in options})  # fmt: skip
    for _ in range(12):
        plain.call(X, y)
    check_equal(model, plain)
    plain.calls, plain.rate = 0, 0.03
    model.set_params(solver="auto", learning_rate=0.03)
    for call, rows in enumerate(UNEVEN):
        model.partial_fit(X[rows], y[rows])
        check_equal(model, plain.call(X[rows], y[rows]), 1e-11)
        assert model.n_iter_ == call + 1


def test_standardized_columns_are_those_of_the_fit_before():
    far = 5.0 + 3.0 * X
    with pytest.raises(ValueError, match=r"standardize=True .* before a fit"):
        GDRegressor(standardize=True).partial_fit(far, Y)
    options = {"learning_rate": 0.1, "batch_size": 1, "random_state": 0, "epochs": 3}
    model = GDRegressor(standardize=True, **options).fit(far, Y)
    center, scale = far.mean(axis=0), far.std(axis=0)
    plain = GDRegressor(**options).fit((far - center) / scale, Y)
    model = pickle.loads(pickle.dumps(model))
    for rows in EVEN:
        model.partial_fit(far[rows], Y[rows])
        plain.partial_fit((far[rows] - center) / scale, Y[rows])
    np.testing.assert_allclose(model.coef_ * scale, plain.coef_, atol=1e-12)
    np.testing.assert_allclose(model.predict(far), plain.predict((far - center) / scale), atol=1e-12)


def test_standardized_coefficients_too_large_for_the_units_of_x_are_an_error():
    tiny = (1e-20 * X).astype(np.float32)
    model = GDRegressor(standardize=True, learning_rate=0.5, epochs=1).fit(tiny, Y)
    before = parameters(model)
    with pytest.raises(ValueError, match="too large for float32"):
        model.partial_fit(tiny, 1e25 * Y)
    np.testing.assert_array_equal(parameters(model), before)


def test_a_fit_with_a_checkpoint_and_callbacks_can_be_carried_on(tmp_path):
    seen = []
    model = GDRegressor(
        learning_rate=0.01, epochs=3, checkpoint=tmp_path / "run.npz", callbacks=seen.append, callback_every=1
    ).fit(X, Y)
    model = pickle.loads(pickle.dumps(model.set_params(callbacks=(), callback_every=None, checkpoint=None)))
    plain = Plain(1, rate=0.01)
    for _ in range(4):
        plain.call(X, Y)
    check_equal(model.partial_fit(X, Y), plain)
    assert len(seen) == 3


def test_fit_begins_anew_and_warm_start_from_the_coefficients():
    model = GDRegressor(batch_size=1, learning_rate=0.01, optimizer="adam", epochs=2, random_state=0)
    fresh = clone(model).fit(X, Y)
    model.partial_fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(model.coef_, fresh.coef_)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.partial_fit(X, Y).coef_, fresh.partial_fit(X, Y).coef_)
    start = copy.deepcopy(model)
    model.set_params(warm_start=True).fit(X, Y)
    given = clone(model).fit(X, Y, coef_init=start.coef_, intercept_init=start.intercept_)
    np.testing.assert_array_equal(model.coef_, given.coef_)


# The learning rate "auto", the seed, and what is kept between calls.


@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("optimizer", ["gd", "adam"])
def test_auto_is_found_from_the_rows_of_the_first_call(batch_size, optimizer):
    first = UNEVEN[0]
    rate = gdfast.fit(X[first], Y[first], epochs=1, batch_size=batch_size, optimizer=optimizer).learning_rate
    options = {"batch_size": batch_size, "optimizer": optimizer, "random_state": 3}
    auto, given = GDRegressor(**options), GDRegressor(learning_rate=rate, **options)
    for rows in UNEVEN:
        auto = pickle.loads(pickle.dumps(auto)).partial_fit(X[rows], Y[rows])
        np.testing.assert_array_equal(auto.coef_, given.partial_fit(X[rows], Y[rows]).coef_)


def test_auto_takes_the_weights_as_they_are():
    heavy = GDRegressor().partial_fit(X, Y, sample_weight=np.full(90, 4.0))
    light = GDRegressor().partial_fit(X, Y)
    np.testing.assert_allclose(heavy.coef_, light.coef_, rtol=1e-12)  # 1/L is a fourth
    fixed = GDRegressor(learning_rate=0.01).partial_fit(X, Y, sample_weight=np.full(90, 4.0))
    plain = GDRegressor(learning_rate=0.04).partial_fit(X, Y)
    np.testing.assert_allclose(fixed.coef_, plain.coef_, rtol=1e-12)


def test_a_random_state_is_drawn_from_once():
    state = np.random.RandomState(7)
    model = GDRegressor(batch_size=1, learning_rate=0.01, random_state=state)
    for rows in EVEN:
        model.partial_fit(X[rows], Y[rows])
    expected = np.random.RandomState(7)
    seed = int(expected.randint(2**31 - 1, size=1)[0])
    assert state.randint(1000) == expected.randint(1000)
    same = GDRegressor(batch_size=1, learning_rate=0.01, random_state=seed)
    for rows in EVEN:
        same.partial_fit(X[rows], Y[rows])
    np.testing.assert_array_equal(model.coef_, same.coef_)
    other = [GDRegressor(batch_size=1, learning_rate=0.01).partial_fit(X, Y).coef_ for _ in range(2)]
    assert not np.array_equal(*other)


@pytest.mark.parametrize("kind", ["regressor", "one against all", "softmax"])
def test_pickles_copies_and_clones_between_calls(kind):
    options = {"batch_size": 3, "learning_rate": 0.02, "optimizer": "adam", "average": 1, "random_state": 1}
    model = GDRegressor(**options) if kind == "regressor" else GDClassifier(**options)
    if kind == "softmax":
        model.set_params(loss="multinomial")
    y, classes = (Y, {}) if kind == "regressor" else (KINDS, {"classes": ["a", "b", "c"]})
    kept, parameters_before = clone(model), model.get_params()
    for rows in EVEN:
        model.partial_fit(X[rows], y[rows], **classes)
        kept = copy.deepcopy(pickle.loads(pickle.dumps(kept))).partial_fit(X[rows], y[rows], **classes)
    np.testing.assert_array_equal(model.coef_, kept.coef_)
    np.testing.assert_array_equal(model.intercept_, kept.intercept_)
    assert model.get_params() == parameters_before
    with pytest.raises(NotFittedError):
        clone(model).predict(X)
    np.testing.assert_array_equal(
        clone(model).partial_fit(X, y, **classes).coef_, clone(model).partial_fit(X, y, **classes).coef_
    )


def test_one_state_does_not_write_to_another():
    model = GDRegressor(batch_size=1, learning_rate=0.01, optimizer="momentum", random_state=0).partial_fit(X, Y)
    coef, kept = model.coef_, copy.copy(model)
    values = coef.copy()
    model.partial_fit(X, Y)
    np.testing.assert_array_equal(coef, values)
    np.testing.assert_array_equal(kept.partial_fit(X, Y).coef_, model.coef_)


# Inputs.


def test_float32_is_kept_and_the_dtype_is_that_of_the_first_call():
    options = {"batch_size": 4, "learning_rate": 0.02, "random_state": 0}
    single, double = GDRegressor(**options), GDRegressor(**options)
    for i, rows in enumerate(EVEN):
        single.partial_fit(X[rows].astype(np.float32) if i == 0 else X[rows], Y[rows])
        double.partial_fit(X[rows] if i == 0 else X[rows].astype(np.float32), Y[rows])
    assert (single.coef_.dtype, double.coef_.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-5)
    with pytest.raises(ValueError, match="too large for dtype"):
        single.partial_fit(1e60 * X, Y)


def test_sparse_rows_and_dense_ones_may_take_turns():
    options = {"batch_size": 1, "learning_rate": 0.01, "penalty": "elasticnet", "alpha": 0.05, "random_state": 2}
    mixed, dense = GDRegressor(**options), GDRegressor(**options)
    for i, rows in enumerate(UNEVEN):
        mixed.partial_fit(sparse.csr_array(X[rows]) if i % 2 else X[rows], Y[rows])
        dense.partial_fit(X[rows], Y[rows])
    np.testing.assert_allclose(mixed.coef_, dense.coef_, atol=1e-13)


def test_names_of_features_are_checked():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = GDRegressor(learning_rate=0.1).partial_fit(frame, Y)
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame[list("badc")], Y)
    with pytest.raises(ValueError, match="yet now missing"):
        model.partial_fit(frame[["a", "b"]], Y)
    with pytest.raises(TypeError, match="take no column's name"):
        model.partial_fit(frame, "a")
    assert model.n_iter_ == 1
    model.partial_fit(frame, Y)
    assert model.n_iter_ == 2


def test_weights():
    model = GDRegressor(batch_size=1, learning_rate=0.01, shuffle=False)
    np.testing.assert_allclose(
        clone(model).partial_fit(X, Y, sample_weight=np.arange(90) % 2).coef_,
        clone(model).partial_fit(X[1::2], Y[1::2]).coef_, atol=1e-14,
    )  # fmt: skip
    for weights, message in ((np.zeros(90), "zero"), (-np.ones(90), "negative"), (np.ones(89), "sample_weight")):
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, Y, sample_weight=weights)
    strided = np.repeat(WEIGHTS, 2)
    before = strided.copy()
    np.testing.assert_array_equal(
        clone(model).partial_fit(X, Y, sample_weight=strided[::2]).coef_,
        clone(model).partial_fit(X, Y, sample_weight=WEIGHTS).coef_,
    )
    np.testing.assert_array_equal(strided, before)


def test_classes():
    model = GDClassifier(learning_rate=0.1)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, KINDS)
    wrong_ones = [
        (["a"], "greater than one"), ([], "greater than one"), ("abc", "classes"), ([[1, 2]], "classes"),
        ([1.0, np.nan], "classes"), ([1, "a"], "several types"),
    ]  # fmt: skip
    for wrong, message in wrong_ones:
        with pytest.raises((ValueError, TypeError), match=message):
            model.partial_fit(X, KINDS, classes=wrong)
    with pytest.raises(ValueError, match="y holds 'c', and the labels are 'a' and 'b'"):
        model.partial_fit(X, KINDS, classes=["a", "b"])
    assert not hasattr(model, "classes_")
    model.partial_fit(X, KINDS, classes=["c", "a", "b", "a"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    for other in (["a", "b"], ["a", "b", "c", "d"]):
        with pytest.raises(ValueError, match="not the same"):
            model.partial_fit(X, KINDS, classes=other)
    with pytest.raises(ValueError, match="y holds"):
        model.partial_fit(X, np.arange(90) % 2)
    with pytest.raises(ValueError, match="y holds 'd'"):
        model.partial_fit(X, np.where(KINDS == "a", "d", "b"))
    with pytest.raises(ValueError, match="label type"):
        GDClassifier().partial_fit(X, Y, classes=[0.0, 1.0])
    with pytest.raises(ValueError, match="class_weight='balanced'"):
        GDClassifier(class_weight="balanced").partial_fit(X, KINDS, classes=["a", "b", "c"])
    fitted = GDClassifier(epochs=2).fit(X, KINDS)
    with pytest.raises(ValueError, match="not the same"):
        fitted.partial_fit(X, KINDS, classes=["a", "b"])
    assert fitted.partial_fit(X[:1], KINDS[:1]).n_iter_ == 1


@pytest.mark.parametrize("labels", [[False, True], [0, 1], [-1.5, 2.0], ["x", "y"], [b"x", b"y"]], ids=str)
def test_labels_of_any_type(labels):
    two = np.array(labels)[(Y > 0).astype(int)]
    model = GDClassifier(batch_size=1, learning_rate=0.1, random_state=0)
    try:
        GDClassifier(epochs=1).fit(X, two)
    except (ValueError, TypeError) as error:  # what fit refuses, this does, too
        with pytest.raises(type(error)):
            model.partial_fit(X, two, classes=labels)
        return
    assert model.partial_fit(X, two, classes=labels).score(X, two) > 0.9


# Parameters: what is ignored, what is refused, and what must stay.


def test_parameters_of_fit_alone_are_ignored():
    ignored = {"epochs": 7, "tol": 1e3, "patience": 1, "gradient_tol": 1e9, "max_seconds": 1e-9, "history": "running",
               "history_every": 3, "history_limit": 4, "record": ("coef",), "warm_start": True}  # fmt: skip
    for batch_size in (None, 1):
        options = {"batch_size": batch_size, "learning_rate": 0.01, "random_state": 0}
        model, plain = GDRegressor(**options, **ignored), GDRegressor(**options)
        for rows in EVEN:
            model.partial_fit(X[rows], Y[rows])
            plain.partial_fit(X[rows], Y[rows])
        np.testing.assert_array_equal(model.coef_, plain.coef_)
        assert model.n_iter_ == 3
    with pytest.raises(ValueError, match="tol"):
        GDRegressor(tol=-1.0).partial_fit(X, Y)


REFUSED = {
    "callbacks": [lambda state: None], "checkpoint": "run.npz", "restore_best": True, "on_divergence": "backtrack",
    "solver": "closed_form", "learning_rate": gdfast.ReduceOnPlateau(0.1), "standardize": True,
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, "solver collocation"])
@pytest.mark.parametrize("batch_size", [None, 1])
def test_parameters_that_a_call_cannot_follow_are_refused(name, batch_size, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = REFUSED.get(name, "collocation")
    for model in (GDRegressor(batch_size=batch_size), GDClassifier(batch_size=batch_size)):
        classes = {"classes": [0, 1]} if isinstance(model, GDClassifier) else {}
        model.set_params(**{name.split()[0]: value})
        with pytest.raises(ValueError, match=name.split()[0] + ".*not possible with partial_fit"):
            model.partial_fit(X, (Y > 0).astype(int), **classes)
        assert not hasattr(model, "coef_")
    assert not list(tmp_path.iterdir())


CHANGED = {"loss": "huber", "optimizer": "adam", "average": True, "fit_intercept": False, "standardize": True}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("before", ["fit", "partial_fit"])
def test_what_the_state_depends_on_must_stay(name, before):
    model = getattr(GDRegressor(learning_rate=0.01, epochs=2), before)(X, Y)
    with pytest.raises(ValueError, match=f"{name}=.* at the last call"):
        model.set_params(**{name: CHANGED[name]}).partial_fit(X, Y)
    classifier = getattr(GDClassifier("multinomial", learning_rate=0.01, epochs=2), before)
    model = classifier(X, KINDS, **({} if before == "fit" else {"classes": ["a", "b", "c"]}))
    with pytest.raises(ValueError, match="loss='log_loss' was 'multinomial'"):
        model.set_params(loss="log_loss").partial_fit(X, KINDS)


def test_rate_batch_size_and_penalty_may_change():
    model = GDRegressor(batch_size=None, learning_rate=0.05, penalty="l2", alpha=0.1).partial_fit(X, Y)
    plain = Plain(1, rate=0.05, l2=0.1).call(X, Y)
    model.set_params(batch_size=1, learning_rate=0.01, alpha=0.0, random_state=3).partial_fit(X, Y)
    plain.batch_size, plain.rate, plain.l2, plain.seed = 1, 0.01, 0.0, model._progress.trainings[0].seed
    check_equal(model, plain.call(X, Y))
    model.set_params(penalty="l1", alpha=0.05).partial_fit(X, Y)
    plain.l1 = 0.05
    check_equal(model, plain.call(X, Y))
    model.set_params(batch_size=7).partial_fit(X, Y)
    plain.batch_size = 7
    check_equal(model, plain.call(X, Y))
    model.set_params(batch_size=1).partial_fit(X, Y)
    plain.batch_size, plain.u, plain.q = 1, LONG(0), np.zeros_like(plain.q)  # what is pending begins anew
    check_equal(model, plain.call(X, Y))


@pytest.mark.parametrize("before", ["fit", "partial_fit"])
def test_coefficients_that_were_changed_are_an_error(before):
    for name in ("coef_", "intercept_"):
        model = getattr(GDRegressor(learning_rate=0.01, epochs=2), before)(X, Y)
        setattr(model, name, getattr(model, name) + 1.0)
        with pytest.raises(ValueError, match="coef_ or intercept_ was changed"):
            model.partial_fit(X, Y)


def test_an_estimator_without_the_state_of_its_training_is_refused():
    model = GDRegressor(epochs=2).fit(X, Y)
    state = model.__getstate__()
    del state["_progress"]  # as an older version pickled it
    older = GDRegressor()
    older.__setstate__(state)
    np.testing.assert_array_equal(older.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="older gdfast"):
        older.partial_fit(X, Y)


def test_history_and_stability_are_of_fit():
    model = GDRegressor(learning_rate=0.01, epochs=2).fit(X, Y)
    assert len(model.history_["cost"]) == 3
    model.partial_fit(X, Y)
    for name in ("history_", "stability_"):
        with pytest.raises(AttributeError, match="partial_fit"):
            getattr(model, name)


# Failures.


def test_divergence_keeps_what_was_reached():
    options = {"batch_size": 1, "learning_rate": 0.01, "optimizer": "momentum", "random_state": 0}
    for classes in ({}, {"classes": ["a", "b", "c"]}):
        y, wild = (KINDS, X * 1e300) if classes else (Y, X * 1e300)
        kind = GDClassifier("squared_hinge", **options) if classes else GDRegressor(**options)
        model = clone(kind).partial_fit(X, y, **classes)
        before = parameters(model)
        with pytest.warns(gdfast.DivergenceWarning, match="call 2 of partial_fit at learning_rate=0.01") as caught:
            model.partial_fit(wild, y)
        assert all(warning.filename == __file__ for warning in caught)
        np.testing.assert_array_equal(parameters(model), before)
        assert model.n_iter_ == 2
        assert np.ravel(model.stop_reason_)[0] == gdfast.StopReason.DIVERGED
        model.partial_fit(X, y)
        assert np.isfinite(model.coef_).all()
        strict = clone(kind).set_params(on_divergence="raise").partial_fit(X, y, **classes)
        attributes = {name: id(value) for name, value in vars(strict).items()}
        with pytest.raises(gdfast.DivergenceError, match="call 2 of partial_fit"):
            strict.partial_fit(wild, y)
        assert {name: id(value) for name, value in vars(strict).items()} == attributes
        np.testing.assert_array_equal(parameters(strict), before)


def test_the_order_after_a_call_that_diverged_is_that_of_the_next_call():
    model = GDRegressor(batch_size=1, learning_rate=0.01, random_state=3)
    plain = Plain(1, batch_size=1, rate=0.01).call(X, Y)
    model.partial_fit(X, Y)
    with pytest.warns(gdfast.DivergenceWarning):
        model.partial_fit(1e300 * X, Y)
    plain.calls += 1
    check_equal(model.partial_fit(X, Y), plain.call(X, Y))


def test_a_full_batch_that_overflows():
    model = GDRegressor(learning_rate=0.1).partial_fit(X, Y)
    before = parameters(model)
    with pytest.warns(gdfast.DivergenceWarning, match="call 2"):
        model.partial_fit(1e200 * X, Y)
    np.testing.assert_array_equal(parameters(model), before)
    with pytest.warns(gdfast.DivergenceWarning, match="a rate below"):
        GDRegressor(learning_rate=1e200).partial_fit(1e60 * X, Y)


@pytest.mark.parametrize("failing", range(3))
def test_ctrl_c_in_any_of_the_classes_leaves_the_estimator_as_it_was(failing, monkeypatch):
    from gdfast.sklearn import partial

    model = GDClassifier(batch_size=1, learning_rate=0.1, random_state=np.random.RandomState(0))
    calls = itertools.count()

    def interrupted(*arguments, whole=partial.run_on_rows):
        if next(calls) == failing:
            raise KeyboardInterrupt
        return whole(*arguments)

    for started in (False, True):
        before, random = dict(vars(model)), model.random_state.get_state()[1].copy()
        values = pickle.dumps(model)
        with monkeypatch.context() as patch:
            patch.setattr(partial, "run_on_rows", interrupted)
            with pytest.raises(KeyboardInterrupt):
                model.partial_fit(X, KINDS, classes=["a", "b", "c"])
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())
        assert pickle.dumps(model) == values
        np.testing.assert_array_equal(model.random_state.get_state()[1], random)
        if not started:
            model.partial_fit(X, KINDS, classes=["a", "b", "c"])
            calls = itertools.count()


@pytest.mark.parametrize("batch_size", [None, 1])
def test_ctrl_c_in_a_call(batch_size):
    def rate(call):
        if call == 1:
            signal.raise_signal(signal.SIGINT)
        return 0.01

    model = GDRegressor(batch_size=batch_size, learning_rate=rate, random_state=0).partial_fit(X, Y)
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_after_a_closed_form_that_diverged(optimizer, dtype):
    model = GDRegressor(learning_rate=1e3, epochs=10_000, optimizer=optimizer, solver="closed_form")
    with pytest.warns((gdfast.DivergenceWarning, gdfast.StabilityWarning)):
        model.fit(X.astype(dtype), Y)
    kept = pickle.loads(pickle.dumps(model)).set_params(solver="loop")
    with pytest.warns(gdfast.DivergenceWarning):
        kept.partial_fit(X, Y)
    np.testing.assert_array_equal(kept.coef_, model.coef_)


# In scikit-learn's tools.


def test_one_regressor_for_each_target():
    targets = np.column_stack([Y, COUNTS])
    model = MultiOutputRegressor(GDRegressor(batch_size=1, learning_rate=0.01, random_state=0))
    for rows in EVEN:
        model.partial_fit(X[rows], targets[rows])
    own = GDRegressor(batch_size=1, learning_rate=0.01, random_state=0)
    for rows in EVEN:
        own.partial_fit(X[rows], Y[rows])
    np.testing.assert_array_equal(model.estimators_[0].coef_, own.coef_)


def test_the_best_model_of_a_search_can_be_trained_further():
    from gdfast.sklearn import GridSearchCV

    for random_state, size in ((0, None), (0, 1), (None, 1)):
        model = GDRegressor(epochs=5, batch_size=size, optimizer="momentum", random_state=random_state)
        best = GridSearchCV(model, {"learning_rate": [0.001, 0.01]}, cv=3).fit(X, Y).best_estimator_
        expected = pickle.loads(pickle.dumps(best)).partial_fit(X[:30], Y[:30])
        np.testing.assert_array_equal(best.partial_fit(X[:30], Y[:30]).coef_, expected.coef_)


WORDS = {"sport": "ball goal team coach match league", "market": "stock price bank share profit fund"}


def documents(seed, count):
    """Return short texts and what they are about; most words of a text are of its own subject."""
    rng, labels = np.random.default_rng(seed), np.array(list(WORDS))
    about = labels[rng.integers(0, 2, count)]
    texts = []
    for label in about:
        other = next(name for name in WORDS if name != label)
        own = rng.choice(WORDS[label].split(), 4).tolist()
        texts.append(" ".join(own + rng.choice(WORDS[other].split(), 2).tolist() + ["the", "of", "and"]))
    return texts, about


@pytest.mark.parametrize(
    "model",
    [GDClassifier(batch_size=1, loss="log_loss", learning_rate=0.5, random_state=0), SGDClassifier(random_state=0)],
    ids=["GDClassifier", "SGDClassifier"],
)
def test_text_that_does_not_fit_into_memory(model):
    """scikit-learn's example of out-of-core classification, in small."""
    vectorizer, model = HashingVectorizer(n_features=2**12, alternate_sign=False), clone(model)
    texts, about = documents(0, 300)
    held_out = vectorizer.transform(texts)
    scores = []
    for block in range(1, 11):
        texts, labels = documents(block, 100)
        model.partial_fit(vectorizer.transform(texts), labels, classes=np.array(list(WORDS)))
        scores.append(model.score(held_out, about))
    assert scores[-1] > 0.95


def test_no_warning_is_raised_in_an_ordinary_call():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GDRegressor().partial_fit(X, Y).partial_fit(X, Y)
        GDClassifier(batch_size=1).partial_fit(X, KINDS, classes=["a", "b", "c"]).partial_fit(X[:1], KINDS[:1])
