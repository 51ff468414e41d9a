#include "scale.h"

double shrunk(double scale, double *residual, double part)
{
    double less = part * scale, rounded = scale - less;
    *residual = (*residual - part * *residual) + ((scale - rounded) - less);
    return rounded;
}

#define SCALE(T) \
    void scale_##T(T *w, ptrdiff_t count, double scale, double residual) \
    { \
        const double whole = scale + residual, lost = (1.0 - scale) - residual; \
        if (lost > 0.5) \
            for (ptrdiff_t j = 0; j < count; j++) \
                w[j] = (T)(whole * w[j]); \
        else if (lost != 0.0) \
            for (ptrdiff_t j = 0; j < count; j++) \
                w[j] = (T)(w[j] - lost * w[j]); \
    }
SCALE(double)
SCALE(float)

#define COMBINE_BOTH(T) \
    void combine_both_##T(T *restrict w, double *restrict m, const double *c, const double *cm, const T *x0, \
                          const T *x1, const T *x2, const T *x3, ptrdiff_t d) \
    { \
        const double c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3], c4 = c[4], c5 = c[5]; \
        const double m0 = cm[0], m1 = cm[1], m2 = cm[2], m3 = cm[3], m4 = cm[4], m5 = cm[5]; \
        for (ptrdiff_t j = 0; j < d; j++) { \
            double old = w[j], moving = m[j]; \
            double a = (c0 * old + c1 * moving) + (c2 * x0[j] + c3 * x1[j]) + (c4 * x2[j] + c5 * x3[j]); \
            m[j] = (m0 * old + m1 * moving) + (m2 * x0[j] + m3 * x1[j]) + (m4 * x2[j] + m5 * x3[j]); \
            w[j] = (T)(old + a); \
        } \
    }
COMBINE_BOTH(double)
COMBINE_BOTH(float)
