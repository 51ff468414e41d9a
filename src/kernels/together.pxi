# SGD and mini-batches of several configurations that take the same rows in the same order.

cdef extern from "side_by_side.h" nogil:
    enum:
        ROWS_BEFORE
    ctypedef struct SideBySide:
        const double* X
        const double* Y
        const double* weights
        Py_ssize_t n
        Py_ssize_t d
        int loss
        double c
        double curvature
        int intercept
        Py_ssize_t count
        const double* l2
        double* W
        double* G
        double* sums
    void rows_side_by_side(const SideBySide* at, const int32_t* rows, Py_ssize_t size, Py_ssize_t known,
                           const double* eta, Py_ssize_t stride)
    void batch_side_by_side(const SideBySide* at, const int32_t* rows, Py_ssize_t size, Py_ssize_t known,
                            const double* eta)

# What the configurations of a call do not share; each is a column of W, the intercepts and sums, and of `ended`.
cdef struct Columns:
    const double* rates[MOST_TOGETHER]
    bint by_step[MOST_TOGETHER]
    bint any_by_step
    const uint8_t* wanted[MOST_TOGETHER]
    double* costs[MOST_TOGETHER]
    double l2[MOST_TOGETHER]
    double eta[SPAN * MOST_TOGETHER]
    int64_t* results  # what `stochastic` returns for each
    double* ended  # (d + 2, MOST_TOGETHER): W, b and the sum of one whose epoch was not finite


