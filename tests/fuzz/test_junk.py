"""Junk for each argument of each public function and method, in turn: a documented result, or an error that names it.

The process never crashes, and no error comes from the inside (an AttributeError, an IndexError, an OverflowError).
"""

import contextlib
import datetime
import inspect
import io
import warnings

import numpy as np
import pytest

import gdfast

pytest.importorskip("sklearn")
pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("agg")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=12)
LABELS = np.where(Y > 0, "yes", "no")

JUNK = {
    "None": lambda: None,
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "empty string": lambda: "",
    "string": lambda: "junk",
    "null character": lambda: "a\0b",
    "bytes": lambda: b"x",
    "empty list": list,
    "dict": dict,
    "set": lambda: {1},
    "object": object,
    "class": lambda: int,
    "function": lambda: lambda *arguments: None,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "huge integer": lambda: 2**70,
    "huge float": lambda: 1e300,
    "complex": lambda: 1j,
    "True": lambda: True,
    "objects": lambda: np.array([object(), None], dtype=object),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "empty array": lambda: np.empty(0),
    "no rows": lambda: np.empty((0, 3)),
    "no columns": lambda: np.empty((12, 0)),
    "three axes": lambda: np.zeros((12, 3, 2)),
    "strings": lambda: ["a"] * 12,
    "NaNs": lambda: np.full(12, np.nan),
    "matrix with inf": lambda: np.full((12, 3), np.inf),
    "generator": lambda: (i for i in range(3)),
    "date": lambda: np.datetime64("2020-01-01"),
    "dates": lambda: np.array(["2020-01-01"] * 12, dtype="M8[D]"),
    "time span": lambda: datetime.timedelta(1),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "itself in a list": lambda: (loop := [], loop.append(loop))[0],
    "records": lambda: np.zeros(12, dtype=[("a", float)]),
}
ALLOWED = (ValueError, TypeError, ImportError, OSError, gdfast.DivergenceError)
# Errors of the caller's own functions pass through as they are, and scikit-learn checks the data of its estimators.
ELSEWHERE = {("minimize", "fun"), ("minimize", "grad"), ("Loss", "value"), ("Loss", "gradient")}
SKLEARN = ("GDRegressor", "GDClassifier")
SKLEARNS = ("X", "y", "sample_weight", "validation", "classes", "coef_init", "intercept_init", "offset_init")
# Whatever is called with junk must not read or write files of these names, nor stop for long.
QUICK = {"epochs": 3, "learning_rate": 0.01, "seed": 0}


def run(**options):
    return gdfast.fit(X, Y, **QUICK | {"solver": "closed_form"} | options)


def classifier():
    return gdfast.fit(X, LABELS, loss="log_loss", record="coef", **QUICK)


def curve(w):
    return float(np.sum(np.asarray(w) ** 2))


def estimators():
    """Yield the estimators with fit's options, fitted with each parameter, and their methods."""
    from gdfast import sklearn

    for name in ("GDRegressor", "GDClassifier"):
        kind = getattr(sklearn, name)
        labelled = "Classifier" in name
        data = {"X": X, "y": LABELS if labelled else Y}
        few = {"epochs": 3, "learning_rate": 0.01}
        few |= {"loss": "log_loss"} if labelled else {}
        yield name, lambda kind=kind, data=data: made_and_fitted(kind, data), few
        for method in ("fit", "partial_fit"):
            if hasattr(kind(**few), method):
                right = data | ({"classes": ["no", "yes"]} if labelled and method == "partial_fit" else {})
                yield f"{name}.{method}", lambda kind=kind, few=few, method=method: getattr(kind(**few), method), right
        for method in ("predict", "decision_function", "score", "predict_proba", "score_samples"):
            if hasattr(kind(**few), method):
                yield (
                    f"{name}.{method}",
                    lambda kind=kind, few=few, data=data, method=method: getattr(kind(**few).fit(**data), method),
                    data,
                )


def made_and_fitted(kind, data):
    def construct(**parameters):
        return kind(**parameters).fit(**data)

    construct.__signature__ = inspect.signature(kind)
    return construct


