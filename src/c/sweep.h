/* A sweep over the weights takes the updates by two rows and makes the products with the next two, so that each weight
   is loaded and stored once for four products. The product of the two rows with each other corrects the second one's z
   by the first one's update. */
#pragma once
#include "rows.h" /* first: it has LANES of its own, which end with it */
#include "lanes.h"
#include "side_by_side.h"

#define VECTORS 2 /* of a group of configurations: what one sweep keeps in registers */
#define GROUP (VECTORS * LANES)
#define GROUPS (MOST_TOGETHER / GROUP)
#define ROWS 16 /* at a time; the next ones are fetched meanwhile */
#define LINE 8 /* numbers of a row that are fetched together */

/* A group of configurations: w <- w - lost w + u[0] x[0] + u[1] x[1] is still to be done, with the rows of the last
   pair. What l2 takes off is a number of its own: in a factor near to 1 its last digits would be lost, and each update
   would lose the same ones. */
typedef struct {
    Lanes_anywhere u[2][VECTORS], lost[VECTORS], b[VECTORS], sums[VECTORS];
} Group;

INLINED Lanes everywhere(const double *x)
{
#if LANES == 8
    return (Lanes){*x, *x, *x, *x, *x, *x, *x, *x};
#elif LANES == 4
    return (Lanes){*x, *x, *x, *x};
#elif LANES == 2
    return (Lanes){*x, *x};
#else
    return *x;
#endif
}

/* What a sweep keeps in registers. */
typedef struct {
    Lanes u0[VECTORS], u1[VECTORS], lost[VECTORS], z0[VECTORS], z1[VECTORS];
} Swept;

/* Take the steps of a feature's weights by the rows of `last`, and add its products with the rows of `next` to z. */
INLINED void sweep_feature(double *w, const double *const *last, const double *const *next, ptrdiff_t j, Swept *at,
                          int updating, int shrinking, int predicting)
{
    Lanes x0, x1, n0, n1; /* loaded before a weight is stored, which the compiler could take for one of them */
    if (updating)
        x0 = everywhere(last[0] + j), x1 = everywhere(last[1] + j);
    if (predicting)
        n0 = everywhere(next[0] + j), n1 = everywhere(next[1] + j);
    UNROLLED for (int v = 0; v < VECTORS; v++) {
        Lanes a = AT(w + v * LANES);
        if (shrinking)
            a -= at->lost[v] * a;
        if (updating)
            a += x0 * at->u0[v];
        if (updating)
            a += x1 * at->u1[v];
        if (updating)
            TO(w + v * LANES) = a;
        if (predicting)
            at->z0[v] += n0 * a;
        if (predicting)
            at->z1[v] += n1 * a;
    }
}

/* Do that for all features (updating, predicting), leave the products in z, and fetch the row `coming` meanwhile. */
INLINED void sweep(double *w, ptrdiff_t d, const double *const *last, const Group *group, const double *const *next,
                  const double *coming, Lanes z[2][VECTORS], int updating, int shrinking, int predicting)
{
    const double *from[2] = {last[0], last[1]}, *to[2] = {next[0], next[1]};
    Swept at;
    ptrdiff_t j = 0;
    UNROLLED for (int v = 0; v < VECTORS; v++) {
        at.z0[v] = at.z1[v] = (Lanes){0};
        if (updating)
            at.u0[v] = group->u[0][v], at.u1[v] = group->u[1][v];
        if (shrinking)
            at.lost[v] = group->lost[v];
    }
    for (; j + LINE <= d; j += LINE) {
        PREFETCH(coming + j);
        UNROLLED for (int i = 0; i < LINE; i++, w += MOST_TOGETHER)
            sweep_feature(w, from, to, j + i, &at, updating, shrinking, predicting);
    }
    PREFETCH(coming + d - 1);
    for (; j < d; j++, w += MOST_TOGETHER)
        sweep_feature(w, from, to, j, &at, updating, shrinking, predicting);
    UNROLLED for (int v = 0; predicting && v < VECTORS; v++)
        z[0][v] = at.z0[v], z[1][v] = at.z1[v];
}

INLINED const double *row_of(const SideBySide *at, int32_t row)
{
    return at->X + at->d * row;
}

INLINED void fetch(const SideBySide *at, const int32_t *rows, ptrdiff_t first, ptrdiff_t stop)
{
    for (ptrdiff_t i = first; i < stop; i++) {
        const double *x = row_of(at, rows[i]);
        for (ptrdiff_t j = 0; j < at->d; j += LINE)
            PREFETCH(x + j);
        PREFETCH(x + at->d - 1);
    }
}

/* The targets and weights of rows. */
INLINED void gather(const SideBySide *at, const int32_t *rows, ptrdiff_t size, double *y, double *s)
{
    for (ptrdiff_t i = 0; i < size; i++) {
        y[i] = at->Y[rows[i]];
        s[i] = at->weights ? at->weights[rows[i]] : 1.0;
    }
}