cdef by_lines(Py_ssize_t rows):
    """Return zeros (rows, MOST_TOGETHER) of which each row begins with a line of memory: no vector crosses one."""
    values = np.zeros(rows * MOST_TOGETHER + LINE // 8)
    cdef Py_ssize_t first = (LINE - <Py_ssize_t>values.ctypes.data % LINE) % LINE // 8
    return values[first : first + rows * MOST_TOGETHER].reshape(rows, MOST_TOGETHER)


def workspace_of(Py_ssize_t d, batched):
    """Return the arrays of a call: W with b and the sums, behind workspace, what ended, and G.

    Configurations are the last axis.
    """
    return by_lines(ROWS_BEFORE + d + 2), by_lines(d + 2), by_lines(d + 1 if batched else 1)


def stochastic_together(Passes passes, CompiledModel compiled, double[::1] coefficients, workspace, order, updates,
                        const double[::1] l2, int64_t[::1] results):
    """Mini-batch or SGD updates of at most MOST_TOGETHER configurations, one of `updates` for each.

    X is float64. `workspace` is that of workspace_of, `order` a SampleOrder, and `coefficients` (d,) is workspace, too.
    What `stochastic` would return goes into `results`.
    """
    cdef double[:, ::1] rows = workspace[0]
    cdef double[:, ::1] ended = workspace[1]
    cdef double[:, ::1] G = workspace[2]
    cdef const Data* data = &passes.data
    cdef Model model = model_for(compiled, data)
    cdef Py_ssize_t d = data.d, count = len(updates), lane
    cdef SideBySide at
    cdef Columns columns
    cdef Steps steps = read_steps(order, updates[0], 1)
    cdef Steps own
    if (data.single or data.sparse or data.k != 1 or model.coupled or count > MOST_TOGETHER
            or coefficients.shape[0] != d or l2.shape[0] != count or results.shape[0] != count
            or rows.shape[0] != ROWS_BEFORE + d + 2 or ended.shape[0] != d + 2
            or G.shape[0] != (d + 1 if steps.batch_size > 1 else 1)
            or not rows.shape[1] == ended.shape[1] == G.shape[1] == MOST_TOGETHER):
        raise TypeError("the arrays do not fit the data and each other")
    at.X, at.Y, at.weights, at.n, at.d = <const double*>data.X, data.Y, data.weights, data.n, d
    at.loss, at.c, at.curvature, at.intercept, at.count = model.loss, model.c, model.curvature, model.intercept, count
    at.W, at.sums, at.G, at.l2 = &rows[ROWS_BEFORE, 0], &rows[ROWS_BEFORE + d + 1, 0], &G[0, 0], NULL
    columns.results, columns.ended, columns.any_by_step = &results[0], &ended[0, 0], False
    memset(columns.l2, 0, sizeof(columns.l2))
    memset(columns.eta, 0, sizeof(columns.eta))
    for lane in range(count):
        own = read_steps(order, updates[lane], 1)
        if own.steps != steps.steps:
            raise TypeError("configurations side by side make as many updates")
        columns.rates[lane], columns.by_step[lane] = own.rates, own.by_step
        columns.wanted[lane], columns.costs[lane] = own.wanted, own.costs
        columns.any_by_step |= own.by_step
        columns.l2[lane], results[lane] = l2[lane], own.steps
        if l2[lane] > 0:
            at.l2 = columns.l2
    with nogil:
        all_together(&model, data, &at, &columns, &steps, &coefficients[0], passes.G)


cdef void all_together(Model* model, const Data* data, const SideBySide* at, Columns* columns, const Steps* to_do,
                       double* coefficients, double* G) noexcept nogil:
    """Do the updates of all configurations."""
    cdef Py_ssize_t n = data.n, batch_size = to_do.batch_size, position = to_do.position, done = 0, ended = 0
    cdef Py_ssize_t start, size, lane, per_epoch = (n + batch_size - 1) // batch_size
    while done < to_do.steps:
        if position == 0:
            memset(at.sums, 0, MOST_TOGETHER * sizeof(double))
            if to_do.shuffle:
                fill_order(to_do.order, n, to_do.seed, to_do.epoch + ended)
        size, start = 1, position * batch_size
        if batch_size == 1:
            size = min(min(to_do.steps - done, n - position), SPAN - position % SPAN)
        rates_of(columns, at.count, done, ended, size)
        if batch_size == 1:
            rows_side_by_side(at, to_do.order + start, size, n - start, columns.eta,
                              MOST_TOGETHER if columns.any_by_step else 0)
        else:
            batch_side_by_side(at, to_do.order + start, min(batch_size, n - start), n - start, columns.eta)
        done += size
        position += size
        if position == per_epoch:
            for lane in range(at.count):
                if columns.results[lane] >= 0 and not end_epoch(model, data, at, columns, lane, ended, coefficients, G):
                    columns.results[lane] = ~ended
                    set_aside(at, columns, lane)
            ended += 1
            position = 0


cdef void rates_of(Columns* columns, Py_ssize_t count, Py_ssize_t done, Py_ssize_t ended,
                   Py_ssize_t size) noexcept nogil:
    """Write the rates of the next updates, a row for each where any is by step; 0 for what was set aside."""
    cdef Py_ssize_t i, lane
    for i in range(size if columns.any_by_step else 1):
        for lane in range(count):
            columns.eta[i * MOST_TOGETHER + lane] = (
                columns.rates[lane][done + i if columns.by_step[lane] else ended] if columns.results[lane] >= 0 else 0.0
            )


cdef bint end_epoch(Model* model, const Data* data, const SideBySide* at, Columns* columns, Py_ssize_t lane,
                    Py_ssize_t ended, double* coefficients, double* G) noexcept nogil:
    """Write a configuration's cost of an epoch that ends; return whether all is finite."""
    cdef double b = at.W[at.d * MOST_TOGETHER + lane], total = at.sums[lane], cost
    cdef Py_ssize_t j
    for j in range(at.d):
        coefficients[j] = at.W[j * MOST_TOGETHER + lane]
    if not (absolute(total) <= DBL_MAX and absolute(b) <= DBL_MAX and all_finite(coefficients, at.d)):
        return False
    cost = total / data.n
    if columns.wanted[lane] != NULL:
        cost = NAN
        if columns.wanted[lane][ended]:
            model.l2 = columns.l2[lane]
            cost = pass_all(model, data, coefficients, &b, G, NULL) / data.n + penalty(model, coefficients)
            if not absolute(data.n * cost) <= DBL_MAX:
                return False
    columns.costs[lane][ended] = cost
    return True


cdef void set_aside(const SideBySide* at, Columns* columns, Py_ssize_t lane) noexcept nogil:
    """Keep the state of a configuration, whose numbers are not finite, and replace it by zeros at the rate 0."""
    cdef Py_ssize_t j
    for j in range(at.d + 2):  # the sums stand behind W and b
        columns.ended[j * MOST_TOGETHER + lane] = at.W[j * MOST_TOGETHER + lane]
        at.W[j * MOST_TOGETHER + lane] = 0.0
