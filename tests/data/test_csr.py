"""A sparse X: the same fit as on the dense array, whatever the format; the caller's arrays shared and left alone."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast import backends
from gdfast.data import csr
from gdfast.data.csr import CSR, dense, features, row_squares
from gdfast.data.problem import make_problem
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.formulas.update_rules import UPDATE_RULES
from gdfast.options.declarations import DEFAULTS

sp = pytest.importorskip("scipy.sparse")
BATCHES = (None, 1, 7)
N, D = 40, 9


@pytest.fixture(params=[name for name in backends.BACKENDS if backends.why_unavailable(name) is None])
def backend(request):
    return request.param


def matrix(dtype=np.float64, index=np.int32, n=N, d=D, seed=0, density=0.3):
    """Random CSR with empty rows, an empty column and explicit zeros."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < density)
    X[:: n // 4 or 1] = 0.0
    X[:, d // 2] = 0.0
    made = sp.csr_matrix(X.astype(dtype))
    made.data[::11] = 0.0
    made.indices, made.indptr = made.indices.astype(index), made.indptr.astype(index)
    return made


def target(X, loss="squared_error", seed=0):
    rng = np.random.default_rng(seed)
    z = X @ rng.normal(size=X.shape[1]) + 0.3 + rng.normal(size=X.shape[0])
    if LOSSES[loss].classification:
        return np.where(z > 0, "yes", "no")
    return rng.poisson(np.exp(np.clip(z, -2, 2))) + 0.5 if LOSSES[loss].inverse_link else z


def fit(X, y, backend="numpy", **options):
    return gdfast.fit(
        X, y, **{"epochs": 8, "learning_rate": 0.02, "seed": 7, "solver": "loop", "backend": backend, **options}
    )


def numbers(run):
    parts = (run.coef, run.intercept, run.cost, run.costs, run.last_coef, run.last_intercept)
    return np.concatenate([np.ravel(part) for part in parts])


def assert_same(run, expected, tolerance=1e-12):
    found, wanted = numbers(run), numbers(expected)
    assert run.coef.dtype == expected.coef.dtype
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    assert np.nanmax(np.abs(found - wanted)) <= tolerance * np.nanmax(np.abs(wanted))


def assert_sparse_is_dense(X, y, backend, **options):
    run = fit(X, y, backend, **options)
    assert run.backend == backend
    assert_same(run, fit(X.toarray(), y, **options))
    return run


# What is computed.


@pytest.mark.numba_case(loss="log_loss")
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.coupled])
def test_losses_penalties_and_weights(loss, backend):
    X = matrix()
    y, weights = target(X, loss), np.random.default_rng(1).integers(0, 4, N).astype(float)
    for batch_size, penalty, weighted in itertools.product(BATCHES, ("none", "elasticnet"), (False, True)):
        options = {"penalty": penalty, "alpha": 0.05 * (penalty != "none"), "batch_size": batch_size, "loss": loss}
        options["intercept_init"] = 0.123  # from 0 the steps bring empty rows back to the perceptron's kink
        assert_sparse_is_dense(X, y, backend, **options, sample_weight=weights if weighted else None)


