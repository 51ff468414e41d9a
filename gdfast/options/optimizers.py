"""Optimizers as users name them: what `optimizer=` takes besides a name."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar

from gdfast._utils.arguments import choice, flag, real, shown

__all__ = ["GD", "OPTIMIZERS", "AdaGrad", "Adam", "AdamW", "Momentum", "Optimizer", "RMSProp", "make_optimizer"]


def number_field(default: float, read_as: str, high: float = math.inf, ends: str = "[]") -> Any:
    """Return a field for a number from 0 to high, which the update rule reads as mu, rho, eps or decay."""
    return field(default=default, metadata={"read_as": read_as, "high": high, "ends": ends})


@dataclass(frozen=True)
class Optimizer(ABC):
    """What every optimizer has: the update rule that it runs, and the rule's numbers."""

    auto_rate: ClassVar[float | None] = None  # what learning_rate="auto" is; None: 1/L

    @property
    @abstractmethod
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.update_rules."""

    def __post_init__(self) -> None:
        for about in rule_fields(type(self)).values():
            value = real(
                about.name, getattr(self, about.name), 0.0, about.metadata["high"], ends=about.metadata["ends"]
            )
            object.__setattr__(self, about.name, value)

    def read(self, name: str) -> float:
        """Return the number that the update rule knows by this name.

        Parameters
        ----------
        name : {"mu", "rho", "eps", "decay"}
            The name of the number in the update rule.

        Returns
        -------
        float
            The number, 0 where the optimizer has none of this name.
        """
        about = rule_fields(type(self)).get(name)
        return 0.0 if about is None else getattr(self, about.name)

    @property
    def mu(self) -> float:
        """The momentum, or Adam's beta1."""
        return self.read("mu")

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return self.read("rho"), self.read("eps"), self.read("decay")


@cache
def rule_fields(optimizer: type[Optimizer]) -> dict[str, Any]:
    """Return the fields of an optimizer's numbers by the names that the rule has for them."""
    return {about.metadata["read_as"]: about for about in fields(optimizer) if about.metadata}


@dataclass(frozen=True, slots=True)
class GD(Optimizer):
    """Plain gradient descent: w <- w - eta g.

    References
    ----------
    Cauchy, A., "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.fit([[0.0], [1.0]], [0.0, 1.0], optimizer=gdfast.GD(), epochs=10).epochs
    10
    """

    rule = "gd"


@dataclass(frozen=True, slots=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: m <- mu m + g, w <- w - eta m.

    With ``nesterov=True`` the step is w <- w - eta (g + mu m).

    Parameters
    ----------
    momentum : float, default 0.9
        The factor mu, at least 0 and below 1.
    nesterov : bool, default False
        Whether to use Nesterov's momentum.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Sutskever, I., et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Momentum(0.5, nesterov=True)
    Momentum(momentum=0.5, nesterov=True)
    """

    momentum: float = number_field(0.9, "mu", 1.0, "[)")
    nesterov: bool = False

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        object.__setattr__(self, "nesterov", flag("nesterov", self.nesterov))

    @property
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.update_rules."""
        return "nesterov" if self.nesterov else "momentum"


@dataclass(frozen=True, slots=True)
class AdaGrad(Optimizer):
    """AdaGrad: v <- v + g^2, w <- w - eta g / (sqrt(v) + eps).

    Parameters
    ----------
    eps : float, default 1e-10
        Added to the root, above 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Duchi, J., Hazan, E., Singer, Y., "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.AdaGrad()
    AdaGrad(eps=1e-10)
    """

    rule, auto_rate = "adagrad", 1e-2

    eps: float = number_field(1e-10, "eps", ends="(]")


@dataclass(frozen=True, slots=True)
class RMSProp(Optimizer):
    """RMSProp: v <- rho v + (1 - rho) g^2, w <- w - eta g / (sqrt(v) + eps).

    Parameters
    ----------
    rho : float, default 0.99
        Modes of the mean of g^2, at least 0 and below 1.
    eps : float, default 1e-8
        Added to the root, above 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Tieleman, T., Hinton, G., "Lecture 6.5: RMSProp", Neural networks for machine learning, 2012.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.RMSProp(rho=0.9)
    RMSProp(rho=0.9, eps=1e-08)
    """

    rule, auto_rate = "rmsprop", 1e-2

    rho: float = number_field(0.99, "rho", 1.0, "[)")
    eps: float = number_field(1e-8, "eps", ends="(]")


@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """Adam: w <- w - eta (m / c1) / (sqrt(v / c2) + eps).

    Here m and v are exponential means of g and g^2, c1 = 1 - beta1^t and c2 = 1 - beta2^t; t counts updates from 1.

    Parameters
    ----------
    beta1 : float, default 0.9
        Modes of the mean of g, at least 0 and below 1.
    beta2 : float, default 0.999
        Modes of the mean of g^2, at least 0 and below 1.
    eps : float, default 1e-8
        Added to the root, above 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Kingma, D. P., Ba, J., "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Adam(beta1=0.5)
    Adam(beta1=0.5, beta2=0.999, eps=1e-08)
    """

    rule, auto_rate = "adam", 1e-3

    beta1: float = number_field(0.9, "mu", 1.0, "[)")
    beta2: float = number_field(0.999, "rho", 1.0, "[)")
    eps: float = number_field(1e-8, "eps", ends="(]")


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: each update also subtracts eta weight_decay w.

    The intercept is not decayed.

    Parameters
    ----------
    beta1 : float, default 0.9
        Modes of the mean of g, at least 0 and below 1.
    beta2 : float, default 0.999
        Modes of the mean of g^2, at least 0 and below 1.
    eps : float, default 1e-8
        Added to the root, above 0.
    weight_decay : float, default 0.01
        Factor of the decay, at least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in its range.

    References
    ----------
    Loshchilov, I., Hutter, F., "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.AdamW(weight_decay=0.1)
    AdamW(beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.1)
    """

    weight_decay: float = number_field(0.01, "decay")


OPTIMIZERS: dict[str, Optimizer] = {
    "gd": GD(),
    "momentum": Momentum(),
    "nesterov": Momentum(nesterov=True),
    "adagrad": AdaGrad(),
    "rmsprop": RMSProp(),
    "adam": Adam(),
    "adamw": AdamW(),
}


def make_optimizer(optimizer: object) -> Optimizer:
    """Return the Optimizer that fit's argument means."""
    if isinstance(optimizer, str):
        return OPTIMIZERS[choice("optimizer", optimizer, OPTIMIZERS)]
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        raise TypeError(f"optimizer={optimizer.__name__} is a class; write {optimizer.__name__}()")
    raise TypeError(
        f"optimizer={shown(optimizer)} must be a name ({', '.join(OPTIMIZERS)}) or an instance such as gdfast.GD()"
    )
