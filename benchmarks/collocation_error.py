"""Collocation against the loop in 80-bit floats, on drawn problems.

    python benchmarks/collocation_error.py [--problems 200] [--seed 0] [--longest 6000]

Losses, shapes, scales from 1e-4 to 1e4, offsets, outliers, heavy tails, equal and constant columns, separable and
imbalanced labels, weights, l2, momentum to 0.99, schedules, and rates to the edge of stability and beyond. An error
counts as a fault where a cost is farther than 1e-11 from the 80-bit one and farther than 4 times the float64 loop's, or
the parameters than 1e-12 of their norm. What the loop ran is counted apart, with the reasons.
"""

import argparse
import collections
import runpy
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gdfast
from gdfast.data.problem import make_problem
from gdfast.solvers.collocation import finder, verify

TESTS = Path(__file__).parents[1] / "tests" / "solvers" / "collocation" / "conftest.py"
PLAIN_LOOP = runpy.run_path(str(TESTS))["plain_loop"]
CURVATURES = {"log_loss": 0.25, "multinomial": 0.5, "squared_error": 1.0}
LOGARITHMIC = ("poisson", "gamma", "tweedie")  # whose cost crosses zero: errors are relative to 1 there
KINDS = ("normal", "scales", "offset", "outlier", "equal", "constant", "heavy tails", "zeros")


