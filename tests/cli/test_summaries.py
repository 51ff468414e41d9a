"""`gdfast summarize` and `merge`, and `gdfast fit` on what they write."""

import json

import numpy as np
import pytest

import gdfast

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 2))
Y = X @ [1.0, -2.0] + 0.5 + RNG.normal(size=90)
WEIGHTS = RNG.integers(1, 4, 90)


@pytest.fixture(autouse=True)
def parts(tmp_path):
    """Write three parts of the rows."""
    for i in range(3):
        rows = slice(30 * i, 30 * i + 30)
        table = np.column_stack([X[rows, 0], Y[rows], X[rows, 1]]).tolist()
        lines = [",".join(map(repr, row)) + f",{weight}" for row, weight in zip(table, WEIGHTS[rows], strict=True)]
        (tmp_path / f"part{i}.csv").write_text("\n".join(["a,t,b,w", *lines]) + "\n", encoding="utf-8")


def test_parts_merge_into_the_rows(command):
    status, out, _ = command("summarize", "part*.csv", "--target", "t", "--drop", "w", "-o", "all.npz")
    assert (status, out) == (0, "90 rows, 2 features, weight 90; saved in all.npz\n")
    command("summarize", "part0.csv", "part1.csv", "--target", "t", "--drop", "w", "-o", "two.npz")
    command("summarize", "part2.csv", "--target", "t", "--drop", "w", "-o", "one.npz")
    assert command("merge", "two.npz", "one.npz", "-o", "merged.npz")[:2] == (
        0, "90 rows, 2 features, weight 90; saved in merged.npz\n",
    )  # fmt: skip
    expected = gdfast.fit(X, Y, epochs=500, learning_rate=0.1)
    for name in ("all.npz", "merged.npz"):
        options = ("--epochs", 500, "--learning-rate", 0.1, "--json", "--save", "run.npz")
        status, out, _ = command("fit", name, *options)
        found = json.loads(out)
        assert status == 0
        assert found["names"] == ["a", "b"]
        assert found["coef"] == pytest.approx(expected.coef, rel=1e-12)
        assert found["cost"] == pytest.approx(expected.cost, rel=1e-12)
    status, out, _ = command("predict", "run.npz", "part0.csv", "--drop", "t,w")
    assert np.array(out.split(), float) == pytest.approx(expected.predict(X[:30]), rel=1e-12)


def test_weights_and_standardized_columns(command):
    options = ("--target", "t", "--sample-weight", "w", "-o", "all.npz")
    assert command("summarize", "part0.csv", "part1.csv", "part2.csv", *options)[0] == 0
    status, out, _ = command("fit", "all.npz", "--standardize", "--learning-rate", 0.1, "--epochs", 50, "--json")
    expected = gdfast.fit(X, Y, sample_weight=WEIGHTS, standardize=True, learning_rate=0.1, epochs=50)
    assert status == 0
    assert json.loads(out)["coef"] == pytest.approx(expected.coef, rel=1e-10)


WRONG = {
    "no target": (("fit", "part0.csv"), "--target is missing"),
    "a target": (("fit", "all.npz", "--target", "t"), "leave out --target"),
    "columns": (("fit", "all.npz", "--columns", "a", "--drop", "b"), "leave out --columns and --drop"),
    "layout": (("fit", "all.npz", "--separator", ";", "--no-header"), "leave out --header/--no-header and --separator"),
    "loss": (("fit", "all.npz", "--loss", "log_loss"), "closed form alone, which needs --loss="),
    "no file": (("summarize", "none.csv", "--target", "t", "-o", "x.npz"), "there is no file"),
    "no match": (("summarize", "none*.csv", "--target", "t", "-o", "x.npz"), "no file matches 'none\\*.csv'"),
    "no summary": (("merge", "part0.csv", "-o", "x.npz"), "part0.csv' is not a whole file of Summary.save"),
    "other columns": (("merge", "all.npz", "less.npz", "-o", "x.npz"), "'less.npz': the Summary to merge has 1 feat"),
    "no column": (("summarize", "part0.csv", "--target", "z", "-o", "x.npz"), "there is no column 'z'"),
    "text": (("summarize", "text.csv", "--target", "t", "-o", "x.npz"), "text.csv"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_one_sentence(command, tmp_path, name):
    command("summarize", "part*.csv", "--target", "t", "--drop", "w", "-o", "all.npz")
    command("summarize", "part0.csv", "--target", "t", "--drop", "w,b", "-o", "less.npz")
    (tmp_path / "text.csv").write_text("a,t\n1,2\nx,3\n", encoding="utf-8")
    words, message = WRONG[name]
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    with pytest.raises(ValueError, match=message):
        raise ValueError(err)
    assert not (tmp_path / "x.npz").exists()


def test_a_damaged_summary(command, tmp_path):
    command("summarize", "part0.csv", "--target", "t", "-o", "all.npz")
    whole = (tmp_path / "all.npz").read_bytes()
    (tmp_path / "all.npz").write_bytes(whole[:700] + b"x" + whole[701:])
    assert command("fit", "all.npz")[0] == 2
