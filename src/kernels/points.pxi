# Passes over the rows that serve several points at once.

cdef extern from "points.h" nogil:
    ctypedef struct Rows:
        const double* X
        const void* indices
        const void* indptr
        const double* Y
        const double* weights
        Py_ssize_t n
        Py_ssize_t d
        Py_ssize_t k
        int wide
    void c_sums_at_points "sums_at_points"(int loss, int coupled, double c, const Rows* rows, Py_ssize_t first,
                                           Py_ssize_t stop, Py_ssize_t points, const double* W, double* workspace,
                                           double* sums, double* gradient)


def sums_at_points(Passes passes, CompiledModel compiled, Py_ssize_t first, Py_ssize_t stop,
                   const double[:, :, ::1] W, double[::1] workspace, double[:, ::1] sums,
                   double[:, :, :, ::1] gradient, bint costs=True):
    """Add the rows first to stop of X, which is float64, to the sums of losses and their gradients (src/c/points.h).

    Without `costs` to the gradients alone.
    """
    cdef const Data* data = &passes.data
    cdef Rows rows
    cdef Py_ssize_t points = W.shape[2], d = data.d, k = data.k
    cdef bint fit = W.shape[0] == k and W.shape[1] == d + 1 and sums.shape[0] == 2 and sums.shape[1] == points
    fit = fit and gradient.shape[0] == 2 and gradient.shape[1] == k and gradient.shape[2] == d + 1
    fit = fit and gradient.shape[3] == points and workspace.shape[0] >= (k + 4) * POINTS_ROWS * points
    if data.single or not fit or points % POINTS_AT_ONCE or points > MOST_POINTS or not 0 <= first <= stop <= data.n:
        raise TypeError("the arrays do not fit the data and each other")
    rows.X, rows.indices, rows.indptr = <const double*>data.X, NULL, NULL
    if data.sparse:
        rows.indices, rows.indptr, rows.wide = data.indices, data.indptr, data.wide
    rows.Y, rows.weights, rows.n, rows.d, rows.k = data.Y, data.weights, data.n, d, k
    with nogil:
        c_sums_at_points(compiled.model.loss, compiled.model.coupled, compiled.model.c, &rows, first, stop, points,
                         &W[0, 0, 0], &workspace[0], &sums[0, 0] if costs else NULL, &gradient[0, 0, 0, 0])
