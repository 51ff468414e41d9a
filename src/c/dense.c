/* Passes over dense rows, eight at a time: products with the weights, and sums of rows for the gradient. */
#include "rows.h" /* first: it has LANES of its own, which end with it */
#include "passes.h"
#include <string.h>

#define UNROLLED _Pragma("GCC unroll 8")
#define EIGHT_TIMES(i) UNROLLED for (int i = 0; i < 8; i++)

#define T double
#include "dense_of.h"
#undef T
#define T float
#include "dense_of.h"
#undef T

void predict_rows(int single, const Block *block, ptrdiff_t d, const void *w, double b, double *z)
{
    if (single)
        predict_rows_float(block, d, w, b, z);
    else
        predict_rows_double(block, d, w, b, z);
}

void add_rows(int single, const Block *block, ptrdiff_t d, const double *r, void *part, double *g)
{
    if (single)
        add_rows_float(block, d, r, part, g);
    else
        add_rows_double(block, d, r, part, g);
}
