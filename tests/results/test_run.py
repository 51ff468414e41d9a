"""Run: what it holds, and its file: whole or not at all, without pickle, at exactly the path given."""

import contextlib
import json
import os
import pathlib
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import gdfast
from gdfast.results.run import Run
from gdfast.results.run_file import as_arrays

X = np.array([[1.0, 2], [3, 4], [5, 7], [0, 1]])
Y = np.array([1.0, 2.0, 0.0, 5.0])
NUMBERS = ["cost", "epochs", "steps", "seconds", "stop_reason", "diverged_at", "solver", "backend", "seed"]


def fit(X=X, y=Y, **options):
    return gdfast.fit(X, y, **{"epochs": 5, "learning_rate": 0.01, "seed": 0, "backend": "numpy", **options})


def round_trip(run, path):
    run.save(path)
    return Run.load(path)


def equal(value, other):
    return type(value) is type(other) and np.array_equal(value, other)


OPTIONS = {
    "plain": {},
    "everything": {
        "loss": "huber",
        "loss_parameter": 2.0,
        "penalty": "elasticnet",
        "alpha": 0.1,
        "l1_ratio": 0.25,
        "fit_intercept": False,
        "batch_size": 2,
        "shuffle": False,
        "seed": 2**64 - 1,
        "history": "objective",
        "history_every": "log",
        "history_limit": 3,
    },
    "start": {"coef_init": np.array([1 / 3, -2.0]), "intercept_init": 0.1},
    "single start": {"coef_init": np.array([1.0, 2.0], "f4"), "intercept_init": np.array([0.5])},
    "two targets": {"y": np.column_stack([Y, -Y]), "coef_init": np.eye(2), "intercept_init": [0.5, 1.0]},
    "GD": {"optimizer": gdfast.GD()},
    "Momentum": {"optimizer": gdfast.Momentum(0.5, nesterov=True)},
    "no history": {"history": "none"},
    "strings": {"y": ["a", "b"] * 2, "loss": "hinge"},
    "bools": {"y": [True, False] * 2, "loss": "log_loss"},
    "ints": {"y": [3, 1] * 2, "loss": "perceptron"},
    "dates": {"y": np.array(["2020", "2021"] * 2, "M8[D]"), "loss": "hinge"},
    "single": {"X": X.astype("f4")},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_file_gives_the_same_run_back(name, tmp_path):
    run = fit(**OPTIONS[name])
    back = round_trip(round_trip(run, tmp_path / "run"), tmp_path / "again")
    assert all(equal(getattr(run, number), getattr(back, number)) for number in NUMBERS)
    for array in ("coef", "intercept", "costs", "cost_epochs", "learning_rate", "classes"):
        assert equal(getattr(run, array), getattr(back, array))
        assert getattr(getattr(run, array), "dtype", None) == getattr(getattr(back, array), "dtype", None)
    assert list(run.settings) == list(back.settings)
    for setting, value in run.settings.items():
        assert value == back.settings[setting] if isinstance(value, list) else equal(value, back.settings[setting])
    assert equal(run.predict(X), back.predict(X))
    assert back.advice == run.advice
    assert repr(back) == repr(run)


NOT_JSON = {
    "longdouble": ("learning_rate", np.longdouble("0.01"), 0.01),
    "Fraction": ("learning_rate", Fraction(1, 100), 0.01),
    "Decimal": ("intercept_init", Decimal("0.5"), 0.5),
    "NumPy int": ("epochs", np.int64(7), 7),
    "NumPy bool": ("shuffle", np.False_, False),
    "list of Fractions": ("coef_init", [Fraction(1, 2), Fraction(1, 4)], [0.5, 0.25]),
    "array of Fractions": ("coef_init", np.array([Fraction(1, 2), Fraction(1, 4)]), np.array([0.5, 0.25])),
    "memoryview": ("coef_init", memoryview(np.array([1.0, 2.0])), np.array([1.0, 2.0])),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_a_setting_that_json_lacks_comes_back_as_its_number(name, tmp_path):
    setting, value, number = NOT_JSON[name]
    assert equal(round_trip(fit(**{setting: value}), tmp_path / "run").settings[setting], number)


@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_a_series_comes_back_as_an_array(module, tmp_path):
    start = pytest.importorskip(module).Series([1.0, 2.0])
    assert equal(round_trip(fit(coef_init=start), tmp_path / "run").settings["coef_init"], np.array([1.0, 2.0]))


def test_extra_entries_come_back(tmp_path):
    run = fit()
    run.extra.update(columns=["a", "ü\n"], center=np.array([0.1, 0.2]), scale=[1.0, np.float32(2)])
    extra = {"columns": ["a", "ü\n"], "center": [0.1, 0.2], "scale": [1.0, 2.0]}
    assert round_trip(run, tmp_path / "run").extra == extra


@pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning")
def test_a_diverged_run_comes_back(tmp_path):
    with pytest.warns(gdfast.DivergenceWarning):
        run = fit(epochs=2000, learning_rate=10.0)
    back = round_trip(run, tmp_path / "run")
    assert back.stop_reason is gdfast.StopReason.DIVERGED
    assert back.diverged_at == run.diverged_at == run.epochs + 1
    assert np.isfinite(back.costs).all()


def test_labels_in_objects_are_written_as_what_they_are(tmp_path):
    for labels in (["a", "bc"], ["ä", "€"], [1, 2], [False, True], [0.5, 1.5]):
        run = fit(y=np.array(labels * 2, dtype=object), loss="hinge")
        back = round_trip(run, tmp_path / "run")
        assert back.classes.tolist() == labels
        assert back.predict(X).tolist() == run.predict(X).tolist()


@pytest.mark.parametrize("labels", [["a\0", "b"], [Fraction(1), Fraction(2)], [2**53 + 1, 0.5], [1, 10**400]])
def test_labels_that_a_file_would_change_are_refused_and_the_old_file_stays(labels, tmp_path):
    path = tmp_path / "run"
    fit().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"^labels such as .* without pickle; use"):
        fit(y=np.array(labels * 2, dtype=object), loss="hinge").save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["run", "run.npz", "run.txt", "a b ü.tar", "n" * 255, ".hidden"])
