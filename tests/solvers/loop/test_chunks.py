"""Chunks of updates: where they end, what they report, and going back within one."""

import numpy as np
import pytest

import gdfast


def running(ending):
    return np.zeros(0, dtype=bool)


def objective(ending):
    return np.ones(ending, dtype=bool)


def assert_same_state(chunks, other):
    one, two = chunks.state.snapshot(), other.state.snapshot()
    assert [name for name in one if np.asarray(one[name]).tobytes() != np.asarray(two[name]).tobytes()] == []


def longest(before, size, target, per_epoch, interval):
    """Return the last update of the longest chunk allowed: whole epochs, or a part of one up to a settled update."""
    stop = (before // per_epoch + 1 if before % per_epoch else target) * per_epoch
    ends = [
        end
        for end in range(before + 1, stop + 1)
        if end % per_epoch == 0 or (end // per_epoch == before // per_epoch and end % per_epoch % interval == 0)
    ]
    return max((end for end in ends if end <= before + size), default=ends[0])


@pytest.mark.parametrize("batch_size", [None, 1, 7])
@pytest.mark.parametrize("size", [1, 50, 300, 1300])
def test_chunks_are_the_longest_allowed_and_no_bit_depends_on_them(
    make_chunks, run_chunk, quick_backend, batch_size, size
):
    rate = gdfast.InverseTime(0.05, 0.1, by="step" if size == 50 else "epoch")
    options = {"rows": 600, "batch_size": batch_size, "learning_rate": rate, "backend": quick_backend}
    chunks, whole = make_chunks(**options), make_chunks(**options)
    per_epoch, interval = {None: (1, 1), 1: (600, 256), 7: (86, 1)}[batch_size]
    costs, state = [], chunks.state
    for target in (1, 4):
        while state.steps < target * per_epoch:
            expected = longest(state.steps, size, target, per_epoch, interval)
            costs.extend(run_chunk(chunks, target, size).costs)
            assert state.steps == expected == state.epoch * per_epoch + state.position
    assert costs == run_chunk(whole, 4).costs.tolist()
    assert_same_state(chunks, whole)


@pytest.mark.parametrize("by", ["epoch", "step"])
@pytest.mark.parametrize("optimizer", ["gd", "adam"])
@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_going_back_gives_the_bits_of_a_run_that_ended_there(
    make_chunks, run_chunk, quick_backend, batch_size, optimizer, by
):
    options = {"penalty": "l1", "alpha": 0.01, "average": True, "learning_rate": gdfast.InverseTime(0.05, 0.1, by=by)}
    options |= {"batch_size": batch_size, "optimizer": optimizer, "backend": quick_backend}
    for epoch in (2, 3, 6):
        chunks, other = make_chunks(**options), make_chunks(**options)
        for one, targets in ((chunks, (2, 7)), (other, (2, epoch)[: epoch - 1])):
            one.state.begin_mean()
            for target in targets:
                run_chunk(one, target)
        chunks.go_back(epoch, running)
        assert_same_state(chunks, other)


def test_going_back_from_the_middle_of_an_epoch_returns_to_its_start(make_chunks, run_chunk):
    chunks, other = (make_chunks(rows=600, batch_size=1, optimizer="adam") for _ in range(2))
    run_chunk(other, 1)
    for target in (1, 2, 2):
        run_chunk(chunks, target, 600 if target == 1 else 256)
    assert (chunks.state.epoch, chunks.state.position) == (1, 512)
    chunks.go_back(1, running)
    assert_same_state(chunks, other)


@pytest.mark.parametrize(
    "options", [{}, {"history": "running"}, {"batch_size": 1}, {"batch_size": 7, "history": "objective"}], ids=str
)
def test_the_first_bad_epoch_is_named_and_its_costs_are_cut(make_chunks, run_chunk, quick_backend, options):
    wanted, first_known = objective if len(options) == 2 else running, len(options) > 0
    options = options | {"learning_rate": 3.0 if options.get("batch_size") == 1 else 1e6, "backend": quick_backend}
    far, near, next_one = (make_chunks(**options) for _ in range(3))
    first, costs, bad = run_chunk(far, 99, wanted=wanted)
    assert first == first_known  # only full batch knows the cost of the start
    assert first + len(costs) == bad > 2
    assert np.isfinite(costs).all()
    good = run_chunk(near, bad - 1, wanted=wanted)
    assert good.bad is None
    assert good.costs.tolist() == costs[: len(good.costs)].tolist()
    assert run_chunk(next_one, bad if far.plan.stochastic else bad + 1, wanted=wanted).bad == bad
    far.go_back(bad - 1, wanted)
    assert_same_state(far, near)


def test_a_call_that_is_ended_early_has_the_costs_of_the_epochs_that_ended(make_chunks, run_chunk, monkeypatch):
    chunks, whole, calls = make_chunks(batch_size=1, shuffle=False), make_chunks(batch_size=1, shuffle=False), []
    expected = run_chunk(whole, 2).costs
    monkeypatch.setattr("gdfast.backends.numpy.end_is_due", lambda: len(calls) == 95 or calls.append(0))
    chunk = run_chunk(chunks, 9)
    assert (chunk.first, chunk.costs.tolist(), chunk.bad) == (1, expected.tolist(), None)
    assert (chunks.state.epoch, chunks.state.position, chunks.state.steps) == (2, 15, 95)


def test_objectives_are_asked_for_of_the_epochs_that_end(make_chunks, run_chunk):
    chunks, asked = make_chunks(rows=600, batch_size=1, history="objective"), []

    def wanted(ending):
        asked.append(ending)
        return np.arange(ending) == 1

    assert run_chunk(chunks, 9, 256, wanted).costs.tolist() == []
    assert np.isnan(run_chunk(chunks, 9, 600, wanted).costs).tolist() == [True]
    assert np.isnan(run_chunk(chunks, 9, 1999, wanted).costs).tolist() == [True, False, True]
    assert asked == [0, 1, 3]


def test_full_batch_costs_are_j_after_each_epoch_or_the_mean_loss_before_it(make_chunks, run_chunk, quick_backend):
    options = {"penalty": "l2", "alpha": 0.5, "coef_init": [1.0, 1.0, 2.0], "backend": quick_backend}
    for history, penalty in (("objective", 0.25 * 6.0), ("running", 0.0)):
        chunks = make_chunks(history=history, **options)
        loss = chunks.kernels.sums_at(chunks.state.W, chunks.state.b)[0] / 40
        assert run_chunk(chunks, 3).costs[0] == pytest.approx(loss + penalty, rel=1e-13)
