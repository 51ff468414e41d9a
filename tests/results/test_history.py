"""What a history records: costs, iterates and gradient norms, in memory or in a file."""

import math

import numpy as np
import pytest

import gdfast
from gdfast.results import history


def test_gradient_norms_at_kinks_and_bounds(X, Y):
    options = {"penalty": "l1", "alpha": 0.4, "epochs": 20_000, "record": "gradient_norm", "solver": "loop"}
    assert gdfast.fit(X, Y, history_every=5000, **options).history["gradient_norm"][-1] < 1e-12
    bounded = gdfast.fit(X, Y, bounds=(-0.5, [0.3, 9, 9]), history_every=5000, **options)
    assert bounded.history["gradient_norm"][-1] < 1e-12
    assert bounded.coef[0] == 0.3
    assert bounded.coef[1] == -0.5
    assert gdfast.fit(X, Y, positive=True, epochs=50).coef.min() == 0.0


def test_records_are_the_iterates(X, Y):
    run = gdfast.fit(
        X, Y, learning_rate=gdfast.Exponential(0.1, 0.9), epochs=6, batch_size=5, seed=1, history="objective",
        record=("coef", "coef_norm", "learning_rate", "seconds"),
    )  # fmt: skip
    for epoch in range(1, 7):
        part = gdfast.fit(X, Y, learning_rate=gdfast.Exponential(0.1, 0.9), epochs=epoch, batch_size=5, seed=1)
        point = run.at(epoch)
        np.testing.assert_array_equal(point.coef, part.coef)
        assert (point.intercept, point.cost) == (part.intercept, part.cost)
        assert run.history["coef_norm"][epoch] == pytest.approx(np.linalg.norm(part.coef))
        assert run.history["learning_rate"][epoch] == pytest.approx(0.1 * 0.9 ** (epoch - 1))
    assert math.isnan(run.history["learning_rate"][0])
    assert (np.diff(run.history["seconds"]) >= 0).all()
    assert set(map(len, run.history.values())) == {7}
    running = gdfast.fit(X, Y, epochs=3, batch_size=5, record="coef_norm").history
    assert running["epoch"].tolist() == [0, 1, 2, 3]
    assert math.isnan(running["cost"][0])


def test_recorded_coefficients_spill_into_a_file(monkeypatch, X, Y):
    """A history larger than the memory allowed for it is a map, with the same rows; thinned and continued, too."""
    options = {"learning_rate": 0.05, "record": ("coef",), "history_limit": 150, "backend": "numpy"}
    within_memory = gdfast.fit(X, Y, epochs=200, **options).resume(40).history  # joined when it is asked for
    monkeypatch.setattr(history, "SPILL_BYTES", 500)
    spilled = gdfast.fit(X, Y, epochs=200, **options).resume(40)
    assert isinstance(spilled.history["coef"], np.memmap)
    assert not isinstance(within_memory["coef"], np.memmap)
    for name, column in within_memory.items():
        np.testing.assert_array_equal(column, spilled.history[name])


@pytest.mark.numba_case(batch_size=7, history_every="log")
@pytest.mark.parametrize("history_every", [1, 3, "log"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_stochastic_objective_is_j_at_each_recorded_epoch(backend, batch_size, history_every, X, Y):
    """The J that kernels find where an epoch ends is the J of coef there."""
    options = {"penalty": "elasticnet", "alpha": 0.1, "batch_size": batch_size, "learning_rate": 0.01, "seed": 3}
    options |= {"sample_weight": np.arange(1.0, 41.0), "backend": backend}
    run = gdfast.fit(X, Y, epochs=11, history="objective", history_every=history_every, **options)
    assert run.cost == run.costs[-1]
    for epoch, cost in zip(run.cost_epochs.tolist()[1:], run.costs[1:], strict=True):
        assert gdfast.fit(X, Y, epochs=epoch, **options).cost == pytest.approx(cost, rel=1e-14)
