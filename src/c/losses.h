#pragma once
#include <stddef.h>

/* values and gradients of a loss at y and z, n each; written by src/generate from gdfast/formulas/losses.py. */
void loss_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict values,
                double *restrict gradients, ptrdiff_t n);

/* The gradients alone. */
void gradient_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict gradients,
                    ptrdiff_t n);

/* z <- z - log(sum over outputs of exp(z)): output o of row i is z[o * stride + i], of at most BLOCK rows. */
void log_normalise(double *restrict z, ptrdiff_t outputs, ptrdiff_t stride, ptrdiff_t n);
