# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: autotestdict=False, infer_types=True
"""The compiled descent: many updates a call, state changed in place (the contract: gdfast/backends/__init__.py)."""

from cython cimport floating
from libc.float cimport DBL_MAX
from libc.math cimport NAN
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memset

from order cimport fill_order
from rows cimport add, add4, dot, dot4
from vocabulary cimport absolute, exp, log1p, maximum, minimum, sqrt, where  # no-cython-lint: what formulas.pxi calls

ctypedef fused gradient_type:
    float
    double

include "formulas.pxi"

# Rows handled while they are in the cache: their products, then their part of the gradient.
cdef enum:
    BLOCK = 256
    BLOCK_BYTES = 24576

cdef struct Model:
    int loss
    double c
    double l2
    double l1
    bint intercept
    int rule
    bint corrected  # the rule reads c1 and c2
    double mu
    double rho
    double eps
    double decay
    double clip_norm  # infinity: none
    double clip_value
    bint careful  # the gradient is needed as a whole before the step, or limits after it
    const double* factors  # of the penalty, NULL: all are 1
    const double* low  # bounds, NULL: none
    const double* high
    Py_ssize_t n
    Py_ssize_t d
    Py_ssize_t k

# What update rules, averaging and the cumulative l1 remember: (k, d + 1) each, the intercept behind each row.
cdef struct Memory:
    double* m
    double* v
    double* mean
    double* applied
    double* owed
    double* l1_owed  # by every coordinate alike
    Py_ssize_t t  # updates done
    Py_ssize_t count  # of them in the mean, -1: none is wanted
    double gain  # of an exponential mean; 0: 1 / count


cdef const double* pointer(const double[::1] values):
    return &values[0] if values is not None else NULL


cdef Model read_model(tuple numbers, tuple limits, Py_ssize_t n, Py_ssize_t d, Py_ssize_t k):
    cdef Model model
    model.loss, model.c, model.l2, model.l1, model.intercept = numbers[:5]
    model.rule, model.corrected, model.mu, model.rho, model.eps, model.decay = numbers[5:11]
    model.clip_norm, model.clip_value, model.careful = numbers[11:]
    model.factors, model.low, model.high = pointer(limits[0]), pointer(limits[1]), pointer(limits[2])
    model.n, model.d, model.k = n, d, k
    return model


cdef double* start_of(double[:, ::1] values):
    return &values[0, 0] if values.shape[0] else NULL


cdef Memory read_memory(tuple arrays, double[::1] sums, Py_ssize_t t, Py_ssize_t count, double gain):
    cdef Memory memory
    memory.m, memory.v, memory.mean = start_of(arrays[0]), start_of(arrays[1]), start_of(arrays[2])
    memory.applied, memory.owed, memory.l1_owed = start_of(arrays[3]), start_of(arrays[4]), &sums[1]
    memory.t, memory.count, memory.gain = t, count, gain
    return memory


