/* Built without liberties with sums: what rounding takes from a sum is kept beside it. */
#include "points.h"
#include "constants.h"
#include "losses.h"
#include <string.h>

#define LANES POINTS_AT_ONCE
#define ROWS 8 /* at a time */
_Static_assert(ROWS * MOST_POINTS <= BLOCK, "log_normalise takes as many numbers of an output");

typedef double Lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
#define AT(p) (*(const Lanes *)(p))
#define TO(p) (*(Lanes *)(p))

/* s += a, and e what rounding takes from it (Knuth, 1969, The Art of Computer Programming 2, 4.2.2). */
static inline void add_exactly(double *restrict s, double *restrict e, Lanes a)
{
    Lanes before = AT(s), sum = before + a, part = sum - before;
    TO(e) = AT(e) + ((before - (sum - part)) + (a - part));
    TO(s) = sum;
}

/* z (ROWS, points) = W' x of dense rows, four rows and LANES points at a time. */
static void predict_dense(const double *const *x, ptrdiff_t d, ptrdiff_t points, const double *W, double *z)
{
    for (ptrdiff_t p = 0; p < points; p += LANES)
        for (int i = 0; i < ROWS; i += 4) {
            const double *x0 = x[i], *x1 = x[i + 1], *x2 = x[i + 2], *x3 = x[i + 3], *w = W + p;
            Lanes z0 = AT(W + d * points + p), z1 = z0, z2 = z0, z3 = z0;
            for (ptrdiff_t j = 0; j < d; j++, w += points) {
                Lanes v = AT(w);
                z0 += x0[j] * v;
                z1 += x1[j] * v;
                z2 += x2[j] * v;
                z3 += x3[j] * v;
            }
            TO(z + i * points + p) = z0;
            TO(z + (i + 1) * points + p) = z1;
            TO(z + (i + 2) * points + p) = z2;
            TO(z + (i + 3) * points + p) = z3;
        }
}

/* gradient += sum of x r, r (ROWS, points); that of the intercept is the sum of r. */
static void add_dense(const double *const *x, ptrdiff_t d, ptrdiff_t points, const double *r, double *gradient,
                      ptrdiff_t width)
{
    for (ptrdiff_t p = 0; p < points; p += LANES) {
        const double *q = r + p;
        Lanes r0 = AT(q), r1 = AT(q + points), r2 = AT(q + 2 * points), r3 = AT(q + 3 * points);
        Lanes r4 = AT(q + 4 * points), r5 = AT(q + 5 * points), r6 = AT(q + 6 * points), r7 = AT(q + 7 * points);
        double *g = gradient + p, *e = g + width;
        for (ptrdiff_t j = 0; j < d; j++, g += points, e += points)
            add_exactly(g, e,
                        ((x[0][j] * r0 + x[1][j] * r1) + (x[2][j] * r2 + x[3][j] * r3))
                            + ((x[4][j] * r4 + x[5][j] * r5) + (x[6][j] * r6 + x[7][j] * r7)));
        add_exactly(g, e, ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)));
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

void sums_at_points(int loss, int coupled, double c, const Rows *rows, ptrdiff_t first, ptrdiff_t stop,
                    ptrdiff_t points, const double *W, double *workspace, double *sums, double *gradient)
{
    ptrdiff_t d = rows->d, k = rows->k, block = ROWS * points, part = (d + 1) * points, width = k * part;
    double *z = workspace, *y = z + k * block, *values = y + block, *r = values + block;
    const double *x[ROWS];
    for (; first < stop; first += ROWS) {
        ptrdiff_t size = stop - first < ROWS ? stop - first : ROWS;
        for (ptrdiff_t i = 0; i < ROWS; i++)
            x[i] = rows->indices ? NULL : rows->X + (first + (i < size ? i : 0)) * d;
        for (ptrdiff_t o = 0; o < k; o++) {
            if (!rows->indices)
                predict_dense(x, d, points, W + o * part, z + o * block);
            else
                for (ptrdiff_t i = 0; i < ROWS; i++)
                    predict_sparse(rows, first + (i < size ? i : 0), points, W + o * part, z + o * block + i * points);
        }
        if (coupled)
            log_normalise(z, k, block, block);
        for (ptrdiff_t o = 0; o < k; o++) {
            for (ptrdiff_t i = 0; i < ROWS; i++) {
                double target = rows->Y[(first + (i < size ? i : 0)) * k + o];
                for (ptrdiff_t p = 0; p < points; p++)
                    y[i * points + p] = target;
            }
            loss_block(loss, c, y, z + o * block, values, r, block);
            for (ptrdiff_t i = 0; i < ROWS; i++) {
                double s = i >= size ? 0.0 : rows->weights ? rows->weights[first + i] : 1.0;
                if (s != 1.0)
                    for (ptrdiff_t p = 0; p < points; p++) {
                        values[i * points + p] *= s;
                        r[i * points + p] *= s;
                    }
            }
            for (ptrdiff_t p = 0; p < points; p += LANES) {
                Lanes total = {0};
                for (ptrdiff_t i = 0; i < ROWS; i++)
                    total += AT(values + i * points + p);
                add_exactly(sums + p, sums + points + p, total);
            }
            if (!rows->indices)
                add_dense(x, d, points, r, gradient + o * part, width);
            else
                for (ptrdiff_t i = 0; i < size; i++)
                    add_sparse(rows, first + i, points, r + i * points, gradient + o * part, width);
        }
    }
}
