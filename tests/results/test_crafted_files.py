"""Files that were changed, by accident or on purpose: a ValueError that names the file, or the Run that was saved."""

import contextlib
import functools
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import gdfast
from gdfast._utils.archive import DIGEST, digest_of
from gdfast.solvers.loop import chunks
from gdfast.solvers.monitoring import callbacks

SAME_DRAWS = os.environ.get("GDFAST_TESTS") != "all"  # .ci/long draws new ones

RNG = np.random.default_rng(2)
X = RNG.normal(size=(30, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + RNG.normal(size=30)
KIND = np.array(["low", "middle", "high"])[np.digitize(Y, [-1.0, 1.0])]


class File(bytes):
    """The bytes of a file, of which a failing test prints none."""

    def __repr__(self):
        return f"<{len(self)} bytes>"


def rate(epoch):
    return 0.05 / (1 + epoch)


def press(state):
    if state.steps == 23:
        signal.raise_signal(signal.SIGINT)


# Data and options, for every kind of state that a file can hold.
RUNS = {
    "minibatch": (X, Y, {"batch_size": 4, "optimizer": "adam", "average": 2}),
    "sgd l1": (X.astype("f4"), Y, {"batch_size": 1, "penalty": "l1", "alpha": 0.05, "penalty_factors": [1, 2, 0, 1]}),
    "sparse": (
        sparse.csr_array(X * (X > 0)),
        Y,
        {"batch_size": 1, "validation": (sparse.csr_array(X[:9]), Y[:9]), "penalty": "l1", "alpha": 0.01},
    ),
    "rows": (X, Y, {"record": ("coef", "gradient_norm"), "validation": 0.3, "restore_best": True, "history_every": 2}),
    "backtracking": (X, Y, {"batch_size": 5, "on_divergence": "backtrack", "tol": 0.0, "patience": 50}),
    "plateau": (X, Y, {"learning_rate": gdfast.ReduceOnPlateau(0.1, 0.5, 1), "bounds": (-1.0, np.ones(4))}),
    "classes": (X, KIND, {"loss": "multinomial", "average": gdfast.EMA(0.9), "history_limit": 3}),
    "callable": (X, Y, {"learning_rate": rate, "batch_size": 7, "optimizer": "momentum"}),
    "cut off": (X, Y, {"batch_size": 3, "on_divergence": "backtrack", "average": 1, "callbacks": press}),
    "path": (X, np.column_stack([Y, -Y]), {"solver": "closed_form", "standardize": True}),
    "stretches": (
        X,
        KIND,
        {"loss": "multinomial", "solver": "collocation", "epochs": 3000, "history_limit": 50, "standardize": True},
    ),
    "path of a callable": (X, Y, {"solver": "closed_form", "learning_rate": rate}),
}
AGAIN = {name: {"learning_rate": rate} for name in ("callable", "path of a callable")}
pytestmark = pytest.mark.filterwarnings("ignore")


@functools.cache
def saved(name):
    """Return the bytes of a Run's file, and the Run."""
    features, y, options = RUNS[name]
    with pytest.MonkeyPatch.context() as patched:
        if name == "cut off":  # a callback after each update
            for limit in ("FIRST_PRODUCTS", "LARGEST_CHUNK", "LARGEST_CALL"):
                patched.setattr(chunks, limit, 1)
            patched.setattr(callbacks, "CALLBACK_SECONDS", -1.0)
        run = gdfast.fit(features, y, **{"epochs": 6, "solver": "loop", "learning_rate": 0.05, "seed": 1, **options})
    assert (name == "cut off") == (run.steps == 23)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "run.npz")
        run.save(path)
        return path.read_bytes(), gdfast.Run.load(path)


def contents(name):
    """Return the arrays of a Run's file, and what its JSON says."""
    with np.load(io.BytesIO(saved(name)[0])) as stored:
        arrays = dict(stored)
    return arrays, json.loads(str(arrays.pop("run")))


def sealed(arrays, text):
    """Return the bytes of a file with a digest that fits, as someone would make it who means harm."""
    arrays = {name: array for name, array in arrays.items() if name != DIGEST} | {"run": np.array(json.dumps(text))}
    file = io.BytesIO()
    np.savez(file, **arrays, **{DIGEST: np.array(digest_of(arrays))})
    return File(file.getvalue())


# Of a file that says what may be: that what is given with it does not fit.
ABOUT_ARGUMENTS = "fingerprint of X|this Run keeps its (rates|loss)|give (loss|learning_rate)= again|was trained on"


def use(path, name):
    """Load a file and do all that can be done with it; return the Run, and what resuming makes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = gdfast.Run.load(path)
        repr(run)
        with contextlib.suppress(ValueError):  # of a Run of other columns
            run.predict(RUNS[name][0])
        with contextlib.suppress(ValueError):
            run.at(run.epochs)
        return run, run.resume(3, *RUNS[name][:2], **AGAIN.get(name, {}))


def refused_or_used(name, written):
    """Return the Run, and the Run resumed, of a changed file; None where a ValueError names the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "changed.npz")
        pathlib.Path(path).write_bytes(written)
        found, error = None, None
        try:
            found = use(path, name)
        except ValueError as refused:
            error = str(refused)
    assert error is None or re.search(f"changed.npz|{ABOUT_ARGUMENTS}", error)
    return found


