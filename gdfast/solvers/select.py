"""Which solver runs: what the closed form needs, and which of the two is cheaper, by a cost model.

The constants are seconds measured on a 2.5 GHz x86-64 server core with AVX-512; only their ratios matter, and
the two solvers' costs differ by orders of magnitude nearly everywhere, so that a factor of two is harmless.
"""

from gdfast.data.csr import CSR
from gdfast.data.problem import Problem
from gdfast.solvers.plan import Plan

__all__ = ["missing_requirements", "takes_closed_form"]

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


# What the closed form needs of a plan, each with how to say it; the error of solver="closed_form" is written from here.
REQUIREMENTS = {
    "loss='squared_error'": lambda plan: plan.model.loss == "squared_error",
    "the full batch (batch_size=None)": lambda plan: plan.batch_size is None,
    "penalty None or 'l2'": lambda plan: plan.model.l1 == 0,
    "an optimizer of gd, momentum and nesterov": lambda plan: not plan.model.formula.adaptive,
    "no bounds, clipping or averaging": lambda plan: not (plan.model.constrained or plan.model.averaging),
    "no ReduceOnPlateau": lambda plan: plan.rates.plateau is None,
    "neither validation nor gradient_tol": lambda plan: plan.validation is None and plan.gradient_tol is None,
    "an empty record and no callbacks": lambda plan: not (plan.record or plan.callbacks),
    "on_divergence 'warn' or 'raise'": lambda plan: plan.on_divergence != "backtrack",
    "history 'objective' or 'none' with a penalty": lambda plan: plan.objective or plan.model.l2 == 0,
}


def missing_requirements(problem: Problem, plan: Plan) -> list[str]:
    """Return what the closed form needs and this problem and this plan do not have."""
    missing = ["a dense X"] if isinstance(problem.X, CSR) else []
    return missing + [name for name, holds in REQUIREMENTS.items() if not holds(plan)]


def takes_closed_form(problem: Problem, plan: Plan) -> bool:
    """Choose the solver; raise where the one asked for does not apply."""
    if plan.solver == "loop":
        return False
    if plan.solver == "auto" and (plan.batch_size is not None or not closed_form_is_cheaper(problem, plan)):
        return False
    missing = missing_requirements(problem, plan)
    if plan.solver == "closed_form" and missing:
        raise ValueError(f"solver='closed_form' needs {', and '.join(missing)}; use solver='auto' or 'loop'")
    return not missing
