# Passes over the rows as they lie: the sum of losses and its gradient, by dense rows or by columns.

cdef inline void fetch(const floating* X, const int32_t* rows, Py_ssize_t start, Py_ssize_t stop,
                       Py_ssize_t d) noexcept nogil:
    """Ask memory for rows[start:stop]."""
    cdef Py_ssize_t i
    for i in range(start, stop):
        prefetch_row(X + rows[i] * d, d)


cdef inline const floating** two_rows(const floating* X, const int32_t* rows, Py_ssize_t place, Py_ssize_t known,
                                      Py_ssize_t d, const floating** pair) noexcept nogil:
    """Return where rows[place] and the next begin, NULL where they are not known."""
    if place + 2 > known:
        return NULL
    pair[0], pair[1] = X + rows[place] * d, X + rows[place + 1] * d
    return pair


cdef void predict(const floating* X, const int32_t* rows, Py_ssize_t size, Py_ssize_t d, const floating* w, double b,
                  double* z, const floating* later, const int32_t* coming, Py_ssize_t known) noexcept nogil:
    """z = X[rows] w + b; meanwhile the first half of the rows to come is fetched, so that memory never rests."""
    cdef Py_ssize_t i, whole = size - size % 4
    cdef const floating* pair[2]
    for i in range(0, whole, 4):
        dot4(X + rows[i] * d, X + rows[i + 1] * d, X + rows[i + 2] * d, X + rows[i + 3] * d, w, d, &z[i],
             two_rows(later, coming, i // 2, known, d, pair))
    for i in range(whole, size):
        z[i] = dot(X + rows[i] * d, w, d)
    for i in range(size):
        z[i] += b


cdef void add_rows(const floating* X, const int32_t* rows, Py_ssize_t size, Py_ssize_t d, const double* r,
                   floating* part, double* g, const floating* later, const int32_t* coming,
                   Py_ssize_t known) noexcept nogil:
    """g += X[rows]' r, and sum r behind it; summed in part first, which bounds the rounding of float32.

    Meanwhile the other half of the rows to come is fetched.
    """
    cdef Py_ssize_t i, j, whole = size - size % 4, half = whole // 2
    cdef const floating* pair[2]
    memset(part, 0, d * sizeof(floating))
    for i in range(0, whole, 4):
        combine(part, 0.0, &r[i], X + rows[i] * d, X + rows[i + 1] * d, X + rows[i + 2] * d, X + rows[i + 3] * d, d,
                two_rows(later, coming, half + i // 2, known, d, pair))
    for i in range(whole, size):
        add(r[i], X + rows[i] * d, part, d)
    for j in range(d):
        g[j] += part[j]
    for i in range(size):
        g[d] += r[i]


cdef double losses_of(const Model* model, const double* y, const double* s, const double* z, double* r,
                      Py_ssize_t size) noexcept nogil:
    """Return the sum of s_i loss_i over at most a block, and write s_i loss_i' into r; s NULL: all are 1."""
    cdef double values[BLOCK]
    cdef double excesses[BLOCK]
    cdef Py_ssize_t i
    if (s == NULL and size >= 2 * SUMS_OF_LOGS
            and log1p_block(model.loss, model.c, y, z, values, excesses, r, size)):
        return sum_of_log1p(values, excesses, size)
    loss_block(model.loss, model.c, y, z, values, r, size)
    if s != NULL:
        for i in range(size):
            values[i] *= s[i]
            r[i] *= s[i]
    return sum_of(values, size)


cdef double losses_at(const Model* model, const Data* data, const int32_t* order, Py_ssize_t first, Py_ssize_t size,
                      Py_ssize_t o, const double* z, double* r) noexcept nogil:
    """Return the sum of s_i loss_i of output o over order[first:first + size] (NULL: the rows themselves)."""
    cdef const double* Y = data.Y
    cdef const double* s = data.weights
    cdef double y[BLOCK]
    cdef double weights[BLOCK]
    cdef Py_ssize_t i, k = data.k
    if order != NULL:
        for i in range(size):
            y[i] = Y[order[first + i] * k + o]
    elif k == 1:
        memcpy(y, Y + first, size * sizeof(double))
    else:
        for i in range(size):
            y[i] = Y[(first + i) * k + o]
    if s != NULL:
        for i in range(size):
            weights[i] = s[first + i if order == NULL else order[first + i]]
    return losses_of(model, y, weights if s != NULL else NULL, z, r, size)


cdef double pass_rows(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t stop,
                      const floating* W, const double* b, floating* part, double* workspace, double* G) noexcept nogil:
    """Return the sum of s_i loss_i over order[start:stop] (NULL: the rows themselves); add their gradient to G.

    workspace (k, BLOCK) is for a loss that takes a row's outputs together.
    """
    cdef const floating* X = <const floating*>data.X
    cdef double z[BLOCK]
    cdef double r[BLOCK]
    cdef double* at
    cdef int32_t rows[BLOCK]
    cdef const int32_t* chosen = rows
    cdef const int32_t* coming = rows
    cdef const floating* base = X
    cdef const floating* later = X
    cdef double total = 0.0
    cdef Py_ssize_t i, o, size, known, d = data.d, k = data.k, first = start
    cdef Py_ssize_t fitting = BLOCK_BYTES // (d * <Py_ssize_t>sizeof(floating)) // 4 * 4
    cdef Py_ssize_t enough = BLOCK_ROWS_BYTES // (d * <Py_ssize_t>sizeof(floating)) // 4 * 4
    cdef Py_ssize_t wanted = max(fitting, min(<Py_ssize_t>BLOCK_ROWS, enough))
    cdef Py_ssize_t block = max(<Py_ssize_t>4, min(<Py_ssize_t>BLOCK, wanted))
    cdef bint far = data.n * d * <Py_ssize_t>sizeof(floating) > NEAR
    if order == NULL:
        for i in range(block):
            rows[i] = <int32_t>i
    while first < stop:
        size = min(block, stop - first)
        known = min(size, data.n - first - size) if far else 0
        if order == NULL:
            base = X + first * d
            later = base + size * d
        else:
            chosen = order + first
            coming = chosen + size
        for o in range(k):
            at = workspace + o * BLOCK if model.coupled else z
            predict(base, chosen, size, d, W + o * d, b[o], at, later, coming, known if o == 0 else 0)
            if not model.coupled:
                total += losses_at(model, data, order, first, size, o, z, r)
                add_rows(base, chosen, size, d, r, part, G + o * (d + 1), later, coming, known if o == 0 else 0)
        if model.coupled:
            log_normalise(workspace, k, BLOCK, size)
            for o in range(k):
                total += losses_at(model, data, order, first, size, o, workspace + o * BLOCK, r)
                add_rows(base, chosen, size, d, r, part, G + o * (d + 1), later, coming, known if o == 0 else 0)
        first += block
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
    cdef double* g
    cdef double total = 0.0, part = 0.0
    cdef Py_ssize_t o, size, first = start, n = model.n, d = model.d
    for o in range(model.k if d == 1 else 0):
        if not loss_line(model.loss, model.c, single, targets + o * n + start, behind_rows(s, start), columns + start,
                         W[o], b[o], stop - start, &part, G + 2 * o):
            break
        total += part
    else:
        if d == 1:
            return total
    while first < stop:
        size = min(<Py_ssize_t>BLOCK, stop - first)
        for o in range(model.k):
            g = G + o * (d + 1)
            predict_by_columns(single, columns + first, n, d, W + o * d, b[o], z, size)
            total += losses_of(model, targets + o * n + first, behind_rows(s, first), z, r, size)
            add_by_columns(single, columns + first, n, d, r, g, size)
            g[d] += sum_of(r, size)
        first += BLOCK
    return total


cdef double pass_slab(const Model* model, const Data* data, Py_ssize_t slab, const floating* W, const double* b,
                      double* G) noexcept nogil:
    """Return the sum of s_i loss_i over one slab, and write its gradient into G."""
    cdef Py_ssize_t width = data.k * (data.d + 1), start = slab * data.slab, stop = min(start + data.slab, data.n)
    cdef double* workspace = behind(data.coupled, slab * BLOCK * data.k)
    cdef Py_ssize_t j
    for j in range(width):
        G[j] = 0.0
    if data.sparse:
        return pass_sparse(model, data, NULL, start, stop, W, b, workspace, G)
    if data.columns != NULL:
        return pass_columns(model, data, start, stop, W, b, G)
    return pass_rows(model, data, NULL, start, stop, W, b, <floating*>(sums_of_slab(data, slab) + 1 + width), workspace,
                     G)


cdef inline double* sums_of_slab(const Data* data, Py_ssize_t slab) noexcept nogil:
    """Return where a slab has its sums: the loss and its gradient, and behind them a workspace for a row of X."""
    return data.sums + slab * (1 + data.k * (data.d + 1) + data.d)


cdef inline void keep_slab(const Model* model, const Data* data, Py_ssize_t slab, const floating* W,
                           const double* b) noexcept nogil:
    """Write the sums of one slab."""
    cdef double* sums = sums_of_slab(data, slab)
    sums[0] = pass_slab(model, data, slab, W, b, sums + 1)


cdef double pass_all(const Model* model, const Data* data, const floating* W, const double* b, double* G,
                     Team* team) noexcept nogil:
    """Return the sum of s_i loss_i over all rows, and write its gradient into G; a team shares the slabs."""
    cdef Py_ssize_t slab, j, width = data.k * (data.d + 1)
    cdef const double* sums = data.sums
    cdef double total
    cdef int number
    if data.slabs == 1:
        return pass_slab(model, data, 0, W, b, G)
    if team != NULL:
        number = team_open(team, data.slabs)
        while True:
            slab = team_take(team, number)
            if slab < 0:
                break
            keep_slab(model, data, slab, W, b)
            team_serve(team)
        team_share(team)
    else:
        for slab in range(data.slabs):
            keep_slab(model, data, slab, W, b)
    total = sums[0]
    for j in range(width):
        G[j] = sums[1 + j]
    for slab in range(1, data.slabs):
        sums = sums_of_slab(data, slab)
        total += sums[0]
        for j in range(width):
            G[j] += sums[1 + j]
    return total


cdef class Passes:
    """The data of a Problem as C pointers, with a workspace for what a pass over all of it sums.

    X is (n, d) by rows, an array or a CSR; columns and targets are X' and Y' where passes over all rows take those.
    `sums` is (slabs, 1 + k (d + 1) + d), zeros if X is sparse: each fixed part of the rows has its own sums, which
    are added in their order, so that no bit depends on how many threads shared them, and workspace for a row. `coupled`
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
        self.data.slab, self.data.slabs = slab, sums.shape[0]
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
    """Threads that share the slabs of a pass."""

    cdef Team team

    def __init__(self):
        team_reset(&self.team)

    def close(self):
        """Let the helpers go, whatever became of the call."""
        team_close(&self.team)

    def serve(self, Passes passes, CompiledModel compiled, state):
        """Take slabs until the call that leads the crew is over."""
        cdef Model model = model_for(compiled, &passes.data)
        cdef double* b = start_of_intercepts(passes, state.b)
        if passes.data.single:
            serve_slabs(&model, &passes.data, <const float*>start_of_coefficients(passes, state.W), b, &self.team)
        else:
            serve_slabs(&model, &passes.data, <const double*>start_of_coefficients(passes, state.W), b, &self.team)


cdef int serve_slabs(const Model* model, const Data* data, const floating* W, const double* b, Team* team) except -1:
    """Take slabs of the passes that a team's leader opens, until it closes the team."""
    cdef int epoch = 0
    cdef Py_ssize_t slab
    with nogil:
        while team_wait(team, &epoch):
            while True:
                slab = team_take(team, epoch)
                if slab < 0:
                    break
                keep_slab(model, data, slab, W, b)
                team_serve(team)
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
