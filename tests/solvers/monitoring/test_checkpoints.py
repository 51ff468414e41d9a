"""When a checkpoint is written."""

from types import SimpleNamespace

import pytest

from gdfast.solvers.monitoring import checkpoints as module
from gdfast.solvers.monitoring.checkpoints import Checkpoints


@pytest.fixture
def clock(monkeypatch):
    """Return a clock whose `now` a test sets."""
    clock = SimpleNamespace(now=50.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock.now)
    return clock


def written(checkpoints, files, places, clock=None):
    """Go through places (epoch, position, seconds since the beginning), write where it is due; return these epochs."""
    for epoch, position, seconds in places:
        if clock is not None:
            clock.now = 50.0 + seconds
        if checkpoints.due(SimpleNamespace(epoch=epoch, position=position)):
            checkpoints.write(lambda: f"result of {epoch}", epoch)  # noqa: B023
    return [int(text.split()[-1]) for text in files]


@pytest.mark.parametrize("every", [1, 4])
def test_a_chunk_ends_at_every_multiple(every):
    checkpoints = Checkpoints([].append, every, None)
    stops = [next(multiple for multiple in range(0, 99, every) if multiple > epoch) for epoch in range(9)]
    assert [checkpoints.next_stop(epoch) for epoch in range(9)] == stops
    assert Checkpoints([].append, None, 1.0).next_stop(3) is None


def test_every_so_many_epochs_one_is_written_between_two_epochs():
    files = []
    places = [(0, 0, 0), (3, 0, 0), (4, 0, 0), (4, 0, 0), (5, 0, 0), (8, 1, 0), (9, 0, 0), (11, 0, 0), (12, 0, 0)]
    assert written(Checkpoints(files.append, 4, None), files, places) == [4, 9, 12]


def test_after_so_many_seconds_one_is_written_wherever_training_is(clock):
    files = []
    places = [(0, 0, 0.0), (1, 0, 1.9), (1, 5, 2.0), (1, 6, 3.0), (2, 0, 3.9), (2, 1, 4.5), (3, 0, 6.0), (3, 1, 6.5)]
    assert written(Checkpoints(files.append, None, 2.0), files, places, clock) == [1, 2, 3]


def test_with_both_whichever_comes_first_begins_the_wait_anew(clock):
    files = []
    places = [(3, 0, 1.9), (3, 1, 2.0), (4, 0, 2.1), (5, 0, 4.0), (7, 0, 4.0), (8, 0, 4.05), (9, 0, 6.0), (9, 1, 6.1)]
    assert written(Checkpoints(files.append, 4, 2.0), files, places, clock) == [3, 4, 8, 9]


def test_without_a_path_nothing_is_due_and_no_result_is_made(clock):
    checkpoints = Checkpoints(None, 1, 0.5)
    clock.now += 100.0
    assert not checkpoints.due(SimpleNamespace(epoch=8, position=0))
    checkpoints.write(lambda: pytest.fail("a result was made"), 8)