def assert_equal(run, other):
    for field in ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs", "validation_rows"):
        np.testing.assert_array_equal(getattr(run, field), getattr(other, field))
    for field in ("epochs", "steps", "cost", "seed", "stop_reason", "best_epoch", "feature_names", "loss"):
        assert getattr(run, field) == getattr(other, field)


def parts(value, path=()):
    """Yield the path to each value within JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from parts(part, (*path, key))


def changed(text, path, value):
    """Return JSON with another value at a path."""
    whole = inner = json.loads(json.dumps(text))
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return whole


@functools.cache
def places(name):
    return sorted(parts(contents(name)[1]), key=str)


NUMBERS = [
    -1,
    0,
    1,
    3,
    64,
    2**31,
    2**53 + 1,
    2**62,
    2**63,
    2**70,
    -(2**63),
    0.5,
    -1.0,
    1e300,
    float("nan"),
    float("inf"),
]
VALUES = st.sampled_from([*NUMBERS, None, True, "", "loop", "Adam", [], [1], {}, {"kind": "dict", "of": []}])


def bent(array, draw):
    """Return an array of another shape, dtype or with other values."""
    bends = [
        lambda a: a[..., :-1] if a.ndim else a[None],
        lambda a: np.concatenate([a, a]) if a.ndim else np.array([a, a]),
        lambda a: a.T.copy(),
        lambda a: a.ravel(),
        lambda a: np.zeros((0, 0)),
        lambda a: np.array(3),
        lambda a: a.astype("S9"),
        lambda a: a.astype(">f8") if a.dtype.kind in "iuf" else a,
        lambda a: a.astype("f4") if a.dtype.kind in "iuf" else a,
        lambda a: a.astype("i8") if a.dtype.kind in "iuf" else a,
        lambda a: np.broadcast_to(a.ravel()[:1], (*a.shape, 3)).copy() if a.size else a,
        lambda a: np.full_like(a, draw(st.sampled_from([np.nan, np.inf, -1e300, 0.0]))) if a.dtype.kind == "f" else a,
        lambda a: np.full_like(a, draw(st.sampled_from([-1, 7, 2**30, -(2**31)]))) if a.dtype.kind in "iu" else a,
    ]
    return draw(st.sampled_from(bends))(array)


@st.composite
def forged_files(draw):
    """Draw a file of which one to three things were changed, with a digest that fits."""
    name = draw(st.sampled_from(sorted(RUNS)))
    arrays, text = contents(name)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["json", "json", "json", "array", "drop", "swap"]))
        if kind == "json":
            with contextlib.suppress(LookupError, TypeError):  # what an earlier change has taken away
                text = changed(text, draw(st.sampled_from(places(name))), draw(VALUES))
            continue
        member = draw(st.sampled_from(sorted(arrays)))
        if kind == "array":
            arrays[member] = bent(arrays[member], draw)
        elif kind == "swap":
            arrays[member] = arrays[draw(st.sampled_from(sorted(arrays)))]
        elif len(arrays) > 1:
            del arrays[member]
    return name, sealed(arrays, text)


@given(forged_files())
@settings(max_examples=250, deadline=None, derandomize=SAME_DRAWS)
def test_a_forged_file_is_refused_or_harmless(forged):
    """What passes every check may be another Run; no kernel reads or writes outside of its arrays for it."""
    refused_or_used(*forged)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_an_unknown_backend_is_refused_by_the_name_of_the_file(name):
    arrays, text = contents(name)
    refused_or_used(name, sealed(arrays, {**text, "backend": ""}))


@st.composite
def damaged_files(draw):
    """Draw a file some of whose bytes, entries, arrays or settings were changed, and whose digest was not."""
    name = draw(st.sampled_from(sorted(RUNS)))
    whole = saved(name)[0]
    if draw(st.booleans()):
        written = bytearray(whole)
        for _ in range(draw(st.integers(1, 3))):
            written[draw(st.integers(0, len(written) - 1))] ^= draw(st.integers(1, 255))
        return name, File(written[: draw(st.integers(0, len(written)) | st.just(len(written)))])
    arrays, text = contents(name)
    kind = draw(st.sampled_from(["json", "array", "drop"]))
    member = draw(st.sampled_from(sorted(arrays)))
    if kind == "json":
        text = changed(text, draw(st.sampled_from(places(name))), draw(VALUES))
    elif kind == "array":
        arrays[member] = bent(arrays[member], draw)
    else:
        del arrays[member]
    file = io.BytesIO()
    np.savez(file, **arrays, run=np.array(json.dumps(text)))
    return name, File(file.getvalue())


@given(damaged_files())
@settings(max_examples=250, deadline=None, derandomize=SAME_DRAWS)
def test_a_damaged_file_is_refused_or_the_run_that_was_saved(damaged):
    name, written = damaged
    found = refused_or_used(name, written)
    if found is not None:
        assert_equal(found[0], saved(name)[1])
        assert_equal(found[1], saved(name)[1].resume(3, *RUNS[name][:2], **AGAIN.get(name, {})))


@pytest.mark.parametrize("name", RUNS)
def test_what_was_not_changed_is_used(name):
    arrays, text = contents(name)
    run, resumed = refused_or_used(name, sealed(arrays, text))
    assert_equal(run, saved(name)[1])
    assert_equal(resumed, saved(name)[1].resume(3, *RUNS[name][:2], **AGAIN.get(name, {})))


COUNTS = ["epoch", "position", "steps", "count", "begun", "epochs", "seen", "halvings", "reached", "first", "every"]
PROGRAM = """
import sys, warnings, numpy as np, gdfast
warnings.simplefilter("ignore")
with np.load(sys.argv[1]) as data:
    X, y = data["X"], data["y"]
