/* What the kernels ask of a compiler beyond C11: vectors as gcc and clang have them, and plain C beside them. Where C
   alone is to be compiled, as Microsoft's compiler does, a vector is one number; -DPLAIN_C has that anywhere. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#if (defined(__GNUC__) || defined(__clang__)) && !defined(PLAIN_C)
#define VECTORS_KNOWN 1
#else
#define VECTORS_KNOWN 0
#endif

#if VECTORS_KNOWN && defined(__AVX2__)
#include <immintrin.h>
#define AVX2 1
#else
#define AVX2 0
#endif
#if AVX2 && defined(__AVX512F__) && defined(__AVX512VL__)
#define AVX512 1
#else
#define AVX512 0
#endif

/* A type of vectors of so many bytes, and NAME_anywhere: the same in memory, beginning anywhere; a lane of one. gcc does
   not compile functions of the latter for 64-bit Arm. */
#if VECTORS_KNOWN
#define VECTOR_NAMED(name, anywhere, T, bytes) \
    typedef T name __attribute__((vector_size(bytes), may_alias)); \
    typedef T anywhere __attribute__((vector_size(bytes), aligned(sizeof(T)), may_alias))
#define LANE(v, i) (v)[i]
#else
#define VECTOR_NAMED(name, anywhere, T, bytes) typedef T name, anywhere
#define LANE(v, i) (v)
#endif
#define VECTOR(name, T, bytes) VECTOR_NAMED(name, name##_anywhere, T, bytes)

#if defined(__GNUC__) || defined(__clang__)
#define INLINED static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")
#define ON_LINES __attribute__((aligned(64)))
#else
#define INLINED static __forceinline
#define UNROLLED
#define ON_LINES __declspec(align(64))
#endif

/* gcc takes a function that does nothing but prefetch for one without effect, and leaves out its calls: hence the asm. */
static inline void PREFETCH(const void *p)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(p, 0, 2);
    __asm__ volatile("");
#else
    (void)p;
#endif
}

/* A number that the compiler shall not put into a vector with others, nor look behind. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define HOLD(a) __asm__("" : "+x"(a))
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
#define HOLD(a) __asm__("" : "+w"(a))
#elif defined(__GNUC__) || defined(__clang__)
#define HOLD(a) __asm__("" : "+m"(a))
#else
#define HOLD(a) ((void)(a))
#endif

/* A function of rows_of.h, columns_of.h or dense_of.h for T, double or float. */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OF(name) JOIN(name, T)
#define VECTOR_OF(name, bytes) VECTOR_NAMED(OF(name), OF(name##_anywhere), T, bytes)
