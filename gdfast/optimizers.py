"""Optimizers as users name them: what `optimizer=` takes besides a name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from gdfast.arguments import choice, flag, real, shown

__all__ = ["GD", "NAMED", "AdaGrad", "Adam", "AdamW", "Momentum", "Optimizer", "RMSProp", "make_optimizer"]


class Optimizer(ABC):
    """What every optimizer has: the update rule that it runs, and the rule's number."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""

    @property
    def mu(self) -> float:
        """The momentum, or Adam's beta1."""
        return 0.0

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return 0.0, 0.0, 0.0

    @property
    def auto_rate(self) -> float | None:
        """What learning_rate="auto" is; None: 1/L."""
        return None


@dataclass(frozen=True, slots=True)
class GD(Optimizer):
    """Plain gradient descent: w <- w - eta g.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.fit([[0.0], [1.0]], [0.0, 1.0], optimizer=gdfast.GD(), epochs=10).epochs
    10

    References
    ----------
    Cauchy, A., "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847.
    """

    @property
    def rule(self) -> str:
        """The update rule's name."""
        return "gd"


@dataclass(frozen=True, slots=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: m <- mu m + g, w <- w - eta m.

    With ``nesterov=True`` the step is w <- w - eta (g + mu m).

    Parameters
    ----------
    momentum : float, default 0.9
        mu, at least 0 and below 1.
    nesterov : bool, default False
        Whether the step looks ahead along the momentum.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Momentum(0.5, nesterov=True)
    Momentum(momentum=0.5, nesterov=True)

    References
    ----------
    Sutskever, I., et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", real("momentum", self.momentum, 0.0, 1.0, ends="[)"))
        object.__setattr__(self, "nesterov", flag("nesterov", self.nesterov))

    @property
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""
        return "nesterov" if self.nesterov else "momentum"

    @property
    def mu(self) -> float:
        """The momentum."""
        return self.momentum


@dataclass(frozen=True, slots=True)
class AdaGrad(Optimizer):
    """AdaGrad: v <- v + g^2, w <- w - eta g / (sqrt(v) + eps).

    Parameters
    ----------
    eps : float, default 1e-10
        Above 0.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.AdaGrad()
    AdaGrad(eps=1e-10)

    References
    ----------
    Duchi, J., Hazan, E., Singer, Y., "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.
    """

    eps: float = 1e-10

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", real("eps", self.eps, 0.0, ends="(]"))

    @property
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""
        return "adagrad"

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return 0.0, self.eps, 0.0

    @property
    def auto_rate(self) -> float | None:
        """What learning_rate="auto" is."""
        return 1e-2


@dataclass(frozen=True, slots=True)
class RMSProp(Optimizer):
    """RMSProp: v <- rho v + (1 - rho) g^2, w <- w - eta g / (sqrt(v) + eps).

    Parameters
    ----------
    rho : float, default 0.99
        At least 0 and below 1.
    eps : float, default 1e-8
        Above 0.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.RMSProp(rho=0.9)
    RMSProp(rho=0.9, eps=1e-08)

    References
    ----------
    Tieleman, T., Hinton, G., "Lecture 6.5: RMSProp", Neural networks for machine learning, 2012.
    """

    rho: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", real("rho", self.rho, 0.0, 1.0, ends="[)"))
        object.__setattr__(self, "eps", real("eps", self.eps, 0.0, ends="(]"))

    @property
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""
        return "rmsprop"

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return self.rho, self.eps, 0.0

    @property
    def auto_rate(self) -> float | None:
        """What learning_rate="auto" is."""
        return 1e-2


@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """Adam: m and v are exponential means of g and g^2, w <- w - eta (m / c1) / (sqrt(v / c2) + eps).

    c1 = 1 - beta1^t and c2 = 1 - beta2^t, t counting updates from 1.

    Parameters
    ----------
    beta1, beta2 : float, default 0.9, 0.999
        At least 0 and below 1.
    eps : float, default 1e-8
        Above 0.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.Adam(beta1=0.5)
    Adam(beta1=0.5, beta2=0.999, eps=1e-08)

    References
    ----------
    Kingma, D. P., Ba, J., "Adam: a method for stochastic optimization", ICLR 2015.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            object.__setattr__(self, name, real(name, getattr(self, name), 0.0, 1.0, ends="[)"))
        object.__setattr__(self, "eps", real("eps", self.eps, 0.0, ends="(]"))

    @property
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""
        return "adam"

    @property
    def mu(self) -> float:
        """beta1."""
        return self.beta1

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return self.beta2, self.eps, 0.0

    @property
    def auto_rate(self) -> float | None:
        """What learning_rate="auto" is."""
        return 1e-3


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: coefficients, not the intercept, also shrink by eta weight_decay w.

    Parameters
    ----------
    beta1, beta2 : float, default 0.9, 0.999
        At least 0 and below 1.
    eps : float, default 1e-8
        Above 0.
    weight_decay : float, default 0.01
        At least 0.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.AdamW(weight_decay=0.1)
    AdamW(beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.1)

    References
    ----------
    Loshchilov, I., Hutter, F., "Decoupled weight decay regularization", ICLR 2019.
    """

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        Adam.__post_init__(self)
        object.__setattr__(self, "weight_decay", real("weight_decay", self.weight_decay, 0.0))

    @property
    def numbers(self) -> tuple[float, float, float]:
        """The rule's rho, eps and decay."""
        return self.beta2, self.eps, self.weight_decay


NAMED: dict[str, Optimizer] = {
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
        return NAMED[choice("optimizer", optimizer, NAMED)]
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        raise TypeError(f"optimizer={optimizer.__name__} is a class; write {optimizer.__name__}()")
    raise TypeError(
        f"optimizer={shown(optimizer)} must be a name ({', '.join(NAMED)}) or an instance such as gdfast.GD()"
    )
