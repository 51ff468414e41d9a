# Passes over the rows as they lie: the sum of losses and its gradient, by dense rows or by columns.

cdef inline void fetch(const floating* X, const int32_t* rows, Py_ssize_t start, Py_ssize_t stop,
                       Py_ssize_t d) noexcept nogil:
    """Ask memory for rows[start:stop]."""
    cdef Py_ssize_t i
    for i in range(start, stop):
        prefetch_row(X + rows[i] * d, d)


cdef double losses_of(const Model* model, const double* y, const double* s, const double* z, double* r,
                      Py_ssize_t size, double* g) noexcept nogil:
    """Return the sum of s_i loss_i over at most a block, write s_i loss_i' into r, and add their sum to g.

    s NULL: all are 1.
    """
    cdef double values[BLOCK]
    cdef double excesses[BLOCK]
    cdef double sums[2]
    cdef Py_ssize_t i
    if loss_sums(model.loss, model.c, y, s, z, r, size, sums):
        g[0] += sums[1]
        return sums[0]
    if (s == NULL and size >= 2 * SUMS_OF_LOGS
            and log1p_block(model.loss, model.c, y, z, values, excesses, r, size)):
        g[0] += sum_of(r, size)
        return sum_of_log1p(values, excesses, size)
    loss_block(model.loss, model.c, y, z, values, r, size)
    if s != NULL:
        for i in range(size):
            values[i] *= s[i]
            r[i] *= s[i]
    g[0] += sum_of(r, size)
    return sum_of(values, size)


cdef inline double* sum_of_slopes(double* G, Py_ssize_t o, Py_ssize_t d, double* unused) noexcept nogil:
    """Return where the gradient of an output by its intercept is added up; G NULL: it is not wanted."""
    return G + o * (d + 1) + d if G != NULL else unused


cdef double losses_at(const Model* model, const Data* data, const int32_t* order, Py_ssize_t first, Py_ssize_t size,
                      Py_ssize_t o, const double* z, double* r, double* g) noexcept nogil:
    """Do that for output o over order[first:first + size] (NULL: the rows themselves)."""
    cdef const double* Y = data.Y
    cdef const double* s = data.weights
    cdef double y[BLOCK]
    cdef double weights[BLOCK]
    cdef Py_ssize_t i, k = data.k
    if order == NULL and k == 1:
        return losses_of(model, Y + first, behind_rows(s, first), z, r, size, g)
    for i in range(size):
        y[i] = Y[(first + i if order == NULL else <Py_ssize_t>order[first + i]) * k + o]
    if s != NULL:
        for i in range(size):
            weights[i] = s[first + i if order == NULL else <Py_ssize_t>order[first + i]]
    return losses_of(model, y, weights if s != NULL else NULL, z, r, size, g)


