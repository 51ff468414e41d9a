"""The functions that a formula may call, as C (gdfast/formulas/vocabulary.py); a NaN on either side comes through."""

from libc.math cimport exp, fabs as absolute, log, log1p, sqrt  # noqa: F401


cdef inline double where(bint condition, double a, double b) noexcept nogil:
    return a if condition else b


cdef inline double maximum(double a, double b) noexcept nogil:
    return a if a > b or a != a else b


cdef inline double minimum(double a, double b) noexcept nogil:
    return a if a < b or a != a else b
