/* columns.h for one T. Included twice, so it has no guard. */

VECTOR_OF(part, LANES * sizeof(T));

INLINED Lanes OF(column)(const T *x)
{
#if VECTORS_KNOWN
    return __builtin_convertvector(*(const OF(part_anywhere) *)x, Lanes);
#else
    return *x;
#endif
}

/* z[i] = b + sum_j w_j x_j[i], of columns with `stride` numbers between them. */
static inline void OF(predict_columns)(const T *X, ptrdiff_t stride, ptrdiff_t d, const T *w, double b, double *z,
                                       ptrdiff_t n)
{
    ptrdiff_t i = 0;
    for (; i + AT_ONCE * LANES <= n; i += AT_ONCE * LANES) {
        Lanes sums[AT_ONCE];
        UNROLLED for (int v = 0; v < AT_ONCE; v++)
            sums[v] = ALL_LANES(b);
        for (ptrdiff_t j = 0; j < d; j++)
            UNROLLED for (int v = 0; v < AT_ONCE; v++)
                sums[v] += w[j] * OF(column)(X + j * stride + i + v * LANES);
        UNROLLED for (int v = 0; v < AT_ONCE; v++)
            TO(z + i + v * LANES) = sums[v];
    }
    for (; i + LANES <= n; i += LANES) {
        Lanes sum = ALL_LANES(b);
        for (ptrdiff_t j = 0; j < d; j++)
            sum += w[j] * OF(column)(X + j * stride + i);
        TO(z + i) = sum;
    }
    for (; i < n; i++) {
        double sum = b;
        for (ptrdiff_t j = 0; j < d; j++)
            sum += (double)w[j] * (double)X[j * stride + i];
        z[i] = sum;
    }
}

/* g[j] += sum_i r[i] x_j[i], for `count` columns, each of which has two sums. */
INLINED void OF(add_some_columns)(const T *X, ptrdiff_t stride, int count, const double *r, double *g, ptrdiff_t n)
{
    Lanes sums[2][AT_ONCE] = {0};
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        UNROLLED for (int h = 0; h < 2; h++)
            UNROLLED for (int j = 0; j < count; j++)
                sums[h][j] += AT(r + i + h * LANES) * OF(column)(X + j * stride + i + h * LANES);
    if (i + LANES <= n) {
        UNROLLED for (int j = 0; j < count; j++)
            sums[0][j] += AT(r + i) * OF(column)(X + j * stride + i);
        i += LANES;
    }
    UNROLLED for (int j = 0; j < count; j++) {
        double sum = sum_of_lanes(sums[0][j] + sums[1][j]);
        for (ptrdiff_t k = i; k < n; k++)
            sum += r[k] * (double)X[j * stride + k];
        g[j] += sum;
    }
}

static inline void OF(add_columns)(const T *X, ptrdiff_t stride, ptrdiff_t d, const double *r, double *g, ptrdiff_t n)
{
    ptrdiff_t j = 0;
    for (; j + 4 <= d; j += 4)
        OF(add_some_columns)(X + j * stride, stride, 4, r, g + j, n);
    for (; j + 2 <= d; j += 2)
        OF(add_some_columns)(X + j * stride, stride, 2, r, g + j, n);
    if (j < d)
        OF(add_some_columns)(X + j * stride, stride, 1, r, g + j, n);
}

/* Add some rows to the sums; those that are not among the last `count` lanes are nothing. */
INLINED void OF(add_to_line)(Formula value, Formula gradient, double c, const double *y, const double *s, const T *x,
                             double w, double b, int64_t count, Line *sums)
{
    Lanes at = OF(column)(x), z = w * at + b, cost = value(AT(y), z, c), r = gradient(AT(y), z, c);
    if (s) {
        cost *= AT(s);
        r *= AT(s);
    }
    r = last_lanes(r, count);
    sums->costs += last_lanes(cost, count);
    sums->slopes += r * at;
    sums->intercepts += r;
}

/* What line does. */
INLINED double OF(sum_line)(Formula value, Formula gradient, double c, const double *y, const double *s, const T *x,
                            double w, double b, ptrdiff_t n, double *g)
{
    Line sums[AT_ONCE] = {0};
    double targets[LANES], weights[LANES];
    T values[LANES];
    ptrdiff_t i = 0;
    for (; i + AT_ONCE * LANES <= n; i += AT_ONCE * LANES)
        UNROLLED for (int v = 0; v < AT_ONCE; v++)
            OF(add_to_line)(value, gradient, c, y + i + v * LANES, s ? s + i + v * LANES : NULL, x + i + v * LANES, w, b,
                            LANES, &sums[v]);
    if (n < LANES) { /* in the last lanes of a vector */
        for (ptrdiff_t k = 0; k < LANES; k++) {
            ptrdiff_t from = k < LANES - n ? 0 : k - (LANES - n);
            targets[k] = y[from], weights[k] = s ? s[from] : 1.0, values[k] = x[from];
        }
        y = targets + (LANES - n), s = s ? weights + (LANES - n) : NULL, x = values + (LANES - n);
    }
    for (; i < n; i += LANES) { /* the last vector begins with what the one before ended with */
        ptrdiff_t count = n - i < LANES ? n - i : LANES, start = i + count - LANES;
        OF(add_to_line)(value, gradient, c, y + start, s ? s + start : NULL, x + start, w, b, count, &sums[0]);
    }
    UNROLLED for (int v = 1; v < AT_ONCE; v++) {
        sums[0].costs += sums[v].costs;
        sums[0].slopes += sums[v].slopes;
        sums[0].intercepts += sums[v].intercepts;
    }
    g[0] = sum_of_lanes(sums[0].slopes);
    g[1] = sum_of_lanes(sums[0].intercepts);
    return sum_of_lanes(sums[0].costs);
}

/* Return the sum of s_i loss_i at z = w x + b, and write its gradient into g; s NULL: all are 1. */
INLINED double OF(line)(Formula value, Formula gradient, double c, const double *y, const double *s, const T *x,
                        double w, double b, ptrdiff_t n, double *g)
{
    return s ? OF(sum_line)(value, gradient, c, y, s, x, w, b, n, g)
             : OF(sum_line)(value, gradient, c, y, NULL, x, w, b, n, g);
}
