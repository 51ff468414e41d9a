/* Passes over the rows for many coefficients at once; what rounding takes from a sum is kept beside it. */
#include "points.h"
#include "constants.h"
#include "lanes.h"
#include "losses.h"
#include <string.h>

#define VECTORS (POINTS_AT_ONCE / LANES) /* side by side, each with a sum of its own */

/* s += a, and e what rounding takes from it (Knuth, 1969, The Art of Computer Programming 2, 4.2.2). */
static inline void add_exactly(double *restrict s, double *restrict e, Lanes a)
{
    Lanes before = AT(s), sum = before + a, part = sum - before;
    TO(e) = AT(e) + ((before - (sum - part)) + (a - part));
    TO(s) = sum;
}

/* z (rows, points) = W' x of dense rows, a multiple of four, four rows and POINTS_AT_ONCE points at a time. */
static void predict_dense(const double *const *x, ptrdiff_t rows, ptrdiff_t d, ptrdiff_t points, const double *W,
                          double *z)
{
    for (ptrdiff_t p = 0; p < points; p += POINTS_AT_ONCE)
        for (ptrdiff_t i = 0; i < rows; i += 4) {
            const double *x0 = x[i], *x1 = x[i + 1], *x2 = x[i + 2], *x3 = x[i + 3], *w = W + p;
            Lanes z0[VECTORS], z1[VECTORS], z2[VECTORS], z3[VECTORS];
            UNROLLED for (int v = 0; v < VECTORS; v++)
                z0[v] = z1[v] = z2[v] = z3[v] = AT(W + d * points + p + v * LANES);
            for (ptrdiff_t j = 0; j < d; j++, w += points) {
                UNROLLED for (int v = 0; v < VECTORS; v++) {
                    Lanes u = AT(w + v * LANES);
                    z0[v] += x0[j] * u;
                    z1[v] += x1[j] * u;
                    z2[v] += x2[j] * u;
                    z3[v] += x3[j] * u;
                }
            }
            UNROLLED for (int v = 0; v < VECTORS; v++) {
                double *to = z + i * points + p + v * LANES;
                TO(to) = z0[v];
                TO(to + points) = z1[v];
                TO(to + 2 * points) = z2[v];
                TO(to + 3 * points) = z3[v];
            }
        }
}

/* gradient += sum of x r, r (rows, points), four features at a time; that of the intercept is the sum of r. */
static void add_dense(const double *const *x, ptrdiff_t rows, ptrdiff_t d, ptrdiff_t points, const double *r,
                      double *gradient, ptrdiff_t width)
{
    for (ptrdiff_t p = 0; p < points; p += POINTS_AT_ONCE) {
        const double *q = r + p;
        double *g = gradient + p;
        ptrdiff_t j = 0;
        for (; j + 4 <= d; j += 4, g += 4 * points) {
            Lanes g0[VECTORS] = {0}, g1[VECTORS] = {0}, g2[VECTORS] = {0}, g3[VECTORS] = {0};
            for (ptrdiff_t i = 0; i < rows; i++) {
                const double *row = x[i] + j;
                UNROLLED for (int v = 0; v < VECTORS; v++) {
                    Lanes u = AT(q + i * points + v * LANES);
                    g0[v] += row[0] * u;
                    g1[v] += row[1] * u;
                    g2[v] += row[2] * u;
                    g3[v] += row[3] * u;
                }
            }
            UNROLLED for (int v = 0; v < VECTORS; v++) {
                double *to = g + v * LANES;
                add_exactly(to, to + width, g0[v]);
                add_exactly(to + points, to + points + width, g1[v]);
                add_exactly(to + 2 * points, to + 2 * points + width, g2[v]);
                add_exactly(to + 3 * points, to + 3 * points + width, g3[v]);
            }
        }
        for (; j <= d; j++, g += points) {
            Lanes sum[VECTORS] = {0};
            for (ptrdiff_t i = 0; i < rows; i++) {
                double a = j < d ? x[i][j] : 1.0;
                UNROLLED for (int v = 0; v < VECTORS; v++)
                    sum[v] += a * AT(q + i * points + v * LANES);
            }
            UNROLLED for (int v = 0; v < VECTORS; v++)
                add_exactly(g + v * LANES, g + v * LANES + width, sum[v]);
        }
    }
}

static inline ptrdiff_t entry(const void *array, int wide, ptrdiff_t i)
{
    return wide ? (ptrdiff_t)((const int64_t *)array)[i] : (ptrdiff_t)((const int32_t *)array)[i];
}

static void predict_sparse(const Rows *rows, ptrdiff_t row, ptrdiff_t points, const double *W, double *z)
{
    ptrdiff_t start = entry(rows->indptr, rows->wide, row), stop = entry(rows->indptr, rows->wide, row + 1);
    memcpy(z, W + rows->d * points, (size_t)points * sizeof *z);
    for (ptrdiff_t i = start; i < stop; i++) {
        const double *w = W + entry(rows->indices, rows->wide, i) * points;
        double x = rows->X[i];
        for (ptrdiff_t p = 0; p < points; p += LANES)
            TO(z + p) = AT(z + p) + x * AT(w + p);
    }
}

