"""What junk has found, each with the error that it must be."""

import numpy as np
import pytest

import gdfast

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "name", ["penalty_factors", "bounds", "learning_rate", "coef_init", "intercept_init", "validation"]
)
def test_a_list_that_holds_itself_is_no_array(name):
    with pytest.raises((TypeError, ValueError), match=name):
        gdfast.fit(X, Y, **{name: ENDLESS, "penalty": "l2", "alpha": 0.1})


def test_a_ragged_learning_rate_is_named():
    with pytest.raises(ValueError, match="learning_rate is ragged"):
        gdfast.fit(X, Y, learning_rate=[[0.1], [0.1, 0.2]])


def test_a_path_with_a_null_character_is_named():
    with pytest.raises(ValueError, match=r"checkpoint='a\\x00b' holds a null character"):
        gdfast.fit(X, Y, checkpoint="a\0b")
    with pytest.raises(ValueError, match="path="):
        gdfast.resume("a\0b", X, Y)


def test_more_steps_than_can_be_counted_are_refused():
    with pytest.raises(ValueError, match="steps="):
        gdfast.minimize(lambda x: x * x, 1.0, learning_rate=0.1, steps=2**70)


@pytest.mark.parametrize("ax", ["axes", 1, np.zeros(2)], ids=str)
def test_what_is_no_axes_is_refused(ax):
    pytest.importorskip("matplotlib")
    with pytest.raises(TypeError, match="ax="):
        gdfast.fit(X, Y, epochs=2, learning_rate=0.001).plot(ax)


def test_an_estimators_start_of_two_classes_has_one_intercept():
    sklearn = pytest.importorskip("gdfast.sklearn")
    model = sklearn.GDClassifier(epochs=2, learning_rate=1e-9, backend="numpy")
    for wrong in ([], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="intercept_init"):
            model.fit(X, Y > 2, intercept_init=wrong)
    assert model.fit(X, Y > 2, intercept_init=[0.25]).intercept_ == pytest.approx([0.25])


@pytest.mark.parametrize("parameters", [{"random_state": "junk"}, {"random_state": -1}, {"warm_start": "no"}], ids=str)
def test_an_estimators_parameters_are_named(parameters):
    sklearn = pytest.importorskip("gdfast.sklearn")
    with pytest.raises((TypeError, ValueError), match=next(iter(parameters))):
        sklearn.GDRegressor(epochs=2, **parameters).fit(X, Y)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [1.0] * 5, 0.5, [[1.0], [1.0, 2.0]]], ids=str)
def test_an_estimators_start_of_three_classes_has_one_entry_for_each(wrong):
    sklearn = pytest.importorskip("gdfast.sklearn")
    model, y = sklearn.GDClassifier(epochs=2, learning_rate=1e-9), np.arange(6) % 3
    with pytest.raises(ValueError, match="intercept_init"):
        model.fit(X, y, intercept_init=wrong)
    with pytest.raises(ValueError, match="coef_init"):
        model.fit(X, y, coef_init=np.ones((5, 2)))
    fitted = model.fit(X, y, intercept_init=[1.0, 2.0, 3.0], coef_init=np.ones((3, 2)))
    assert fitted.intercept_ == pytest.approx([1.0, 2.0, 3.0], abs=1e-6)


def test_a_backend_is_loaded_by_its_name_alone():
    for name, error in (("interrupt", ValueError), ("junk", ValueError), ([], TypeError), (None, TypeError)):
        with pytest.raises(error, match="name="):
            gdfast.backends.load(name)


@pytest.mark.parametrize("log", [1, [], "z", None, np.zeros(2)], ids=str)
def test_logarithmic_axes_are_named(log):
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match=r"log = .*: it must be"):
        gdfast.plots.cost_curve([3.0, 2.0, 1.0], log=log)


@pytest.mark.parametrize(
    ("values", "error"),
    [("junk", TypeError), (["1", "2"], TypeError), ([[1.0], [1.0, 2.0]], ValueError), ([10**400, 1], ValueError)],
    ids=str,
)
def test_values_to_draw_are_named(values, error):
    pytest.importorskip("matplotlib")
    with pytest.raises(error, match="costs"):
        gdfast.plots.cost_curve(values)
    with pytest.raises(error, match="targets"):
        gdfast.plots.predictions(values, [1.0, 2.0])
    with pytest.raises(error, match=r"^w"):
        gdfast.plots.loss_contour(lambda w, b: w * b, w=values, b=(0, 1))


@pytest.mark.parametrize("ax", ["axes", 1.0, np.zeros(2)], ids=str)
def test_a_surface_is_drawn_on_axes(ax):
    pytest.importorskip("matplotlib")
    with pytest.raises(TypeError, match="ax="):
        gdfast.plots.loss_surface(lambda w, b: w * w + b * b, w=(-1, 1), b=(-1, 1), ax=ax)


def test_an_unknown_name_is_cut_to_one_line():
    with pytest.raises(ValueError, match=r"loss=.9+\.\.\. is not known") as caught:
        gdfast.fit(X, Y, loss="9" * 400)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_names_may_be_strings_of_numpy(backend, tmp_path):
    if gdfast.backends.available()[backend] is not None:
        pytest.skip("not here")
    names = {"loss": "log_loss", "penalty": "l2", "optimizer": "momentum", "history": "objective", "solver": "loop"}
    names |= {"backend": backend, "on_divergence": "warn", "interrupt": "raise", "record": "coef_norm"}
    shared = {"alpha": 0.1, "epochs": 3, "learning_rate": 0.01}
    plain = gdfast.fit(X, Y > 2, **names, **shared)
    run = gdfast.fit(X, Y > 2, **{name: np.str_(value) for name, value in names.items()}, **shared)
    assert run.costs.tobytes() == plain.costs.tobytes()
    run.save(tmp_path / "run.npz")
    resumed = gdfast.Run.load(tmp_path / "run.npz").resume(2, X, Y > 2)
    assert resumed.costs.tobytes() == plain.resume(2).costs.tobytes()
