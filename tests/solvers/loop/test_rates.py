import numpy as np
import pytest

import gdfast


def test_rates_are_by_epoch_unless_the_schedule_counts_steps(make_descent):
    by_epoch = make_descent(batch_size=7, learning_rate=gdfast.InverseTime(0.1, 1.0))
    assert by_epoch.rates.take(12).tolist() == [0.1, 0.1 / 2, 0.1 / 3]  # 5 updates an epoch
    by_step = make_descent(batch_size=7, learning_rate=gdfast.InverseTime(0.1, 1.0, by="step"))
    assert by_step.rates.take(3).tolist() == [0.1, 0.1 / 2, 0.1 / 3]
    full = make_descent(learning_rate=gdfast.InverseTime(0.1, 1.0, by="step"))
    assert full.rates.take(2).tolist() == [0.1, 0.1 / 2]


def test_within_an_epoch_the_rate_is_that_epochs(make_descent):
    descent = make_descent(batch_size=7, learning_rate=gdfast.InverseTime(0.1, 1.0))
    descent.state.advance(8)
    assert (descent.state.epoch, descent.state.position) == (1, 3)
    assert descent.rates.take(2).tolist() == [0.1 / 2]
    assert descent.rates.take(3).tolist() == [0.1 / 2, 0.1 / 3]


@pytest.mark.parametrize("rate", [0.1, gdfast.Exponential(0.1, 0.9), np.linspace(0.1, 0.05, 50), lambda epoch: 0.1])
def test_halved_rates_are_exact_halves(make_descent, rate):
    descent, halved = make_descent(learning_rate=rate), make_descent(learning_rate=rate)
    halved.backtracking.halvings = 3
    assert (8 * halved.rates.take(9)).tolist() == descent.rates.take(9).tolist()


def test_the_last_rate_is_that_of_the_last_update(make_descent):
    descent = make_descent(batch_size=7, learning_rate=gdfast.InverseTime(0.1, 1.0))
    assert descent.rates.last() == 0.1
    for steps, expected in ((3, 0.1), (2, 0.1), (1, 0.1 / 2), (4, 0.1 / 2)):
        descent.state.advance(steps)
        assert descent.rates.last() == expected
    by_step = make_descent(batch_size=7, learning_rate=gdfast.InverseTime(0.1, 1.0, by="step"))
    by_step.state.advance(4)
    assert by_step.rates.last() == 0.1 / 4


def test_a_plateaus_last_rate_is_the_one_before_it_fell(make_descent):
    descent = make_descent(learning_rate=gdfast.ReduceOnPlateau(0.1, 0.5, 0, threshold=0.9))
    descent.chunks.size = 1
    descent.run_chunk(1)
    descent.run_chunk(2)
    assert descent.rules.plateau.rate == 0.05
    assert descent.rates.last() == 0.1
    descent.run_chunk(3)
    assert descent.rates.last() == 0.05
