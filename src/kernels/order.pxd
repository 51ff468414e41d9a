"""The order of samples: Fisher-Yates from a SplitMix64 stream that (seed, epoch) fix (gdfast/data/order.py)."""

from libc.stdint cimport int32_t, uint64_t

from constants cimport GOLDEN, MIX_1, MIX_2
from rows cimport prefetch

cdef enum:
    RUN = 128  # swaps whose numbers are drawn at once
    FAR = 8192  # rows whose numbers are more than the nearest cache holds


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * MIX_1
    x = (x ^ (x >> 27)) * MIX_2
    return x ^ (x >> 31)


cdef inline void fill_order(int32_t* order, Py_ssize_t n, uint64_t seed, uint64_t epoch) noexcept nogil:
    """Swap in runs: their numbers are independent, and known ahead of the swaps that they lead to."""
    cdef uint64_t counter = mix(mix(seed + GOLDEN) + (epoch + 1) * GOLDEN)
    cdef int32_t partners[RUN]
    cdef Py_ssize_t i, k, top = n - 1, count
    cdef int32_t row
    for i in range(n):
        order[i] = <int32_t>i
    while top > 0:
        count = min(<Py_ssize_t>RUN, top)
        for k in range(count):
            partners[k] = <int32_t>(((mix(counter + <uint64_t>(k + 1) * GOLDEN) >> 32) * <uint64_t>(top - k + 1)) >> 32)
        counter += <uint64_t>count * GOLDEN
        if n > FAR:
            for k in range(count):
                prefetch(order + partners[k])
        for k in range(count):
            row = order[top - k]
            order[top - k] = order[partners[k]]
            order[partners[k]] = row
        top -= count
