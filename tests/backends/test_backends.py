"""Backends against the specification, over the whole registry."""

import itertools

import numpy as np
import pytest

import gdfast
from gdfast import backends
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.formulas.update_rules import UPDATE_RULES

COMPILED = [name for name in ("cython", "numba") if backends.why_unavailable(name) is None]
SHAPES = [(41, 1), (60, 5), (300, 21)]


def data(loss, n, d, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(dtype)
    z = X @ rng.normal(size=d) / np.sqrt(d) + 0.3 + rng.normal(size=n)
    if LOSSES[loss].classification:
        z = np.where(z > 0, "yes", "no")
    elif LOSSES[loss].inverse_link is not None:
        z = rng.poisson(np.exp(np.clip(z, -2, 2))) + (LOSSES[loss].lowest_excluded(0.0) and 0.25)
    return X, z, rng.integers(0, 4, n).astype(float)


def numbers(X, y, backend, **options):
    run = gdfast.fit(X, y, backend=backend, seed=7, **options)
    assert run.backend == backend
    return np.concatenate([np.ravel(run.coef), np.ravel(run.intercept), [run.cost], run.costs])


def difference(found, expected):
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


@pytest.mark.numba_case(loss="log_loss")
@pytest.mark.parametrize(
    ("loss", "backend"),
    [
        (loss, name)
        for loss, name in itertools.product(LOSSES, COMPILED)
        if not (LOSSES[loss].coupled and name == "numba")
    ],
)
def test_backends_agree_over_losses_penalties_and_batches(loss, backend):
    for (n, d), batch_size, penalty, weighted in itertools.product(
        SHAPES, (None, 1, 16), ("none", "elasticnet"), (False, True)
    ):
        X, y, weights = data(loss, n, d)
        options = {
            "loss": loss, "batch_size": batch_size, "penalty": penalty, "alpha": 0.01 * (penalty != "none"),
            "epochs": 8, "learning_rate": 0.001 if LOSSES[loss].inverse_link else 0.01, "solver": "loop",
            "sample_weight": weights if weighted else None,
        }  # fmt: skip
        expected = numbers(X, y, "numpy", **options)
        assert difference(numbers(X, y, backend, **options), expected) < 1e-12, (
            n,
            d,
            batch_size,
            penalty,
            weighted,
        )


@pytest.mark.numba_case(optimizer="momentum", penalty="elasticnet")
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("optimizer", UPDATE_RULES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_backends_agree_over_optimizers_and_penalties(optimizer, penalty, backend):
    X, y, _ = data("squared_error", 60, 5)
    for batch_size, fit_intercept, shuffle in itertools.product((None, 1, 7), (True, False), (True, False)):
        options = {
            "batch_size": batch_size, "penalty": penalty, "alpha": 0.05 * (penalty != "none"), "epochs": 10,
            "learning_rate": 0.005,
            "optimizer": optimizer, "solver": "loop", "fit_intercept": fit_intercept, "shuffle": shuffle,
        }  # fmt: skip
        expected = numbers(X, y, "numpy", **options)
        assert difference(numbers(X, y, backend, **options), expected) < 1e-12, (batch_size, fit_intercept)


@pytest.mark.numba_case(loss="huber")
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_backends_agree_on_several_outputs(loss, backend):
    X, y, weights = data(loss, 60, 5)
    Y = np.column_stack([y, -2 * y + X[:, 0], X[:, 1]])
    for batch_size, d in itertools.product((None, 1, 7), (1, 5)):
        options = {
            "loss": loss,
            "batch_size": batch_size,
            "epochs": 5,
            "learning_rate": 0.01,
            "sample_weight": weights,
        }
        expected = numbers(X[:, :d], Y, "numpy", **options)
        assert difference(numbers(X[:, :d], Y, backend, **options), expected) < 1e-12


@pytest.mark.numba_case(batch_size=1)
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("batch_size", [None, 1, 16])
def test_float32_stays_near_float64(batch_size, backend):
    for loss, (n, d) in itertools.product(("squared_error", "log_loss"), SHAPES):
        X, y, _ = data(loss, n, d, np.float32)
        options = {"loss": loss, "batch_size": batch_size, "epochs": 5, "learning_rate": 0.02, "solver": "loop"}
        run = gdfast.fit(X, y, backend=backend, seed=7, **options)
        assert run.coef.dtype == np.float32
        exact = gdfast.fit(X.astype(np.float64), y, backend=backend, seed=7, **options)
        np.testing.assert_allclose(run.coef, exact.coef, atol=2e-6)
        np.testing.assert_allclose(run.costs, exact.costs, rtol=1e-5)


@pytest.mark.parametrize("backend", COMPILED)
def test_chunks_leave_no_trace(backend):
    """Kernels called epoch by epoch, and from the middle of an epoch, give the bits of one call."""
    from gdfast.data.problem import make_problem
    from gdfast.options.declarations import DEFAULTS
    from gdfast.solvers.loop.solver import Loop
    from gdfast.solvers.plan import make_plan, read_options

    X, y, _ = data("squared_error", 60, 5)
    options = {**DEFAULTS, "penalty": "elasticnet", "alpha": 0.01, "l1_ratio": 0.5, "optimizer": "momentum"}
    options |= {"epochs": 6, "seed": 3, "learning_rate": 0.01}
    for batch_size in (None, 1, 7):
        ends = []
        for chunk in (10**6, 1, 5):
            problem = make_problem(X, y, "squared_error")
            plan = make_plan(problem.dimensions, read_options(options | {"batch_size": batch_size}), backend)
            loop = Loop(problem, plan)
            while loop.state.epoch < 6:
                loop.descent.chunks.size = chunk
                loop.descent.run_chunk(6)
            ends.append(
                (loop.state.W.tobytes(), loop.state.b.tobytes(), loop.descent.recorder.history.costs().tobytes())
            )
        assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("d", [1, 3, 7, 8, 16, 21, 24, 40, 100])
def test_no_bit_depends_on_where_rows_begin_in_memory(d, dtype, backend, rng):
    """Vectors are loaded from where they are aligned, which numpy's arrays are not."""
    size = np.dtype(dtype).itemsize
    values, y = rng.normal(size=(203, d)).astype(dtype), rng.normal(size=203)
    ends = set()
    for offset in (0, 8 // size, 16 // size, 32 // size, 48 // size):
        room = np.empty(values.size + 64, dtype)
        start = (-room.ctypes.data) % 64 // size + offset
        X = room[start : start + values.size].reshape(values.shape)
        X[:] = values
        run = gdfast.fit(X, y, epochs=5, learning_rate=0.01, solver="loop", backend=backend)
        ends.add((run.coef.tobytes(), np.float64(run.intercept).tobytes(), run.costs.tobytes()))
    assert len(ends) == 1 or backend == "numpy"  # BLAS has an order of its own


def test_choice_by_argument_and_environment(monkeypatch):
    X, y, _ = data("squared_error", 30, 2)
    monkeypatch.setenv("GDFAST_BACKEND", "numpy")
    assert gdfast.fit(X, y, epochs=1).backend == "numpy"
    monkeypatch.setenv("GDFAST_BACKEND", "fortran")
    with pytest.raises(ValueError, match=r"GDFAST_BACKEND='fortran'.*cython, numba, numpy"):
        gdfast.fit(X, y, epochs=1)
    monkeypatch.delenv("GDFAST_BACKEND")
    with pytest.raises(ValueError, match="backend='cuda'"):
        gdfast.fit(X, y, epochs=1, backend="cuda")


def test_an_unavailable_backend_says_why_and_what_to_install(monkeypatch):
    def refuse(name):
        raise ImportError("No module named 'numba'")

    backends.why_unavailable.cache_clear()
    monkeypatch.setattr(backends, "load", lambda name: refuse(name) if name == "numba" else None)
    try:
        assert "gdfast[numba]" in backends.available()["numba"]
        with pytest.raises(
            ImportError, match=r"No module named 'numba'.*pip install.*Available backends: cython, numpy"
        ):
            backends.choose("numba")
    finally:
        backends.why_unavailable.cache_clear()


def test_a_backend_whose_import_warns_is_not_available(monkeypatch):
    def warn(name):
        raise RuntimeWarning("The global interpreter lock (GIL) has been enabled")

    backends.why_unavailable.cache_clear()
    monkeypatch.setattr(backends, "load", lambda name: warn(name) if name == "numba" else None)
    try:
        assert "GIL" in backends.available()["numba"]
        assert backends.first_available() == "cython"
    finally:
        backends.why_unavailable.cache_clear()


def test_the_process_keeps_its_denormals():
    tiny = np.full(8, np.finfo(float).tiny)
    assert (tiny / 4 > 0).all()


@pytest.mark.skipif("cython" not in COMPILED, reason="no compiled core in this build")
def test_the_compiled_registry_is_the_registry():
    from gdfast._core import descent

    assert tuple(LOSSES) == descent.LOSSES
    assert tuple(UPDATE_RULES) == descent.UPDATE_RULES
