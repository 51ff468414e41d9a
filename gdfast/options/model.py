"""What is minimised, and by which update rule: the Model, as the kernels read it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import choice, numeric_array, real, shown, vector
from gdfast.formulas.losses import LOSSES, LossFormulas
from gdfast.formulas.penalties import PENALTIES
from gdfast.formulas.update_rules import UPDATE_RULES, UpdateRule
from gdfast.options.custom_loss import Loss
from gdfast.options.optimizers import Optimizer

__all__ = ["Model", "make_loss", "make_model", "with_constraints"]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is minimised and by which update rule, as the kernels read it."""

    loss: str
    c: float  # the loss's parameter, 0 where it has none
    l2: float
    l1: float
    intercept: bool
    rule: str
    mu: float
    rho: float = 0.0
    eps: float = 0.0
    decay: float = 0.0
    custom: Loss | None = None  # a loss of the user's
    averaging: bool = False
    forgetting: bool = False  # the mean of iterates is exponential
    clip_norm: float = np.inf
    clip_value: float = np.inf
    factors: NDArray[np.float64] | None = None  # (d,), of the penalty
    low: NDArray[np.float64] | None = None  # (d,), bounds
    high: NDArray[np.float64] | None = None

    @property
    def formulas(self) -> LossFormulas:
        """The loss's entry in the registry."""
        return LOSSES[self.loss] if self.custom is None else self.custom.formulas

    @property
    def formula(self) -> UpdateRule:
        """The update rule's entry in the registry."""
        return UPDATE_RULES[self.rule]

    @property
    def constrained(self) -> bool:
        """Whether gradients are clipped or coefficients bounded."""
        return self.low is not None or min(self.clip_norm, self.clip_value) < np.inf

    @property
    def checked(self) -> bool:
        """Whether an update needs the whole gradient first, l1 at each coordinate's custom rate, or the bounds."""
        return self.constrained or (self.l1 > 0 and (self.formula.adaptive or self.factors is not None))

    @property
    def lazy(self) -> bool:
        """Whether an update by sparse rows can keep pending what it does to the coefficients that they do not hold."""
        waits = not self.averaging or (self.l1 == 0 and not self.forgetting)
        return self.formula.stateless and waits and not (self.checked or self.factors is not None)

    @property
    def quadratic(self) -> bool:
        """Whether full batch is a linear recurrence, which has a largest stable rate."""
        return self.formulas.quadratic and self.l1 == 0 and not (self.formula.adaptive or self.constrained)


def loss_number(loss: str, loss_parameter: Any) -> float:
    """Return the number that shapes the loss, 0 where it has none."""
    parameter = LOSSES[loss].parameter
    if parameter is None:
        if loss_parameter is not None:
            able = ", ".join(name for name, other in LOSSES.items() if other.parameter)
            raise ValueError(
                f"loss_parameter={shown(loss_parameter)}: loss={loss!r} has none; leave it out ({able} have one)"
            )
        return 0.0
    if loss_parameter is None:
        return parameter.default
    return real(
        "loss_parameter",
        loss_parameter,
        parameter.low,
        parameter.high,
        ends=parameter.ends,
        hint=f" ({loss}'s {parameter.name})",
    )


def make_loss(loss: Any) -> str | Loss:
    """Return the loss of fit's argument: a name, or the user's custom."""
    return loss if isinstance(loss, Loss) else choice("loss", loss, LOSSES)


