"""The order of samples: Fisher-Yates from a SplitMix64 stream that (seed, epoch) fix (gdfast/sample_order.py)."""

from libc.stdint cimport int32_t, uint64_t


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline void fill_order(int32_t* order, Py_ssize_t n, uint64_t seed, uint64_t epoch) noexcept nogil:
    cdef uint64_t golden = <uint64_t>0x9E3779B97F4A7C15
    cdef uint64_t counter = mix(mix(seed + golden) + (epoch + 1) * golden)
    cdef Py_ssize_t i, j
    cdef int32_t row
    for i in range(n):
        order[i] = <int32_t>i
    for i in range(n - 1, 0, -1):
        counter += golden
        j = <Py_ssize_t>(((mix(counter) >> 32) * <uint64_t>(i + 1)) >> 32)
        row = order[i]
        order[i] = order[j]
        order[j] = row
