"""Optimizers (update rules), each written once, for one coordinate of w.

g is the gradient, m a state that starts at zero, eta the learning rate, mu the momentum.
A rule returns the step to add to w, and the new m.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["OPTIMIZERS"]


def gd(g, m, eta, mu):
    """Return -eta g."""
    return -eta * g, m


def momentum(g, m, eta, mu):
    """M <- mu m + g; the step is -eta m."""
    m = mu * m + g
    return -eta * m, m


def nesterov(g, m, eta, mu):
    """M <- mu m + g; the step is -eta (g + mu m)."""
    m = mu * m + g
    return -eta * (g + mu * m), m


OPTIMIZERS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "gd": gd,
    "momentum": momentum,
    "nesterov": nesterov,
}
