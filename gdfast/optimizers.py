"""Optimizers as users name them: what `optimizer=` takes besides a name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from gdfast.arguments import choice, flag, real, shown

__all__ = ["GD", "NAMED", "Momentum", "Optimizer", "make_optimizer"]


class Optimizer(ABC):
    """What every optimizer has: the update rule that it runs, and the rule's number."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """The update rule's name in gdfast.formulas.optimizers."""

    @property
    def mu(self) -> float:
        """The momentum."""
        return 0.0


@dataclass(frozen=True, slots=True)
class GD(Optimizer):
    """Plain gradient descent: w <- w - eta g.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.fit([[0.0], [1.0]], [0.0, 1.0], optimizer=gdfast.GD(), epochs=10).solver
    'loop'

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


NAMED: dict[str, Optimizer] = {"gd": GD(), "momentum": Momentum(), "nesterov": Momentum(nesterov=True)}


def make_optimizer(optimizer: object) -> Optimizer:
    """Return the Optimizer that fit's argument means."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        raise TypeError(f"optimizer={optimizer.__name__} is a class; write {optimizer.__name__}()")
    if not isinstance(optimizer, str):
        raise TypeError(
            f"optimizer={shown(optimizer)} must be a name ({', '.join(NAMED)}) or an instance such as gdfast.GD()"
        )
    return NAMED[choice("optimizer", optimizer, NAMED)]
