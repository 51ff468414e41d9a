/* A function of one number by polynomials about equally distant places (tables.h): nothing waits for a division. */
#pragma once
#include "constants.h"
#include "rows.h"
#include <string.h>

#if defined(__GNUC__)
#define ON_LINES __attribute__((aligned(64)))
#else
#define ON_LINES
#endif
_Static_assert(COEFFICIENTS == 8, "the sum below has eight terms");
/* Adding it rounds to a place, whose number is left in the low bits. */
#define PLACES (ROUNDER * WIDTH_OF_PLACES)

/* table: that about zero. */
static inline double tabled(const double (*table)[COEFFICIENTS], double m)
{
    const double places = PLACES;
    double shifted = m + places, place;
    int64_t low, none;
    HOLD(shifted); /* else sums would be reordered, and the rounding be gone */
    place = shifted - places;
    HOLD(place);
    memcpy(&low, &shifted, sizeof low);
    memcpy(&none, &places, sizeof none);
    const double *c = table[low - none];
    double h = m - place, h2 = h * h;
    double first = (c[0] + c[1] * h) + h2 * (c[2] + c[3] * h), second = (c[4] + c[5] * h) + h2 * (c[6] + c[7] * h);
    HOLD(first); /* in this order, which waits least */
    HOLD(second);
    return first + (h2 * h2) * second;
}
