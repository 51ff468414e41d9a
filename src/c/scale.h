#pragma once
#include <stddef.h>

/* (scale + residual) (1 - part) in two numbers, the second in residual: with 1 - part alone each update loses the same
   digits. */
double shrunk(double scale, double *residual, double part);

/* w <- (scale + residual) w, by what that takes off: near to 1 the factor has lost the last digits of it. */
void scale_double(double *w, ptrdiff_t count, double scale, double residual);
void scale_float(float *w, ptrdiff_t count, double scale, double residual);

/* What c[0] of w, c[1] of m and four rows add to w, and what m becomes of them. (1 + c[0]) w would lose the last digits
   of c[0], hence here, too. */
void combine_both_double(double *w, double *m, const double *c, const double *cm, const double *x0, const double *x1,
                         const double *x2, const double *x3, ptrdiff_t d);
void combine_both_float(float *w, double *m, const double *c, const double *cm, const float *x0, const float *x1,
                        const float *x2, const float *x3, ptrdiff_t d);