@pytest.mark.numba_case(optimizer="adam", penalty="l1")
@pytest.mark.parametrize("optimizer", UPDATE_RULES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_optimizers_and_penalties(optimizer, penalty, backend):
    X = matrix()
    for batch_size, fit_intercept in itertools.product(BATCHES, (True, False)):
        options = {"penalty": penalty, "alpha": 0.05 * (penalty != "none"), "fit_intercept": fit_intercept}
        assert_sparse_is_dense(X, target(X), backend, **options, batch_size=batch_size, optimizer=optimizer)


SPECIAL = {
    "average": {"average": 2},
    "exponential average": {"average": gdfast.EMA(0.9), "penalty": "l2", "alpha": 0.1},
    "clipping by norm": {"clip_norm": 0.3, "penalty": "l2", "alpha": 0.1},
    "clipping by value": {"clip_value": 0.2, "optimizer": "momentum"},
    "positive": {"positive": True},
    "bounds without 0": {"bounds": (0.1, np.linspace(0.2, 1.0, D)), "penalty": "l1", "alpha": 0.02},
    "factors": {"penalty": "elasticnet", "alpha": 0.1, "penalty_factors": np.arange(D)},
    "AdamW": {"optimizer": "adamw", "penalty": "l1", "alpha": 0.02},
    "starts": {"coef_init": np.linspace(-1, 1, D), "intercept_init": 0.5, "penalty": "elasticnet", "alpha": 0.1},
    "by step": {"learning_rate": gdfast.InverseTime(0.05, 0.01, by="step"), "penalty": "elasticnet", "alpha": 0.1},
    "in order": {"shuffle": False, "penalty": "l1", "alpha": 0.05},
    "objective": {"history": "objective", "penalty": "elasticnet", "alpha": 0.05},
    "strong l2": {"penalty": "l2", "alpha": 30.0, "learning_rate": gdfast.Step(0.06, 2, 0.4)},
    "a vanishing scale": {"penalty": "elasticnet", "alpha": 60.0, "l1_ratio": 1e-4, "learning_rate": 0.015},
    "strong l1": {"penalty": "l1", "alpha": 3.0},
    "gradient": {"gradient_tol": 0.3, "record": ("gradient_norm", "coef_norm"), "epochs": 60},
    "tol": {"tol": 0.01, "patience": 2, "epochs": 60},
    "plateau": {"learning_rate": gdfast.ReduceOnPlateau(0.3, patience=1), "epochs": 30},
}


@pytest.mark.numba_case(name="average", batch_size=1)
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("name", SPECIAL)
def test_other_options_of_fit(name, batch_size, backend):
    X = matrix()
    assert_sparse_is_dense(X, target(X), backend, batch_size=batch_size, **SPECIAL[name])


@pytest.mark.numba_case(penalty="elasticnet", outputs=2)
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_pending_penalties_of_sgd_are_applied_in_time(penalty, outputs, backend):
    """Rare features, some of which l1 has drawn to zero before they come again; several windows in an epoch."""
    X = matrix(n=700, d=60, density=0.03)
    Y = np.column_stack([target(X, seed=seed) for seed in range(outputs)])
    rates = gdfast.InverseScaling(0.2, 0.3, by="step")
    options = {"penalty": penalty, "alpha": 0.02 * (penalty != "none"), "learning_rate": rates, "batch_size": 1}
    run = assert_sparse_is_dense(X, Y, backend, **options, epochs=3)
    if penalty in ("l1", "elasticnet"):
        assert 0 < (run.coef == 0).sum() < run.coef.size


@pytest.mark.numba_case(loss="huber")
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_several_outputs(loss, backend):
    X = matrix()
    Y = np.column_stack([target(X), -2 * target(X, seed=1), X[:, [0]].toarray()])
    for batch_size, penalty in itertools.product(BATCHES, ("none", "elasticnet")):
        options = {"penalty": penalty, "alpha": 0.05 * (penalty != "none"), "batch_size": batch_size, "loss": loss}
        assert_sparse_is_dense(X, Y, backend, **options)


@pytest.mark.numba_case(batch_size=1, index=np.int64)
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("batch_size", BATCHES)
def test_dtypes_of_values_and_indices(batch_size, index, backend):
    X = matrix(index=index)
    options = {"batch_size": batch_size, "penalty": "elasticnet", "alpha": 0.02}
    expected = assert_sparse_is_dense(X, target(X), backend, **options)
    single = fit(X.astype(np.float32), target(X), backend, **options)
    assert single.coef.dtype == np.float32
    np.testing.assert_allclose(single.coef, expected.coef, atol=2e-6)
    np.testing.assert_allclose(single.costs, expected.costs, rtol=1e-5)
    whole = sp.csr_matrix(np.rint(3 * X.toarray()).astype(np.int16))
    assert_same(fit(whole, target(X), backend, **options), fit(whole.toarray(), target(X), **options))


@pytest.mark.numba_case(batch_size=1, shape=(3, 700))
@pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore:the cost is growing")
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (6, 1), (3, 700), (600, 3)])
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_shapes(batch_size, shape, backend):
    X = sp.random(*shape, 0.4, format="csr", random_state=3)
    for rate in (0.1, "auto"):
        options = {"batch_size": batch_size, "learning_rate": rate, "penalty": "l2", "alpha": 0.1}
        assert_sparse_is_dense(X, np.arange(shape[0]) + 1.0, backend, **options)


