"""When callbacks are called, what they see, and how they stop a fit."""

import pytest

import gdfast


def test_callbacks_are_called_when_they_should_be(backend, X, Y):
    events = []

    class Recorder:
        def on_start(self, state):
            events.append(("start", state.epoch, state.cost))

        def on_chunk(self, state):
            events.append(("chunk", state.epoch, state.cost))
            state.coef[:] = 99.0
            return state.epoch == 9

        def on_end(self, state):
            events.append(("end", state.epoch, state.cost))

    run = gdfast.fit(X, Y, epochs=20, learning_rate=0.1, callbacks=Recorder(), callback_every=3, backend=backend)
    assert [(kind, epoch) for kind, epoch, _ in events] == [
        ("start", 0),
        ("chunk", 3),
        ("chunk", 6),
        ("chunk", 9),
        ("end", 9),
    ]
    assert run.stop_reason == "callback"
    plain = gdfast.fit(X, Y, epochs=20, learning_rate=0.1, solver="loop", backend=backend)
    assert [cost for *_, cost in events[1:-1]] == plain.costs[[3, 6, 9]].tolist()
    assert run.coef.max() < 99.0
    with pytest.raises(ZeroDivisionError):
        gdfast.fit(X, Y, epochs=200, callbacks=lambda state: 1 / 0, callback_every=1)
