"""Collocation against the loop, a NumPy loop and JAX: in turn, one process, one thread, best of several rounds.

    python benchmarks/collocation.py [--only SUBSTRING]... [--rounds 3] [--plot docs/collocation.png]

Every row runs log loss (or softmax) for as many epochs with the cost of each. Where the loop would take long its time
is that of fewer epochs, times the rest, and marked *; the costs of these epochs must be equal to 1e-11. JAX's program
is compiled before the clock starts.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

import gdfast

LONGEST = 2.0  # seconds of a turn of the loop


class Work(NamedTuple):
    """A row of the table."""

    n: int
    d: int
    epochs: int
    goal: float
    classes: int = 2
    rate: float = 1e-3
    peers: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """What --only looks at."""
        kind = "log loss" if self.classes == 2 else f"softmax, {self.classes} classes"
        return f"{kind}, {self.n:,} x {self.d}, {self.epochs:,} epochs{self.note}"


WORKS = [
    Work(300, 2, 200_000, 20),
    Work(2_000, 3, 200_000, 80, peers=True),
    Work(20_000, 10, 200_000, 100),
    Work(1_000_000, 6, 200_000, 90),
    Work(20_000, 2, 10_000_000, 4000),
    Work(5_000, 100, 200_000, 30),
    Work(5_000, 10, 200_000, 30, classes=5),
    Work(300, 2, 5_000, 1.5, rate=1e-2),
    Work(300, 2, 50_000, 1 / 1.05, rate=6.97, note=", next to the largest rate"),
    Work(2_000, 3, 50_000, 1 / 1.05, rate=0.1, note=", noisy rates"),
]


def data(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Return X, standard normal, and noisy labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(work.n, work.d))
    z = X @ rng.normal(size=(work.d, work.classes)) + rng.gumbel(size=(work.n, work.classes))
    return X, z.argmax(axis=1)


def options(work: Work, epochs: int) -> dict[str, Any]:
    """Return the arguments of fit."""
    rate: Any = work.rate
    if "noisy" in work.note:
        rate = work.rate * np.random.default_rng(1).uniform(0.5, 1.0, work.epochs)[:epochs]
    every: Any = 1 if work.epochs <= 10**6 else "log"
    loss = "log_loss" if work.classes == 2 else "multinomial"
    return {"loss": loss, "learning_rate": rate, "epochs": epochs, "history_every": every}


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call took, and what it returned."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def numpy_loop(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> np.ndarray:
    """Return the costs of the usual loop."""
    w, b, n = np.zeros(X.shape[1]), 0.0, len(X)
    s, costs = 2.0 * y - 1.0, np.empty(epochs)
    for epoch in range(epochs):
        m = s * (X @ w + b)
        costs[epoch] = np.logaddexp(0.0, -m).mean()
        r = -s / (1.0 + np.exp(m)) / n
        w -= rate * (X.T @ r)
        b -= rate * r.sum()
    return costs


def jax_scan(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Callable[[], np.ndarray]:
    """Return a call of the same loop as a compiled scan."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    A, s = jnp.asarray(np.column_stack([X, np.ones(len(X))])), jnp.asarray(2.0 * y - 1.0)
    value = jax.value_and_grad(lambda w: jnp.logaddexp(0.0, -s * (A @ w)).mean())

    def step(w: Any, _: Any) -> Any:
        cost, gradient = value(w)
        return w - rate * gradient, cost

    program = jax.jit(lambda w: jax.lax.scan(step, w, None, length=epochs)[1])
    start = jnp.zeros(A.shape[1])
    np.asarray(program(start))
    return lambda: np.asarray(program(start))


