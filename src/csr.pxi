# Passes over sparse rows (CSR), and stochastic updates by them: of descent.pyx.

ctypedef fused index_type:
    int32_t
    int64_t


cdef inline double csr_dot(const floating* x, const index_type* columns, Py_ssize_t count,
                           const floating* w) noexcept nogil:
    """Return the product of a row and w, in four sums, since each waits for its last addition."""
    cdef floating a0 = 0, a1 = 0, a2 = 0, a3 = 0
    cdef Py_ssize_t i, whole = count - count % 4
    for i in range(0, whole, 4):
        a0 += x[i] * w[columns[i]]
        a1 += x[i + 1] * w[columns[i + 1]]
        a2 += x[i + 2] * w[columns[i + 2]]
        a3 += x[i + 3] * w[columns[i + 3]]
    for i in range(whole, count):
        a0 += x[i] * w[columns[i]]
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
    cdef Py_ssize_t start, count
    if 2 * AHEAD < known:
        prefetch(indptr + rows[2 * AHEAD])
    if AHEAD < known:
        start, count = indptr[rows[AHEAD]], indptr[rows[AHEAD] + 1] - indptr[rows[AHEAD]]
        prefetch_row(X + start, count)
        prefetch_row(indices + start, count)


cdef inline Py_ssize_t row_at(const int32_t* order, Py_ssize_t i) noexcept nogil:
    return i if order == NULL else order[i]


cdef void csr_predict(const Data* data, const index_type* indices, const int32_t* order, Py_ssize_t first,
                      Py_ssize_t size, Py_ssize_t known, const floating* w, double scale, double b,
                      double* z) noexcept nogil:
    """z = scale X[rows] w + b, the rows being order[first:first + size] (NULL: as they lie)."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, row, start
    for i in range(size):
        if order != NULL:
            csr_fetch(X, indices, indptr, order + first + i, known - i)
        row = row_at(order, first + i)
        start = indptr[row]
        z[i] = scale * csr_dot(X + start, indices + start, indptr[row + 1] - start, w) + b


cdef void csr_add_rows(const Data* data, const index_type* indices, const int32_t* order, Py_ssize_t first,
                       Py_ssize_t size, const double* r, gradient_type* g, floating* typed) noexcept nogil:
    """g += X[rows]' r; `typed` tells the type of X alone."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, row, start
    for i in range(size):
        row = row_at(order, first + i)
        start = indptr[row]
        csr_add(r[i], X + start, indices + start, indptr[row + 1] - start, g)


cdef double csr_pass(const Model* model, const Data* data, const index_type* indices, const int32_t* order,
                     Py_ssize_t start, Py_ssize_t stop, const floating* W, const double* b, double* G) noexcept nogil:
    """Do what pass_rows does."""
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double total = 0.0
    cdef Py_ssize_t i, o, size, d = data.d, first = start
    while first < stop:
        size = min(<Py_ssize_t>BLOCK, stop - first)
        for o in range(data.k):
            csr_predict(data, indices, order, first, size, data.n - first if o == 0 else 0, W + o * d, 1.0, b[o], z)
            total += losses_at(model, data, order, first, size, o, z, r)
            csr_add_rows(data, indices, order, first, size, r, G + o * (d + 1), <floating*>NULL)
            for i in range(size):
                G[o * (d + 1) + d] += r[i]
        first += BLOCK
    return total


cdef double pass_sparse(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t stop,
                        const floating* W, const double* b, double* G) noexcept nogil:
    """Do what pass_rows does, by the type of the indices."""
    if data.wide:
        return csr_pass(model, data, <const int64_t*>data.indices, order, start, stop, W, b, G)
    return csr_pass(model, data, <const int32_t*>data.indices, order, start, stop, W, b, G)


cdef void wide_update(const Model* model, const Data* data, const floating* x, const index_type* columns,
                      Py_ssize_t count, const double* y, double s, floating* W, double* b, Memory* memory, double* G,
                      double eta, double* z) noexcept nogil:
    """One update that touches every coefficient: the row is written out among zeros, which are left behind."""
    cdef floating* room = <floating*>(data.sums + 1 + data.k * (data.d + 1))
    cdef Py_ssize_t i
    for i in range(count):
        room[columns[i]] = x[i]
    sgd_step(model, room, y, s, W, b, memory, G, eta, z)
    for i in range(count):
        room[columns[i]] = 0


cdef void csr_updates(const Model* model, const Data* data, const index_type* indices, const int32_t* rows,
                      Py_ssize_t size, Py_ssize_t known, const double* y, const double* s, floating* W, double* b,
                      Memory* memory, double* G, const double* eta, bint by_step, double* z) noexcept nogil:
    """Do the updates of sgd_span, `known` rows of the epoch being still to come."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef Py_ssize_t i, start, count, k = data.k
    for i in range(size):
        csr_fetch(X, indices, indptr, rows + i, known - i)
        start = indptr[rows[i]]
        count = indptr[rows[i] + 1] - start
        wide_update(model, data, X + start, indices + start, count, y + i * k, s[i], W, b, memory, G,
                    eta[i if by_step else 0], z + i * k)


cdef void sparse_updates(const Model* model, const Data* data, const int32_t* rows, Py_ssize_t size, Py_ssize_t known,
                         const double* y, const double* s, floating* W, double* b, Memory* memory, double* G,
                         const double* eta, bint by_step, double* z) noexcept nogil:
    """Do the same, by the type of the indices."""
    if data.wide:
        csr_updates(model, data, <const int64_t*>data.indices, rows, size, known, y, s, W, b, memory, G, eta, by_step,
                    z)
    else:
        csr_updates(model, data, <const int32_t*>data.indices, rows, size, known, y, s, W, b, memory, G, eta, by_step,
                    z)