for path in sys.argv[2:]:
    try:
        print("resumed", gdfast.Run.load(path).resume(2, X, y).epochs)
    except ValueError as error:
        print(path in str(error))
"""


@pytest.mark.parametrize("backend", [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None])
def test_no_false_count_ends_the_process(backend, tmp_path):
    """With a digest that fits, and without one, as files of format 4 are."""
    run = gdfast.fit(X, Y, epochs=5, batch_size=7, seed=1, history_every=2, backend=backend)
    run.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as stored:
        arrays = dict(stored)
    text, paths = str(arrays.pop("run")), []
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    for name in COUNTS:
        for value in (-5, 1_000_000, 2**40, 2**62):
            start = text.index(f'["{name}", ') + len(name) + 5
            forged = text[:start] + str(value) + text[text.index("]", start) :]
            for form in (5, 4):
                paths.append(tmp_path / f"{name}{value}-{form}.npz")
                paths[-1].write_bytes(sealed(arrays, json.loads(forged) | {"format": form}))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "data.npz"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    printed = dict(zip((path.stem for path in paths), done.stdout.splitlines(), strict=True))
    assert done.returncode == 0, done.stderr
    accepted = {name for name, line in printed.items() if line != "True"}
    # A larger number of epochs that were asked for is as good as any; the others contradict what is known.
    assert accepted <= {f"epochs{value}-{form}" for value in (1_000_000, 2**40) for form in (5, 4)}


def test_an_old_file_without_a_digest_is_checked_all_the_same(tmp_path):
    arrays, text = contents("minibatch")
    wrong = arrays | {"memory.now.state.W": np.zeros((1, 3))}
    (tmp_path / "old.npz").write_bytes(sealed(wrong, text | {"format": 4}))
    with pytest.raises(ValueError, match=r"old\.npz.*state\.now\.state\.W is float64 of shape \(1, 3\)"):
        gdfast.Run.load(tmp_path / "old.npz").resume(2, X, Y)


def npy(header, values=b""):
    """Return the bytes of an array's member with this header."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"fortran_order": False} | header)
    return file.getvalue() + values


