"""Which of the two solvers is cheaper, by a cost model.

The constants are seconds measured on a 2.5 GHz x86-64 server core with AVX-512; only their ratios matter, and
the two solvers' costs differ by orders of magnitude nearly everywhere, so that a factor of two is harmless.
"""

from gdfast.data.problem import Problem
from gdfast.plan import Plan

__all__ = ["closed_form_is_cheaper"]

# The closed form: its calls, a value of the QR times the width of a row, the cube of an SVD.
CALLS, QR, SVD = 2e-4, 0.4e-9, 30e-9
# One epoch of one direction: powers, momentum's cosines, products of changing rates, momentum under changing rates.
POWERS, WAVES, PRODUCTS, RECURRENCE = 0.3e-9, 60e-9, 60e-9, 4e-6
# The loop: an epoch's fixed cost on each backend, and a value of X.
EPOCH = {"cython": 1e-7, "numba": 1e-7, "numpy": 4e-5}
VALUE = 0.5e-9


def closed_form_is_cheaper(problem: Problem, plan: Plan) -> bool:
    """Compare the seconds that the two solvers would take."""
    n, d = problem.X.shape
    k, p = problem.Y.shape[1], d + 1
    r = min(n, p)
    if plan.rates.constant is not None:
        epoch = r * (POWERS if plan.model.mu == 0 else WAVES)
    else:
        epoch = r * PRODUCTS if plan.model.mu == 0 else RECURRENCE + r * PRODUCTS
    closed = CALLS + QR * n * p * (p + k) + SVD * r * r * p + plan.epochs * epoch
    loop = plan.epochs * (EPOCH[plan.backend] + VALUE * n * d * k)
    return bool(closed < loop)
