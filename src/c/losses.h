#pragma once
#include <stddef.h>

/* values and gradients of a loss at y and z, n each; written by src/generate from gdfast/formulas/losses.py. */
void loss_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict values,
                double *restrict gradients, ptrdiff_t n);

/* The gradients alone. */
void gradient_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict gradients,
                    ptrdiff_t n);

/* Of a loss whose value is rest + log1p(excess), both, and the gradients; returns whether it is one. A sum of such
   values takes one log1p: of q, which begins at 0, q <- q + excess + q excess for each. */
int log1p_block(int loss, double c, const double *restrict y, const double *restrict z, double *restrict rests,
                double *restrict excesses, double *restrict gradients, ptrdiff_t n);

/* values <- log1p(values). */
void log1p_all(double *values, ptrdiff_t n);

/* The sum of at most BLOCK values rest + log1p(excess), by SUMS_OF_LOGS logarithms; no excess is above 1. */
#define SUMS_OF_LOGS 16
double sum_of_log1p(const double *rests, const double *excesses, ptrdiff_t n);

/* z <- z - log(sum over outputs of exp(z)): output o of row i is z[o * stride + i], of at most BLOCK rows. */
void log_normalise(double *restrict z, ptrdiff_t outputs, ptrdiff_t stride, ptrdiff_t n);

/* Of a loss without exp and log, for one feature: writes the sum of s_i loss_i at z = w x + b into total and its gradient
   into g, (2,); returns whether it is one. x is float where single; s NULL: all are 1. */
int loss_line(int loss, double c, int single, const double *y, const double *s, const void *x, double w, double b,
              ptrdiff_t n, double *total, double *g);

/* Of such a loss: writes s_i loss_i' at y and z into r, and the sums of s_i loss_i and of r into sums; returns whether it
   is one, of rows that fill a vector. */
int loss_sums(int loss, double c, const double *y, const double *s, const double *z, double *r, ptrdiff_t n,
              double *sums);