def measure(work: Work, rounds: int) -> None:
    """Print a row."""
    X, y = data(work)
    short = min(work.epochs, 1500)  # beyond the first stretch, so that its costs are compared
    each = seconds_of(lambda: gdfast.fit(X, y, solver="loop", **options(work, short)))[0] / short
    epochs = min(work.epochs, max(short, int(LONGEST / each)))
    ours, loop = np.inf, np.inf
    for _ in range(rounds):
        taken, run = seconds_of(lambda: gdfast.fit(X, y, solver="collocation", **options(work, work.epochs)))
        ours = min(ours, taken)
        taken, by_loop = seconds_of(lambda: gdfast.fit(X, y, solver="loop", **options(work, epochs)))
        loop = min(loop, taken * work.epochs / epochs)
    shared = np.isin(by_loop.cost_epochs, run.cost_epochs)
    costs = run.costs[np.isin(run.cost_epochs, by_loop.cost_epochs)]
    difference = float(np.abs(costs / by_loop.costs[shared] - 1).max())
    assert difference < 1e-11, difference
    stretches = [part for part in run.collocation if part.by == "collocation"]
    by_stretches = sum(part.last - part.first for part in stretches) / work.epochs
    passes = sum(part.passes for part in run.collocation)
    mark = "*" if epochs < work.epochs else ""
    print(
        f"| {work.name} | {loop:.4g}{mark} | {ours:.4g} | {loop / ours:.3g} | {work.goal:.3g} | {len(stretches)} "
        f"| {by_stretches:.0%} | {passes:,} | {difference:.0e} |",
        flush=True,
    )
    if work.peers:
        against_peers(work, X, y, ours, rounds)


def against_peers(work: Work, X: np.ndarray, y: np.ndarray, ours: float, rounds: int) -> None:
    """Print rows of others."""
    calls = {"the usual NumPy loop": lambda: numpy_loop(X, y, work.rate, 2_000)}
    if find_spec("jax") is not None:
        calls["JAX, a jitted scan"] = jax_scan(X, y, work.rate, 2_000)
    reference = gdfast.fit(X, y, solver="loop", **options(work, 2_000)).costs[:-1]
    for name, call in calls.items():
        taken, costs = min((seconds_of(call) for _ in range(rounds)), key=lambda turn: turn[0])
        assert np.abs(costs / reference - 1).max() < 1e-11
        taken *= work.epochs / 2_000
        print(f"| {name}, {work.name} | {taken:.4g}* | {ours:.4g} | {taken / ours:.3g} | | | | | |", flush=True)


def plot(path: str) -> None:
    """Draw a path with its nodes and stretches, and the passes that it took."""
    from matplotlib.figure import Figure

    from gdfast.solvers.collocation.nodes import nodes_of

    work = WORKS[1]
    X, y = data(work)
    run = gdfast.fit(X, y, solver="collocation", **options(work, 10**6) | {"history_every": "log"})
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    above.semilogx(run.cost_epochs[1:], run.costs[1:], color="black", linewidth=1)
    epochs, passes = [1], [1]
    for i, part in enumerate(run.collocation):
        epochs.append(part.last)
        passes.append(passes[-1] + part.passes)
        if part.by == "collocation":
            color = f"C{i // 2 % 10}"
            nodes = part.first + nodes_of(part.last - part.first).epochs
            costs = [run.at(int(node)).cost for node in nodes]
            above.semilogx(nodes, costs, "o", markersize=3, color=color)
            for ax in (above, below):
                ax.axvspan(part.first, part.last, color=color, alpha=0.12, linewidth=0)
    below.loglog(epochs, passes, color="black", linewidth=1, label="collocation")
    below.loglog([1, 10**6], [1, 10**6], "--", color="gray", linewidth=1, label="a pass for each epoch")
    above.set_ylabel("J")
    below.set_ylabel("passes over the rows")
    below.set_xlabel("epoch")
    above.set_title("Stretches of the path (colours) and their nodes; the loop runs where it is white", fontsize=10)
    below.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot")
    chosen = parser.parse_args()
    if chosen.plot:
        plot(chosen.plot)
        return
    print("| work | loop, s | collocation, s | ratio | goal | stretches | by stretches | passes | costs differ by |")
    print("|---|---|---|---|---|---|---|---|---|")
    for work in WORKS:
        if not chosen.only or any(part in work.name for part in chosen.only):
            measure(work, chosen.rounds)


if __name__ == "__main__":
    main()