static void add_sparse(const Rows *rows, ptrdiff_t row, ptrdiff_t points, const double *r, double *gradient,
                       ptrdiff_t width)
{
    ptrdiff_t start = entry(rows->indptr, rows->wide, row), stop = entry(rows->indptr, rows->wide, row + 1);
    double *g = gradient + rows->d * points;
    for (ptrdiff_t p = 0; p < points; p += LANES)
        add_exactly(g + p, g + width + p, AT(r + p));
    for (ptrdiff_t i = start; i < stop; i++) {
        double x = rows->X[i];
        g = gradient + entry(rows->indices, rows->wide, i) * points;
        for (ptrdiff_t p = 0; p < points; p += LANES)
            add_exactly(g + p, g + width + p, x * AT(r + p));
    }
}

/* sums += the sum of the values of some rows (rows, points). */
static void add_values(const double *values, ptrdiff_t rows, ptrdiff_t points, double *sums)
{
    for (ptrdiff_t p = 0; p < points; p += LANES) {
        Lanes total = {0};
        for (ptrdiff_t i = 0; i < rows; i++)
            total += AT(values + i * points + p);
        add_exactly(sums + p, sums + points + p, total);
    }
}

/* The same of values rest + log1p(excess), by one logarithm for all rows. */
static void add_log1p(const double *rests, const double *excesses, ptrdiff_t rows, ptrdiff_t points, double *sums)
{
    double logs[MOST_POINTS];
    for (ptrdiff_t p = 0; p < points; p += LANES) {
        Lanes q = {0};
        for (ptrdiff_t i = 0; i < rows; i++) {
            Lanes excess = AT(excesses + i * points + p);
            q += excess + q * excess;
        }
        TO(logs + p) = q;
    }
    log1p_all(logs, points);
    add_values(rests, rows, points, sums);
    for (ptrdiff_t p = 0; p < points; p += LANES)
        add_exactly(sums + p, sums + points + p, AT(logs + p));
}

/* values and gradients times the weights of rows; what is behind the last row weighs nothing. */
static void weigh(const double *weights, ptrdiff_t size, ptrdiff_t count, ptrdiff_t points, double *values, double *r)
{
    for (ptrdiff_t i = weights ? 0 : size; i < count; i++)
        for (ptrdiff_t p = 0; p < points; p++) {
            r[i * points + p] *= i < size ? weights[i] : 0.0;
            if (values)
                values[i * points + p] *= i < size ? weights[i] : 0.0;
        }
}

/* The targets of `count` rows, of which the last is repeated, for each point. */
static void spread(const double *Y, ptrdiff_t stride, ptrdiff_t size, ptrdiff_t count, ptrdiff_t points, double *y)
{
    for (ptrdiff_t i = 0; i < count; i++)
        for (ptrdiff_t p = 0; p < points; p++)
            y[i * points + p] = Y[(i < size ? i : size - 1) * stride];
}

void sums_at_points(int loss, int coupled, double c, const Rows *rows, ptrdiff_t first, ptrdiff_t stop,
                    ptrdiff_t points, const double *W, double *workspace, double *sums, double *gradient)
{
    ptrdiff_t d = rows->d, k = rows->k, most = POINTS_ROWS * points, part = (d + 1) * points, width = k * part;
    double *z = workspace, *y = z + k * most, *values = y + most, *excesses = values + most, *r = excesses + most;
    const double *x[POINTS_ROWS];
    for (; first < stop; first += POINTS_ROWS) {
        ptrdiff_t size = stop - first < POINTS_ROWS ? stop - first : POINTS_ROWS;
        ptrdiff_t count = (size + 3) / 4 * 4, block = count * points;
        const double *weights = rows->weights ? rows->weights + first : NULL;
        for (ptrdiff_t i = 0; i < count; i++)
            x[i] = rows->indices ? NULL : rows->X + (first + (i < size ? i : size - 1)) * d;
        for (ptrdiff_t o = 0; o < k; o++) {
            if (!rows->indices)
                predict_dense(x, count, d, points, W + o * part, z + o * most);
            else
                for (ptrdiff_t i = 0; i < count; i++)
                    predict_sparse(rows, first + (i < size ? i : size - 1), points, W + o * part,
                                   z + o * most + i * points);
        }
        for (ptrdiff_t i = 0; coupled && i < block; i += BLOCK)
            log_normalise(z + i, k, most, block - i < BLOCK ? block - i : BLOCK);
        for (ptrdiff_t o = 0; o < k; o++) {
            spread(rows->Y + first * k + o, k, size, count, points, y);
            int by_logs = sums && !weights && log1p_block(loss, c, y, z + o * most, values, excesses, r, block);
            if (!sums)
                gradient_block(loss, c, y, z + o * most, r, block);
            else if (!by_logs)
                loss_block(loss, c, y, z + o * most, values, r, block);
            weigh(weights, size, count, points, sums ? values : NULL, r);
            if (by_logs)
                add_log1p(values, excesses, size, points, sums);
            else if (sums)
                add_values(values, count, points, sums);
            if (!rows->indices)
                add_dense(x, count, d, points, r, gradient + o * part, width);
            else
                for (ptrdiff_t i = 0; i < size; i++)
                    add_sparse(rows, first + i, points, r + i * points, gradient + o * part, width);
        }
    }
}