class Drawn(NamedTuple):
    """A problem, and what the plain loop needs of it."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    options: dict[str, Any]
    rates: np.ndarray
    mu: float
    nesterov: bool


def features(rng: np.random.Generator, n: int, d: int, kind: str) -> np.ndarray:
    """Return X of a kind."""
    X = rng.standard_t(2, size=(n, d)) if kind == "heavy tails" else rng.normal(size=(n, d))
    if kind == "scales":
        X *= 10.0 ** rng.uniform(-4, 4, d)
    elif kind == "offset":
        X += 10.0 ** rng.uniform(-1, 3)
    elif kind == "outlier":
        X[rng.integers(n)] *= 50
    elif kind == "equal":
        X[:, -1] = X[:, 0]
    elif kind == "constant":
        X[:, 0] = 1.5
    elif kind == "zeros":
        X *= rng.random(X.shape) < 0.3
    return X


def targets(rng: np.random.Generator, X: np.ndarray, loss: str) -> np.ndarray:
    """Return y of a linear model of standardized columns."""
    n = len(X)
    z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9) @ rng.normal(size=X.shape[1]) * rng.choice([0.3, 1.0, 3.0])
    if loss == "squared_error":
        return z + rng.normal(size=n)
    if loss == "multinomial":
        return rng.permutation(np.arange(n) % 3)
    if loss == "log_loss":
        how = rng.choice(["noisy", "separable", "imbalanced"])
        noisy = z + (0 if how == "separable" else rng.logistic(size=n))
        y = (noisy > np.quantile(z, 0.9 if how == "imbalanced" else 0.5)).astype(int)
        if y.min() == y.max():
            y[0] = 1 - y[0]
        return y
    mean = np.exp(np.clip(z, -3, 3) / 2)
    y = rng.gamma(2, mean / 2) + 0.01 if loss == "gamma" else rng.poisson(mean).astype(float)
    y[0] = max(y[0], 1.0)
    return y


def drawn(seed: int, longest: int) -> Drawn:
    """Return a problem."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([3, 5, 10, 20, 40])), int(rng.integers(1, 9))
    epochs = int(rng.choice([1500, 3000, longest]))
    loss = str(rng.choice(["log_loss", "log_loss", "log_loss", "multinomial", "squared_error", *LOGARITHMIC]))
    X = features(rng, n, d, str(rng.choice(KINDS)))
    y = targets(rng, X, loss)
    weights = rng.uniform(0.1, 3.0, n) if rng.random() < 0.3 else None
    options: dict[str, Any] = {"loss": loss, "epochs": epochs, "sample_weight": weights}
    if rng.random() < 0.4:
        options |= {"penalty": "l2", "alpha": float(10.0 ** rng.uniform(-6, 0))}
    if rng.random() < 0.2:
        options["fit_intercept"] = False
    mu, nesterov = 0.0, False
    if rng.random() < 0.35:
        mu, nesterov = float(rng.choice([0.5, 0.9, 0.99])), bool(rng.random() < 0.5)
        options["optimizer"] = gdfast.Momentum(mu, nesterov=nesterov)
    A = np.column_stack([X, np.ones(n)])
    s = np.ones(n) if weights is None else weights * n / weights.sum()
    largest = CURVATURES.get(loss, 2.0) * np.linalg.eigvalsh((A * s[:, None]).T @ A / n)[-1] + options.get("alpha", 0)
    rate = float(rng.choice([0.01, 0.1, 0.5, 1.0, 1.8, 2.2, 4.0]) / largest * rng.choice([1 + mu, 1 - mu]))
    schedules = {
        "inverse": gdfast.InverseScaling(rate, 0.5),
        "exponential": gdfast.Exponential(rate, 0.9998),
        "cosine": gdfast.Cosine(rate, epochs),
        "steps": gdfast.Step(rate, epochs // 3, 0.5),
        "noisy": rate * rng.uniform(0.5, 1.0, epochs),
    }
    learning_rate: Any = schedules[str(rng.choice(list(schedules)))] if rng.random() < 0.25 else rate
    t = np.arange(epochs)
    rates = np.broadcast_to(learning_rate(t) if callable(learning_rate) else learning_rate, epochs)
    return Drawn(X, y, weights, options | {"learning_rate": learning_rate}, np.array(rates), mu, nesterov)


def exact(problem: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters (k, d + 1) and the costs of the loop in 80-bit floats, which is that of the tests."""
    options = problem.options
    return PLAIN_LOOP(
        problem.X,
        make_problem(problem.X, problem.y, options["loss"], problem.weights, 1.5).Y,
        options["loss"],
        problem.rates,
        l2=options.get("alpha", 0.0),
        weights=problem.weights,
        intercept=options.get("fit_intercept", True),
        mu=problem.mu,
        nesterov=problem.nesterov,
    )


def errors(run: gdfast.Run, W: np.ndarray, costs: np.ndarray, loss: str) -> tuple[float, float]:
    """Return the largest relative error of a cost, and that of the parameters in norm."""
    scale = np.abs(costs) + (1.0 if loss in LOGARITHMIC else 1e-300)
    found = np.column_stack([np.atleast_2d(run.coef), np.atleast_1d(run.intercept)])
    of_costs = float((np.abs(run.costs - costs) / scale).max())
    return of_costs, float(np.linalg.norm((found - W).astype(float)) / max(np.linalg.norm(W.astype(float)), 1e-300))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=int, default=6000)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    reasons: collections.Counter[str] = collections.Counter()
    attempt = finder.StretchFinder.attempt

    def counted(self: Any, length: int) -> Any:
        found = attempt(self, length)
        reasons[found.reason if isinstance(found, verify.Refusal) else "accepted"] += 1
        return found

    finder.StretchFinder.attempt = counted  # type: ignore[method-assign]
    met, faults, diverged, by_loop = [], 0, 0, 0
    for seed in range(chosen.seed, chosen.seed + chosen.problems):
        problem = drawn(seed, chosen.longest)
        ours, loop = (
            gdfast.fit(problem.X, problem.y, solver=solver, **problem.options) for solver in ("collocation", "loop")
        )
        assert (ours.epochs, ours.stop_reason, ours.diverged_at) == (loop.epochs, loop.stop_reason, loop.diverged_at)
        if loop.epochs < len(problem.rates):
            diverged += 1
            continue
        W, costs = exact(problem)
        if not np.isfinite(costs).all():  # of a rate that is chaotic: the float64 loop stayed finite by chance
            diverged += 1
            continue
        found, float64 = (errors(run, W, costs, problem.options["loss"]) for run in (ours, loop))
        stretches = sum(part.last - part.first for part in ours.collocation if part.by == "collocation")
        if stretches < 0.3 * len(problem.rates):
            by_loop += 1
        else:
            met.append((*found, *float64))
        if not (found[0] <= max(1e-11, 4 * float64[0]) and found[1] <= max(1e-12, 4 * float64[1])):
            faults += 1
            print(f"fault: seed {seed}, costs {found[0]:.1e} ({float64[0]:.1e}), parameters {found[1]:.1e}")
    names = ("costs", "parameters", "costs of the loop", "parameters of the loop")
    print(
        f"{chosen.problems} problems: {len(met)} mostly by stretches, {by_loop} mostly by the loop, {diverged} diverge"
    )
    print(f"faults: {faults}; attempts: {dict(reasons.most_common())}")
    for name, column in zip(names, np.array(met).T, strict=True):
        quantiles = " ".join(f"{value:.0e}" for value in np.quantile(column, [0.5, 0.9, 0.99, 0.999, 1.0]))
        print(f"{name}, quantiles 50, 90, 99, 99.9, 100 %: {quantiles}")


if __name__ == "__main__":
    main()
