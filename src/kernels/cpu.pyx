# cython: language_level=3, autotestdict=False, freethreading_compatible=True
"""Which x86-64 level this processor and its operating system support: 1, 3 or 4; 1 wherever it cannot be known.

5 is level 4 where vectors of 512 bits are faster than those of 256: on AMD's family 26 (Zen 5), whose units are as
wide, SGD, mini-batches and Adam take 5 to 40 % less. Others split them, or lower their clock.
"""

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
    #include <cpuid.h>
    static int has_wide_units(void)
    {
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx) return 0;
        return __get_cpuid(1, &a, &b, &c, &d) && (a >> 8 & 15) + (a >> 20 & 255) >= 26;
    }
    static int cpu_level(void)
    {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("x86-64-v4")) return has_wide_units() ? 5 : 4;
        return __builtin_cpu_supports("x86-64-v3") ? 3 : 1;
    }
    #else
    static int cpu_level(void) { return 1; }
    #endif
    """
    int cpu_level()

level = cpu_level()