@pytest.mark.numba_case(batch_size=1)
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_nothing_but_zeros(batch_size, backend):
    options = {"batch_size": batch_size, "penalty": "elasticnet", "alpha": 0.1}
    for X in (sp.csr_matrix((4, 3)), sp.csr_matrix(([0.0], ([2], [1])), (4, 3))):
        run = assert_sparse_is_dense(X, np.arange(4.0), backend, **options, learning_rate="auto")
        assert not run.coef.any()


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("d", [D, 600])
def test_the_rate_found_is_that_of_the_dense_array(loss, batch_size, d):
    X = matrix(d=d)
    weights = np.random.default_rng(2).random(N)
    options = {"loss": loss, "batch_size": batch_size, "learning_rate": "auto", "epochs": 2, "sample_weight": weights}
    y = target(X, loss)
    found, expected = fit(X, y, **options), fit(X.toarray(), y, **options)
    assert found.learning_rate == pytest.approx(expected.learning_rate, rel=1e-12)


def test_stability_and_its_warning():
    X = matrix()
    found, expected = gdfast.stability(X), gdfast.stability(X.toarray())
    assert found.max_learning_rate == pytest.approx(expected.max_learning_rate, rel=1e-12)
    np.testing.assert_allclose(found.time_constants, expected.time_constants, rtol=1e-9)
    with (
        pytest.warns(gdfast.StabilityWarning, match="largest stable rate"),
        pytest.warns(gdfast.DivergenceWarning, match="growing"),
    ):
        fit(X, target(X), learning_rate=2 * found.max_learning_rate)


def test_a_divergence_is_the_dense_one(backend):
    X = matrix()
    options = {"batch_size": 1, "learning_rate": 50.0, "epochs": 200}
    with pytest.warns(gdfast.DivergenceWarning, match="diverged"):
        run = fit(X, target(X), backend, **options)
    with pytest.warns(gdfast.DivergenceWarning, match="diverged"):
        expected = fit(X.toarray(), target(X), **options)
    assert run.diverged_at == expected.diverged_at
    assert np.isfinite(run.coef).all()
    with pytest.warns(gdfast.DivergenceWarning, match="growing"):  # before it overflows
        backtracked = fit(X, target(X), backend, batch_size=1, learning_rate=1.0, epochs=20, on_divergence="backtrack")
    assert np.isfinite(backtracked.cost)


# Validation, predictions, resuming.


@pytest.mark.numba_case(batch_size=None)
@pytest.mark.parametrize("batch_size", BATCHES)
def test_validation_of_either_kind(batch_size, backend):
    X, V = matrix(), matrix(n=15, seed=5)
    y, v, weights = target(X), target(V), np.arange(15.0)
    options = {
        "batch_size": batch_size,
        "restore_best": True,
        "patience": 4,
        "epochs": 30,
        "penalty": "l1",
        "alpha": 0.1,
    }
    for validation in (0.3, (V, v), (V.toarray(), v, weights), (V.astype(np.float32), v), (V.tocsc(), v, weights)):
        wide = validation if isinstance(validation, float) else (np.asarray(validation[0].astype(float).todense())
                if sp.issparse(validation[0]) else validation[0], *validation[1:])  # fmt: skip
        expected = fit(X.toarray(), y, validation=wide, **options)
        for given in (X, X.toarray()):
            run = fit(given, y, backend, validation=validation, **options)
            assert_same(run, expected)
            assert run.best_epoch == expected.best_epoch
            np.testing.assert_allclose(run.history["validation_cost"], expected.history["validation_cost"], rtol=1e-12)


def test_labels_of_validation():
    X = matrix()
    y = target(X, "hinge")
    run = fit(X, y, loss="hinge", validation=(X[:9], y[:9]), batch_size=1)
    assert run.history["validation_cost"][-1] == pytest.approx(
        fit(X.toarray(), y, loss="hinge", validation=(X[:9].toarray(), y[:9]), batch_size=1)
        .history["validation_cost"][-1], rel=1e-12)  # fmt: skip
    with pytest.raises(ValueError, match=r"validation: X has 8 features.*9"):
        fit(X, y, loss="hinge", validation=(X[:9, :8], y[:9]))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "poisson", "gamma", "tweedie"])
def test_predictions_on_both_kinds_by_runs_of_both_kinds(loss):
    X = matrix()
    y = target(X, loss)
    for run, dtype in itertools.product((fit(X, y, loss=loss), fit(X.toarray(), y, loss=loss)), ("f8", "f4")):
        z = run.decision(X.astype(dtype).toarray())
        for kind in ("csr_matrix", "csc_array", "coo_matrix"):
            np.testing.assert_allclose(run.decision(getattr(sp, kind)(X.astype(dtype))), z, rtol=1e-12, atol=1e-14)
        assert list(run.predict(X)) == pytest.approx(list(run.predict(X.toarray())), rel=1e-12)
    with pytest.raises(ValueError, match=r"^X has 3 features.*fitted on 9"):
        run.predict(X[:, :3])
    several = fit(X, np.column_stack([target(X), target(X, seed=1)]))
    np.testing.assert_allclose(several.predict(X), several.predict(X.toarray()), rtol=1e-12, atol=1e-14)