@pytest.mark.parametrize("kind", [str, pathlib.Path, os.fsencode])
def test_the_path_is_used_exactly_as_given(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = kind(name)
    fit().save(path)
    assert os.listdir(tmp_path) == [name]
    assert Run.load(path).epochs == 5


def test_an_old_file_is_replaced_and_its_permissions_are_the_usual(tmp_path):
    path = tmp_path / "run"
    fit(epochs=3).save(path)
    fit(epochs=4).save(path)
    (tmp_path / "usual").touch()
    assert Run.load(path).epochs == 4
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def half_a_file(file, arrays):
    file.write(b"PK")
    raise OSError(28, "No space left on device")


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("name", "failing", "error"),
    [
        ("gdfast._utils.archive.write_members", half_a_file, OSError),
        ("os.fsync", interrupted, KeyboardInterrupt),
        ("os.replace", interrupted, KeyboardInterrupt),
    ],
)
def test_a_failing_save_leaves_the_old_file_and_nothing_else(name, failing, error, tmp_path, monkeypatch):
    path, run = tmp_path / "run", fit(epochs=3)
    fit(epochs=4).save(path)
    with monkeypatch.context() as patched:
        patched.setattr(name, failing)
        with pytest.raises(error):
            run.save(path)
    assert os.listdir(tmp_path) == ["run"]
    assert Run.load(path).epochs == 4


@pytest.mark.parametrize("path", [None, 3, 1.5, ["run"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match=r"^path=.*pathlib.Path"):
        fit().save(path)
    with pytest.raises(TypeError, match=r"^path=.*pathlib.Path"):
        Run.load(path)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "none")
    with pytest.raises(OSError, match="none"):
        fit().save(tmp_path / "none" / "run")
    with pytest.raises(IsADirectoryError):
        Run.load(tmp_path)
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        fit().save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_file_cut_off_anywhere_is_refused_by_its_path(tmp_path):
    path = tmp_path / "run"
    fit(y=["a", "b"] * 2, loss="hinge", coef_init=np.ones(2)).save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"{path}.* is not a whole file of Run\.save"):
            Run.load(path)


