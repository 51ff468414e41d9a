/* Dense rows: products with the weights and with each other, and sums of rows; for float and double (rows_of.h).

   Vectors are as wide as the instruction set has them; the end of a row is loaded and stored under a mask where there
   is one, else number by number. */
#pragma once
#include "macros.h"
#include <stddef.h>
#include <stdint.h>

/* gcc takes a function that does nothing but prefetch for one without effect, and leaves out its calls: hence the asm. */
static inline void PREFETCH(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p, 0, 2);
    __asm__ volatile("");
#else
    (void)p;
#endif
}

/* A number that the compiler shall not put into a vector with others, nor look behind. */
#if defined(__GNUC__) && defined(__x86_64__)
#define HOLD(a) __asm__("" : "+x"(a))
#elif defined(__GNUC__) && defined(__aarch64__)
#define HOLD(a) __asm__("" : "+w"(a))
#elif defined(__GNUC__)
#define HOLD(a) __asm__("" : "+m"(a))
#else
#define HOLD(a) ((void)(a))
#endif

#if defined(__AVX2__)
#include <immintrin.h>
#define WIDTH 32
#else
#define WIDTH 16
#endif

#define T double
#include "rows_of.h"
#undef T
#define T float
#include "rows_of.h"
#undef T
