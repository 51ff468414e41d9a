"""Junk for each argument of each public function and method, in turn: a documented result, or an error that names it.

The process never crashes, and no error comes from the inside (an AttributeError, an IndexError, an OverflowError).
"""

import numpy as np
import pytest

import gdfast

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("agg")
# Errors of the caller's own functions pass through as they are.
CALLERS = {("minimize", "fun"), ("minimize", "grad"), ("Loss", "value"), ("Loss", "gradient")}
CALLERS |= {(name, "loss") for name in ("loss_curve", "loss_contour", "loss_surface")}
CALLERS |= {("descent_steps", "fun"), ("descent_steps", "grad")}
# Whatever is called with junk must not stop for long.
QUICK = {"epochs": 3, "learning_rate": 0.01, "seed": 0}
RIGHT = {
    "Loss": {"value": lambda y, z: 0.5 * (z - y) * (z - y), "gradient": lambda y, z: z - y},
    "EMA": {"decay": 0.5},
    "Blocks": {"source": [(np.ones((2, 1)), np.ones(2))], "columns": None},
    "Summary": {"X": np.ones((2, 1)), "y": np.ones(2)},
    "Warmup": {"schedule": gdfast.Constant(0.1), "length": 3},
}
OTHERWISE = {"rate": 0.1, "every": 2, "factor": 0.5, "k": 1, "period": 3}


def curve(w):
    return float(np.sum(np.asarray(w) ** 2))


def bowl(w, b):
    return (w - 1.0) ** 2 + (w + b) ** 2


def run(junk, **options):
    return gdfast.fit(junk.X, junk.Y, **QUICK | {"solver": "closed_form"} | options)


def classifier(junk):
    return gdfast.fit(junk.X, junk.LABELS, loss="log_loss", record="coef", **QUICK)


def fit_blocks(X, y, sample_weight):
    return gdfast.fit(gdfast.Blocks([(X, y, sample_weight)] * 2), **QUICK)


def functions(junk, folder):
    """Yield a title, a function that returns what is called, and arguments that are right."""
    X, Y = junk.X, junk.Y
    table = folder / "table.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i * i},{i + 1}\n" for i in range(12)), encoding="utf-8")
    stored = folder / "run.npz"
    run(junk).save(stored)
    yield "fit", lambda: gdfast.fit, {"X": X, "y": Y, **QUICK}
    yield "fit of batches", lambda: gdfast.fit, {"X": X, "y": Y, "batch_size": 2, **QUICK}
    yield "fit of labels", lambda: gdfast.fit, {"X": X, "y": junk.LABELS, "loss": "log_loss", **QUICK}
    yield "sweep", lambda: gdfast.sweep, {"X": X, "y": Y, "folds": 2, **QUICK}
    summary = gdfast.Summary(X, Y)
    summary.save(folder / "summary.npz")
    yield "fit of a Summary", lambda: gdfast.fit, {"X": summary, **QUICK}
    yield "Summary.merge", lambda: summary.merge, {"other": summary}
    yield "Summary.of", lambda: gdfast.Summary.of, {"blocks": [(X, Y), (X, Y)]}
    yield "Summary.save", lambda: summary.save, {"path": str(folder / "saved summary.npz")}
    yield "Summary.load", lambda: gdfast.Summary.load, {"path": str(folder / "summary.npz")}
    yield "minimize", lambda: gdfast.minimize, {"fun": curve, "x0": [1.0, 2.0], "learning_rate": 0.1, "steps": 3}
    yield "stability", lambda: gdfast.stability, {"X": X, "y": Y}
    yield "stability.epochs_to", lambda: gdfast.stability(X, Y).epochs_to, {"tolerance": 0.1}
    yield "sample_order", lambda: gdfast.sample_order, {"n": 12, "seed": 0, "epoch": 0}
    yield "sample_order of blocks", lambda: gdfast.sample_order, {"n": 12, "seed": 0, "epoch": 0, "blocks": (4, 8)}
    yield "read_table", lambda: gdfast.read_table, {"path": str(table)}
    yield "Blocks.from_array", lambda: gdfast.Blocks.from_array, {"X": X, "y": Y, "block_rows": 5}
    yield "Blocks.from_csv", lambda: gdfast.Blocks.from_csv, {"paths": str(table), "target": "y"}
    frame = pytest.importorskip("pyarrow").table(gdfast.read_table(table).columns)
    pytest.importorskip("pyarrow.parquet").write_table(frame, folder / "table.parquet")
    yield "Blocks.from_parquet", lambda: gdfast.Blocks.from_parquet, {"paths": str(folder / "*.parquet"), "target": "y"}
    yield "fit of blocks", lambda: fit_blocks, {"X": X, "y": Y, "sample_weight": None}
    yield "fit of blocks as X", lambda: gdfast.fit, {"X": gdfast.Blocks.from_array(X, Y, 5), **QUICK}
    yield "Summary.of", lambda: gdfast.Summary.of, {"blocks": gdfast.Blocks.from_array(X, Y, 5)}
    summary = gdfast.Summary(X, Y)
    yield "Summary.merge", lambda: summary.merge, {"other": summary}
    summary.save(folder / "summary.npz")
    yield "Summary.load", lambda: gdfast.Summary.load, {"path": str(folder / "summary.npz")}
    yield "Summary.save", lambda: summary.save, {"path": str(folder / "summary2.npz")}
    yield "resume", lambda: gdfast.resume, {"path": str(stored), "X": X, "y": Y, "epochs": 2}
    for name in gdfast.__all__:
        kind = getattr(gdfast, name)
        if isinstance(kind, type) and not issubclass(kind, (BaseException, gdfast.Run, gdfast.Sweep, str)):
            yield name, lambda kind=kind: kind, RIGHT.get(name, OTHERWISE)
    yield "Run.load", lambda: gdfast.Run.load, {"path": str(stored)}
    yield "Run.save", lambda: run(junk).save, {"path": str(folder / "saved.npz")}


