# Mini-batches, and SGD by dense rows: one sample after another, or four at a time.

cdef double batch_step(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t size,
                       floating* W, double* b, State* state, Pending* pending, double* G, double eta,
                       Shared* shared) noexcept nogil:
    """One update by a mini-batch; return its sum of s_i loss_i before it."""
    cdef double total, part = -gd_step(model.l2, eta)
    cdef Pass rows = pass_over_batch(data, order, start, size)
    if data.sparse:
        if model.l1 == 0 and puts_off(model, state, pending) and part < 1:
            return lazy_batch(model, data, order, start, size, W, b, state, pending, part, eta)
        fold(model, W, state, pending)
    total = pass_over(model, data, &rows, W, b, G, shared)
    update(model, W, b, state, G, 1.0 / size, eta)
    return total


cdef void sgd_step(const Model* model, const floating* x, const double* y, double s, floating* W, double* b,
                   State* state, double* G, double eta, double* z) noexcept nogil:
    """One update by one sample; its z before it, one for each output."""
    cdef Py_ssize_t o, j, d = model.d
    cdef double r, c1 = 1.0, c2 = 1.0
    corrections(model, state, &c1, &c2)
    if model.l1 > 0:
        state.l1_pending[0] += model.l1 * optimizer_rate(model.rule, 0.0, eta, model.mu, model.eps, c2)
    for o in range(model.k):
        z[o] = dot(x, W + o * d, d) + b[o]
    if model.coupled:
        log_normalise(z, model.k, 1, 1)
    for o in range(model.k):
        r = s * bounded_gradient(model, y[o], z[o])
        if model.checked:
            for j in range(d):
                G[o * (d + 1) + j] = r * x[j]
            G[o * (d + 1) + d] = r
            continue
        take_step(model, W, b, x, r, steepest_l2(model, eta), state.m, state.v, eta, c1, c2, 1.0, o)
        if model.l1 > 0:
            draw_all_rounded(W + o * d, state.applied + o * (d + 1), d, state.l1_pending[0])
    if model.checked:
        checked_step(model, W, b, state, G, 1.0, eta, c1, c2, True)
    add_to_mean(model, W, b, state)


cdef inline void one_of_four(int i, const Model* model, int rule, bint moving, bint meaning, double y, double s,
                             double product, double product_m, const double* mutual, double eta, double gain,
                             double* cw, double* cm, double* ca, double* b, double* mb, double* ab,
                             double* z) noexcept nogil:
    """Take update i of four: what w, m and the mean are of w, m and the mean before them and of the four rows.

    w + cw[0] w + cw[1] m + sum_j cw[2 + j] x_j are the weights; so for cm (the momentum) and ca (the mean, ca[6] of
    itself), but that ca[0] w is all that they have of w. The rows' products with each other correct z by the updates
    before it, so that these are the updates of the plain loop, to rounding.
    """
    cdef double r, before, value = product + (cw[0] * product + b[0]), l2 = steepest_l2(model, eta)
    cdef int c
    if moving:
        value += cw[1] * product_m
    for c in range(i):
        value += cw[2 + c] * mutual[c]
    z[0] = value
    r = s * bounded_gradient(model, y, value)
    for c in range(3 + i):
        if c != 1 or moving:
            before = 1.0 + cw[0] if c == 0 else cw[c]
            cw[c] += linear_step(rule, before, l2 * before + (r if c == 2 + i else 0.0), &cm[c], eta, model.mu)
    if model.intercept:
        b[0] += linear_step(rule, b[0], r, mb, eta, model.mu)
    if meaning:
        for c in range(3 + i):
            ca[c] = averaged(ca[c], 1.0 + cw[0] if c == 0 else cw[c], gain)
        ca[6] = averaged(ca[6], 0.0, gain)
        ab[0] = averaged(ab[0], b[0], gain)


cdef inline void combine_both(floating* w, double* m, const double* cw, const double* cm, const floating* x0,
                              const floating* x1, const floating* x2, const floating* x3,
                              Py_ssize_t d) noexcept nogil:
    """The same for the weights and the momentum, each of both."""
    if floating is float:
        combine_both_float(w, m, cw, cm, x0, x1, x2, x3, d)
    else:
        combine_both_double(w, m, cw, cm, x0, x1, x2, x3, d)


