# Sparse rows (CSR): passes over them, and stochastic updates by them.

cdef inline double csr_dot(const floating* x, const index_type* columns, Py_ssize_t count,
                           const floating* w) noexcept nogil:
    """Return the product of a row and w, in four sums, since each waits for its last addition.

    They are held apart: of vectors the compiler makes permutations and gathers, which take twice as long.
    """
    cdef floating a0 = 0, a1 = 0, a2 = 0, a3 = 0
    cdef Py_ssize_t i, whole = count - count % 4
    for i in range(0, whole, 4):
        a0 += x[i] * w[columns[i]]
        a1 += x[i + 1] * w[columns[i + 1]]
        a2 += x[i + 2] * w[columns[i + 2]]
        a3 += x[i + 3] * w[columns[i + 3]]
        HOLD(a0)
        HOLD(a1)
        HOLD(a2)
        HOLD(a3)
    for i in range(whole, count):
        a0 += x[i] * w[columns[i]]
        HOLD(a0)
    return (a0 + a1) + (a2 + a3)


cdef inline void csr_add(double a, const floating* x, const index_type* columns, Py_ssize_t count,
                         gradient_type* g) noexcept nogil:
    """g += a times a row."""
    cdef Py_ssize_t i
    cdef gradient_type t = <gradient_type>a
    for i in range(count):
        g[columns[i]] += t * x[i]


cdef inline void csr_fetch(const floating* X, const index_type* indices, const index_type* indptr,
                           const int32_t* rows, Py_ssize_t known) noexcept nogil:
    """Ask memory for the row AHEAD of rows[0], of which so many are known, and for where the next ones begin."""
    cdef Py_ssize_t start, count = 0
    if 2 * AHEAD < known:
        prefetch(indptr + rows[2 * AHEAD])
    if AHEAD < known:
        start = row_start(indptr, rows[AHEAD], &count)
        prefetch_row(X + start, count)
        prefetch_row(indices + start, count)


cdef inline Py_ssize_t row_start(const index_type* indptr, Py_ssize_t row, Py_ssize_t* count) noexcept nogil:
    """Return where a row begins, and write how many values it has."""
    cdef Py_ssize_t start = indptr[row]
    count[0] = indptr[row + 1] - start
    return start


cdef inline Py_ssize_t row_at(const int32_t* order, Py_ssize_t i) noexcept nogil:
    return i if order == NULL else order[i]


cdef void csr_predict(const Data* data, const index_type* indices, const int32_t* order, Py_ssize_t first,
                      Py_ssize_t size, Py_ssize_t known, const floating* w, double scale, double b,
                      double* z) noexcept nogil:
    """z = scale X[rows] w + b, the rows being order[first:first + size] (NULL: as they lie)."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, start, count = 0
    for i in range(size):
        if order != NULL:
            csr_fetch(X, indices, indptr, order + first + i, known - i)
        start = row_start(indptr, row_at(order, first + i), &count)
        z[i] = scale * csr_dot(X + start, indices + start, count, w) + b


cdef void csr_add_rows(const Data* data, const index_type* indices, const int32_t* order, Py_ssize_t first,
                       Py_ssize_t size, const double* r, gradient_type* g, floating* typed) noexcept nogil:
    """g += X[rows]' r; `typed` tells the type of X alone."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, start, count = 0
    for i in range(size):
        start = row_start(indptr, row_at(order, first + i), &count)
        csr_add(r[i], X + start, indices + start, count, g)


cdef double csr_pass(const Model* model, const Data* data, const index_type* indices, const int32_t* order,
                     Py_ssize_t start, Py_ssize_t stop, const floating* W, const double* b, double* workspace,
                     double* G) noexcept nogil:
    """Do what pass_rows does."""
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double* at = z
    cdef double total = 0.0, unused = 0.0
    cdef Py_ssize_t o, size, d = data.d, first = start
    while first < stop:
        size = min(<Py_ssize_t>BLOCK, stop - first)
        for o in range(data.k if model.coupled else 0):
            csr_predict(data, indices, order, first, size, data.n - first if o == 0 else 0, W + o * d, 1.0, b[o],
                        workspace + o * BLOCK)
        if model.coupled:
            log_normalise(workspace, data.k, BLOCK, size)
        for o in range(data.k):
            if model.coupled:
                at = workspace + o * BLOCK
            else:
                csr_predict(data, indices, order, first, size, data.n - first if o == 0 else 0, W + o * d, 1.0, b[o], z)
            total += losses_at(model, data, order, first, size, o, at, r, sum_of_slopes(G, o, d, &unused))
            if G != NULL:
                csr_add_rows(data, indices, order, first, size, r, G + o * (d + 1), <floating*>NULL)
        first += BLOCK
    return total


