"""Fits, resumes and saves to one path in several processes and threads at the same time, on each backend."""

import os
import subprocess
import sys

import pytest

import gdfast

HERE = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]

PROGRAM = """
import functools, multiprocessing, os, sys, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import numpy as np, gdfast

X = np.random.default_rng(0).normal(size=(1100, 5))  # two threads of a fit share so many rows
Y = X @ [1.0, -2.0, 0.5, 0.0, 3.0] + 0.3
OPTIONS = [
    {"solver": "closed_form"},
    {"solver": "loop", "n_threads": 2},
    {"batch_size": 7, "average": True, "record": "coef"},
    {"batch_size": 1, "penalty": "l1", "alpha": 0.01, "validation": 0.2},
]

def fit(place, epochs=6):
    return gdfast.fit(X, Y, epochs=epochs, seed=1, learning_rate=0.01, backend=sys.argv[1], **OPTIONS[place])

def bits(run):
    return run.coef.tobytes(), run.costs.tobytes(), run.epochs

def work(path, place):
    run = fit(place)
    again = run.resume(4)
    again.save(path)
    loaded = gdfast.Run.load(path)
    assert loaded.epochs == 10 and loaded.cost > 0
    further = gdfast.resume(path, X, Y, epochs=0) if place == 0 else loaded
    return bits(run), bits(again), repr(further)[:10]

def expected(place):
    return bits(fit(place)), bits(fit(place, 10)), "gdfast.Run"

def in_threads(path, count=8):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(functools.partial(work, path), [k % 4 for k in range(2 * count)]))

def main(kind, folder):
    path = os.path.join(folder, "run.npz")
    right = [expected(place) for place in range(4)]
    work(folder + ".npz", 0)  # imports all that is needed: a fork while a thread imports a module can hang in Python
    os.umask(0o027)
    places = [0, 1, 2, 3, 3, 2, 1, 0]
    if kind == "threads":
        found = in_threads(path)
        places = [k % 4 for k in range(16)]
    elif kind == "fork in threads":  # while other threads train and save, as servers do
        stop = threading.Event()
        def train():
            while not stop.is_set():
                run = fit(2)
                run.save(folder + ".npz")
                assert bits(run) == right[2][0]
        busy = [threading.Thread(target=train) for _ in range(2)]
        [thread.start() for thread in busy]
        with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
            found = list(pool.map(functools.partial(work, path), places))
        stop.set()
        [thread.join() for thread in busy]
        assert bits(gdfast.Run.load(folder + ".npz")) == right[2][0]
    else:
        with ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as pool:
            found = list(pool.map(functools.partial(work, path), places))
    assert found == [right[place] for place in places]
    assert os.listdir(folder) == ["run.npz"], os.listdir(folder)
    assert os.umask(0) == 0o027
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert gdfast.Run.load(path).epochs == 10
    print("right")

if __name__ == "__main__":
    main(*sys.argv[2:])
"""


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver", "threads", "fork in threads"])
@pytest.mark.parametrize("backend", HERE)
def test_fits_resumes_and_saves_at_the_same_time(backend, kind, tmp_path):
    """NumPy's OpenBLAS can hang where a process forks beside a product in another thread: it has one thread here."""
    if "fork" in kind and not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "files").mkdir()
    command = [sys.executable, str(tmp_path / "program.py"), backend, kind, str(tmp_path / "files")]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr
