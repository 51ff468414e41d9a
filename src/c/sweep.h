/* A sweep over the weights takes the updates by two rows and makes the products with the next two, so that each weight
   is loaded and stored once for four products. The product of the two rows with each other corrects the second one's z
   by the first one's update. */
#pragma once
#include "rows.h" /* first: it has LANES of its own, which end with it */
#include "lanes.h"
#include "side_by_side.h"

#define VECTORS 2 /* of a group of configurations: what one sweep keeps in registers */
#define GROUP (VECTORS * LANES)
#define GROUPS (MOST_TOGETHER / GROUP)
#define NEAR 16384 /* bytes of X that stay in the nearest cache: nothing is to be fetched ahead */
#define ROWS (ROWS_COPIED / 2) /* at a time; the next ones are fetched meanwhile */
typedef float Singles __attribute__((vector_size(4 * LANES)));
typedef int64_t Choice __attribute__((vector_size(8 * LANES)));
#define INLINE static inline __attribute__((always_inline))

/* A group of configurations: w <- scale w + u[0] x[0] + u[1] x[1] is still to be done, with the rows of the last pair. */
typedef struct {
    Lanes u[2][VECTORS], scale[VECTORS], b[VECTORS], sums[VECTORS];
} Group;

INLINE Lanes rounded_to_float32(Lanes w)
{
    return __builtin_convertvector(__builtin_convertvector(w, Singles), Lanes);
}

INLINE Lanes everywhere(const double *x)
{
#if LANES == 8
    return (Lanes){*x, *x, *x, *x, *x, *x, *x, *x};
#elif LANES == 4
    return (Lanes){*x, *x, *x, *x};
#else
    return (Lanes){*x, *x};
#endif
}

/* Take the steps by the rows of `last` (updating), and leave in z the products with the rows of `next` (predicting). */
INLINE void sweep(double *w, ptrdiff_t d, const double *const *last, const Group *group, const double *const *next,
                  Lanes z[2][VECTORS], int updating, int scaling, int rounding, int predicting)
{
    const double *x0 = last[0], *x1 = last[1], *n0 = next[0], *n1 = next[1];
    Lanes u0[VECTORS], u1[VECTORS], scale[VECTORS], z0[VECTORS], z1[VECTORS];
    UNROLLED for (int v = 0; v < VECTORS; v++) {
        z0[v] = z1[v] = (Lanes){0};
        if (updating)
            u0[v] = group->u[0][v], u1[v] = group->u[1][v];
        if (scaling)
            scale[v] = group->scale[v];
    }
    for (ptrdiff_t j = 0; j < d; j++, w += MOST_TOGETHER) {
        Lanes a0, a1, c0, c1; /* loaded before a weight is stored, which the compiler could take for one of them */
        if (updating)
            a0 = everywhere(x0 + j), a1 = everywhere(x1 + j);
        if (predicting)
            c0 = everywhere(n0 + j), c1 = everywhere(n1 + j);
        UNROLLED for (int v = 0; v < VECTORS; v++) {
            Lanes a = AT(w + v * LANES);
            if (scaling)
                a *= scale[v];
            if (updating)
                a += a0 * u0[v];
            if (updating)
                a += a1 * u1[v];
            if (rounding)
                a = rounded_to_float32(a);
            if (updating)
                TO(w + v * LANES) = a;
            if (predicting)
                z0[v] += c0 * a;
            if (predicting)
                z1[v] += c1 * a;
        }
    }
    UNROLLED for (int v = 0; predicting && v < VECTORS; v++)
        z[0][v] = z0[v], z[1][v] = z1[v];
}

INLINE void *row_of(const SideBySide *at, int32_t row)
{
    size_t size = at->single ? sizeof(float) : sizeof(double);
    return (char *)at->X + size * (size_t)at->d * (size_t)row;
}

/* A row as doubles: as it lies, or from float32 at `place` in the workspace. */
INLINE const double *row_at(const SideBySide *at, int32_t row, ptrdiff_t place)
{
    const void *x = row_of(at, row);
    if (!at->single)
        return x;
    double *copy = at->rows + place * at->d;
    for (ptrdiff_t j = 0; j < at->d; j++)
        copy[j] = ((const float *)x)[j];
    return copy;
}

INLINE void fetch(const SideBySide *at, const int32_t *rows, ptrdiff_t first, ptrdiff_t stop)
{
    ptrdiff_t size = at->d * (ptrdiff_t)(at->single ? sizeof(float) : sizeof(double));
    for (ptrdiff_t i = first; i < stop; i++) {
        const char *x = row_of(at, rows[i]);
        for (ptrdiff_t line = 0; line < size; line += 64)
            PREFETCH(x + line);
        PREFETCH(x + size - 1);
    }
}

/* The targets and weights of rows. */
INLINE void gather(const SideBySide *at, const int32_t *rows, ptrdiff_t size, double *y, double *s)
{
    for (ptrdiff_t i = 0; i < size; i++) {
        y[i] = at->Y[rows[i]];
        s[i] = at->weights ? at->weights[rows[i]] : 1.0;
    }
}
