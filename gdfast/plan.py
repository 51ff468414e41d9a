"""The options of a fit as a Plan: every choice made, as numbers."""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.arguments import choice, flag, floating, numeric_array, real, shown, vector, whole
from gdfast.averaging import make_average
from gdfast.callbacks import Callback, make_callbacks
from gdfast.formulas.losses import LOSSES, Loss
from gdfast.formulas.optimizers import OPTIMIZERS, Rule
from gdfast.formulas.penalties import PENALTIES
from gdfast.history import LogGrid, StepGrid
from gdfast.optimizers import Optimizer
from gdfast.order import LARGEST_SEED, LARGEST_SHUFFLE
from gdfast.own_loss import Loss as OwnLoss
from gdfast.problem import Problem
from gdfast.rates import Rates, make_rates
from gdfast.watch import PATIENCE, Plateau, Watch

__all__ = [
    "Model",
    "Plan",
    "limited",
    "loss_number",
    "make_loss",
    "make_model",
    "make_plan",
    "make_seed",
    "start_values",
]

HISTORIES = ("auto", "objective", "running", "none")
SOLVERS = ("auto", "closed_form", "loop")
DIVERGENCE = ("warn", "raise", "backtrack")
INTERRUPTS = ("return", "raise")
RECORDS = ("learning_rate", "gradient_norm", "coef_norm", "seconds", "coef")
CHECKPOINT_SECONDS = 30.0
LARGEST_COUNT = 2**53  # epochs are counted in numbers that a float64 also holds


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
    own: OwnLoss | None = None  # the user's own loss
    averaging: bool = False
    clip_norm: float = np.inf
    clip_value: float = np.inf
    factors: NDArray[np.float64] | None = None  # (d,), of the penalty
    low: NDArray[np.float64] | None = None  # (d,), bounds
    high: NDArray[np.float64] | None = None

    @property
    def formulas(self) -> Loss:
        """The loss's entry in the registry."""
        return LOSSES[self.loss] if self.own is None else self.own.formulas

    @property
    def formula(self) -> Rule:
        """The update rule's entry in the registry."""
        return OPTIMIZERS[self.rule]

    @property
    def limited(self) -> bool:
        """Whether gradients are clipped or coefficients bounded."""
        return self.low is not None or min(self.clip_norm, self.clip_value) < np.inf

    @property
    def careful(self) -> bool:
        """Whether an update needs the whole gradient first, l1 at each coordinate's own rate, or the bounds."""
        return self.limited or (self.l1 > 0 and (self.formula.adaptive or self.factors is not None))

    @property
    def lazy(self) -> bool:
        """Whether an update by sparse rows can put off what it owes the coefficients that they do not hold."""
        return self.rule == "gd" and not (self.careful or self.averaging or self.factors is not None)

    @property
    def quadratic(self) -> bool:
        """Whether full batch is a linear recurrence, which has a largest stable rate."""
        return self.loss == "squared_error" and self.l1 == 0 and not (self.formula.adaptive or self.limited)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How the descent runs and what is kept of it."""

    model: Model
    epochs: int
    rates: Rates
    batch_size: int | None  # None: full batch
    shuffle: bool
    seed: int
    coef: NDArray[Any]  # (k, d), the start
    intercept: NDArray[np.float64]  # (k,)
    objective: bool  # costs are J at each epoch's end; else running means
    grid: StepGrid | LogGrid | None  # the epochs whose cost is kept; None: none
    history_limit: int
    record: tuple[str, ...]
    backend: str
    n_threads: int
    solver: str  # "auto" is not chosen yet
    average_from: int | None  # epochs done before averaging begins; None: no averaging
    average_gain: float
    validation: Problem | None
    validation_rows: NDArray[np.intp] | None  # where a fraction was asked for
    restore_best: bool
    tol: float | None
    patience: int
    gradient_tol: float | None
    max_seconds: float | None
    on_divergence: str
    interrupt: str
    callbacks: tuple[Callback, ...]
    callback_every: int | None
    checkpoint_every: int | None
    checkpoint_seconds: float | None

    def watch(self) -> Watch | None:
        """Return what stops the descent where it makes no progress, or None."""
        return None if self.tol is None else Watch(self.tol, self.patience)

    def plateau(self) -> Plateau | None:
        """Return what lowers the rate where it makes no progress, or None."""
        return None if self.rates.plateau is None else Plateau(self.rates.plateau)


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
    ends = ("[" if parameter.low_allowed else "(") + ")"
    return real(
        "loss_parameter",
        loss_parameter,
        parameter.low,
        parameter.high,
        ends=ends,
        hint=f" ({loss}'s {parameter.name})",
    )


def make_loss(loss: Any) -> str | OwnLoss:
    """Return the loss of fit's argument: a name, or the user's own."""
    return loss if isinstance(loss, OwnLoss) else choice("loss", loss, LOSSES)


def make_model(
    loss: Any,
    loss_parameter: Any,
    penalty: Any,
    alpha: Any,
    l1_ratio: Any,
    fit_intercept: Any,
    *,
    optimizer: Optimizer,
) -> Model:
    """Return the Model of fit's arguments."""
    loss = make_loss(loss)
    own = loss if isinstance(loss, OwnLoss) else None
    if own is not None and loss_parameter is not None:
        raise ValueError(f"loss_parameter={shown(loss_parameter)}: {own!r} has none; write the number into the loss")
    penalty = "none" if penalty is None else choice("penalty", penalty, PENALTIES)
    alpha = real("alpha", alpha, 0.0)
    l1_ratio = real("l1_ratio", l1_ratio, 0.0, 1.0)
    if alpha > 0 and penalty == "none":
        raise ValueError(
            f"alpha={alpha:g} without a penalty has no effect; give penalty='l2', 'l1' or 'elasticnet', or alpha=0"
        )
    l2, l1 = PENALTIES[penalty].l2(alpha, l1_ratio), PENALTIES[penalty].l1(alpha, l1_ratio)
    intercept = flag("fit_intercept", fit_intercept)
    name, c = (own.name, 0.0) if own is not None else (loss, loss_number(loss, loss_parameter))
    return Model(name, c, l2, l1, intercept, optimizer.rule, optimizer.mu, *optimizer.numbers, own=own)