def methods(junk):
    """Yield the methods of a Run, of numbers and of labels, and of a Sweep."""
    swept = gdfast.sweep(
        junk.X, junk.Y, **QUICK | {"learning_rate": [0.01, 0.02], "alpha": [0.0, 0.1], "penalty": "l2"}
    )
    for method, right in {
        "best": {},
        "plot": {},
        "plot_parallel": {},
        "plot_grid": {"x": "alpha", "y": "learning_rate"},
    }.items():
        yield f"Sweep.{method}", lambda method=method: getattr(swept, method), right
    rights = {
        "at": {"epoch": 0}, "decision": {"X": junk.X}, "predict": {"X": junk.X}, "predict_proba": {"X": junk.X},
        "score": {"X": junk.X, "y": junk.Y}, "resume": {"epochs": 2}, "plot": {}, "to_pandas": {},
    }  # fmt: skip
    for method, right in rights.items():
        yield f"Run.{method}", lambda method=method: getattr(run(junk), method), right
        labelled = right | ({"y": junk.LABELS} if "y" in right else {})
        yield f"Run.{method} of labels", lambda method=method: getattr(classifier(junk), method), labelled


def tutorials(junk):
    """Yield the functions of gdfast.compat."""
    x, y = junk.X[:, 0], junk.Y
    line = {"inputs": x, "targets": y, "weights": [0.5], "bias": 0.1}
    upper = {"X": x, "Y": y, "w": 0.5, "b": 0.1}
    rights = {
        "linear_regression": {"inputs": x, "targets": y, "epochs": 3, "learning_rate": 0.01},
        "generate_data": {"m": 5, "n": 1, "a": 1.0, "b": 2.0}, "rmse": line, "plot_test": line,
        "gradient_descent": {"X": junk.X, "y": y}, "predict": upper, "loss": upper, "gradient": upper,
        "train": {"X": x, "Y": y, "iterations": 3, "lr": 0.01},
    }  # fmt: skip
    for name in gdfast.compat.__all__:
        yield f"compat.{name}", lambda name=name: getattr(gdfast.compat, name), rights[name]


def pictures(junk):
    """Yield the functions of gdfast.plots, for a curve of one parameter and a bowl of two."""
    x, y = junk.X[:, 0], junk.Y
    parts = {"loss": bowl, "w": (-1.0, 1.0, 2.0), "b": (-1.0, 1.0, 2.0)}
    rights = {
        "cost_curve": {"costs": [3.0, 2.0, 1.0]}, "predictions": {"targets": y, "predictions": y},
        "fitted_line": {"X": x, "y": y, "coef": 1.0, "intercept": 0.0},
        "loss_curve": {"loss": lambda w: (w - 3.0) ** 2, "low": -1.0, "high": 2.0},
        "descent_steps": {"fun": lambda w: (w - 3.0) ** 2, "path": [0.0, 1.0]},
        "loss_contour": parts, "loss_surface": parts,
    }  # fmt: skip
    for name in gdfast.plots.__all__:
        yield name, lambda name=name: getattr(gdfast.plots, name), rights[name]


def backends(junk):
    """Yield the functions of gdfast.backends."""
    yield "backends.choose", lambda: gdfast.backends.choose, {"backend": "numpy"}
    yield "backends.load", lambda: gdfast.backends.load, {"name": "numpy"}
    yield "backends.available", lambda: gdfast.backends.available, {}


@pytest.mark.parametrize("cases", [functions, methods, tutorials, pictures, backends])
def test_no_junk_gets_through(junk, cases, monkeypatch, tmp_path, tmp_path_factory):
    monkeypatch.chdir(tmp_path)  # for "junk" as the path of a checkpoint
    arguments = (junk, tmp_path_factory.mktemp("files")) if cases is functions else (junk,)
    faults = junk.faults(cases(*arguments), tmp_path, CALLERS)
    assert not faults, "\n".join(faults)
