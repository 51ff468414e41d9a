/* Parts of a pass over rows that are built without liberties with sums, so that their bits are the same wherever the
   rows are cut, and with the widest vectors there are. */
#pragma once
#include <stddef.h>

/* z[i] = b + sum_j w_j X[j * stride + i], of n rows; X and w are float where single, else double. */
void predict_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const void *w, double b, double *z,
                        ptrdiff_t n);

/* g[j] += sum_i r[i] X[j * stride + i]. */
void add_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const double *r, double *g, ptrdiff_t n);

/* The sum of n values. */
double sum_of(const double *values, ptrdiff_t n);
