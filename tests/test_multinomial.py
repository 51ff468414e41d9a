"""loss="multinomial": several classes at once, against softmax descent written out in long double."""

import numpy as np
import pytest
from scipy import sparse

import gdfast

BACKENDS = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]


def draw(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    y[:k] = range(k)
    return rng.normal(size=(n, d)), y, rng.uniform(0.5, 1.5, n)


def spelled_out(X, Y, s, eta, orders, size, l2):
    """Return W, b and J after each epoch, in long double."""
    X, Y, s = (np.asarray(part, np.longdouble) for part in (X, Y, s / s.mean()))
    n, d = X.shape
    W, b = np.zeros((Y.shape[1], d), np.longdouble), np.zeros(Y.shape[1], np.longdouble)

    def probabilities(rows):
        z = X[rows] @ W.T + b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def objective():
        of_class = (probabilities(slice(None)) * Y).sum(axis=1)
        return float((s * -np.log(of_class)).mean() + l2 * (W * W).sum() / 2)

    costs = [objective()]
    for order in orders:
        for first in range(0, n, size):
            rows = order[first : first + size]
            G = (probabilities(rows) - Y[rows]) * s[rows, None] / len(rows)
            W, b = W - eta * (G.T @ X[rows] + l2 * W), b - eta * G.sum(axis=0)
        costs.append(objective())
    return W, b, np.array(costs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("shape", [(30, 2, 3), (300, 12, 7), (50, 3, 2)], ids=str)
def test_it_is_softmax_descent(shape, batch_size, l2, backend):
    X, y, s = draw(*shape)
    n, k = shape[0], shape[2]
    orders = [np.arange(n) if batch_size is None else gdfast.sample_order(n, 3, epoch) for epoch in range(4)]
    W, b, costs = spelled_out(X, np.eye(k)[y], s, 0.1, orders, batch_size or n, l2)
    for data in (X, sparse.csr_array(X)):
        run = gdfast.fit(
            data, np.array(list("abcdefg"))[y], loss="multinomial", batch_size=batch_size, epochs=4, learning_rate=0.1,
            seed=3, sample_weight=s, backend=backend, history="objective", penalty="l2" if l2 else None, alpha=l2,
        )  # fmt: skip
        assert run.coef.shape == (k, shape[1])
        np.testing.assert_allclose(run.coef, W.astype(float), rtol=0, atol=1e-12)
        np.testing.assert_allclose(run.intercept, b.astype(float), rtol=0, atol=1e-12)
        np.testing.assert_allclose(run.costs, costs, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_z_neither_overflow_nor_lose_the_loss(backend):
    X = np.array([[1000.0], [-1000.0], [0.0]])
    run = gdfast.fit(
        X, [0, 1, 2], loss="multinomial", epochs=1, learning_rate=1.0, backend=backend, coef_init=[[1.0], [-1.0], [0.0]]
    )
    np.testing.assert_allclose(run.costs[0], np.log(3) / 3, rtol=1e-14)  # the first two are certain, the last is not


@pytest.mark.skipif("cython" not in BACKENDS, reason="no compiled core here")
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("batch_size", [None, 1, 16])
def test_backends_agree_with_every_rule(optimizer, penalty, batch_size):
    X, y, s = draw(120, 5, 4)
    options = {"loss": "multinomial", "epochs": 5, "seed": 1, "optimizer": optimizer, "penalty": penalty, "alpha": 0.01}
    options |= {"learning_rate": 0.01, "batch_size": batch_size, "average": 2, "sample_weight": s}
    for data in (X, sparse.csr_array(X)):
        runs = [gdfast.fit(data, y, backend=backend, **options) for backend in ("cython", "numpy")]
        np.testing.assert_allclose(runs[0].coef, runs[1].coef, rtol=0, atol=1e-11)


@pytest.mark.skipif("cython" not in BACKENDS, reason="no compiled core here")
@pytest.mark.parametrize("data", [np.asarray, sparse.csr_array])
def test_threads_change_no_bit(data):
    X, y, _ = draw(5000, 9, 5)
    runs = [
        gdfast.fit(data(X), y, loss="multinomial", epochs=5, n_threads=count, backend="cython") for count in (1, 2, 5)
    ]
    assert len({run.coef.tobytes() for run in runs}) == 1


def test_a_run_predicts_is_saved_and_resumes(tmp_path):
    X, y, _ = draw(200, 4, 3)
    y = np.array(["x", "y", "z"])[np.argmax(X[:, :3] + 0.1 * y[:, None], axis=1)]
    run = gdfast.fit(X, y, loss="multinomial", epochs=300)
    assert (run.predict(X) == y).mean() > 0.9
    assert list(run.classes) == ["x", "y", "z"]
    run.save(tmp_path / "run.npz")
    loaded = gdfast.Run.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(loaded.predict(X), run.predict(X))
    np.testing.assert_array_equal(
        loaded.resume(5, X, y).coef, gdfast.fit(X, y, loss="multinomial", epochs=305).coef
    )  # fmt: skip
    assert "validation_cost" in gdfast.fit(X, y, loss="multinomial", validation=0.2, seed=0).history
    with pytest.raises(ValueError, match="labels are 'x', 'y' and 'z'"):
        gdfast.fit(X, y, loss="multinomial", validation=(X[:1], ["q"]))


def test_auto_rate_descends():
    X, y, _ = draw(100, 6, 4)
    costs = gdfast.fit(3.0 * X, y, loss="multinomial", epochs=200).costs
    assert (np.diff(costs) < 0).all()
    assert not gdfast.stability(X, y, loss="multinomial").is_limit


def test_numba_cannot_run_it_and_another_backend_is_chosen(monkeypatch):
    X, y, _ = draw(30, 2, 3)
    available = gdfast.backends.available()["numba"] is None
    error, message = (
        (ValueError, "cannot run 'multinomial'.*use cython or numpy") if available else (ImportError, "numba")
    )
    with pytest.raises(error, match=message):
        gdfast.fit(X, y, loss="multinomial", backend="numba")
    monkeypatch.setenv("GDFAST_BACKEND", "numba")
    with pytest.raises(error, match=message):
        gdfast.fit(X, y, loss="multinomial")
    monkeypatch.delenv("GDFAST_BACKEND")
    assert gdfast.fit(X, y, loss="multinomial", epochs=1).backend == BACKENDS[0]
