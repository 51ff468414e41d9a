"""Rows in blocks: fits on Parquet files against reading them once, on arrays against fits on arrays and scikit-learn.

    python benchmarks/blocks.py [--only SUBSTRING]... [--rounds 3] [--files FOLDER] [--rows 20000000] [--curve FILE.png]

One process, one thread of arithmetic (the next block is read on another), in turn, best of several rounds. The files,
20 columns of float64, a target and a label, are made in FOLDER (by default a temporary one, 3.6 GB), and read once
before, so that they are in the page cache where that holds them. Each row proves the same work first. --curve draws the
resident memory over the time of the first two rows, each in a process of its own.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import SGDRegressor

import gdfast

FEATURES = [f"x{j}" for j in range(20)]
CLOSED_FORM: dict[str, Any] = {"epochs": 200_000, "learning_rate": 0.1}
LOG_LOSS: dict[str, Any] = {"loss": "log_loss", "learning_rate": 0.5, "history": "none"}
SGD: dict[str, Any] = {"batch_size": 1, "epochs": 1, "learning_rate": 1e-3, "shuffle": False, "seed": 0}
PAGE = os.sysconf("SC_PAGE_SIZE")


class Row(NamedTuple):
    """A line of the table: what is measured, what it is compared with, and the goal of the ratio."""

    name: str
    ours: Callable[[], float]  # their seconds
    other: str
    theirs: Callable[[], float]
    goal: float
    faster: bool  # the ratio is theirs to ours; else ours to theirs, and at most the goal


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def make_files(folder: Path, rows: int) -> None:
    """Write Parquet files of a million rows each, unless they are there."""
    folder.mkdir(exist_ok=True, parents=True)
    w = np.random.default_rng(0).normal(size=len(FEATURES))
    for number in range(-(-rows // 1_000_000)):
        path = folder / f"part-{number:03}.parquet"
        if not path.exists():
            rng = np.random.default_rng(number + 1)
            X = rng.normal(size=(min(1_000_000, rows - 1_000_000 * number), len(FEATURES)))
            y = X @ w + rng.normal(size=len(X))
            columns = dict(zip(FEATURES, X.T, strict=True))
            pq.write_table(pa.table(columns | {"y": y, "c": (y > 0).astype(float)}), path)


def read_once(folder: Path, target: str) -> None:
    """Read all files by pyarrow, a batch at a time."""
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches(columns=[*FEATURES, target], use_threads=False):
                pass


def tables(folder: Path, target: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield X and y of parts of the files, by pyarrow and NumPy."""
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(190_000, columns=[*FEATURES, target], use_threads=False):
                yield np.column_stack([batch[name].to_numpy() for name in FEATURES]), batch[target].to_numpy()


def of_files(folder: Path, target: str) -> gdfast.Blocks:
    """Return the files as Blocks."""
    return gdfast.Blocks.from_parquet(folder / "*.parquet", target, columns=FEATURES)


def regressor() -> SGDRegressor:
    """Return scikit-learn's SGD with the options of SGD."""
    return SGDRegressor(penalty=None, learning_rate="constant", eta0=1e-3, shuffle=False)


def trained_by_parts(parts: Iterator[tuple[np.ndarray, np.ndarray]]) -> SGDRegressor:
    """Return scikit-learn's model after an epoch over parts of the rows."""
    model = regressor()
    for X, y in parts:
        model.partial_fit(X, y)
    return model


def assert_close(run: gdfast.Run, coef: np.ndarray, tolerance: float) -> None:
    """Hold coefficients against others."""
    assert np.linalg.norm(run.coef - np.ravel(coef)) <= tolerance * np.linalg.norm(coef)


def closed_form(folder: Path) -> Row:
    """200,000 epochs with every cost."""
    few = gdfast.fit(of_files(folder, "y"), **CLOSED_FORM | {"epochs": 3})
    by_loop = gdfast.fit(of_files(folder, "y"), **CLOSED_FORM | {"epochs": 3, "solver": "loop"})
    np.testing.assert_allclose(few.costs, by_loop.costs, rtol=1e-11)
    ours = lambda: seconds(lambda: gdfast.fit(of_files(folder, "y"), **CLOSED_FORM).costs)  # noqa: E731
    theirs = lambda: seconds(lambda: read_once(folder, "y"))  # noqa: E731
    return Row("Parquet, closed form, 200,000 epochs, every cost", ours, "reading once", theirs, 1.6, False)


