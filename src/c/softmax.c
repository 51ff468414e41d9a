#include "losses.h"
#include "constants.h"
#include "elementary.h"

void log_normalise(double *restrict z, ptrdiff_t outputs, ptrdiff_t stride, ptrdiff_t n)
{
    double top[BLOCK], sum[BLOCK];
    for (ptrdiff_t i = 0; i < n; i++) {
        top[i] = z[i];
        sum[i] = -1.0;
    }
    for (ptrdiff_t o = 1; o < outputs; o++)
        for (ptrdiff_t i = 0; i < n; i++)
            top[i] = maximum(top[i], z[o * stride + i]);
    for (ptrdiff_t o = 0; o < outputs; o++)
        for (ptrdiff_t i = 0; i < n; i++)
            sum[i] += exp(z[o * stride + i] - top[i]);
    for (ptrdiff_t i = 0; i < n; i++)
        top[i] += log1p(sum[i]);
    for (ptrdiff_t o = 0; o < outputs; o++)
        for (ptrdiff_t i = 0; i < n; i++)
            z[o * stride + i] -= top[i];
}
