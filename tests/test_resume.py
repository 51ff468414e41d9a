"""What `Run.resume` and `gdfast.resume` accept: every argument of fit, right and wrong, after each stop reason."""

import functools
import inspect
import pickle
import signal

import numpy as np
import pytest

import gdfast

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3))
Y = np.abs(X @ [1.0, -2.0, 0.5] + RNG.normal(size=40))
GIVEN_AGAIN = {"learning_rate", "loss", "callbacks", "callback_every", "progress", "max_seconds", "interrupt"}
FIT_ARGUMENTS = set(inspect.signature(gdfast.fit).parameters) - {"X", "y", "sample_weight", "epochs"}
# A value for each argument of fit that would change the fit.
OTHER = {
    "loss_parameter": 2.0, "penalty": "l2", "alpha": 0.1, "l1_ratio": 0.1, "penalty_factors": [1.0, 2.0, 3.0],
    "fit_intercept": False, "standardize": True, "bounds": (-1, 1), "positive": True, "batch_size": 2,
    "optimizer": "adam", "average": True,
    "clip_norm": 1.0, "clip_value": 1.0, "coef_init": np.ones(3), "intercept_init": 1.0, "shuffle": False, "seed": 7,
    "tol": 1.0, "patience": 2, "gradient_tol": 1.0, "validation": 0.5, "restore_best": True, "on_divergence": "raise",
    "history": "none", "history_every": 2, "history_limit": 5, "record": "coef", "checkpoint": "elsewhere",
    "checkpoint_every": 2, "checkpoint_seconds": 1.0, "solver": "loop", "backend": "numpy", "n_threads": 2,
}  # fmt: skip
INTERRUPT = {"callbacks": lambda state: signal.raise_signal(signal.SIGINT), "callback_every": 4}
STOPS = {
    "epochs": {},
    "tol": {"tol": 10.0, "patience": 2},
    "gradient": {"gradient_tol": 1e6, "solver": "loop"},
    "validation": {"validation": (X, Y), "patience": 2, "tol": 10.0},
    "max_seconds": {"max_seconds": 1e-9, "solver": "loop", "epochs": 10**9},
    "callback": {"callbacks": lambda state: True, "callback_every": 3},
    "interrupted": INTERRUPT,
    "diverged": {"learning_rate": 300.0, "epochs": 500, "solver": "loop"},
}
pytestmark = pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore::gdfast.DivergenceWarning")


def fit(**options):
    return gdfast.fit(X, Y, **{"epochs": 9, "learning_rate": 0.01, "seed": 0, **options})


def resume_in_memory(run, path):
    return run.resume


def resume_loaded(run, path):
    run.save(path / "run.npz")
    loaded = gdfast.Run.load(path / "run.npz")
    return lambda epochs, **given: loaded.resume(epochs, X, Y, **given)


def resume_file(run, path):
    run.save(path / "run.npz")
    return lambda epochs, **given: gdfast.resume(path / "run.npz", X, Y, epochs=epochs, **given)


WAYS = [resume_in_memory, resume_loaded, resume_file]


def assert_same(run, other):
    for name in ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs"):
        assert np.asarray(getattr(run, name)).tobytes() == np.asarray(getattr(other, name)).tobytes(), name
    assert (run.epochs, run.steps) == (other.epochs, other.steps)


def test_every_argument_of_fit_is_in_one_of_the_lists():
    assert set(OTHER) | GIVEN_AGAIN == FIT_ARGUMENTS
    assert not set(OTHER) & GIVEN_AGAIN


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stop", STOPS)
def test_each_argument_that_is_not_replaced_is_an_error_that_names_it(stop, way, tmp_path):
    run = fit(**STOPS[stop])
    assert run.stop_reason == stop
    resume = way(run, tmp_path)
    for name, value in {**OTHER, "learnin_rate": 0.1}.items():
        with pytest.raises(TypeError, match=rf"resume takes .* and not '{name}'"):
            resume(3, **{name: value})
    for loss in ("poisson", "squared_error", "no such loss", None, gdfast.Loss(lambda y, z: z * z, lambda y, z: 2 * z)):
        with pytest.raises(ValueError, match="loss="):
            resume(3, loss=loss)
    for rate in (0.01, lambda epoch: 0.01, functools.partial(float, 0.01), "auto", None, gdfast.Constant(0.01)):
        with pytest.raises(ValueError, match="learning_rate="):
            resume(3, learning_rate=rate)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stop", STOPS)
def test_what_is_replaced_is_used_after_each_stop(stop, way, tmp_path):
    seen = []
    first = fit(**{"solver": "loop", **STOPS[stop]})
    resume = way(first, tmp_path)
    run = resume(
        4, callbacks=lambda state: seen.append(state.epoch), callback_every=1, progress=False, max_seconds=60.0,
        interrupt="raise",
    )  # fmt: skip
    assert run.settings["max_seconds"] == 60.0
    assert run.settings["interrupt"] == "raise"
    assert seen[:1] == [first.epochs + 1] or stop == "diverged"
    with pytest.raises(ValueError, match="max_seconds=0"):
        resume(4, max_seconds=0)
    with pytest.raises(ValueError, match="interrupt='ignore'"):
        resume(4, interrupt="ignore")
    with pytest.raises(TypeError, match="callbacks"):
        resume(4, callbacks=3)
    with pytest.raises(ValueError, match="callback_every=2 without callbacks"):
        resume(4, callback_every=2, callbacks=())
    with pytest.raises(TypeError, match="progress"):
        resume(4, progress="yes")


@pytest.mark.parametrize("way", WAYS)
def test_the_closed_form_takes_no_callbacks_again(way, tmp_path):
    resume = way(fit(solver="closed_form"), tmp_path)
    with pytest.raises(ValueError, match=r"callbacks: .*'closed_form'.* callbacks=\(\)"):
        resume(4, callbacks=lambda state: None)
    assert resume(4, progress=False, interrupt="raise", max_seconds=60.0).epochs == 13


@pytest.mark.parametrize("way", WAYS)
def test_max_seconds_and_callbacks_belong_to_one_call(way, tmp_path):
    run = fit(max_seconds=1e-9, solver="loop")
    whole = way(run, tmp_path)(9)
    assert whole.stop_reason == "epochs"
    assert whole.settings["max_seconds"] is None


class Rate:
    """A callable whose repr says nothing about it."""

    def __init__(self, scale):
        self.scale = scale

    def __call__(self, epoch):
        return self.scale / (1 + epoch)

    def __repr__(self):
        return "auto"


def rate(scale, epoch):
    return scale / (1 + epoch)


RATES = {
    "lambda": lambda epoch: 0.05 / (1 + epoch),
    "partial": functools.partial(rate, 0.05),
    "object": Rate(0.05),
    "builtin": (np.full(100, 0.05) / np.arange(1, 101)).tolist().__getitem__,
}


@pytest.mark.parametrize("options", [{"solver": "closed_form"}, {"solver": "loop"}, {"batch_size": 4}], ids=str)
@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("way", WAYS)
def test_a_callable_rate_is_replaced_and_used(way, kind, options, tmp_path):
    given = RATES[kind]
    whole, first = fit(learning_rate=given, **options), fit(learning_rate=given, **{**options, "epochs": 4})
    resume = way(first, tmp_path)
    if way is resume_in_memory:
        assert_same(resume(5), whole)
    else:
        with pytest.raises(ValueError, match="give learning_rate= again"):
            resume(5)
    asked = []

    def counted(epoch):
        asked.append(epoch)
        return given(epoch)

    resumed = resume(5, learning_rate=counted)
    assert_same(resumed, whole)
    assert asked == [4, 5, 6, 7, 8]
    assert resumed.settings["learning_rate"] is counted
    for other in (0.05, gdfast.InverseTime(0.05, 1.0), [0.05] * 20, "auto", None):
        with pytest.raises(ValueError, match="learning_rate="):
            way(first, tmp_path)(5, learning_rate=other)


def test_another_callable_rate_is_used_from_here_on():
    first = fit(learning_rate=lambda epoch: 0.01, batch_size=4)
    slow = first.resume(5, learning_rate=lambda epoch: 1e-12)
    np.testing.assert_allclose(slow.coef, first.coef, rtol=1e-9)
    assert not np.allclose(first.resume(5).coef, first.coef, rtol=1e-9)
    path = fit(learning_rate=lambda epoch: 0.01, solver="closed_form").resume(5, learning_rate=lambda epoch: 1e-12)
    np.testing.assert_allclose(path.costs[9:], path.costs[9], rtol=1e-9)
    assert path.costs[8] > path.costs[9] * (1 + 1e-6)


def half_square(name="half_square"):
    return gdfast.Loss(lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y, name=name, curvature=1.0)