def log_loss(folder: Path) -> Row:
    """Each further epoch of full batch."""

    def ours() -> float:
        fits = [seconds(lambda n=n: gdfast.fit(of_files(folder, "c"), epochs=n, **LOG_LOSS)) for n in (1, 4)]
        return (fits[1] - fits[0]) / 3

    return Row(
        "Parquet, log loss, each further epoch", ours, "reading once",
        lambda: seconds(lambda: read_once(folder, "c")), 1.3, False,
    )  # fmt: skip


def sgd_on_files(folder: Path) -> Row:
    """One epoch of SGD, reading in both."""
    run, model = gdfast.fit(of_files(folder, "y"), **SGD), trained_by_parts(tables(folder, "y"))
    assert_close(run, model.coef_, 1e-10)
    ours = lambda: seconds(lambda: gdfast.fit(of_files(folder, "y"), **SGD))  # noqa: E731
    theirs = lambda: seconds(lambda: trained_by_parts(tables(folder, "y")))  # noqa: E731
    return Row("Parquet, SGD, one epoch", ours, "SGDRegressor.partial_fit", theirs, 1.8, True)


def sgd_in_memory(folder: Path) -> Row:
    """One epoch of SGD over blocks in memory."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000_000, 20))
    y = X @ rng.normal(size=20) + rng.normal(size=len(X))
    places = [slice(first, first + 200_000) for first in range(0, len(X), 200_000)]
    parts = [(X[rows], y[rows]) for rows in places]
    assert_close(gdfast.fit(gdfast.Blocks(parts), **SGD), trained_by_parts(iter(parts)).coef_, 1e-10)
    ours = lambda: seconds(lambda: gdfast.fit(gdfast.Blocks(parts), **SGD))  # noqa: E731
    theirs = lambda: seconds(lambda: trained_by_parts(iter(parts)))  # noqa: E731
    return Row("in memory, SGD, 2,000,000 x 20, one epoch", ours, "SGDRegressor.partial_fit", theirs, 3.0, True)


def from_array(loss: str, epochs: int) -> Callable[[Path], Row]:
    """Return a row of full batch over blocks of an array."""

    def row(folder: Path) -> Row:
        rng = np.random.default_rng(0)
        X = rng.normal(size=(100_000, 100))
        y = X[:, 0] + rng.normal(size=len(X))
        y = (y > 0).astype(int) if loss == "log_loss" else y
        options: dict[str, Any] = {"loss": loss, "epochs": epochs, "learning_rate": 0.1}
        run = gdfast.fit(gdfast.Blocks.from_array(X, y, 10_000), **options)
        np.testing.assert_allclose(run.costs, gdfast.fit(X, y, **options).costs, rtol=1e-11)
        ours = lambda: seconds(lambda: gdfast.fit(gdfast.Blocks.from_array(X, y, 10_000), **options))  # noqa: E731
        theirs = lambda: seconds(lambda: gdfast.fit(X, y, **options))  # noqa: E731
        return Row(f"from_array, {loss}, 100,000 x 100, {epochs:,} epochs", ours, "fit on it", theirs, 1.1, False)

    return row


# A cluster of two processes on this machine.


def on_cluster(work: Callable[[Any, Any], Any]) -> Any:
    """Return work(X, y) on a cluster of two processes that hold 4,000,000 x 20 in 20 blocks."""
    import dask.array as da
    from distributed import Client, LocalCluster, wait

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        random = da.random.default_rng(0)
        X = random.normal(size=(4_000_000, 20), chunks=(200_000, 20)).persist()
        y = (X[:, 0] > 0).astype(float).persist()
        wait([X, y])
        client.rebalance([X, y])
        return work(X, y)


def cluster_summary(folder: Path) -> Row:
    """A Summary by two processes against one thread of one process."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000_000, 20))
    y = X[:, 0]

    def theirs() -> float:
        parts = [(X[first : first + 200_000], y[first : first + 200_000]) for first in range(0, len(X), 200_000)]
        return seconds(lambda: [gdfast.Summary(*part) for part in parts])

    def ours() -> float:
        return float(on_cluster(lambda A, b: min(seconds(lambda: gdfast.Summary(A, b)) for _ in range(4))))

    return Row("Dask, 2 processes, Summary of 4,000,000 x 20", ours, "one thread", theirs, 1.6, True)


