"""Sweeps against single fits, NumPy's loop and scikit-learn: in turn, one process, one thread, best of several rounds.

    python benchmarks/sweeps.py [--only SUBSTRING]... [--rounds 3]

Each row proves the same work first: runs equal the single fits to 1e-12, scores equal scikit-learn's to 1e-8. Times of
fewer configurations, or of fewer epochs of a loop, times the rest, are marked *.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import SGDRegressor
from sklearn.model_selection import GridSearchCV

import gdfast
import gdfast.sklearn


class Side(NamedTuple):
    """A call, and what its time is multiplied by where it does a part of the work."""

    name: str
    call: Callable[[], Any]
    times: float = 1.0


class Row(NamedTuple):
    """A line of the table: ours, and those it is compared with, each with the goal of the ratio."""

    name: str
    ours: Callable[[], Any]
    others: list[tuple[Side, float]]


def linear(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return X, standard normal, and targets with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def assert_same(sweep: gdfast.Sweep, X: Any, y: Any, places: Any) -> None:
    """Hold some runs of a sweep against their single fits."""
    for place in places:
        run, single = sweep.runs[place], gdfast.fit(X, y, **sweep.configurations[place])
        assert np.linalg.norm(run.coef - single.coef) <= 1e-12 * np.linalg.norm(single.coef)
        np.testing.assert_allclose(run.costs, single.costs, rtol=1e-12)


def rates_of_the_tutorial() -> Row:
    """64 rates of tutorial A, 200,000 epochs, every cost."""
    x = np.arange(1.0, 301.0)
    X, y = x[:, None], 0.5 * x + np.random.default_rng(0).normal(size=300)
    rates, short = np.geomspace(1e-6, 6e-5, 64).tolist(), 2_000
    options = {"epochs": 200_000, "solver": "closed_form"}
    assert_same(gdfast.sweep(X, y, learning_rate=rates, **options), X, y, (0, 40, 63))

    def loop() -> None:
        w = b = 0.0
        costs = np.empty(short)
        for epoch in range(short):
            off = w * x + b - y
            costs[epoch] = (off @ off) / 600
            w, b = w - rates[0] * (off @ x) / 300, b - rates[0] * off.mean()

    fits = Side("64 closed-form fits", lambda: [gdfast.fit(X, y, learning_rate=r, **options).costs for r in rates])
    loops = Side("64 NumPy loops", loop, 64 * 200_000 / short)
    ours = lambda: gdfast.sweep(X, y, learning_rate=rates, **options).costs  # noqa: E731
    return Row("64 rates, tutorial A, 200,000 epochs, every cost", ours, [(fits, 2.0), (loops, 5000.0)])


def stochastic(n: int, d: int, epochs: int = 3) -> Row:
    """16 rates of SGD against SGDRegressor, one after another."""
    X, y = linear(n, d)
    rates = (np.geomspace(1e-3, 2e-2, 16) / d).tolist()
    options: dict[str, Any] = {"batch_size": 1, "epochs": epochs, "penalty": "l2", "alpha": 1e-4, "seed": 0}
    sweep = gdfast.sweep(X, y, learning_rate=rates, **options)
    assert_same(sweep, X, y, (0, 15))

    def one(rate: float = rates[8]) -> SGDRegressor:
        return SGDRegressor(
            alpha=1e-4, learning_rate="constant", eta0=rate, max_iter=epochs, tol=None, random_state=0
        ).fit(X, y)

    theirs, ours_too = (np.mean((y - model.predict(X)) ** 2) for model in (one(), sweep.runs[8]))
    assert abs(theirs / ours_too - 1) < 0.05  # in another order of the rows
    ours = lambda: gdfast.sweep(X, y, learning_rate=rates, **options)  # noqa: E731
    return Row(f"16 rates, SGD, {n:,} x {d}, {epochs} epochs", ours, [(Side("16 x SGDRegressor", one, 16.0), 25.0)])


def logistic() -> Row:
    """64 full-batch logistic configurations against as many fits."""
    X, z = linear(20_000, 50)
    y = (z + np.random.default_rng(1).logistic(size=len(z)) > 0).astype(int)
    grid: dict[str, Any] = {"loss": "log_loss", "penalty": "l2", "epochs": 30, "alpha": [0.0, 1e-4, 1e-3, 1e-2]}
    grid["learning_rate"] = np.geomspace(1e-3, 0.5, 16).tolist()
    sweep = gdfast.sweep(X, y, **grid)
    assert_same(sweep, X, y, (0, 31, 63))
    few = sweep.configurations[::8]
    fits = Side("64 fits", lambda: [gdfast.fit(X, y, **one) for one in few], 8.0)
    return Row("64 batch logistic configurations, 20,000 x 50", lambda: gdfast.sweep(X, y, **grid), [(fits, 4.0)])


def ridge() -> Row:
    """5 folds and 20 alphas of the closed form against 100 fits."""
    X, y = linear(100_000, 50)
    grid: dict[str, Any] = {"penalty": "l2", "learning_rate": 0.1, "epochs": 10_000, "solver": "closed_form"}
    alphas = np.geomspace(1e-4, 1.0, 20).tolist()
    sweep = gdfast.sweep(X, y, alpha=alphas, folds=5, **grid)
    first = gdfast.fit(X[20_000:], y[20_000:], alpha=alphas[3], **grid)
    assert np.linalg.norm(sweep.runs[15].coef - first.coef) <= 1e-12 * np.linalg.norm(first.coef)

    def fits() -> None:
        for fold in range(5):
            rows = np.delete(np.arange(len(X)), slice(20_000 * fold, 20_000 * (fold + 1)))
            gdfast.fit(X[rows], y[rows], alpha=alphas[fold], **grid)

    ours = lambda: gdfast.sweep(X, y, alpha=alphas, folds=5, **grid)  # noqa: E731
    return Row("5 folds x 20 alphas, closed form, 100,000 x 50", ours, [(Side("100 fits", fits, 20.0), 15.0)])


def search() -> Row:
    """GridSearchCV over GDRegressor: 16 rates and 5 folds."""
    X, y = linear(20_000, 32)
    rates = (np.geomspace(1e-3, 2e-2, 16) / 32).tolist()
    model = gdfast.sklearn.GDRegressor(batch_size=1, epochs=20, random_state=0)
    theirs = SGDRegressor(penalty=None, learning_rate="constant", max_iter=20, tol=None, random_state=0)
    few = GridSearchCV(model, {"learning_rate": rates[:2]}, cv=5, refit=False).fit(X, y)
    ours = gdfast.sklearn.GridSearchCV(model, {"learning_rate": rates}, cv=5, refit=False).fit(X, y)
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(ours.cv_results_[name][:2], few.cv_results_[name], rtol=1e-8)

    def run(kind: Any, estimator: Any, name: str, values: list[float]) -> None:
        kind(estimator, {name: values}, cv=5, refit=False).fit(X, y)

    same = Side("scikit-learn's search of it", lambda: run(GridSearchCV, model, "learning_rate", rates[:2]), 8.0)
    other = Side("scikit-learn's search of SGDRegressor", lambda: run(GridSearchCV, theirs, "eta0", rates[:2]), 8.0)
    mine = lambda: run(gdfast.sklearn.GridSearchCV, model, "learning_rate", rates)  # noqa: E731
    return Row("GridSearchCV, 16 rates x 5 folds, SGD, 20,000 x 32, 20 epochs", mine, [(same, 4.0), (other, 20.0)])


ROWS: dict[str, Callable[[], Row]] = {
    "rates": rates_of_the_tutorial,
    "sgd 10": lambda: stochastic(100_000, 10),
    "sgd 32": lambda: stochastic(20_000, 32, 10),
    "sgd 100": lambda: stochastic(100_000, 100, 2),
    "logistic": logistic,
    "ridge": ridge,
    "search": search,
}


def seconds_of(call: Callable[[], Any]) -> float:
    """Return how long a call took."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def lines(row: Row, rounds: int) -> Iterator[str]:
    """Measure a row, all sides in turn, and yield its lines."""
    best = [np.inf] * (1 + len(row.others))
    for _ in range(rounds):
        best[0] = min(best[0], seconds_of(row.ours))
        for place, (side, _goal) in enumerate(row.others, 1):
            best[place] = min(best[place], seconds_of(side.call) * side.times)
    for (side, goal), taken in zip(row.others, best[1:], strict=True):
        mark = "*" if side.times != 1 else ""
        yield f"| {row.name} | {side.name} | {taken:.4g}{mark} | {best[0]:.4g} | {taken / best[0]:.3g} | {goal:g} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| work | against | its seconds | the sweep's | ratio | goal |\n|---|---|---|---|---|---|")
    for name, make in ROWS.items():
        if not chosen.only or any(part in name for part in chosen.only):
            print("\n".join(lines(make(), chosen.rounds)), flush=True)


if __name__ == "__main__":
    main()
