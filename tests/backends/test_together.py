"""SGD and mini-batches of several configurations at once, against one after another and against a plain loop."""

from dataclasses import replace

import numpy as np
import pytest

import gdfast
from gdfast.backends import load
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.data.problem import make_problem
from gdfast.formulas.losses import LOSSES
from gdfast.options.model import Model

HERE = [
    pytest.param(name, marks=[pytest.mark.numba] if name == "numba" else [])
    for name, missing in gdfast.backends.available().items()
    if missing is None
]
COMPILED = pytest.mark.skipif(gdfast.backends.available()["cython"] is not None, reason="no compiled core here")
UNCOUPLED = [name for name, loss in LOSSES.items() if not loss.coupled]


class Case:
    """Some configurations of one problem, which differ in their l2, start and rates."""

    def __init__(
        self, n, d, count, loss="squared_error", *, backend="cython", dtype=np.float64, weighted=False, intercept=True,
        l2=0.01, **order,
    ):  # fmt: skip
        rng = np.random.default_rng(100 * d + count)
        X = rng.normal(size=(n, d)).astype(dtype)
        entry = LOSSES[loss]
        y = np.arange(n) % 2 if entry.classification else rng.uniform(0.1, 3.0, n)
        c = entry.parameter.default if entry.parameter else 0.0
        self.problem = make_problem(X, y, loss, rng.uniform(0, 2, n) if weighted else None, c)
        self.model = Model(loss, c, 0.0, 0.0, intercept, "gd", 0.0)
        self.models = [replace(self.model, l2=l2 * i) for i in range(count)]
        self.starts = [
            (rng.normal(size=(1, d)).astype(dtype) / d, rng.normal(size=1) * intercept) for _ in range(count)
        ]
        self.order = {"batch_size": 1, "seed": 3} | order
        self.backend, self.rates = backend, 0.2 / (d + 1) * (np.arange(count) + 1.0) / count

    def kernels(self, model=None):
        return load(self.backend).Kernels(self.problem, self.model if model is None else model)

    def states(self):
        return [State(self.problem, self.model, W, b, **self.order) for W, b in self.starts]

    def updates(self, steps, ends, *, by_step=False, wanted=()):
        """Return rates that shrink from update to update, or from epoch to epoch."""
        size = steps if by_step else ends + 1
        shape = 1.0 / (1.0 + np.arange(size) / size)
        marks = np.array(wanted, bool)
        return [Updates(steps, rate * shape, by_step, marks, np.full(ends, np.nan)) for rate in self.rates]

    def together(self, states, updates):
        return self.kernels().stochastic_together(states, updates, self.models)

    def alone(self, states, updates):
        return [
            self.kernels(model).stochastic(state, update)
            for model, state, update in zip(self.models, states, updates, strict=True)
        ]

    def compare(self, epochs=3, tolerance=1e-12, **options):
        """Compare a call of whole epochs."""
        found, expected = self.states(), self.states()
        ends = epochs * expected[0].steps_per_epoch
        ours, theirs = self.updates(ends, epochs, **options), self.updates(ends, epochs, **options)
        assert self.together(found, ours) == self.alone(expected, theirs)
        assert_equal_states(found, expected, tolerance, summed=not options.get("wanted"))
        for ours_of, theirs_of in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(ours_of.costs, theirs_of.costs, rtol=tolerance)


def assert_equal_states(found, expected, tolerance=1e-12, summed=True):
    for ours, theirs in zip(found, expected, strict=True):
        a, b = np.append(ours.W, ours.b), np.append(theirs.W, theirs.b)
        assert np.linalg.norm(a - b) <= tolerance * np.linalg.norm(b)
        assert ours.W.dtype == theirs.W.dtype
        if summed:  # where J is wanted, the sum need only be finite
            assert ours.sums[0] == pytest.approx(theirs.sums[0], rel=tolerance)
        assert (ours.epoch, ours.position, ours.steps) == (theirs.epoch, theirs.position, theirs.steps)


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_each_backend_runs_several_configurations(backend, batch_size):
    case = Case(50, 4, 3, backend=backend, batch_size=batch_size, weighted=True)
    assert case.kernels().can_run_together(case.states(), case.models) == (backend == "cython")
    case.compare()


@COMPILED
@pytest.mark.parametrize("loss", UNCOUPLED)
@pytest.mark.parametrize("batch_size", [1, 8, 37])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
def test_losses(loss, batch_size, weighted):
    Case(263, 7, 5, loss, batch_size=batch_size, weighted=weighted).compare()


@COMPILED
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 7, 8, 16, 33, 130])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_features(d, loss):
    Case(75, d, 4, loss).compare()
    Case(75, d, 4, loss, l2=0.0, intercept=False).compare()
    Case(75, d, 4, loss, batch_size=6).compare()


