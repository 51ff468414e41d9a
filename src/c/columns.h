/* Passes over X by columns, for few features: vectors over rows, each sum in several, since each waits for its last
   addition. For float and double (columns_of.h). */
#pragma once
#include "lanes.h"
#include <stddef.h>

#define AT_ONCE 4 /* vectors */

typedef Lanes (*Formula)(Lanes y, Lanes z, double c);

/* What a line sums: losses, and their gradient by w and b. */
typedef struct {
    Lanes costs, slopes, intercepts;
} Line;

#define JOIN_COLUMNS_(a, b) a##_##b
#define JOIN_COLUMNS(a, b) JOIN_COLUMNS_(a, b)
#define OF(name) JOIN_COLUMNS(name, T)

#define T double
#include "columns_of.h"
#undef T
#define T float
#include "columns_of.h"
#undef T
#undef OF
