#include "columns.h"
#include "passes.h"

void predict_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const void *w, double b, double *z,
                        ptrdiff_t n)
{
    if (single)
        predict_columns_float(X, stride, d, w, b, z, n);
    else
        predict_columns_double(X, stride, d, w, b, z, n);
}

void add_by_columns(int single, const void *X, ptrdiff_t stride, ptrdiff_t d, const double *r, double *g, ptrdiff_t n)
{
    if (single)
        add_columns_float(X, stride, d, r, g, n);
    else
        add_columns_double(X, stride, d, r, g, n);
}

double dot_with_doubles(const float *x, const double *m, ptrdiff_t d)
{
    Lanes sums[2] = {0};
    double total = 0.0;
    ptrdiff_t j = 0;
    for (; j + 2 * LANES <= d; j += 2 * LANES)
        UNROLLED for (int v = 0; v < 2; v++)
            sums[v] += column_float(x + j + v * LANES) * AT(m + j + v * LANES);
    for (; j < d; j++)
        total += (double)x[j] * m[j];
    return total + sum_of_lanes(sums[0] + sums[1]);
}

double sum_of(const double *values, ptrdiff_t n)
{
    Lanes sums[AT_ONCE] = {0};
    double total = 0.0;
    ptrdiff_t i = 0;
    for (; i + AT_ONCE * LANES <= n; i += AT_ONCE * LANES)
        UNROLLED for (int v = 0; v < AT_ONCE; v++)
            sums[v] += AT(values + i + v * LANES);
    for (; i + LANES <= n; i += LANES)
        sums[0] += AT(values + i);
    for (; i < n; i++)
        total += values[i];
    return total + sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}
