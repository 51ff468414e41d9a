"""The time of fits in one thread and in several at once, as on a free-threaded Python.

    python benchmarks/free_threads.py [--threads 2] [--rounds 5]

Each thread trains the same fits; all must have the same bits. "times" is how many times the work of one thread several
do in its time: with the GIL, fits share only what the kernels do without it.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

import gdfast

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2000, 20))
Y = X @ RNG.standard_normal(20) + RNG.standard_normal(2000)
LABELS = Y > 0


def small_calls() -> Any:
    """Train calls that are mostly Python."""
    runs = [gdfast.fit(X[:100, :5], Y[:100], epochs=5, solver="loop") for _ in range(300)]
    return runs[-1].coef


def sgd() -> Any:
    """Train long calls of kernels."""
    return gdfast.fit(X, LABELS, loss="log_loss", batch_size=1, epochs=1500, learning_rate=1e-3, seed=0).coef


def full_batch() -> Any:
    return gdfast.fit(X, LABELS, loss="log_loss", epochs=3000, solver="loop").coef


WORK: dict[str, Callable[[], Any]] = {"small calls": small_calls, "SGD": sgd, "full batch": full_batch}


def seconds(work: Callable[[], Any], threads: int) -> tuple[float, set[bytes]]:
    """Return the time of the work in so many threads at once, and the bits of all results."""
    found = []
    barrier = threading.Barrier(threads + 1)

    def run() -> None:
        barrier.wait()
        found.append(work().tobytes())

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in started:
        thread.join()
    return time.perf_counter() - begin, set(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {sys.version.split()[0]}, GIL {'on' if gil else 'off'}, {os.cpu_count()} cores")
    print(f"{'':<14}{'1 thread, s':>14}{f'{options.threads} threads, s':>14}{'times':>8}")
    for name, work in WORK.items():
        work()
        results: set[bytes] = set()
        best = {1: np.inf, options.threads: np.inf}
        for _ in range(options.rounds):
            for threads in best:
                taken, bits = seconds(work, threads)
                best[threads] = min(best[threads], taken)
                results |= bits
        if len(results) > 1:
            raise SystemExit(f"{name}: threads have other bits")
        ratio = options.threads * best[1] / best[options.threads]
        print(f"{name:<14}{best[1]:>14.4f}{best[options.threads]:>14.4f}{ratio:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
