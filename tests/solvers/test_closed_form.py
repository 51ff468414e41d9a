"""The closed form against the loop in 80-bit floats, over shapes, ranks, scales and rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdfast
from gdfast.cli.park_data import TEMPERATURES, VISITORS
from gdfast.options.optimizers import make_optimizer

EPS = 2.0**-52
RNG = np.random.default_rng(2026)
X_A = np.arange(1.0, 301.0)[:, None]
Y_A = 0.5 * X_A[:, 0] + 2.0
X_B = 10 * np.random.RandomState(10).rand(100, 5)
Y_B = 0.9 + X_B @ [2.2, 4, -4, 1, 2]
X_C, Y_C = np.array(TEMPERATURES, float)[:, None], np.array(VISITORS, float)
WIDE = RNG.normal(size=(7, 20))
# Columns of very different scales, as raw data has them.
RAW = RNG.normal(size=(400, 6)) * np.geomspace(0.01, 60, 6) + [0.3, 7, 0.05, 10, 1, 138]
DEFICIENT = np.column_stack([RAW[:, :3], RAW[:, :3] @ RNG.normal(size=(3, 2)), np.zeros(400), np.ones(400)])


def curvatures(X, weights=None, alpha=0.0, intercept=True):
    n = len(X)
    s = np.ones(n) if weights is None else weights * n / weights.sum()
    A = np.column_stack([X, np.full(n, float(intercept))])
    return np.linalg.eigvalsh(A.T @ (s[:, None] * A) / n + np.diag([alpha] * X.shape[1] + [0.0]))[::-1]


def exact(X, y, epochs, rates, alpha=0.0, weights=None, start=None, optimizer="gd", intercept=True):
    """Descent in 80-bit floats: the costs of 0 .. epochs, the last parameters."""
    n, d = X.shape
    rule = make_optimizer(optimizer)
    A = np.column_stack([X, np.full(n, float(intercept))]).astype(np.longdouble)
    s = np.ones(n, np.longdouble) if weights is None else weights.astype(np.longdouble) * n / weights.sum()
    w = np.zeros(d + 1, np.longdouble) if start is None else np.asarray(start, np.longdouble)
    l2, m, costs = np.array([alpha] * d + [0.0], np.longdouble), np.zeros(d + 1, np.longdouble), []
    for k in range(epochs + 1):
        e = A @ w - y
        costs.append((s * e * e).sum() / (2 * n) + (l2 * w * w).sum() / 2)
        if k < epochs:
            g = A.T @ (s * e) / n + l2 * w
            m = np.longdouble(rule.mu) * m + g
            w = w - np.longdouble(rates[k]) * (g + np.longdouble(rule.mu) * m if rule.rule == "nesterov" else m)
    return np.array(costs), w


def compare(X, y, epochs, rate, **options):
    """Fit by the closed form and hold it to DESIGN's bounds against the 80-bit loop."""
    rates = np.full(epochs, rate) if np.ndim(rate) == 0 else np.asarray(rate)
    alpha, weights = options.get("alpha", 0.0), options.get("weights")
    start, intercept = options.get("start"), options.get("intercept", True)
    run = gdfast.fit(
        X, y, epochs=epochs, learning_rate=rate, penalty="l2" if alpha else None, alpha=alpha, sample_weight=weights,
        optimizer=options.get("optimizer", "gd"), fit_intercept=intercept, solver="closed_form",
        coef_init=None if start is None else start[:-1], intercept_init=None if start is None else start[-1],
    )  # fmt: skip
    assert run.solver == "closed_form"
    costs, w = exact(X, y, epochs, rates, alpha, weights, start, options.get("optimizer", "gd"), intercept)
    found = np.append(run.coef, run.intercept)
    values = curvatures(X, weights, alpha, intercept)
    used = values[values > values[0] * EPS * 10 * max(X.shape)]
    mu = make_optimizer(options.get("optimizer", "gd")).mu
    # DESIGN, section 3: errors grow as eps k eta s^2, and as eps times the condition number.
    drift = 4 * EPS * float(rates.sum()) * values[0] / (1 - mu)
    condition = 4 * EPS * np.sqrt(used[0] / used[-1]) / (1 - mu)
    assert (run.costs >= 0).all()
    tolerance = (1e-11 + drift) * np.abs(costs) + (1e-14 + drift * EPS) * costs[0]
    assert (np.abs(run.costs - costs) <= tolerance).all(), np.max(np.abs(run.costs - costs) / tolerance)
    # A direction that counts as null stands still, though the rounding of X gives it a slope of up to this.
    slope = max(X.shape) * EPS * np.sqrt(used[0] * np.mean(y * y)) * (len(used) < len(values))
    moved = float(rates.sum()) * slope / (1 - mu)
    size = max(np.linalg.norm(w), 1e-3 * np.linalg.norm(found))
    assert np.linalg.norm(found - w) <= (1e-12 + drift + condition) * size + moved
    assert run.cost == run.costs[-1]
    return run


