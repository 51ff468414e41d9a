import numpy as np
import pytest

import gdfast
from gdfast.solvers.loop.averaging import AveragingStart


def test_a_chunk_ends_where_averaging_begins():
    start = AveragingStart(7)
    assert [start.next_stop(epoch) for epoch in (0, 6, 7, 8)] == [7, 7, None, None]
    assert AveragingStart(None).next_stop(0) is None


@pytest.mark.parametrize("batch_size", [None, 7])
def test_coef_is_the_mean_of_the_iterates_after_the_start(make_descent, batch_size):
    descent = make_descent(batch_size=batch_size, average=2)
    iterates = []
    while descent.state.epoch < 5:
        descent.chunks.size = 1
        descent.run_chunk(5 if descent.state.epoch >= 2 else 2)
        if descent.state.epoch > 2 or (descent.state.epoch == 2 and descent.state.position):
            iterates.append(descent.state.W.copy())
    np.testing.assert_allclose(descent.state.estimate()[0], np.mean(iterates, axis=0), rtol=1e-13)
    assert descent.state.count == len(iterates) == 3 * descent.state.steps_per_epoch


def test_averaging_begins_once(make_descent):
    descent = make_descent(average=gdfast.EMA(0.9, 1))
    start = descent.averaging
    start.begin(descent.state)
    assert descent.state.count == -1
    descent.state.epoch = 1
    start.begin(descent.state)
    assert descent.state.count == 0
    descent.state.count = 5
    start.begin(descent.state)
    assert descent.state.count == 5
