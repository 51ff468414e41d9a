"""The rates of the updates that come next, and of the last one."""

import math

import numpy as np
import pytest

import gdfast
from gdfast.solvers.loop.backtracking import Backtracking
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.loop.rates import Rates

DECAY = gdfast.InverseTime(0.5, 0.25)
BY_STEP = gdfast.InverseTime(0.5, 0.25, by="step")


def decayed(t):
    return 0.5 / (1 + 0.25 * t)


@pytest.fixture
def make_rates(prepared, start):
    """Return a function of the updates done, the halvings and fit's options: 40 rows, so 6 batches of 7."""

    def make(done=0, halvings=0, **options):
        problem, plan = prepared(**options)
        state, backtracking = start(problem, plan), Backtracking(True)
        state.advance(done)
        backtracking.halvings = halvings
        return Rates(plan, state, CostRules(plan), backtracking)

    return make


@pytest.mark.parametrize(("batch_size", "per_epoch"), [(None, 1), (7, 6), (1, 40)])
@pytest.mark.parametrize("done", [0, 1, 5, 6, 13, 80])
@pytest.mark.parametrize("steps", [1, 5, 6, 7, 100])
def test_rates_by_epoch_are_those_of_the_epochs_that_the_updates_lie_in(make_rates, batch_size, per_epoch, done, steps):
    taken = make_rates(done, batch_size=batch_size, learning_rate=DECAY).take(steps)
    epochs = sorted({update // per_epoch for update in range(done, done + steps)})
    np.testing.assert_allclose(taken, decayed(np.array(epochs)), rtol=1e-15)


@pytest.mark.parametrize("done", [0, 1, 6, 13])
def test_rates_by_step_are_those_of_the_updates(make_rates, done):
    updates = np.arange(done, done + 9)
    np.testing.assert_allclose(make_rates(done, batch_size=7, learning_rate=BY_STEP).take(9), decayed(updates))
    np.testing.assert_allclose(make_rates(done, learning_rate=BY_STEP).take(9), decayed(updates))


@pytest.mark.parametrize(
    ("learning_rate", "values"),
    [(0.3, [0.3] * 3), (np.linspace(1.0, 0.01, 100), [0.99, 0.98, 0.97]), (lambda epoch: epoch + 0.5, [1.5, 2.5, 3.5])],
    ids=["constant", "array", "callable"],
)
def test_rates_come_from_what_was_given_and_are_halved(make_rates, learning_rate, values):
    rates = make_rates(1, learning_rate=learning_rate)
    np.testing.assert_allclose(rates.take(3), values, rtol=1e-14)
    halved = make_rates(1, halvings=3, learning_rate=learning_rate)
    np.testing.assert_array_equal(8 * halved.take(3), rates.take(3))
    assert 8 * halved.last() == rates.last()


def test_on_a_plateau_every_update_has_the_rate_that_the_costs_have_led_to(make_rates):
    rates = make_rates(3, halvings=1, batch_size=7, learning_rate=gdfast.ReduceOnPlateau(0.4, 0.5, 0))
    assert rates.last() == 0.2
    assert rates.take(9).tolist() == [0.2, 0.2]
    assert rates.rules.update(1, np.array([1.0, 1.0])) == 2
    assert rates.last() == 0.2  # no update has had the lower one
    assert rates.take(4).tolist() == [0.1, 0.1]
    assert rates.last() == 0.1


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("done", [0, 1, 5, 6, 7, 12, 13])
def test_the_last_rate_is_that_of_the_update_before(make_rates, batch_size, done):
    before = max(0, done - 1)
    epoch = before if batch_size is None else before // 6
    assert math.isclose(make_rates(done, batch_size=batch_size, learning_rate=DECAY).last(), decayed(epoch))
    assert math.isclose(make_rates(done, batch_size=batch_size, learning_rate=BY_STEP).last(), decayed(before))
    assert make_rates(done, batch_size=batch_size, learning_rate=DECAY).last() == make_rates(
        before, batch_size=batch_size, learning_rate=DECAY
    ).take(1)


def test_a_plateau_s_last_rate_before_the_first_update_is_the_first(make_rates):
    assert make_rates(learning_rate=gdfast.ReduceOnPlateau(0.4)).last() == 0.4
    assert math.isnan(make_rates(learning_rate=0.4).plateau_rate)


def test_a_plateaus_last_rate_is_the_one_before_it_fell(make_descent):
    descent = make_descent(learning_rate=gdfast.ReduceOnPlateau(0.1, 0.5, 0, threshold=0.9))
    descent.chunks.size = 1
    descent.run_chunk(1)
    descent.run_chunk(2)
    assert descent.rules.plateau.rate == 0.05
    assert descent.rates.last() == 0.1
    descent.run_chunk(3)
    assert descent.rates.last() == 0.05


def test_a_plateau_does_not_raise_the_rate():
    rate = gdfast.ReduceOnPlateau(0.05, 0.5, patience=1, threshold=0.9, min_rate=0.2)
    run = gdfast.fit([[0.0], [1.0]], [0.0, 1.0], epochs=9, learning_rate=rate, solver="loop", record="learning_rate")
    assert set(run.history["learning_rate"][1:]) == {0.05}