def cluster_epoch(folder: Path) -> Row:
    """The overhead of a full-batch epoch over 20 blocks: of small ones all of it, in units of 50 ms."""
    import dask.array as da

    def epoch(A: Any, b: Any) -> float:
        small = da.from_array(np.random.default_rng(0).normal(size=(2_000, 20)), chunks=(100, 20))
        labels = (small[:, 0] > 0).astype(float)
        fits = [
            min(seconds(lambda n=n: gdfast.fit(small, labels, epochs=n, **LOG_LOSS)) for _ in range(2)) for n in (1, 51)
        ]
        return (fits[1] - fits[0]) / 50

    ours = lambda: on_cluster(epoch)  # noqa: E731
    return Row("Dask, full-batch epoch of 20 blocks", ours, "0.05 s", lambda: 0.05, 1.0, False)


ROWS: dict[str, Callable[[Path], Row]] = {
    "Parquet closed form": closed_form,
    "Parquet log loss": log_loss,
    "Parquet SGD": sgd_on_files,
    "in memory SGD": sgd_in_memory,
    "from_array log_loss": from_array("log_loss", 100),
    "from_array squared_error": from_array("squared_error", 200_000),
    "Dask Summary": cluster_summary,
    "Dask epoch": cluster_epoch,
}


def measure(row: Row, rounds: int) -> None:
    """Measure both sides in turn and print the line."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        times[0].append(row.ours())
        times[1].append(row.theirs())
    ours, theirs = map(min, times)
    ratio = theirs / ours if row.faster else ours / theirs
    met = ratio >= row.goal if row.faster else ratio <= row.goal
    goal = f"{'>=' if row.faster else '<='} {row.goal}"
    print(f"| {row.name} | {row.other} | {theirs:.4g} | {ours:.4g} | {ratio:.2f} | {goal} | {'yes' if met else 'NO'} |")


# Memory over time.

CHILD = """
import json, os, sys, threading, time
import pyarrow.parquet, gdfast
sys.path.insert(0, {here!r})
import blocks
from pathlib import Path
trace, done, start = [], threading.Event(), time.perf_counter()
def watch():
    while not done.wait(0.01):
        pages = int(open("/proc/self/statm").read().split()[1])
        trace.append((time.perf_counter() - start, pages * blocks.PAGE / 2**20))
threading.Thread(target=watch, daemon=True).start()
time.sleep(0.2)
{call}
done.set()
print(json.dumps(trace))
"""
CALLS = {
    "closed form, 200,000 epochs": 'gdfast.fit(blocks.of_files(Path({folder!r}), "y"), **blocks.CLOSED_FORM).costs',
    "log loss, 4 epochs": 'gdfast.fit(blocks.of_files(Path({folder!r}), "c"), epochs=4, **blocks.LOG_LOSS)',
}


def memory(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Return the resident memory in MiB over the seconds of some fits, each in a process of its own."""
    traces = {}
    for name, call in CALLS.items():
        code = CHILD.format(here=str(Path(__file__).parent), call=call.format(folder=str(folder)))
        printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        traces[name] = json.loads(printed)
        values = [value for _, value in traces[name]]
        print(f"{name}: {max(values) - values[10]:.0f} MiB above the start ({values[10]:.0f} MiB)")
    return traces


def draw(traces: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Draw the memory over time."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for name, trace in traces.items():
        axes.plot(*zip(*trace, strict=True), label=name)
    axes.set(xlabel="seconds", ylabel="resident memory, MiB", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="SUBSTRING")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--curve", type=Path, metavar="FILE.png")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.files or Path(temporary)
        names = [name for name in ROWS if not given.only or any(part in name for part in given.only)]
        if given.curve or any("Parquet" in name for name in names):
            make_files(folder, given.rows)
            read_once(folder, "y")
        print("| work | against | its seconds | ours | ratio | goal | met |\n|---|---|---|---|---|---|---|")
        for name in names:
            measure(ROWS[name](folder), given.rounds)
        if given.curve:
            draw(memory(folder), given.curve)


if __name__ == "__main__":
    main()
