"""SGD of gdfast.fit and of gdfast.sklearn, whose kernels are not the same, against one plain loop.

At a constant rate and without an average they do the same updates, save for two conventions of scikit-learn on sparse
rows: l1 draws only the coefficients of the row, and the intercept takes a hundredth of its step.
"""

import numpy as np
import pytest
from scipy import sparse

import gdfast

pytest.importorskip("sklearn")
models = pytest.importorskip("gdfast.sklearn")

N, D, EPOCHS, RATE, L1_RATIO = 300, 6, 3, 0.05, 0.3
GRADIENTS = {"squared_error": lambda y, z: z - y, "log_loss": lambda y, z: -y / (1.0 + np.exp(y * z))}
PENALTIES = {None: (0.0, 0.0), "l2": (1.0, 0.0), "l1": (0.0, 1.0), "elasticnet": (1.0 - L1_RATIO, L1_RATIO)}
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


def drawn(w, applied, total):
    """Return w drawn towards zero, and not past it, by what is left of the total of l1 (Tsuruoka et al., 2009)."""
    if w > 0:
        return max(0.0, w - (total + applied))
    return min(0.0, w + (total - applied)) if w < 0 else w


def plain_loop(X, y, weights, loss, l2, l1, *, scikit_learn, is_sparse):
    """Return the coefficients and the intercept after EPOCHS epochs in the order of the rows."""
    w, applied, b, total = np.zeros(D), np.zeros(D), 0.0, 0.0
    for _ in range(EPOCHS):
        for x, target, weight in zip(X, y, weights, strict=True):
            u = -RATE * weight * GRADIENTS[loss](target, x @ w + b)
            w = (1.0 - RATE * l2) * w + u * x
            b += u * (0.01 if scikit_learn and is_sparse else 1.0)
            total += RATE * l1
            for j in range(D if l1 > 0 else 0):
                if x[j] != 0 or not (scikit_learn and is_sparse):
                    old, w[j] = w[j], drawn(w[j], applied[j], total)
                    applied[j] += w[j] - old
    return np.append(w, b)


def by_fit(X, y, weights, loss, penalty, alpha):
    """Return the iterate of gdfast.fit."""
    run = gdfast.fit(
        X, y, loss=loss, penalty=penalty, alpha=alpha, l1_ratio=L1_RATIO, batch_size=1, epochs=EPOCHS,
        learning_rate=RATE, shuffle=False, sample_weight=weights, solver="loop",
    )  # fmt: skip
    return np.append(run.coef, run.intercept)


def by_sklearn(X, y, weights, loss, penalty, alpha):
    """Return the iterate of gdfast.sklearn."""
    kind = models.SGDRegressor if loss == "squared_error" else models.SGDClassifier
    model = kind(
        loss=loss, penalty=penalty, alpha=alpha or 1e-4, l1_ratio=L1_RATIO, max_iter=EPOCHS, tol=None, shuffle=False,
        learning_rate="constant", eta0=RATE,
    ).fit(X, y, sample_weight=weights)  # fmt: skip
    return np.append(model.coef_, model.intercept_)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("alpha", [0.02, 1.0], ids=["weak", "strong"])  # strong: the scale of l2 is folded
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", GRADIENTS)
@pytest.mark.parametrize("layout", ["dense", "CSR"])
def test_fit_and_sklearn_do_the_updates_of_one_plain_loop(layout, loss, penalty, alpha, dtype):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(N, D)) * (rng.random((N, D)) < 0.5)
    X = X.astype(dtype).astype(np.float64)
    y = X @ rng.normal(size=D) + 0.3 * rng.normal(size=N) + 0.5
    y = y.astype(dtype).astype(np.float64) if loss == "squared_error" else np.where(y > 0, 1.0, -1.0)
    weights = np.tile([0.5, 1.5, 1.0], N // 3)  # their mean is 1, by which gdfast.fit divides them
    rows = sparse.csr_array(X.astype(dtype)) if layout == "CSR" else X.astype(dtype)
    alpha = alpha if penalty else 0.0
    l2, l1 = (alpha * part for part in PENALTIES[penalty])
    for run in (by_fit, by_sklearn):
        conventions = {"scikit_learn": run is by_sklearn, "is_sparse": layout == "CSR"}
        expected = plain_loop(X, y, weights, loss, l2, l1, **conventions)
        found = run(rows, y, weights, loss, penalty, alpha)
        assert np.abs(found - expected).max() <= TOLERANCES[dtype] * np.abs(expected).max(), run.__name__
