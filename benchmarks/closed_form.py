"""The closed form against the tutorial's loop and against what bounds it: in turn, one thread, best of several rounds.

python benchmarks/closed_form.py [--rounds 7]
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time
from collections.abc import Callable

import numpy as np
from tutorials import INPUTS, RATE, TARGETS, numpy_loop

import gdfast
from gdfast import compat
from gdfast.data.problem import make_problem
from gdfast.options.model import make_model
from gdfast.options.optimizers import GD
from gdfast.solvers.closed_form.factorization import BLOCK_VALUES, triangle

EPOCHS = 200_000


def best_of(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """Return the least seconds of each call, the calls in turn; a short one is repeated for 50 ms in its turn."""
    best = [np.inf] * len(calls)
    for _ in range(rounds + 1):  # the first warms up
        for place, call in enumerate(calls):
            left = 0.05
            while left > 0:
                started = time.perf_counter()
                call()
                seconds = time.perf_counter() - started
                best[place] = min(best[place], seconds)
                left -= seconds
    return best


def tutorial_a(rounds: int) -> None:
    """Whole calls, from Python arrays to every cost; the loop runs a tenth of the epochs."""
    part = EPOCHS // 10
    loop, fit, drop_in = best_of(
        rounds,
        lambda: numpy_loop(part),
        lambda: gdfast.fit(INPUTS, TARGETS, epochs=EPOCHS, learning_rate=RATE / 2).costs,
        lambda: compat.linear_regression(INPUTS, TARGETS, EPOCHS, RATE)[2],
    )
    loop *= EPOCHS / part
    ours = np.sqrt(gdfast.fit(INPUTS, TARGETS, epochs=part, learning_rate=RATE / 2, solver="closed_form").costs[-2])
    assert abs(ours / numpy_loop(part)[-1] - 1) < 1e-9
    print(f"tutorial A, {EPOCHS:,} epochs, every cost: NumPy loop {loop:.2f} s")
    print(f"  gdfast.fit                {fit * 1e3:8.3f} ms  {loop / fit:8.0f} times")
    print(f"  compat.linear_regression  {drop_in * 1e3:8.3f} ms  {loop / drop_in:8.0f} times")


def epochs_cost(rounds: int) -> None:
    """An epoch beyond the QR, and how it grows: the costs of a Run, made anew."""
    rng = np.random.default_rng(0)
    print(f"{EPOCHS:,} epochs, every cost, beyond the QR")
    for n, d in ((1_000, 11), (4_898, 11), (1_000_000, 11), (4_898, 50), (4_898, 200), (4_898, 400)):
        X, y = rng.normal(size=(n, d)), rng.normal(size=n)
        run = gdfast.fit(X, y, epochs=EPOCHS, learning_rate=0.3, solver="closed_form")
        (seconds,) = best_of(rounds, run.history_source.costs)
        epoch = seconds / EPOCHS * 1e9
        print(f"  {n:>9,} x {d:<3}  {epoch:8.2f} ns an epoch  {epoch / d:6.3f} ns a feature")


def one_qr(rounds: int) -> None:
    """The streaming QR against LAPACK's of the same blocks."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1_000_000, 20)), rng.normal(size=1_000_000)
    problem = make_problem(X, y, "squared_error")
    model = make_model("squared_error", None, None, 0.0, 0.5, True, optimizer=GD())
    rows = np.column_stack([X, np.ones(len(X)), y]) / np.sqrt(len(X))
    size = BLOCK_VALUES // rows.shape[1]

    def lapack() -> np.ndarray:
        R = np.empty((0, rows.shape[1]))
        for first in range(0, len(rows), size):
            R = np.linalg.qr(np.vstack([R, rows[first : first + size]]), mode="r")
        return R

    ours, theirs, whole = best_of(
        min(3, rounds),
        lambda: triangle(problem, model.intercept),
        lapack,
        lambda: np.linalg.qr(rows, mode="r"),
    )
    assert np.allclose(np.abs(triangle(problem, model.intercept)), np.abs(lapack()))
    print(f"1,000,000 x 20: streaming QR from X and y {ours:.3f} s")
    print(f"  LAPACK in the same blocks {theirs:.3f} s ({ours / theirs:.2f} times)")
    print(f"  LAPACK at once {whole:.3f} s ({ours / whole:.2f} times)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    tutorial_a(options.rounds)
    epochs_cost(options.rounds)
    one_qr(options.rounds)


if __name__ == "__main__":
    main()
