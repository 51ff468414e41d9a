import itertools

import numpy as np
import pytest

from gdfast.solvers.loop import chunks

EVERY = lambda ending: np.zeros(0, dtype=bool)  # noqa: E731


def run(descent, target):
    return descent.chunks.run(target, descent.rates.take, EVERY)


def test_full_batch_chunks_are_whole_epochs_up_to_the_target(make_descent):
    descent = make_descent()
    descent.chunks.size = 7
    chunk = run(descent, 5)
    assert (chunk.first, len(chunk.costs), chunk.bad) == (0, 5, None)
    assert descent.state.epoch == descent.state.steps == 5


def test_a_chunk_grows_fourfold_at_most(make_descent, monkeypatch):
    descent, times = make_descent(epochs=10**6), itertools.count(0.0, 1e-9)
    monkeypatch.setattr(chunks.time, "perf_counter", lambda: next(times))
    sizes = [descent.chunks.size]
    for _ in range(8):
        run(descent, 10**6)
        sizes.append(descent.chunks.size)
    assert all(new == min(chunks.LARGEST_CHUNK, 4 * old) for old, new in itertools.pairwise(sizes))


def test_a_slow_chunk_is_followed_by_a_shorter_one(make_descent, monkeypatch):
    descent, times = make_descent(), iter([0.0, 1.0])
    descent.chunks.size = 50
    monkeypatch.setattr(chunks.time, "perf_counter", lambda: next(times))
    run(descent, 50)
    assert descent.chunks.size == 1


@pytest.mark.parametrize("batch_size", [1, 7])
def test_chunks_within_an_epoch_end_at_settled_updates(make_descent, batch_size):
    descent = make_descent(batch_size=batch_size, rows=1500)
    every, ends = descent.chunks.every, []
    while descent.state.epoch < 2:
        descent.chunks.size = 3 * every // 2
        run(descent, 2)
        ends.append((descent.state.epoch, descent.state.position))
    assert all(position % every == 0 for _, position in ends)
    assert {(1, 0), (2, 0), (0, every)} <= set(ends)
    assert every == (256 if batch_size == 1 else 1)


@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_going_back_gives_the_bits_of_a_run_that_ended_there(make_descent, batch_size, optimizer):
    options = {"batch_size": batch_size, "optimizer": optimizer, "average": 2}
    far, near = make_descent(**options), make_descent(**options)
    for descent, epochs in ((far, 9), (near, 6)):
        descent.chunks.size = 10**6
        while descent.state.epoch < 2:  # averaging begins here
            run(descent, 2)
        descent.averaging.begin(descent.state)
        run(descent, epochs)
    far.chunks.go_back(6, EVERY)
    for one, other in zip(far.state.arrays, near.state.arrays, strict=True):
        assert one.tobytes() == other.tobytes()
    assert far.state.W.tobytes() == near.state.W.tobytes()
    assert (far.state.epoch, far.state.steps, far.state.count) == (6, near.state.steps, near.state.count)


@pytest.mark.parametrize("batch_size", [None, 1])
def test_the_costs_of_a_bad_epoch_are_left_out(make_descent, batch_size):
    descent = make_descent(batch_size=batch_size, learning_rate=1e6)
    descent.chunks.size = 10**6
    chunk = run(descent, 50)
    assert chunk.bad is not None
    assert chunk.first + len(chunk.costs) == chunk.bad
    assert np.isfinite(chunk.costs).all()
