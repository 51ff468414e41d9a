"""gdfast fit and summarize on several files, whole or in blocks where they take more than --memory."""

import numpy as np
import pytest

import gdfast
from gdfast.cli.streaming import memory_allowed

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


@pytest.fixture
def files(tmp_path):
    """Write three Parquet and three CSV files of the same rows."""
    rng = np.random.default_rng(0)
    for number in range(3):
        X = rng.normal(size=(400, 3))
        frame = pd.DataFrame(X, columns=list("abc"))
        frame["y"] = X @ [1.0, 2.0, 3.0] + rng.normal(size=400)
        frame["label"], frame["w"] = np.where(frame["y"] > 0, "yes", "no"), rng.uniform(1, 2, 400)
        frame.to_parquet(tmp_path / f"p{number}.parquet", index=False)
        frame.to_csv(tmp_path / f"c{number}.csv", index=False)
        frame.to_csv(tmp_path / f"s{number}.csv", index=False, sep=";")
    return tmp_path


def numbers(printed):
    """Return the coefficients that are printed."""
    lines = [line.split() for line in printed.splitlines() if line.startswith("  ")]
    return {name: float(value) for name, value in lines}


CALLS = {
    "closed form": ["--target", "y", "--drop", "label,w", "--epochs", "30", "--learning-rate", "0.1"],
    "labels": ["--target", "label", "--drop", "y", "--sample-weight", "w", "--loss", "log_loss", "--epochs", "9",
               "--learning-rate", "0.5"],
    "columns": ["--target", "y", "--columns", "c,a", "--loss", "huber", "--epochs", "5", "--learning-rate", "0.1"],
}  # fmt: skip


@pytest.mark.parametrize("pattern", ["p*.parquet", "c*.csv"])
@pytest.mark.parametrize("name", CALLS)
def test_whole_and_in_blocks(command, files, pattern, name):
    printed = []
    for memory in ((), ("--memory", "20kB")):
        status, out, err = command("fit", pattern, *CALLS[name], *memory, "--save", f"{len(memory)}.npz")
        assert status == 0, err
        printed.append(out)
    first, second = map(numbers, printed)
    assert list(first) == list(second)
    np.testing.assert_allclose(list(first.values()), list(second.values()), rtol=1e-9)
    predictions = [command("predict", run, "p1.parquet")[1] for run in ("0.npz", "2.npz")]
    kinds = str if name == "labels" else float
    one, other = ([kinds(line) for line in lines.split()] for lines in predictions)
    assert one == other if kinds is str else np.allclose(one, other)


def test_a_row_is_predicted(command, files):
    _, out, _ = command("fit", "p*.parquet", *CALLS["labels"], "--memory", "1k", "--predict", "1,2,3")
    assert "Prediction: yes" in out


def test_summaries_of_blocks(command, files):
    for name, memory in (("whole.npz", ()), ("blocks.npz", ("--memory", "9kB"))):
        status, out, _ = command("summarize", "c*.csv", "--target", "y", "--drop", "label,w", "-o", name, *memory)
        assert (status, out) == (0, f"1,200 rows, 3 features, weight 1200; saved in {name}\n")
    rates = [gdfast.stability(gdfast.Summary.load(name)).max_learning_rate for name in ("whole.npz", "blocks.npz")]
    assert rates[0] == pytest.approx(rates[1], rel=1e-12)


WRONG = {
    "no match": (["x*.csv", "--target", "y"], "no file matches 'x*.csv'; check the pattern"),
    "zero": (["c*.csv", "--target", "y", "--memory", "0"], "--memory='0' must be a size above 0, as 500MB"),
    "negative": (["c*.csv", "--target", "y", "--memory=-1"], "--memory='-1' must be a size above 0"),
    "no size": (["c*.csv", "--target", "y", "--memory", "nan"], "--memory='nan' must be a size above 0"),
    "semicolons": (["s*.csv", "--target", "y", "--memory", "1k"], "'s0.csv' has one column; only Parquet files"),
    "two kinds": (["c0.csv", "p0.parquet", "--target", "y", "--memory", "1k"], "and only Parquet files and comma-"),
    "decimal": (["c0.csv", "--target", "y", "--memory", "1k", "--decimal", ","], "and only Parquet files and comma-"),
    "one-hot": (["c0.csv", "--target", "y", "--memory", "1k", "--one-hot", "label"], "--one-hot needs all rows"),
    "no column": (["c*.csv", "--target", "z", "--memory", "1k"], "there is no column 'z'"),
    "text": (["c*.csv", "--target", "y", "--memory", "1k"], "column 'label' does not hold numbers only"),
    "other columns": (["p0.parquet", "other.parquet", "--target", "y", "--memory", "1k"], "other.parquet' lacks the"),
    "different columns": (["p0.parquet", "other.parquet", "--target", "y"], "have different columns, as 'a'"),
    "text and numbers": (["p0.parquet", "text.parquet", "--target", "label"], "'y' holds text in 'text.parquet' and"),
    "cut off": (["p0.parquet", "cut.parquet", "--target", "y", "--memory", "1k"], "'cut.parquet': it cannot be read"),
    "a folder": (["folder", "--target", "y"], "'folder' is a folder"),
    "no target": (["c*.csv"], "--target is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls_are_one_sentence(command, files, name):
    frame = pd.read_parquet(files / "p0.parquet")
    frame.drop(columns="a").to_parquet(files / "other.parquet", index=False)
    frame.assign(y="text").to_parquet(files / "text.parquet", index=False)
    (files / "cut.parquet").write_bytes((files / "p0.parquet").read_bytes()[:2000])
    (files / "folder").mkdir()
    arguments, words = WRONG[name]
    status, _, err = command("fit", *arguments, "--epochs", "2")
    assert status == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_sizes():
    assert [memory_allowed(text) for text in ("10", "2k", "1.5MB", "1.5GiB", ".5 t", "3KiB")] == [
        10.0, 2e3, 1.5e6, 1.5 * 2**30, 0.5e12, 3 * 2**10,
    ]  # fmt: skip
    assert memory_allowed(None) > 1e6
