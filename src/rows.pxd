"""Rows of X as C arrays: products with the weights and sums of rows, four rows at a time."""

from cython cimport floating

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define PREFETCH(p) __builtin_prefetch(p)
    #else
    #define PREFETCH(p) ((void)(p))
    #endif
    """
    void PREFETCH(const void*) noexcept nogil

cdef enum:
    LINE = 64  # bytes that memory hands over at once


cdef inline void prefetch(const void* p) noexcept nogil:
    PREFETCH(p)


cdef inline void prefetch_row(const floating* x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t byte = 0, size = d * <Py_ssize_t>sizeof(floating)
    while byte < size:
        PREFETCH(<const char*>x + byte)
        byte += LINE


cdef inline floating dot(const floating* x, const floating* w, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    cdef floating total = 0
    for j in range(d):
        total += x[j] * w[j]
    return total


cdef inline double dot_mixed(const floating* x, const double* m, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    cdef double total = 0
    for j in range(d):
        total += x[j] * m[j]
    return total


cdef inline void dot4(const floating* x0, const floating* x1, const floating* x2, const floating* x3,
                      const floating* w, Py_ssize_t d, double* z) noexcept nogil:
    cdef Py_ssize_t j
    cdef floating z0 = 0, z1 = 0, z2 = 0, z3 = 0
    for j in range(d):
        z0 += x0[j] * w[j]
        z1 += x1[j] * w[j]
        z2 += x2[j] * w[j]
        z3 += x3[j] * w[j]
    z[0] = z0
    z[1] = z1
    z[2] = z2
    z[3] = z3


cdef inline void add(floating a, const floating* x, floating* g, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(d):
        g[j] += a * x[j]


cdef inline void add4(const double* a, const floating* x0, const floating* x1, const floating* x2,
                      const floating* x3, floating* g, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    cdef floating a0 = <floating>a[0], a1 = <floating>a[1], a2 = <floating>a[2], a3 = <floating>a[3]
    for j in range(d):
        g[j] += a0 * x0[j] + a1 * x1[j] + a2 * x2[j] + a3 * x3[j]