def test_a_damaged_file_is_refused_or_gives_the_same_numbers(tmp_path):
    path, run = tmp_path / "run", fit()
    run.save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 17):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xA5]) + whole[place + 1 :])
        with contextlib.suppress(ValueError):
            back = Run.load(path)
            assert np.array_equal(back.coef, run.coef)
            assert back.settings == run.settings


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


FOREIGN = {
    "empty": lambda file: None,
    "text": lambda file: file.write(b"coef,1,2"),
    "npy": lambda file: np.save(file, X),
    "npz": lambda file: np.savez(file, X=X),
    "no numbers": lambda file: np.savez(file, run="[]"),
    "no format": lambda file: np.savez(file, run="{}"),
    "half a run": lambda file: np.savez(file, run='{"format": 1, "settings": {}}', coef=X[0]),
    "odd format": lambda file: np.savez(file, run='{"format": "1"}'),
    "pickled array": lambda file: np.save(file, np.array([Bomb()]), allow_pickle=True),
    "pickled run": lambda file: np.savez(file, run=np.array([Bomb()], dtype=object)),
    "unknown optimizer": lambda file: altered(file, settings={"kind": "Bomb", "of": {"kind": "dict", "of": []}}),
    "unknown stop_reason": lambda file: altered(file, stop_reason="bored"),
    "unknown name": lambda file: altered(file, exploded=True),
}


def altered(file, **changes):
    arrays = as_arrays(fit())
    arrays["run"] = np.array(json.dumps(json.loads(str(arrays["run"])) | changes))
    np.savez(file, **arrays)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_and_nothing_in_it_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("foreign", "wb") as file:
        FOREIGN[name](file)
    with pytest.raises(ValueError, match=r"^'foreign' is not a whole file"):
        Run.load("foreign")
    assert os.listdir(tmp_path) == ["foreign"]


def test_a_newer_file_says_so(tmp_path):
    with open(tmp_path / "run", "wb") as file:
        altered(file, format=99)
    with pytest.raises(ValueError, match="newer gdfast; update"):
        Run.load(tmp_path / "run")


def test_predictions_are_what_the_loss_means():
    run = fit()
    z = X @ run.coef + run.intercept
    assert np.allclose(run.decision(X), z, rtol=1e-15)
    assert np.array_equal(run.predict(X), run.decision(X))
    counts = fit(loss="poisson")
    assert np.allclose(counts.predict(X), np.exp(counts.decision(X)), rtol=1e-15)
    kinds = fit(y=["no", "yes"] * 2, loss="log_loss")
    assert np.array_equal(kinds.predict(X) == "yes", kinds.decision(X) > 0)
    assert fit(y=np.column_stack([Y, Y])).predict(X).shape == (4, 2)


def test_history_is_the_costs_at_their_epochs():
    run = fit(history_every=2)
    assert run.history["epoch"].tolist() == [0, 2, 4, 5]
    assert run.history["cost"][-1] == run.cost
    pytest.importorskip("pandas")
    assert np.array_equal(run.to_pandas()["cost"], run.costs)


def test_the_repr_and_the_html_of_notebooks():
    run = fit(y=["<a>", "b"] * 2, loss="hinge")
    assert repr(run).startswith("gdfast.Run\n")
    assert all(name in repr(run) for name in ("hinge", "coef", "numpy", "5 updates"))
    assert run._repr_html_().count("<tr>") == len(run.rows())


def test_resuming_does_not_see_what_the_caller_does_to_coef():
    run = gdfast.fit([[1.0], [2.0]], [1.0, 3.0], epochs=5, solver="loop")
    expected = run.resume(1).coef.copy()
    run.coef[:] = 99.0
    assert run.resume(1).coef.tobytes() == expected.tobytes()
    with pytest.raises(ValueError, match="epochs="):
        run.resume(10**400)
