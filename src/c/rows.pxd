"""Rows of X as C arrays (rows.h), by the type of their numbers."""

from cython cimport floating
from libc.stdint cimport int32_t, int64_t

cdef extern from "rows.h" nogil:
    void PREFETCH(const void*)
    void HOLD(double)
    double dot_double(const double* x, const double* w, Py_ssize_t d)
    double dot_float(const float* x, const float* w, Py_ssize_t d)
    void dot4_double(const double* x0, const double* x1, const double* x2, const double* x3, const double* w,
                     Py_ssize_t d, double* z, const double** later)
    void dot4_float(const float* x0, const float* x1, const float* x2, const float* x3, const float* w, Py_ssize_t d,
                    double* z, const float** later)
    void products_double(const double* x0, const double* x1, const double* x2, const double* x3, const double* w,
                         Py_ssize_t d, double* z, double* mutual, const double** later)
    void products_float(const float* x0, const float* x1, const float* x2, const float* x3, const float* w,
                        Py_ssize_t d, double* z, double* mutual, const float** later)
    void combine_double(double* w, double lost, const double* u, const double* x0, const double* x1, const double* x2,
                        const double* x3, Py_ssize_t d, const double** later)
    void combine_float(float* w, double lost, const double* u, const float* x0, const float* x1, const float* x2,
                       const float* x3, Py_ssize_t d, const float** later)
    void add_double(double a, const double* x, double* g, Py_ssize_t d)
    void add_float(double a, const float* x, float* g, Py_ssize_t d)

cdef enum:
    LINE = 64  # bytes that memory hands over at once


cdef inline void prefetch(const void* p) noexcept nogil:
    PREFETCH(p)


ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef inline void prefetch_row(const number* x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t byte = 0, size = d * <Py_ssize_t>sizeof(number)
    while byte < size:
        PREFETCH(<const char*>x + byte)
        byte += LINE
    PREFETCH(<const char*>x + size - 1)  # a row begins anywhere in a line, and so ends in one more


cdef inline double dot(const floating* x, const floating* w, Py_ssize_t d) noexcept nogil:
    if floating is float:
        return dot_float(x, w, d)
    else:
        return dot_double(x, w, d)


cdef inline void dot4(const floating* x0, const floating* x1, const floating* x2, const floating* x3,
                      const floating* w, Py_ssize_t d, double* z, const floating** later) noexcept nogil:
    """z = the products of four rows and w; later: two rows to fetch meanwhile, or NULL."""
    if floating is float:
        dot4_float(x0, x1, x2, x3, w, d, z, later)
    else:
        dot4_double(x0, x1, x2, x3, w, d, z, later)


cdef inline void products(const floating* x0, const floating* x1, const floating* x2, const floating* x3,
                          const floating* w, Py_ssize_t d, double* z, double* mutual,
                          const floating** later) noexcept nogil:
    """Do the same, and in the same sweep the rows' products with each other."""
    if floating is float:
        products_float(x0, x1, x2, x3, w, d, z, mutual, later)
    else:
        products_double(x0, x1, x2, x3, w, d, z, mutual, later)


cdef inline void combine(floating* w, double lost, const double* u, const floating* x0, const floating* x1,
                         const floating* x2, const floating* x3, Py_ssize_t d,
                         const floating** later) noexcept nogil:
    """w <- w - lost w + u0 x0 + .. + u3 x3; later: two rows to fetch meanwhile, or NULL."""
    if floating is float:
        combine_float(w, lost, u, x0, x1, x2, x3, d, later)
    else:
        combine_double(w, lost, u, x0, x1, x2, x3, d, later)


cdef inline void add(double a, const floating* x, floating* g, Py_ssize_t d) noexcept nogil:
    """g += a x."""
    if floating is float:
        add_float(a, x, g, d)
    else:
        add_double(a, x, g, d)
