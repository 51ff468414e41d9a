import numpy as np
import pytest

from gdfast.solvers.loop.recording import Recorder


@pytest.fixture
def make_recorder(make_descent):
    def make(**options):
        descent = make_descent(**options)
        return Recorder(descent.plan, descent.observer.recorder.data)

    return make


def test_the_last_two_costs_are_known(make_recorder):
    recorder = make_recorder()
    assert recorder.last_cost is None
    recorder.add(0, np.array([5.0, 4.0, 3.0]))
    assert recorder.latest == {1: 4.0, 2: 3.0}
    recorder.add(3, np.array([2.0]))
    assert recorder.latest == {2: 3.0, 3: 2.0}
    recorder.add(4, np.array([np.nan, 1.0]))  # a cost that was not computed
    assert recorder.latest == {5: 1.0}
    assert recorder.last_cost == 1.0


def test_costs_are_recorded_on_the_grid(make_recorder):
    recorder = make_recorder(history_every=3)
    recorder.add(0, np.array([5.0, 4.0]))
    recorder.add(2, np.array([3.0, 2.0, 1.0]))
    assert recorder.history.epochs().tolist() == [0, 3]
    assert recorder.history.costs().tolist() == [5.0, 2.0]


@pytest.mark.parametrize(
    ("options", "stops"),
    [
        ({}, [None] * 4),
        ({"record": "coef"}, [1, 2, 3, 4]),
        ({"record": "coef", "history_every": 3}, [1, 3, 3, 6]),
        ({"record": "coef", "history": "none"}, [None] * 4),
        ({"validation": 0.2, "history_every": 2}, [1, 2, 4, 4]),
    ],
)
def test_rows_of_more_than_the_cost_are_made_where_their_epoch_ends(make_recorder, options, stops):
    recorder = make_recorder(**options)
    found = [recorder.next_stop(0)]
    if recorder.history is not None:
        recorder.history.first = 0
    assert found + [recorder.next_stop(epoch) for epoch in (1, 2, 3)] == stops
    assert recorder.due(0) is (recorder.by_rows and recorder.history is not None)


@pytest.mark.parametrize(
    ("options", "every", "shown", "expected"),
    [
        ({"history": "objective"}, False, False, [1, 1, 1, 1]),
        ({"history": "objective", "history_every": 2}, False, False, [0, 1, 0, 1]),
        ({"history": "objective", "history_every": 2}, True, False, [1, 1, 1, 1]),
        ({"history": "running"}, False, False, []),
        ({"history": "none"}, False, False, [0, 0, 0, 0]),
        ({"history": "none"}, True, False, []),
        ({"history": "none"}, False, True, []),
    ],
)
def test_kernels_compute_the_costs_that_are_read(make_recorder, options, every, shown, expected):
    recorder = make_recorder(batch_size=7, **options)
    assert recorder.wanted(1, 4, every, shown).tolist() == expected


def test_a_row_has_what_was_asked_for(make_recorder):
    recorder = make_recorder(record=("coef", "coef_norm", "learning_rate"))
    recorder.latest = {3: 0.5}
    row = recorder.row(3, np.array([[3.0, 4.0, 0.0, 0.0]]), np.array([2.0]), {"learning_rate": 0.1, "seconds": 1.0})
    assert {name: value for name, value in row.items() if name != "coef"} == {
        "cost": 0.5,
        "coef_norm": 5.0,
        "learning_rate": 0.1,
        "intercept": 2.0,
    }
    assert row["coef"].tolist() == [3.0, 4.0, 0.0, 0.0]
    assert np.isnan(recorder.row(4, np.ones((1, 4)), np.ones(1), {"learning_rate": 0.1})["cost"])


def test_a_last_row_off_the_grid_is_left_out_where_training_is_resumed(make_recorder):
    recorder, resumed = make_recorder(history_every=4), make_recorder(history_every=4)
    recorder.add(0, np.arange(6.0))
    recorder.history.close(5, {"cost": 5.0})
    assert recorder.history.epochs().tolist() == [0, 4, 5]
    resumed.restore(recorder.state(), {5: 5.0}, recorder.history.table())
    resumed.add(5, np.arange(5.0, 9.0))
    assert resumed.history.epochs().tolist() == [0, 4, 8]
    assert recorder.history.epochs().tolist() == [0, 4, 5]
