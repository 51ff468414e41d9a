"""The costs of a closed-form path."""

from gdfast.backends.numba.compilation import outer

__all__ = ["power_costs"]


@outer
def power_costs(*, sizes, firsts, powers, base, costs):  # type: ignore[no-untyped-def]
    """Write the costs of a closed-form path; see gdfast/backends/numpy.py."""
    r, width = powers.shape
    for b in range((costs.size + width - 1) // width):
        start = b * width
        size = min(width, costs.size - start)
        for j in range(size):
            costs[start + j] = base
        for i in range(r):
            a = sizes[b // width, i] * firsts[b % width, i]
            for j in range(size):
                costs[start + j] += a * powers[i, j]
