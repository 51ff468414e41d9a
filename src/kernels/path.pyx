# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: autotestdict=False, freethreading_compatible=True
"""The costs of a closed-form path (gdfast/solvers/closed_form/modes.py): sums of powers, vectorised over epochs."""

from libc.string cimport memcpy

from constants cimport PATH_BLOCK


cdef inline void add4(double* total, const double* a, const double* p, Py_ssize_t stride) noexcept nogil:
    """total += a_0 p_0 + .. + a_3 p_3, rows of p being stride apart: one pass over total for four sequences."""
    cdef Py_ssize_t j
    cdef const double* p1 = p + stride
    cdef const double* p2 = p1 + stride
    cdef const double* p3 = p2 + stride
    for j in range(PATH_BLOCK):
        total[j] += (a[0] * p[j] + a[1] * p1[j]) + (a[2] * p2[j] + a[3] * p3[j])


cdef inline void add1(double* total, double a, const double* p) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(PATH_BLOCK):
        total[j] += a * p[j]


cdef void block_costs(const double* size, const double* firsts, const double* powers, Py_ssize_t r, double base,
                      double* total) noexcept nogil:
    cdef Py_ssize_t i, j, whole = r - r % 4
    cdef double a[4]
    for j in range(PATH_BLOCK):
        total[j] = base
    for i in range(0, whole, 4):
        for j in range(4):
            a[j] = size[i + j] * firsts[i + j]
        add4(total, a, powers + i * PATH_BLOCK, PATH_BLOCK)
    for i in range(whole, r):
        add1(total, size[i] * firsts[i], powers + i * PATH_BLOCK)


def power_costs(*, const double[:, ::1] sizes, const double[:, ::1] firsts, const double[:, ::1] powers, double base,
                double[::1] costs):
    """costs[64 (64 g + b) + j] = base + sum_i sizes[g, i] firsts[b, i] powers[i, j]."""
    cdef Py_ssize_t b = 0, start = 0, count = costs.shape[0], r = powers.shape[0]
    cdef double total[PATH_BLOCK]
    cdef bint whole
    with nogil:
        while start < count:
            whole = count - start >= PATH_BLOCK
            block_costs(&sizes[b // PATH_BLOCK, 0], &firsts[b % PATH_BLOCK, 0], &powers[0, 0], r, base,
                        &costs[start] if whole else total)
            if not whole:
                memcpy(&costs[start], total, (count - start) * sizeof(double))
            b += 1
            start += PATH_BLOCK
