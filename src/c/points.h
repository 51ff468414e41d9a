#pragma once
#include <stddef.h>
#include <stdint.h>

/* Rows, dense or sparse, their targets and weights, as model.pxi has them; float64 alone. */
typedef struct {
    const double *X; /* of sparse rows the values */
    const void *indices; /* NULL: dense rows */
    const void *indptr;
    const double *Y;
    const double *weights; /* NULL: all are 1 */
    ptrdiff_t n, d, k;
    int wide; /* indices and indptr are int64 */
} Rows;

/* The sum over rows first to stop of s_i loss_i, and its gradient, at so many points: a multiple of POINTS_AT_ONCE, at
   most MOST_POINTS.

   W is (k, d + 1, points), the intercept last. The sums are added to sums (2, points) and gradient (2, k, d + 1,
   points), each number in two: the rounded sum, and what rounding has taken from it; sums NULL: only the gradient is
   wanted. workspace has (k + 4) POINTS_ROWS points numbers. */
void sums_at_points(int loss, int coupled, double c, const Rows *rows, ptrdiff_t first, ptrdiff_t stop,
                    ptrdiff_t points, const double *W, double *workspace, double *sums, double *gradient);
