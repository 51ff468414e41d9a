"""Custom losses, whose gradient is compared with the numerical derivative when they are made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import REAL_KINDS, flag, real, shown
from gdfast._utils.cached_property import cached_property
from gdfast.formulas.losses import LOSSES, LossFormulas, curvature_of_kinks

__all__ = ["Loss", "name_in_repr"]

Formula: TypeAlias = Callable[[Any, Any], Any]
Array: TypeAlias = NDArray[np.float64]

# Both classes, targets of 0, between and beyond, and far ones for what happens only far from a target.
TARGETS = np.array([1.0, -1.0, 0.0, 0.5, 2.0, -2.7, 7.0, 25.0, -25.0])
# Multiples of the golden ratio lie evenly and on no kink that one would write; three digits read well in a message.
PREDICTORS = np.round(6.0 * (np.arange(1, 42) * 0.6180339887498949 % 1.0) - 3.0, 3)
Y, Z = np.repeat(TARGETS, PREDICTORS.size), np.tile(PREDICTORS, TARGETS.size)
Y.flags.writeable = Z.flags.writeable = False  # so that a formula that writes into its arguments raises

# Steps in z, of which the first will do unless the value is rounded much; it hardly ever meets a kink, and the slopes
# to both sides differ by 1e-5 of the second derivative.
STEPS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
# Over such a step the fourth difference of exp(3 z) is 1e-14 of it, which is rounding alone.
ROUNDING_STEP = 1e-4
# Over such a step a second derivative is rounded to 1e-13, and its change does not matter to an upper bound.
CURVATURE_STEP = 1e-2
# An inflection leaves both slopes off by 2e-11 of the third derivative; a 1/3 typed as 0.3333 is 1e-4 off.
TOLERANCE = 1e-5
# A gradient off by a hundredth must show.
LARGEST_NOISE = 1e-3
# Values come from some eight operations, each rounded.
ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
# exp overflows at 709 and underflows at -745: between them a gradient may be 0 and its value not.
UNDERFLOW = 1e-290
# A curvature may be given to two digits.
CURVATURE_TOLERANCE = 0.01

WRITE = "write it with gdfast.formulas.vocabulary (where instead of if)"


@dataclass(frozen=True, eq=False, repr=False)
class Loss:
    """A custom loss: value(y, z) and its derivative in the linear predictor z = x.w + b, y being the target.

    Both functions are checked when the loss is made. They must take floats and arrays, and gradient must be the
    derivative of value at some 370 points with y from -25 to 25 and z from -3 to 3. Points where one of them is not
    finite are left out. At a kink any number between the left and the right derivative is accepted.

    Parameters
    ----------
    value : callable
        The loss of one sample as a function of (y, z), without branches, written with the functions of
        `gdfast.formulas.vocabulary` (absolute, exp, log, log1p, sqrt, maximum, minimum, where).
    gradient : callable
        The derivative d value / d z as a function of (y, z), written with the same functions.
    name : str, default "custom"
        The name in messages; not that of a built-in loss.
    curvature : float, optional
        An upper bound, above 0, of the second derivative of value in z, for learning_rate="auto" (with targets
        of -1 and +1 a bound for those is enough). Without it "auto" takes a low rate.
    smooth : bool, default False
        Whether value has all derivatives with respect to z, for solver="collocation".

    Attributes
    ----------
    formulas : gdfast.formulas.losses.LossFormulas
        The entry that the kernels read.

    Raises
    ------
    TypeError, ValueError
        If a function does not take arrays, gradient is not the derivative of value, curvature is too small, or an
        argument is not what it must be.

    References
    ----------
    Charbonnier, P., et al., "Deterministic edge-preserving regularization in computed imaging", IEEE Transactions
    on Image Processing 6(2), 1997 (the loss of the example).

    Examples
    --------
    The pseudo-Huber loss, sqrt(1 + (z - y)^2) - 1:

    >>> from gdfast.formulas.vocabulary import sqrt
    >>> from gdfast import Loss
    >>> def value(y, z):
    ...     return sqrt(1.0 + (z - y) * (z - y)) - 1.0
    >>> def gradient(y, z):
    ...     return (z - y) / sqrt(1.0 + (z - y) * (z - y))
    >>> loss = Loss(value, gradient, name="pseudo_huber", curvature=1.0)
    >>> loss
    Loss('pseudo_huber')
    >>> float(loss.value(0.0, 0.75))
    0.25
    """

    value: Formula
    gradient: Formula
    name: str = field(default="custom", kw_only=True)
    curvature: float | None = field(default=None, kw_only=True)
    smooth: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_names(self)
        flag("smooth", self.smooth)
        if self.curvature is not None:
            bound = real("curvature", self.curvature, 0.0, ends="(]", hint="; leave it out if there is no bound")
            object.__setattr__(self, "curvature", bound)
        # Overflow and NaN at some points are no fault: those points are left out.
        with np.errstate(all="ignore"):
            for which, formula in (("value", self.value), ("gradient", self.gradient)):
                check_samples(which, formula)
            check_gradient(self.value, self.gradient)
            if self.curvature is not None:
                check_curvature(self.gradient, self.curvature)

    def __repr__(self) -> str:
        return f"Loss({self.name!r})"

    @cached_property
    def formulas(self) -> LossFormulas:
        """The entry that the kernels read, with functions of (y, z, c) that do not use c."""
        value, gradient = partial(without_parameter, self.value), partial(without_parameter, self.gradient)
        assumed = curvature_of_kinks if self.curvature is None else None
        return LossFormulas(value, gradient, self.curvature, assumed_curvature=assumed, smooth=self.smooth)


def without_parameter(formula: Formula, y: Any, z: Any, c: Any) -> Any:
    """Return formula(y, z) in the shape of z, which a constant slope has not by itself; c is left aside."""
    result = formula(y, z)
    return result if np.shape(result) == np.shape(z) else np.broadcast_to(result, np.shape(z))


def name_in_repr(text: str) -> str:
    """Return the name that the repr of a Loss holds, the text itself where it is none or was cut."""
    import ast  # for Runs that were loaded

    try:
        return str(ast.literal_eval(text.removeprefix("Loss(").removesuffix(")")))
    except (SyntaxError, ValueError):
        return text


def check_names(loss: Loss) -> None:
    """Raise an error unless the formulas are functions and the name is free."""
    for which, formula in (("value", loss.value), ("gradient", loss.gradient)):
        if not callable(formula):
            raise TypeError(f"{which}={shown(formula)} must be a function of y and z, such as lambda y, z: z - y")
    if not isinstance(loss.name, str):
        raise TypeError(f"name={shown(loss.name)} must be a string, such as 'custom'")
    if not loss.name or loss.name in LOSSES:
        found = "one of gdfast's own losses" if loss.name else "empty"
        raise ValueError(f"name={loss.name!r} is {found}; choose another name, such as 'my_{loss.name or 'loss'}'")


def evaluated(which: str, formula: Formula, y: Any, z: Any) -> Array:
    """Return formula(y, z) as float64 in the shape of z, or raise an error that names the formula."""
    try:
        result = np.asarray(formula(y, z))
    except Exception as error:
        kind = "arrays" if np.ndim(z) else "floats"
        raise ValueError(f"{which}(y, z) raised {type(error).__name__} on {kind} ({error}); {WRITE}") from error
    if result.dtype.kind not in REAL_KINDS or result.shape not in ((), np.shape(z)):
        found = f"an array of {result.dtype} and shape {result.shape}" if result.ndim else shown(result[()])
        raise ValueError(
            f"{which}(y, z) gave {found} for y and z of shape {np.shape(z)}, "
            f"and must give one real number for each sample; {WRITE}"
        )
    return np.broadcast_to(result, np.shape(z)).astype(np.float64)


def check_samples(which: str, formula: Formula) -> None:
    """Raise an error unless the formula gives one sample alone what it gives it among the others."""
    among = evaluated(which, formula, Y, Z)
    size = np.abs(among[np.isfinite(among)]).max(initial=0.0)
    for i in range(0, Y.size, PREDICTORS.size):
        alone = evaluated(which, formula, Y[i], Z[i])
        if not np.isclose(alone, among[i], rtol=TOLERANCE, atol=1e-9 * size, equal_nan=True):
            raise ValueError(
                f"{which}(y, z) gave {alone:.9g} for the sample y={Y[i]:g}, z={Z[i]:g} alone and {among[i]:.9g} for "
                "it in an array, and must give each sample its own number; leave out means, sums and all that mixes"
            )


def side_slopes(which: str, formula: Formula, y: Array, z: Array, step: float) -> tuple[Array, Array]:
    """Return the slopes from z to the left and to the right."""
    left, right = z - step, z + step
    at = evaluated(which, formula, y, z)
    before = (at - evaluated(which, formula, y, left)) / (z - left)
    return before, (evaluated(which, formula, y, right) - at) / (right - z)


def rounding(which: str, formula: Formula, y: Array, z: Array) -> Array:
    """Return how far off values may be: their own rounding, and that of terms that cancelled, as it is found here.

    It is found as the fourth difference over short steps, in which nothing else is left of a smooth function; a
    quantile of all points, as one point's may be small by luck and large by a kink.
    """
    at = evaluated(which, formula, y, z)
    near, far = (
        evaluated(which, formula, y, z - step) + evaluated(which, formula, y, z + step)
        for step in (ROUNDING_STEP, 2.0 * ROUNDING_STEP)
    )
    return ROUNDING * np.abs(at) + size_of(far - 4.0 * near + 6.0 * at) + UNDERFLOW


def size_of(values: Array) -> float:
    """Return the size that nine of ten finite values have at most; 0 if there is none."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.quantile(finite, 0.9, method="lower")) if finite.size else 0.0


