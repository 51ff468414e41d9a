"""The solver that "auto" chooses against the fastest one, over a grid of shapes and epochs, each with every cost.

    python benchmarks/cost_model.py [--rounds 3] [--quick] [--all] [--csv FILE]

Each solver trains the same problem for as many epochs, in turn; the best round counts. Printed are the rows where the
chosen one takes over 1.3 times the fastest one's time, with what the cost model took each for (--all: every row). A
solver that the model expects to take 20 times the others' time, and over a second, is left out. --csv writes the
milliseconds as tests/solvers/cost_model.csv has them, to which a test holds the choices.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import math
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.prepare import prepare
from gdfast.solvers.select import SOLVERS, choose_solver, missing_needs

WORST = 1.3  # times the fastest solver's time
SHAPES = [(20, 2), (300, 1), (300, 20), (1000, 10), (5000, 5), (10_000, 40), (1000, 200), (20_000, 100), (300_000, 10)]
EPOCHS = [1, 10, 100, 1000, 10_000, 200_000]
KINDS: dict[str, dict[str, Any]] = {
    "squared_error": {},
    "momentum": {"optimizer": "momentum"},
    "schedule": {"learning_rate": "schedule"},
    "log_loss": {"loss": "log_loss"},
    "log_loss l2": {"loss": "log_loss", "penalty": "l2", "alpha": 0.1},
}
LEFT_OUT, LONG = 20.0, 1.0


def seconds_of(call: Any, rounds: int) -> float:
    """Return the best mean of calls over 5 ms at least."""
    best = math.inf
    for _ in range(rounds):
        started, calls = time.perf_counter(), 0
        while True:
            call()
            calls += 1
            taken = time.perf_counter() - started
            if taken > 5e-3:
                break
        best = min(best, taken / calls)
    return best


def measured(
    n: int, d: int, epochs: int, kind: dict[str, Any], rounds: int
) -> tuple[str, dict[str, tuple[float, float]]]:
    """Return the solver that is chosen, and of each that can run its expected and its measured seconds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = X @ rng.normal(size=d) / np.sqrt(d) + 0.5 * rng.normal(size=n)
    # Below all limits; the modes die out slowly, as those of data that are not scaled.
    options = {"learning_rate": 0.01 / d, "epochs": epochs} | kind
    if options["learning_rate"] == "schedule":
        options["learning_rate"] = gdfast.InverseTime(0.01 / d, 1e-3)
    targets = y > 0 if "loss" in kind else y
    problem, plan = prepare(X, targets, None, DEFAULTS | options)
    data = problem.dimensions
    expected = {
        name: solver.seconds(data, plan) for name, solver in SOLVERS.items() if not missing_needs(solver, data, plan)
    }
    chosen, least = choose_solver(data, plan).name, min(expected.values())
    found = {}
    for name, model in expected.items():
        if model > max(LEFT_OUT * least, LONG):
            continue
        seconds = seconds_of(lambda name=name: gdfast.fit(X, targets, solver=name, **options).costs, rounds)
        found[name] = (model, seconds)
    return chosen, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the smallest shapes alone: a smoke test")
    parser.add_argument("--all", action="store_true", help="print every row")
    parser.add_argument("--csv", metavar="FILE")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = slow = 0
    worst, table = 1.0, [",".join(["kind", "n", "d", "epochs", *SOLVERS])]
    for kind, (n, d), epochs in product(KINDS, SHAPES[:2] if options.quick else SHAPES, EPOCHS):
        chosen, found = measured(n, d, epochs, KINDS[kind], options.rounds)
        if len(found) < 2:
            continue
        best = min(seconds for _, seconds in found.values())
        ratio = found[chosen][1] / best
        rows, slow, worst = rows + 1, slow + (ratio > WORST), max(worst, ratio)
        times = [f"{found[name][1] * 1e3:.3g}" if name in found else "" for name in SOLVERS]
        table.append(",".join([kind, str(n), str(d), str(epochs), *times]))
        if ratio > WORST or options.all:
            each = ", ".join(f"{name} {s * 1e3:.3g} ms ({model * 1e3:.3g})" for name, (model, s) in found.items())
            print(f"{kind}, {n:,} x {d}, {epochs:,} epochs: {chosen} {ratio:.2f} times the best; {each}", flush=True)
    print(f"{rows} rows, {slow} over {WORST} times the fastest solver's time; the worst {worst:.2f} times")
    if options.csv:
        Path(options.csv).write_text("\n".join([*table, ""]), encoding="utf-8")
    return int(slow > 0)


if __name__ == "__main__":
    raise SystemExit(main())
