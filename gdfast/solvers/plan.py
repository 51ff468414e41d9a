"""The options of a fit as a Plan: every choice made, as numbers."""

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import floating, numeric_array, shown, vector
from gdfast.data.order import LARGEST_SHUFFLE
from gdfast.data.problem import Dimensions, Problem
from gdfast.options.callbacks import Callback
from gdfast.options.declarations import checked, options_given
from gdfast.options.learning_rates import LearningRates, make_learning_rates
from gdfast.options.model import Model, make_model, with_constraints
from gdfast.results.history import LogGrid, StepGrid
from gdfast.solvers.monitoring.stopping import PATIENCE, PlateauRate, StoppingRule

__all__ = [
    "Plan",
    "PlanOptions",
    "make_batch_size",
    "make_plan",
    "make_seed",
    "model_of",
    "plan_options",
    "read_options",
]

CHECKPOINT_SECONDS = 30.0
ROUNDING = 1e-6  # relative: between an intercept in the units of X and zero on standardized columns


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How the descent runs and what is kept of it."""

    model: Model
    epochs: int
    rates: LearningRates
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
    solver: Any  # as it was given: gdfast/solvers/select.py checks it
    given: frozenset[str]  # the options given that not every solver knows
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

    @property
    def stochastic(self) -> bool:
        """Whether an epoch has several updates."""
        return self.batch_size is not None

    def deadline(self, started: float) -> float:
        """Return when a call that began then must end, by the clock of time.perf_counter."""
        return math.inf if self.max_seconds is None else started + self.max_seconds

    def stopping_rule(self) -> StoppingRule | None:
        """Return what stops the descent where it makes no progress, or None."""
        return None if self.tol is None else StoppingRule(self.tol, self.patience)

    def plateau_rate(self) -> PlateauRate | None:
        """Return what lowers the rate where it makes no progress, or None."""
        return None if self.rates.plateau is None else PlateauRate(self.rates.plateau)


def start_values(
    data: Dimensions, intercept: bool, coef_init: Any, intercept_init: Any
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the start as new arrays (k, d) and (k,): zero where none is given."""
    k, d = data.k, data.d
    W, b = np.zeros((k, d), data.dtype), np.zeros(k)
    if coef_init is not None:
        shape = (k, d) if data.several else (d,)
        given = numeric_array("coef_init", coef_init)
        if given.shape != shape and not (k == 1 and given.shape == (1, d)):
            raise ValueError(
                f"coef_init has shape {given.shape}, and must have shape {shape}: one for each feature; start from a "
                "Run's coef, or leave it out to start from zero"
            )
        W[:] = floating("coef_init", given, W.dtype)
    if intercept_init is not None:
        b[:] = vector("intercept_init", np.ravel(numeric_array("intercept_init", intercept_init)), k, "output")
    size = abs(b)
    if data.scaling is not None:
        size = size + abs(W) @ abs(data.scaling.center)
        scaled, b = data.scaling.to_scaled(W, b)
        W = floating("coef_init", scaled, W.dtype)
    if intercept:
        return W, b
    if intercept_init is not None and (abs(b) > ROUNDING * size).any():
        zero = "zero" if data.scaling is None else "zero on the standardized columns"
        raise ValueError(f"intercept_init is not {zero}, but fit_intercept=False; leave it out, or fit the intercept")
    return W, np.zeros(k)


def make_batch_size(batch_size: int | None, data: Dimensions) -> int | None:
    """Return the size of a mini-batch, None for the full batch; in blocks a large one is each block."""
    if batch_size is None or (batch_size >= data.n > 1 and not data.in_blocks):
        return None
    return min(batch_size, LARGEST_SHUFFLE)


def make_seed(seed: int | None, batch_size: int | None, n: int) -> int:
    """Return the seed given, or a new one."""
    if batch_size is not None and n > LARGEST_SHUFFLE:
        raise ValueError(
            f"batch_size={batch_size}: X has {n} rows, and mini-batches take at most {LARGEST_SHUFFLE}; use None"
        )
    return int.from_bytes(os.urandom(8)) >> 1 if seed is None else seed


def make_grid(history: str, history_every: int | str) -> StepGrid | LogGrid | None:
    """Return the epochs to keep."""
    if history == "none":
        return None
    return LogGrid() if isinstance(history_every, str) else StepGrid(history_every)


def make_patience(tol: float | None, patience: int | None, validated: bool) -> int:
    """Return how many epochs without progress end the descent."""
    if patience is None:
        return PATIENCE
    if tol is None and not validated:
        raise ValueError(
            f"patience={shown(patience)} without tol or validation has no effect; give one of them, or leave it out"
        )
    return patience


def make_tol(tol: float | None, patience: int | None, validated: bool) -> float | None:
    """Return the progress below which an epoch counts as none, or None where nothing is watched."""
    return 0.0 if tol is None and validated and patience is not None else tol


def make_callback_every(every: int | None, callbacks: tuple[Callback, ...]) -> int | None:
    """Return after how many epochs callbacks are called, or None."""
    if every is not None and not callbacks:
        raise ValueError(f"callback_every={every} without callbacks has no effect; give callbacks, too")
    return every


