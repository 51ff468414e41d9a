# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: autotestdict=False, freethreading_compatible=True, infer_types=True, auto_pickle=False
"""The compiled descent: many updates a call, state changed in place (the contract: gdfast/backends/__init__.py)."""

from cython cimport floating
from libc.float cimport DBL_MAX
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from constants cimport (
    ABSENT_SCALE, AVERAGE_A, AVERAGE_B, AVERAGE_COUNT, AVERAGE_INTERCEPT, BLOCK, BLOCK_BYTES, INTERCEPT, L1_NORM,
    LOSS_SUM, MOST_POINTS, MOST_TOGETHER, PENALTY_SUM, PENDING_L1, POINTS_AT_ONCE, POINTS_ROWS, RESIDUAL, SCALE,
    SHARED_BATCH, SMALLEST_SCALE, SMALLEST_SCALE_FLOAT32, SPAN, SQUARED_NORM,
)
from order cimport fill_order
from rows cimport HOLD, LINE, add, combine, dot, dot4, dot_mixed, prefetch, prefetch_row, products
from team cimport Team, team_close, team_open, team_reset, team_serve, team_share, team_take, team_wait
from vocabulary cimport absolute, exp, log, log1p, maximum, minimum, sqrt, where  # no-cython-lint: for formulas

ctypedef fused gradient_type:
    float
    double

include "losses.pxi"
include "penalties.pxi"
include "update_rules.pxi"

cdef extern from "scale.h" nogil:
    double shrunk(double scale, double* residual, double part)
    void scale_double(double* w, Py_ssize_t count, double scale, double residual)
    void scale_float(float* w, Py_ssize_t count, double scale, double residual)
    void combine_both_double(double* w, double* m, const double* c, const double* cm, const double* x0,
                             const double* x1, const double* x2, const double* x3, Py_ssize_t d)
    void combine_both_float(float* w, double* m, const double* c, const double* cm, const float* x0, const float* x1,
                            const float* x2, const float* x3, Py_ssize_t d)

cdef extern from "losses.h" nogil:
    void loss_block(int loss, double c, const double* y, const double* z, double* values, double* gradients,
                    Py_ssize_t n)
    enum:
        SUMS_OF_LOGS
    int log1p_block(int loss, double c, const double* y, const double* z, double* rests, double* excesses,
                    double* gradients, Py_ssize_t n)
    double sum_of_log1p(const double* rests, const double* excesses, Py_ssize_t n)
    int loss_line(int loss, double c, int single, const double* y, const double* s, const void* x, double w, double b,
                  Py_ssize_t n, double* total, double* g)
    int loss_sums(int loss, double c, const double* y, const double* s, const double* z, double* r, Py_ssize_t n,
                  double* sums)
    void log_normalise(double* z, Py_ssize_t outputs, Py_ssize_t stride, Py_ssize_t n)

cdef extern from "penalties.h" nogil:
    void drawn_by_l1(const double* old, const double* applied, double total, double* left, Py_ssize_t n)

cdef extern from "passes.h" nogil:
    ctypedef struct Block:
        const void* X
        const int32_t* rows
        Py_ssize_t size
        const void* later
        const int32_t* coming
        Py_ssize_t known
    void predict_rows(int single, const Block* block, Py_ssize_t d, const void* w, double b, double* z)
    void add_rows(int single, const Block* block, Py_ssize_t d, const double* r, void* part, int first, int last,
                  double* g)
    void predict_by_columns(int single, const void* X, Py_ssize_t stride, Py_ssize_t d, const void* w, double b,
                            double* z, Py_ssize_t n)
    void add_by_columns(int single, const void* X, Py_ssize_t stride, Py_ssize_t d, const double* r, double* g,
                        Py_ssize_t n)
    double sum_of(const double* values, Py_ssize_t n)

cdef enum:
    BLOCK_ROWS = 16  # at least so many, as long as they fit into the second cache: each block adds up d sums
    BLOCK_ROWS_BYTES = 262144
    NEAR = 262144  # bytes of X that stay in the cache of a core: nothing is to be fetched ahead
    FAR = 16777216  # bytes of X that no cache holds: rows as they lie are fetched; else the processor foresees them
    BATCH_SLAB = 256  # rows of a mini-batch that threads share, of one of them
    DRAWN = 64  # coefficients that l1 draws at a time
    AHEAD = 8  # rows between the one at work and the one fetched

include "model.pxi"
include "steps.pxi"
include "passes.pxi"
include "pending.pxi"
include "csr.pxi"
include "batch.pxi"
include "points.pxi"
include "stochastic.pxi"
include "together.pxi"
include "sklearn.pxi"
