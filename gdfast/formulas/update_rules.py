"""Optimizers (update rules), each written once, for one coordinate of w.

g is the gradient, m and v are states that start at zero, eta is the learning rate, mu the momentum (Adam's beta1),
rho the part of the squares that stays (Adam's beta2), eps a small number, decay AdamW's; c1 and c2 are
`correction(mu, t)` and `correction(rho, t)` at the t-th update. A rule returns the step to add to w, and the new
m and v; its rate is what multiplies a constant gradient in the long run, and so the threshold of l1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from gdfast.formulas.vocabulary import exp, log1p, maximum, minimum, sqrt

__all__ = ["UPDATE_RULES", "UpdateRule", "averaged", "clipped", "correction"]


class UpdateRule(NamedTuple):
    """An update rule: its step, its rate, and what it is like.

    `corrected` rules read c1 and c2, `adaptive` ones have the state v and `momentum` ones m; `linear` ones are
    linear in w, g and m, and have no v; the gradient of `looks_ahead` ones is weighted as if it came one step later.
    """

    step: Callable[..., tuple[Any, Any, Any]]
    rate: Callable[..., Any]
    corrected: bool = False
    adaptive: bool = False
    momentum: bool = False
    linear: bool = False
    looks_ahead: bool = False

    @property
    def stateless(self) -> bool:
        """Whether a step depends on the gradient alone."""
        return not (self.momentum or self.adaptive)


def correction(beta, t):
    """1 - beta^t: the sum of the weights of an exponential mean after t updates."""
    return 1.0 - exp(t * log1p(beta - 1.0))


def clipped(g, limit):
    """Return g, held between -limit and limit."""
    return maximum(minimum(g, limit), -limit)


def averaged(a, w, gain):
    """Return the mean a after one more w: gain is 1 / count, or 1 - decay in an exponential mean."""
    return a + gain * (w - a)


def gd(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """Return -eta g."""
    return -eta * g, m, v


def momentum(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """m <- mu m + g; the step is -eta m."""
    m = mu * m + g
    return -eta * m, m, v


def nesterov(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """m <- mu m + g; the step is -eta (g + mu m)."""
    m = mu * m + g
    return -eta * (g + mu * m), m, v


def adagrad(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """v <- v + g^2; the step is -eta g / (sqrt(v) + eps)."""
    v = v + g * g
    return -eta * g / (sqrt(v) + eps), m, v


def rmsprop(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """v <- rho v + (1 - rho) g^2; the step is -eta g / (sqrt(v) + eps)."""
    v = rho * v + (1.0 - rho) * g * g
    return -eta * g / (sqrt(v) + eps), m, v


def adam(w, g, m, v, eta, mu, rho, eps, decay, c1, c2):
    """m and v are exponential means of g and g^2; the step is -eta ((m / c1) / (sqrt(v / c2) + eps) + decay w)."""
    m = mu * m + (1.0 - mu) * g
    v = rho * v + (1.0 - rho) * g * g
    return -eta * ((m / c1) / (sqrt(v / c2) + eps) + decay * w), m, v


def plain_rate(v, eta, mu, eps, c2):
    """Return eta."""
    return eta


def momentum_rate(v, eta, mu, eps, c2):
    """eta / (1 - mu), to which the steps of a constant gradient add up."""
    return eta / (1.0 - mu)


def root_rate(v, eta, mu, eps, c2):
    """eta / (sqrt(v) + eps)."""
    return eta / (sqrt(v) + eps)


def adam_rate(v, eta, mu, eps, c2):
    """eta / (sqrt(v / c2) + eps)."""
    return eta / (sqrt(v / c2) + eps)


UPDATE_RULES = {
    "gd": UpdateRule(gd, plain_rate, linear=True),
    "momentum": UpdateRule(momentum, momentum_rate, momentum=True, linear=True),
    "nesterov": UpdateRule(nesterov, momentum_rate, momentum=True, linear=True, looks_ahead=True),
    "adagrad": UpdateRule(adagrad, root_rate, adaptive=True),
    "rmsprop": UpdateRule(rmsprop, root_rate, adaptive=True),
    "adam": UpdateRule(adam, adam_rate, corrected=True, adaptive=True, momentum=True),
}
