"""gdfast against its peers on the same arrays: in turn, one process, one thread, best of several rounds.

    python benchmarks/peers.py [--only SUBSTRING]... [--rounds 5] [--json FILE] [--quick] [--list]

Both sides do the same work, which is checked: as many epochs, one rate, one objective, and at the end one loss, by one
float64 function of (coef, intercept). First both take the rows in one order, and must agree to rounding; then each
shuffles for itself, and whole calls are timed. A turn lasts 0.1 s at least and counts by its mean call, on both sides.

What is not alike: in SGD both sum the loss before each update; scikit-learn adds the penalty to that sum and keeps two
norms of w for it, which cannot be turned off. In float32 it rounds 1 - rate alpha, so that its penalty is another (the
loss by 1e-4 in 40 epochs): in one order, ours in float32 is checked against its float64. Before the clock starts JAX's
arrays are on its device and its program is compiled, and the careful NumPy loops have laid out their tables.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import sklearn
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier, SGDRegressor

import gdfast
import gdfast.sklearn

ALPHA = 1e-4
# The largest relative difference of losses: by rounding in one order of samples, and by two shuffles (met: 0.009).
ROUNDING = {"float64": 1e-9, "float32": 1e-4}
SHUFFLES = 0.02
TURN_SECONDS = 0.1
STREAMED = 2**26  # float64 values, half a gigabyte: beyond any cache
# Geometric means asked of a group as a whole; a row's own goal is then the floor.
GROUP_GOALS = {
    "dense SGD squared_error": {"float64": 6.0, "float32": 8.0},
    "dense SGD log_loss": {"float64": 5.0, "float32": 6.0},
    "CSR SGD squared_error": {"float64": 2.2, "float32": 2.2},
    "CSR SGD log_loss": {"float64": 2.2, "float32": 2.2},
}


class Fit(NamedTuple):
    """Where a call ended, and the costs it recorded."""

    coef: Any
    intercept: float
    costs: Any = ()


Call = Callable[[], Fit]
Row = dict[str, Any]


@dataclass(frozen=True)
class Duel:
    """Calls that do the same work, ours under "ours"; of several of theirs the fastest counts."""

    timed: dict[str, Call]
    ordered: dict[str, Call]  # the same in one order of samples
    cost: Callable[[Fit], float]
    epochs: int
    bytes_read: int  # by a call of ours, which reads X once an epoch
    shuffles: bool = True  # each side for itself, where it is timed


@dataclass(frozen=True)
class Work:
    """One row of the table."""

    group: str
    peer: str
    algorithm: str
    goal: float  # their time by ours, at least
    make: Callable[["Work"], Duel] | None
    n: int = 0
    d: int = 0
    dtype: str = "float64"
    loss: str = "squared_error"
    batch_size: int | None = None
    nonzeros: int | None = None  # in a row of CSR
    seconds: float = 0.2  # what one call of ours should take, roughly
    epochs: int | None = None  # exactly so many, whatever they take
    solver: str = "loop"  # of full batch
    measure: Callable[["Work", Any], Row] | None = None  # what is no duel

    @property
    def name(self) -> str:
        """What --only looks at."""
        shape = f", {self.n:,} x {self.d:,} {self.dtype}" if self.n else ""
        return f"{self.group} / {self.peer}{shape}"


# Data and the one judge of losses.


@lru_cache(maxsize=1)
def data(n: int, d: int, dtype: str, loss: str, nonzeros: int | None) -> tuple[Any, np.ndarray]:
    """Return X, standard normal, and noisy targets of a linear model, or labels 0 and 1."""
    rng = np.random.default_rng(0)
    if nonzeros is None:
        X = rng.standard_normal((n, d), dtype=dtype)
        z = X @ (rng.normal(size=d) / np.sqrt(d)).astype(dtype) + 0.5
    else:
        width = d // nonzeros  # one column of each stretch: all different, sorted, and spread over the whole of w
        columns = np.arange(nonzeros) * width + rng.integers(width, size=(n, nonzeros))
        values = (rng.standard_normal(n * nonzeros) / np.sqrt(nonzeros)).astype(dtype)
        starts = np.arange(0, n * nonzeros + 1, nonzeros)
        X = csr_matrix((values, columns.astype(np.int32).ravel(), starts.astype(np.int32)), shape=(n, d))
        z = X @ rng.normal(size=d).astype(dtype)
    noisy = z + 0.5 * rng.normal(size=n)
    y = noisy > noisy.mean() if loss == "log_loss" else noisy
    return X, y.astype(dtype)


def small(work: Work) -> Work:
    """Return a work of a size for a smoke test."""
    n, d, k = min(work.n, 2000), min(work.d, 5000 if work.nonzeros else 100), work.nonzeros and 20
    return replace(work, n=n, d=d, nonzeros=k, seconds=work.seconds / 50)


def objective(X: Any, y: np.ndarray, loss: str, alpha: float) -> Callable[[Fit], float]:
    """Return J in float64, as the judge of both sides."""

    def cost(fit: Fit) -> float:
        w = np.asarray(fit.coef, dtype=np.float64)
        z = X @ w + float(fit.intercept)
        losses = np.logaddexp(0.0, (1 - 2 * y.astype(np.float64)) * z) if loss == "log_loss" else (z - y) ** 2 / 2
        return float(losses.mean() + alpha * (w @ w) / 2)

    return cost


def epochs_of(work: Work, products: int) -> int:
    """Return the epochs of a work, or how many ours does in its time: 15 ns a sample and 3 products a nanosecond."""
    return work.epochs or max(2, round(work.seconds * 1e9 / (work.n * (15 + products / 3))))


def gap(a: float, b: float) -> float:
    """Return the relative difference of two losses, infinite where one is not a number."""
    difference = abs(a - b) / max(abs(a), abs(b), 1e-300)
    return difference if math.isfinite(difference) else math.inf


def same_work(cost: Callable[[Fit], float], a: Fit, b: Fit) -> float:
    """Return the largest relative difference of the losses at the end and of the costs that both recorded."""
    together = zip(a.costs, b.costs, strict=False)  # ours also records the cost at the end of the last epoch
    return max([gap(cost(a), cost(b)), *(gap(float(x), float(y)) for x, y in together)])


# scikit-learn.


def scikit_learn(work: Work, drop_in: bool = False) -> Duel:
    """SGD, one row an update, against scikit-learn's: by gdfast.fit, or by the estimators of gdfast.sklearn."""
    X, y = data(work.n, work.d, work.dtype, work.loss, work.nonzeros)
    sparse, per_row = work.nonzeros is not None, work.nonzeros or work.d
    epochs = epochs_of(work, 3 * per_row if sparse else work.d)
    # Rates at which the noise of SGD lifts the loss by a per cent or so: rows have a squared norm of d, in CSR of 1.
    rate = (4 if work.loss == "log_loss" else 1) * (0.05 if sparse else 0.01 / work.d)
    model = SGDClassifier if work.loss == "log_loss" else SGDRegressor
    shared: dict[str, Any] = {"loss": work.loss, "penalty": "l2", "alpha": ALPHA, "fit_intercept": not sparse}
    own = {"batch_size": 1, "epochs": epochs, "learning_rate": rate, "seed": 0, "history": "none"}
    their = {"learning_rate": "constant", "eta0": rate, "tol": None, "max_iter": epochs, "random_state": 0}

    def ours(shuffle: bool) -> Fit:
        if drop_in:
            return estimated(getattr(gdfast.sklearn, model.__name__), shuffle, X)
        run = gdfast.fit(X, y, shuffle=shuffle, **shared, **own)
        return Fit(run.coef, run.intercept)

    def theirs(shuffle: bool, dtype: str = work.dtype) -> Fit:
        return estimated(model, shuffle, X.astype(dtype, copy=False))  # a copy for the ordered check in float32 alone

    def estimated(kind: Any, shuffle: bool, inputs: Any) -> Fit:
        fitted = kind(shuffle=shuffle, **shared, **their).fit(inputs, y)
        return Fit(fitted.coef_.ravel(), np.ravel(fitted.intercept_)[0])

    timed = {"ours": partial(ours, True), "": partial(theirs, True)}
    ordered = {"ours": partial(ours, False), "": partial(theirs, False, "float64")}
    read = epochs * work.n * per_row * (X.dtype.itemsize + 4 * sparse)
    return Duel(timed, ordered, objective(X, y, work.loss, ALPHA), epochs, read)


