# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: autotestdict=False, infer_types=True, auto_pickle=False
"""The compiled descent: many updates a call, state changed in place (the contract: gdfast/backends/__init__.py)."""

from cython cimport floating
from libc.float cimport DBL_MAX
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from order cimport fill_order
from rows cimport HOLD, add, combine, dot, dot4, dot_mixed, prefetch, prefetch_row, products
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

cdef extern from "losses.h" nogil:
    void loss_block(int loss, double c, const double* y, const double* z, double* values, double* gradients,
                    Py_ssize_t n)
    void log_normalise(double* z, Py_ssize_t outputs, Py_ssize_t stride, Py_ssize_t n)

cdef enum:
    BLOCK = 256  # rows handled while they are in the cache: their products, then their part of the gradient
    BLOCK_BYTES = 24576
    BLOCK_ROWS = 16  # at least so many, as long as they fit into the second cache: each block adds up d sums
    BLOCK_ROWS_BYTES = 262144
    NEAR = 262144  # bytes of X that stay in the cache of a core: nothing is to be fetched ahead
    AHEAD = 8  # rows between the one at work and the one fetched
    SPAN = 256  # updates of SGD whose losses are summed at once; calls begin and end at multiples of it in an epoch

SGD_SPAN = SPAN
ROWS_OF_A_BLOCK = BLOCK

include "steps.pxi"
include "dense.pxi"
include "csr.pxi"


cdef class Passes:
    """The data of a Problem as C pointers, with a workspace for what a pass over all of it sums.

    X is (n, d) by rows, an array or a CSR; columns and targets are X' and Y' where passes over all rows take those.
    `sums` is (slabs, 1 + k (d + 1) + d), zeros if X is sparse: each fixed part of the rows has its own sums, which
    are added in their order, so that no bit depends on how many threads shared them, and workspace for a row. `coupled`
    is (slabs, BLOCK k), where the loss takes the outputs of a row together.
    """

    cdef Data data
    cdef tuple kept

    def __init__(self, X, const double[:, ::1] Y, const double[::1] weights, columns, targets, double[:, ::1] sums,
                 Py_ssize_t slab, double[::1] scratch,
                 double[:, ::1] coupled=None):
        cdef const double[:, ::1] other
        cdef Py_ssize_t n = X.shape[0], d = X.shape[1]
        self.kept = (X, Y, weights, columns, targets, sums, scratch, coupled)
        self.data.single = X.dtype == np.float32
        self.data.n, self.data.d, self.data.k = n, d, Y.shape[1]
        self.data.sparse = hasattr(X, "indptr")
        if self.data.sparse:
            self.data.wide = X.indices.dtype == np.int64
            self.data.X, self.data.indices = start_of_part(X.data), start_of_part(X.indices)
            self.data.indptr = start_of_part(X.indptr)
        else:
            self.data.X = start_of_data(X)
        self.data.Y = &Y[0, 0]
        self.data.weights = pointer(weights)
        self.data.columns = NULL
        if columns is not None:
            other = targets
            self.data.columns, self.data.targets = start_of_data(columns), &other[0, 0]
        self.data.slab, self.data.slabs = slab, sums.shape[0]
        self.data.sums, self.data.scratch = &sums[0, 0], &scratch[0]
        self.data.coupled = start_of(coupled) if coupled is not None else NULL


cdef const void* start_of_data(X) except NULL:
    """Return where the numbers of a C-ordered float32 or float64 array begin."""
    cdef const float[:, ::1] single
    cdef const double[:, ::1] whole
    if X.dtype == np.float32:
        single = X
        return &single[0, 0]
    whole = X
    return &whole[0, 0]


cdef const void* start_of_part(part) except? NULL:
    """Return where a contiguous 1-d array begins, whatever its numbers are."""
    cdef const uint8_t[::1] bytes = part.view(np.uint8)
    return &bytes[0]


cdef class Crew:
    """Threads that share the slabs of a pass."""

    cdef Team team

    def __init__(self):
        team_reset(&self.team)

    def close(self):
        """Let the helpers go, whatever became of the call."""
        team_close(&self.team)

    def serve(self, Passes passes, tuple numbers, tuple limits, floating[:, ::1] W, double[::1] b):
        """Take slabs until the call that leads the crew is over."""
        cdef Model model = read_model(numbers, limits, passes.data.n, passes.data.d, passes.data.k)
        cdef int epoch = 0
        cdef Py_ssize_t s
        with nogil:
            while team_wait(&self.team, &epoch):
                while True:
                    s = team_take(&self.team, epoch)
                    if s < 0:
                        break
                    pass_slab(&model, &passes.data, s, &W[0, 0], &b[0])
                    team_serve(&self.team)