cdef inline void combine_mean(double* a, const floating* w, const double* m, const double* ca, const floating* x0,
                              const floating* x1, const floating* x2, const floating* x3,
                              Py_ssize_t d) noexcept nogil:
    """The same for the mean; m NULL: there is none."""
    cdef Py_ssize_t j
    for j in range(d):
        a[j] = ca[6] * a[j] + ca[0] * w[j] + ca[2] * x0[j] + ca[3] * x1[j] + ca[4] * x2[j] + ca[5] * x3[j]
    if m != NULL:
        for j in range(d):
            a[j] += ca[1] * m[j]


cdef inline double dot_mixed(const floating* x, const double* m, Py_ssize_t d) noexcept nogil:
    if floating is double:
        return dot(x, m, d)
    else:
        return dot_with_doubles(x, m, d)


cdef inline void four_updates(const Model* model, int rule, bint moving, bint meaning, const floating* x0,
                              const floating* x1, const floating* x2, const floating* x3, const double* y,
                              const double* s, floating* w, double* b, State* state, Py_ssize_t at,
                              const double* product, const double* mutual, const double* eta, bint by_step,
                              const double* gain, double* z, Py_ssize_t stride) noexcept nogil:
    """Four updates of one output: 4 scalar steps between the sweep before and the one here."""
    cdef Py_ssize_t d = model.d
    cdef double unused = 0.0
    cdef double product_m[4]
    cdef double cw[6]
    cdef double cm[6]
    cdef double ca[7]
    cdef int c
    cdef double* m = NULL
    cdef double* mb = &unused
    cdef double* ab = &unused
    if moving:
        m = state.m + at
        mb = m + d
        product_m[0], product_m[1] = dot_mixed(x0, m, d), dot_mixed(x1, m, d)
        product_m[2], product_m[3] = dot_mixed(x2, m, d), dot_mixed(x3, m, d)
    else:
        product_m[0] = product_m[1] = product_m[2] = product_m[3] = 0.0
    if meaning:
        ab = state.mean + at + d
    for c in range(6):
        cw[c] = 0.0
        cm[c] = 1.0 if c == 1 else 0.0
        ca[c] = 0.0
    ca[6] = 1.0
    one_of_four(0, model, rule, moving, meaning, y[0], s[0], product[0], product_m[0], mutual, eta[0], gain[0],
                cw, cm, ca, b, mb, ab, z)
    one_of_four(1, model, rule, moving, meaning, y[stride], s[1], product[1], product_m[1], mutual,
                eta[1 if by_step else 0], gain[1], cw, cm, ca, b, mb, ab, z + stride)
    one_of_four(2, model, rule, moving, meaning, y[2 * stride], s[2], product[2], product_m[2], mutual + 1,
                eta[2 if by_step else 0], gain[2], cw, cm, ca, b, mb, ab, z + 2 * stride)
    one_of_four(3, model, rule, moving, meaning, y[3 * stride], s[3], product[3], product_m[3], mutual + 3,
                eta[3 if by_step else 0], gain[3], cw, cm, ca, b, mb, ab, z + 3 * stride)
    if meaning:
        combine_mean(state.mean + at, w, m, ca, x0, x1, x2, x3, d)
    if moving:
        combine_both(w, m, cw, cm, x0, x1, x2, x3, d)
    else:
        combine(w, -cw[0], cw + 2, x0, x1, x2, x3, d, NULL)


cdef inline double gd_one(const Model* model, double y, double weight, double z) noexcept nogil:
    """Return minus the gradient by z, weighted: what the row weighs in a step of gd at rate 1."""
    return gd_step(weight * bounded_gradient(model, y, z), 1.0)


