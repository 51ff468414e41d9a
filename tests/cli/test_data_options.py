"""Data files on the command line: how they are laid out, which columns are taken, and what is reported."""

import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

import gdfast

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

from gdfast.cli import commands
from gdfast.cli.report import as_json

KINDS = ("setosa", "versicolor", "virginica")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def typed(folder, capsys, monkeypatch):
    """Return a function that runs a command line and returns its exit status, standard output and error."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["gdfast", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            commands.run()
        return (caught.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def fitted(typed):
    """Return a function that runs `gdfast fit ... --json` and returns what it reports."""

    def call(*words):
        status, out, error = typed("fit", *words, "--json")
        assert status == 0, error
        return json.loads(out)

    return call


@pytest.fixture
def refused(typed):
    """Return a function that runs a command line that must end with one sentence and status 2, and returns it."""

    def call(*words):
        status, out, error = typed(*words)
        assert (status, out) == (2, ""), out
        assert len(error.splitlines()) == 1
        return error

    return call


def write(name, content):
    from pathlib import Path

    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def flats(separator=",", mark="."):
    """Return a file of y = 2 a - 3 b + 1 exactly."""
    rows = [(0.5 + k, (k * k) % 7 + 0.25) for k in range(12)]
    lines = [separator.join(f"{value!r}" for value in (a, b, 2 * a - 3 * b + 1)).replace(".", mark) for a, b in rows]
    return "\n".join([separator.join(("a", "b", "y")), *lines, ""])


def iris():
    rows = "".join(
        f"{5 + k + 0.1 * j:.1f},{3.5 - 0.2 * k:.1f},{1.4 + 2 * k + 0.05 * j:.2f},Iris-{kind}\n"
        for k, kind in enumerate(KINDS)
        for j in range(8)
    )
    return "length,width,petal,species\n" + rows


ENOUGH = ("--standardize", "--epochs", 4000)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (flats(), ()),
        (flats(";", ","), ()),
        (flats("\t", ","), ("--separator", "tab", "--decimal", ",")),
        (flats(":"), ("--separator", ":")),
        (flats().encode("utf-16-le"), ("--encoding", "utf-16-le")),
        (flats().split("\n", 1)[1], ("--no-header",)),
        (flats().split("\n", 1)[1], ()),
    ],
)
def test_layouts(folder, fitted, typed, content, options):
    write("f.csv", content)
    names = ["a", "b"] if content[:1] in ("a", b"a") else ["0", "1"]
    target = "y" if names[0] == "a" else "2"
    report = fitted("f.csv", "--target", target, *options, *ENOUGH, "--save", "r.npz")
    assert report["names"] == names
    assert [*report["coef"], report["intercept"]] == pytest.approx([2, -3, 1], rel=1e-9)
    status, out, error = typed("predict", "r.npz", "f.csv", *options)
    assert status == 0, error
    expected = gdfast.read_table("f.csv", **layout_of(options))[target]
    np.testing.assert_allclose([float(line) for line in out.split()], expected, rtol=1e-9)


def layout_of(options):
    given = dict(zip(options[::2], options[1::2], strict=False))
    return {name.removeprefix("--"): value for name, value in given.items() if name != "--no-header"}


def test_json_has_what_the_run_has(folder, fitted):
    write("f.csv", flats())
    report = fitted("f.csv", "--target", "y", "--epochs", 50, "--seed", 3, "--save", "r.npz", "--predict", "1,2")
    run = gdfast.Run.load("r.npz")
    assert list(report) == [
        "coef", "intercept", "names", "classes", "cost", "epochs", "stop_reason", "solver", "backend", "seed",
        "seconds", "prediction",
    ]  # fmt: skip
    assert report["coef"] == run.coef.tolist()
    assert (report["intercept"], report["cost"]) == (run.intercept, run.cost)
    assert (report["epochs"], report["stop_reason"], report["seed"], report["classes"]) == (50, "epochs", 3, None)
    assert (report["solver"], report["backend"], report["seconds"]) == (run.solver, run.backend, run.seconds)
    assert report["prediction"] == run.predict([[1.0, 2.0]])[0]


def test_json_of_a_number_that_is_not_finite_is_valid():
    run = replace(gdfast.fit([[1.0], [2.0]], [1.0, 2.0]), known_cost=float("nan"), intercept=np.array([np.inf, 1.0]))
    report = json.loads(as_json(run, ["a"]), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (report["cost"], report["intercept"]) == (None, [None, 1.0])


def test_printed_coefficients_give_the_predictions(folder, typed):
    times = 1_700_000_000 + 3600.0 * np.arange(40)
    y = 3e-5 * (times - times[0]) + np.sin(np.arange(40.0))
    rows = zip(times.tolist(), y.tolist(), strict=True)
    write("f.csv", "time,b,y\n" + "".join(f"{t!r},{k % 3},{v!r}\n" for k, (t, v) in enumerate(rows)))
    status, out, _ = typed("fit", "f.csv", "--target", "y", *ENOUGH, "--save", "r.npz")
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    coef = {line.split()[0]: float(line.split()[1]) for line in lines}
    assert status == 0
    starts = {line.index(line.split()[1].lstrip("-")) for line in lines}
    assert starts == {len("  intercept") + 3}
    status, out, _ = typed("predict", "r.npz", "f.csv")
    by_hand = coef["time"] * times + coef["b"] * (np.arange(40) % 3) + coef["intercept"]
    np.testing.assert_allclose([float(line) for line in out.split()], by_hand, atol=1e-5)
    run = gdfast.Run.load("r.npz")
    assert [coef["time"], coef["b"], coef["intercept"]] == [*run.coef.tolist(), run.intercept]


def test_classes_to_the_end(folder, typed, fitted):
    write("iris.csv", iris())
    words = ("iris.csv", "--target", "species", "--loss", "multinomial", "--standardize", "--epochs", 300)
    status, out, _ = typed("fit", *words, "--predict", "5.0,3.5,1.4", "--save", "r.npz", "--plot", "c.png")
    assert status == 0
    assert "Prediction: Iris-setosa" in out
    assert "Iris-setosa, Iris-versicolor, Iris-virginica" in out
    run = gdfast.Run.load("r.npz")
    for name, values in zip(["length", "width", "petal", "intercept"], [*run.coef.T, run.intercept], strict=True):
        line = next(line for line in out.splitlines() if line.startswith(f"  {name} "))
        assert [float(text) for text in line.split()[1:]] == values.tolist()
    assert (folder / "c.png").stat().st_size > 1000
    report = fitted(*words)
    assert report["classes"] == [f"Iris-{kind}" for kind in KINDS]
    assert np.shape(report["coef"]) == (3, 3)
    assert np.shape(report["intercept"]) == (3,)
    status, out, _ = typed("predict", "r.npz", "iris.csv")
    assert out.split() == [f"Iris-{kind}" for kind in KINDS for _ in range(8)]


def test_labels_that_are_numbers_or_true_and_false(folder, fitted, typed):
    for labels in (("0", "1"), ("False", "True"), ("no", "yes")):
        write("f.csv", "a,y\n" + "".join(f"{k},{labels[k > 4]}\n" for k in range(10)))
        report = fitted("f.csv", "--target", "y", "--loss", "log_loss", "--epochs", 500, "--save", "r.npz")
        assert list(map(str, report["classes"])) == list(labels)
        assert typed("predict", "r.npz", "f.csv")[1].split() == [labels[k > 4] for k in range(10)]


def test_columns_and_drop(folder, fitted, typed, refused):
    write("f.csv", ",a,note,b,y,w\n" + "".join(f"{k},{k},x{k},{k * k % 5},{2 * k + 1},1\n" for k in range(8)))
    assert "looks like the index that pandas writes; leave it out by --drop='Unnamed: 0'" in refused(
        "fit", "f.csv", "--target", "y"
    )
    assert fitted("f.csv", "--target", "y", "--drop", "Unnamed: 0,note")["names"] == ["a", "b", "w"]
    assert fitted("f.csv", "--target", "y", "--drop", "Unnamed: 0", "--drop", "note", "--sample-weight", "w")[
        "names"
    ] == ["a", "b"]
    assert fitted("f.csv", "--target", "y", "--columns", "b,a", "--sample-weight", "w", "--save", "r.npz")["names"] == [
        "b",
        "a",
    ]
    assert typed("predict", "r.npz", "f.csv")[0] == 0, "columns that no feature needs are not looked at"
    assert "--columns='c' is not a column" in refused("fit", "f.csv", "--target", "y", "--columns", "c")
    assert "--drop='c' is not a column" in refused("fit", "f.csv", "--target", "y", "--drop", "c")
    assert "--target='y' is among the columns of --drop" in refused("fit", "f.csv", "--target", "y", "--drop", "y")
    assert "no column 'z'; the columns are Unnamed: 0, a, note" in refused("fit", "f.csv", "--target", "z")
    assert "both name the column 'y'" in refused("fit", "f.csv", "--target", "y", "--sample-weight", "y")
    assert "column 'note' does not hold numbers only (the first other is 'x0' in row 1)" in refused(
        "fit", "f.csv", "--target", "y", "--drop", "Unnamed: 0"
    )
    assert "column 'note' does not hold numbers only" in refused("fit", "f.csv", "--target", "note", "--columns", "a")


def test_a_name_with_a_comma(folder, fitted):
    write("f.csv", '"size, m2",b,y\n1,2,3\n2,1,4\n3,5,5\n')
    assert fitted("f.csv", "--target", "y", "--drop", "size, m2")["names"] == ["b"]
    assert fitted("f.csv", "--target", "y", "--columns", "size, m2")["names"] == ["size, m2"]


def test_one_hot(folder, fitted, typed, refused):
    rows = [(size, color, zone) for size in (1, 2, 4) for color in ("red", "blue", "green") for zone in ("01", "1")]
    value = {"red": 5, "blue": -2, "green": 1, "01": 0, "1": 10}
    content = "size,color,zone,y\n" + "".join(f"{s},{c},{z},{3 * s + value[c] + value[z]}\n" for s, c, z in rows)
    write("f.csv", content)
    words = ("f.csv", "--target", "y", "--one-hot", "color,zone", "--epochs", 20000)
    report = fitted(*words, "--save", "r.npz", "--predict", "2,blue,1")
    assert report["names"] == ["size", "color=blue", "color=green", "color=red", "zone=01", "zone=1"]
    coef = dict(zip(report["names"], report["coef"], strict=True))
    assert coef["color=red"] - coef["color=blue"] == pytest.approx(7, rel=1e-6)
    assert coef["zone=1"] - coef["zone=01"] == pytest.approx(10, rel=1e-6)
    assert report["prediction"] == pytest.approx(14, rel=1e-6)
    write("one.csv", "zone,size,color\n1,2,blue\n")
    assert float(typed("predict", "r.npz", "one.csv")[1]) == pytest.approx(14, rel=1e-6)
    write("other.csv", "zone,size,color\n1,2,blue\n1,2,pink\n")
    assert "column 'color' has 'pink' in row 2, and the categories of the fit are 'blue', 'green', 'red'" in refused(
        "predict", "r.npz", "other.csv"
    )
    assert "column 'color' has 'pink' in row 1" in refused("fit", *words, "--predict", "2,pink,1")
    assert "there is no column 'shape'" in refused("fit", "f.csv", "--target", "y", "--one-hot", "shape")
    assert "encode it" in refused("fit", "f.csv", "--target", "y")


def test_predict_finds_columns_by_name_or_says_that_it_counts_them(folder, fitted, typed, refused):
    write("f.csv", flats())
    fitted("f.csv", "--target", "y", *ENOUGH, "--save", "r.npz")
    write("turned.csv", "y;b;more;a\n;0,5;;1,5\n?;2,5;x;3,5\n")
    assert [float(line) for line in typed("predict", "r.npz", "turned.csv")[1].split()] == pytest.approx([2.5, 0.5])
    write("bare.csv", "1.5,0.5\n3.5,2.5\n")
    _, out, error = typed("predict", "r.npz", "bare.csv")
    assert [float(line) for line in out.split()] == pytest.approx([2.5, 0.5])
    assert "no header; the columns are taken in the order a, b" in error
    write("wide.csv", "1.5,0.5,7\n3.5,2.5,8\n")
    assert "has no header and 3 columns, and the run has the 2 features a, b" in refused("predict", "r.npz", "wide.csv")
    _, out, _ = typed("predict", "r.npz", "wide.csv", "--drop", "2")
    assert [float(line) for line in out.split()] == pytest.approx([2.5, 0.5])
    assert "no column 'b'" in refused("predict", "r.npz", "turned.csv", "--drop", "b")
    write("hole.csv", "a,b\n1,2\n,3\n")
    assert "column 'a' has no finite number in row 2" in refused("predict", "r.npz", "hole.csv")
    fitted("bare.csv", "--target", "1", "--epochs", 5, "--save", "numbered.npz")
    assert "no column '0'; the run was fitted on 0; give --no-header" in refused("predict", "numbered.npz", "f.csv")


def test_standard_input(folder, fitted, typed, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(flats().encode()), encoding="utf-8"))
    report = fitted("-", "--target", "y", *ENOUGH, "--save", "r.npz")
    assert report["coef"] == pytest.approx([2, -3], rel=1e-9)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n"), encoding="utf-8"))
    assert float(typed("predict", "r.npz", "-")[1]) == pytest.approx(-3)


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        ("a,y\n1,2\n3,4,5\n", (), "'f.csv': row 2 has 3 fields"),
        ("a;y\n1,234;2\n", (), "row 1, column 'a': '1,234' has a mark.*give --decimal=\".\" or --decimal=\",\""),
        ("n,2019\n5,1\n", ("--target", "n"), "give --header or --no-header"),
        ("a,y\n1,2\n", ("--separator", "ab"), "--separator='ab' must be one character"),
        ("a,y\n1,2\n", ("--decimal", "x"), "--decimal='x' is not known"),
        ("a,y\n1,2\n", ("--encoding", "x"), "--encoding='x' is not known"),
        ("a,y\n1,2\n3,4\n", ("--target", "2"), "no column '2'; the columns are a, y"),
        ("1,2\n3,4\n", ("--target", "y"), "no column 'y'; the columns are 0, 1; no header was recognised in it"),
    ],
)
def test_messages_have_the_options_as_typed(folder, refused, content, words, sentence):
    import re

    write("f.csv", content)
    words = words if "--target" in words else ("--target", "y", *words)
    assert re.search(sentence, refused("fit", "f.csv", *words))
