# cython: language_level=3, autotestdict=False
"""Which x86-64 level this processor and its operating system support: 1, 3 or 4; 1 wherever it cannot be known."""

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
    static int cpu_level(void)
    {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("x86-64-v4")) return 4;
        return __builtin_cpu_supports("x86-64-v3") ? 3 : 1;
    }
    #else
    static int cpu_level(void) { return 1; }
    #endif
    """
    int cpu_level()

level = cpu_level()