cdef double pass_rows(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t stop,
                      const floating* W, const double* b, floating* part, double* workspace, double* G) noexcept nogil:
    """Return the sum of s_i loss_i over order[start:stop] (NULL: the rows themselves); add their gradient to G, if any.

    workspace (k, BLOCK) is for a loss that takes a row's outputs together.
    """
    cdef const floating* X = <const floating*>data.X
    cdef bint single = sizeof(floating) == sizeof(float)
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double* at
    cdef Block block
    cdef double total = 0.0, unused = 0.0
    cdef Py_ssize_t o, known, d = data.d, k = data.k, first = start, bytes = d * <Py_ssize_t>sizeof(floating)
    cdef Py_ssize_t fitting = BLOCK_BYTES // bytes // 8 * 8
    cdef Py_ssize_t enough = BLOCK_ROWS_BYTES // bytes // 8 * 8
    cdef Py_ssize_t wanted = max(fitting, min(<Py_ssize_t>BLOCK_ROWS, enough))
    cdef Py_ssize_t rows = max(<Py_ssize_t>8, min(<Py_ssize_t>BLOCK, wanted))
    cdef bint far = data.n * bytes > (<Py_ssize_t>FAR if order == NULL else <Py_ssize_t>NEAR)
    while first < stop:
        block.size = min(rows, stop - first)
        known = min(block.size, data.n - first - block.size) if far else 0
        if order == NULL:
            block.X, block.rows = X + first * d, NULL
            block.later, block.coming = X + (first + block.size) * d, NULL
        else:
            block.X = block.later = X
            block.rows, block.coming = order + first, order + first + block.size
        for o in range(k):
            at = workspace + o * BLOCK if model.coupled else z
            block.known = known if o == 0 else 0
            predict_rows(single, &block, d, W + o * d, b[o], at)
            if not model.coupled:
                total += losses_at(model, data, order, first, block.size, o, z, r, sum_of_slopes(G, o, d, &unused))
                if G != NULL:
                    add_rows(single, &block, d, r, part, k > 1 or first == start, k > 1 or first + rows >= stop,
                             G + o * (d + 1))
        if model.coupled:
            log_normalise(workspace, k, BLOCK, block.size)
            for o in range(k):
                total += losses_at(model, data, order, first, block.size, o, workspace + o * BLOCK, r,
                                   sum_of_slopes(G, o, d, &unused))
                block.known = known if o == 0 else 0
                if G != NULL:
                    add_rows(single, &block, d, r, part, True, True, G + o * (d + 1))
        first += rows
    return total


cdef inline const double* behind_rows(const double* weights, Py_ssize_t rows) noexcept nogil:
    """Return where the weights after so many rows begin; NULL remains NULL."""
    return weights + rows if weights != NULL else NULL


cdef double pass_columns(const Model* model, const Data* data, Py_ssize_t start, Py_ssize_t stop, const floating* W,
                         const double* b, double* G) noexcept nogil:
    """Do the work of pass_rows over rows as they lie, with X and Y by columns: few features, vectorised over rows."""
    cdef const floating* columns = <const floating*>data.columns
    cdef const double* targets = data.targets
    cdef const double* s = data.weights
    cdef bint single = sizeof(floating) == sizeof(float)
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double total = 0.0, part = 0.0
    cdef double unused[2]
    cdef Py_ssize_t o, size, first = start, n = model.n, d = model.d
    for o in range(model.k if d == 1 else 0):
        if not loss_line(model.loss, model.c, single, targets + o * n + start, behind_rows(s, start), columns + start,
                         W[o], b[o], stop - start, &part, G + 2 * o if G != NULL else unused):
            break
        total += part
    else:
        if d == 1:
            return total
    while first < stop:
        size = min(<Py_ssize_t>BLOCK, stop - first)
        for o in range(model.k):
            predict_by_columns(single, columns + first, n, d, W + o * d, b[o], z, size)
            total += losses_of(model, targets + o * n + first, behind_rows(s, first), z, r, size,
                               sum_of_slopes(G, o, d, unused))
            if G != NULL:
                add_by_columns(single, columns + first, n, d, r, G + o * (d + 1), size)
        first += BLOCK
    return total


# A pass over order[start:stop] (NULL: the rows themselves), in so many slabs, which are fixed by the data and the batch
# size, so that no bit depends on how many threads share them.
cdef struct Pass:
    const int32_t* order
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t slab  # rows of one
    Py_ssize_t slabs
    bint slopes  # whether the gradient is wanted

# Threads that share the slabs of passes.
cdef struct Shared:
    Team team
    Pass at_work  # as long as the leader has it open


cdef inline Pass pass_over_all(const Data* data, bint slopes) noexcept nogil:
    """Return a pass over all rows as they lie."""
    cdef Pass rows
    rows.order, rows.start, rows.stop, rows.slab, rows.slabs = NULL, 0, data.n, data.slab, data.slabs
    rows.slopes = slopes
    return rows


