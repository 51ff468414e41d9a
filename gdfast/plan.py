"""The options of a fit as a Plan: every choice made, as numbers."""

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.arguments import choice, flag, floating, numeric_array, real, shown, vector, whole
from gdfast.formulas.losses import LOSSES, Loss
from gdfast.formulas.penalties import PENALTIES
from gdfast.history import LogGrid, StepGrid
from gdfast.optimizers import Optimizer
from gdfast.problem import Problem
from gdfast.rates import Rates, make_rates
from gdfast.sample_order import LARGEST_SEED, LARGEST_SHUFFLE
from gdfast.watch import PATIENCE, Watch

__all__ = ["Model", "Plan", "loss_number", "make_model", "make_plan", "start_values"]

HISTORIES = ("auto", "objective", "running", "none")
SOLVERS = ("auto", "closed_form", "loop")
DIVERGENCE = ("warn", "raise")
LARGEST_COUNT = 2**53  # epochs are counted in numbers that a float64 also holds


@dataclass(frozen=True, slots=True)
class Model:
    """What is minimised and by which update rule, as the kernels read it."""

    loss: str
    c: float  # the loss's parameter, 0 where it has none
    l2: float
    l1: float
    rule: str
    mu: float
    intercept: bool

    @property
    def formulas(self) -> Loss:
        """The loss's entry in the registry."""
        return LOSSES[self.loss]


@dataclass(frozen=True, slots=True)
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
    backend: str
    solver: str  # "auto" is not chosen yet
    tol: float | None
    patience: int
    on_divergence: str

    def watch(self) -> Watch | None:
        """Return what stops the descent where it makes no progress, or None."""
        return None if self.tol is None else Watch(self.tol, self.patience)


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
    loss = choice("loss", loss, LOSSES)
    penalty = "none" if penalty is None else choice("penalty", penalty, PENALTIES)
    alpha = real("alpha", alpha, 0.0)
    l1_ratio = real("l1_ratio", l1_ratio, 0.0, 1.0)
    if alpha > 0 and penalty == "none":
        raise ValueError(
            f"alpha={alpha:g} without a penalty has no effect; give penalty='l2', 'l1' or 'elasticnet', or alpha=0"
        )
    l2, l1 = PENALTIES[penalty].l2(alpha, l1_ratio), PENALTIES[penalty].l1(alpha, l1_ratio)
    intercept = flag("fit_intercept", fit_intercept)
    return Model(loss, loss_number(loss, loss_parameter), l2, l1, optimizer.rule, optimizer.mu, intercept)


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
        return secrets.randbits(63)
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


def make_patience(tol: float | None, patience: Any) -> int:
    """Return how many epochs without progress end the descent."""
    if patience is None:
        return PATIENCE
    if tol is None:
        raise ValueError(f"patience={shown(patience)} without tol has no effect; give tol, or leave patience out")
    return whole("patience", patience, 1)


def make_plan(problem: Problem, model: Model, learning_rate: Any, options: dict[str, Any], backend: str) -> Plan:
    """Return the Plan of fit's arguments."""
    n = problem.X.shape[0]
    batch_size = make_batch_size(options["batch_size"], n)
    shuffle = flag("shuffle", options["shuffle"])
    history = choice("history", options["history"], HISTORIES)
    epochs = whole("epochs", options["epochs"], 1, LARGEST_COUNT)
    tol = None if options["tol"] is None else real("tol", options["tol"], 0.0)
    W, b = start_values(problem, model.intercept, options["coef_init"], options["intercept_init"])
    return Plan(
        model=model,
        epochs=epochs,
        rates=make_rates(learning_rate, epochs),
        batch_size=batch_size,
        shuffle=shuffle,
        seed=make_seed(options["seed"], shuffle, batch_size, n),
        coef=W,
        intercept=b,
        objective=batch_size is None if history in ("auto", "none") else history == "objective",
        grid=make_grid(history, options["history_every"]),
        history_limit=whole("history_limit", options["history_limit"], 2),
        backend=backend,
        solver=choice("solver", options["solver"], SOLVERS),
        tol=tol,
        patience=make_patience(tol, options["patience"]),
        on_divergence=choice("on_divergence", options["on_divergence"], DIVERGENCE),
    )
