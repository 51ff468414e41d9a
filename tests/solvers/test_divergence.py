"""on_divergence="backtrack" halves a learning rate that diverges."""

import numpy as np
import pytest

import gdfast

IGNORE_STABILITY = pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore::gdfast.DivergenceWarning")


@pytest.mark.numba_case(batch_size=6, optimizer="momentum")
@IGNORE_STABILITY
@pytest.mark.parametrize("batch_size", [None, 1, 6])
@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_backtracking_halves_the_rate_until_it_holds(batch_size, optimizer, backend, X, Y, assert_same):
    options = {"batch_size": batch_size, "optimizer": optimizer, "seed": 1, "backend": backend}
    run = gdfast.fit(
        X, Y, learning_rate=50.0, epochs=1500, on_divergence="backtrack", record="learning_rate", **options
    )
    assert run.stop_reason == "epochs"
    assert run.diverged_at is not None
    assert run.epochs == 1500
    assert np.isfinite(run.costs[1:]).all()
    halvings = np.log2(50.0 / run.history["learning_rate"][-1])
    assert halvings == round(halvings) >= 1
    assert np.array_equal(run.cost_epochs, np.arange(1501))
    first = gdfast.fit(
        X, Y, learning_rate=50.0, epochs=700, on_divergence="backtrack", record="learning_rate", **options
    )
    assert_same(first.resume(800), run)
