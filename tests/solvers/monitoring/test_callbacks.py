from types import SimpleNamespace

import pytest

from gdfast.options.callbacks import make_callbacks
from gdfast.solvers.monitoring import callbacks


def at(epoch, position=0):
    return SimpleNamespace(epoch=epoch, position=position)


def test_every_so_many_epochs_exactly():
    called = []
    caller = callbacks.Callbacks(make_callbacks(lambda state: called.append(state.epoch)), 3)
    assert [caller.next_stop(epoch) for epoch in (0, 2, 3, 4)] == [3, 3, 6, 6]
    for state in (at(0), at(3, 1), at(3), at(3), at(4), at(6)):
        if caller.due(state):
            caller.call("on_chunk", lambda state=state: state)
    assert called == [3, 6]


def test_by_time_where_no_number_is_given(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: now[0])
    caller = callbacks.Callbacks(make_callbacks(lambda state: None), None)
    assert caller.next_stop(5) is None
    assert not caller.due(at(1))
    now[0] = callbacks.CALLBACK_SECONDS
    assert caller.due(at(1, 7))
    caller.call("on_chunk", lambda: at(1))
    assert not caller.due(at(2))


@pytest.mark.parametrize(
    ("answers", "stops"), [((None, None), False), ((True, None), True), ((False, True), True), ((1, "yes"), False)]
)
def test_all_are_called_and_true_stops(answers, stops):
    called = []

    def answer(value):
        def function(state):
            called.append(value)
            return value

        return function

    caller = callbacks.Callbacks(make_callbacks([answer(value) for value in answers]), 1)
    assert caller.call("on_chunk", lambda: at(1)) is stops
    assert called == list(answers)


def test_without_callbacks_no_state_is_made():
    caller = callbacks.Callbacks((), None)
    assert not caller.due(at(10**6))
    assert not caller.call("on_chunk", lambda: pytest.fail("a state was made"))
