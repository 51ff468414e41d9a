import dataclasses
import pickle

import numpy as np
import pytest

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.results.history import Recorded
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.prepare import prepare


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("callbacks", [(), 3])
def test_a_chunk_ends_at_the_nearest_stop(make_descent, batch_size, callbacks):
    class Monitor:
        def next_stop(self, epoch):
            return (epoch // callbacks + 1) * callbacks if callbacks else None

    descent = make_descent(batch_size=batch_size, epochs=10, average=4)
    stops = []
    while not descent.finished():
        stops.append(descent.next_stop(Monitor()))
        descent.chunks.size = 10**6
        descent.run_chunk(stops[-1])
        assert descent.state.epoch == stops[-1]
    assert stops == ([4, 10] if callbacks == () else [3, 4, 6, 9, 10])


@pytest.mark.parametrize("batch_size", [1, 7])
def test_an_epoch_that_was_cut_off_and_diverges_is_left_out_whole(data, batch_size):
    options = {**DEFAULTS, "learning_rate": 30.0, "seed": 1, "epochs": 400, "batch_size": batch_size}
    problem, plan = prepare(np.tile(data[0], (20, 1)), np.tile(data[1], 20), None, options)

    def diverge(loop):
        while loop.descent.reason is None:
            loop.descent.chunks.size = 1
            loop.descent.run_chunk(400)
        return loop.descent

    whole = diverge(Loop(problem, plan))
    cut = Loop(problem, plan)
    while (cut.state.epoch, cut.state.position > 0) != (whole.state.epoch, True):
        cut.descent.chunks.size = 1
        cut.descent.run_chunk(400)
    resumed = Loop(problem, plan)
    resumed.restore(cut.saved_state(), cut.descent.recorder.history.table())
    resumed = diverge(resumed)
    assert whole.diverged_at == resumed.diverged_at == whole.state.epoch + 1
    assert resumed.state.W.tobytes() == whole.state.W.tobytes()
    assert resumed.state.steps == whole.state.steps


def test_the_state_that_was_saved_is_not_written_to(make_descent):
    descent = make_descent(batch_size=7, optimizer="adam")
    descent.run_chunk(3)
    saved = descent.snapshot()
    kept = {name: np.copy(value) for name, value in saved["state"].items()}
    descent.run_chunk(9)
    descent.restore(saved)
    descent.run_chunk(9)
    for name, value in saved["state"].items():
        np.testing.assert_array_equal(value, kept[name])


@pytest.mark.parametrize("pickled", [False, True])
def test_backtracking_to_an_epoch_that_was_cut_off_gives_the_bits_of_one_fit(data, pickled):
    """The costs fall in epochs 1 to 4 and explode after; training is cut off within one of them."""
    X, y = np.tile(data[0], (20, 1)), np.tile(data[1], 20)
    rates = np.array([1e-3] * 4 + [1e3] * 8)
    options = {"learning_rate": rates, "batch_size": 1, "seed": 0, "on_divergence": "backtrack", "backend": "numpy"}
    problem, plan = prepare(X, y, None, {**DEFAULTS, **options, "epochs": 12})
    whole = gdfast.fit(X, y, epochs=12, **options)
    assert whole.diverged_at is not None
    for epoch in (1, 3, 4):
        cut = Loop(problem, plan)
        cut.descent.begin()
        while (cut.state.epoch, cut.state.position > 0) != (epoch, True):
            cut.descent.chunks.size = 1
            cut.descent.run_chunk(12)
        run = dataclasses.replace(
            gdfast.fit(X, y, epochs=1, **options),
            state=cut.saved_state(),
            epochs=epoch,
            steps=cut.state.steps,
            stop_reason=gdfast.StopReason.INTERRUPTED,
            history_source=Recorded(cut.descent.recorder.history.table()),
        )
        run = pickle.loads(pickle.dumps(run)) if pickled else run
        resumed = run.resume(12 - epoch, X, y)
        assert resumed.coef.tobytes() == whole.coef.tobytes()
        assert resumed.costs.tobytes() == whole.costs.tobytes()
        assert resumed.cost_epochs.tolist() == whole.cost_epochs.tolist()
        assert (resumed.epochs, resumed.steps) == (whole.epochs, whole.steps)
