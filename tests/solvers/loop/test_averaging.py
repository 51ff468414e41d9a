"""When averaging begins, and that coef is then the mean of the iterates after each update."""

from types import SimpleNamespace

import numpy as np
import pytest

import gdfast
from gdfast.solvers.loop.averaging import AveragingStart


@pytest.mark.parametrize(("begins", "stops"), [(None, [None] * 4), (0, [None] * 4), (2, [2, 2, None, None])])
def test_a_chunk_must_end_where_averaging_begins(begins, stops):
    assert [AveragingStart(begins).next_stop(epoch) for epoch in range(4)] == stops


@pytest.mark.parametrize("begins", [None, 0, 3])
def test_the_mean_begins_once_where_its_epoch_has_ended(begins):
    begun, averaging = [], AveragingStart(begins)
    for epoch, position in [(0, 0), (0, 0), (2, 0), (2, 1), (3, 0), (3, 0), (3, 1), (4, 0)]:
        state = SimpleNamespace(epoch=epoch, position=position, count=len(begun) - 1)
        state.begin_mean = lambda where=(epoch, position): begun.append(where)
        averaging.begin(state)
    assert begun == ([] if begins is None else [(begins, 0)])


def test_the_mean_does_not_begin_within_an_epoch():
    AveragingStart(3).begin(SimpleNamespace(epoch=3, position=1, count=-1))  # which has no begin_mean to call


@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("begins", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_coef_is_the_mean_of_the_iterates(make_chunks, run_chunk, quick_backend, batch_size, begins, decay):
    options = {"batch_size": batch_size, "optimizer": "momentum", "backend": quick_backend}
    chunks = make_chunks(average=begins if decay is None else gdfast.EMA(decay, begins), **options)
    state, averaging = chunks.state, AveragingStart(chunks.plan.average_from)
    while state.epoch < 5:
        averaging.begin(state)
        done = state.steps
        run_chunk(chunks, averaging.next_stop(state.epoch) or 5)
        assert state.steps > done
        if state.epoch == begins:  # where no iterate is in the mean yet
            np.testing.assert_array_equal(state.estimate()[0], state.W)
    other = make_chunks(**options)  # without averaging, update by update
    first, iterates = begins * state.steps_per_epoch, [np.zeros(4)]
    while other.state.epoch < 5:
        run_chunk(other, 5, 1)
        iterates.append(np.append(other.state.W, other.state.b))
    mean = iterates[first]
    for iterate in iterates[first + 1 :]:
        mean = (decay or 0.0) * mean + (1.0 - (decay or 0.0)) * iterate
    expected = np.mean(iterates[first + 1 :], axis=0) if decay is None else mean
    np.testing.assert_allclose(np.append(*state.estimate()), expected, rtol=1e-12)
    assert state.count == len(iterates) - 1 - first