cdef inline double gd_next(const Model* model, double y, double weight, double known, double slope, double last,
                           double* z) noexcept nogil:
    """Return gd_one at z = known + slope last, by as few operations after `last` as the loss allows."""
    cdef double g, margin, at = known + slope * last
    z[0] = at
    if model.curvature > 0 and absolute(loss_gradient(model.loss, model.c, y, at)) <= model.limit:
        return (gd_step(weight * loss_gradient(model.loss, model.c, y, known), 1.0)
                + gd_step(weight * model.curvature * slope, 1.0) * last)
    if has_margins(model.loss):
        margin = y * known + y * slope * last
        if absolute(margin) < MARGINS:
            g = gradient_of_margin(model.loss, margin)
            if absolute(g) <= model.limit:
                return gd_step(weight * y * g, 1.0)
    return gd_one(model, y, weight, at)


cdef double SMALLEST_LOST = 2.0**-19  # a smaller part of a float32 would be mostly rounding


cdef inline double in_float32(double lost, double* residual) noexcept nogil:
    """Return the part that is lost, or 0 where it is too small for float32; residual holds what is missing."""
    cdef double whole = lost - (1.0 - lost) * residual[0]
    cdef double seen = <float>whole if whole > SMALLEST_LOST else 0.0
    residual[0] = (seen - whole) / (1.0 - seen) if seen < 1 else 0.0
    return seen


cdef inline void four_of_gd(const Model* model, const floating* x0, const floating* x1, const floating* x2,
                            const floating* x3, const double* y, Py_ssize_t stride, const double* s, floating* w,
                            double* intercept, const double* product, const double* mutual, const double* eta,
                            bint by_step, double* residual, double* z, const floating** later) noexcept nogil:
    """Do what four_updates does for gd without a mean, the shortest way: w <- w - lost w + sum_i u_i x_i."""
    cdef double u[4]
    cdef double one = 1.0 if model.intercept else 0.0  # as if it were the last of x, which l2 spares
    cdef double b = intercept[0], lost, part, eta0 = eta[0], eta1 = eta0, eta2 = eta0, eta3 = eta0
    if by_step:
        eta1, eta2, eta3 = eta[1], eta[2], eta[3]
    u[0] = gd_next(model, y[0], eta0 * s[0], b, 1.0, product[0], z)
    lost = part_lost(model, eta0)
    u[1] = gd_next(model, y[stride], eta1 * s[1], product[1] - lost * product[1] + b, mutual[0] + one, u[0], z + stride)
    b += one * u[0]
    part = part_lost(model, eta1)
    lost += part - part * lost
    u[0] -= part * u[0]
    u[2] = gd_next(model, y[2 * stride], eta2 * s[2], product[2] - lost * product[2] + u[0] * mutual[1] + b,
                   mutual[2] + one, u[1], z + 2 * stride)
    b += one * u[1]
    part = part_lost(model, eta2)
    lost += part - part * lost
    u[0] -= part * u[0]
    u[1] -= part * u[1]
    u[3] = gd_next(model, y[3 * stride], eta3 * s[3],
                   product[3] - lost * product[3] + u[0] * mutual[3] + u[1] * mutual[4] + b, mutual[5] + one, u[2],
                   z + 3 * stride)
    b += one * u[2]
    intercept[0] = b + one * u[3]
    part = part_lost(model, eta3)
    lost += part - part * lost
    u[0] -= part * u[0]
    u[1] -= part * u[1]
    u[2] -= part * u[2]
    if floating is float:
        if residual != NULL:
            lost = in_float32(lost, residual)
    combine(w, lost, u, x0, x1, x2, x3, model.d, later)


