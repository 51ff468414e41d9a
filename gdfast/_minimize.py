"""Gradient descent on any function of one number or of a vector, with its whole path."""

import math
import operator
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gdfast._utils.arguments import numeric_array, real, shown, whole
from gdfast.options.option import LARGEST_COUNT
from gdfast.results.divergence import DivergenceWarning
from gdfast.results.stop_reason import StopReason
from gdfast.results.trend import growing, has_grown

__all__ = ["Minimum", "minimize"]

Vector: TypeAlias = NDArray[np.float64]
Function: TypeAlias = Callable[..., Any]
Settings: TypeAlias = tuple[float, ...]  # learning_rate, tol, step_tol, gradient_tol
Stepper: TypeAlias = Callable[..., tuple[int, str]]

RELATIVE_STEP = float(np.cbrt(np.finfo(float).eps))  # balances h^2 (truncation) against eps / h (rounding)
CHUNK_SECONDS = 0.05  # Ctrl-C takes effect between chunks of steps
FIRST_NUMBERS = 2**17  # 1 MB: the path starts this small and doubles, so early stops cost little memory
ROUNDING = 1e-9  # of x0: where x is that close to it, a growth of the cost is rounding
OFF = -1.0  # no norm and no absolute value is at most this

NOT_FINITE = {
    "fun": "fun(x) is not finite",
    "grad": "the gradient is not finite",
    "x": "x is not finite",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Minimum:
    """The result of `gdfast.minimize`.

    Every parameter is an attribute of the same name.

    Parameters
    ----------
    x : float or ndarray of shape (n,)
        The last point, a float if x0 was a number.
    fun : float
        The cost at `x`.
    path : ndarray of shape (steps + 1,) or (steps + 1, n)
        All points, the start included.
    costs : ndarray of shape (steps + 1,)
        The cost at each of them.
    steps : int
        Number of steps done.
    stop_reason : StopReason
        "epochs" (all steps are done), "gradient", "tol", "step" or "diverged".

    Attributes
    ----------
    advice : str
        A sentence on what this end means and what to try next.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.minimize(lambda t: t * t, 1.0, grad=lambda t: 2.0 * t, learning_rate=0.25, steps=3)
    Minimum(x=0.125, fun=0.015625, steps=3, stop_reason='epochs')
    """

    x: float | Vector
    fun: float
    path: Vector
    costs: Vector
    steps: int
    stop_reason: StopReason

    @property
    def advice(self) -> str:
        """A sentence on what this end means and what to try next."""
        start = grown_from(self.path, self.costs)
        return self.stop_reason.advice if start is None else growing(self.fun, start, "lower learning_rate")

    def __repr__(self) -> str:
        x = self.x if isinstance(self.x, float) else np.array2string(self.x, 200, threshold=12, separator=", ")
        return f"Minimum(x={x}, fun={self.fun}, steps={self.steps}, stop_reason={str(self.stop_reason)!r})"


def minimize(
    fun: Function,
    x0: ArrayLike,
    *,
    grad: Function | None = None,
    learning_rate: float,
    steps: int,
    tol: float | None = None,
    step_tol: float | None = None,
    gradient_tol: float | None = None,
) -> Minimum:
    """Minimize a function by gradient descent from x0: x <- x - learning_rate grad(x), `steps` times.

    Parameters
    ----------
    fun : callable
        The cost, a function of x that returns a real number (or an array of one number).
    x0 : float or array-like of shape (n,)
        The start, finite. If it is a number, x is a Python float; else x is a float64 array of shape (n,), of
        which `fun` and `grad` get a copy each time, so that they cannot change the path or x0.
    grad : callable, optional
        The gradient, a function of x that returns an array in the shape of x. By default central differences are
        used: (f(x + h e_j) - f(x - h e_j)) / ((x_j + h) - (x_j - h)) with h = cbrt(eps) max(1, abs(x_j)),
        2 n calls of `fun` a step. Their error is about h^2 abs(f''') / 6 + eps abs(f) / h: some ten digits
        are right where f and its derivatives are of the size of 1.
    learning_rate : float
        The learning rate, positive and finite.
    steps : int
        Largest number of steps, at least 1.
    tol : float, optional
        At least 0. Stop after a step that changed the cost by at most this: abs(f_k - f_(k-1)) <= tol.
    step_tol : float, optional
        At least 0. Stop after a step of at most this length: norm(x_k - x_(k-1)) <= step_tol, the 2-norm.
    gradient_tol : float, optional
        At least 0. Stop where the 2-norm of the gradient is at most this. It is tested before each step, the
        first one included (not after the last). Of several reasons to stop the first counts, in the
        order gradient (before the step), divergence, tol, step_tol (after it), number of steps.

    Returns
    -------
    Minimum
        The last point `x`, its cost `fun`, the `path` to it with all `costs`, `steps`, `stop_reason`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or what `fun` or `grad` returned, is not as described above, or fun(x0) is not finite.
    KeyboardInterrupt
        On Ctrl-C, always. Exceptions of `fun` and `grad` pass through as well, except OverflowError.

    Warns
    -----
    DivergenceWarning
        If x or the cost was not finite, or an OverflowError was raised. The result ends before that
        step, with stop_reason "diverged". NumPy's own warnings of overflow and NaN are silenced meanwhile.
        Or if the cost at the end is growing: finite, and above 1,000 times abs(fun(x0)).
    UserWarning
        If `fun` and `grad` are compiled by Numba, but return what the compiled loop cannot take, such as an
        array of one number from `fun`. The loop then runs in Python.

    Notes
    -----
    If `fun`, and `grad` if given, are compiled by Numba (`numba.njit`), the whole loop runs compiled, with
    the same results. The first call with them compiles it, later ones do not.

    References
    ----------
    A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", Comptes rendus de
    l'Académie des sciences 25 (1847), 536-538. J. Nocedal and S. Wright, "Numerical Optimization", 2nd
    edition (2006), sections 3.1 (the descent) and 8.1 (central differences).

    Examples
    --------
    >>> import gdfast
    >>> low = gdfast.minimize(
    ...     lambda theta: (theta - 5) ** 2, 0, grad=lambda theta: 2 * (theta - 5), learning_rate=0.1, steps=50
    ... )
    >>> low.x
    4.999928637615365
    >>> low.path[:4]
    array([0.  , 1.  , 1.8 , 2.44])
    """
    for name, function in (("fun", fun), ("grad", grad)):
        if not (callable(function) or (name == "grad" and function is None)):
            raise TypeError(f"{name}={shown(function)} must be a function of x; call minimize(fun, x0, ...)")
    start = starting_point(x0)
    rate = real("learning_rate", learning_rate, 0.0, ends="(]", hint="; try 0.1")
    count = whole("steps", steps, 1, LARGEST_COUNT)
    named = {"tol": tol, "step_tol": step_tol, "gradient_tol": gradient_tol}
    limits = (OFF if limit is None else real(name, limit, 0.0) for name, limit in named.items())
    settings = (rate, *limits)
    with np.errstate(over="ignore", invalid="ignore"):
        cost, stepper = begin(fun, grad, start)
        path, costs, end = descend(stepper, start, cost, count, settings)
    if end in NOT_FINITE:
        warnings.warn(divergence_message(end, len(costs), rate), DivergenceWarning, stacklevel=2)
    elif (grown := grown_from(path, costs)) is not None:
        text = (
            f"the cost is growing at learning_rate={rate!r}: it was {grown:.4g}, and is {costs[-1]:.4g} after "
            f"{len(costs) - 1} steps; try a smaller learning_rate, such as {rate / 10:g}"
        )
        warnings.warn(text, DivergenceWarning, stacklevel=2)
    reason = StopReason.DIVERGED if end in NOT_FINITE else StopReason(end)
    last = float(path[-1]) if isinstance(start, float) else path[-1].copy()
    return Minimum(last, float(costs[-1]), path, costs, len(costs) - 1, reason)


class Kind(NamedTuple):
    """What is different between x a number and x a vector."""

    own: Function  # x -> an x that the caller may do with as it likes
    norm: Function
    finite: Function
    put: Function
    make_quotient: Callable[[Function], Function]


# The formulas. They run as they stand or compiled by Numba: each is made around the functions that it calls.


def make_stepper(value: Function, gradient: Function, kind: Kind) -> Stepper:
    """Return the descent itself, over as many steps as path and costs have rows."""
    norm, finite, put = kind.norm, kind.finite, kind.put

    def stepper(x: Any, cost: float, path: Vector, costs: Vector, settings: Settings) -> tuple[int, str]:
        rate, tol, step_tol, gradient_tol = settings
        for k in range(len(costs)):
            slope = gradient(x)
            if gradient_tol >= 0.0 and norm(slope) <= gradient_tol:
                return k, "gradient"
            new = x - rate * slope
            if not finite(new):
                return k, "x" if finite(slope) else "grad"
            new_cost = value(new)
            if not math.isfinite(new_cost):
                return k, "fun"
            put(path, k, new)
            costs[k] = new_cost
            if abs(new_cost - cost) <= tol:
                return k + 1, "tol"
            if step_tol >= 0.0 and norm(new - x) <= step_tol:
                return k + 1, "step"
            x = new
            cost = new_cost
        return len(costs), "epochs"

    return stepper


def make_scalar_quotient(value: Function) -> Function:
    """Return the central difference quotient of a function of one number."""

    def gradient(x: float) -> float:
        h = RELATIVE_STEP * max(1.0, abs(x))
        above, below = x + h, x - h
        return float((value(above) - value(below)) / (above - below))

    return gradient


def make_vector_quotients(value: Function) -> Function:
    """Return the central difference quotients of a function of a vector."""

    def gradient(x: Vector) -> Vector:
        slope = np.empty_like(x)
        point = x.copy()
        for j in range(len(x)):
            h = RELATIVE_STEP * max(1.0, abs(x[j]))
            above, below = x[j] + h, x[j] - h
            point[j] = above
            rise = value(point)
            point[j] = below
            slope[j] = (rise - value(point)) / (above - below)
            point[j] = x[j]
        return slope

    return gradient


def vector_norm(v: Vector) -> float:
    """Return the 2-norm."""
    return math.sqrt((v * v).sum())


def vector_finite(v: Vector) -> bool:
    """Return whether all numbers are finite."""
    return bool(np.isfinite(v).all())


def put_row(path: Vector, k: int, x: Vector) -> None:
    """Do what path[k] = x does, which alone takes Numba four seconds to compile."""
    for j in range(len(x)):
        path[k, j] = x[j]


SCALAR = Kind(float, abs, math.isfinite, operator.setitem, make_scalar_quotient)
VECTOR = Kind(np.copy, vector_norm, vector_finite, operator.setitem, make_vector_quotients)


def kind_of(start: float | Vector) -> Kind:
    """Return the kind of x that this start asks for."""
    return SCALAR if isinstance(start, float) else VECTOR


# The loop around the formulas.


def starting_point(x0: Any) -> float | Vector:
    """Return x0 as a float, or as a new float64 array of shape (n,)."""
    start = np.array(numeric_array("x0", x0), dtype=np.float64, order="C")
    if start.ndim > 1 or start.size == 0:
        hint = "pass np.ravel(x0)" if start.size else "give every parameter a start"
        raise ValueError(f"x0 has shape {start.shape}, and must be one number or 1-d, not empty; {hint}")
    if not np.isfinite(start).all():
        raise ValueError(f"x0={shown(x0)} must be finite; replace NaN and infinity")
    return start if start.ndim else float(start)


def begin(fun: Function, grad: Function | None, start: float | Vector) -> tuple[float, Stepper]:
    """Return the cost at the start and the steps to take from there, compiled if the functions are."""
    value, gradient = plain_calls(fun, grad, start)
    try:
        cost = value(start)
        if not math.isfinite(cost):
            raise ValueError(f"fun(x0)={cost} must be finite; x0={shown(start)}: start where fun is defined")
        plain = make_stepper(value, gradient, kind_of(start))
        return cost, compiled_or(plain, fun, grad, start, gradient) if is_jitted(fun, grad) else plain
    except numba_errors() as error:
        raise TypeError(
            f"Numba cannot compile fun or grad for x like x0={shown(start)}: see the error above; "
            "correct it, or pass the plain Python function, its .py_func"
        ) from error


def descend(
    stepper: Stepper, start: float | Vector, cost: float, steps: int, settings: Settings
) -> tuple[Vector, Vector, str]:
    """Stepper in chunks of about CHUNK_SECONDS; return the path, its costs and why it ended."""
    own = kind_of(start).own
    rows = 1 + min(steps, max(1, FIRST_NUMBERS // np.size(start)))
    path, costs = np.empty((rows, *np.shape(start))), np.empty(rows)
    path[0], costs[0] = start, cost
    done, chunk, end = 0, 1, "epochs"
    while end == "epochs" and done < steps:
        if done + 1 == len(costs):
            path, costs = grown(path, steps + 1), grown(costs, steps + 1)
        new = slice(done + 1, min(done + 1 + chunk, len(costs)))
        clock = time.perf_counter()
        taken, end = stepper(own(path[done]), float(costs[done]), path[new], costs[new], settings)
        done += taken
        chunk = 2 * chunk if time.perf_counter() - clock < CHUNK_SECONDS else max(1, chunk // 2)
    if done + 1 < len(costs):
        path, costs = path[: done + 1].copy(), costs[: done + 1].copy()
    return path, costs, end


def grown(rows: Vector, limit: int) -> Vector:
    """Return the rows with space for as many again, up to the limit."""
    longer = np.empty((min(2 * len(rows), limit), *rows.shape[1:]))
    longer[: len(rows)] = rows
    return longer


def divergence_message(end: str, step: int, rate: float) -> str:
    """Return what went wrong at this step (counted from 1) and what to try."""
    also = ", or check the gradient at .x" if end == "grad" else ""
    return (
        f"minimize diverged at step {step} with learning_rate={rate!r}: {NOT_FINITE[end]}. The last finite "
        f"state is returned, after {step - 1} steps; try a smaller learning_rate, such as {rate / 10:g}{also}"
    )


def grown_from(path: Vector, costs: Vector) -> float | None:
    """Return the cost at the start if that at the end is far above it, as of a Run of `fit`; else None."""
    start = float(costs[0])
    if start == 0:
        start = next((float(cost) for cost in costs if cost > 0), math.inf)
    moved, size = (float(np.max(np.abs(x))) for x in (path[-1] - path[0], path[0]))
    return start if has_grown(start, float(costs[-1])) and moved > ROUNDING * size else None


# The user's functions, called from Python.


def plain_calls(fun: Function, grad: Function | None, start: float | Vector) -> tuple[Function, Function]:
    """Return fun and the gradient with what they return checked; overflow becomes inf or NaN."""
    kind = kind_of(start)
    own, shape = kind.own, np.shape(start)
    read = vector_of if shape else number_of

    def value(x: Any) -> float:
        try:
            return number_of("fun", fun(own(x)), ())
        except OverflowError:
            return math.inf

    if grad is None:
        return value, kind.make_quotient(value)

    def gradient(x: Any) -> Any:
        try:
            return read("grad", grad(own(x)), shape)
        except OverflowError:
            return math.nan * x

    return value, gradient


def number_of(name: str, result: Any, shape: tuple[int, ...]) -> float:
    """Return the one number that fun, or grad of a number, returned."""
    if isinstance(result, (float, int)):
        return float(result)
    found = numeric_array(f"{name}(x)", result)
    if found.size != 1:
        raise ValueError(f"{name} must return one number, not shape {found.shape}; sum over the entries")
    return float(found.item())


def vector_of(name: str, result: Any, shape: tuple[int, ...]) -> Vector:
    """Return the gradient that grad returned, of the shape of x."""
    if type(result) is np.ndarray and result.dtype == np.float64 and result.shape == shape:
        return result
    found = numeric_array(f"{name}(x)", result)
    if found.shape != shape:
        hint = "; ravel it" if found.size == shape[0] and found.ndim > 1 else ""
        raise ValueError(f"{name} must return the shape of x, {shape}, not {found.shape}{hint}")
    return found.astype(np.float64)


# The user's functions, called from a loop compiled by Numba.


def is_jitted(fun: Function, grad: Function | None) -> bool:
    """Return whether all functions given are compiled by Numba; without importing it."""
    extending = sys.modules.get("numba.extending")
    return extending is not None and all(map(extending.is_jitted, [fun] if grad is None else [fun, grad]))


def numba_errors() -> tuple[type[BaseException], ...]:
    """Return the class of Numba's compilation errors, or nothing where Numba is not imported."""
    numba = sys.modules.get("numba")
    return () if numba is None else (numba.NumbaError,)


def compiled_or(
    plain: Stepper, fun: Function, grad: Function | None, start: float | Vector, gradient: Function
) -> Stepper:
    """Return the compiled steps; the plain ones, with a warning, if fun and grad do not fit into it."""
    stepper = compiled_stepper(fun, grad, kind_of(start))
    no_rows = np.empty((0, *np.shape(start)))
    try:
        stepper(start, 0.0, no_rows, np.empty(0), (0.0, OFF, OFF, OFF))
    except numba_errors():
        gradient(start)  # what is plainly wrong is an error, not a warning
        warnings.warn(
            "minimize runs in Python, many times slower than compiled: Numba compiled fun and grad, but not "
            "the loop around them; let fun return a float, and grad an array of the shape of x",
            stacklevel=4,
        )
        return plain
    return stepper


@lru_cache(maxsize=64)
def compiled_stepper(fun: Function, grad: Function | None, kind: Kind) -> Stepper:
    """Return the steps with these two compiled functions, compiled themselves; kept for the next call."""
    from numba import njit

    def jit(function: Function) -> Function:
        compiled: Function = njit(function) if isinstance(function, FunctionType) else function
        return compiled

    put = operator.setitem if kind is SCALAR else put_row
    compiled_kind = kind._replace(norm=jit(kind.norm), finite=jit(kind.finite), put=jit(put))
    value = jit(make_compiled_value(fun, kind.own))
    if grad is None:
        gradient = kind.make_quotient(value)
    else:
        gradient = make_compiled_value(grad, float) if kind is SCALAR else make_compiled_gradient(grad)
    return jit(make_stepper(value, jit(gradient), compiled_kind))


def make_compiled_value(fun: Function, own: Function) -> Function:
    """Return fun, giving a float."""

    def value(x: Any) -> float:
        return float(fun(own(x)))

    return value


def make_compiled_gradient(grad: Function) -> Function:
    """Return grad, giving a float64 array of the shape of x."""

    def gradient(x: Vector) -> Vector:
        found = grad(np.copy(x))
        if len(found) != len(x):
            raise ValueError("grad must return the shape of x, not an array of another length")
        slope = np.empty_like(x)
        for j in range(len(x)):
            slope[j] = found[j]
        return slope

    return gradient
