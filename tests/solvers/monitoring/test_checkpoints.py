from types import SimpleNamespace

from gdfast.solvers.monitoring import checkpoints


def at(epoch, position=0):
    return SimpleNamespace(epoch=epoch, position=position)


def test_every_so_many_epochs_at_least():
    written = []
    writer = checkpoints.Checkpoints(written.append, 5, None)
    assert [writer.next_stop(epoch) for epoch in (0, 4, 5)] == [5, 5, 10]
    for state in (at(4), at(5, 1), at(5), at(7), at(12), at(14), at(15)):
        if writer.due(state):
            writer.write(lambda state=state: state.epoch, state.epoch)
    assert written == [5, 12, 15]


def test_whichever_comes_first(monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    writer = checkpoints.Checkpoints(written.append, 5, 30.0)
    now[0] = 29.0
    assert not writer.due(at(4))
    now[0] = 30.0
    assert writer.due(at(4, 3))
    writer.write(lambda: "by time", 4)
    assert not writer.due(at(4, 4))
    assert writer.due(at(5))
    assert written == ["by time"]


def test_without_a_path_nothing_is_made_or_written():
    writer = checkpoints.Checkpoints(None, 1, 0.0)
    assert not writer.due(at(3))
    writer.write(lambda: 1 / 0, 3)
