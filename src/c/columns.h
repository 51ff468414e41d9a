/* Vectors over rows: passes over X by columns, for few features, and sums of losses. Each sum is in several parts, since
   each waits for its last addition. For float and double (columns_of.h). */
#pragma once
#include "lanes.h"
#include <stddef.h>

#define AT_ONCE 4 /* vectors */

typedef Lanes (*Formula)(Lanes y, Lanes z, double c);

/* What a line sums: losses, and their gradient by w and b. */
typedef struct {
    Lanes costs, slopes, intercepts;
} Line;

/* Add the losses of a vector of rows; only its last `count` lanes count. */
INLINED void add_losses(Formula value, Formula gradient, double c, const double *y, const double *s, const double *z,
                        double *r, int64_t count, Lanes *costs, Lanes *slopes)
{
    Lanes cost = value(AT(y), AT(z), c), slope = gradient(AT(y), AT(z), c);
    if (s) {
        cost *= AT(s);
        slope *= AT(s);
    }
    TO(r) = slope;
    *costs += last_lanes(cost, count);
    *slopes += last_lanes(slope, count);
}

/* Write s_i loss_i' into r; sums: of s_i loss_i, and of r. There are LANES rows at least. */
INLINED void sum_losses_of(Formula value, Formula gradient, double c, const double *y, const double *s,
                           const double *z, double *r, ptrdiff_t n, double *sums)
{
    Lanes costs[2] = {0}, slopes[2] = {0};
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        UNROLLED for (int v = 0; v < 2; v++)
            add_losses(value, gradient, c, y + i + v * LANES, s ? s + i + v * LANES : NULL, z + i + v * LANES,
                       r + i + v * LANES, LANES, &costs[v], &slopes[v]);
    for (; i < n; i += LANES) { /* the last vector begins with what the one before ended with */
        ptrdiff_t count = n - i < LANES ? n - i : LANES, start = i + count - LANES;
        add_losses(value, gradient, c, y + start, s ? s + start : NULL, z + start, r + start, count, &costs[0],
                   &slopes[0]);
    }
    sums[0] = sum_of_lanes(costs[0] + costs[1]);
    sums[1] = sum_of_lanes(slopes[0] + slopes[1]);
}

INLINED void sum_losses(Formula value, Formula gradient, double c, const double *y, const double *s, const double *z,
                        double *r, ptrdiff_t n, double *sums)
{
    if (s)
        sum_losses_of(value, gradient, c, y, s, z, r, n, sums);
    else
        sum_losses_of(value, gradient, c, y, NULL, z, r, n, sums);
}

#define T double
#include "columns_of.h"
#undef T
#define T float
#include "columns_of.h"
#undef T