cdef bint all_finite(const floating* w, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef int bad = 0
    for j in range(n):
        bad += not (absolute(w[j]) <= DBL_MAX)
    return bad == 0


cdef double penalty(const Model* model, const floating* W) noexcept nogil:
    cdef Py_ssize_t o, j
    cdef double total = 0.0
    if model.l2 == 0 and model.l1 == 0:
        return total
    if model.factors == NULL:
        for j in range(model.k * model.d):
            total += penalty_value(W[j], model.l2, model.l1)
        return total
    for o in range(model.k):
        for j in range(model.d):
            total += model.factors[j] * penalty_value(W[o * model.d + j], model.l2, model.l1)
    return total


cdef void predict(const floating* X, const int32_t* rows, Py_ssize_t size, Py_ssize_t d,
                  const floating* w, double b, double* z) noexcept nogil:
    """z = X[rows] w + b."""
    cdef Py_ssize_t i, whole = size - size % 4
    for i in range(0, whole, 4):
        dot4(X + rows[i] * d, X + rows[i + 1] * d, X + rows[i + 2] * d, X + rows[i + 3] * d, w, d, &z[i])
    for i in range(whole, size):
        z[i] = dot(X + rows[i] * d, w, d)
    for i in range(size):
        z[i] += b


cdef void add_rows(const floating* X, const int32_t* rows, Py_ssize_t size, Py_ssize_t d, const double* r,
                   floating* part, double* g) noexcept nogil:
    """g += X[rows]' r, and sum r behind it; summed in part first, which bounds the rounding of float32."""
    cdef Py_ssize_t i, j, whole = size - size % 4
    memset(part, 0, d * sizeof(floating))
    for i in range(0, whole, 4):
        add4(&r[i], X + rows[i] * d, X + rows[i + 1] * d, X + rows[i + 2] * d, X + rows[i + 3] * d, part, d)
    for i in range(whole, size):
        add(<floating>r[i], X + rows[i] * d, part, d)
    for j in range(d):
        g[j] += part[j]
    for i in range(size):
        g[d] += r[i]


cdef double pass_rows(const Model* model, const floating* X, const double* Y, const double* s,
                      const int32_t* order, Py_ssize_t start, Py_ssize_t stop, const floating* W,
                      const double* b, floating* part, double* G) noexcept nogil:
    """Return the sum of s_i loss_i over order[start:stop] (NULL: the rows themselves); add their gradient to G."""
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double y[BLOCK]
    cdef double weights[BLOCK]
    cdef int32_t rows[BLOCK]
    cdef const int32_t* chosen = rows
    cdef const floating* base = X
    cdef double total = 0.0
    cdef Py_ssize_t i, o, size, d = model.d, k = model.k, first = start
    cdef Py_ssize_t fitting = BLOCK_BYTES // (d * <Py_ssize_t>sizeof(floating)) // 4 * 4
    cdef Py_ssize_t block = max(<Py_ssize_t>4, min(<Py_ssize_t>BLOCK, fitting))
    if order == NULL:
        for i in range(BLOCK):
            rows[i] = <int32_t>i
    while first < stop:
        size = min(block, stop - first)
        if order == NULL:
            base = X + first * d
        else:
            chosen = order + first
        for o in range(k):
            predict(base, chosen, size, d, W + o * d, b[o], z)
            for i in range(size):
                y[i] = Y[(first + i if order == NULL else order[first + i]) * k + o]
            if s != NULL:
                for i in range(size):
                    weights[i] = s[first + i if order == NULL else order[first + i]]
            total += loss_block(model.loss, model.c, y, weights if s != NULL else NULL, z, r, size)
            add_rows(base, chosen, size, d, r, part, G + o * (d + 1))
        first += block
    return total


cdef double pass_columns(const Model* model, const floating* columns, const double* targets, const double* s,
                         const floating* W, const double* b, double* G) noexcept nogil:
    """Do the work of pass_rows over all rows, with X and Y by columns: few features, vectorised over rows."""
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double total = 0.0, part, w
    cdef const floating* x
    cdef Py_ssize_t i, j, o, size, first = 0, n = model.n, d = model.d
    if d == 1:
        for o in range(model.k):
            total += loss_line(model.loss, model.c, targets + o * n, s, columns, W[o], b[o], n, G + 2 * o)
        return total
    while first < n:
        size = min(<Py_ssize_t>BLOCK, n - first)
        for o in range(model.k):
            x, w, part = columns + first, W[o * d], b[o]
            for i in range(size):
                z[i] = part + w * x[i]
            for j in range(1, d):
                x, w = columns + j * n + first, W[o * d + j]
                for i in range(size):
                    z[i] += w * x[i]
            total += loss_block(model.loss, model.c, targets + o * n + first,
                                s + first if s != NULL else NULL, z, r, size)
            for j in range(d):
                x, part = columns + j * n + first, 0.0
                for i in range(size):
                    part += r[i] * x[i]
                G[o * (d + 1) + j] += part
            part = 0.0
            for i in range(size):
                part += r[i]
            G[o * (d + 1) + d] += part
        first += BLOCK
    return total


cdef void take_step(const Model* model, floating* W, double* b, const gradient_type* x, double a, double l2, double* m,
                    double* v, double eta, double c1, double c2, double one, Py_ssize_t o) noexcept nogil:
    """One step of output o along a [x one] + l2 w."""
    cdef Py_ssize_t d = model.d, at = o * (d + 1)
    optimizer_update(model.rule, W + o * d, x, a, l2, model.factors, m + at, v + at, eta, model.mu, model.rho,
                     model.eps, model.decay, c1, c2, d)
    if model.intercept:
        optimizer_update(model.rule, b + o, &one, a, <double>0.0, <const double*>NULL, m + at + d, v + at + d, eta,
                         model.mu, model.rho, model.eps, <double>0.0, c1, c2, 1)


cdef void corrections(const Model* model, Memory* memory, double* c1, double* c2) noexcept nogil:
    """Count an update, and find what it needs of the count."""
    memory.t += 1
    if model.corrected:
        c1[0] = correction(model.mu, memory.t)
        c2[0] = correction(model.rho, memory.t)


cdef void whole_gradient(const Model* model, const floating* W, double* G, double scale) noexcept nogil:
    """G <- scale G + l2 w, clipped by norm, then by value."""
    cdef Py_ssize_t o, j, d = model.d, size = model.k * (d + 1)
    cdef double square = 0.0
    for j in range(size):
        G[j] *= scale
    for o in range(model.k):
        for j in range(d):
            G[o * (d + 1) + j] += model.l2 * (1.0 if model.factors == NULL else model.factors[j]) * W[o * d + j]
        if not model.intercept:
            G[o * (d + 1) + d] = 0.0
    if model.clip_norm <= DBL_MAX:
        for j in range(size):
            square += G[j] * G[j]
        if sqrt(square) > model.clip_norm:
            scale = model.clip_norm / sqrt(square)
            for j in range(size):
                G[j] *= scale
    if model.clip_value <= DBL_MAX:
        for j in range(size):
            G[j] = clipped(G[j], model.clip_value)


cdef void careful_step(const Model* model, floating* W, double* b, Memory* memory, double* G, double scale, double eta,
                       double c1, double c2, bint cumulative) noexcept nogil:
    """One step along the whole gradient, then l1 at each coordinate's own rate, then the bounds."""
    cdef Py_ssize_t o, j, at, d = model.d
    cdef double threshold, old, v
    whole_gradient(model, W, G, scale)
    for o in range(model.k):
        at = o * (d + 1)
        take_step(model, W, b, G + at, 1.0, 0.0, memory.m, memory.v, eta, c1, c2, G[at + d], o)
        for j in range(d if model.l1 > 0 else 0):
            v = memory.v[at + j] if memory.v != NULL else 0.0
            threshold = model.l1 * optimizer_rate(model.rule, v, eta, model.mu, model.eps, c2)
            threshold *= 1.0 if model.factors == NULL else model.factors[j]
            old = W[o * d + j]
            if cumulative:
                memory.owed[at + j] += threshold
                W[o * d + j] = <floating>cumulative_l1(old, memory.applied[at + j], memory.owed[at + j])
                memory.applied[at + j] += W[o * d + j] - old
            else:
                W[o * d + j] = <floating>soft_threshold(old, threshold)
        if model.low != NULL:
            for j in range(d):
                W[o * d + j] = <floating>maximum(minimum(W[o * d + j], model.high[j]), model.low[j])


cdef void add_to_mean(const Model* model, const floating* W, const double* b, Memory* memory) noexcept nogil:
    """Take the iterate into the mean."""
    cdef Py_ssize_t o, j, at, d = model.d
    cdef double gain = memory.gain
    if memory.count < 0:
        return
    memory.count += 1
    if gain == 0:
        gain = 1.0 / memory.count
    for o in range(model.k):
        at = o * (d + 1)
        for j in range(d):
            memory.mean[at + j] = averaged(memory.mean[at + j], W[o * d + j], gain)
        memory.mean[at + d] = averaged(memory.mean[at + d], b[o], gain)


cdef void update(const Model* model, floating* W, double* b, Memory* memory, double* G, double scale,
                 double eta) noexcept nogil:
    """One step along scale G, then the proximal step of l1."""
    cdef Py_ssize_t o, j, d = model.d
    cdef double c1 = 1.0, c2 = 1.0, threshold
    corrections(model, memory, &c1, &c2)
    if model.careful:
        careful_step(model, W, b, memory, G, scale, eta, c1, c2, False)
    else:
        threshold = model.l1 * optimizer_rate(model.rule, 0.0, eta, model.mu, model.eps, c2)
        for o in range(model.k):
            take_step(model, W, b, G + o * (d + 1), scale, model.l2, memory.m, memory.v, eta, c1, c2,
                      G[o * (d + 1) + d], o)
        if threshold > 0:
            for j in range(model.k * d):
                W[j] = <floating>soft_threshold(W[j], threshold)
    add_to_mean(model, W, b, memory)


cdef double sgd_step(const Model* model, const floating* x, const double* y, double s, floating* W, double* b,
                     Memory* memory, double* G, double eta) noexcept nogil:
    """One update by one sample; return s loss before it."""
    cdef Py_ssize_t o, j, d = model.d
    cdef double z, r, total = 0.0, old, c1 = 1.0, c2 = 1.0
    corrections(model, memory, &c1, &c2)
    if model.l1 > 0:
        memory.l1_owed[0] += model.l1 * optimizer_rate(model.rule, 0.0, eta, model.mu, model.eps, c2)
    for o in range(model.k):
        z = dot(x, W + o * d, d) + b[o]
        total += s * loss_value(model.loss, model.c, y[o], z)
        r = s * loss_gradient(model.loss, model.c, y[o], z)
        if model.careful:
            for j in range(d):
                G[o * (d + 1) + j] = r * x[j]
            G[o * (d + 1) + d] = r
            continue
        take_step(model, W, b, x, r, model.l2, memory.m, memory.v, eta, c1, c2, 1.0, o)
        if model.l1 > 0:
            for j in range(d):
                old = W[o * d + j]
                W[o * d + j] = <floating>cumulative_l1(old, memory.applied[o * (d + 1) + j], memory.l1_owed[0])
                memory.applied[o * (d + 1) + j] += W[o * d + j] - old
    if model.careful:
        careful_step(model, W, b, memory, G, 1.0, eta, c1, c2, True)
    add_to_mean(model, W, b, memory)
    return total


def batch(const floating[:, ::1] X, const double[:, ::1] Y, const double[::1] s, bint by_columns, tuple numbers,
          tuple limits, floating[:, ::1] W, double[::1] b, tuple arrays, double[::1] sums, Py_ssize_t t,
          Py_ssize_t count, double gain, floating[::1] part, double[:, ::1] G, const double[::1] rates,
          bint objective, double[::1] costs, bint look):
    """Full-batch epochs, one for each rate; or (look) the two sums of the first, and its gradient in G, and no step."""
    cdef Py_ssize_t n = X.shape[1] if by_columns else X.shape[0], d = W.shape[1], k = W.shape[0]
    cdef Py_ssize_t e, epochs = rates.shape[0], result = epochs
    cdef Model model = read_model(numbers, limits, n, d, k)
    cdef Memory memory = read_memory(arrays, sums, t, count, gain)
    cdef const double* weights = &s[0] if s is not None else NULL
    cdef double total, extra
    with nogil:
        for e in range(epochs):
            memset(&G[0, 0], 0, k * (d + 1) * sizeof(double))
            if by_columns:
                total = pass_columns(&model, &X[0, 0], &Y[0, 0], weights, &W[0, 0], &b[0], &G[0, 0])
            else:
                total = pass_rows(&model, &X[0, 0], &Y[0, 0], weights, NULL, 0, n, &W[0, 0], &b[0], &part[0], &G[0, 0])
            extra = penalty(&model, &W[0, 0])
            if look:
                costs[0], costs[1] = total, extra
                break
            if not absolute(total + n * extra) <= DBL_MAX:
                result = ~e
                break
            costs[e] = total / n + (extra if objective else 0.0)
            update(&model, &W[0, 0], &b[0], &memory, &G[0, 0], 1.0 / n, rates[e])
            if not (all_finite(&W[0, 0], k * d) and all_finite(&b[0], k)):
                result = ~(e + 1)
                break
    return result


def stochastic(const floating[:, ::1] X, const double[:, ::1] Y, const double[::1] s, tuple numbers, tuple limits,
               floating[:, ::1] W, double[::1] b, tuple arrays, double[::1] sums, Py_ssize_t t, Py_ssize_t count,
               double gain, floating[::1] part, double[:, ::1] G, int32_t[::1] order, Py_ssize_t batch_size,
               bint shuffle, uint64_t seed, uint64_t epoch, Py_ssize_t position, Py_ssize_t steps,
               const double[::1] rates, bint by_step, const uint8_t[::1] wanted, double[::1] costs):
    """Mini-batch (batch_size > 1) or SGD updates; see gdfast.backends for the contract."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], k = W.shape[0]
    cdef Py_ssize_t done, start, size, ended = 0, result = steps
    cdef Py_ssize_t per_epoch = (n + batch_size - 1) // batch_size
    cdef Model model = read_model(numbers, limits, n, d, k)
    cdef Memory memory = read_memory(arrays, sums, t, count, gain)
    cdef const double* weights = &s[0] if s is not None else NULL
    cdef double eta
    with nogil:
        for done in range(steps):
            if position == 0:
                sums[0] = 0.0
                if shuffle:
                    fill_order(&order[0], n, seed, epoch + ended)
            eta = rates[done if by_step else ended]
            start = position * batch_size
            if batch_size == 1:
                start = order[start]
                sums[0] += sgd_step(&model, &X[start, 0], &Y[start, 0], weights[start] if weights != NULL else 1.0,
                                    &W[0, 0], &b[0], &memory, &G[0, 0], eta)
            else:
                size = min(batch_size, n - start)
                memset(&G[0, 0], 0, k * (d + 1) * sizeof(double))
                sums[0] += pass_rows(&model, &X[0, 0], &Y[0, 0], weights, &order[0], start, start + size,
                                     &W[0, 0], &b[0], &part[0], &G[0, 0])
                update(&model, &W[0, 0], &b[0], &memory, &G[0, 0], 1.0 / size, eta)
            position += 1
            if position == per_epoch:
                if not (absolute(sums[0]) <= DBL_MAX and all_finite(&W[0, 0], k * d) and all_finite(&b[0], k)):
                    result = ~ended
                    break
                costs[ended] = sums[0] / n
                if wanted.shape[0]:
                    costs[ended] = NAN
                    if wanted[ended]:
                        memset(&G[0, 0], 0, k * (d + 1) * sizeof(double))
                        costs[ended] = pass_rows(&model, &X[0, 0], &Y[0, 0], weights, NULL, 0, n, &W[0, 0], &b[0],
                                                 &part[0], &G[0, 0]) / n + penalty(&model, &W[0, 0])
                        if not absolute(n * costs[ended]) <= DBL_MAX:
                            result = ~ended
                            break
                ended += 1
                position = 0
    return result


def sample_order(int32_t[::1] order, uint64_t seed, uint64_t epoch):
    """Fill order with the rows in the order in which an epoch takes them."""
    with nogil:
        fill_order(&order[0], order.shape[0], seed, epoch)
