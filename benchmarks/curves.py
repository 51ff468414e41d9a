"""Seconds of whole fits against n, d and epochs, and first calls, for benchmarks/page.py.

    python benchmarks/curves.py [--rounds 3] [--json FILE] [--quick]

Both sides do the same work, which is checked as in benchmarks/peers.py: in one order of samples one loss, to rounding.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import peers  # pins threads, so before NumPy
from peers import Call, Duel, Fit, Work

# isort: split

import gdfast

# One of the three moves, the others stay.
AXES = {
    "n": [{"n": n, "d": 20, "epochs": 10} for n in (100, 1000, 10_000, 100_000, 1_000_000)],
    "d": [{"n": 10_000, "d": d, "epochs": 10} for d in (1, 3, 10, 30, 100, 300, 1000)],
    "epochs": [{"n": 1000, "d": 10, "epochs": 10**power} for power in range(7)],
}
LONGEST = 4.0  # seconds of one call: a curve ends before
TURN_SECONDS = 0.05


def full_batch(work: Work) -> Duel:
    """Squared error over all rows, the cost of every epoch recorded; the order of samples is one."""
    X, y = peers.data(work.n, work.d, work.dtype, work.loss, None)
    epochs, rate = work.epochs or 1, 0.1

    def ours(solver: str) -> Fit:
        run = gdfast.fit(X, y, epochs=epochs, learning_rate=rate, solver=solver)
        return Fit(run.coef, run.intercept, run.costs)

    calls = {"ours": partial(ours, "closed_form"), "loop": partial(ours, "loop")}
    calls["NumPy loop"] = partial(peers.usual_squares, X, y, rate, epochs)
    return Duel(calls, calls, peers.objective(X, y, work.loss, 0.0), epochs, X.nbytes, shuffles=False)


def batches(work: Work) -> Duel:
    """Mini-batches of 32 against both NumPy loops of peers."""
    usual, careful = partial(partial, peers.usual_batches), peers.tabled_batches
    return peers.mini_batch({"NumPy loop": usual, "careful NumPy loop": careful}, peers.numpy_orders, work)


# What "ours" and the others are called in figures.
ALGORITHMS: dict[str, tuple[Callable[[Work], Duel], dict[str, str]]] = {
    "SGD": (peers.scikit_learn, {"ours": "gdfast", "": "scikit-learn"}),
    "mini-batches of 32": (batches, {"ours": "gdfast"}),
    "full batch": (full_batch, {"ours": "gdfast, closed form", "loop": "gdfast"}),
}


def work_of(point: dict[str, int]) -> Work:
    """Return a work whose epochs are fixed."""
    return Work("curves", "", "", 0.0, None, batch_size=32, **point)


def curve(axis: str, algorithm: str, points: list[dict[str, int]], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of an algorithm along an axis; a method that would take too long is left out from there on."""
    make, names = ALGORITHMS[algorithm]
    last: dict[str, float] = {}  # seconds of one unit of the axis
    for point in points:
        duel = make(work_of(point))
        quick = [key for key in duel.timed if last.get(key, 0.0) * point[axis] < LONGEST]
        if "ours" not in quick:
            return
        timed, ordered = ({key: calls[key] for key in quick} for calls in (duel.timed, duel.ordered))
        duel = replace(duel, timed=timed, ordered=ordered)
        difference = peers.check(duel) if len(quick) > 1 else 0.0
        best, losses = peers.contest(duel, rounds, TURN_SECONDS)
        for key, seconds in best.items():
            last[key] = seconds / point[axis]
            about = {"axis": axis, "algorithm": algorithm, "method": names.get(key, key), **point}
            unequal = difference > peers.ROUNDING["float64"]
            yield {**about, "seconds": seconds, "loss": losses[key], "difference": difference, "unequal": unequal}


# First calls, each in a process of its own.


def first_calls() -> dict[str, Callable[[], Call]]:
    """Return what makes a call of 100 epochs of logistic regression, by each that may compile something first."""
    X, y = peers.data(300, 2, "float64", "log_loss", None)

    def ours(backend: str) -> Call:
        return lambda: gdfast.fit(X, y, loss="log_loss", epochs=100, learning_rate=0.5, solver="loop", backend=backend)

    makers = {f"gdfast, {name}": partial(ours, name) for name in gdfast.backends.BACKENDS}
    return {**makers, "JAX": lambda: peers.jax_logistic(X, y, 0.5, 100)}


def first_and_later(name: str) -> dict[str, Any]:
    """Return the seconds of the first call in this process, and of the best of later ones."""
    try:
        call = first_calls()[name]()
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
    except ImportError as error:
        return {"name": name, "absent": str(error).splitlines()[0]}
    return {"name": name, "first": seconds[0], "later": min(seconds[1:])}


def in_new_process(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--first-call", name]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="the smallest points alone: a smoke test")
    parser.add_argument("--first-call", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_call:
        print(json.dumps(first_and_later(options.first_call)))
        return 0
    options.read, rows = peers.streaming_read(options.quick), []
    for axis, points in AXES.items():
        for algorithm in ALGORITHMS:
            for row in curve(axis, algorithm, points[:2] if options.quick else points, options.rounds):
                rows.append(row)
                shape = f"{row['n']:>9,} x {row['d']:<5,}{row['epochs']:>9,} epochs"
                end = "  UNEQUAL" if row["unequal"] else ""
                seconds = f"{row['seconds'] * 1e3:>11.3f} ms"
                print(f"{algorithm:<20}{row['method']:<22}{shape}{seconds}  loss {row['loss']:.9g}{end}", flush=True)
    firsts = [in_new_process(name) for name in first_calls()]
    for row in firsts:
        print(row)
    if options.json:
        found = {"machine": peers.machine(options), "rows": rows, "first_calls": firsts}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    return int(any(row["unequal"] or not math.isfinite(row["loss"]) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
