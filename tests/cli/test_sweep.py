"""`gdfast sweep`: axes as they are typed, the TOML file, the table, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast.cli.options import axes_of_sweep

pytest.importorskip("typer")


@pytest.fixture
def cli(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "gdfast", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=40)
    path = tmp_path / "data.csv"
    path.write_text(
        "a,b,y\n" + "\n".join(",".join(map(repr, row)) for row in np.column_stack([X, y]).tolist()) + "\n",
        encoding="utf-8",
    )
    return path, X, y


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("alpha", "0.1", 0.1),
        ("alpha", "1,0.5", [1.0, 0.5]),
        ("alpha", "log:1e-2:1:3", [0.01, 0.1, 1.0]),
        ("learning_rate", "auto,lin:1:3:3", ["auto", 1.0, 2.0, 3.0]),
        ("batch_size", "None,4", [None, 4]),
        ("epochs", "log:10:1000:3", [10, 100, 1000]),
        ("optimizer", "gd,adam", ["gd", "adam"]),
        ("penalty", "None,l2", [None, "l2"]),
    ],
)
def test_values_as_they_are_typed(name, text, value):
    found = axes_of_sweep({name: text})[name]
    assert found == (pytest.approx(value) if name == "alpha" else value)


def test_the_table_is_that_of_the_sweep(cli, table):
    path, X, y = table
    result = cli(
        "sweep", path, "--target", "y", "--learning-rate", "0.1,0.2", "--epochs", "50", "--folds", "2", "--json"
    )
    rows = json.loads(result.stdout)["runs"]
    expected = gdfast.sweep(X, y, learning_rate=[0.1, 0.2], epochs=50, folds=2).table
    assert [row["cost"] for row in rows] == pytest.approx(expected["cost"], rel=1e-12)
    assert [row["validation_cost"] for row in rows] == pytest.approx(expected["validation_cost"], rel=1e-12)
    assert [row["fold"] for row in rows] == [0, 1, 0, 1]


def test_a_file_of_options(cli, table, tmp_path):
    (tmp_path / "grid.toml").write_text(
        'data = "data.csv"\ntarget = "y"\nlearning_rate = "log:0.01:0.1:2"\nbatch_size = [1, 8]\nepochs = 5\n'
        "seed = 1\n",
        encoding="utf-8",
    )
    rows = json.loads(cli("sweep", "--config", tmp_path / "grid.toml", "--json").stdout)["runs"]
    assert [(row["learning_rate"], row["batch_size"]) for row in rows] == [(0.01, 1), (0.01, 8), (0.1, 1), (0.1, 8)]
    rows = json.loads(cli("sweep", "--config", tmp_path / "grid.toml", "--json", "--batch-size", "4").stdout)["runs"]
    assert len(rows) == 2


def test_the_lowest_cost_comes_first(cli, table, tmp_path):
    path, _, _ = table
    picture = tmp_path / "costs.png"
    text = cli(
        "sweep", path, "--target", "y", "--learning-rate", "1e-3,0.1,1e6", "--epochs", "99", "--plot", picture
    ).stdout
    lines = text.splitlines()
    assert lines[0].split() == ["learning_rate", "cost", "epochs", "stop_reason", "solver"]
    assert lines[1].split()[0] == "0.1"
    assert "diverged" in lines[3]
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--learning-rate", "0.1,fast"], "--learning-rate='fast' is not a number"),
        (["--batch-size", "8,large"], "--batch-size='large' is not a number; write a number, such as 10"),
        (["--alpha", "log:0:1:3"], "needs two numbers above 0"),
        (["--alpha", "log:1:3"], "must be log:FIRST:LAST:COUNT"),
        (["--batch-size", "0,1"], "--batch-size=0 must be a whole number"),
        (["--alpha", "1,1"], "are the same"),
        (["--folds", "1"], "folds=1 must be from 2"),
        (["--config", "none.toml"], "none.toml"),
    ],
)
def test_what_is_refused(cli, table, arguments, words):
    result = cli("sweep", table[0], "--target", "y", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