cdef double pass_sparse(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t stop,
                        const floating* W, const double* b, double* workspace, double* G) noexcept nogil:
    """Do what pass_rows does, by the type of the indices."""
    if data.wide:
        return csr_pass(model, data, <const int64_t*>data.indices, order, start, stop, W, b, workspace, G)
    return csr_pass(model, data, <const int32_t*>data.indices, order, start, stop, W, b, workspace, G)


cdef void wide_update(const Model* model, const Data* data, const floating* x, const index_type* columns,
                      Py_ssize_t count, const double* y, double s, floating* W, double* b, State* state, double* G,
                      double eta, double* z) noexcept nogil:
    """One update that touches every coefficient: the row is written out among zeros, which are left behind."""
    cdef floating* workspace = <floating*>(data.sums + 1 + data.k * (data.d + 1))
    cdef Py_ssize_t i
    for i in range(count):
        workspace[columns[i]] = x[i]
    sgd_step(model, workspace, y, s, W, b, state, G, eta, z)
    for i in range(count):
        workspace[columns[i]] = 0


cdef void narrow_update(const Model* model, const Data* data, const floating* x, const index_type* columns,
                        Py_ssize_t count, const double* y, double s, floating* W, double* b, State* state, double* G,
                        double eta, double* z) noexcept nogil:
    """One update by a rule that leaves the other coefficients alone: that of a dense row without them.

    The squares are in G meanwhile, which such an update does not need, and the coefficients where passes sum.
    """
    cdef floating* w = <floating*>data.sums
    cdef Model small = model[0]
    cdef State squares = state[0]
    cdef Py_ssize_t i, o, d = data.d, k = data.k
    small.d, squares.v = count, G
    for o in range(k):
        for i in range(count):
            w[o * count + i] = W[o * d + columns[i]]
            G[o * (count + 1) + i] = state.v[o * (d + 1) + columns[i]]
        G[o * (count + 1) + count] = state.v[o * (d + 1) + d]
    sgd_step(&small, x, y, s, w, b, &squares, G, eta, z)
    for o in range(k):
        for i in range(count):
            W[o * d + columns[i]] = w[o * count + i]
            state.v[o * (d + 1) + columns[i]] = G[o * (count + 1) + i]
        state.v[o * (d + 1) + d] = G[o * (count + 1) + count]
    state.t = squares.t


cdef inline void lazy_update(const Model* model, const floating* x, const index_type* columns, Py_ssize_t count,
                             const double* y, double s, floating* W, double* b, State* state, Pending* pending,
                             double part, double eta, double* z, double* G) noexcept nogil:
    """One update of gd at the row's own coefficients. The mean of iterates has G for what it puts off."""
    cdef double before = pending.whole, r
    cdef Py_ssize_t o, d = model.d
    cdef bint meaning = state.count >= 0
    if meaning and pending.now == 0:
        memset(G, 0, model.k * (d + 1) * sizeof(double))
        pending.missed = G
    if pending.until != NULL:
        add_pending_l1(model, columns, count, W, state, pending, part, eta)
    else:
        shrink(pending, part)
    for o in range(model.k):
        z[o] = before * csr_dot(x, columns, count, W + o * d) + b[o]
    if model.coupled:
        log_normalise(z, model.k, 1, 1)
    for o in range(model.k):
        r = s * bounded_gradient(model, y[o], z[o])
        if meaning:
            add_and_miss(gd_step(r, eta) / pending.whole, x, columns, count, W + o * d, G + o * (d + 1),
                         pending.scales_sum)
        else:
            csr_add(gd_step(r, eta) / pending.whole, x, columns, count, W + o * d)
        if pending.until != NULL:
            draw(columns, count, W + o * d, state.applied + o * (d + 1), state.l1_pending[0], pending.whole)
        if model.intercept:
            b[o] += gd_step(r, eta)
        if meaning:
            state.mean[o * (d + 1) + d] = averaged(state.mean[o * (d + 1) + d], b[o], 1.0 / (state.count + 1))
    state.t += 1
    if meaning:
        state.count += 1
        pending.scales_sum += pending.whole
    if pending.whole < (MEAN_SCALE if meaning else SMALLEST_SCALE):
        fold(model, W, state, pending)


cdef inline bint puts_off(const Model* model, const State* state, const Pending* pending) noexcept nogil:
    """Whether what an update owes the coefficients that no row holds can wait; by gd, where nothing else sees them."""
    return (model.rule == GD and not model.checked and model.factors == NULL and state.count < 0
            and (model.l1 == 0 or pending.until != NULL))


