/* exp, log and log1p without branches, tables or calls, so that loops over them are vectorised; within 2 ulp everywhere.

   They rest on roundings that -fassociative-math would take away in silence, as do others here: nothing is built with
   it (src/meson.build). Their arithmetic is in gdfast/formulas/polynomials.py, their numbers are in
   gdfast/formulas/constants.py. */
#pragma once
#include "constants.h"
#include "polynomials.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t bits(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline double from_bits(uint64_t b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}

/* 2^k for a shifted k (ROUNDER + k), -1023 < k < 1024. */
static inline double power_of_two(double shifted)
{
    return from_bits(bits(shifted + 1023.0) << 52);
}

/* 2^k exp(r), k the integer next to x / ln 2; 2^k in two factors, so that it overflows and underflows as it should. */
static inline double exponential(double x)
{
    x = x > EXP_UPPER ? EXP_UPPER : x;
    x = x < EXP_LOWER ? EXP_LOWER : x;
    double shifted = x * LOG2_E + ROUNDER;
    double k = shifted - ROUNDER;
    double half = k * 0.5 + ROUNDER;
    double p = exp_reduced(reduced(x, k));
    return p * power_of_two(half) * power_of_two((k - (half - ROUNDER)) + ROUNDER);
}

/* log(u + lost) + further ln 2, for a normal u = 2^k m with m in [sqrt(1/2), sqrt(2)) and a lost below its rounding. */
static inline double log_of_sum(double u, double lost, double further)
{
    uint64_t biased = (bits(u) - SQRT_HALF_BITS + ((uint64_t)EXPONENT_SHIFT << 52)) >> 52; /* k + EXPONENT_SHIFT */
    double k = from_bits(biased | TWO_52_BITS) - (TWO_52 + EXPONENT_SHIFT);
    double m = from_bits(bits(u) - ((biased - EXPONENT_SHIFT) << 52));
    double twice = from_bits((1024 + EXPONENT_SHIFT - biased) << 52); /* 2^(1 - k): zero, and not less, at k = 1024 */
    return log_of_parts(k + further, (m - 1.0) + lost * twice * 0.5);
}

/* log(1 + x): u = 1 + x rounded, lost what that lost. */
static inline double log_one_plus(double x)
{
    double u = 1.0 + x;
    double lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
    double y = log_of_sum(u, lost, 0.0);
    y = x > -1.0 ? y : (x == -1.0 ? -1.0 / 0.0 : 0.0 / 0.0);
    return ((x == 0.0) | (x > 0x1.fffffffffffffp1023)) ? x : y;
}

/* log x; a subnormal x is scaled by 2^54 first. */
static inline double logarithm(double x)
{
    int small = x < 0x1p-1022;
    double y = log_of_sum(small ? x * 0x1p54 : x, 0.0, small ? -54.0 : 0.0);
    y = x > 0.0 ? y : (x == 0.0 ? -1.0 / 0.0 : 0.0 / 0.0);
    return x > 0x1.fffffffffffffp1023 ? x : y;
}

/* The vocabulary of gdfast/formulas; a NaN on either side of maximum and minimum comes through. */
#define exp exponential
#define log logarithm
#define log1p log_one_plus

static inline double absolute(double a)
{
    return fabs(a);
}

static inline double where(int condition, double a, double b)
{
    return condition ? a : b;
}

static inline double maximum(double a, double b)
{
    return ((a > b) | (a != a)) ? a : b;
}

static inline double minimum(double a, double b)
{
    return ((a < b) | (a != a)) ? a : b;
}