@pytest.mark.numba_case(batch_size=1)
@pytest.mark.parametrize("batch_size", BATCHES)
def test_resuming_in_memory_from_a_file_and_from_a_checkpoint(batch_size, backend, tmp_path):
    X = matrix()
    y, path, saved = target(X), tmp_path / "checkpoint.npz", tmp_path / "run.npz"
    options = {"batch_size": batch_size, "penalty": "elasticnet", "alpha": 0.05, "validation": (X[:9], y[:9])}
    once = fit(X, y, backend, epochs=9, **options)
    first = fit(X, y, backend, epochs=4, checkpoint=path, **options)
    first.save(saved)
    assert numbers(first.resume(5)).tobytes() == numbers(once).tobytes()
    assert numbers(gdfast.Run.load(saved).resume(5, X.copy(), y)).tobytes() == numbers(once).tobytes()
    assert numbers(gdfast.resume(path, X.copy(), y, epochs=5)).tobytes() == numbers(once).tobytes()
    changed = X.copy()
    changed.data[3] += 1e-15
    for other in (
        changed,
        X.toarray(),
        X.astype(np.float32),
        sp.csr_matrix(X, shape=(N, D + 1)),
        matrix(index=np.int64),
    ):
        with pytest.raises(ValueError, match="fingerprint"):
            gdfast.resume(path, other, y, epochs=1)


@pytest.mark.numba_case(penalty="elasticnet")
@pytest.mark.parametrize("penalty", PENALTIES)
def test_bits_do_not_depend_on_where_a_call_of_the_kernels_ends(penalty, backend):
    from gdfast.solvers.loop.solver import Loop
    from gdfast.solvers.prepare import prepare

    X = matrix(n=600, d=90, density=0.05)
    for optimizer, batch_size in (("gd", 1), ("momentum", 1), ("adagrad", 1), ("gd", 7), ("momentum", 7)):
        options = {
            **DEFAULTS, "epochs": 2, "batch_size": batch_size, "seed": 3, "optimizer": optimizer,
            "backend": backend, "penalty": penalty, "alpha": 0.05 * (penalty != "none"), "learning_rate": 0.03,
        }  # fmt: skip
        ends = []
        for chunk in (10**6, 1):
            loop = Loop(*prepare(X, target(X), None, options))
            while loop.state.epoch < 2:
                loop.descent.chunks.size = chunk
                loop.descent.run_chunk(2)
            ends.append(
                (loop.state.W.tobytes(), loop.state.b.tobytes(), loop.descent.recorder.history.costs().tobytes())
            )
        assert ends[0] == ends[1]


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_threads_change_no_bit(index):
    X = matrix(index=index, n=5000)
    options = {"penalty": "elasticnet", "alpha": 0.01, "backend": "auto"}
    alone, shared = (fit(X, target(X), n_threads=n_threads, **options) for n_threads in (1, 3))
    assert numbers(alone).tobytes() == numbers(shared).tobytes()
    assert_same(alone, fit(X.toarray(), target(X), **{**options, "backend": "numpy"}))


# What is taken, and how.


def shuffled(X, seed=0):
    """The same matrix with the values of each row in another order."""
    rng, X = np.random.default_rng(seed), X.copy()
    for first, stop in itertools.pairwise(X.indptr):
        order = first + rng.permutation(stop - first)
        X.data[first:stop], X.indices[first:stop] = X.data[order], X.indices[order]
    X.has_sorted_indices = False
    return X


def doubled(X):
    """The same matrix with each value given in two halves."""
    counts = 2 * np.diff(X.indptr)
    indptr = np.append(0, np.cumsum(counts)).astype(X.indptr.dtype)
    made = sp.csr_matrix((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), indptr), X.shape)
    made.has_canonical_format = False
    return shuffled(made)


def overallocated(X):
    X = X.copy()
    X.data, X.indices = np.append(X.data, [np.nan] * 3), np.append(X.indices, [99] * 3).astype(X.indices.dtype)
    return X


def read_only(X):
    X = X.copy()
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


def unaligned(X):
    X = X.copy()
    for name in ("data", "indices", "indptr"):
        part = getattr(X, name)
        copied = np.zeros(part.nbytes + 1, np.uint8)[1:].view(part.dtype)
        copied[:] = part
        setattr(X, name, copied)
    return X