@pytest.mark.parametrize("options", [{}, {"batch_size": 4, "average": True, "penalty": "l2", "alpha": 0.1}], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_custom_loss_is_replaced_and_must_be_the_same(way, options, tmp_path):
    options = {**options, "loss": half_square(), "backend": "numpy"}
    whole, resume = fit(**options), way(fit(**{**options, "epochs": 4}), tmp_path)
    if way is not resume_in_memory:
        with pytest.raises(ValueError, match="give loss= again"):
            resume(5)
    assert_same(resume(5, loss=half_square()), whole)
    for other in ("squared_error", "half_square", half_square("another"), None):
        with pytest.raises(ValueError, match="loss="):
            way(fit(**{**options, "epochs": 4}), tmp_path)(5, loss=other)
    square = gdfast.Loss(lambda y, z: (z - y) * (z - y), lambda y, z: 2.0 * (z - y), name="half_square")
    with pytest.raises(ValueError, match="not the one that this Run was fitted with"):
        way(fit(**{**options, "epochs": 4}), tmp_path)(5, loss=square)


def test_data_is_given_whole_or_not_at_all():
    run = fit()
    for data in ({"y": Y}, {"sample_weight": np.ones(40)}):
        with pytest.raises(ValueError, match="without X"):
            run.resume(2, **data)
    with pytest.raises(ValueError, match="without y"):
        run.resume(2, X)


def test_a_finished_checkpoint_checks_what_it_is_given(tmp_path):
    fit(checkpoint=tmp_path / "run.npz", solver="loop")
    with pytest.raises(ValueError, match="needs the data again"):
        gdfast.resume(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="loss="):
        gdfast.resume(tmp_path / "run.npz", X, Y, loss="poisson")
    with pytest.raises(TypeError, match="optimizer"):
        gdfast.resume(tmp_path / "run.npz", X, Y, optimizer="adam")


def test_a_subclass_of_a_schedule_is_not_saved_as_the_schedule(tmp_path):
    class Step(gdfast.Step):
        def value(self, t):
            return 0.5 * super().value(t)

    halved = Step(0.05, every=3)
    options = {"learning_rate": halved, "solver": "loop"}
    fit(**{**options, "epochs": 4}).save(tmp_path / "run.npz")
    loaded = gdfast.Run.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="give learning_rate= again"):
        loaded.resume(5, X, Y)
    assert_same(loaded.resume(5, X, Y, learning_rate=halved), fit(**options))


@pytest.mark.parametrize("solver", ["loop", "closed_form"])
def test_epochs_without_progress_are_counted_anew_after_tol(solver, tmp_path):
    run = fit(epochs=10_000, learning_rate=0.1, solver=solver, tol=1e-5, patience=3)
    assert run.stop_reason == "tol"
    run.save(tmp_path / "run.npz")
    for other in (run, gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        resumed = other.resume(100, X, Y)
        assert resumed.stop_reason == "tol"
        assert resumed.epochs - run.epochs == 3


@pytest.mark.parametrize("options", [{}, {"batch_size": 8, "history": "objective"}, {"validation": (X[:9], Y[:9])}])
def test_resuming_after_tol_counts_as_a_fit_from_there(options):
    options = {"tol": 1e-4, "patience": 3, "solver": "loop", "shuffle": False, "learning_rate": 0.05} | options
    run = fit(epochs=10_000, **options)
    assert run.stop_reason in ("tol", "validation")
    anew = fit(epochs=10_000, coef_init=run.last_coef, intercept_init=run.last_intercept, **options)
    resumed = run.resume(9_000)
    assert resumed.epochs - run.epochs == anew.epochs
    assert resumed.coef.tobytes() == anew.coef.tobytes()


@pytest.mark.parametrize("solver", ["loop", "closed_form"])
def test_resuming_a_finished_file_whose_run_diverged_says_so_again(solver, tmp_path):
    path, options = tmp_path / "run.npz", STOPS["diverged"] | {"solver": solver}
    with pytest.warns(gdfast.DivergenceWarning) as first:
        run = fit(**options, checkpoint=path)
    assert run.stop_reason == "diverged"
    with pytest.warns(gdfast.DivergenceWarning) as again:
        assert_same(gdfast.resume(path, X, Y), run)
    assert str(again[-1].message) == str(first[-1].message)
    assert again[-1].filename == __file__
    with pytest.raises(gdfast.DivergenceError):
        fit(**options, on_divergence="raise", checkpoint=tmp_path / "raised.npz")
    with pytest.raises(gdfast.DivergenceError, match="training diverged in epoch") as caught:
        gdfast.resume(tmp_path / "raised.npz", X, Y)
    assert_same(caught.value.run, run)


@pytest.mark.parametrize("name", ["half_square", 'it\'s "quoted"', "n" * 150])
def test_a_custom_loss_keeps_its_name_in_a_file_and_a_pickle(name, tmp_path):
    run = fit(loss=half_square(name), backend="numpy")
    run.save(tmp_path / "run.npz")
    for other in (run, gdfast.Run.load(tmp_path / "run.npz"), pickle.loads(pickle.dumps(run))):
        assert other.loss == name
        assert name in repr(other)