cdef inline Pass pass_over_batch(const Data* data, const int32_t* order, Py_ssize_t start,
                                 Py_ssize_t size) noexcept nogil:
    """Return a pass over a mini-batch, of which large ones have several slabs."""
    cdef Pass rows
    cdef Py_ssize_t slabs = min(data.slabs, size // BATCH_SLAB) if size >= SHARED_BATCH else 1
    rows.order, rows.start, rows.stop, rows.slopes = order, start, start + size, True
    rows.slab = (size + slabs - 1) // slabs
    rows.slab += (8 - rows.slab % 8) % 8  # whole eights of rows, but for the last
    rows.slabs = (size + rows.slab - 1) // rows.slab
    return rows


cdef double pass_slab(const Model* model, const Data* data, const Pass* rows, Py_ssize_t slab, const floating* W,
                      const double* b, double* G) noexcept nogil:
    """Return the sum of s_i loss_i over one slab, and write its gradient into G; NULL: it is not wanted."""
    cdef Py_ssize_t width = data.k * (data.d + 1), start = rows.start + slab * rows.slab
    cdef Py_ssize_t stop = min(start + rows.slab, rows.stop)
    cdef double* workspace = behind(data.coupled, slab * BLOCK * data.k)
    cdef Py_ssize_t j
    for j in range(width if G != NULL else 0):
        G[j] = 0.0
    if data.sparse:
        return pass_sparse(model, data, rows.order, start, stop, W, b, workspace, G)
    if data.columns != NULL and rows.order == NULL:
        return pass_columns(model, data, start, stop, W, b, G)
    return pass_rows(model, data, rows.order, start, stop, W, b, <floating*>(sums_of_slab(data, slab) + 1 + width),
                     workspace, G)


cdef inline double* sums_of_slab(const Data* data, Py_ssize_t slab) noexcept nogil:
    """Return where a slab has its sums: the loss and its gradient, and behind them a workspace for add_rows."""
    return data.sums + slab * data.width


cdef inline void keep_slab(const Model* model, const Data* data, const Pass* rows, Py_ssize_t slab, const floating* W,
                           const double* b) noexcept nogil:
    """Write the sums of one slab, those of the gradient where they are wanted."""
    cdef double* sums = sums_of_slab(data, slab)
    sums[0] = pass_slab(model, data, rows, slab, W, b, sums + 1 if rows.slopes else NULL)


cdef double pass_over(const Model* model, const Data* data, const Pass* rows, const floating* W, const double* b,
                      double* G, Shared* shared) noexcept nogil:
    """Return the sum of s_i loss_i over rows, and write its gradient into G where wanted; threads may share it."""
    cdef Py_ssize_t slab, j, width = data.k * (data.d + 1) if rows.slopes else 0
    cdef const double* sums = data.sums
    cdef double total
    cdef int number
    if rows.slabs == 1:
        return pass_slab(model, data, rows, 0, W, b, G if rows.slopes else NULL)
    if shared != NULL:
        shared.at_work = rows[0]
        number = team_open(&shared.team, rows.slabs)
        while True:
            slab = team_take(&shared.team, number)
            if slab < 0:
                break
            keep_slab(model, data, rows, slab, W, b)
            team_serve(&shared.team)
        team_share(&shared.team)
    else:
        for slab in range(rows.slabs):
            keep_slab(model, data, rows, slab, W, b)
    total = sums[0]
    for j in range(width):
        G[j] = sums[1 + j]
    for slab in range(1, rows.slabs):
        sums = sums_of_slab(data, slab)
        total += sums[0]
        for j in range(width):
            G[j] += sums[1 + j]
    return total


cdef inline double pass_all(const Model* model, const Data* data, const floating* W, const double* b, double* G,
                            Shared* shared) noexcept nogil:
    """Do that over all rows as they lie; G NULL: the gradient is not wanted."""
    cdef Pass rows = pass_over_all(data, G != NULL)
    return pass_over(model, data, &rows, W, b, G, shared)


cdef class Passes:
    """The data of a Problem as C pointers, with a workspace for what a pass over all of it sums.

    X is (n, d) by rows, an array or a CSR; columns and targets are X' and Y' where passes over all rows take those.
    `sums` is (slabs, 1 + k (d + 1) + d + 32), zeros if X is sparse: each fixed part of the rows has its own sums, which
    are added in their order, so that no bit depends on how many threads share them, and workspace for add_rows; coupled
    is (slabs, BLOCK k), where the loss takes the outputs of a row together.
    `gradient` (k, d + 1) is where passes and updates leave a gradient; window and until are those of read_pending.
    """

    cdef Data data
    cdef Pending pending
    cdef double* G
    cdef tuple kept

    def __init__(self, *, X, const double[:, ::1] Y, double[:, ::1] sums, Py_ssize_t slab, double[::1] scratch,
                 const double[::1] weights=None, columns=None, targets=None, double[:, ::1] coupled=None,
                 double[:, ::1] gradient=None, double[:, ::1] window=None, int32_t[::1] until=None):
        cdef const double[:, ::1] other
        cdef Py_ssize_t n = X.shape[0], d = X.shape[1]
        self.kept = (X, Y, weights, columns, targets, sums, scratch, coupled, gradient, window, until)
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
        self.data.slab, self.data.slabs, self.data.width = slab, sums.shape[0], sums.shape[1]
        self.data.sums, self.data.scratch = &sums[0, 0], &scratch[0]
        self.data.coupled = start_of(coupled) if coupled is not None else NULL
        self.G = start_of(gradient) if gradient is not None else NULL
        self.pending = read_pending(window, until)


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
    """Threads that share the slabs of passes."""

    cdef Shared shared

    def __init__(self):
        team_reset(&self.shared.team)

    def close(self):
        """Let the helpers go, whatever became of the call."""
        team_close(&self.shared.team)

    def serve(self, Passes passes, CompiledModel compiled, state):
        """Take slabs until the call that leads the crew is over."""
        cdef Model model = model_for(compiled, &passes.data)
        cdef double* b = start_of_intercepts(passes, state.b)
        if passes.data.single:
            serve_slabs(&model, &passes.data, <const float*>start_of_coefficients(passes, state.W), b, &self.shared)
        else:
            serve_slabs(&model, &passes.data, <const double*>start_of_coefficients(passes, state.W), b, &self.shared)


cdef int serve_slabs(const Model* model, const Data* data, const floating* W, const double* b,
                     Shared* shared) except -1:
    """Take slabs of the passes that the leader opens, until it closes the team."""
    cdef int number = 0
    cdef Py_ssize_t slab
    with nogil:
        while team_wait(&shared.team, &number):
            while True:
                slab = team_take(&shared.team, number)
                if slab < 0:
                    break
                keep_slab(model, data, &shared.at_work, slab, W, b)
                team_serve(&shared.team)
    return 0


cdef int check_coefficients(Passes passes, floating[:, ::1] W) except -1:
    """Raise TypeError where W does not fit the data."""
    cdef bint single = sizeof(floating) == sizeof(float)
    if passes.data.single != single or W.shape[0] != passes.data.k or W.shape[1] != passes.data.d:
        raise TypeError("W has another type or shape than the data")
    return 0


cdef void* start_of_coefficients(Passes passes, W) except NULL:
    """Return where the coefficients begin, which must fit the data and be writable."""
    cdef float[:, ::1] single
    cdef double[:, ::1] whole
    if W.shape != (passes.data.k, passes.data.d):
        raise TypeError(f"W has shape {W.shape}, and must be {(passes.data.k, passes.data.d)}")
    if passes.data.single:
        single = W
        return &single[0, 0]
    whole = W
    return &whole[0, 0]


cdef double* start_of_intercepts(Passes passes, double[::1] b) except NULL:
    """Return where the intercepts begin, one for each output."""
    if b.shape[0] != passes.data.k:
        raise TypeError(f"b has {b.shape[0]} intercepts, and must have {passes.data.k}")
    return &b[0]
