# Full-batch epochs.

def batch(Passes passes, tuple numbers, tuple limits, floating[:, ::1] W, double[::1] b, tuple arrays,
          double[::1] sums, Py_ssize_t t, Py_ssize_t count, double gain, double[:, ::1] G, const double[::1] rates,
          bint objective, double[::1] costs, bint look, Crew crew=None):
    """Full-batch epochs, one for each rate; or (look) the two sums of the first, and its gradient in G, and no step."""
    cdef Py_ssize_t n = passes.data.n, d = W.shape[1], k = W.shape[0]
    cdef Py_ssize_t e, epochs = rates.shape[0], result = epochs
    cdef Model model = read_model(numbers, limits, n, d, k)
    cdef State state = read_memory(arrays, sums, t, count, gain)
    cdef Team* team = &crew.team if crew is not None else NULL
    cdef double total, extra
    check_type(passes, W)
    with nogil:
        for e in range(epochs):
            total = pass_all(&model, &passes.data, &W[0, 0], &b[0], &G[0, 0], team)
            extra = penalty(&model, &W[0, 0])
            if look:
                costs[0], costs[1] = total, extra
                break
            if not absolute(total + n * extra) <= DBL_MAX:
                result = ~e
                break
            costs[e] = total / n + (extra if objective else 0.0)
            update(&model, &W[0, 0], &b[0], &state, &G[0, 0], 1.0 / n, rates[e])
            if not (all_finite(&W[0, 0], k * d) and all_finite(&b[0], k)):
                result = ~(e + 1)
                break
    return result
