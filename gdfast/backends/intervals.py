"""Where a call of a kernel may end within an epoch, so that no bit depends on where calls are cut."""

from gdfast.data.csr import CSR, Features
from gdfast.formulas.constants import SPAN

__all__ = ["multiple_of", "settle_interval"]

# Updates, values of X.
LARGEST_WINDOW, LARGEST_CALL = 65_536, 2**22


def settle_interval(X: Features, lazy: bool, batch_size: int = 1) -> int:
    """Return after how many updates, counted from an epoch's start, what is pending is applied to all coefficients.

    Calls of a kernel within an epoch end at its multiples, in SGD at those of SPAN in any case; where updates by sparse
    rows are lazy, seldom enough that the O(d) of settling costs little beside the updates between, and often enough
    that a call ends soon.
    """
    least = SPAN if batch_size == 1 else 1
    if not (lazy and isinstance(X, CSR)):
        return least
    values = least * batch_size * max(1, len(X.data) // len(X))
    return least * max(1, min(LARGEST_WINDOW // least, min(4 * X.shape[1], LARGEST_CALL) // values))


def multiple_of(every: int, steps: int) -> int:
    """Return the multiple of an interval at or below a number of updates, at least the interval."""
    return max(every, steps - steps % every)
