# SGD with scikit-learn's conventions (gdfast/sklearn/updates.py is the specification).

cdef struct Options:
    double l1
    double intercept_penalty  # nu of a one-class SVM, else 0: a constant gradient of the intercept
    double intercept_decay  # of the intercept's steps
    int passive_aggressive  # 1 or 2: passive-aggressive steps of the first or second kind
    double aggressiveness
    bint track_objective  # losses and penalties are summed
    bint track_norm  # the norms are kept up to date without a penalty as well
    bint track_scale  # where l2 shrinks w itself, the scale that would have been left is state[ABSENT_SCALE]


cdef void measure(const floating* w, const index_type* columns, Py_ssize_t count, double* state) noexcept nogil:
    """Set the norms to those of the row's columns, all that scikit-learn counts; columns NULL: all columns."""
    cdef Py_ssize_t i
    cdef double value, squares = 0.0, sizes = 0.0
    if columns == NULL:
        for i in range(count):
            squares += <double>w[i] * w[i]
            sizes += absolute(w[i])
    else:
        for i in range(count):
            value = w[columns[i]]
            squares += value * value
            sizes += absolute(value)
    state[SQUARED_NORM] = squares * state[SCALE] * state[SCALE]
    state[L1_NORM] = sizes * state[SCALE]


cdef inline double smallest_scale(const floating* w) noexcept nogil:
    """Return the scale below which it is folded into w, by w's dtype."""
    return SMALLEST_SCALE if sizeof(w[0]) == sizeof(double) else SMALLEST_SCALE_FLOAT32


cdef void fold_scale(floating* w, double* mean, Py_ssize_t d, double* state) noexcept nogil:
    """Multiply w by its scale, which becomes 1, and bring the mean up to it."""
    cdef Py_ssize_t j
    cdef double scale = state[SCALE], a = state[AVERAGE_A], residual = 1.0 / state[AVERAGE_B]
    if mean != NULL:
        for j in range(d):
            mean[j] = (mean[j] + a * w[j]) * residual
        state[AVERAGE_A], state[AVERAGE_B] = 0.0, 1.0
    multiply(w, d, scale, 0.0)
    state[SCALE] = 1.0