# Mini-batches: hand-written loops, whose order of samples is an argument.

Order = Callable[[int], Any]


def usual_batches(X: np.ndarray, y: np.ndarray, rate: float, size: int, epochs: int, order: Order) -> Fit:
    """The loop as a good tutorial has it."""
    w, b, costs = np.zeros(X.shape[1], X.dtype), 0.0, []
    for epoch in range(epochs):
        permutation, total = order(epoch), 0.0
        for start in range(0, len(X), size):
            rows = permutation[start : start + size]
            X_batch, y_batch = X[rows], y[rows]
            error = X_batch @ w + b - y_batch
            total += float(np.sum(error**2))
            w = w - rate * (X_batch.T @ error) / len(rows)
            b = b - rate * float(np.mean(error))
        costs.append(total / 2 / len(X))
    return Fit(w, b, costs)


def gathered_batches(X: np.ndarray, y: np.ndarray, rate: float, size: int, epochs: int, order: Order) -> Fit:
    """The careful loop: rows and targets gathered into buffers, nothing made anew."""
    (n, d), dtype = X.shape, X.dtype
    w, g, b, costs = np.zeros(d, dtype), np.empty(d, dtype), 0.0, []
    X_buffer, y_buffer, r_buffer = np.empty((size, d), dtype), np.empty(size, dtype), np.empty(size, dtype)
    for epoch in range(epochs):
        permutation, total = order(epoch), 0.0
        for start in range(0, n, size):
            rows = permutation[start : start + size]
            m = len(rows)
            part, targets, r = X_buffer[:m], y_buffer[:m], r_buffer[:m]
            np.take(X, rows, axis=0, out=part, mode="clip")  # the other modes copy once more
            np.take(y, rows, out=targets, mode="clip")
            np.dot(part, w, out=r)
            r -= targets
            r += b
            total += float(r.dot(r))
            np.dot(r, part, out=g)
            g *= rate / m
            w -= g
            b -= rate / m * float(r.sum())
        costs.append(total / 2 / n)
    return Fit(w, b, costs)