def zipped(compression=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


HUGE = {
    "zeros, compressed": lambda: zipped(
        zipfile.ZIP_DEFLATED, coef=npy({"descr": "<f8", "shape": (10**7,)}, bytes(8 * 10**7))
    ),
    "zeros, by LZMA": lambda: zipped(zipfile.ZIP_LZMA, coef=npy({"descr": "<f8", "shape": (10**5,)}, bytes(8 * 10**5))),
    "a header of 8 PB": lambda: zipped(coef=npy({"descr": "<f8", "shape": (10**15,)}, bytes(80))),
    "a negative length": lambda: zipped(coef=npy({"descr": "<f8", "shape": (-2, -5)}, bytes(80))),
    "strings of no length": lambda: zipped(coef=npy({"descr": "<U0", "shape": (10**15,)})),
    "records": lambda: zipped(coef=npy({"descr": [("a", "<f8")], "shape": (1,)}, bytes(8))),
    "objects": lambda: zipped(coef=npy({"descr": "|O", "shape": (1,)}, bytes(8))),
}


@pytest.mark.parametrize("kind", HUGE)
def test_what_would_unpack_to_more_than_the_file_is_refused_before(kind, tmp_path, monkeypatch):
    (tmp_path / "bomb.npz").write_bytes(HUGE[kind]())
    monkeypatch.setattr(np, "empty", lambda *given, **options: pytest.fail("memory was taken"))
    with pytest.raises(ValueError, match=r"bomb\.npz' is not a whole file of Run\.save \("):
        gdfast.Run.load(tmp_path / "bomb.npz")


def test_two_members_of_one_name_are_refused(tmp_path):
    file = io.BytesIO(saved("minibatch")[0])
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("coef.npy", npy({"descr": "<f8", "shape": (4,)}, bytes(32)))
    (tmp_path / "run.npz").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="members are not arrays of different names"):
        gdfast.Run.load(tmp_path / "run.npz")


def test_a_small_file_may_have_been_compressed_since(tmp_path):
    with np.load(io.BytesIO(saved("rows")[0])) as stored:
        np.savez_compressed(tmp_path / "run.npz", **stored)
    assert_equal(gdfast.Run.load(tmp_path / "run.npz"), saved("rows")[1])


def test_a_file_of_a_machine_of_the_other_byte_order_is_read(tmp_path):
    arrays, text = contents("rows")
    swapped = {
        name: array.astype(array.dtype.newbyteorder("S")) if array.dtype.kind in "fi" else array
        for name, array in arrays.items()
    }
    (tmp_path / "run.npz").write_bytes(sealed(swapped, text))
    run = gdfast.Run.load(tmp_path / "run.npz")
    assert_equal(run, saved("rows")[1])
    assert run.coef.dtype.isnative
    assert_equal(run.resume(3, X, Y), saved("rows")[1].resume(3, X, Y))


def test_the_message_says_what_is_wrong_and_what_to_do(tmp_path):
    arrays, text = contents("minibatch")
    cases = {
        "epochs=-1 must be a whole number of at least 0": (arrays, text | {"epochs": -1}),
        r"coef is float64 of shape \(2,\)": (arrays | {"last_coef": np.zeros(2)}, text),
        "settings: alpha=-1.0|alpha=-1": (arrays, changed(text, ("settings", "of", 3, 1), -1.0)),
        "the epochs of the history must rise": (arrays | {"history.epoch": np.full(6, 3)}, text),
        "the columns of the history must be equally long": (arrays | {"history.cost": np.zeros(5)}, text),
    }
    assert text["settings"]["of"][3][0] == "alpha"
    for message, forged in cases.items():
        (tmp_path / "run.npz").write_bytes(sealed(*forged))
        with pytest.raises(ValueError, match=rf"run\.npz' is not a whole file.*({message}).* Use a copy of it"):
            gdfast.Run.load(tmp_path / "run.npz")