cdef inline double row_square(const floating* x, Py_ssize_t count) noexcept nogil:
    """Return the squared norm, in double for float32 too: a square of float32 may overflow."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    if floating is double:
        return dot(x, x, count)
    else:
        for i in range(count):
            total += <double>x[i] * x[i]
        return total


cdef inline double passive_step(const Model* model, const Options* options, double y, double z,
                                double square) noexcept nogil:
    """Return the multiple of the row that a passive-aggressive update adds (Crammer et al. 2006)."""
    cdef double value = loss_value(model.loss, model.c, y, z), size
    if options.passive_aggressive == 1:
        size = minimum(options.aggressiveness, value / square)
    else:
        size = value / (square + 0.5 / options.aggressiveness)
    return -size if loss_gradient(model.loss, model.c, y, z) > 0 else size


cdef inline void add_row(double a, const floating* x, const index_type* columns, Py_ssize_t count,
                         floating* w) noexcept nogil:
    """w += a x; columns NULL: x has every column."""
    if columns == NULL:
        add(a, x, w, count)
    else:
        csr_add(a, x, columns, count, w)


cdef inline void add_to_running_mean(double a, const floating* x, const index_type* columns, Py_ssize_t count,
                                     double* mean, double* state) noexcept nogil:
    """Count an iterate into the mean, a x having been added to w (Bottou 2012, Stochastic gradient descent tricks)."""
    cdef Py_ssize_t i
    cdef double number = state[AVERAGE_COUNT] + 1.0
    a *= -state[AVERAGE_A]
    if columns == NULL:
        for i in range(count):
            mean[i] += a * x[i]
    else:
        csr_add(a, x, columns, count, mean)
    if number > 1.0:
        state[AVERAGE_B] /= 1.0 - 1.0 / number
    state[AVERAGE_A] += state[AVERAGE_B] * state[SCALE] / number
    state[AVERAGE_INTERCEPT] += (state[INTERCEPT] - state[AVERAGE_INTERCEPT]) / number


cdef void one_by_one(const Model* model, const Options* options, const Data* data, const index_type* columns,
                     const int32_t* rows, Py_ssize_t steps, Py_ssize_t known, floating* w, double* mean,
                     double* applied, double* state, const double* eta, bint by_step) noexcept nogil:
    """RowUpdates row by row, of every kind."""
    cdef const floating* X = <const floating*>data.X
    cdef const index_type* indptr = <const index_type*>data.indptr
    cdef const index_type* places = NULL
    cdef Py_ssize_t i, start, count = 0, d = data.d
    cdef double z, y, u, square, rate, kept, part
    cdef bint watched = options.track_objective and options.passive_aggressive == 0
    cdef bint measured = options.track_norm or (watched and (model.l2 > 0 or options.l1 > 0))
    cdef bint far = data.n * d * <Py_ssize_t>sizeof(floating) > NEAR
    cdef double smallest = smallest_scale(w)
    for i in range(steps):
        if columns != NULL:
            csr_fetch(X, columns, indptr, rows + i, known - i)
            start = row_start(indptr, rows[i], &count)
            places = columns + start
            z = state[SCALE] * csr_dot(X + start, places, count, w) + state[INTERCEPT]
        else:
            if far and i + AHEAD < known:
                prefetch_row(X + rows[i + AHEAD] * d, d)
            start, count = rows[i] * d, d
            z = state[SCALE] * dot(X + start, w, d) + state[INTERCEPT]
        y, rate = data.Y[rows[i]], eta[i if by_step else 0]
        if options.track_objective:
            state[LOSS_SUM] += loss_value(model.loss, model.c, y, z)
        if watched:
            state[PENALTY_SUM] += 0.5 * model.l2 * state[SQUARED_NORM] + options.l1 * state[L1_NORM]
            state[PENALTY_SUM] += options.intercept_penalty * state[INTERCEPT]
        if options.passive_aggressive > 0:
            square = row_square(X + start, count)
            if options.passive_aggressive == 1 and square == 0:
                continue
            u = passive_step(model, options, y, z, square)
        else:
            u = gd_step(bounded_gradient(model, y, z), rate)
        if data.weights != NULL:
            u *= data.weights[rows[i]]
        if model.l2 > 0:
            kept = <floating>shrinking(model, rate)
            state[SCALE] = <floating>(state[SCALE] * kept)
            state[SQUARED_NORM] *= kept * kept
            state[L1_NORM] *= kept
            if state[SCALE] < smallest:
                fold_scale(w, mean, d, state)
        if u != 0:
            add_row(u / state[SCALE], X + start, places, count, w)
            if measured:
                measure(w, places, count, state)
        if model.intercept:
            part = u + gd_step(options.intercept_penalty, rate)
            HOLD(part)  # rounded before it is added: an intercept that comes back to zero is zero, which may be a kink
            part *= options.intercept_decay
            HOLD(part)
            state[INTERCEPT] += part
        if mean != NULL:
            if state[AVERAGE_COUNT] >= 0:
                add_to_running_mean(u / state[SCALE], X + start, places, count, mean, state)
            state[AVERAGE_COUNT] += 1.0
        if options.l1 > 0:
            state[PENDING_L1] -= gd_step(options.l1, rate)
            draw(places, count, w, applied, state[PENDING_L1], state[SCALE])


cdef void watch_span(const Model* model, const Options* options, const Data* data, const int32_t* rows,
                     Py_ssize_t size, double intercept, double square, const double* row_squares, double* state,
                     const double* eta, bint by_step) noexcept nogil:
    """Sum the losses and penalties of dense updates that were done, from each row's z.

    square is |w|^2 before them. An update makes of it kept^2 |w|^2 + 2 u kept x.w + u^2 |x|^2.
    """
    cdef const double* z = data.scratch
    cdef const double* y = data.scratch + SPAN
    cdef double* r = data.scratch + 2 * SPAN
    cdef double values[SPAN]
    cdef double total = 0.0, squares = 0.0, u, rate = eta[0], kept, product
    cdef Py_ssize_t i
    loss_block(model.loss, model.c, y, z, values, r, size)
    for i in range(size):
        total += values[i]
    state[LOSS_SUM] += total
    if model.l2 == 0:
        return
    for i in range(size):
        squares += square
        if by_step:
            rate = eta[i]
        u = gd_step(maximum(minimum(r[i], model.limit), -model.limit), rate)
        if data.weights != NULL:
            u *= data.weights[rows[i]]
        kept, product = shrinking(model, rate), z[i] - intercept
        square = kept * kept * square + u * (2.0 * kept * product + u * row_squares[rows[i]])
        if model.intercept:
            intercept += u
    state[PENALTY_SUM] += 0.5 * model.l2 * squares


cdef void follow_scale(const Model* model, const floating* w, Py_ssize_t size, double* state, const double* eta,
                       bint by_step) noexcept nogil:
    """Bring the scale of scikit-learn's coefficients up to date after updates that shrank w itself."""
    cdef Py_ssize_t i
    cdef double scale = state[ABSENT_SCALE], smallest = smallest_scale(w)
    for i in range(size):
        scale = <floating>(scale * <floating>shrinking(model, eta[i if by_step else 0]))
        if scale < smallest:
            scale = 1.0
    state[ABSENT_SCALE] = scale


