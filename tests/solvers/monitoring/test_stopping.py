"""Stopping rules on the cost and on the gradient."""

import numpy as np
import pytest

import gdfast


@pytest.mark.parametrize("batch_size", [None, 8])
def test_gradient_tol_stops_at_the_first_small_gradient(batch_size, X, Y):
    options = {"batch_size": batch_size, "solver": "loop", "learning_rate": 0.3, "epochs": 400, "seed": 1}
    run = gdfast.fit(X, Y, gradient_tol=0.05, record="gradient_norm", **options)
    A = np.column_stack([X, np.ones(40)])
    norm = np.linalg.norm(A.T @ (A @ np.append(run.coef, run.intercept) - Y) / 40)
    assert run.stop_reason == "gradient"
    assert run.history["gradient_norm"][-1] == pytest.approx(norm, rel=1e-9)
    assert run.history["gradient_norm"][-1] <= 0.05 < run.history["gradient_norm"][:-1].min()


@pytest.mark.numba_case(batch_size=8, history="objective")
@pytest.mark.parametrize("batch_size", [None, 1, 8])
@pytest.mark.parametrize("history", ["auto", "objective", "none"])
def test_tol_stops_where_a_plain_stopping_rule_stops(batch_size, history, backend, rng):
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    options = {"batch_size": batch_size, "learning_rate": 0.02, "seed": 3, "solver": "loop", "backend": backend}
    run = gdfast.fit(X, y, epochs=3000, tol=1e-4, patience=3, history=history, **options)
    kind = history if history != "none" else "auto"
    whole = gdfast.fit(X, y, epochs=run.epochs + 10, history=kind, **options)
    least, without = np.inf, 0
    for epoch, cost in zip(whole.cost_epochs, whole.costs, strict=True):  # noqa: B007
        without = without + 1 if cost > least - 1e-4 else 0
        least = min(least, cost)
        if without == 3:
            break
    assert without == 3
    assert (run.epochs, run.stop_reason) == (epoch, "tol")
    same = gdfast.fit(X, y, epochs=run.epochs, history=history, **options)
    assert run.coef.tobytes() == same.coef.tobytes()
    assert run.costs.tobytes() == same.costs.tobytes()
    assert (
        gdfast.fit(X, y, epochs=run.epochs - 1, tol=1e-4, patience=3, history=history, **options).stop_reason
        == "epochs"
    )