@COMPILED
@pytest.mark.parametrize("count", [2, 3, 8, 9, 15, 16, 17, 32, 40])
def test_numbers_of_configurations(count):
    Case(61, 3, count).compare()
    Case(61, 3, count, "log_loss").compare()
    Case(61, 3, count, batch_size=4).compare()


@COMPILED
@pytest.mark.parametrize("n", [1, 2, 3, 16, 17, 31, 256, 257, 530])
def test_rows(n):
    Case(n, 3, 3).compare()
    Case(n, 3, 3, "huber", l2=0.0).compare()
    Case(n, 3, 3, batch_size=2).compare()


@COMPILED
@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffle", "as they lie"])
def test_rates_by_step_and_orders(batch_size, shuffle):
    case = Case(130, 4, 18, batch_size=batch_size, shuffle=shuffle)
    case.compare(by_step=True)
    case.compare(wanted=[True, False, True])
    found, expected = case.states(), case.states()
    for states, call in ((found, case.together), (expected, case.alone)):
        ends = 130 // states[0].steps_per_epoch
        by_epoch, by_step = case.updates(130, ends), case.updates(130, ends, by_step=True)
        mixed = [pair[i % 2] for i, pair in enumerate(zip(by_epoch, by_step, strict=True))]
        assert call(states, mixed) == [130] * 18
    assert_equal_states(found, expected)


@COMPILED
@pytest.mark.parametrize(("batch_size", "sizes"), [(1, [256, 512, 232]), (1, [768, 232, 1000]), (7, [1, 100, 42, 143])])
@pytest.mark.parametrize("loss", ["squared_error", "hinge"])
def test_calls_that_end_within_an_epoch(batch_size, sizes, loss):
    case = Case(1000, 3, 5, loss, batch_size=batch_size)
    cut, whole, alone = case.states(), case.states(), case.states()
    for steps in sizes:
        ends = (cut[0].position + steps) // cut[0].steps_per_epoch
        rates = case.updates(steps, ends)
        rates = [update._replace(rates=np.full(ends + 1, rate)) for update, rate in zip(rates, case.rates, strict=True)]
        for states, call in ((cut, case.together), (alone, case.alone)):
            assert call(states, rates) == [steps] * 5
            for state in states:
                state.advance(steps)
        assert_equal_states(cut, alone)
        if cut[0].position:
            assert all((ours.order == theirs.order).all() for ours, theirs in zip(cut, alone, strict=True))
    steps = sum(sizes)
    ends = steps // whole[0].steps_per_epoch
    rates = [Updates(steps, np.full(ends + 1, rate), False, np.zeros(0, bool), np.empty(ends)) for rate in case.rates]
    case.together(whole, rates)
    for ours, theirs in zip(cut, whole, strict=True):  # no bit depends on where calls are cut
        assert (ours.W.tobytes(), ours.b.tobytes()) == (theirs.W.tobytes(), theirs.b.tobytes())


@COMPILED
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "squared_hinge"])
def test_a_diverging_configuration_beside_sound_ones(loss, batch_size):
    case = Case(300, 3, 6, loss, batch_size=batch_size)
    sound = case.states()
    steps = 12 * sound[0].steps_per_epoch
    case.rates[:] = 1e-3
    case.together(sound, case.updates(steps, 12))
    case.rates[[1, 4]] = 3.0, 30.0
    found, expected = case.states(), case.states()
    ours, theirs = case.updates(steps, 12), case.updates(steps, 12)
    results = case.together(found, ours)
    assert results == case.alone(expected, theirs)
    assert min(results) < 0
    assert min(results[0], *results[2:4], results[5]) == steps
    for i, result in enumerate(results):
        if i not in (1, 4):
            assert found[i].W.tobytes() == sound[i].W.tobytes()
            np.testing.assert_allclose(ours[i].costs, theirs[i].costs, rtol=1e-12)
        elif result < 0:
            assert np.isnan(ours[i].costs[~result:]).all()
            assert not (np.isfinite(np.append(found[i].W, found[i].b)).all() and np.isfinite(found[i].sums[0]))


@COMPILED
@pytest.mark.parametrize("loss", ["squared_error", "modified_huber"])
@pytest.mark.parametrize("by_step", [False, True], ids=["by epoch", "by step"])
def test_l2_that_shrinks_the_weights_fast_or_turns_their_sign(loss, by_step):
    for l2 in (0.49, 2.0, 6.0, 8.0):
        case = Case(600, 3, 6, loss, l2=l2)
        case.rates[:] = np.array([0.02, 0.05, 0.05, 0.04, 0.03, 0.0])
        case.models[-1] = replace(case.model, l2=1e300)
        case.compare(epochs=2, by_step=by_step)


@COMPILED
@pytest.mark.parametrize("batch_size", [1, 4])
def test_rows_whose_products_overflow(batch_size):
    case = Case(40, 3, 4, batch_size=batch_size)
    case.problem.X[:] *= 1.5e154
    case.starts = [(np.zeros((1, 3)), np.zeros(1))] * 4
    case.rates[:] = 1e-310
    assert case.kernels().can_run_together(case.states(), case.models)
    case.compare(epochs=2)


