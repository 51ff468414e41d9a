# What updates by sparse rows put off of the coefficients that they do not hold (struct Pending in model.pxi): l2 as a
# scale of all, the cumulative l1, and the mean of iterates; and settling it.

ctypedef fused index_type:
    int32_t
    int64_t


cdef double settled(double v, double* q, Py_ssize_t first, const Pending* pending) noexcept nogil:
    """Return v, and write q of cumulative_l1, after the updates first + 1 .. now, in which nothing but l1 moved v."""
    cdef const double* pending_l1 = pending.pending_l1
    cdef double side = 1.0 if v > 0 else -1.0, size = absolute(v), left
    cdef Py_ssize_t low = first, high = pending.now, middle
    if v == 0 or v != v:
        return v
    left = size - (pending_l1[high] - pending_l1[first])
    if left > 0:
        q[0] = -side * pending.totals[high]
        return side * left
    while high - low > 1:  # after the update low something is left, after high nothing
        middle = (low + high) // 2
        if size > pending_l1[middle] - pending_l1[first]:
            low = middle
        else:
            high = middle
    q[0] = -side * (pending.totals[low] + pending.scales[high] * (size - (pending_l1[low] - pending_l1[first])))
    return 0.0


cdef inline void settle(const Model* model, floating* W, State* state, Pending* pending, Py_ssize_t j) noexcept nogil:
    """Take off the j-th coefficients what l1 owes them."""
    cdef Py_ssize_t o, d = model.d
    if pending.until[j] < pending.now:
        for o in range(model.k):
            W[o * d + j] = <floating>settled(W[o * d + j], state.applied + o * (d + 1) + j, pending.until[j], pending)
        pending.until[j] = <int32_t>pending.now


cdef void fold(const Model* model, floating* W, State* state, Pending* pending) noexcept nogil:
    """Make the coefficients what they are, and begin a new window."""
    cdef Py_ssize_t j
    if pending.now == 0:
        return
    if pending.until != NULL:
        for j in range(model.d):
            settle(model, W, state, pending, j)
            pending.until[j] = 0
    if pending.missed != NULL:
        settle_mean(model, W, state, pending)
    multiply(W, model.k * model.d, pending.scale, pending.residual)
    pending.scale, pending.residual, pending.whole, pending.now = 1.0, 0.0, 1.0, 0


cdef double MEAN_SCALE = 0.25  # the sum of iterates is a difference of numbers that are as much larger


cdef void settle_mean(const Model* model, const floating* W, State* state, Pending* pending) noexcept nogil:
    """Take the iterates of this window into the mean: their sum is that of the scales times W, but for what came later.

    After the s-th update the coefficients are c_s W_s. The step D_s that W took in it is in W, but was in none of the
    iterates before: so sum_s c_s W_s = (sum_s c_s) W - sum_s (c_1 + .. + c_(s-1)) D_s, and rows touch their own alone.
    """
    cdef Py_ssize_t o, j, at, d = model.d
    cdef double total, gain = 1.0 / state.count
    for o in range(model.k):
        at = o * (d + 1)
        for j in range(d):
            total = pending.scales_sum * W[o * d + j] - pending.missed[at + j]
            state.mean[at + j] += (total - pending.now * state.mean[at + j]) * gain
    pending.scales_sum, pending.missed = 0.0, NULL


cdef inline void add_and_miss(double a, const floating* x, const index_type* columns, Py_ssize_t count, floating* w,
                              double* missed, double before) noexcept nogil:
    """w += a x at a row's columns, which the mean of the iterates before lacks."""
    cdef floating old
    cdef Py_ssize_t i, j
    for i in range(count):
        j = columns[i]
        old = w[j]
        w[j] = <floating>(old + a * x[i])
        missed[j] += before * (w[j] - old)


cdef inline void shrink(Pending* pending, double part) noexcept nogil:
    """Count an update that takes `part` of every coefficient."""
    pending.now += 1
    if part != 0:
        pending.scale = shrunk(pending.scale, &pending.residual, part)
        pending.whole = pending.scale + pending.residual


cdef void add_pending_l1(const Model* model, const index_type* columns, Py_ssize_t count, floating* W, State* state,
                         Pending* pending, double part, double eta) noexcept nogil:
    """Settle a row's coefficients, then count an update in which l1 draws them all."""
    cdef double threshold = model.l1 * optimizer_rate(GD, 0.0, eta, 0.0, 0.0, 1.0)
    cdef Py_ssize_t i, now = pending.now
    if now == 0:
        pending.scales[0], pending.pending_l1[0], pending.totals[0] = 1.0, 0.0, state.l1_pending[0]
    for i in range(count):
        settle(model, W, state, pending, columns[i])
        pending.until[columns[i]] = <int32_t>(now + 1)  # its own update does not wait
    state.l1_pending[0] += threshold
    shrink(pending, part)
    pending.scales[now + 1], pending.totals[now + 1] = pending.whole, state.l1_pending[0]
    pending.pending_l1[now + 1] = pending.pending_l1[now] + threshold / pending.whole


cdef inline void draw(const index_type* columns, Py_ssize_t count, floating* w, double* applied, double total,
                      double scale) noexcept nogil:
    """Take off a row's coefficients, which are scale w, what l1 owes them by now; columns NULL: it has every column."""
    cdef double old[DRAWN]
    cdef double owed[DRAWN]
    cdef double left[DRAWN]
    cdef Py_ssize_t i, j, size, first = 0
    while first < count:
        size = min(<Py_ssize_t>DRAWN, count - first)
        for i in range(size):
            j = first + i if columns == NULL else columns[first + i]
            old[i], owed[i] = scale * w[j], applied[j]
        drawn_by_l1(old, owed, total, left, size)
        for i in range(size):
            j = first + i if columns == NULL else columns[first + i]
            applied[j] = owed[i] + (left[i] - old[i])
            w[j] = <floating>(left[i] / scale)
        first += DRAWN
