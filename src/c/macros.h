/* What several files of kernels say for the compiler. */
#pragma once

#define INLINED static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")

/* A function of rows_of.h, columns_of.h or dense_of.h for T, double or float. */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OF(name) JOIN(name, T)