def functions(folder):
    """Yield a name, a function that returns what is called, and arguments that are right."""
    table = folder / "table.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i * i},{i + 1}\n" for i in range(12)))
    stored = folder / "run.npz"
    run().save(stored)
    yield "fit", lambda: gdfast.fit, {"X": X, "y": Y, **QUICK}
    yield "fit of batches", lambda: gdfast.fit, {"X": X, "y": Y, "batch_size": 2, **QUICK}
    yield "fit of labels", lambda: gdfast.fit, {"X": X, "y": LABELS, "loss": "log_loss", **QUICK}
    yield "minimize", lambda: gdfast.minimize, {"fun": curve, "x0": [1.0, 2.0], "learning_rate": 0.1, "steps": 3}
    yield "stability", lambda: gdfast.stability, {"X": X, "y": Y}
    yield "stability.epochs_to", lambda: gdfast.stability(X, Y).epochs_to, {"tolerance": 0.1}
    yield "sample_order", lambda: gdfast.sample_order, {"n": 12, "seed": 0, "epoch": 0}
    yield "read_table", lambda: gdfast.read_table, {"path": str(table)}
    yield "resume", lambda: gdfast.resume, {"path": str(stored), "X": X, "y": Y, "epochs": 2}
    for name in gdfast.__all__:
        kind = getattr(gdfast, name)
        if isinstance(kind, type) and not issubclass(kind, (BaseException, gdfast.Run, str)):
            yield (
                name,
                lambda kind=kind: kind,
                RIGHT.get(name, {"rate": 0.1, "every": 2, "factor": 0.5, "k": 1, "period": 3}),
            )
    for method, right in METHODS.items():
        yield f"Run.{method}", lambda method=method: getattr(run(), method), right
        yield (
            f"Run.{method} of labels",
            lambda method=method: getattr(classifier(), method),
            right | ({"y": LABELS} if "y" in right else {}),
        )
    yield "Run.load", lambda: gdfast.Run.load, {"path": str(stored)}
    yield "Run.save", lambda: run().save, {"path": str(folder / "saved.npz")}
    for name in gdfast.compat.__all__:
        yield f"compat.{name}", lambda name=name: getattr(gdfast.compat, name), COMPAT[name]
    yield from estimators()


RIGHT = {
    "Loss": {"value": lambda y, z: 0.5 * (z - y) * (z - y), "gradient": lambda y, z: z - y},
    "EMA": {"decay": 0.5},
    "Warmup": {"schedule": gdfast.Constant(0.1), "length": 3},
}
METHODS = {
    "at": {"epoch": 0}, "decision": {"X": X}, "predict": {"X": X}, "predict_proba": {"X": X},
    "score": {"X": X, "y": Y}, "resume": {"epochs": 2}, "plot": {}, "to_pandas": {},
}  # fmt: skip
LINE = {"inputs": X[:, 0], "targets": Y, "weights": [0.5], "bias": 0.1}
COMPAT = {
    "linear_regression": {"inputs": X[:, 0], "targets": Y, "epochs": 3, "learning_rate": 0.01},
    "generate_data": {"m": 5, "n": 1, "a": 1.0, "b": 2.0}, "rmse": LINE, "plot_test": LINE,
    "gradient_descent": {"X": X, "y": Y}, "predict": {"X": X[:, 0], "w": 0.5, "b": 0.1},
    "loss": {"X": X[:, 0], "Y": Y, "w": 0.5, "b": 0.1}, "gradient": {"X": X[:, 0], "Y": Y, "w": 0.5, "b": 0.1},
    "train": {"X": X[:, 0], "Y": Y, "iterations": 3, "lr": 0.01},
}  # fmt: skip


def parameters(function):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, about in inspect.signature(function).parameters.items() if about.kind in kinds]


def fault(title, function, arguments, name, junk):
    """Return what is wrong with the answer to junk for one argument, None where nothing is."""
    changed = {} if name is None else {name: JUNK[junk]()}
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            function(**arguments | changed)
    except ALLOWED as error:
        text = str(error)
        if name is None:
            return text
        if type(error).__name__.startswith("UFunc") or not text:
            return f"{type(error).__name__}: {text}"
        if isinstance(error, OSError | ImportError | gdfast.DivergenceError):
            return None
        named = name in text or (title, name) in ELSEWHERE or (title.split(".")[0] in SKLEARN and name in SKLEARNS)
        return None if named else f"does not name it: {type(error).__name__}: {text}"
    except AttributeError as error:  # predict_proba of a loss without probabilities
        return None if "predict_proba" in str(error) else f"AttributeError: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return list(functions(tmp_path_factory.mktemp("junk")))


def test_no_junk_gets_through(cases, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # for "junk" as the path of a checkpoint
    faults = []
    for title, make, right in cases:
        function = make()
        known = parameters(function)
        arguments = {key: value for key, value in right.items() if key in known}
        assert fault(title, function, arguments, None, None) is None, title
        for name in known:
            for junk in JUNK:
                if (found := fault(title, make(), arguments, name, junk)) is not None:
                    faults.append(f"{title}({name}={junk}): {found[:200]}")
                for path in tmp_path.iterdir():
                    path.unlink()
        pyplot.close("all")
    assert not faults, "\n".join(faults)