def limited(model: Model, problem: Problem, options: dict[str, Any]) -> Model:
    """Return the model with the penalty's factors, the bounds and the limits of the gradient."""
    if options["positive"] is False and (
        options["bounds"] is options["penalty_factors"] is options["average"] is None
        and options["clip_norm"] is options["clip_value"] is None
    ):
        return model
    d = problem.X.shape[1]
    low, high = make_bounds(options["bounds"], flag("positive", options["positive"]), problem)
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
        name: np.inf if options[name] is None else real(name, options[name], 0.0, ends="(]")
        for name in ("clip_norm", "clip_value")
    }
    averaging = make_average(options["average"])[0] is not None
    return replace(model, factors=factors, low=low, high=high, averaging=averaging, **clips)


def make_bounds(
    bounds: Any, positive: bool, problem: Problem
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return the lower and the upper bound of each coefficient in the dtype of X, rounded inwards; or None, None."""
    if bounds is None and not positive:
        return None, None
    d, dtype = problem.X.shape[1], problem.X.dtype
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


def start_values(
    problem: Problem, intercept: bool, coef_init: Any, intercept_init: Any
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the start as new arrays (k, d) and (k,): zero where none is given."""
    k, d = problem.Y.shape[1], problem.X.shape[1]
    W, b = np.zeros((k, d), problem.X.dtype), np.zeros(k)
    if coef_init is not None:
        shape = (k, d) if problem.several else (d,)
        given = numeric_array("coef_init", coef_init)
        if given.shape != shape and not (k == 1 and given.shape == (1, d)):
            raise ValueError(
                f"coef_init has shape {given.shape}, and must have shape {shape}: one for each feature; start from a "
                "Run's coef, or leave it out to start from zero"
            )
        W[:] = floating("coef_init", given, W.dtype)
    if intercept_init is not None:
        b[:] = vector("intercept_init", np.ravel(numeric_array("intercept_init", intercept_init)), k, "output")
        if not intercept and b.any():
            raise ValueError("intercept_init is not zero, but fit_intercept=False; leave it out, or fit the intercept")
    return W, b


def make_batch_size(batch_size: Any, n: int) -> int | None:
    """Return the size of a mini-batch, None for the full batch."""
    if batch_size is None:
        return None
    size = whole("batch_size", batch_size, 1, hint=" (None is the full batch)")
    return None if size >= n > 1 else size


def make_seed(seed: Any, shuffle: bool, batch_size: int | None, n: int) -> int:
    """Return the seed given, or a new one."""
    if batch_size is not None and n > LARGEST_SHUFFLE:
        raise ValueError(
            f"batch_size={batch_size}: X has {n} rows, and mini-batches take at most {LARGEST_SHUFFLE}; use None"
        )
    if seed is None:
        return int.from_bytes(os.urandom(8)) >> 1
    return whole("seed", seed, 0, LARGEST_SEED)


def make_grid(history: str, history_every: Any) -> StepGrid | LogGrid | None:
    """Return the epochs to keep."""
    if isinstance(history_every, str):
        if history_every != "log":
            raise ValueError(f'history_every={history_every!r} must be a whole number of at least 1, or "log"')
        grid: StepGrid | LogGrid = LogGrid()
    else:
        grid = StepGrid(whole("history_every", history_every, 1, hint=' (or "log")'))
    return None if history == "none" else grid


def make_patience(tol: float | None, patience: Any, validated: bool) -> int:
    """Return how many epochs without progress end the descent."""
    if patience is None:
        return PATIENCE
    if tol is None and not validated:
        raise ValueError(
            f"patience={shown(patience)} without tol or validation has no effect; give one of them, or leave it out"
        )
    return whole("patience", patience, 1)


def make_tol(tol: Any, patience: Any, validated: bool) -> float | None:
    """Return the progress below which an epoch counts as none, or None where nothing is watched."""
    if tol is not None:
        return real("tol", tol, 0.0)
    return 0.0 if validated and patience is not None else None


def make_record(record: Any) -> tuple[str, ...]:
    """Return what is recorded beside the cost."""
    names = (record,) if isinstance(record, str) else record
    if not isinstance(names, (tuple, list, set, frozenset)):
        raise TypeError(f"record={shown(record)} must be a tuple of names: {', '.join(RECORDS)}")
    chosen = [choice("record", name, RECORDS) for name in names]
    return tuple(name for name in RECORDS if name in chosen) if chosen else ()


def optional_count(name: str, value: Any) -> int | None:
    """Return a number of epochs, or None."""
    return None if value is None else whole(name, value, 1)


def optional_positive(name: str, value: Any) -> float | None:
    """Return a number above 0, or None."""
    return None if value is None else real(name, value, 0.0, ends="(]")


def make_checkpoint(options: dict[str, Any]) -> tuple[int | None, float | None]:
    """Return after how many epochs and after how many seconds a checkpoint is written."""
    every = optional_count("checkpoint_every", options["checkpoint_every"])
    seconds = optional_positive("checkpoint_seconds", options["checkpoint_seconds"])
    if options["checkpoint"] is None:
        for name in ("checkpoint_every", "checkpoint_seconds"):
            if options[name] is not None:
                raise ValueError(f"{name}={shown(options[name])} without checkpoint has no effect; give a path, too")
        return None, None
    return every, CHECKPOINT_SECONDS if every is None and seconds is None else seconds


def make_plan(
    problem: Problem,
    model: Model,
    learning_rate: Any,
    options: dict[str, Any],
    backend: str,
    seed: int | None = None,
    validation: Problem | None = None,
    validation_rows: NDArray[np.intp] | None = None,
) -> Plan:
    """Return the Plan of fit's arguments."""
    n = problem.X.shape[0]
    batch_size = make_batch_size(options["batch_size"], n)
    shuffle = flag("shuffle", options["shuffle"])
    history = choice("history", options["history"], HISTORIES)
    epochs = whole("epochs", options["epochs"], 1, LARGEST_COUNT)
    validated = validation is not None
    tol = make_tol(options["tol"], options["patience"], validated)
    patience = make_patience(tol, options["patience"], validated)
    if flag("restore_best", options["restore_best"]) and not validated:
        raise ValueError("restore_best=True without validation has nothing to choose by; give validation=(X, y)")
    W, b = start_values(problem, model.intercept, options["coef_init"], options["intercept_init"])
    if model.low is not None and model.high is not None:
        W[:] = np.clip(W, model.low, model.high)
    average_from, average_gain = make_average(options["average"])
    callbacks = make_callbacks(options["callbacks"])
    callback_every = optional_count("callback_every", options["callback_every"])
    if callback_every is not None and not callbacks:
        raise ValueError(f"callback_every={callback_every} without callbacks has no effect; give callbacks, too")
    checkpoint_every, checkpoint_seconds = make_checkpoint(options)
    return Plan(
        model=model,
        epochs=epochs,
        rates=make_rates(learning_rate, epochs),
        batch_size=batch_size,
        shuffle=shuffle,
        seed=make_seed(options["seed"], shuffle, batch_size, n) if seed is None else seed,
        coef=W,
        intercept=b,
        objective=batch_size is None if history in ("auto", "none") else history == "objective",
        grid=make_grid(history, options["history_every"]),
        history_limit=whole("history_limit", options["history_limit"], 2),
        record=make_record(options["record"]),
        backend=backend,
        n_threads=whole("n_threads", options["n_threads"], 1, hint=" (os.cpu_count() is as many as there are)"),
        solver=choice("solver", options["solver"], SOLVERS),
        average_from=average_from,
        average_gain=average_gain,
        validation=validation,
        validation_rows=validation_rows,
        restore_best=options["restore_best"],
        tol=tol,
        patience=patience,
        gradient_tol=None if options["gradient_tol"] is None else real("gradient_tol", options["gradient_tol"], 0.0),
        max_seconds=optional_positive("max_seconds", options["max_seconds"]),
        on_divergence=choice("on_divergence", options["on_divergence"], DIVERGENCE),
        interrupt=choice("interrupt", options["interrupt"], INTERRUPTS),
        callbacks=callbacks,
        callback_every=callback_every,
        checkpoint_every=checkpoint_every,
        checkpoint_seconds=checkpoint_seconds,
    )
