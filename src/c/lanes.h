#pragma once

/* As wide as the instruction set has vectors: a wider type would go through memory. */
#if defined(__AVX512F__)
#define LANES 8
#elif defined(__AVX2__)
#define LANES 4
#else
#define LANES 2
#endif
typedef double Lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
#define AT(p) (*(const Lanes *)(p))
#define TO(p) (*(Lanes *)(p))
#define UNROLLED _Pragma("GCC unroll 8")