cdef bint sgd_four(const Model* model, const floating* x0, const floating* x1, const floating* x2,
                   const floating* x3, const double* y, const double* s, floating* W, double* b, State* state,
                   const double* eta, bint by_step, double* z, const floating** later) noexcept nogil:
    """Four updates by four samples; or none, and False, where the rows' products with each other overflow."""
    cdef Py_ssize_t o, d = model.d, k = model.k
    cdef double product[4]
    cdef double mutual[6]
    cdef double gain[4]
    cdef int i
    products(x0, x1, x2, x3, W, d, product, mutual, later)
    for i in range(2, 4 if later != NULL else 0):
        prefetch_row(later[i], d)
    if not absolute(mutual[0] + mutual[1] + mutual[2] + mutual[3] + mutual[4] + mutual[5]) <= DBL_MAX:
        return False
    for i in range(4 if state.count >= 0 else 0):
        gain[i] = state.gain if state.gain > 0 else 1.0 / (state.count + 1 + i)
    for o in range(k):
        if o > 0:
            dot4(x0, x1, x2, x3, W + o * d, d, product, NULL)
        if state.count >= 0 or model.rule != GD:
            four_updates(model, model.rule, model.rule != GD, state.count >= 0, x0, x1, x2, x3, y + o, s, W + o * d,
                         b + o, state, o * (d + 1), product, mutual, eta, by_step, gain, z + o, k)
        else:
            four_of_gd(model, x0, x1, x2, x3, y + o, k, s, W + o * d, b + o, product, mutual, eta, by_step,
                       state.residual if k == 1 and model.l2 > 0 else NULL, z + o, NULL)
    state.t += 4
    if state.count >= 0:
        state.count += 4
    return True


cdef inline Py_ssize_t fours_by_loss(const Model* given, int loss, const Data* data, const int32_t* rows,
                                     Py_ssize_t size, Py_ssize_t known, const double* y, const double* s, floating* w,
                                     double* intercept, State* state, const double* eta, bint by_step,
                                     double* z) noexcept nogil:
    """Do the work of gd_fours; loss is the model's, as a constant where this is compiled for one."""
    cdef Model model = given[0]  # a copy that nothing points at can stay in registers
    cdef Py_ssize_t d = model.d, i = 0, j
    cdef const floating* X = <const floating*>data.X
    cdef const floating* x[4]
    cdef const floating* coming[4]
    cdef const floating** later  # to be fetched during the products
    cdef const floating** last  # and when the weights are written
    cdef double product[4]
    cdef double mutual[6]
    cdef double b = intercept[0]
    cdef double* residual = state.residual if model.l2 > 0 else NULL
    cdef bint ahead = d >= 3 and data.n * d * <Py_ssize_t>sizeof(floating) > NEAR
    model.loss, model.curvature = loss, constant_curvature(loss)
    while i + 4 <= size:
        for j in range(4):
            x[j] = X + rows[i + j] * d
        if ahead and i + AHEAD + 4 <= known:
            for j in range(4):
                coming[j] = X + rows[i + AHEAD + j] * d
            later, last = coming, coming + 2
        else:
            later = last = NULL
        products(x[0], x[1], x[2], x[3], w, d, product, mutual, later)
        if not absolute(mutual[0] + mutual[1] + mutual[2] + mutual[3] + mutual[4] + mutual[5]) <= DBL_MAX:
            break
        four_of_gd(&model, x[0], x[1], x[2], x[3], y + i, 1, s + i, w, &b, product, mutual, eta + (i if by_step else 0),
                   by_step, residual, z + i, last)
        i += 4
    intercept[0] = b
    state.t += i
    return i


cdef Py_ssize_t gd_fours(const Model* model, const Data* data, const int32_t* rows, Py_ssize_t size, Py_ssize_t known,
                         const double* y, const double* s, floating* w, double* b, State* state, const double* eta,
                         bint by_step, double* z) noexcept nogil:
    """Do what sgd_four does for one output and gd without a mean, as often as it goes; return the updates done."""
    if model.loss == SQUARED_ERROR:
        return fours_by_loss(model, SQUARED_ERROR, data, rows, size, known, y, s, w, b, state, eta, by_step, z)
    if model.loss == LOG_LOSS:
        return fours_by_loss(model, LOG_LOSS, data, rows, size, known, y, s, w, b, state, eta, by_step, z)
    return fours_by_loss(model, model.loss, data, rows, size, known, y, s, w, b, state, eta, by_step, z)