def plain_loop(case, i, epochs):
    """Return coef and intercept, and the mean loss of each epoch, of SGD one sample at a time in 80 bits."""
    model, problem, gradient = case.models[i], case.problem, case.model.formulas.gradient
    X, y = problem.X.astype(np.longdouble), problem.Y[:, 0].astype(np.longdouble)
    w, b = case.starts[i][0][0].astype(np.longdouble), np.longdouble(case.starts[i][1][0])
    eta, l2, costs = np.longdouble(case.rates[i]), np.longdouble(model.l2), []
    s = np.ones(len(X)) if problem.weights is None else problem.weights
    for epoch in range(epochs):
        total = np.longdouble(0)
        for row in gdfast.sample_order(len(X), 3, epoch):
            z = X[row] @ w + b
            total += s[row] * model.formulas.value(y[row], z, model.c)
            r = s[row] * gradient(y[row], z, model.c)
            w, b = w - eta * (r * X[row] + l2 * w), b - eta * r
        costs.append(total / len(X))
    return np.append(w, b), np.array(costs)


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "huber"])
def test_against_a_plain_loop_in_higher_precision(backend, loss):
    case = Case(45, 5, 3, loss, backend=backend, weighted=True)
    states, rates = case.states(), case.updates(90, 2)
    rates = [update._replace(rates=np.full(2, rate)) for update, rate in zip(rates, case.rates, strict=True)]
    assert case.together(states, rates) == [90] * 3
    for i, state in enumerate(states):
        exact, costs = plain_loop(case, i, 2)
        assert np.linalg.norm(np.append(state.W, state.b) - exact) <= 1e-13 * np.linalg.norm(exact)
        np.testing.assert_allclose(rates[i].costs, costs.astype(float), rtol=1e-13)


@pytest.mark.parametrize("backend", HERE)
def test_what_cannot_share_the_rows_runs_one_by_one(backend):
    case = Case(30, 3, 3, backend=backend)
    case.models = [case.model, replace(case.model, l1=0.01), replace(case.model, intercept=False)]
    assert not case.kernels().can_run_together(case.states()[:2], case.models[:2])
    assert not case.kernels().can_run_together(case.states()[::2], case.models[::2])
    states, expected = case.states(), case.states()
    for state in (states[1], expected[1]):
        state.Q = np.zeros((1, 4))
    assert case.together(states, case.updates(60, 2)) == case.alone(expected, case.updates(60, 2)) == [60] * 3
    assert_equal_states(states, expected)
    case = Case(30, 3, 2, backend=backend)
    states, expected = case.states(), case.states()
    for state in (states[1], expected[1]):
        state.seed = 9
    assert not case.kernels().can_run_together(states, case.models)
    single = Case(30, 3, 2, backend=backend, dtype=np.float32)
    assert not single.kernels().can_run_together(single.states(), single.models)
    assert case.together(states, case.updates(60, 2)) == case.alone(expected, case.updates(60, 2))
    assert_equal_states(states, expected)
    longer = [case.updates(30, 1)[0], case.updates(60, 2)[1]]
    assert case.together(case.states(), longer) == [30, 60]


def test_a_quadratic_loss_is_zero_at_its_least():
    """The kernel takes its value from its gradient."""
    for loss in LOSSES.values():
        if loss.quadratic:
            for y, z in ((0.0, 0.0), (3.0, -1.0), (-2.5, 7.0)):
                assert loss.value(y, z, 0.0) == loss.gradient(y, z, 0.0) ** 2 / (2 * loss.curvature)


@COMPILED
def test_arrays_that_do_not_fit_are_refused():
    from gdfast._core import descent

    case = Case(20, 3, 2)
    kernels, state, updates = case.kernels(), case.states()[0], case.updates(20, 1)
    l2, results = np.zeros(2), np.zeros(2, np.int64)
    workspace = descent.workspace_of(3, False)

    def call(coefficients=None, arrays=workspace, updates=updates, l2=l2, results=results):
        coefficients = np.zeros(3) if coefficients is None else coefficients
        descent.stochastic_together(
            kernels.passes, kernels.compiled, coefficients, arrays, state.sample_order(), updates, l2, results
        )

    call()
    shorter = [tuple(a[:-1].copy() if i == j else a for j, a in enumerate(workspace)) for i in range(3)]
    for wrong in (
        {"coefficients": np.zeros(2)},
        {"l2": np.zeros(3)},
        {"results": np.zeros(1, np.int64)},
        {"updates": updates * 9, "l2": np.zeros(18), "results": np.zeros(18, np.int64)},
        {"updates": [updates[0], case.updates(10, 0)[0]]},
        *({"arrays": arrays} for arrays in shorter),
    ):
        with pytest.raises((TypeError, IndexError), match=r"fit|as many|bounds"):
            call(**wrong)
