"""Losses, each written once.

y is the target, z = x.w + b the linear predictor, c the one parameter that a loss may have.
A gradient is the derivative of the value with respect to z; at a kink it is the subgradient
that the docstring names. In classification y is -1 or +1 and m = y z is the margin.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gdfast.formulas.vocabulary import absolute, exp, log, log1p, maximum, minimum, where

__all__ = ["LOSSES", "LossFormulas", "LossParameter", "log_normalised"]


class LossParameter(NamedTuple):
    """The number that shapes a loss: its name, its default and the interval that holds it."""

    name: str
    default: float
    low: float = 0.0
    high: float = math.inf
    ends: str = "()"  # of the interval, as in mathematics


def never(c: float) -> bool:
    """Return False, whatever the loss's parameter."""
    return False


class LossFormulas(NamedTuple):
    """A loss and all that the rest of the package needs to know of it."""

    value: Callable[[Any, Any, Any], Any]
    gradient: Callable[[Any, Any, Any], Any]
    curvature: float | None  # an upper bound of the second derivative in z; None: there is none
    classification: bool = False
    parameter: LossParameter | None = None
    lowest_target: float = -math.inf
    lowest_excluded: Callable[[float], bool] = never  # whether targets must be above lowest_target, by the parameter
    several_outputs: bool = False
    assumed_curvature: Callable[[float], float] | None = (
        None  # of the largest target: learning_rate="auto" without a bound
    )
    inverse_link: Callable[[Any], Any] | None = None  # what predict makes of z; None: z itself
    quadratic: bool = False  # in z: its second derivative is `curvature` everywhere
    coupled: bool = False  # takes the outputs of a row together: z are made log-probabilities by log_normalised first
    probabilities: Callable[[Any], Any] | None = (
        None  # of the classes (n, n_classes), from z: (n,), or (n, k) if coupled
    )
    likelihood: bool = False  # whether the value is -log of the probability of the row's class
    smooth: bool = False  # infinitely often differentiable in z, for solver="collocation"
    deviance: Callable[[Any, Any, Any], Any] | None = None  # the value less its minimum in z, which D^2 compares


def squared_error_value(y, z, c):
    """(z - y)^2 / 2."""
    return 0.5 * (z - y) * (z - y)


def squared_error_gradient(y, z, c):
    """z - y."""
    return z - y


def log_loss_value(y, z, c):
    """log(1 + e^-m), written so that neither end overflows."""
    m = y * z
    return log1p(exp(-absolute(m))) + maximum(-m, 0.0)


def log_loss_gradient(y, z, c):
    """-y / (1 + e^m), by the exponential that the value has."""
    m = y * z
    e = exp(-absolute(m))
    return -y * where(m > 0.0, e, 1.0) / (1.0 + e)


def hinge_value(y, z, c):
    """max(0, 1 - m)."""
    return maximum(1.0 - y * z, 0.0)


def hinge_gradient(y, z, c):
    """-y where m <= 1, else 0; at the kink m = 1 the step is taken."""
    return where(y * z > 1.0, 0.0, -y)


def squared_hinge_value(y, z, c):
    """max(0, 1 - m)^2."""
    e = maximum(1.0 - y * z, 0.0)
    return e * e


def squared_hinge_gradient(y, z, c):
    """-2 y max(0, 1 - m)."""
    return -2.0 * y * maximum(1.0 - y * z, 0.0)


def modified_huber_value(y, z, c):
    """max(0, 1 - m)^2 where m >= -1, else -4 m."""
    m = y * z
    e = maximum(1.0 - m, 0.0)
    return where(m < -1.0, -4.0 * m, e * e)


def modified_huber_gradient(y, z, c):
    """-2 y max(0, 1 - m) where m >= -1, else -4 y."""
    m = y * z
    return where(m < -1.0, -4.0 * y, -2.0 * y * maximum(1.0 - m, 0.0))


def perceptron_value(y, z, c):
    """max(0, -m)."""
    return maximum(-(y * z), 0.0)


def perceptron_gradient(y, z, c):
    """-y where m <= 0, else 0; at the kink m = 0 the step is taken, else it never leaves zero."""
    return where(y * z > 0.0, 0.0, -y)


