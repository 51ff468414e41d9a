/* Dense rows: products with the weights and with each other, and sums of rows; for float and double (rows_of.h).

   Vectors are as wide as the instruction set has them; the end of a row is loaded and stored under a mask where there
   is one, else number by number. */
#pragma once
#include "compiler.h"

/* Bytes of a vector. */
#if AVX2
#define WIDTH 32
#elif VECTORS_KNOWN
#define WIDTH 16
#else
#define WIDTH sizeof(T)
#endif

#define T double
#include "rows_of.h"
#undef T
#define T float
#include "rows_of.h"
#undef T
