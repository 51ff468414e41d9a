"""The command line as a new user meets it."""

import subprocess
import sys

import numpy as np
import pytest

import gdfast

pytest.importorskip("typer")
pd = pytest.importorskip("pandas")


def gdfast_command(*arguments, cwd, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-m", "gdfast", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(5, 3, 80), "b": rng.normal(0, 0.01, 80)})
    frame["y"] = 2 * frame["a"] - 100 * frame["b"] + 1 + 0.1 * rng.normal(size=80)
    folder = tmp_path_factory.mktemp("data")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "bare.csv", index=False, header=False)
    frame.to_parquet(folder / "t.parquet")
    np.save(folder / "t.npy", frame.to_numpy())
    return folder, frame


def test_demo_prints_the_tutorials_numbers_and_draws(tmp_path):
    pytest.importorskip("matplotlib")
    done = gdfast_command("demo", "--out", "pictures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0.5008287639956263" in done.stdout
    assert "4.999928637615365" in done.stdout
    assert "4.017678993127563" in done.stdout
    assert done.stdout.count(" ok\n") == 17
    assert "WRONG" not in done.stdout
    pictures = sorted((tmp_path / "pictures").glob("*.png"))
    assert len(pictures) == 10
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in pictures)


@pytest.mark.parametrize(
    ("file", "options"),
    [("t.csv", ["--target", "y"]), ("t.parquet", ["--target", "y"]), ("t.npy", ["--target", "2"]),
     ("bare.csv", ["--target", "2", "--no-header"])],
)  # fmt: skip
def test_fit_predict_and_files(table, tmp_path, file, options):
    folder, frame = table
    done = gdfast_command(
        "fit", folder / file, *options, "--standardize", "--epochs", 3000, "--save", "run.npz", "--predict", "5,0.01",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    A = np.column_stack([frame[["a", "b"]], np.ones(80)])
    best = np.linalg.lstsq(A, frame["y"], rcond=None)[0]
    lines = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("  ")}
    assert list(lines.values()) == pytest.approx(list(best), rel=1e-6)
    said = float(done.stdout.split("Prediction: ")[1].split()[0])
    assert said == pytest.approx(best @ [5, 0.01, 1], rel=1e-6)
    done = gdfast_command("predict", "run.npz", folder / file, *options[2:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose([float(line) for line in done.stdout.split()], A @ best, rtol=1e-6)
    run = gdfast.Run.load(tmp_path / "run.npz")
    assert run.feature_names == (("a", "b") if options[1] == "y" else ("0", "1"))
    np.testing.assert_allclose(run.predict(np.array(frame[["a", "b"]])), A @ best, rtol=1e-6)


def test_classes_and_minibatch(table, tmp_path):
    _, frame = table
    labelled = frame.assign(y=np.where(frame["y"] > 11, "many", "few"))
    labelled.to_csv(tmp_path / "l.csv", index=False)
    options = [
        "--target",
        "y",
        "--loss",
        "log_loss",
        "--standardize",
        "--epochs",
        200,
        "--batch-size",
        8,
        "--seed",
        1,
    ]
    done = gdfast_command("fit", "l.csv", *options, "--predict", "20 0", "--plot", "c.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Prediction: many" in done.stdout
    assert (tmp_path / "c.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "none.csv", "--target", "y"], "no file 'none.csv'; give the path of an existing file"),
        (["fit", ".", "--target", "y"], "is a folder"),
        (["fit", "T/t.csv", "--target", "z"], "no column 'z'; the columns are a, b, y"),
        (
            ["fit", "T/t.csv", "--target", "y", "--learning-rate", "fast"],
            "--learning-rate='fast' is not a number and not auto; write a number, such as 0.1, or auto",
        ),
        (["fit", "T/t.csv", "--target", "y", "--epochs", "0"], "--epochs=0 must be a whole number"),
        (["fit", "T/t.csv", "--target", "y", "--patience", "3"], "--patience=3 without --tol or --validation"),
        (["fit", "T/t.csv", "--target", "y", "--sample-weight", "z"], "no column 'z'"),
        (
            ["fit", "T/t.csv", "--target", "y", "--batch-size=1", "--learning-rate=9", "--on-divergence=raise"],
            "training diverged in epoch .* at --learning-rate=9",
        ),
        (
            ["fit", "T/t.csv", "--target", "y", "--solver", "closed_form", "--batch-size", "2", "--positive"],
            r"--solver='closed_form' needs the full batch \(no --batch-size\), and no --positive; use",
        ),
        (["fit", "T/t.csv", "--target", "y", "--epochs", "many"], "'--epochs'.*valid integer.*it got 'many'"),
        (["fit", "T/t.csv", "--target", "y", "--loss", "mse"], "--loss='mse'"),
        (["fit", "T/t.csv", "--target", "y", "--predict", "1"], "holds 1 numbers, and the model has 2"),
        (["fit", "T/t.csv", "--target", "y", "--save", "no/folder/r.npz"], "no/folder"),
        (["fit", "T/words.csv", "--target", "y"], "column 'a' does not hold numbers only.*'two'"),
        (["fit", "T/holes.csv", "--target", "y"], "column 'a' has no finite number in row 2"),
        (["fit", "T/one.csv", "--target", "y"], "at least two columns"),
        (["fit", "T/broken.parquet", "--target", "y"], "cannot be read as a table"),
        (["predict", "none.npz", "T/t.csv"], "no file 'none.npz'; give one that `gdfast fit --save` wrote"),
        (["predict", "T/t.npy", "T/t.csv"], "not a whole file of Run.save"),
        (["fit"], "Missing argument '(data|DATA)"),
        (["fit", "T/t.csv", "--nonsense"], "No such option:? '?--nonsense"),
        (["train"], "No such command 'train'"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(table, tmp_path, arguments, message):
    import re

    folder, _ = table
    (folder / "words.csv").write_text("a,y\n1,2\ntwo,3\n", encoding="utf-8")
    (folder / "holes.csv").write_text("a,y\n1,2\n,3\n", encoding="utf-8")
    (folder / "one.csv").write_text("y\n1\n2\n", encoding="utf-8")
    (folder / "broken.parquet").write_bytes(b"PAR1 not really")
    done = gdfast_command(*[a.replace("T/", f"{folder}/") for a in arguments], cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert re.search(message, " ".join(done.stderr.split())), done.stderr
    assert not list(tmp_path.iterdir())


def test_info_names_the_backends(tmp_path):
    done = gdfast_command("info", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("cython", "numba", "numpy", "processor", gdfast.__version__):
        assert word in done.stdout


def test_a_file_whose_coefficients_are_those_of_scaled_columns_predicts_in_the_datas_units(tmp_path):
    X = np.array([[1.0, 50.0], [2.0, 10.0], [4.0, 90.0]])
    center, scale = X.mean(axis=0), X.std(axis=0)
    run = gdfast.fit((X - center) / scale, [1.0, 2.0, 5.0], epochs=50)
    run.extra.update(columns=["a", "b"], target="y", center=center.tolist(), scale=scale.tolist())
    run.save(tmp_path / "run.npz")
    (tmp_path / "d.csv").write_text("b,a\n" + "".join(f"{b},{a}\n" for a, b in X.tolist()), encoding="utf-8")
    done = gdfast_command("predict", "run.npz", "d.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose([float(line) for line in done.stdout.split()], run.predict((X - center) / scale))