def check_gradient(value: Formula, gradient: Formula) -> None:
    """Raise an error where gradient is not between the slopes of value to both sides.

    That holds for a convex value whatever the step, and at a kink too; for any smooth value it holds up to the
    third derivative times a sixth of the squared step.
    """
    given, (left, right) = evaluated("gradient", gradient, Y, Z), side_slopes("value", value, Y, Z, STEPS[0])
    finite = np.isfinite(given) & np.isfinite(left) & np.isfinite(right)
    if not finite.any():
        raise ValueError(
            f"value and gradient are finite together at none of {Y.size} points with y from {Y.min():g} to "
            f"{Y.max():g} and z from -3 to 3; scale the loss so that it can be evaluated there"
        )
    y, z, given = Y[finite], Z[finite], given[finite]
    left, right, slack = slopes_with_slack(value, y, z)
    wrong = (given < np.minimum(left, right) - slack) | (given > np.maximum(left, right) + slack)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"gradient(y, z) gave {given[i]:.7g} at y={y[i]:g}, z={z[i]:g}, where the derivative of value in z is "
            f"{0.5 * (left[i] + right[i]):.7g}; make gradient that derivative, or correct value"
        )


def slopes_with_slack(value: Formula, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return the slopes to both sides over the shortest step that rounding does not drown, and how far off they are."""
    noise = rounding("value", value, y, z)
    for step in STEPS:
        left, right = side_slopes("value", value, y, z, step)
        largest = np.maximum(np.abs(left), np.abs(right))
        if np.median(noise) / step <= LARGEST_NOISE * size_of(largest):
            break
    return left, right, TOLERANCE * largest + noise / step


def check_curvature(gradient: Formula, curvature: float) -> None:
    """Raise an error where the second derivative exceeds curvature; a kink, which one side alone meets, does not."""
    inside = np.abs(Y) <= 1.0  # a loss of y z has its bound for y = -1 and +1
    y, z = Y[inside], Z[inside]
    left, right = side_slopes("gradient", gradient, y, z, CURVATURE_STEP)
    second = np.minimum(left, right)
    finite = np.isfinite(second)
    y, z, second = y[finite], z[finite], second[finite]
    if second.size == 0:
        return
    noise = rounding("gradient", gradient, y, z) / CURVATURE_STEP
    i = int(np.argmax(second - noise))
    if second[i] - noise[i] > (1.0 + CURVATURE_TOLERANCE) * curvature:
        raise ValueError(
            f"curvature={curvature:g} must be an upper bound of the second derivative of value in z, which is about "
            f"{second[i]:.6g} at y={y[i]:g}, z={z[i]:g}; give a larger one, or leave it out if there is no bound"
        )
