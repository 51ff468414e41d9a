"""on_divergence="backtrack" halves a learning rate that diverges."""

import numpy as np
import pytest

import gdfast

IGNORE_STABILITY = pytest.mark.filterwarnings("ignore::gdfast.StabilityWarning", "ignore::gdfast.DivergenceWarning")


def test_no_warning_before_training_where_backtracking_halves_the_rate(X, Y):
    """The costs overflow within the epochs asked for: the rate is halved, and they end low."""
    run = gdfast.fit(X, Y, learning_rate=5.0, epochs=1500, on_divergence="backtrack")  # warnings are errors here
    assert run.diverged_at is not None
    assert run.cost < run.costs[0]


def test_a_cost_that_grows_after_the_rate_was_halved_is_warned_of(X, Y):
    """The rate that backtracking ends with is too high for the costs to fall, and too low for them to overflow."""
    with pytest.warns(gdfast.DivergenceWarning, match="the cost is growing at learning_rate=1.5"):
        run = gdfast.fit(X, Y, learning_rate=50.0, epochs=1500, on_divergence="backtrack")
    assert run.diverged_at is not None
    assert run.stop_reason == "epochs"
    assert run.cost > 1000 * run.costs[0]


def test_a_warning_where_backtracking_comes_too_late(X, Y):
    """The costs grow, and do not overflow within the epochs asked for, so that the rate is never halved."""
    message = r"overflow in epoch \d+, where backtracking halves the rate, and not before\. Lower it"
    with pytest.warns(gdfast.StabilityWarning, match=message), pytest.warns(gdfast.DivergenceWarning, match="growing"):
        run = gdfast.fit(X, Y, learning_rate=50.0, epochs=60, on_divergence="backtrack")
    assert run.diverged_at is None


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
