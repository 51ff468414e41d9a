"""How many updates a chunk has: as many as take 20 ms, by the time of the chunk before."""

import itertools

import pytest

from gdfast.solvers.loop import chunks as module


def test_the_first_chunk_is_short_where_updates_are_long(make_chunks):
    sizes = [make_chunks(values).size for values in (1, 1000, 10**9)]
    assert sizes == [module.LARGEST_CHUNK, module.FIRST_PRODUCTS // 1000, 1]


@pytest.mark.parametrize(("batch_size", "largest"), [(None, 65_536), (1, 2**20)])
def test_sizes_grow_at_most_sixteenfold_up_to_a_bound(make_chunks, run_chunk, monkeypatch, batch_size, largest):
    chunks, sizes = make_chunks(batch_size=batch_size), [2]
    monkeypatch.setattr(module.time, "perf_counter", lambda: 5.0)  # chunks of no time
    for epoch in range(1, 13):
        run_chunk(chunks, epoch, sizes[-1])
        sizes.append(chunks.size)
    assert sizes[1:] == [min(largest, 16 * size) for size in sizes[:-1]]
    assert sizes[-1] == largest


@pytest.mark.parametrize(("seconds", "size"), [(0.01, 20), (0.02, 10), (0.1, 2), (9.0, 1)])
def test_a_chunk_is_so_long_that_it_takes_20_ms(make_chunks, run_chunk, monkeypatch, seconds, size):
    chunks, times = make_chunks(), itertools.count(0.0, seconds * 0.9999)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(times))
    run_chunk(chunks, 10, 1000)  # 10 updates took so many seconds
    assert chunks.size == size