def mixed_indices(X):
    X = X.copy()
    X.indptr = X.indptr.astype(np.int64)
    return X


def big_endian(X):
    X = X.copy()
    X.data = X.data.astype(">f8")
    return X


SAME = {
    **{f"{kind}_{form}": lambda X, kind=kind, form=form: getattr(sp, f"{kind}_{form}")(X)
       for kind in ("csr", "csc", "coo", "bsr", "dok", "lil", "dia") for form in ("matrix", "array")},
    "unsorted": shuffled, "duplicates": doubled, "overallocated": overallocated, "read-only": read_only,
    "unaligned": unaligned, "mixed indices": mixed_indices, "big-endian": big_endian,
    "duplicates in coo": lambda X: doubled(X).tocoo(), "gdfast's CSR": lambda X: features("X", X),
}  # fmt: skip


def memory(X):
    """Copies of all that a sparse matrix holds, with lists for arrays of objects."""
    parts = {name: part for name, part in vars(X).items() if isinstance(part, np.ndarray)}
    return {name: part.tolist() if part.dtype == object else part.copy() for name, part in parts.items()}


@pytest.mark.parametrize("name", SAME)
def test_every_format_is_the_same_matrix_and_is_left_as_it_is(name):
    X = matrix()
    given, before = SAME[name](X), None
    if name != "gdfast's CSR":
        before = memory(given)
    taken = features("X", given)
    assert isinstance(taken, CSR)
    assert np.array_equal(dense(taken), X.toarray())
    assert (taken.indices[1:] > taken.indices[:-1])[np.diff(np.repeat(np.arange(N), taken.counts)) == 0].all()
    for part in (taken.data, taken.indices, taken.indptr):
        assert part.flags.aligned
        assert part.flags.c_contiguous
        assert part.dtype.isnative
    for batch_size in BATCHES:
        options = {"batch_size": batch_size, "penalty": "l1", "alpha": 0.01}
        run = fit(given, target(X), **options)
        assert_same(run, fit(X.toarray(), target(X), **options))
        run.predict(given)
    if before is not None:
        after = memory(given)
        assert before.keys() == after.keys()
        for part, values in before.items():
            assert values == after[part] if isinstance(values, list) else values.tobytes() == after[part].tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_nothing_is_copied_that_is_in_order(dtype, index):
    X = matrix(dtype, index)
    taken = make_problem(features("X", X), target(X), "squared_error").X
    for part in ("data", "indices", "indptr"):
        assert np.shares_memory(getattr(taken, part), getattr(X, part))
        assert getattr(taken, part).dtype == getattr(X, part).dtype


@pytest.mark.parametrize(("dtype", "values"), [(bool, [True, True]), (np.int8, [100, 100]), (np.float32, [1.5, 2.5])])
def test_duplicates_add_up_as_in_scipy(dtype, values):
    X = sp.csr_matrix((np.array(values, dtype), [0, 0], [0, 2]), (1, 2))
    assert np.array_equal(dense(features("X", X)), X.toarray())


def test_products_and_rows_of_blocks(monkeypatch):
    monkeypatch.setattr(csr, "BLOCK_VALUES", 10)
    rng, given = np.random.default_rng(0), matrix()
    X, wide = features("X", given), given.toarray()
    for A in (rng.normal(size=D), rng.normal(size=(D, 3))):
        np.testing.assert_allclose(X @ A, wide @ A, atol=1e-14)
    for A in (rng.normal(size=N), rng.normal(size=(3, N))):
        np.testing.assert_allclose(A @ X, A @ wide, atol=1e-14)
    np.testing.assert_allclose(row_squares(X), (wide**2).sum(axis=1), rtol=1e-14)
    assert (X.max(), X.min()) == (wide.max(), wide.min())
    rows = np.array([3, 3, 10, 39, 0])
    assert np.array_equal(dense(X[rows]), wide[rows])
    assert np.array_equal(dense(X[5:17]), wide[5:17])


def with_value(value, dtype=float):
    X = matrix().astype(dtype)
    X.data[5] = value
    return X


def broken(**parts):
    X = matrix()
    for name, (place, value) in parts.items():
        part = getattr(X, name).copy()
        part[place] = value
        setattr(X, name, part)
    return X


def at(X):
    place = np.argwhere(~np.isfinite(X.toarray()))[0]
    return rf"\({place[0]}, {place[1]}\)"