cdef inline bint puts_off_mean(const Model* model, const State* state) noexcept nogil:
    """Whether that holds of SGD with a mean of iterates, which can wait too; an exponential one cannot."""
    return (model.rule == GD and not model.checked and model.factors == NULL and model.l1 == 0
            and state.count >= 0 and state.gain == 0)


cdef void csr_updates(const Model* model, const Data* data, const index_type* indices, const int32_t* rows,
                      Py_ssize_t size, Py_ssize_t known, const double* y, const double* s, floating* W, double* b,
                      State* state, Pending* pending, double* G, const double* eta, bint by_step,
                      double* z) noexcept nogil:
    """Do the updates of sgd_span, `known` rows of the epoch being still to come."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, start, count = 0, k = data.k
    cdef bint lazy = puts_off(model, state, pending) or puts_off_mean(model, state)
    cdef bint narrow = (model.rule == ADAGRAD and model.l2 == 0 and model.l1 == 0 and not model.checked
                        and state.count < 0)
    cdef double rate, part
    for i in range(size):
        csr_fetch(X, indices, indptr, rows + i, known - i)
        start = row_start(indptr, rows[i], &count)
        rate = eta[i if by_step else 0]
        part = -gd_step(model.l2, rate)
        if lazy and part < 1:
            lazy_update(model, X + start, indices + start, count, y + i * k, s[i], W, b, state, pending, part, rate,
                        z + i * k, G)
        elif narrow:
            narrow_update(model, data, X + start, indices + start, count, y + i * k, s[i], W, b, state, G, rate,
                          z + i * k)
        else:
            fold(model, W, state, pending)
            wide_update(model, data, X + start, indices + start, count, y + i * k, s[i], W, b, state, G, rate,
                        z + i * k)


cdef double csr_batch(const Model* model, const Data* data, const index_type* indices, const int32_t* order,
                      Py_ssize_t start, Py_ssize_t size, floating* W, double* b, State* state, Pending* pending,
                      double part, double eta) noexcept nogil:
    """One update of gd by a mini-batch at its rows' own coefficients; return its sum of s_i loss_i before it."""
    cdef double block[BLOCK]
    cdef double* z = block
    cdef double* r = data.scratch
    cdef double total = 0.0, unused = 0.0
    cdef Py_ssize_t i, o, count, known, d = data.d, first = 0
    while first < size:
        count = min(<Py_ssize_t>BLOCK, size - first)
        for o in range(data.k if model.coupled else 0):
            known = data.n - start - first if o == 0 else 0
            csr_predict(data, indices, order, start + first, count, known, W + o * d, pending.whole, b[o],
                        data.coupled + o * BLOCK)
        if model.coupled:
            log_normalise(data.coupled, data.k, BLOCK, count)
        for o in range(data.k):
            known = data.n - start - first if o == 0 else 0
            if model.coupled:
                z = data.coupled + o * BLOCK
            else:
                csr_predict(data, indices, order, start + first, count, known, W + o * d, pending.whole, b[o], z)
            total += losses_at(model, data, order, start + first, count, o, z, r + o * size + first, &unused)
        first += BLOCK
    shrink(pending, part)
    for o in range(data.k):
        for i in range(size):
            r[i] = gd_step(r[i] / size, eta)
            if model.intercept:
                b[o] += r[i]
            r[i] /= pending.whole
        csr_add_rows(data, indices, order, start, size, r, W + o * d, <floating*>NULL)
        r += size
    state.t += 1
    if pending.whole < SMALLEST_SCALE:
        fold(model, W, state, pending)
    return total


cdef double lazy_batch(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t size,
                       floating* W, double* b, State* state, Pending* pending, double part, double eta) noexcept nogil:
    """Do the same, by the type of the indices."""
    if data.wide:
        return csr_batch(model, data, <const int64_t*>data.indices, order, start, size, W, b, state, pending, part, eta)
    return csr_batch(model, data, <const int32_t*>data.indices, order, start, size, W, b, state, pending, part, eta)


cdef void sparse_updates(const Model* model, const Data* data, const int32_t* rows, Py_ssize_t size, Py_ssize_t known,
                         const double* y, const double* s, floating* W, double* b, State* state, Pending* pending,
                         double* G, const double* eta, bint by_step, double* z) noexcept nogil:
    """Do the same, by the type of the indices."""
    if data.wide:
        csr_updates(model, data, <const int64_t*>data.indices, rows, size, known, y, s, W, b, state, pending, G, eta,
                    by_step, z)
    else:
        csr_updates(model, data, <const int32_t*>data.indices, rows, size, known, y, s, W, b, state, pending, G, eta,
                    by_step, z)