cdef void sklearn_updates(const Model* model, const Options* h, const Data* data, floating* w, double* m,
                          double* average, double* q, Pending* pending, const int32_t* rows, Py_ssize_t known,
                          Py_ssize_t steps, const double* rates, bint by_step,
                          const double* row_squares) noexcept nogil:
    """The first `steps` updates by rows, of which `known` are to come."""
    cdef Py_ssize_t d = data.d, size, done = 0
    cdef double intercept, square, unused = 0.0
    cdef State update
    if data.sparse and data.wide:
        one_by_one(model, h, data, <const int64_t*>data.indices, rows, steps, known, w, average, q, m, rates, by_step)
        return
    if data.sparse or h.l1 > 0 or h.intercept_penalty > 0 or h.passive_aggressive > 0 or h.intercept_decay != 1:
        one_by_one(model, h, data, <const int32_t*>data.indices if data.sparse else NULL, rows, steps, known, w,
                   average, q, m, rates, by_step)
        return
    update.m = update.v = update.applied = update.pending = NULL
    update.mean, update.l1_pending, update.residual = average, &m[PENDING_L1], &m[RESIDUAL]
    update.t, update.gain = 0, 0.0
    while done < steps:
        size = min(<Py_ssize_t>SPAN, steps - done)
        if average != NULL and m[AVERAGE_COUNT] < 0:
            size = <Py_ssize_t>minimum(size, -m[AVERAGE_COUNT])  # which may be beyond Py_ssize_t
        update.count = <Py_ssize_t>m[AVERAGE_COUNT] if average != NULL and m[AVERAGE_COUNT] >= 0 else -1
        intercept, square = m[INTERCEPT], 0.0
        if h.track_objective and model.l2 > 0:
            square = row_square(w, d)
        if average != NULL:
            average[d] = m[AVERAGE_INTERCEPT]
        sgd_rows(model, data, rows, done, size, known - done, w, &m[INTERCEPT], &update, pending, &unused,
                 &rates[done if by_step else 0], by_step)
        if average != NULL:
            m[AVERAGE_INTERCEPT] = average[d]
            m[AVERAGE_COUNT] += size
        if h.track_objective:
            watch_span(model, h, data, &rows[done], size, intercept, square, row_squares, m,
                       &rates[done if by_step else 0], by_step)
        if h.track_scale and model.l2 > 0:
            follow_scale(model, w, size, m, &rates[done if by_step else 0], by_step)
        done += size
    if h.track_norm:
        m[SQUARED_NORM] = row_square(w, d)