cdef void sgd_rows(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t size,
                   Py_ssize_t known, floating* W, double* b, State* state, Pending* pending, double* G,
                   const double* eta, bint by_step) noexcept nogil:
    """At most SPAN updates by order[start:start + size], `known` rows of the epoch being still to come.

    Each row's y, and its z before its own update, are left in data.scratch.
    """
    cdef Py_ssize_t d = data.d, k = data.k, i = 0, j
    cdef const floating* X = <const floating*>data.X
    cdef const int32_t* rows = order + start
    cdef double* z = data.scratch
    cdef double* y = z + SPAN * k
    cdef const floating* coming[4]
    cdef const floating** later
    cdef double s[SPAN]
    cdef bint four_rows = (model.linear and model.l1 == 0 and model.factors == NULL and not model.checked
                           and not model.coupled)
    cdef bint ahead = data.n * d * <Py_ssize_t>sizeof(floating) > NEAR
    for i in range(size):
        if k == 1:
            y[i] = data.Y[rows[i]]
        else:
            memcpy(y + i * k, data.Y + rows[i] * k, k * sizeof(double))
        s[i] = 1.0
    if data.weights != NULL:
        for i in range(size):
            s[i] = data.weights[rows[i]]
    i = 0
    if data.sparse:
        sparse_updates(model, data, rows, size, known, y, s, W, b, state, pending, G, eta, by_step, z)
        i = size
    elif four_rows and k == 1 and model.rule == GD and state.count < 0:
        i = gd_fours(model, data, rows, size, known, y, s, W, b, state, eta, by_step, z)
    while i < size:
        later = NULL
        if ahead and i % 4 == 0:
            if four_rows and d >= 3 and i + AHEAD + 4 <= known:
                for j in range(4):
                    coming[j] = X + rows[i + AHEAD + j] * d
                later = coming
            else:
                fetch(X, rows, min(i + AHEAD, known), min(i + AHEAD + 4, known), d)
        if four_rows and i % 4 == 0 and i + 4 <= size:
            if sgd_four(model, X + rows[i] * d, X + rows[i + 1] * d, X + rows[i + 2] * d, X + rows[i + 3] * d,
                        y + i * k, s + i, W, b, state, eta + (i if by_step else 0), by_step, z + i * k, later):
                i += 4
                continue
        sgd_step(model, X + rows[i] * d, y + i * k, s[i], W, b, state, G, eta[i if by_step else 0], z + i * k)
        i += 1


cdef bint harmless(const double* y, const double* z, Py_ssize_t n) noexcept nogil:
    """Whether no loss of these is too large for a sum of them: not even their squares or exponentials are."""
    cdef Py_ssize_t i
    cdef int bad = 0
    for i in range(n):
        bad += not (absolute(y[i]) <= 300.0 and absolute(z[i]) <= 300.0)
    return bad == 0


cdef double sgd_span(const Model* model, const Data* data, const int32_t* order, Py_ssize_t start, Py_ssize_t size,
                     floating* W, double* b, State* state, Pending* pending, double* G, const double* eta, bint by_step,
                     bint summed) noexcept nogil:
    """Do the updates of sgd_rows; return the sum of s_i loss_i, each before its own.

    Not summed: return 0 where that sum is surely finite.
    """
    cdef Py_ssize_t k = data.k, i, o, j = 0
    cdef double* z = data.scratch
    cdef double* y = z + SPAN * k
    cdef double* r = y + SPAN * k
    cdef double* weights = r + SPAN * k
    cdef double total = 0.0, unused = 0.0
    sgd_rows(model, data, order, start, size, data.n - start, W, b, state, pending, G, eta, by_step)
    if not summed and harmless(y, z, size * k):
        return 0.0
    if data.weights != NULL:
        for i in range(size):
            for o in range(k):
                weights[i * k + o] = data.weights[order[start + i]]
    while j < size * k:
        total += losses_of(model, y + j, weights + j if data.weights != NULL else NULL, z + j, r + j,
                           min(<Py_ssize_t>BLOCK, size * k - j), &unused)
        j += BLOCK
    return total


cdef struct Steps:
    int32_t* order
    Py_ssize_t batch_size
    bint shuffle
    uint64_t seed
    uint64_t epoch
    Py_ssize_t position  # updates done in the epoch
    Py_ssize_t steps  # updates to do
    const double* rates
    bint by_step
    const uint8_t* wanted  # NULL: J is never wanted
    double* costs
    Py_ssize_t every  # what is put off is settled after so many updates from the epoch's start