def make_model(
    loss: str | Loss,
    loss_parameter: Any,
    penalty: str | None,
    alpha: float,
    l1_ratio: float,
    fit_intercept: bool,
    *,
    optimizer: Optimizer,
) -> Model:
    """Return the Model of fit's arguments, of which all but the loss's parameter are checked."""
    custom = loss if isinstance(loss, Loss) else None
    if custom is not None and loss_parameter is not None:
        raise ValueError(f"loss_parameter={shown(loss_parameter)}: {custom!r} has none; write the number into the loss")
    rule = PENALTIES["none" if penalty is None else penalty]
    if alpha > 0 and not rule.scaled:
        raise ValueError(
            f"alpha={alpha:g} without a penalty has no effect; give penalty='l2', 'l1' or 'elasticnet', or alpha=0"
        )
    l2, l1 = rule.l2(alpha, l1_ratio), rule.l1(alpha, l1_ratio)
    name, c = (loss.name, 0.0) if isinstance(loss, Loss) else (loss, loss_number(loss, loss_parameter))
    return Model(name, c, l2, l1, fit_intercept, optimizer.rule, optimizer.mu, *optimizer.numbers, custom=custom)


def with_constraints(model: Model, d: int, dtype: np.dtype[Any], options: dict[str, Any]) -> Model:
    """Return the model with factors, bounds and clipping of checked options, for d features of a dtype."""
    if options["positive"] is False and (
        options["bounds"] is options["penalty_factors"] is options["average"] is None
        and options["clip_norm"] is options["clip_value"] is None
    ):
        return model
    low, high = make_bounds(options["bounds"], options["positive"], d, dtype)
    factors = options["penalty_factors"]
    if factors is not None:
        factors = vector("penalty_factors", factors, d, "feature").copy()
        if factors.min() < 0:
            raise ValueError(f"penalty_factors holds {factors.min():g}, and must not be negative; 0 spares a feature")
        if model.l1 == 0 and model.l2 == 0:
            raise ValueError(
                "penalty_factors without a penalty have no effect; give penalty and alpha, or leave it out"
            )
    clips: dict[str, Any] = {
        name: np.inf if options[name] is None else options[name] for name in ("clip_norm", "clip_value")
    }
    average = options["average"]
    averaging, forgetting = average is not None, getattr(average, "gain", 0.0) > 0
    return replace(model, factors=factors, low=low, high=high, averaging=averaging, forgetting=forgetting, **clips)


def make_bounds(
    bounds: Any, positive: bool, d: int, dtype: np.dtype[Any]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return the lower and the upper bound of each coefficient in the dtype of X, rounded inwards; or None, None."""
    if bounds is None and not positive:
        return None, None
    ends = [np.full(d, -np.inf), np.full(d, np.inf)]
    if bounds is not None:
        if isinstance(bounds, (str, bytes, dict, set)) or not hasattr(bounds, "__len__") or len(bounds) != 2:
            raise ValueError(f"bounds={shown(bounds)} must be (lower, upper), each a number or one for each feature")
        for name, place in (("lower", 0), ("upper", 1)):
            ends[place] = one_bound(name, bounds[place], d, ends[place])
    if positive:
        ends[0] = np.maximum(ends[0], 0.0)
    low, high = (end.astype(dtype) for end in ends)
    low = np.where(low < ends[0], np.nextafter(low, dtype.type(np.inf)), low).astype(np.float64)
    high = np.where(high > ends[1], np.nextafter(high, dtype.type(-np.inf)), high).astype(np.float64)
    if (low > high).any():
        j = int(np.flatnonzero(low > high)[0])
        raise ValueError(
            f"bounds cross at feature {j}: lower {ends[0][j]:g} is above upper {ends[1][j]:g}"
            + (" (positive=True is a lower bound of 0)" if positive else "")
            + "; swap or widen them"
        )
    return low, high


def one_bound(name: str, bound: Any, d: int, none: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a bound of each coefficient; infinite where there is none."""
    if bound is None:
        return none
    values = numeric_array(f"bounds ({name})", bound).astype(np.float64)
    if values.shape not in ((), (1,), (d,)):
        raise ValueError(f"bounds ({name}) has shape {values.shape}, and must be a number or have shape ({d},)")
    if np.isnan(values).any() or (values == -none[0]).any():
        raise ValueError(f"bounds ({name}) holds {values[~(np.isfinite(values))].flat[0]}, and must be finite, or "
                         f"{none[0]} for no bound")  # fmt: skip
    return np.broadcast_to(values, (d,)).copy()
