# One update along a gradient, and what it is made of.

cdef inline double gd_step(double g, double eta) noexcept nogil:
    """Return the step of gd along g."""
    cdef double unused = 0.0
    return linear_step(GD, 0.0, g, &unused, eta, 0.0)


cdef inline double part_lost(const Model* model, double eta) noexcept nogil:
    """Return the part of the weights that l2 takes off in a step of gd."""
    cdef double lost = -gd_step(model.l2, eta)
    return 1.0 if model.floored and lost > 1 else lost


cdef inline double shrinking(const Model* model, double eta) noexcept nogil:
    """Return what the weights are multiplied by where l2 shrinks them in a step of gd."""
    return 1.0 - part_lost(model, eta)


cdef inline double steepest_l2(const Model* model, double eta) noexcept nogil:
    """Return l2, or where it is floored at most what takes the weights to zero at once."""
    return minimum(model.l2, 1.0 / eta) if model.floored and eta > 0 else model.l2


cdef inline double bounded_gradient(const Model* model, double y, double z) noexcept nogil:
    """Return loss_gradient within the limit; by a branch, which waits for nothing where it is foreseen."""
    cdef double g = loss_gradient(model.loss, model.c, y, z)
    if absolute(g) > model.limit:
        g = model.limit if g > 0 else -model.limit
    return g


cdef inline double* behind(double* values, Py_ssize_t count) noexcept nogil:
    """Return where the values after so many begin; NULL remains NULL."""
    return values + count if values != NULL else NULL


cdef inline void draw_rounded(floating* w, double* applied, double total) noexcept nogil:
    """Take off a coefficient what the cumulative l1 owes it by now, counting as applied what float32 leaves of it."""
    cdef double old = w[0]
    cdef floating new = <floating>cumulative_l1(old, applied[0], total)
    applied[0] += new - old
    w[0] = new


cdef void draw_all_rounded(floating* w, double* applied, Py_ssize_t count, double total) noexcept nogil:
    """Do what draw_rounded does for many coefficients."""
    cdef double old[DRAWN]
    cdef double left[DRAWN]
    cdef Py_ssize_t i, size, first = 0
    while first < count:
        size = min(<Py_ssize_t>DRAWN, count - first)
        for i in range(size):
            old[i] = w[first + i]
        drawn_by_l1(old, applied + first, total, left, size)
        for i in range(size):
            w[first + i] = <floating>left[i]
        for i in range(size):
            applied[first + i] += w[first + i] - old[i]
        first += DRAWN


cdef inline void multiply(floating* w, Py_ssize_t count, double scale, double residual) noexcept nogil:
    """w <- (scale + residual) w."""
    if floating is float:
        scale_float(w, count, scale, residual)
    else:
        scale_double(w, count, scale, residual)


