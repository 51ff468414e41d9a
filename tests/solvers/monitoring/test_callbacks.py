"""When callbacks are called, and how they ask to stop."""

from types import SimpleNamespace

import numpy as np
import pytest

from gdfast.options.callbacks import make_callbacks
from gdfast.solvers.monitoring import callbacks as module
from gdfast.solvers.monitoring.callbacks import Callbacks


def at(epoch, position=0):
    return SimpleNamespace(epoch=epoch, position=position)


class Events:
    """Notes its events, and answers."""

    def __init__(self, answer=None, methods=("on_start", "on_chunk", "on_end")):
        self.seen = []
        for name in methods:
            setattr(self, name, lambda state, name=name: self.seen.append((name, state.epoch)) or answer)


@pytest.mark.parametrize("every", [1, 3])
def test_a_chunk_ends_at_every_multiple(every):
    callbacks = Callbacks(make_callbacks(print), every)
    stops = [next(multiple for multiple in range(0, 99, every) if multiple > epoch) for epoch in range(9)]
    assert [callbacks.next_stop(epoch) for epoch in range(9)] == stops
    assert Callbacks((), None).next_stop(4) is None


def test_on_chunk_is_due_once_at_every_multiple_and_not_within_an_epoch():
    events = Events()
    callbacks, places = Callbacks(make_callbacks(events), 3), []
    for epoch, position in [(0, 0), (1, 0), (3, 0), (3, 0), (3, 2), (5, 0), (6, 1), (9, 0), (9, 1)]:
        if callbacks.due(at(epoch, position)):
            callbacks.call("on_chunk", lambda: at(epoch))  # noqa: B023
            places.append((epoch, position))
    assert places == [(3, 0), (9, 0)]
    assert events.seen == [("on_chunk", 3), ("on_chunk", 9)]


def test_without_a_number_of_epochs_on_chunk_is_due_20_ms_after_the_last_call(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock.now)
    callbacks, due = Callbacks(make_callbacks(Events()), None), []
    for clock.now in (100.0, 100.0199, 100.0201, 100.03, 100.0402):
        due.append(callbacks.due(at(7, 3)))
        if due[-1]:
            callbacks.call("on_chunk", lambda: at(7))
    assert due == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("answer", "stops"), [(True, True), (np.True_, True), (False, False), (None, False), (1, False), ("yes", False)]
)
def test_only_true_asks_to_stop(answer, stops):
    assert Callbacks(make_callbacks(Events(answer)), 1).call("on_chunk", lambda: at(1)) is stops


@pytest.mark.parametrize("answers", [(True, False), (False, True)])
def test_one_callback_is_enough_to_stop(answers):
    assert Callbacks(make_callbacks([Events(answer) for answer in answers]), 1).call("on_chunk", lambda: at(1))


def test_all_callbacks_are_called_with_one_state_and_those_without_the_event_are_not():
    first, second, states = Events(True), Events(False, ["on_end"]), []
    callbacks = Callbacks(make_callbacks([first, second, states.append]), None)
    made = []

    def make_state():
        made.append(at(4))
        return made[-1]

    assert callbacks.call("on_chunk", make_state)
    assert callbacks.call("on_end", make_state)
    assert first.seen == [("on_chunk", 4), ("on_end", 4)]
    assert second.seen == [("on_end", 4)]
    assert states == made[:1]
    assert len(made) == 2


@pytest.mark.parametrize("every", [None, 1])
def test_without_callbacks_nothing_is_due_and_no_state_is_made(every, monkeypatch):
    callbacks = Callbacks((), every)
    monkeypatch.setattr(module.time, "perf_counter", lambda: np.inf)
    assert not callbacks.due(at(1))
    assert not callbacks.call("on_chunk", lambda: pytest.fail("a state was made"))
