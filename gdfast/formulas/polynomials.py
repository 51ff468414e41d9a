"""The arithmetic of exp and log1p: what is left of them once powers of two are split off.

The polynomials interpolate at Chebyshev nodes. The compiled backends split off the powers by the bits of a double.
"""

__all__ = ["exp_reduced", "log_of_parts", "reduced"]


def reduced(x, k):
    """Return x - k ln 2, ln 2 in two parts of which k times the first is exact."""
    return (x - k * 0.6931471804855391) - k * 7.440617110012397e-11


def exp_reduced(r):
    """e^r for |r| <= ln(2) / 2."""
    r2 = r * r
    low = 0.16666666666666669 + r * 0.04166666666662413 + r2 * (0.008333333333330062 + r * 0.0013888888917213717)
    high = (
        0.00019841269863053618
        + r * 2.4801521295954376e-05
        + r2 * (2.7557268459997064e-06 + r * 2.7620088445409746e-07 + r2 * 2.510038549551032e-08)
    )
    q = 0.5000000000000001 + r * (low + r2 * r2 * high)
    return 1.0 + (r + r2 * q)


def log_of_parts(k, f):
    """log(2^k (1 + f)) for 1 + f between sqrt(1/2) and sqrt(2): log(1 + f) is 2 atanh(s)."""
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    q = (
        0.666666666666667
        + z * 0.3999999999989889
        + z2 * (0.28571428626253836 + z * 0.22222211089379496)
        + z2 * z2 * (0.1818289243253687 + z * 0.15331611722055008 + z2 * 0.14617807153417325)
    )
    return k * 0.6931471804855391 + (f - (s * (f - z * q) - k * 7.440617110012397e-11))
