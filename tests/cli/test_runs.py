"""`gdfast runs`: list, show, compare, remove and export the runs of a store."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.sweeps.store import key_of, open_store

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X @ [1.0, -2.0] + 0.5
ALPHAS = (0.0, 0.25, 4.0)


@pytest.fixture
def keys(tmp_path):
    """Make a store of three runs and a failed one, and return their keys."""
    store, found = open_store(tmp_path / "runs.db", "f" * 32), []
    for alpha in ALPHAS:
        run = gdfast.fit(X, Y, penalty="l2", alpha=alpha, epochs=40, learning_rate=0.1)
        found.append(key_of(run.settings, None))
        store.add(found[-1], run.settings, None, run)
    failed = {**run.settings, "alpha": 9.0}
    found.append(key_of(failed, 2))
    store.add(found[-1], failed, 2, error="ValueError: y has\none class")
    return found


def cells(line):
    return [part.strip() for part in line.split("  ") if part.strip()]


def test_ls_shows_what_differs_and_the_results(command, keys):
    status, out, _ = command("runs", "ls", "runs.db")
    lines = out.splitlines()
    assert status == 0
    assert cells(lines[0]) == ["key", "alpha", "fold", "cost", "epochs", "stop_reason", "solver", "seconds", "error"]
    assert [cells(line)[:2] for line in lines[1:]] == [
        [key[:8], alpha] for key, alpha in zip(keys, ("0", "0.25", "4", "9"), strict=True)
    ]
    for line, alpha in zip(lines[1:], ALPHAS, strict=False):
        cost = gdfast.fit(X, Y, penalty="l2", alpha=alpha, epochs=40, learning_rate=0.1).cost
        fold, shown, epochs, reason = cells(line)[2:6]
        assert float(shown) == pytest.approx(cost, rel=1e-9)
        assert (fold, epochs, reason) == ("-", "40", "epochs")
    assert cells(lines[4])[2:] == ["2", "-", "-", "-", "-", "-", "ValueError: y has one class"]


def test_ls_as_json(command, keys):
    status, out, _ = command("runs", "ls", "runs.db", "--json")
    listed = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert status == 0
    assert [row["key"] for row in listed] == keys
    assert [row["settings"]["alpha"] for row in listed] == [0, 0.25, 4, 9]
    assert set(listed[0]["settings"]) == set(DEFAULTS) - {"sample_weight"}
    assert listed[3]["error"] == "ValueError: y has\none class"
    assert listed[3]["cost"] is None
    assert listed[0]["cost"] == gdfast.fit(X, Y, penalty="l2", epochs=40, learning_rate=0.1).cost


def test_an_infinite_cost_is_null_in_json(command, tmp_path):
    from dataclasses import replace

    run = replace(gdfast.fit(X, Y), known_cost=np.inf)
    open_store(tmp_path / "runs.db").add("a" * 64, run.settings, None, run)
    assert json.loads(command("runs", "ls", "runs.db", "--json")[1])[0]["cost"] is None
    assert "inf" in command("runs", "ls", "runs.db")[1]


def test_a_setting_with_the_name_of_a_result_says_so(command, tmp_path):
    store = open_store(tmp_path / "runs.db")
    for epochs in (10, 20):
        run = gdfast.fit(X, Y, epochs=epochs)
        store.add(key_of(run.settings, None), run.settings, None, run)
    out = command("runs", "ls", "runs.db")[1]
    assert cells(out.splitlines()[0])[:4] == ["key", "epochs (setting)", "cost", "epochs"]
    out = command("runs", "compare", "runs.db", *[row["key"] for row in store.rows()])[1]
    assert [cells(line)[0] for line in out.splitlines()[1:4]] == ["epochs (setting)", "cost", "epochs"]


def test_ls_of_an_empty_store(command, tmp_path):
    open_store(tmp_path / "runs.db")
    assert command("runs", "ls", "runs.db") == (0, "The store holds no runs.\n", "")
    assert command("runs", "ls", "runs.db", "--json")[1] == "[]\n"


def test_show(command, keys):
    status, out, _ = command("runs", "show", "runs.db", keys[1][:6])
    run = gdfast.fit(X, Y, penalty="l2", alpha=0.25, epochs=40, learning_rate=0.1)
    assert status == 0
    assert keys[1] in out
    settings = [cells(line) for line in out.split("settings")[1].split("40 epochs in")[0].splitlines()[1:]]
    assert settings == [["penalty", "l2"], ["alpha", "0.25"], ["epochs", "40"], ["learning_rate", "0.1"]]
    assert f"cost {run.cost:.12g}" in out
    assert "All epochs asked for are done." in out
    printed = {cells(line)[0]: float(cells(line)[1]) for line in out.splitlines()[-3:]}
    assert printed == {"0": run.coef[0], "1": run.coef[1], "intercept": run.intercept}


def test_show_a_failed_run(command, keys):
    status, out, _ = command("runs", "show", "runs.db", keys[3])
    assert status == 0
    assert "fold 2" in out
    assert out.endswith("failed: ValueError: y has one class\n")


def test_a_terminal_gets_no_commands(command, tmp_path):
    open_store(tmp_path / "runs.db").add("a" * 64, {"alpha": 1}, None, error="red \x1b[31m, a bell \a and \udc80")
    for arguments in (["ls", "runs.db"], ["show", "runs.db", "aaaaaa"]):
        status, out, _ = command("runs", *arguments)
        assert status == 0
        assert "red ?[31m, a bell ? and \\udc80" in out


def test_show_names_features_and_defaults(command, tmp_path):
    pd = pytest.importorskip("pandas")
    run = gdfast.fit(pd.DataFrame(X, columns=["rain", "sun"]), Y)
    open_store(tmp_path / "runs.db").add("a" * 64, run.settings, None, run)
    out = command("runs", "show", "runs.db", "aaaaaa")[1]
    assert "settings: the defaults" in out
    assert [cells(line)[0] for line in out.splitlines()[-3:]] == ["rain", "sun", "intercept"]


def test_compare_shows_only_what_differs(command, keys):
    status, out, _ = command("runs", "compare", "runs.db", keys[2][:8], keys[0])
    lines = [cells(line) for line in out.splitlines()]
    assert status == 0
    assert lines[0] == [keys[2][:8], keys[0][:8]]
    assert lines[1] == ["alpha", "4", "0"]
    names = [line[0] for line in lines[1:]]
    assert {"alpha", "cost"} <= set(names) <= {"alpha", "cost", "seconds"}
    costs = [float(text) for text in lines[2][1:]]
    assert costs[0] > costs[1]


def test_rm_says_what_it_removed(command, keys, tmp_path):
    status, out, _ = command("runs", "rm", "runs.db", keys[0][:10], keys[3], keys[0])
    assert (status, out) == (0, f"Removed {keys[0][:8]} (alpha=0)\nRemoved {keys[3][:8]} (alpha=9)\n")
    assert [row["key"] for row in open_store(tmp_path / "runs.db").rows()] == keys[1:3]


def test_export(command, keys, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    status, out, _ = command("runs", "export", "runs.db", "--parquet", "runs.parquet")
    assert (status, out) == (0, "Wrote 4 runs to runs.parquet\n")
    table = pq.read_table(tmp_path / "runs.parquet").to_pydict()
    assert table["key"] == keys
    assert table["alpha"] == [0.0, 0.25, 4.0, 9.0]
    assert table["fit_intercept"] == [True] * 4
    assert table["penalty"] == ["l2"] * 4
    assert table["tol"] == [None] * 4
    assert table["epochs"] == [40, 40, 40, None]
    assert table["setting_epochs"] == [40] * 4
    assert table["fold"] == [None, None, None, 2]
    assert table["error"] == [None, None, None, "ValueError: y has\none class"]
    assert table["cost"][3] is None
    assert table["cost"][1] == gdfast.fit(X, Y, penalty="l2", alpha=0.25, epochs=40, learning_rate=0.1).cost
    assert not any(isinstance(value, bytes) for column in table.values() for value in column)


def test_export_of_settings_of_several_kinds(command, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    store = open_store(tmp_path / "runs.db")
    for rate, seed in (("auto", 2**64 - 1), (0.5, 1), (gdfast.Step(0.5, 3), None)):
        run = gdfast.fit(X, Y, learning_rate=rate, seed=seed)
        store.add(key_of(run.settings, None), run.settings, None, run)
    command("runs", "export", "runs.db", "--parquet", "runs.parquet")
    table = pq.read_table(tmp_path / "runs.parquet").to_pydict()
    assert table["learning_rate"] == ["auto", "0.5", "Step(rate=0.5, every=3, factor=0.1, by=epoch)"]
    assert table["seed"] == [str(2**64 - 1), "1", None]


def test_export_of_an_empty_store(command, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    open_store(tmp_path / "runs.db")
    assert command("runs", "export", "runs.db", "--parquet", "runs.parquet")[0] == 0
    table = pq.read_table(tmp_path / "runs.parquet")
    assert table.num_rows == 0
    assert {"key", "cost", "epochs"} <= set(table.column_names)


def test_export_that_fails_leaves_the_file_as_it_was(command, keys, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "runs.parquet").write_bytes(b"before")

    def fail(table, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    status, _, err = command("runs", "export", "runs.db", "--parquet", "runs.parquet")
    assert status == 2
    assert "No space left" in err
    assert (tmp_path / "runs.parquet").read_bytes() == b"before"
    assert sorted(os.listdir(tmp_path)) == ["runs.db", "runs.parquet"]


WRONG = [
    (["runs", "ls", "none.db"], "there is no file 'none.db'"),
    (["runs", "ls", "."], "' is not a store of runs: it is a folder"),
    (["runs", "ls", "text.db"], "text.db' is not a store of runs: it is no SQLite file"),
    (["runs", "ls"], "Missing argument 'STORE'"),
    (["runs"], "Missing command"),
    (["runs", "list", "runs.db"], "No such command 'list'"),
    (["runs", "show", "runs.db", "abc"], "key='abc' must be the key of a run"),
    (["runs", "show", "runs.db", "123456"], "runs.db' has no run '123456'"),
    (["runs", "compare", "runs.db", "KEY"], "two different runs or more"),
    (["runs", "compare", "runs.db", "KEY", "KEY"], "two different runs or more"),
    (["runs", "rm", "runs.db", "KEY", "123456"], "runs.db' has no run '123456'"),
    (["runs", "rm", "runs.db"], "Missing argument 'KEY'"),
    (["runs", "export", "runs.db"], "Missing option '--parquet'"),
    (["runs", "export", "runs.db", "--parquet", "none/x.parquet"], "none/x.parquet"),
    (["report", "runs.db"], "Missing option '--out'"),
    (["report", "none.db", "-o", "x.html"], "there is no file 'none.db'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_input_is_one_sentence(command, keys, tmp_path, arguments, message):
    (tmp_path / "text.db").write_text("no database at all\n" * 50, encoding="utf-8")
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    status, out, err = command(*[keys[0] if argument == "KEY" else argument for argument in arguments])
    assert status == 2
    assert out == ""
    assert err.startswith("gdfast: ")
    assert err.count("\n") == 1
    assert message in err
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_as_a_process(keys, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gdfast", "runs", "ls", "none.db"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no file 'none.db'" in done.stderr