def huber_value(y, z, c):
    """r^2 / 2 where r = |z - y| <= c, else c (r - c / 2)."""
    r = absolute(z - y)
    q = minimum(r, c)
    return 0.5 * q * q + c * (r - q)


def huber_gradient(y, z, c):
    """z - y, held between -c and c."""
    return maximum(minimum(z - y, c), -c)


def epsilon_insensitive_value(y, z, c):
    """max(0, |z - y| - c)."""
    return maximum(absolute(z - y) - c, 0.0)


def epsilon_insensitive_gradient(y, z, c):
    """Return the sign of z - y where |z - y| > c, else 0; at the kinks it is 0."""
    e = z - y
    return where(e > c, 1.0, where(e < -c, -1.0, 0.0))


def squared_epsilon_insensitive_value(y, z, c):
    """max(0, |z - y| - c)^2."""
    e = maximum(absolute(z - y) - c, 0.0)
    return e * e


def squared_epsilon_insensitive_gradient(y, z, c):
    """2 max(0, |z - y| - c) with the sign of z - y."""
    return 2.0 * (maximum(z - y - c, 0.0) - maximum(y - z - c, 0.0))


def quantile_value(y, z, c):
    """c (y - z) where y > z, else (1 - c) (z - y)."""
    return maximum(c * (y - z), (c - 1.0) * (y - z))


def quantile_gradient(y, z, c):
    """-c where z < y, 1 - c where z > y; at the kink z = y it is 0."""
    return where(z < y, -c, where(z > y, 1.0 - c, 0.0))


def poisson_value(y, z, c):
    """e^z - y z."""
    return exp(z) - y * z


def poisson_gradient(y, z, c):
    """e^z - y."""
    return exp(z) - y


def gamma_value(y, z, c):
    """y e^-z - 1 - log(y e^-z), half the deviance of the Gamma distribution with mean e^z."""
    return y * exp(-z) - 1.0 - (log(y) - z)


def gamma_gradient(y, z, c):
    """1 - y e^-z."""
    return 1.0 - y * exp(-z)


def tweedie_value(y, z, c):
    """y^b/(a b) - y e^(a z)/a + e^(b z)/b, where a = 1 - c and b = 2 - c: half the Tweedie deviance of power c.

    With u = log y - z and E(t) = (e^(t u) - 1)/t this is (y e^(a z) E(a) - D)/b = (e^(b z) E(b) - D)/a, where
    D = y e^(a z) - e^(b z). The first is taken below c = 1.5, the other above, so that no divisor is near zero, and
    E(t) = u (w - 1)/log w with w = e^(t u), which is u where t u is next to zero. It is e^(b z)/b where y is 0.
    """
    a = 1.0 - c
    b = 2.0 - c
    mean_part = exp(b * z)
    target_part = y * exp(a * z)
    u = log(where(y == 0.0, 1.0, y)) - z
    w = exp(where(c < 1.5, a, b) * u)
    e = where(w == 1.0, u, u * (w - 1.0) / log(where(w == 1.0, 2.0, w)))
    deviance = (where(c < 1.5, target_part, mean_part) * e - (target_part - mean_part)) / where(c < 1.5, b, a)
    return where(y == 0.0, mean_part / where(b > 0.0, b, 1.0), deviance)


def tweedie_gradient(y, z, c):
    """e^((2 - c) z) - y e^((1 - c) z)."""
    return exp((2.0 - c) * z) - y * exp((1.0 - c) * z)


def multinomial_value(y, z, c):
    """-y log p, y being 1 for the row's own class and 0 for the others."""
    return -y * z


def multinomial_gradient(y, z, c):
    """p - y, p = e^z the probability that softmax gives the class."""
    return exp(z) - y


def log_normalised(Z: Any) -> Any:
    """Return z - log(sum_o e^z) of rows of outputs (n, k): log-probabilities."""
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def sigmoid_probabilities(z: Any) -> Any:
    """Return 1/(1 + e^z) and 1/(1 + e^-z), the probabilities of both classes."""
    e = np.exp(-np.abs(z))
    far, near = e / (1.0 + e), 1.0 / (1.0 + e)
    return np.stack([np.where(z > 0, far, near), np.where(z > 0, near, far)], axis=-1)


