# Full-batch epochs.

def batch(Passes passes, CompiledModel compiled, floating[:, ::1] W, state, const double[::1] rates,
          double[::1] costs, bint objective, int look=0, Crew crew=None):
    """Full-batch epochs, one for each rate; or (look) the two sums of the first, its gradient too where 2, and no step.

    `state` is a KernelState, and W its coefficients, by whose type this is compiled.
    """
    cdef Shared* shared = &crew.shared if crew is not None else NULL
    cdef Model model = model_for(compiled, &passes.data)
    cdef State memory = read_state(state)
    cdef double* b = start_of_intercepts(passes, state.b)
    cdef Py_ssize_t result
    check_coefficients(passes, W)
    with nogil:
        result = epochs(&model, &passes.data, &W[0, 0], b, &memory, passes.G, &rates[0], rates.shape[0], objective,
                        look, &costs[0], shared)
    return result


cdef Py_ssize_t epochs(const Model* model, const Data* data, floating* W, double* b, State* state, double* G,
                       const double* rates, Py_ssize_t count, bint objective, int look, double* costs,
                       Shared* shared) noexcept nogil:
    """Run `count` epochs; return it, or ~e where epoch e is not finite."""
    cdef Py_ssize_t e, n = data.n
    cdef double total, extra
    for e in range(count):
        total = pass_all(model, data, W, b, <double*>NULL if look == 1 else G, shared)
        extra = penalty(model, W)
        if look > 0:
            costs[0], costs[1] = total, extra
            break
        if not absolute(total + n * extra) <= DBL_MAX:
            return ~e
        costs[e] = total / n + (extra if objective else 0.0)
        update(model, W, b, state, G, 1.0 / n, rates[e])
        if not (all_finite(W, model.k * model.d) and all_finite(b, model.k)):
            return ~(e + 1)
    return count
