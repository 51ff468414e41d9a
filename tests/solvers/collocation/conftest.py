"""The plain loop in extended precision, and problems to compare it on."""

from types import SimpleNamespace

import numpy as np
import pytest

Long = np.longdouble


def log_softmax(Z):
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


# Of targets and z, (n, k) each: the values, whose sum over outputs is a row's loss, and their derivatives.
LOSSES = {
    "squared_error": lambda y, z: ((z - y) ** 2 / 2, z - y),
    "log_loss": lambda y, z: (np.logaddexp(0, -y * z), -y / (1 + np.exp(y * z))),
    "multinomial": lambda y, z: (-y * log_softmax(z), np.exp(log_softmax(z)) - y),
    "poisson": lambda y, z: (np.exp(z) - y * z, np.exp(z) - y),
    "gamma": lambda y, z: (y * np.exp(-z) - 1 - np.log(y) + z, 1 - y * np.exp(-z)),
    "tweedie": lambda y, z: (
        -4 * np.sqrt(y) + 2 * y * np.exp(-z / 2) + 2 * np.exp(z / 2),
        np.exp(z / 2) - y * np.exp(-z / 2),
    ),
}


def plain_loop(X, Y, loss, rates, *, l2=0.0, weights=None, intercept=True, mu=0.0, nesterov=False):
    """Return the parameters (k, d + 1) after the last epoch, and the costs of all epochs."""
    n, d = X.shape
    A = np.column_stack([X, np.full(n, float(intercept))]).astype(Long)
    Y = Y.astype(Long)
    s = np.ones((n, 1), Long) if weights is None else (weights / weights.sum() * n).astype(Long)[:, None]
    W, M = np.zeros((Y.shape[1], d + 1), Long), 0.0
    D = Long(l2) * (np.arange(d + 1) < d)
    costs = []
    for rate in [*rates, None]:
        values, R = LOSSES[loss](Y, A @ W.T)
        costs.append((s * values).sum() / n + (D * W * W).sum() / 2)
        if rate is not None:
            G = (s * R).T @ A / n + D * W
            M = Long(mu) * M + G
            W = W - Long(rate) * (G + Long(mu) * M if nesterov else M)
    return W, np.array(costs)


def problem(loss, seed=0, n=25, d=2):
    """Return X, y as fit takes it, and the targets of the plain loop."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * rng.uniform(0.5, 2.0, d) + 0.3
    z = X @ rng.normal(size=d) + rng.logistic(size=n) / 2
    if loss == "log_loss":
        y = (z > np.median(z)).astype(int)
        return X, y, (2.0 * y - 1)[:, None]
    if loss == "multinomial":
        y = np.digitize(z, np.quantile(z, [0.3, 0.7]))
        return X, y, np.eye(3)[y]
    y = {"squared_error": z, "gamma": np.exp(z / 3) + 0.01}.get(loss, rng.poisson(np.exp(z / 3)).astype(float))
    return X, y, y[:, None]


@pytest.fixture
def plain():
    """Return what the tests need of the plain loop."""
    return SimpleNamespace(loop=plain_loop, problem=problem, losses=tuple(LOSSES))
