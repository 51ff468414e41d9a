# cython: language_level=3, autotestdict=False, freethreading_compatible=True
"""Which x86-64 level this processor and its operating system support: 1, 3 or 4; 1 wherever it cannot be known.

5 is level 4 where vectors of 512 bits are faster than those of 256: on AMD's family 26 (Zen 5), whose units are as
wide, SGD, mini-batches and Adam take 5 to 40 % less. Others split them, or lower their clock.
"""

cdef extern from *:
    """
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    #include <cpuid.h>
    #define HAS(bits, wanted) (((bits) & (wanted)) == (wanted))
    /* Registers that the operating system keeps for a process: bits 1, 2 of SSE and AVX, 5 to 7 of AVX-512. */
    static unsigned kept_registers(void)
    {
        unsigned low, high;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return low;
    }
    static int has_wide_units(void)
    {
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx) return 0;
        return __get_cpuid(1, &a, &b, &c, &d) && (a >> 8 & 15) + (a >> 20 & 255) >= 26;
    }
    /* The instruction sets of the levels are listed in the x86-64 psABI, 3.1.1. */
    static int cpu_level(void)
    {
        unsigned a, first, b, c, d, extended, all;
        if (!__get_cpuid(1, &a, &b, &first, &d) || !__get_cpuid_count(7, 0, &a, &all, &c, &d)) return 1;
        if (!__get_cpuid(0x80000001, &a, &b, &extended, &d)) return 1;
        /* SSE3, SSSE3, FMA, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, OSXSAVE, AVX, F16C; LAHF, LZCNT */
        if (!HAS(first, 1u | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 23 | 1u << 27
                            | 1u << 28 | 1u << 29)) return 1;
        /* BMI1, AVX2, BMI2 */
        if (!HAS(extended, 1u | 1u << 5) || !HAS(all, 1u << 3 | 1u << 5 | 1u << 8)) return 1;
        if (!HAS(kept_registers(), 0x06)) return 1;
        /* AVX512F, DQ, CD, BW, VL */
        if (!HAS(all, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31)) return 3;
        if (!HAS(kept_registers(), 0xe6)) return 3;
        return has_wide_units() ? 5 : 4;
    }
    #else
    static int cpu_level(void) { return 1; }
    #endif
    """
    int cpu_level()

level = cpu_level()
