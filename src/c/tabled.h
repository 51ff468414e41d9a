/* A function of one number by polynomials about equally distant places (tables.h): nothing waits for a division. */
#pragma once
#include "constants.h"
#include "rows.h"
#include <string.h>

_Static_assert(COEFFICIENTS == 8, "the sum below has eight terms");
/* Adding it rounds to a place, whose number is left in the low bits. */
#define PLACES (ROUNDER * WIDTH_OF_PLACES)

/* table: that about zero. */
static inline double tabled(const double (*table)[COEFFICIENTS], double m)
{
    const double places = PLACES;
    double shifted = m + places, place = shifted - places;
    int64_t low, none;
    memcpy(&low, &shifted, sizeof low);
    memcpy(&none, &places, sizeof none);
    const double *c = table[low - none];
    double h = m - place, h2 = h * h;
    double first = (c[0] + c[1] * h) + h2 * (c[2] + c[3] * h), second = (c[4] + c[5] * h) + h2 * (c[6] + c[7] * h);
    return first + (h2 * h2) * second; /* in this order, which waits least */
}