def batch(Passes passes, tuple numbers, tuple limits, floating[:, ::1] W, double[::1] b, tuple arrays,
          double[::1] sums, Py_ssize_t t, Py_ssize_t count, double gain, double[:, ::1] G, const double[::1] rates,
          bint objective, double[::1] costs, bint look, Crew crew=None):
    """Full-batch epochs, one for each rate; or (look) the two sums of the first, and its gradient in G, and no step."""
    cdef Py_ssize_t n = passes.data.n, d = W.shape[1], k = W.shape[0]
    cdef Py_ssize_t e, epochs = rates.shape[0], result = epochs
    cdef Model model = read_model(numbers, limits, n, d, k)
    cdef State state = read_memory(arrays, sums, t, count, gain)
    cdef Team* team = &crew.team if crew is not None else NULL
    cdef double total, extra
    check_type(passes, W)
    with nogil:
        for e in range(epochs):
            total = pass_all(&model, &passes.data, &W[0, 0], &b[0], &G[0, 0], team)
            extra = penalty(&model, &W[0, 0])
            if look:
                costs[0], costs[1] = total, extra
                break
            if not absolute(total + n * extra) <= DBL_MAX:
                result = ~e
                break
            costs[e] = total / n + (extra if objective else 0.0)
            update(&model, &W[0, 0], &b[0], &state, &G[0, 0], 1.0 / n, rates[e])
            if not (all_finite(&W[0, 0], k * d) and all_finite(&b[0], k)):
                result = ~(e + 1)
                break
    return result


def stochastic(Passes passes, tuple numbers, tuple limits, floating[:, ::1] W, double[::1] b, tuple arrays,
               double[::1] sums, Py_ssize_t t, Py_ssize_t count, double gain, double[:, ::1] G, int32_t[::1] order,
               Py_ssize_t batch_size, bint shuffle, uint64_t seed, uint64_t epoch, Py_ssize_t position,
               Py_ssize_t steps, const double[::1] rates, bint by_step, const uint8_t[::1] wanted,
               double[::1] costs, Py_ssize_t every, double[:, ::1] window, int32_t[::1] until):
    """Mini-batch (batch_size > 1) or SGD updates; see gdfast.backends for the contract.

    What they put off on sparse rows is settled after every `every` from the epoch's start, and at the end; `window`
    (3, every + 1) and `until` (d,) are workspace for that where there is l1, and `until` is zeros.
    """
    cdef Py_ssize_t n = passes.data.n, d = W.shape[1], k = W.shape[0]
    cdef Py_ssize_t done = 0, start, size, ended = 0, result = steps
    cdef Py_ssize_t per_epoch = (n + batch_size - 1) // batch_size
    cdef Model model = read_model(numbers, limits, n, d, k)
    cdef State state = read_memory(arrays, sums, t, count, gain)
    cdef Pending pending = read_pending(window, until)
    cdef const double* eta
    check_type(passes, W)
    with nogil:
        while done < steps:
            if position == 0:
                sums[0] = 0.0
                if shuffle:
                    fill_order(&order[0], n, seed, epoch + ended)
            eta = &rates[done if by_step else ended]
            if batch_size == 1:
                size = min(min(steps - done, n - position), SPAN - position % SPAN)
                sums[0] += sgd_span(&model, &passes.data, &order[0], position, size, &W[0, 0], &b[0], &state,
                                    &pending, &G[0, 0], eta, by_step, wanted.shape[0] == 0)
            else:
                size, start = 1, position * batch_size
                sums[0] += batch_step(&model, &passes.data, &order[0], start, min(batch_size, n - start), &W[0, 0],
                                      &b[0], &state, &pending, &G[0, 0], eta[0])
            done += size
            position += size
            if position % every == 0 or position == per_epoch or done == steps:
                fold(&model, &W[0, 0], &state, &pending)
            if position == per_epoch:
                if not (absolute(sums[0]) <= DBL_MAX and all_finite(&W[0, 0], k * d) and all_finite(&b[0], k)):
                    result = ~ended
                    break
                costs[ended] = sums[0] / n
                if wanted.shape[0]:
                    costs[ended] = NAN
                    if wanted[ended]:
                        costs[ended] = pass_all(&model, &passes.data, &W[0, 0], &b[0], &G[0, 0], NULL) / n
                        costs[ended] += penalty(&model, &W[0, 0])
                        if not absolute(n * costs[ended]) <= DBL_MAX:
                            result = ~ended
                            break
                ended += 1
                position = 0
    return result


cdef int check_type(Passes passes, floating[:, ::1] W) except -1:
    cdef bint single = sizeof(floating) == sizeof(float)
    if passes.data.single != single or W.shape[0] != passes.data.k or W.shape[1] != passes.data.d:
        raise TypeError("W has another type or shape than the data")
    return 0


def sample_order(int32_t[::1] order, uint64_t seed, uint64_t epoch):
    """Fill order with the rows in the order in which an epoch takes them."""
    with nogil:
        fill_order(&order[0], order.shape[0], seed, epoch)


include "sklearn.pxi"
