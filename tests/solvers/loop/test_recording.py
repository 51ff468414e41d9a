"""What is kept of the costs, which epochs become rows, and which costs the kernels are asked for."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.loop.recording import Recorder
from gdfast.solvers.prepare import prepare

X, Y = [[1.0, 0.0], [2.0, 1.0], [4.0, 3.0]], [1.0, 2.0, 5.0]
COSTS = st.lists(st.floats(0.0, 3.0) | st.just(np.nan), max_size=20)
CUTS = st.lists(st.integers(0, 20), max_size=6)


def recorder(**options):
    options = DEFAULTS | {"learning_rate": 0.1, "backend": "numpy"} | options
    problem, plan = prepare(X, Y, None, options)
    return Recorder(plan, problem.dimensions)


def feed(record, costs, cuts=(), again=0):
    """Add costs in chunks, each of which begins with the `again` epochs before it."""
    ends = sorted({0, len(costs), *(cut for cut in cuts if cut < len(costs))})
    for first, end in itertools.pairwise(ends):
        begin = max(0, first - again)
        record.add(begin, np.array(costs[begin:end]))
    return record


@given(COSTS, CUTS, st.integers(0, 2))
def test_the_latest_two_costs_are_known_whatever_the_chunks(costs, cuts, again):
    record = feed(recorder(history="none"), costs, cuts, again)
    known = {epoch: cost for epoch, cost in enumerate(costs) if epoch >= len(costs) - 2 and not np.isnan(cost)}
    assert record.latest == known
    assert record.last_cost == (known[max(known)] if known else None)
    assert record.history is None
    record.add(len(costs) + 9, np.empty(0))
    assert record.latest == known


@given(st.lists(st.floats(0.0, 3.0), max_size=20), CUTS, st.integers(0, 2), st.integers(1, 5))
def test_the_history_has_the_grid_s_costs_once(costs, cuts, again, every):
    history = feed(recorder(history_every=every), costs, cuts, again).history
    assert history.epochs().tolist() == list(range(0, len(costs), every))
    assert history.costs().tolist() == costs[::every]


def test_running_costs_begin_with_the_first_epoch():
    record = recorder(batch_size=1, history_every=3)
    record.add(1, np.arange(1.0, 9.0))
    assert record.history.epochs().tolist() == [1, 3, 6]
    assert record.history.costs().tolist() == [1.0, 3.0, 6.0]


def test_rows_are_due_on_the_grid_once():
    record = recorder(history_every=4, record="coef_norm")
    assert recorder(validation=(X, Y)).by_rows
    made = []
    for epoch in [0, 0, 1, 4, 4, 5, 7, 8]:
        if record.due(epoch):
            record.history.add_row(epoch, {"cost": 1.0})
            made.append(epoch)
    assert made == [0, 4, 8]
    assert [record.next_stop(epoch) for epoch in (0, 3, 4, 8)] == [4, 4, 8, 12]
    record.add(9, np.arange(9.0))
    assert record.history.epochs().tolist() == made
    late = recorder(history_every=4, record="coef_norm")
    assert late.next_stop(0) == 1  # the first epoch is always a row
    assert late.due(1)


def test_no_rows_are_due_where_costs_alone_or_nothing_is_recorded():
    for record in (recorder(), recorder(history="none", record="coef")):
        assert not record.due(0)
        assert record.next_stop(0) is None


@pytest.mark.parametrize(("every", "marks"), [(False, [0, 1, 0, 0, 1, 0]), (True, [1] * 6)])
def test_the_objective_is_wanted_of_recorded_epochs_or_of_all(every, marks):
    record = recorder(batch_size=1, history="objective", history_every=3)
    assert record.wanted(2, 6, every, False).tolist() == [bool(mark) for mark in marks]


def test_running_means_are_wanted_where_someone_reads_them():
    silent, kept = recorder(batch_size=1, history="none"), recorder(batch_size=1)
    assert silent.wanted(1, 3, False, False).tolist() == [False] * 3
    for marks in (silent.wanted(1, 3, True, False), silent.wanted(1, 3, False, True), kept.wanted(1, 3, False, False)):
        assert marks.shape == (0,)


def test_a_row_holds_what_was_asked_for():
    record = recorder(record=("coef", "coef_norm", "seconds"), validation=(X, Y))
    record.add(0, np.array([7.0, 8.0]))
    W, b = np.array([[3.0, -4.0]]), np.array([0.5])
    known = {"seconds": 1.5, "validation_cost": 2.5, "gradient_norm": 9.0}
    row = record.row(1, W, b, known)
    assert row.pop("coef").tolist() == [3.0, -4.0]
    assert row == {"cost": 8.0, "validation_cost": 2.5, "coef_norm": 5.0, "seconds": 1.5, "intercept": 0.5}
    assert np.isnan(record.row(4, W, b, known)["cost"])


def test_returning_drops_what_came_later_and_takes_it_anew():
    record, kept = feed(recorder(), [5.0, 4.0, 3.0, 9.0, 8.0]), {1: 4.0, 2: 3.0}
    record.return_to(2, kept)
    assert record.latest == kept
    assert record.latest is not kept  # which may be returned to once more
    record.add(3, np.array([2.0]))
    assert record.history.costs().tolist() == [5.0, 4.0, 3.0, 2.0]
    assert record.latest == {2: 3.0, 3: 2.0}


@pytest.mark.parametrize("last", [8, 10])
def test_what_was_saved_is_restored_without_a_row_off_the_grid(last):
    costs = [float(cost) for cost in range(20)]
    record = feed(recorder(history_every=4), costs[: last + 1])
    record.history.close(last, {"cost": costs[last]})
    assert record.history.epochs().tolist() == sorted({0, 4, 8, last})
    saved, latest, table = record.state(), dict(record.latest), record.history.table()
    restored = recorder(history_every=4)
    restored.restore(saved, latest, table)
    assert restored.latest == latest
    assert restored.latest is not latest
    assert restored.history.epochs().tolist() == [0, 4, 8]
    restored.add(last + 1, np.array(costs[last + 1 :]))
    assert restored.history.epochs().tolist() == [0, 4, 8, 12, 16]
    assert restored.history.costs().tolist() == costs[::4]
    assert record.history.epochs().tolist() == sorted({0, 4, 8, last})  # what was saved is not written to