def tabled_batches(X: np.ndarray, y: np.ndarray, rate: float, size: int, epochs: int, order: Order) -> Call:
    """The careful loop with the fewest calls: rows of a table [X, 1, -y] times (w, b, 1) are the residuals."""
    (n, d), dtype = X.shape, X.dtype
    table = np.column_stack([X, np.ones(n, dtype), -y])
    g, buffer, r_buffer = np.empty(d + 2, dtype), np.empty((size, d + 2), dtype), np.empty(size, dtype)

    def call() -> Fit:
        w, costs = np.zeros(d + 2, dtype), []
        w[-1] = 1.0
        moving, step = w[:-1], g[:-1]
        for epoch in range(epochs):
            permutation, total = order(epoch), 0.0
            for start in range(0, n, size):
                rows = permutation[start : start + size]
                m = len(rows)
                part, r = buffer[:m], r_buffer[:m]
                np.take(table, rows, axis=0, out=part, mode="clip")
                np.dot(part, w, out=r)
                total += float(r.dot(r))
                np.dot(r, part, out=g)
                step *= rate / m
                moving -= step
            costs.append(total / 2 / n)
        return Fit(w[:d], float(w[d]), costs)

    return call


def torch_batches(X: np.ndarray, y: np.ndarray, rate: float, size: int, epochs: int, order: Order) -> Fit:
    """PyTorch without DataLoader and Module: index_select, autograd, its fused SGD."""
    import torch

    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
    w = torch.zeros(X.shape[1], dtype=inputs.dtype, requires_grad=True)
    b = torch.zeros((), dtype=inputs.dtype, requires_grad=True)
    optimizer, costs = torch.optim.SGD([w, b], lr=rate, fused=True), []
    for epoch in range(epochs):
        permutation, total = order(epoch), torch.zeros((), dtype=torch.float64)
        for rows in permutation.split(size):
            part, part_targets = inputs.index_select(0, rows), targets.index_select(0, rows)
            error = torch.addmv(b - part_targets, part, w)
            loss = torch.dot(error, error) * (0.5 / len(rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        costs.append(total.item() / len(X))
    return Fit(w.detach().numpy(), b.item(), costs)


def mini_batch(makers: dict[str, Callable[..., Call]], orders: Callable[[int], list[Order]], work: Work) -> Duel:
    """Squared error by loops over mini-batches, given their own order of the rows and ours."""
    X, y = data(work.n, work.d, work.dtype, work.loss, None)
    size, epochs, rate = work.batch_size or 1, epochs_of(work, work.d), 0.02

    def ours() -> Fit:
        run = gdfast.fit(X, y, batch_size=size, epochs=epochs, learning_rate=rate, seed=0)
        return Fit(run.coef, run.intercept, run.costs)

    timed, ordered = (
        {"ours": ours} | {key: maker(X, y, rate, size, epochs, order) for key, maker in makers.items()}
        for order in orders(work.n)
    )
    return Duel(timed, ordered, objective(X, y, work.loss, 0.0), epochs, epochs * X.nbytes)


def ordered_rows(n: int, epoch: int) -> np.ndarray:
    """Return the order that ours takes; never timed, since this function is Python and slow."""
    return gdfast.sample_order(n, 0, epoch).astype(np.intp)


def numpy_orders(n: int) -> list[Order]:
    rng = np.random.default_rng(0)
    return [lambda epoch: rng.permutation(n), partial(ordered_rows, n)]


def torch_orders(n: int) -> list[Order]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return [lambda epoch: torch.randperm(n), lambda epoch: torch.from_numpy(ordered_rows(n, epoch))]


# Full batch.


def usual_squares(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Fit:
    """Linear regression as a good tutorial has it, but X' e as e X, which is faster."""
    w, b, costs = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        error = X @ w + b - y
        costs.append(error @ error / (2 * len(X)))
        w -= rate / len(X) * (error @ X)
        b -= rate * error.mean()
    return Fit(w, b, costs)


def careful_squares(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Fit:
    """The careful loop: nothing made anew, no call that can be spared."""
    n, d = X.shape
    w, g, error, b, costs = np.zeros(d), np.empty(d), np.empty(n), 0.0, []
    for _ in range(epochs):
        np.dot(X, w, out=error)
        error += b
        error -= y
        costs.append(float(error.dot(error)) / (2 * n))
        np.dot(error, X, out=g)
        g *= rate / n
        w -= g
        b -= rate / n * float(np.add.reduce(error))
    return Fit(w, b, costs)


def tutorial_loop(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Fit:
    """Tutorial A as it is written by hand, but the mean of squares, halved, for its root."""
    inputs, targets, m = X, y[:, None], len(X)
    weights, bias, costs = np.zeros((X.shape[1], 1)), 0.0, []
    for _ in range(epochs):
        error = np.dot(inputs, weights) + bias - targets
        weights = weights - 2 * rate * np.dot(inputs.T, error) / (2 * m)
        bias = bias - 2 * rate * np.sum(error) / (2 * m)
        costs.append(np.sum(error**2) / (2 * m))
    return Fit(weights[:, 0], bias, costs)


def usual_logistic(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Fit:
    """Logistic regression as a good tutorial has it."""
    w, b, costs = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        p = 1 / (1 + np.exp(-(X @ w + b)))
        costs.append(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
        error = p - y
        w = w - rate * (X.T @ error) / len(X)
        b = b - rate * np.mean(error)
    return Fit(w, b, costs)


def careful_logistic(block_bytes: float, X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Call:
    """The careful loop: in place, block by block, labels and intercept within a table, one exp for loss and slope."""
    n, d = X.shape
    table = np.column_stack([X, np.ones(n)])
    table *= (1 - 2 * y)[:, None]  # times w: minus the margins
    size = int(min(n, max(1, block_bytes / (8 * d + 8))))  # of one block where that is infinite; inf // x is nan
    g, part, u_buffer, q_buffer = np.empty(d + 1), np.empty(d + 1), np.empty(size), np.empty(size)
    starts = range(0, n, size)
    blocks = [(table[i : i + size], u_buffer[: n - i], q_buffer[: n - i], g if i == 0 else part) for i in starts]

    def call() -> Fit:
        w, costs = np.zeros(d + 1), []
        for _ in range(epochs):
            total = 0.0
            for rows, u, q, out in blocks:
                np.dot(rows, w, out=u)
                np.exp(u, out=u)  # not guarded, to their advantage: here no margin comes near -709
                np.add(u, 1.0, out=q)
                np.divide(u, q, out=u)
                np.log(q, out=q)  # of 1 + e^u: vectorised, log1p and logaddexp are not
                total += np.add.reduce(q)
                np.dot(u, rows, out=out)
                if out is part:
                    np.add(g, part, out=g)
            costs.append(total / n)
            np.multiply(g, rate / n, out=g)
            w -= g
        return Fit(w[:-1], w[-1], costs)

    return call


def jax_logistic(X: np.ndarray, y: np.ndarray, rate: float, epochs: int) -> Call:
    """Return a call of JAX's compiled scan, with the gradient by hand, which is faster there than by autodiff."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def descend(X: Any, y: Any) -> Any:
        def step(state: Any, _: None) -> Any:
            w, b = state
            z = X @ w + b
            t = jnp.exp(-jnp.abs(z))
            cost = jnp.mean(jnp.log1p(t) + jnp.maximum(z, 0.0) - y * z)
            r = (jnp.where(z >= 0, 1.0, t) / (1.0 + t) - y) * (rate / len(y))
            return (w - r @ X, b - r.sum()), cost

        return jax.lax.scan(step, (jnp.zeros(X.shape[1]), 0.0), length=epochs, unroll=8)

    arrays = jnp.asarray(X), jnp.asarray(y)

    def call() -> Fit:
        (w, b), costs = jax.block_until_ready(descend(*arrays))
        return Fit(np.asarray(w), float(b), np.asarray(costs))

    return call


def full_batch(makers: dict[str, Callable[..., Call]], work: Work) -> Duel:
    """Logistic regression over all rows, the cost of every epoch recorded; the order of samples is one."""
    X, y = data(work.n, work.d, work.dtype, work.loss, None)
    epochs, rate = epochs_of(work, work.d), 0.5 if work.loss == "log_loss" else 0.1

    def ours() -> Fit:
        run = gdfast.fit(X, y, loss=work.loss, epochs=epochs, learning_rate=rate, solver=work.solver)
        return Fit(run.coef, run.intercept, run.costs)

    calls = {"ours": ours} | {key: maker(X, y, rate, epochs) for key, maker in makers.items()}
    return Duel(calls, calls, objective(X, y, work.loss, 0.0), epochs, epochs * X.nbytes, shuffles=False)


def tutorial(work: Work) -> Duel:
    """Tutorial A: a line through 300 points."""
    X = np.arange(1.0, work.n + 1)[:, None]
    y, rate, epochs = 0.5 * X[:, 0] + 2.0, 0.5e-4, work.epochs or 1

    def ours() -> Fit:
        run = gdfast.fit(X, y, epochs=epochs, learning_rate=rate, solver="loop")
        return Fit(run.coef, run.intercept, run.costs)

    calls = {"ours": ours, "": partial(tutorial_loop, X, y, rate, epochs)}
    return Duel(calls, calls, objective(X, y, work.loss, 0.0), epochs, epochs * X.nbytes, shuffles=False)


# The duel.


def turn(call: Callable[[], Any], least: float) -> tuple[float, Any]:
    """Call for so many seconds at least; return the mean of the calls, and the last result."""
    started, calls = time.perf_counter(), 0
    while True:
        result = call()
        calls += 1
        seconds = time.perf_counter() - started
        if seconds >= least:
            return seconds / calls, result


def new_row(work: Work, status: str = "measured", **known: Any) -> Row:
    """Return the row of a work; seconds are of one call."""
    about = {key: getattr(work, key) for key in ("name", "group", "peer", "algorithm", "n", "d", "dtype", "goal")}
    return about | {"status": status, "unequal": False, "note": "", "epochs": 1, "ratio": None} | known


def check(duel: Duel) -> float:
    """Return the largest difference in one order of samples; this warms up, too."""
    first = duel.ordered["ours"]()
    return max(same_work(duel.cost, first, call()) for key, call in duel.ordered.items() if key != "ours")


def contest(duel: Duel, rounds: int, least: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return the best seconds of each call, all in turn, and the loss where it ended."""
    best, fits = dict.fromkeys(duel.timed, math.inf), {}
    for _ in range(rounds):
        for key, call in duel.timed.items():
            seconds, fits[key] = turn(call, least)
            best[key] = min(best[key], seconds)
    return best, {key: duel.cost(fit) for key, fit in fits.items()}


def fight(work: Work, options: argparse.Namespace) -> Row:
    """Check that both sides do the same work, and time them."""
    assert work.make is not None
    try:
        duel = work.make(work)
    except ImportError as error:
        return new_row(work, f"absent: {error}")
    if work.nonzeros is not None:
        try:
            duel.ordered["ours"]()
        except (TypeError, ValueError) as error:
            return new_row(work, f"not supported: {str(error).splitlines()[0]}")
    row = {"ordered_difference": check(duel), "ordered_tolerance": ROUNDING[work.dtype]}
    best, losses = contest(duel, options.rounds, 0.0 if options.quick else TURN_SECONDS)
    own, own_loss = best.pop("ours"), losses.pop("ours")
    peer = min(best, key=best.__getitem__)
    speed = duel.bytes_read / own
    row |= {"ours_seconds": own, "theirs_seconds": best[peer], "ratio": best[peer] / own, "epochs": duel.epochs}
    row |= {"bytes_per_second": speed, "of_streaming_read": speed / options.read, "note": peer}
    row |= {"loss_ours": own_loss, "loss_theirs": losses[peer]}
    row |= {"difference": max(gap(own_loss, loss) for loss in losses.values())}
    row |= {"tolerance": SHUFFLES if duel.shuffles else row["ordered_tolerance"]}
    row["unequal"] = any(row[f"{kind}difference"] > row[f"{kind}tolerance"] for kind in ("", "ordered_"))
    return new_row(work, **row, met=row["ratio"] >= work.goal and not row["unequal"])


# Processes of their own.

IMPORT = """
import sys, time
started = time.perf_counter()
import {module}
print(time.perf_counter() - started)
print(*{{"numba", "scipy", "sklearn", "matplotlib"}} & set(sys.modules))
editable = any(type(finder).__name__ == "MesonpyMetaFinder" for finder in sys.meta_path)
print("; an editable install, whose look for changed kernels is in it" if editable else "")
"""
FIRST = """
import sys, time
import numpy as np
import gdfast
X = np.random.default_rng(0).normal(size=(300, 2))
def seconds():
    started = time.perf_counter()
    gdfast.fit(X, X.sum(axis=1), batch_size={batch_size}, epochs=20, learning_rate=0.01, seed=0, solver="loop")
    return time.perf_counter() - started
first = seconds()
print(first, min(seconds() for _ in range(20)), "numba" in sys.modules)
"""


@cache
def bytecode() -> "tempfile.TemporaryDirectory[str]":
    """Return where children keep what they compiled, so that all but the first find it, numpy's and ours alike."""
    return tempfile.TemporaryDirectory()


def child(code: str, **names: Any) -> list[str]:
    """Return the lines that a new Python prints; -P, so that it imports the package and not a source tree."""
    command = [sys.executable, "-P", "-X", f"pycache_prefix={bytecode().name}", "-c", code.format(**names)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.split("\n")


def imports(work: Work, options: argparse.Namespace) -> Row:
    """Importing gdfast against importing NumPy: at most so many milliseconds more, and nothing else imported."""
    best, guests, note = {"numpy": math.inf, "gdfast": math.inf}, "", ""
    for _ in range(1 + options.rounds):
        for module in best:
            seconds, guests, note = child(IMPORT, module=module)[:3]  # gdfast's at the end
            best[module] = min(best[module], float(seconds))
    more = (best["gdfast"] - best["numpy"]) * 1e3
    note = f"{more:.1f} ms more, at most {work.goal:g}; also imported: {guests or 'nothing'}{note}"
    times = {"ours_seconds": best["gdfast"], "theirs_seconds": best["numpy"]}
    return new_row(work, note=note, met=more <= work.goal and not guests, **times)


def first_call(work: Work, options: argparse.Namespace) -> Row:
    """The first call in a process against later ones: nothing is compiled on the default path."""
    found = [child(FIRST, batch_size=work.batch_size)[0].split() for _ in range(options.rounds)]
    first, later = (min(float(line[place]) for line in found) for place in (0, 1))
    jitted = any(line[2] == "True" for line in found)
    note = f"first {first * 1e3:.2f} ms, later {later * 1e3:.2f} ms; numba {'is' if jitted else 'not'} imported"
    return new_row(work, note=note, met=not jitted, ours_seconds=later, theirs_seconds=first)


# The registry: a peer is an entry here.


def works() -> Iterator[Work]:
    """Yield the table of goals, row by row."""
    sgd = "SGD, one row an update, l2, constant rate, each shuffles by itself"
    shapes = [(300, 1), (4000, 8), (60_000, 17), (30_000, 64), (8000, 300), (60_000, 100), (6000, 1500)]
    dtypes = ("float64", "float32")
    losses = (("squared_error", "SGDRegressor", 3.0), ("log_loss", "SGDClassifier", 2.0))
    for (loss, peer, floor), (n, d), dtype in product(losses, shapes, dtypes):
        yield Work(f"dense SGD {loss}", peer, sgd, floor, scikit_learn, n, d, dtype, loss)
    swapped = "SGD, one row an update, l2, constant rate, both in scikit-learn's order, whole fit"
    shapes = [(100_000, 10), (20_000, 32), (100_000, 100), (20_000, 1000), (300, 1), (100_000, 200)]
    for (loss, peer, floor), (n, d), dtype in product(losses, shapes, dtypes):
        yield Work(f"drop-in {loss}", peer, swapped, floor, partial(scikit_learn, drop_in=True), n, d, dtype, loss)
    own = "scikit-learn's own benchmark"
    yield Work(own, "SGDRegressor", sgd, 8.0, scikit_learn, 100_000, 200, "float32")
    sparse = ((15_000, 30_000, 80), (20_000, 50_000, 80), (40_000, 300_000, 100), (100_000, 1_000_000, 100))
    for (loss, peer, _), (n, d, k), dtype in product(losses, sparse, dtypes):
        text = f"{sgd}; CSR, {k} non-zeros a row, no intercept"
        yield Work(f"CSR SGD {loss}", peer, text, 1.6, scikit_learn, n, d, dtype, loss, nonzeros=k)
    # A maker returns a call; of a plain loop that is partial(partial, loop).
    careful = {"gathered": partial(partial, gathered_batches), "tabled": tabled_batches}
    usual, torch = ({"": partial(partial, loop)} for loop in (usual_batches, torch_batches))
    loops: list[Any] = [
        ("usual NumPy loop", partial(mini_batch, usual, numpy_orders), 0.05, (8.0, 4.0, 3.0)),
        ("careful NumPy loop", partial(mini_batch, careful, numpy_orders), 0.05, (5.0, 2.5, 2.0)),
        ("PyTorch", partial(mini_batch, torch, torch_orders), 0.005, (20.0, 20.0, 20.0)),
    ]
    text = "mini-batch, squared error, the running cost of every epoch recorded, each shuffles by itself"
    for (peer, make, seconds, goals), (n, d), dtype in product(loops, ((20_000, 50), (100_000, 100)), dtypes):
        for b, goal in zip((32, 256, 1024), goals, strict=True):
            yield Work(f"mini-batch {b}", peer, text, goal, make, n, d, dtype, batch_size=b, seconds=seconds)
    sizes = {"whole": math.inf, "blocks of 100 KB": 1e5, "blocks of 600 KB": 6e5}
    blocked = {key: partial(careful_logistic, size) for key, size in sizes.items()}
    makers: list[Any] = [
        ("usual NumPy loop", {"": partial(partial, usual_logistic)}, (15.0, 8.0, 4.0, 8.0)),
        ("careful NumPy loop", blocked, (6.0, 2.5, 1.8, 2.0)),
        ("JAX", {"": jax_logistic}, (1.0, 1.0, 1.0, 1.0)),
    ]
    text = "full batch, log loss, the cost of every epoch recorded"
    for peer, calls, goals in makers:
        for (n, d), goal in zip(((300, 2), (20_000, 50), (100_000, 100), (15_000, 40)), goals, strict=True):
            make = partial(full_batch, calls)
            yield Work("full batch log_loss", peer, text, goal, make, n, d, loss="log_loss", seconds=0.1)
    text = "full batch, squared error, the cost of every epoch recorded"
    careful = {"": partial(partial, careful_squares)}
    few = [(1000, 10, 1, 0.4), (1000, 10, 10, 1.3), (10_000, 100, 10, 1.2)]
    for n, d, epochs, goal in few:
        make, group = partial(full_batch, careful), f"full batch, epochs: {epochs}"
        yield Work(group, "careful NumPy loop", text, goal, make, n, d, epochs=epochs, solver="auto")
    text = "full batch, squared error, 300 x 1, every cost, epoch by epoch"
    yield Work("tutorial A", "its NumPy loop", text, 120.0, tutorial, 300, 1, epochs=20_000)
    yield Work("small call", "SGDRegressor", f"{sgd}; 1 epoch", 8.0, scikit_learn, 10, 3, epochs=1)
    yield Work("import", "numpy", "import gdfast, import numpy, in new processes", 30.0, None, measure=imports)
    for size, kind in ((None, "batch"), (1, "SGD")):
        text = f"gdfast.fit, {kind}, 300 x 2, 20 epochs, in new processes"
        yield Work(f"first call, {kind}", "later calls", text, 0.0, None, batch_size=size, measure=first_call)


WORKS = tuple(works())


# The report.


def streaming_read(quick: bool) -> float:
    """Return the bytes that one thread reads in a second, by the faster of a sum and a dot product."""
    values = np.ones(STREAMED // 16 if quick else STREAMED)
    best = min(turn(call, 0.0)[0] for _ in range(5) for call in (values.sum, lambda: values @ values))
    return values.nbytes / best


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the numbers belong to."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = file.read().split("\n")
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        virtual = any("hypervisor" in line.split() for line in lines if line.startswith("flags"))
    except (OSError, StopIteration):
        cpu, virtual = platform.processor() or platform.machine(), False
    versions = {"Python": platform.python_version(), "NumPy": np.__version__, "scikit-learn": sklearn.__version__}
    versions |= {name: version(name) for name in ("torch", "jax") if find_spec(name)}
    about = {"cpu": cpu, "virtual": virtual, **versions, "gdfast": gdfast.__version__}
    about["backend"] = gdfast.backends.choose()
    if about["backend"] == "cython":
        about["level"] = import_module("gdfast._core").level
    return about | {"rounds": options.rounds, "quick": options.quick, "streaming_read": options.read}


def shown(row: Row) -> str:
    """Return a row as text."""
    text = f"{row['name']:<68}"
    if row["status"] != "measured":
        return f"{text} {row['status']}"
    ours, theirs = (row[f"{side}_seconds"] * 1e3 / row["epochs"] for side in ("ours", "theirs"))
    ratio = f"{row['ratio']:.2f}" if row["ratio"] else "-"
    text += f" {row['epochs']:>6} {ours:>9.4g} {theirs:>9.4g} {ratio:>7} {row['goal']:>5g}"
    text += f" {'met' if row['met'] else 'missed':<6}"
    if row["ratio"]:
        text += f" {row['bytes_per_second'] / 1e9:>6.2f} {row['of_streaming_read']:>5.0%}  {row['loss_ours']:<13.9g}"
        text += f" {row['loss_theirs']:<13.9g} {row['difference']:<7.1e} {row['ordered_difference']:<7.1e}"
    return f"{text} {row['note']}{' UNEQUAL' if row['unequal'] else ''}"


def group_means(rows: list[Row]) -> list[Row]:
    """Return the geometric mean of the ratios of each group, peer and dtype."""
    ratios: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if row["ratio"]:
            ratios.setdefault((row["group"], row["peer"], row["dtype"]), []).append(row["ratio"])
    found = []
    for (group, peer, dtype), values in ratios.items():
        mean, goal = math.exp(np.log(values).mean()), GROUP_GOALS.get(group, {}).get(dtype)
        about = {"name": f"{group} / {peer} {dtype}", "rows": len(values), "mean": mean, "goal": goal}
        found.append(about | {"met": None if goal is None else mean >= goal})
    return found


def report(rows: list[Row], means: list[Row]) -> None:
    """Print means, and what was met and missed."""
    print("\ngeometric means")
    for mean in means:
        goal = "" if mean["goal"] is None else f", goal {mean['goal']:g} {'met' if mean['met'] else 'missed'}"
        print(f"  {mean['name']}, {mean['rows']} rows: {mean['mean']:.2f}{goal}")
    ran = [row for row in rows if row["status"] == "measured"]
    print(f"\n{sum(row['met'] for row in ran)} of {len(ran)} rows met, {len(rows) - len(ran)} not run; missed:")
    for row in [*ran, *means]:
        if row["met"] is False:
            value = row.get("mean") or row["ratio"]
            print(f"  {row['name']}: " + (f"{value:.2f} of {row['goal']:g}" if value else row["note"]))
    for row in ran:
        if row["unequal"]:
            losses = f"{row['loss_ours']!r} and {row['loss_theirs']!r}, {row['difference']:.1e} apart"
            print(f"UNEQUAL: {row['name']}: {losses}; in one order {row['ordered_difference']:.1e}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="SUBSTRING", help="works whose name has it; repeatable")
    parser.add_argument("--rounds", type=int, help="5 by default, 2 with --quick")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="small shapes: a smoke test, whose times mean nothing")
    parser.add_argument("--list", action="store_true", help="print the works and end")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 2 if options.quick else 5
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")
    return options


def main() -> int:
    options = read_options()
    chosen = [work for work in WORKS if any(part in work.name for part in options.only or [""])]
    if options.list:
        print("\n".join(f"{work.name:<68} goal {work.goal:g}  {work.algorithm}" for work in chosen))
        return 0
    options.read, rows = streaming_read(options.quick), []
    about = machine(options)
    print(", ".join(f"{key} {value}" for key, value in about.items() if key != "streaming_read"))
    print(f"streaming read {options.read / 1e9:.1f} GB/s; times in ms an epoch; losses: ours, theirs,")
    print("how far apart after each's own shuffles, and in one order; then which of several of theirs was fastest\n")
    print(f"{'work':<68} epochs      ours    theirs   ratio  goal          GB/s  read  losses")
    for work in chosen:
        rows.append((work.measure or fight)(small(work) if options.quick else work, options))
        print(shown(rows[-1]), flush=True)
    means = group_means(rows)
    report(rows, means)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": about, "rows": rows, "groups": means}, file, indent=1)
    return int(any(row["unequal"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
