"""Validation data: the best epoch, early stopping, and a fraction drawn from the seed."""

import math

import numpy as np
import pytest

import gdfast


def test_validation_chooses_the_best_epoch(backend, X, Y):
    options = {"learning_rate": 0.02, "epochs": 80, "backend": backend, "optimizer": "momentum"}
    run = gdfast.fit(X[:20], Y[:20], validation=(X[20:], Y[20:]), **options)
    costs = run.history["validation_cost"]
    z = X[20:] @ run.coef + run.intercept
    assert costs[-1] == pytest.approx(0.5 * np.mean((z - Y[20:]) ** 2), rel=1e-12)
    assert len(costs) == 81
    assert run.best_epoch == int(np.argmin(costs))
    best = gdfast.fit(X[:20], Y[:20], validation=(X[20:], Y[20:]), restore_best=True, **options)
    then = gdfast.fit(X[:20], Y[:20], **{**options, "epochs": run.best_epoch}, solver="loop")
    np.testing.assert_array_equal(best.coef, then.coef)
    np.testing.assert_array_equal(best.last_coef, run.coef)


@pytest.mark.parametrize(
    ("tol", "patience", "expected"), [(0.0, 1, "validation"), (0.0, 500, "epochs"), (1e-3, 4, "validation")]
)
def test_validation_stops_after_patience_epochs_in_a_row(tol, patience, expected, X, Y):
    options = {"learning_rate": 0.05, "epochs": 400, "validation": (X[20:], Y[20:]), "optimizer": "momentum"}
    costs = gdfast.fit(X[:20], Y[:20], **options).history["validation_cost"]
    lowest, missed, last = math.inf, 0, 400
    for epoch, cost in enumerate(costs):
        missed = missed + 1 if cost > lowest - tol else 0
        lowest = min(lowest, cost)
        if missed == patience:
            last = epoch
            break
    stopped = gdfast.fit(X[:20], Y[:20], tol=tol, patience=patience, **options)
    assert (stopped.stop_reason, stopped.epochs) == (expected, last)


def test_validation_fraction_is_drawn_from_the_seed(X, Y, labels):
    run = gdfast.fit(X, Y, validation=0.25, seed=9, epochs=7)
    repeated = gdfast.fit(X, Y, validation=0.25, seed=9, epochs=7)
    np.testing.assert_array_equal(run.validation_rows, repeated.validation_rows)
    assert len(run.validation_rows) == 10
    train_rows = np.setdiff1d(np.arange(40), run.validation_rows)
    plain = gdfast.fit(X[train_rows], Y[train_rows], epochs=7, solver="loop", learning_rate=run.learning_rate)
    np.testing.assert_array_equal(run.coef, plain.coef)
    rows = gdfast.fit(X, labels, loss="log_loss", validation=0.25, seed=9, epochs=2).validation_rows
    np.testing.assert_array_equal(rows, run.validation_rows)
