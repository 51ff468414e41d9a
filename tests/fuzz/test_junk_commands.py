"""Junk typed for each option and argument of each command: a result, or one line on stderr and exit status 2."""

import io
import os
import sys
import warnings

import pytest

pytest.importorskip("typer")
pytest.importorskip("matplotlib.pyplot").switch_backend("agg")
import typer.main  # noqa: E402

import gdfast  # noqa: E402
from gdfast.cli.commands import app, run  # noqa: E402
from gdfast.sweeps.store import open_store  # noqa: E402

TYPED = [
    "", " ", "junk", "a", "y", "nan", "inf", "-inf", "-1", "0", "1", "1e300", "1e999", "9" * 400, str(2**70), "1j",
    "0x10", "1_0", "None", "True", "[1]", "{}", "1,2", ",", "a,", "a,,b", "--", "-", ".", "no/such/folder", "new\nline",
    "a\tb", "é", "日本", "\udcff", "%s", "{0}", "*", "-h", "'", '"', "\\",
]  # fmt: skip
# By default one in so many of them, others for each option.
STEP = 1 if "GDFAST_FUZZ" in os.environ else 9
KEYS = ["a" * 64, "b" * 64]
DATA = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 3 + 0.5 * i}\n" for i in range(12))


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """Return a function that runs the command line and returns its exit status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        for path in tmp_path.iterdir():
            if path.is_file():
                path.unlink()
        (tmp_path / "data.csv").write_text(DATA, encoding="utf-8")
        (tmp_path / "run.npz").write_bytes(stored)
        (tmp_path / "runs.db").write_bytes(runs)
        (tmp_path / "summary.npz").write_bytes(summary)
        out, err = (
            io.TextIOWrapper(io.BytesIO(), "utf-8", errors, write_through=True)
            for errors in ("strict", "backslashreplace")
        )
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["gdfast", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DATA.encode()), encoding="utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                run()
        return ended.value.code or 0, *(stream.buffer.getvalue().decode() for stream in (out, err))

    stored = runs = summary = b""
    assert call("fit", "data.csv", "--target", "y", "--epochs", "3", "--save", "saved.npz")[0] == 0
    stored = (tmp_path / "saved.npz").read_bytes()
    trained = gdfast.Run.load(tmp_path / "saved.npz")
    assert call("summarize", "data.csv", "--target", "y", "--out", "saved.npz")[0] == 0
    summary = (tmp_path / "saved.npz").read_bytes()
    for key in KEYS:
        open_store(tmp_path / "runs.db").add(key, trained.settings, None, trained)
    runs = (tmp_path / "runs.db").read_bytes()
    return call


def commands():
    """Return each command's words, and its parameters by name."""
    rights = {
        "fit": ["data.csv", "--target", "y", "--epochs", "3", "--learning-rate", "0.001"],
        "sweep": ["data.csv", "--target", "y", "--epochs", "3", "--learning-rate", "0.001"],
        "summarize": ["data.csv", "--target", "y", "--out", "new.npz"],
        "merge": ["summary.npz", "--out", "new.npz"],
        "predict": ["run.npz", "data.csv"], "info": [], "report": ["runs.db", "--out", "report.html"],
        "runs ls": ["runs.db"], "runs show": ["runs.db", KEYS[0]], "runs compare": ["runs.db", *KEYS],
        "runs rm": ["runs.db", KEYS[0]], "runs export": ["runs.db", "--parquet", "runs.parquet"],
    }  # fmt: skip
    group = dict(typer.main.get_command(app).commands)
    group |= {f"runs {name}": command for name, command in group.pop("runs").commands.items()}
    assert set(group) == {*rights, "demo"}  # demo's only option is a folder, and it takes seconds
    return {name: ([*name.split(), *words], group[name].params) for name, words in rights.items()}


def fault(typed, words):
    """Return what is wrong with the answer, None where nothing is."""
    try:
        with warnings.catch_warnings(action="ignore"):
            status, out, err = typed(*words)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    lines = err.splitlines()
    if status == 0:
        return None if out else "nothing is printed"
    if status != 2 or len(lines) != 1 or not lines[0].startswith("gdfast: ") or len(lines[0]) > 600:
        return f"status {status}, {err!r}"
    return None


@pytest.mark.parametrize("name", list(commands()))
def test_no_junk_gets_through(typed, name):
    if name == "report":
        pytest.importorskip("plotly")
    right, options = commands()[name]
    assert fault(typed, right) is None
    faults = []
    for k, option in enumerate(options):
        for junk in TYPED[k % STEP :: STEP]:
            words = [option.opts[0], junk] if option.opts[0].startswith("-") else []
            at = [i for i, argument in enumerate(options) if not argument.opts[0].startswith("-")]
            changed = [*right, *words]
            if not words:
                changed[len(name.split()) + at.index(options.index(option))] = junk
            if (found := fault(typed, changed)) is not None:
                faults.append(f"{option.opts[0]} {junk[:20]!r}: {found[:300]}")
    assert not faults, "\n".join(faults)
