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
    Py_ssize_t width  # of what a slab has in sums
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
    double* epoch_sum  # of this epoch's losses so far
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
    double scales_sum  # of the scale after each of them, while a mean of iterates is put off
    double* missed  # (k, d + 1), what the sum of iterates lacks of the sum of scales times W; NULL: none is put off


cdef const double* pointer(const double[::1] values):
    return &values[0] if values is not None else NULL


cdef class CompiledModel:
    """The objective and the update rule, by name, as the kernels read them."""

    cdef Model model
    cdef tuple kept

    def __init__(self, *, str loss, double c, double l2, double l1, bint intercept, str rule, bint corrected=False,
                 bint linear=False, double mu=0.0, double rho=0.0, double eps=0.0, double decay=0.0,
                 double clip_norm=INFINITY, double clip_value=INFINITY, double limit=INFINITY, bint coupled=False,
                 bint floored=False, bint checked=False, const double[::1] factors=None, const double[::1] low=None,
                 const double[::1] high=None):
        cdef Model* model = &self.model
        self.kept = (factors, low, high)
        model.loss, model.c, model.l2, model.l1, model.intercept = LOSSES.index(loss), c, l2, l1, intercept
        model.rule, model.corrected, model.linear = UPDATE_RULES.index(rule), corrected, linear
        model.mu, model.rho, model.eps, model.decay = mu, rho, eps, decay
        model.clip_norm, model.clip_value, model.limit = clip_norm, clip_value, limit
        model.coupled, model.floored, model.checked = coupled, floored, checked
        model.factors, model.low, model.high = pointer(factors), pointer(low), pointer(high)
        model.curvature = constant_curvature(model.loss)


cdef Model model_for(CompiledModel compiled, const Data* data):
    """Return a model for the data."""
    cdef Model model = compiled.model
    model.n, model.d, model.k = data.n, data.d, data.k
    return model


cdef double* start_of(double[:, ::1] values):
    return &values[0, 0] if values.shape[0] else NULL


cdef State read_state(fields):
    """Return a State with the fields of a KernelState (gdfast/backends/state.py)."""
    cdef State state
    cdef double[::1] sums = fields.sums
    state.m, state.v, state.mean = start_of(fields.M), start_of(fields.V), start_of(fields.A)
    state.applied, state.pending = start_of(fields.Q), start_of(fields.U)
    state.epoch_sum, state.l1_pending, state.residual = &sums[0], &sums[1], &sums[2]
    state.t, state.count, state.gain = fields.steps, fields.averaged, fields.gain
    return state


cdef Pending read_pending(double[:, ::1] window, int32_t[::1] until):
    """Return an empty window; window (3, updates + 1) and until (d,), zeros, are workspace where there is l1."""
    cdef Pending pending
    pending.scale, pending.residual, pending.whole, pending.now = 1.0, 0.0, 1.0, 0
    pending.scales, pending.pending_l1, pending.totals, pending.until = NULL, NULL, NULL, NULL
    pending.scales_sum, pending.missed = 0.0, NULL
    if until is not None:
        pending.scales, pending.pending_l1, pending.totals = &window[0, 0], &window[1, 0], &window[2, 0]
        pending.until = &until[0]
    return pending