cdef bint all_finite(const floating* w, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef int bad = 0
    for j in range(n):
        bad += not (absolute(w[j]) <= DBL_MAX)
    return bad == 0


cdef double penalty(const Model* model, const floating* W) noexcept nogil:
    cdef Py_ssize_t o, j
    cdef double total = 0.0
    if model.l2 == 0 and model.l1 == 0:
        return total
    if model.factors == NULL:
        for j in range(model.k * model.d):
            total += penalty_value(W[j], model.l2, model.l1)
        return total
    for o in range(model.k):
        for j in range(model.d):
            total += model.factors[j] * penalty_value(W[o * model.d + j], model.l2, model.l1)
    return total


cdef void take_step(const Model* model, floating* W, double* b, const gradient_type* x, double a, double l2, double* m,
                    double* v, double eta, double c1, double c2, double one, Py_ssize_t o) noexcept nogil:
    """One step of output o along a [x one] + l2 w."""
    cdef Py_ssize_t d = model.d, at = o * (d + 1)
    optimizer_update(model.rule, W + o * d, x, a, l2, model.factors, behind(m, at), behind(v, at), eta, model.mu,
                     model.rho, model.eps, model.decay, c1, c2, d)
    if model.intercept:
        optimizer_update(model.rule, b + o, &one, a, <double>0.0, <const double*>NULL, behind(m, at + d),
                         behind(v, at + d), eta, model.mu, model.rho, model.eps, <double>0.0, c1, c2, 1)


cdef void corrections(const Model* model, State* state, double* c1, double* c2) noexcept nogil:
    """Count an update, and find what it needs of the count."""
    state.t += 1
    if model.corrected:
        c1[0] = correction(model.mu, state.t)
        c2[0] = correction(model.rho, state.t)


cdef void whole_gradient(const Model* model, const floating* W, double* G, double scale) noexcept nogil:
    """G <- scale G + l2 w, clipped by norm, then by value."""
    cdef Py_ssize_t o, j, d = model.d, size = model.k * (d + 1)
    cdef double square
    for j in range(size):
        G[j] *= scale
    for o in range(model.k):
        for j in range(d):
            G[o * (d + 1) + j] += model.l2 * (1.0 if model.factors == NULL else model.factors[j]) * W[o * d + j]
        if not model.intercept:
            G[o * (d + 1) + d] = 0.0
    if model.clip_norm <= DBL_MAX:
        square = dot(G, G, size)
        if sqrt(square) > model.clip_norm:
            scale = model.clip_norm / sqrt(square)
            for j in range(size):
                G[j] *= scale
    if model.clip_value <= DBL_MAX:
        for j in range(size):
            G[j] = clipped(G[j], model.clip_value)


cdef void checked_step(const Model* model, floating* W, double* b, State* state, double* G, double scale, double eta,
                       double c1, double c2, bint cumulative) noexcept nogil:
    """One step along the whole gradient, then l1 at each coordinate's own rate, then the bounds."""
    cdef Py_ssize_t o, j, at, d = model.d
    cdef double threshold, v
    whole_gradient(model, W, G, scale)
    for o in range(model.k):
        at = o * (d + 1)
        take_step(model, W, b, G + at, 1.0, 0.0, state.m, state.v, eta, c1, c2, G[at + d], o)
        for j in range(d if model.l1 > 0 else 0):
            v = state.v[at + j] if state.v != NULL else 0.0
            threshold = model.l1 * optimizer_rate(model.rule, v, eta, model.mu, model.eps, c2)
            threshold *= 1.0 if model.factors == NULL else model.factors[j]
            if cumulative:
                state.pending[at + j] += threshold
                draw_rounded(W + o * d + j, state.applied + at + j, state.pending[at + j])
            else:
                W[o * d + j] = <floating>soft_threshold(W[o * d + j], threshold)
        if model.low != NULL:
            for j in range(d):
                W[o * d + j] = <floating>maximum(minimum(W[o * d + j], model.high[j]), model.low[j])


cdef void add_to_mean(const Model* model, const floating* W, const double* b, State* state) noexcept nogil:
    """Take the iterate into the mean."""
    cdef Py_ssize_t o, j, at, d = model.d
    cdef double gain = state.gain
    if state.count < 0:
        return
    state.count += 1
    if gain == 0:
        gain = 1.0 / state.count
    for o in range(model.k):
        at = o * (d + 1)
        for j in range(d):
            state.mean[at + j] = averaged(state.mean[at + j], W[o * d + j], gain)
        state.mean[at + d] = averaged(state.mean[at + d], b[o], gain)


cdef void update(const Model* model, floating* W, double* b, State* state, double* G, double scale,
                 double eta) noexcept nogil:
    """One step along scale G, then the proximal step of l1."""
    cdef Py_ssize_t o, j, d = model.d
    cdef double c1 = 1.0, c2 = 1.0, threshold
    corrections(model, state, &c1, &c2)
    if model.checked:
        checked_step(model, W, b, state, G, scale, eta, c1, c2, False)
    else:
        for o in range(model.k):
            take_step(model, W, b, G + o * (d + 1), scale, model.l2, state.m, state.v, eta, c1, c2,
                      G[o * (d + 1) + d], o)
        if model.l1 > 0:
            threshold = model.l1 * optimizer_rate(model.rule, 0.0, eta, model.mu, model.eps, c2)
            for j in range(model.k * d if threshold > 0 else 0):
                W[j] = <floating>soft_threshold(W[j], threshold)
    if state.count >= 0:
        add_to_mean(model, W, b, state)
