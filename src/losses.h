#pragma once
#include <stddef.h>

/* values and gradients of a loss at y and z, n each; written by src/generate.py from gdfast/formulas/losses.py. */
void loss_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict values,
                double *restrict gradients, ptrdiff_t n);