cdef class SklearnUpdates:
    """Updates by scikit-learn's conventions: the arrays that they change (gdfast/sklearn/updates.py), and their kind.

    w is (1, d), state (STATE_SIZE,), average_sum (1, d + 1) and applied_l1 (d,); row_squares are the squared norms of
    the rows, where dense ones have l2 and the objective is tracked.
    """

    cdef Model model
    cdef Data data
    cdef Pending pending  # nothing: updates by sparse rows have their own scale here
    cdef Options options
    cdef void* w
    cdef double* state
    cdef double* average
    cdef double* applied
    cdef const double* row_squares
    cdef tuple kept

    def __init__(self, *, Passes passes, CompiledModel model, w, double[::1] state, double[:, ::1] average_sum,
                 double[::1] applied_l1, const double[::1] row_squares, double l1, double intercept_penalty,
                 double intercept_decay, int passive_aggressive, double aggressiveness, bint track_objective,
                 bint track_norm, bint track_scale):
        cdef Options* options = &self.options
        self.data, self.pending = passes.data, read_pending(None, None)
        self.kept = (passes, model, w, state, average_sum, applied_l1, row_squares)
        self.model = model_for(model, &passes.data)
        self.w, self.state = start_of_coefficients(passes, w), &state[0]
        self.average = start_of(average_sum) if average_sum is not None else NULL
        self.applied = &applied_l1[0] if applied_l1 is not None else NULL
        self.row_squares = pointer(row_squares)
        options.l1, options.intercept_penalty, options.intercept_decay = l1, intercept_penalty, intercept_decay
        options.passive_aggressive, options.aggressiveness = passive_aggressive, aggressiveness
        options.track_objective, options.track_norm, options.track_scale = track_objective, track_norm, track_scale

    def run_rows(self, *, const int32_t[::1] rows, Py_ssize_t steps, const double[::1] rates):
        """Do the first `steps` updates by rows, of which the rest is to come; rates: one, or one for each."""
        cdef bint by_step = rates.shape[0] > 1
        with nogil:
            self.run(&rows[0], rows.shape[0], steps, &rates[0], by_step)

    def run_epochs(self, *, int32_t[::1] order, const int32_t[::1] permutation, const double[::1] rates,
                   double[::1] objectives):
        """Run an epoch by all rows for each of objectives, which gets the mean of losses and penalties.

        order (2 n,) has the order of the epoch before in its first half; the permutation tells where in it the next
        epoch finds its rows, None: where they are. Returned are the epochs whose iterates are finite.
        """
        cdef Py_ssize_t n = self.data.n, epochs = objectives.shape[0], e, i
        cdef bint by_step = rates.shape[0] > 1
        cdef const int32_t* places = &permutation[0] if permutation is not None else NULL
        cdef int32_t* taken = &order[0]
        with nogil:
            for e in range(epochs):
                if places != NULL:
                    for i in range(n):
                        taken[n + i] = taken[places[i]]
                    memcpy(taken, taken + n, n * sizeof(int32_t))
                self.state[LOSS_SUM] = self.state[PENALTY_SUM] = 0.0
                self.run(taken, n, n, &rates[e * n if by_step else 0], by_step)
                objectives[e] = (self.state[LOSS_SUM] + self.state[PENALTY_SUM]) / n
                if not self.is_finite():
                    epochs = e
                    break
        return epochs

    cdef void run(self, const int32_t* rows, Py_ssize_t known, Py_ssize_t steps, const double* rates,
                  bint by_step) noexcept nogil:
        """Do the first `steps` updates by rows, of which `known` are to come."""
        if self.data.single:
            sklearn_updates(&self.model, &self.options, &self.data, <float*>self.w, self.state, self.average,
                            self.applied, &self.pending, rows, known, steps, rates, by_step, self.row_squares)
        else:
            sklearn_updates(&self.model, &self.options, &self.data, <double*>self.w, self.state, self.average,
                            self.applied, &self.pending, rows, known, steps, rates, by_step, self.row_squares)

    cdef bint is_finite(self) noexcept nogil:
        """Whether the iterate is."""
        if not absolute(self.state[INTERCEPT]) <= DBL_MAX:
            return False
        if self.data.single:
            return all_finite(<const float*>self.w, self.data.d)
        return all_finite(<const double*>self.w, self.data.d)


def forward_shuffle(int32_t[::1] order, uint32_t seed):
    """Shuffle order in place: Fisher-Yates from the first place up, by a 32-bit xorshift (scikit-learn's)."""
    cdef Py_ssize_t i, j, n = order.shape[0]
    cdef int32_t row
    with nogil:
        for i in range(n - 1):
            if seed == 0:
                seed = 1
            seed ^= seed << 13
            seed ^= seed >> 17
            seed ^= seed << 5
            j = i + (seed & 0x7FFFFFFF) % <uint32_t>(n - i)
            row = order[i]
            order[i] = order[j]
            order[j] = row
