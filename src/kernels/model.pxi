# What kernels are given: the model, the data, what updates remember and what they put off.

cdef struct Model:
    int loss
    double c
    double l2
    double l1
    bint intercept
    int rule
    bint corrected  # the rule reads c1 and c2
    bint linear  # the rule's step and state are linear in w, g and m
    double mu
    double rho
    double eps
    double decay
    double clip_norm  # infinity: none
    double clip_value
    double curvature  # of a loss quadratic in z; 0: it is not
    double limit  # of what a sample's loss_gradient may be, either way; infinity: none
    bint coupled  # the loss takes the outputs of a row together, made log-probabilities
    bint floored  # an l2 that would turn the weights' sign takes them to zero instead
    bint checked  # the gradient is needed as a whole before the step, or limits after it
    const double* factors  # of the penalty, NULL: all are 1
    const double* low  # bounds, NULL: none
    const double* high
    Py_ssize_t n
    Py_ssize_t d
    Py_ssize_t k

# Rows as they lie, dense or sparse, or by columns, and a workspace for what passes over all of them sum (class Passes).
cdef struct Data:
    const void* X  # of sparse rows the values
    const void* indices  # of sparse rows
    const void* indptr
    const void* columns
    const double* Y
    const double* targets  # Y by columns
    const double* weights  # NULL: all are 1
    double* sums
    double* scratch
    double* coupled  # z of a block of rows, one for each slab; NULL: no loss needs it
    Py_ssize_t slab  # rows of a slab
    Py_ssize_t slabs
    Py_ssize_t n
    Py_ssize_t d
    Py_ssize_t k
    bint single  # X is float32
    bint sparse
    bint wide  # indices and indptr are int64

# What update rules, averaging and the cumulative l1 remember: (k, d + 1) each, the intercept behind each row.
cdef struct State:
    double* m
    double* v
    double* mean
    double* applied
    double* pending
    double* l1_pending  # for every coordinate alike
    double* residual  # of a shrinking by l2, which float32 cannot hold yet
    Py_ssize_t t  # updates done
    Py_ssize_t count  # of them in the mean, -1: none is wanted
    double gain  # of an exponential mean; 0: 1 / count

# Pending updates by sparse rows within a window of them: the coefficients are (scale + residual) W, less
# what l1 owes them. The t-th update multiplies them by scales[t] / scales[t - 1], then l1 draws them towards zero by
# totals[t] - totals[t - 1], which is pending_l1[t] - pending_l1[t - 1] in units of scales[t].
cdef struct Pending:
    double scale
    double residual  # what rounding took from it
    double whole  # their sum
    double* scales
    double* pending_l1
    double* totals  # of l1, since training began
    int32_t* until  # (d,), the update up to which l1 is taken off a coefficient; NULL: no l1 is put off
    Py_ssize_t now  # updates done in this window


cdef const double* pointer(const double[::1] values):
    return &values[0] if values is not None else NULL


cdef Model read_model(tuple numbers, tuple limits, Py_ssize_t n, Py_ssize_t d, Py_ssize_t k):
    cdef Model model
    model.loss, model.c, model.l2, model.l1, model.intercept = numbers[:5]
    model.rule, model.corrected, model.linear, model.mu, model.rho, model.eps, model.decay = numbers[5:12]
    model.clip_norm, model.clip_value, model.checked, model.limit, model.floored = numbers[12:17]
    model.coupled = numbers[17]
    model.factors, model.low, model.high = pointer(limits[0]), pointer(limits[1]), pointer(limits[2])
    model.curvature = constant_curvature(model.loss)
    model.n, model.d, model.k = n, d, k
    return model


cdef double* start_of(double[:, ::1] values):
    return &values[0, 0] if values.shape[0] else NULL


cdef State read_memory(tuple arrays, double[::1] sums, Py_ssize_t t, Py_ssize_t count, double gain):
    cdef State state
    state.m, state.v, state.mean = start_of(arrays[0]), start_of(arrays[1]), start_of(arrays[2])
    state.applied, state.pending, state.l1_pending = start_of(arrays[3]), start_of(arrays[4]), &sums[1]
    state.residual = &sums[2]
    state.t, state.count, state.gain = t, count, gain
    return state


cdef Pending read_pending(double[:, ::1] window, int32_t[::1] until):
    cdef Pending pending
    pending.scale, pending.residual, pending.whole, pending.now = 1.0, 0.0, 1.0, 0
    pending.scales, pending.pending_l1, pending.totals, pending.until = NULL, NULL, NULL, NULL
    if until is not None:
        pending.scales, pending.pending_l1, pending.totals = &window[0, 0], &window[1, 0], &window[2, 0]
        pending.until = &until[0]
    return pending
