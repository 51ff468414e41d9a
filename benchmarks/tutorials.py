"""The tutorials' own NumPy loop against gdfast: alternating in one process, one thread, best of several rounds.

    python benchmarks/tutorials.py [--epochs 20000] [--rounds 5]

Both do the same work, which is checked: as many epochs, every cost recorded, equal costs at the end.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time
from collections.abc import Callable

import numpy as np

import gdfast

INPUTS = np.arange(1.0, 301.0)[:, None]
TARGETS = 0.5 * INPUTS + 2.0
RATE = 1e-4


def numpy_loop(epochs: int) -> list[float]:
    """Tutorial A as it is written by hand, without printing."""
    m = len(INPUTS)
    weights, bias, costs = np.zeros((1, 1)), 0.0, []
    for _ in range(epochs):
        error = np.dot(INPUTS, weights) + bias - TARGETS
        weights = weights - RATE * np.dot(INPUTS.T, error) / (2 * m)
        bias = bias - RATE * np.sum(error) / (2 * m)
        costs.append(np.sqrt(np.sum(error**2) / (2 * m)))
    return costs


def ours(backend: str, solver: str) -> Callable[[int], np.ndarray]:
    """Return gdfast's whole call, from arrays to the array of costs."""

    def call(epochs: int) -> np.ndarray:
        run = gdfast.fit(INPUTS, TARGETS, epochs=epochs, learning_rate=RATE / 2, solver=solver, backend=backend)
        return np.sqrt(run.costs[:-1])

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    there = [name for name, reason in gdfast.backends.available().items() if reason is None]
    calls = {"tutorial's NumPy loop": numpy_loop} | {f"gdfast loop, {name}": ours(name, "loop") for name in there}
    best = dict.fromkeys(calls, np.inf)
    ends = {name: call(options.epochs)[-1] for name, call in calls.items()}  # warm-up and check
    for _ in range(options.rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call(options.epochs)
            best[name] = min(best[name], time.perf_counter() - started)
    reference = next(iter(calls))
    print(f"{options.epochs:,} epochs on 300 rows, every cost; best of {options.rounds}")
    print(f"{'':<26}{'ns an epoch':>12}{'times faster':>14}{'last cost':>22}")
    for name, seconds in best.items():
        assert abs(ends[name] / ends[reference] - 1) < 1e-9, f"{name} did other work"
        ratio = best[reference] / seconds
        print(f"{name:<26}{seconds / options.epochs * 1e9:>12.0f}{ratio:>14.1f}{float(ends[name])!r:>22}")


if __name__ == "__main__":
    main()
