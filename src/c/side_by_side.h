#pragma once
#include "constants.h"
#include <stddef.h>
#include <stdint.h>

/* A processor takes a load for dependent on a store before it whose address is the same modulo 4096 bytes: what is
   stored beside the weights lies next to them. */
#define ROWS_BEFORE 8

/* Configurations of SGD or mini-batches that take the same rows in the same order: weights are stored feature by
   configuration, so that a vector register holds one weight of several configurations. */
typedef struct {
    const double *X; /* (n, d) */
    const double *Y;
    const double *weights; /* NULL: all are 1 */
    ptrdiff_t n, d;
    int loss;
    double c;
    double curvature; /* of a loss quadratic in z, whose least value is 0; 0: the loss is not */
    int intercept;
    ptrdiff_t count; /* configurations, at most MOST_TOGETHER; there are zeros behind them */
    const double *l2; /* (MOST_TOGETHER); NULL: all are 0 */
    double *W; /* (d + 1, MOST_TOGETHER), the intercepts last, behind ROWS_BEFORE rows of workspace */
    double *G; /* the same, for the gradients of a mini-batch */
    double *sums; /* (MOST_TOGETHER), to which each row's s_i loss_i is added, before its own update */
} SideBySide;

/* One update by each of at most SPAN rows, `known` rows of the epoch being still to come. Row i has the rates
   eta[i * stride], ..., one for each configuration. */
void rows_side_by_side(const SideBySide *at, const int32_t *rows, ptrdiff_t size, ptrdiff_t known, const double *eta,
                       ptrdiff_t stride);

/* One update by a mini-batch. */
void batch_side_by_side(const SideBySide *at, const int32_t *rows, ptrdiff_t size, ptrdiff_t known, const double *eta);
