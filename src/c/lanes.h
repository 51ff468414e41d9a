#pragma once
#include "compiler.h"
#include <math.h>

/* As wide as the instruction set has vectors: a wider type would go through memory. */
#if AVX512
#define LANES 8
#elif AVX2
#define LANES 4
#elif VECTORS_KNOWN
#define LANES 2
#else
#define LANES 1
#endif
VECTOR(Lanes, double, 8 * LANES);
VECTOR(Mask, int64_t, 8 * LANES); /* not 0 where a condition holds: -1 in a vector */
#define AT(p) (*(const Lanes_anywhere *)(p))
#define TO(p) (*(Lanes_anywhere *)(p))

INLINED double sum_of_lanes(Lanes a)
{
#if LANES == 8
    __m256d b = _mm256_add_pd(_mm512_castpd512_pd256((__m512d)a), _mm512_extractf64x4_pd((__m512d)a, 1));
#elif LANES == 4
    __m256d b = (__m256d)a;
#endif
#if LANES >= 4
    __m128d c = _mm_add_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));
    return c[0] + c[1];
#elif LANES == 2
    return a[0] + a[1];
#else
    return a;
#endif
}

/* The last `count` lanes, 0 where they are not. */
INLINED Lanes last_lanes(Lanes a, int64_t count)
{
    if (count >= LANES)
        return a;
#if VECTORS_KNOWN
    Mask place;
    UNROLLED for (int i = 0; i < LANES; i++)
        place[i] = i;
    return (Lanes)((Mask)a & (place >= LANES - count));
#else
    return 0.0;
#endif
}

/* The vocabulary of gdfast/formulas for lanes; a NaN on either side of maximum and minimum comes through. */
#define ALL_LANES(a) ((a) - (Lanes){0}) /* of a number or of lanes */
#define where_lanes(condition, a, b) choose_lanes(condition, ALL_LANES(a), ALL_LANES(b))
#define maximum_lanes(a, b) larger_lanes(ALL_LANES(a), ALL_LANES(b))
#define minimum_lanes(a, b) smaller_lanes(ALL_LANES(a), ALL_LANES(b))

INLINED Lanes choose_lanes(Mask condition, Lanes a, Lanes b)
{
#if VECTORS_KNOWN
    return (Lanes)((condition & (Mask)a) | (~condition & (Mask)b));
#else
    return condition ? a : b;
#endif
}

INLINED Lanes larger_lanes(Lanes a, Lanes b)
{
    return choose_lanes((a > b) | (a != a), a, b);
}

INLINED Lanes smaller_lanes(Lanes a, Lanes b)
{
    return choose_lanes((a < b) | (a != a), a, b);
}

INLINED Lanes absolute_lanes(Lanes a)
{
#if VECTORS_KNOWN
    return (Lanes)((Mask)a & INT64_MAX);
#else
    return fabs(a);
#endif
}