X_D, Y_D = RNG.normal(size=(20, 1)), RNG.normal(size=20)
CURVATURE_D = float(X_D[:, 0] @ X_D[:, 0]) / 20
CASES = {
    "A": (X_A, Y_A, 3000, 0.5e-4, {}),
    "A, a million times too far": (X_A, Y_A, 3000, 0.5e-4, {"start": [5e5, 2e6]}),
    "A, momentum": (X_A, Y_A, 3000, 0.5e-4, {"optimizer": "momentum"}),
    "A, Nesterov": (X_A, Y_A, 3000, 0.2e-4, {"optimizer": "nesterov"}),
    "A, decaying": (X_A, Y_A, 3000, 0.5e-4 / (1 + 1e-3 * np.arange(3000)), {}),
    "A, decaying momentum": (X_A, Y_A, 3000, 0.5e-4 / (1 + 1e-3 * np.arange(3000)), {"optimizer": "momentum"}),
    "A, near the limit": (X_A, Y_A, 3000, 6.6e-5, {}),
    "B": (X_B, Y_B, 3000, 0.01, {}),
    "B, Nesterov": (X_B, Y_B, 1000, 0.004, {"optimizer": "nesterov"}),
    "C": (X_C, Y_C, 5000, 2e-3 / 2, {}),
    "raw": (RAW, RAW @ np.arange(6.0) + RNG.normal(size=400), 2000, 4e-5, {}),
    "standardized": ((RAW - RAW.mean(0)) / RAW.std(0), RAW @ np.arange(6.0), 2000, 0.3, {}),
    "ridge": (RAW, RAW[:, 1] + RNG.normal(size=400), 2000, 4e-5, {"alpha": 0.7}),
    "ridge, weights": (X_B, Y_B, 2000, 0.008, {"alpha": 0.1, "weights": RNG.random(100)}),
    "no intercept": (X_B, Y_B, 2000, 0.01, {"intercept": False}),
    "rank-deficient": (DEFICIENT, RAW[:, 1], 2000, 2e-3, {"start": RNG.normal(size=8)}),
    "n < d": (WIDE, RNG.normal(size=7), 2000, 0.02, {"start": RNG.normal(size=21)}),
    "n < d, momentum": (WIDE, RNG.normal(size=7), 500, 0.01, {"optimizer": "momentum"}),
    "n < d, ridge": (WIDE, RNG.normal(size=7), 2000, 0.02, {"alpha": 0.01}),
    "one row": (np.array([[3.0, 4.0]]), np.array([2.0]), 100, 0.05, {}),
    "a double root": (X_D, Y_D, 400, (1 - 0.9**0.5) ** 2 / CURVATURE_D, {"optimizer": "momentum", "intercept": False}),
    "nearly a double root": (
        X_D,
        Y_D,
        400,
        (1 + 1e-9) * (1 - 0.9**0.5) ** 2 / CURVATURE_D,
        {"optimizer": "momentum", "intercept": False},
    ),
    "both roots negative": (
        X_D,
        Y_D,
        400,
        1.0003 * (1 + 0.9**0.5) ** 2 / CURVATURE_D,
        {"optimizer": "momentum", "intercept": False},
    ),
    "constant and zero columns": (np.column_stack([np.ones(30), np.zeros(30)]), RNG.normal(size=30), 300, 0.1, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_path_is_the_loops(name):
    X, y, epochs, rate, options = CASES[name]
    compare(X, y, epochs, rate, **options)


@settings(deadline=None, max_examples=150)
@given(
    n=st.integers(1, 25), d=st.integers(1, 8), rank=st.integers(1, 8), exponent=st.integers(-8, 8),
    spread=st.floats(0, 4), part=st.floats(0.01, 1.95), alpha=st.sampled_from([0.0, 0.0, 0.01, 1.0]),
    optimizer=st.sampled_from(["gd", "gd", "momentum", "nesterov"]), intercept=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_the_path_is_the_loops_over_shapes_ranks_and_scales(
    n, d, rank, exponent, spread, part, alpha, optimizer, intercept, seed
):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** (exponent - spread * rng.random(d))
    if rank < d:
        X[:, rank:] = X[:, :rank] @ rng.normal(size=(rank, d - rank))
    y = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4)
    alpha *= float(curvatures(X, intercept=False)[0])
    L = curvatures(X, None, alpha, intercept)[0]
    mu = make_optimizer(optimizer).mu
    limit = 2 * (1 + mu) / (1 + 2 * mu) if optimizer == "nesterov" else 2 * (1 + mu)
    compare(X, y, 150, part / 2 * limit / L, alpha=alpha, optimizer=optimizer, intercept=intercept)


def test_a_million_epochs_and_null_directions_at_a_trillion():
    run = gdfast.fit(X_A, Y_A, epochs=10**6, learning_rate=0.5e-4, history_every="log")
    A = np.column_stack([X_A, np.ones(300)]).astype(np.longdouble)
    H, c = A.T @ A / 300, A.T @ Y_A.astype(np.longdouble) / 300
    # (I - eta H)^k by squaring: the affine step applied 10^6 times.
    M = np.eye(3, dtype=np.longdouble)
    M[:2, :2] -= np.longdouble(0.5e-4) * H
    M[:2, 2] = np.longdouble(0.5e-4) * c
    result, base, k = np.eye(3, dtype=np.longdouble), M, 10**6
    while k:
        result, base, k = (result @ base if k & 1 else result), base @ base, k >> 1
    np.testing.assert_allclose(np.append(run.coef, run.intercept), result[:2, 2].astype(float), rtol=1e-11)
    start = RNG.normal(size=8)
    far = gdfast.fit(
        DEFICIENT,
        RAW[:, 1],
        epochs=10**12,
        learning_rate=2e-3,
        history="none",
        coef_init=start[:7],
        intercept_init=start[7],
    )
    assert far.solver == "closed_form"
    A = np.column_stack([DEFICIENT, np.ones(400)])
    best = start + np.linalg.lstsq(A, RAW[:, 1] - A @ start, rcond=1e-10)[0]  # the solution nearest to the start
    np.testing.assert_allclose(np.append(far.coef, far.intercept), best, rtol=1e-8, atol=1e-9)


def test_at_reaches_any_epoch_before_and_after_the_end():
    for rate in (0.5e-4, gdfast.InverseTime(0.5e-4, 1e-3)):
        run = gdfast.fit(X_A, Y_A, epochs=300, learning_rate=rate, solver="closed_form")
        for epoch in (0, 1, 299, 300, 1000):
            part = gdfast.fit(X_A, Y_A, epochs=max(1, epoch), learning_rate=rate, solver="loop")
            point = run.at(epoch)
            np.testing.assert_allclose(point.cost, part.costs[epoch], rtol=1e-11)
            if epoch:
                np.testing.assert_allclose(point.coef, part.coef, rtol=1e-12)
                np.testing.assert_allclose(point.intercept, part.intercept, rtol=1e-12)
    run = gdfast.fit(X_A, Y_A, epochs=5, learning_rate=np.full(9, 1e-5), solver="closed_form")
    with pytest.raises(ValueError, match=r"epoch=10 is past the 9 rates"):
        run.at(10)
    with pytest.raises(ValueError, match="9 rates, and 10 epochs"):
        run.resume(5)
    with pytest.raises(
        ValueError, match=r"needs the path, and this Run has solver 'loop' and no recorded coefficients"
    ):
        gdfast.fit(X_A, Y_A, epochs=5, solver="loop").at(3)


def test_several_outputs_share_the_basis(rng):
    X, Y = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    options = {"epochs": 200, "learning_rate": 0.1, "penalty": "l2", "alpha": 0.1}
    closed = gdfast.fit(X, Y, solver="closed_form", **options)
    loop = gdfast.fit(X, Y, solver="loop", **options)
    np.testing.assert_allclose(closed.coef, loop.coef, rtol=1e-12)
    np.testing.assert_allclose(closed.intercept, loop.intercept, rtol=1e-12)
    np.testing.assert_allclose(closed.costs, loop.costs, rtol=1e-12)


def test_float32_and_memory_maps(tmp_path, rng):
    X = rng.normal(size=(9000, 40)).astype(np.float32)
    y = rng.normal(size=9000)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    closed = gdfast.fit(mapped, y, epochs=50, learning_rate=0.5, solver="closed_form")
    loop = gdfast.fit(X, y, epochs=50, learning_rate=0.5, solver="loop")
    assert closed.coef.dtype == np.float32
    np.testing.assert_allclose(closed.coef, loop.coef, atol=1e-6)


@pytest.mark.filterwarnings("ignore::gdfast.DivergenceWarning", "ignore::gdfast.StabilityWarning")
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
def test_absurd_rates_diverge_at_once(optimizer):
    for rate in (1e100, 1e300, np.full(5, 1e200)):
        run = gdfast.fit(X_B, Y_B, epochs=5, learning_rate=rate, optimizer=optimizer, solver="closed_form")
        assert run.epochs == run.diverged_at - 1 <= 1
        assert np.isfinite(run.costs).all()


@pytest.mark.filterwarnings("ignore::gdfast.DivergenceWarning", "ignore::gdfast.StabilityWarning")
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("over", [1.001, 1.5, 30.0])
def test_a_diverging_run_ends_where_the_loop_ends(over, optimizer):
    limit = gdfast.stability(
        X_B, momentum=0.0 if optimizer == "gd" else 0.9, nesterov=optimizer == "nesterov"
    ).max_learning_rate
    options = {"epochs": 2_000_000 if over < 1.01 else 5000, "learning_rate": over * limit, "optimizer": optimizer}
    closed = gdfast.fit(X_B, Y_B, solver="closed_form", history="none", **options)
    loop = gdfast.fit(X_B, Y_B, solver="loop", history="none", **options)
    assert closed.stop_reason == loop.stop_reason == "diverged"
    assert abs(closed.diverged_at - loop.diverged_at) <= 1
    assert np.isfinite(closed.coef).all()
    assert np.isfinite(closed.cost)


def test_a_start_at_the_optimum_does_not_diverge():
    A = np.column_stack([X_B, np.ones(100)])
    best = np.linalg.lstsq(A, Y_B, rcond=None)[0]
    run = gdfast.fit(
        X_B, Y_B, epochs=100_000, learning_rate=1.0, coef_init=best[:5], intercept_init=best[5], solver="closed_form"
    )
    assert run.diverged_at is None
    np.testing.assert_allclose(np.append(run.coef, run.intercept), best, rtol=1e-12)


@pytest.mark.parametrize("tol", [1e-3, 1e-7, 1e-10])
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_tol_stops_where_the_loop_stops(tol, optimizer):
    options = {"epochs": 200_000, "learning_rate": 0.5e-4, "tol": tol, "patience": 4, "optimizer": optimizer}
    closed = gdfast.fit(X_A, Y_A, solver="closed_form", **options)
    loop = gdfast.fit(X_A, Y_A, solver="loop", **options)
    assert closed.stop_reason == loop.stop_reason
    assert closed.epochs == loop.epochs
    assert len(closed.costs) == len(loop.costs)


@pytest.mark.parametrize("history", ["objective", "running", "none"])
@pytest.mark.parametrize("every", [1, 7, "log"])
def test_histories_are_the_loops(history, every):
    options = {
        "epochs": 1000,
        "learning_rate": 0.5e-4,
        "history": history,
        "history_every": every,
        "history_limit": 300,
    }
    closed = gdfast.fit(X_A, Y_A, solver="closed_form", **options)
    loop = gdfast.fit(X_A, Y_A, solver="loop", **options)
    assert closed.cost_epochs.tolist() == loop.cost_epochs.tolist()
    np.testing.assert_allclose(closed.costs, loop.costs, rtol=1e-11)


TINY = ([[1.0], [2.0]], [1e-100, 2e-100])
EXTREMES = {
    "tiny targets": (*TINY, {"epochs": 1000, "learning_rate": 1.0}),
    "tiny targets, momentum": (*TINY, {"epochs": 1000, "learning_rate": 2.0, "optimizer": "momentum"}),
    "tiny targets, an array": (*TINY, {"epochs": 1000, "learning_rate": np.ones(1000)}),
    "one huge step": ([[1.0]], [1.0], {"epochs": 1, "learning_rate": 1e150, "optimizer": "momentum"}),
    "one step too far": ([[1.0]], [1.0], {"epochs": 1, "learning_rate": 1e200, "optimizer": "nesterov"}),
    "beyond float32": (np.float32([[1e-30], [2e-30]]), [1e20, 3e20], {"epochs": 300, "fit_intercept": False}),
    "float32 diverging": (X_A.astype(np.float32), Y_A, {"epochs": 300, "learning_rate": 1e-3}),
    "at the limit": ([[1.0], [-1.0]], [1.0, 0.0], {"epochs": 30, "learning_rate": 2.0}),
    "bad at once, running": ([[1.0]], [1.0], {"epochs": 9, "learning_rate": 1e200, "history": "running"}),
    "running and tol": (X_C, Y_C, {"epochs": 9000, "learning_rate": 1e-3, "history": "running", "tol": 1.0}),
    "running, tol, decaying": (
        X_C, Y_C, {"epochs": 9000, "learning_rate": gdfast.InverseTime(1e-3, 1e-4), "history": "running", "tol": 1.0},
    ),
    "running, thinned": (X_C, Y_C, {"epochs": 100, "history": "running", "history_every": "log", "history_limit": 50}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::gdfast.DivergenceWarning", "ignore::gdfast.StabilityWarning")
@pytest.mark.parametrize("name", EXTREMES)
def test_both_solvers_end_alike(name):
    X, y, options = EXTREMES[name]
    closed, loop = (gdfast.fit(X, y, solver=solver, **options) for solver in ("closed_form", "loop"))
    for what in ("epochs", "diverged_at", "stop_reason"):
        assert getattr(closed, what) == getattr(loop, what)
    assert closed.cost_epochs.tolist() == loop.cost_epochs.tolist()
    np.testing.assert_allclose(closed.costs, loop.costs, rtol=1e-4 if closed.coef.dtype == np.float32 else 1e-9)
    assert np.isfinite(closed.coef).all()


def test_a_limit_is_no_divergence_and_a_start_too_large_is_an_error():
    gdfast.fit([[1.0], [-1.0]], [1.0, 0.0], epochs=30, learning_rate=2.0, solver="closed_form")  # no warning
    for solver in ("closed_form", "loop"):
        with pytest.raises(ValueError, match="not finite at the start"):
            gdfast.fit(X_A * 1e153, Y_A * 1e153, epochs=20, learning_rate=1e-310, optimizer="nesterov", solver=solver)


@pytest.mark.filterwarnings("ignore::gdfast.DivergenceWarning", "ignore::gdfast.StabilityWarning")
def test_at_past_an_overflow_says_so():
    with pytest.raises(ValueError, match="epoch=1000000 lies where this diverging path has overflowed"):
        gdfast.fit(X_A, Y_A, epochs=3000, learning_rate=1e-3, solver="closed_form").at(10**6)


@pytest.mark.parametrize("solver", ["closed_form", "loop"])
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_patience_counts_on_when_a_run_is_resumed(solver, optimizer):
    options = {"tol": 1e-3, "patience": 5, "learning_rate": 0.5e-4, "solver": solver, "optimizer": optimizer}
    whole = gdfast.fit(X_A, Y_A, epochs=200, **options)
    assert whole.stop_reason == "tol"
    for pause in (3, whole.epochs - 3, whole.epochs - 1):
        parts = gdfast.fit(X_A, Y_A, epochs=pause, **options).resume(200 - pause)
        assert parts.epochs == whole.epochs
        assert parts.costs.tobytes() == whole.costs.tobytes()
