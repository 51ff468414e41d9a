/* Passes over dense rows, products with the weights, eight rows at a time, and sums of rows for the gradient. */
#include "rows.h" /* first: it has LANES of its own, which end with it */
#include "constants.h"
#include "passes.h"
#include <string.h>

#if AVX512
#define WIDE 64
#else
#define WIDE WIDTH
#endif
#define MOST_VECTORS 6 /* of a row, each with two sums in registers */
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

void add_rows(int single, const Block *block, ptrdiff_t d, const double *r, void *part, int first, int last, double *g)
{
    if (single) /* a sum of few rows has little rounding */
        add_rows_float(block, d, r, part, 1, 1, g);
    else
        add_rows_double(block, d, r, part, first, last, g);
}