def make_checkpoint(options: dict[str, Any]) -> tuple[int | None, float | None]:
    """Return after how many epochs and after how many seconds a checkpoint is written."""
    every, seconds = options["checkpoint_every"], options["checkpoint_seconds"]
    if options["checkpoint"] is None:
        for name in ("checkpoint_every", "checkpoint_seconds"):
            if options[name] is not None:
                raise ValueError(f"{name}={shown(options[name])} without checkpoint has no effect; give a path, too")
        return None, None
    return every, CHECKPOINT_SECONDS if every is None and seconds is None else seconds


class PlanOptions(NamedTuple):
    """What the options of a fit mean before its data are looked at; nothing in it is written to."""

    values: dict[str, Any]  # each in its own type
    model: Model  # without what needs the number of features
    rates: LearningRates | None  # None: "auto"
    fields: dict[str, Any]  # of the Plan, as far as the data do not change them


MODEL_OPTIONS = ("loss", "loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")
# Fields of a Plan that are the option of that name.
SAME = (
    "epochs",
    "shuffle",
    "history_limit",
    "record",
    "n_threads",
    "solver",
    "restore_best",
    "gradient_tol",
    "max_seconds",
    "on_divergence",
    "interrupt",
    "callbacks",
)
TUPLES = ("record", "callbacks")  # options that are empty tuples by default
PLAIN = frozenset({type(None), bool, int, float, str, tuple})  # types of options that a fit with equal ones shares


def read_options(options: dict[str, Any]) -> PlanOptions:
    """Return what fit's options mean, checked; equal plain ones, of many small fits, are checked once."""
    values = tuple(options.values())
    types = tuple(map(type, values))
    # A tuple that is not empty may hold what changes, or what equals another and is of another type.
    if PLAIN.issuperset(types) and types.count(tuple) == sum(options.get(name) == () for name in TUPLES):
        return read_plain_options(tuple(options), values, types)
    return plan_options(checked(options))


@lru_cache(64)
def read_plain_options(
    names: tuple[str, ...],
    values: tuple[Any, ...],
    types: tuple[type, ...],  # since 1, 1.0 and True are equal
) -> PlanOptions:
    """Return what options mean whose values never change."""
    return plan_options(checked(dict(zip(names, values, strict=True))))


def model_of(options: dict[str, Any]) -> Model:
    """Return the Model of checked options, without what needs the number of features."""
    return make_model(*[options[name] for name in MODEL_OPTIONS], optimizer=options["optimizer"])


def plan_options(options: dict[str, Any]) -> PlanOptions:
    """Return what checked options mean."""
    model = model_of(options)
    rate, validated = options["learning_rate"], options["validation"] is not None
    if isinstance(rate, str) and rate != "auto":
        raise ValueError(f'learning_rate={rate!r} must be a number above 0, a schedule, an array, a callable or "auto"')
    tol = make_tol(options["tol"], options["patience"], validated)
    patience = make_patience(tol, options["patience"], validated)
    if options["restore_best"] and not validated:
        raise ValueError("restore_best=True without validation has nothing to choose by; give validation, too")
    average = options["average"]
    checkpoint_every, checkpoint_seconds = make_checkpoint(options)
    fields = {name: options[name] for name in SAME} | {
        "grid": make_grid(options["history"], options["history_every"]),
        "given": options_given(options),
        "average_from": None if average is None else average.start,
        "average_gain": 0.0 if average is None else average.gain,
        "tol": tol,
        "patience": patience,
        "callback_every": make_callback_every(options["callback_every"], options["callbacks"]),
        "checkpoint_every": checkpoint_every,
        "checkpoint_seconds": checkpoint_seconds,
    }
    rates = None if isinstance(rate, str) else make_learning_rates(rate, options["epochs"])
    return PlanOptions(options, model, rates, fields)


def make_plan(
    data: Dimensions,
    options: PlanOptions,
    backend: str,
    seed: int | None = None,
    validation: Problem | None = None,
    validation_rows: NDArray[np.intp] | None = None,
) -> Plan:
    """Return the Plan of fit's options for data; "auto" stands at a rate of 1."""
    values = options.values
    batch_size, history = make_batch_size(values["batch_size"], data), values["history"]
    model = with_constraints(options.model, data.d, data.dtype, values)
    W, b = start_values(data, model.intercept, values["coef_init"], values["intercept_init"])
    if model.low is not None and model.high is not None:
        W[:] = np.clip(W, model.low, model.high)
    return Plan(
        model=model,
        rates=LearningRates(1.0) if options.rates is None else options.rates,
        batch_size=batch_size,
        seed=make_seed(values["seed"], batch_size, data.n) if seed is None else seed,
        coef=W,
        intercept=b,
        objective=batch_size is None if history in ("auto", "none") else history == "objective",
        backend=backend,
        validation=validation,
        validation_rows=validation_rows,
        **options.fields,
    )
