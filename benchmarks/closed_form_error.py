"""Draw docs/closed-form-error.png: the closed form's error against the loop in 80-bit floats.

python benchmarks/closed_form_error.py [--epochs 20000] [--out docs/closed-form-error.png]
"""

import argparse
import warnings

import numpy as np
from matplotlib.figure import Figure

import gdfast

EPS = 2.0**-52


def exact_costs(X: np.ndarray, y: np.ndarray, epochs: int, rate: float) -> np.ndarray:
    """Return the costs of full-batch descent from zero, in 80-bit floats."""
    A = np.column_stack([X, np.ones(len(X))]).astype(np.longdouble)
    w, costs = np.zeros(A.shape[1], np.longdouble), np.empty(epochs + 1, np.longdouble)
    for k in range(epochs + 1):
        e = A @ w - y
        costs[k] = (e @ e) / (2 * len(y))
        w = w - np.longdouble(rate) * (A.T @ e) / len(y)
    return costs


def problems() -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Return X, y and the rate of each curve."""
    rng = np.random.default_rng(0)
    x = np.arange(1.0, 301.0)[:, None]
    B = 10 * np.random.RandomState(10).rand(100, 5)
    raw = rng.normal(size=(200, 6)) * np.geomspace(0.01, 60, 6) + [0.3, 7, 0.05, 10, 1, 138]
    target = raw @ np.arange(6.0) + rng.normal(size=200)
    rate = 0.9 * gdfast.stability(raw).max_learning_rate
    return {
        "tutorial A": (x, 0.5 * x[:, 0] + 2, 0.5e-4),
        "tutorial B": (B, 0.9 + B @ [2.2, 4, -4, 1, 2], 0.01),
        "columns from 0.01 to 138": (raw, target, rate),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20_000)
    parser.add_argument("--out", default="docs/closed-form-error.png")
    options = parser.parse_args()
    warnings.simplefilter("error")
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    ax = figure.add_subplot()
    epochs = np.unique(np.geomspace(1, options.epochs, 120).astype(int))
    for name, (X, y, rate) in problems().items():
        exact = exact_costs(X, y, options.epochs, rate)
        (line,) = ax.loglog([], [], label=name)
        for solver, style in (("closed_form", "-"), ("loop", ":")):
            run = gdfast.fit(X, y, epochs=options.epochs, learning_rate=rate, solver=solver)
            error = np.maximum.accumulate(np.abs(run.costs / exact - 1).astype(float))
            ax.loglog(epochs, np.maximum(error[epochs], 1e-17), style, color=line.get_color())
            print(f"{name:<26}{solver:<12} largest relative error of a cost {error[-1]:.1e}")
    ax.loglog([], [], ":", color="gray", label="the loop in float64")
    ax.axhline(EPS, color="gray", linewidth=0.8)
    ax.annotate("eps", (1.1, EPS), textcoords="offset points", xytext=(0, 3), color="gray")
    ax.set(xlabel="Epochs", ylabel="Largest relative error of a cost so far", ylim=(3e-17, 3e-9))
    ax.legend(loc="upper left")
    figure.savefig(options.out, dpi=120)


if __name__ == "__main__":
    main()