def clipped_probabilities(z: Any) -> Any:
    """Return (1 - z)/2 and (1 + z)/2, held between 0 and 1 (Zhang, 2004, for the modified Huber loss)."""
    p = (np.clip(z, -1.0, 1.0) + 1.0) / 2.0
    return np.stack([1.0 - p, p], axis=-1)


def softmax_probabilities(Z: Any) -> Any:
    """Return e^z / sum_o e^z of rows of outputs (n, k); an infinite z is the largest number."""
    return np.exp(log_normalised(np.nan_to_num(Z, nan=np.nan)))


def poisson_deviance(y: Any, z: Any, c: float) -> Any:
    """Return y log(y e^-z) - y + e^z, half the deviance of the Poisson distribution with mean e^z."""
    return tweedie_value(y, z, 1.0)


def is_gamma(power: float) -> bool:
    """Return whether a Tweedie distribution is the Gamma distribution, which knows no target of 0."""
    return power == 2.0


def curvature_of_kinks(largest_target):
    """Without curvature no rate converges: a tenth of squared error's keeps the noise of the last iterates small."""
    return 10.0


def twice_largest_target(largest_target):
    """Twice the largest target, at least 2: with a log link the curvature in z settles about the targets or 1."""
    return 2.0 * max(1.0, largest_target)


EPSILON = LossParameter("epsilon", 0.1, ends="[)")

LOSSES = {
    "squared_error": LossFormulas(
        squared_error_value, squared_error_gradient, 1.0, several_outputs=True, quadratic=True, smooth=True
    ),
    "log_loss": LossFormulas(
        log_loss_value,
        log_loss_gradient,
        0.25,
        classification=True,
        probabilities=sigmoid_probabilities,
        smooth=True,
        likelihood=True,
    ),
    "hinge": LossFormulas(hinge_value, hinge_gradient, None, classification=True, assumed_curvature=curvature_of_kinks),
    "squared_hinge": LossFormulas(squared_hinge_value, squared_hinge_gradient, 2.0, classification=True),
    "modified_huber": LossFormulas(
        modified_huber_value, modified_huber_gradient, 2.0, classification=True, probabilities=clipped_probabilities
    ),
    "perceptron": LossFormulas(
        perceptron_value, perceptron_gradient, None, classification=True, assumed_curvature=curvature_of_kinks
    ),
    "huber": LossFormulas(
        huber_value, huber_gradient, 1.0, parameter=LossParameter("delta", 1.35), several_outputs=True
    ),
    "epsilon_insensitive": LossFormulas(
        epsilon_insensitive_value,
        epsilon_insensitive_gradient,
        None,
        parameter=EPSILON,
        assumed_curvature=curvature_of_kinks,
    ),
    "squared_epsilon_insensitive": LossFormulas(
        squared_epsilon_insensitive_value, squared_epsilon_insensitive_gradient, 2.0, parameter=EPSILON
    ),
    "multinomial": LossFormulas(
        multinomial_value,
        multinomial_gradient,
        0.5,
        classification=True,
        coupled=True,
        probabilities=softmax_probabilities,
        smooth=True,
        likelihood=True,
    ),
    "quantile": LossFormulas(
        quantile_value,
        quantile_gradient,
        None,
        parameter=LossParameter("level", 0.5, low=0.0, high=1.0),
        assumed_curvature=curvature_of_kinks,
    ),
    "poisson": LossFormulas(
        poisson_value,
        poisson_gradient,
        None,
        lowest_target=0.0,
        assumed_curvature=twice_largest_target,
        inverse_link=exp,
        smooth=True,
        deviance=poisson_deviance,
    ),
    "gamma": LossFormulas(
        gamma_value,
        gamma_gradient,
        None,
        lowest_target=0.0,
        lowest_excluded=lambda c: True,
        assumed_curvature=twice_largest_target,
        inverse_link=exp,
        smooth=True,
        deviance=gamma_value,
    ),
    "tweedie": LossFormulas(
        tweedie_value,
        tweedie_gradient,
        None,
        parameter=LossParameter("power", 1.5, low=1.0, high=2.0, ends="[]"),
        lowest_target=0.0,
        lowest_excluded=is_gamma,
        assumed_curvature=twice_largest_target,
        inverse_link=exp,
        smooth=True,
        deviance=tweedie_value,
    ),
}