cdef Steps read_steps(order, updates, Py_ssize_t every):
    """Return the fields of a SampleOrder and of Updates (gdfast/backends)."""
    cdef Steps steps
    cdef int32_t[::1] rows = order.order
    cdef const double[::1] rates = updates.rates
    cdef const uint8_t[::1] wanted = updates.wanted.view(np.uint8)
    cdef double[::1] costs = updates.costs
    steps.order, steps.batch_size, steps.shuffle = &rows[0], order.batch_size, order.shuffle
    steps.seed, steps.epoch, steps.position = order.seed, order.epoch, order.position
    steps.steps, steps.rates, steps.by_step = updates.steps, &rates[0], updates.by_step
    steps.wanted = &wanted[0] if wanted.shape[0] else NULL
    steps.costs, steps.every = &costs[0], every
    return steps


def stochastic(Passes passes, CompiledModel compiled, floating[:, ::1] W, state, order, updates, Py_ssize_t every,
               Crew crew=None):
    """Mini-batch (batch_size > 1) or SGD updates; see gdfast.backends for the contract.

    `state` is a KernelState, and W its coefficients, by whose type this is compiled; `order` is a SampleOrder, and
    `updates` are Updates. What they put off on sparse rows is settled after every `every` from the epoch's start, and
    at the end.
    """
    cdef Model model = model_for(compiled, &passes.data)
    cdef State memory = read_state(state)
    cdef Steps steps = read_steps(order, updates, every)
    cdef Pending pending = passes.pending
    cdef double* b = start_of_intercepts(passes, state.b)
    cdef Shared* shared = &crew.shared if crew is not None else NULL
    cdef Py_ssize_t result
    check_coefficients(passes, W)
    with nogil:
        result = all_steps(&model, &passes.data, &steps, &W[0, 0], b, &memory, &pending, passes.G, shared)
    return result


cdef Py_ssize_t all_steps(const Model* model, const Data* data, const Steps* to_do, floating* W, double* b,
                          State* state, Pending* pending, double* G, Shared* shared) noexcept nogil:
    """Do the updates; return how many, or ~e where the e-th epoch that ends is not finite."""
    cdef Py_ssize_t n = data.n, d = data.d, k = data.k, batch_size = to_do.batch_size, position = to_do.position
    cdef Py_ssize_t done = 0, start, size, ended = 0, per_epoch = (n + batch_size - 1) // batch_size
    cdef const double* eta
    cdef double* total = state.epoch_sum
    cdef double* costs = to_do.costs
    while done < to_do.steps:
        if position == 0:
            total[0] = 0.0
            if to_do.shuffle:
                fill_order(to_do.order, n, to_do.seed, to_do.epoch + ended)
        eta = to_do.rates + (done if to_do.by_step else ended)
        if batch_size == 1:
            size = min(min(to_do.steps - done, n - position), SPAN - position % SPAN)
            total[0] += sgd_span(model, data, to_do.order, position, size, W, b, state, pending, G, eta,
                                 to_do.by_step, to_do.wanted == NULL)
        else:
            size, start = 1, position * batch_size
            total[0] += batch_step(model, data, to_do.order, start, min(batch_size, n - start), W, b, state, pending,
                                   G, eta[0], shared)
        done += size
        position += size
        if position % to_do.every == 0 or position == per_epoch or done == to_do.steps:
            fold(model, W, state, pending)
        if position == per_epoch:
            if not (absolute(total[0]) <= DBL_MAX and all_finite(W, k * d) and all_finite(b, k)):
                return ~ended
            costs[ended] = total[0] / n
            if to_do.wanted != NULL:
                costs[ended] = NAN
                if to_do.wanted[ended]:
                    costs[ended] = pass_all(model, data, W, b, <double*>NULL, shared) / n
                    costs[ended] += penalty(model, W)
                    if not absolute(n * costs[ended]) <= DBL_MAX:
                        return ~ended
            ended += 1
            position = 0
    return to_do.steps


def sample_order(int32_t[::1] order, uint64_t seed, uint64_t epoch):
    """Fill order with the rows in the order in which an epoch takes them."""
    with nogil:
        fill_order(&order[0], order.shape[0], seed, epoch)
