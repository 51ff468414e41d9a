#pragma once
#include <stddef.h>

/* left = what the cumulative l1 leaves of coefficients, of which each has had `applied` of the total; written by
   src/generate from gdfast/formulas/penalties.py. The sign of a coefficient is not foreseen, so there is no branch. */
void drawn_by_l1(const double *restrict old, const double *restrict applied, double total, double *restrict left,
                 ptrdiff_t n);
