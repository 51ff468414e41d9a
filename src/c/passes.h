/* Parts of a pass over rows, whose sums have one order, so that their bits are the same wherever the rows are cut and
   wherever they begin in memory. X and w are float where single, else double. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Rows of X by their numbers, or (rows NULL) as they lie; and those to come, which are fetched meanwhile. */
typedef struct {
    const void *X;
    const int32_t *rows;
    ptrdiff_t size;
    const void *later;
    const int32_t *coming;
    ptrdiff_t known; /* rows to come, as many as these at most; 0: none is fetched */
} Block;

/* z[i] = b + x_i w, while the first half of the rows to come is fetched; as they lie the processor foresees them here,
   but not in add_rows. */
void predict_rows(int single, const Block *block, ptrdiff_t d, const void *w, double b, double *z);

/* g += X' r, while the other half of the rows to come is fetched, as they lie all of them. What is summed stays in part
   from the first block to the last; it has room for d numbers and 32 doubles. Blocks but the last have a multiple of
   eight rows. */
void add_rows(int single, const Block *block, ptrdiff_t d, const double *r, void *part, int first, int last, double *g);

/* z[i] = b + sum_j w_j X[j * stride + i], of n rows. */
void predict_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const void *w, double b, double *z,
                        ptrdiff_t n);

/* g[j] += sum_i r[i] X[j * stride + i]. */
void add_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const double *r, double *g, ptrdiff_t n);

/* The sum of n values. */
double sum_of(const double *values, ptrdiff_t n);

/* The product of a row of floats and doubles. */
double dot_with_doubles(const float *x, const double *m, ptrdiff_t d);
