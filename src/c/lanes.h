#pragma once
#include "macros.h"
#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* As wide as the instruction set has vectors: a wider type would go through memory. */
#if defined(__AVX512F__)
#define LANES 8
#elif defined(__AVX2__)
#define LANES 4
#else
#define LANES 2
#endif
typedef double Lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t Mask __attribute__((vector_size(8 * LANES), aligned(8), may_alias)); /* -1 where a condition holds */
#define AT(p) (*(const Lanes *)(p))
#define TO(p) (*(Lanes *)(p))

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
#else
    return a[0] + a[1];
#endif
}

/* The last `count` lanes, 0 where they are not. */
INLINED Lanes last_lanes(Lanes a, int64_t count)
{
    Mask place;
    if (count >= LANES)
        return a;
    UNROLLED for (int i = 0; i < LANES; i++)
        place[i] = i;
    return (Lanes)((Mask)a & (place >= LANES - count));
}

/* The vocabulary of gdfast/formulas for lanes; a NaN on either side of maximum and minimum comes through. */
#define ALL_LANES(a) ((a) - (Lanes){0}) /* of a number or of lanes */
#define where_lanes(condition, a, b) choose_lanes(condition, ALL_LANES(a), ALL_LANES(b))
#define maximum_lanes(a, b) larger_lanes(ALL_LANES(a), ALL_LANES(b))
#define minimum_lanes(a, b) smaller_lanes(ALL_LANES(a), ALL_LANES(b))

INLINED Lanes choose_lanes(Mask condition, Lanes a, Lanes b)
{
    return (Lanes)((condition & (Mask)a) | (~condition & (Mask)b));
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
    return (Lanes)((Mask)a & INT64_MAX);
}