BAD = {
    "NaN": (ValueError, lambda: with_value(np.nan), "^X holds nan at " + at(with_value(np.nan))),
    "infinity": (ValueError, lambda: with_value(-np.inf), "^X holds -inf at .*finite"),
    "overflow": (
        ValueError,
        lambda: with_value(np.longdouble(10) ** 4000, np.longdouble),
        r"^X holds .*1e\+4000.*float64",
    ),
    "NaN in csc": (ValueError, lambda: with_value(np.nan).tocsc(), "^X holds nan"),
    "complex": (TypeError, lambda: matrix().astype(complex), "^X holds complex numbers"),
    "no rows": (ValueError, lambda: sp.csr_matrix((0, 3)), r"^X has shape \(0, 3\): no samples"),
    "no columns": (ValueError, lambda: sp.csr_matrix((3, 0)), r"^X has shape \(3, 0\): no features"),
    "1-d": (ValueError, lambda: sp.coo_array(np.arange(4.0)), r"^X has shape \(4,\), and must be 2-d"),
    "column beyond": (ValueError, lambda: broken(indices=(4, D)), "^X is a sparse.*check_format"),
    "column below": (ValueError, lambda: broken(indices=(4, -1)), "^X is a sparse.*check_format"),
    "end beyond": (ValueError, lambda: broken(indptr=(-1, 10**6)), "^X is a sparse.*check_format"),
    "start": (ValueError, lambda: broken(indptr=(0, 1)), "^X is a sparse.*check_format"),
    "falling": (ValueError, lambda: broken(indptr=(5, 40)), "^X is a sparse.*check_format"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_sparse_x_that_is_not_finite_numbers_is_refused_by_name(name):
    if name == "overflow" and np.finfo(np.longdouble).max == np.finfo(float).max:
        pytest.skip("long double is double here")
    error, make, words = BAD[name]
    X = make()
    for call in (lambda: fit(X, np.ones(N)), lambda: gdfast.stability(X), lambda: fit(matrix(), np.ones(N)).predict(X)):
        with pytest.raises(error, match=words):
            call()


def test_what_needs_a_dense_x_says_so():
    X = matrix()
    with pytest.raises(ValueError, match="solver='closed_form' needs a dense X"):
        fit(X, target(X), solver="closed_form")
    assert fit(X, target(X), solver="auto", epochs=100_000, learning_rate="auto", tol=1e-3).solver != "closed_form"
    with pytest.raises(TypeError, match=r"y is a sparse.*toarray"):
        fit(X, X[:, [0]])
    with pytest.raises(TypeError, match=r"X is a sparse.*toarray"):
        gdfast.compat.train(X, target(X), 0.1, 3)
    with pytest.raises(ValueError, match="y has shape"):
        fit(X, np.ones(N - 1))


def test_scipy_is_not_imported_for_dense_data(tmp_path):
    code = "import sys, gdfast; gdfast.fit([[1.0], [2.0]], [1.0, 2.0], backend='numpy'); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial"])
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 3.0])
@pytest.mark.parametrize("average", [True, 2])
def test_a_mean_of_iterates_that_is_put_off(average, alpha, loss, dtype, rng):
    """The compiled SGD takes a row's own coefficients alone; the mean is that of the plain loop wherever calls end."""
    X = sp.csr_matrix((rng.normal(size=(300, 30)) * (rng.random((300, 30)) < 0.15)).astype(dtype))
    z = X @ rng.normal(size=30) + 0.1 * rng.normal(size=300)
    y = {"squared_error": z, "log_loss": z > 0, "multinomial": np.arange(300) % 3}[loss]
    options = {"loss": loss, "batch_size": 1, "learning_rate": 0.2, "seed": 1, "average": average}
    options |= {"penalty": "l2", "alpha": alpha, "sample_weight": rng.random(300)}
    plain = gdfast.fit(X, y, epochs=5, backend="numpy", **options)
    for backend in (name for name in backends.BACKENDS if backends.why_unavailable(name) is None and name != "numba"):
        run = gdfast.fit(X, y, epochs=5, backend=backend, **options)
        tolerance = 1e-12 if dtype == np.float64 else 2e-6
        np.testing.assert_allclose(run.coef, plain.coef, rtol=0, atol=tolerance * abs(plain.coef).max())
        np.testing.assert_allclose(run.intercept, plain.intercept, rtol=10 * tolerance, atol=tolerance)
        again = gdfast.fit(X, y, epochs=3, backend=backend, **options).resume(2)
        assert again.coef.tobytes() == run.coef.tobytes()
