"""partial_fit of GDRegressor and GDClassifier: one epoch of the loop on the rows of a call, from call to call."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, shown
from gdfast.data.csr import Features
from gdfast.data.problem import Problem, given_weights, has_missing, known_labels, targets, unmixed
from gdfast.data.scaling import Scaling
from gdfast.options.declarations import DEFAULTS, checked
from gdfast.options.schedules import ReduceOnPlateau
from gdfast.results.divergence import DivergenceError, DivergenceWarning
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.base import Solver
from gdfast.solvers.diagnostics import level_of_caller, limit_of
from gdfast.solvers.plan import Plan, model_of
from gdfast.solvers.prepare import prepare_plan
from gdfast.solvers.select import SOLVERS
from gdfast.solvers.training import run_on_rows

__all__ = [
    "PartialRows",
    "Progress",
    "check_coefficients",
    "class_targets",
    "known_classes",
    "progress_of_runs",
    "regression_targets",
    "train_on",
]

# Parameters of `fit` alone, which a call ignores: rules of when to stop, and what is recorded of the epochs.
LEFT_OUT = ("tol", "patience", "gradient_tol", "max_seconds", "history", "history_every", "record", "progress")
# Parameters that a call cannot follow, and whose silence would mislead.
REFUSED = {
    "callbacks": "act between the calls",
    "checkpoint": "pickle the estimator between the calls",
    "restore_best": "score rows between the calls; the validation rows that it needs are taken by fit alone",
}
# Parameters on which the state of a training depends.
FIXED = ("loss", "optimizer", "average", "fit_intercept", "standardize")
ANEW = "fit anew, with coef_init and intercept_init to start from coefficients of yours, or clone the estimator"


class PartialRows(NamedTuple):
    """The checked rows of a call."""

    X: Features
    targets: list[NDArray[np.float64]]  # (n, k) of each problem
    sample_weight: Any
    several: bool  # whether coef has a row for each of the k outputs


@dataclass(frozen=True)
class Training:
    """What the training of one problem has reached, and what its first call found."""

    seed: int
    state: dict[str, Any] | None = None  # a snapshot of the loop's State; None before the first call
    scaling: Scaling | None = None  # of the columns, by the rows of a fit before
    rate: float | None = None  # that "auto" is


@dataclass(frozen=True)
class Progress:
    """What an estimator has reached by `fit` and `partial_fit`; nothing in it is written to."""

    calls: int  # of partial_fit
    fixed: dict[str, Any]  # the parameters that must stay as they are
    trainings: list[Training]
    coef: NDArray[Any]  # of all problems, as the estimator was left
    intercept: NDArray[Any]


class Outcome(NamedTuple):
    """The result of a call for one problem, with the names of a Run's attributes."""

    coef: Any
    intercept: Any
    epochs: int
    stop_reason: StopReason


def train_on(estimator: Any, rows: PartialRows, before: Progress | None) -> tuple[Progress, list[Outcome]]:
    """Train for one epoch on the rows of a call, and return what is reached, and the new coefficients."""
    calls = 1 if before is None else before.calls + 1
    options = options_of_call(estimator, calls)
    fixed = fixed_parameters(options)
    trainings, outcomes = [], []
    for Y, start in zip(rows.targets, starts_of(estimator, rows, fixed, before), strict=True):
        problem = problem_of(rows, Y, start.scaling)
        plan = plan_of_call(problem, options, start)
        result = run_on_rows(problem, plan, start.state)
        if result.stop_reason is StopReason.DIVERGED:
            report_divergence(problem, result.solver)
        rate = plan.rates.constant if is_auto(options["learning_rate"]) else start.rate
        trainings.append(Training(start.seed, result.state, problem.scaling, rate))
        outcomes.append(Outcome(result.coef, result.intercept, calls, result.stop_reason))
    return Progress(calls, fixed, trainings, *coefficients(outcomes)), outcomes


def coefficients(results: Sequence[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return copies of the coefficients and intercepts of several results, one below the other."""
    return np.vstack([result.coef for result in results]), np.hstack([result.intercept for result in results])


def starts_of(estimator: Any, rows: PartialRows, fixed: dict[str, Any], before: Progress | None) -> list[Training]:
    """Return where each problem starts; at the first call the seeds are drawn."""
    if before is None:
        return [Training(seed) for seed in estimator._draw_seeds(len(rows.targets))]
    for name, value in fixed.items():
        if value != before.fixed[name]:
            raise ValueError(
                f"{name}={value!r} was {before.fixed[name]!r} at the last call of fit or partial_fit, and training "
                f"goes on from there; set it back, or {ANEW}"
            )
    outputs = [len(start.state["W"]) for start in before.trainings if start.state is not None]
    if outputs != [Y.shape[1] for Y in rows.targets]:
        raise ValueError(
            f"y has {rows.targets[0].shape[1]} columns, and had {outputs[0]} at the last call of fit or partial_fit; "
            f"give as many, or {ANEW}"
        )
    return before.trainings


def options_of_call(estimator: Any, calls: int) -> dict[str, Any]:
    """Return the arguments of `gdfast.fit` that a call follows, checked; it is epoch number `calls`, from 1."""
    options = checked(DEFAULTS | estimator._fit_options(None))
    for name, reason in REFUSED.items():
        if options[name]:
            raise ValueError(
                f"{name}={shown(getattr(estimator, name))} is not possible with partial_fit; use "
                f"{name}={DEFAULTS[name]!r}, and {reason}"
            )
    if options["on_divergence"] == "backtrack":
        raise ValueError("on_divergence='backtrack' is not possible with partial_fit; use 'warn' or 'raise'")
    if options["solver"] not in ("auto", "loop"):
        raise ValueError(
            f"solver={shown(options['solver'])} is not possible with partial_fit, which takes other rows in each "
            "epoch; use 'auto' or 'loop'"
        )
    if isinstance(options["learning_rate"], ReduceOnPlateau):
        raise ValueError(
            f"learning_rate={options['learning_rate']!r} is not possible with partial_fit: it compares costs, and "
            "those of other rows are no progress; use a number or another schedule"
        )
    return options | {name: DEFAULTS[name] for name in LEFT_OUT} | {"epochs": calls}


def fixed_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return what the state of a training depends on, of checked options."""
    loss, average = options["loss"], options["average"]
    return {name: options[name] for name in FIXED} | {
        "loss": loss if isinstance(loss, str) else loss.name,
        "optimizer": options["optimizer"].rule,
        "average": None if average is None else tuple(average),
    }


def problem_of(rows: PartialRows, Y: NDArray[np.float64], scaling: Scaling | None) -> Problem:
    """Return the rows as a Problem, with their weights as they are, on the columns that a fit before has scaled."""
    weights = given_weights(rows.sample_weight, len(Y))
    weights = None if weights is None else np.ascontiguousarray(weights)
    problem = Problem(rows.X, np.ascontiguousarray(Y), weights, None, rows.several)
    return problem if scaling is None else problem.standardized(scaling)


def plan_of_call(problem: Problem, options: dict[str, Any], start: Training) -> Plan:
    """Return the Plan of a call, which is its last epoch."""
    if options["standardize"] and problem.scaling is None:
        raise ValueError(
            "standardize=True is not possible with partial_fit before a fit: the first rows do not tell the means and "
            "deviations of the columns; fit once, or scale X by sklearn.preprocessing.StandardScaler"
        )
    options = options | {"seed": start.seed}
    if is_auto(options["learning_rate"]) and start.rate is not None:
        options["learning_rate"] = start.rate
    plan, size = prepare_plan(problem, options), options["batch_size"]
    # Also where a batch holds all rows steps are counted as those of mini-batches; and one row does not make it SGD.
    size = None if size is None else min(size, max(2, problem.dimensions.n))
    return replace(plan, batch_size=size, objective=False, grid=None)


def is_auto(learning_rate: Any) -> bool:
    """Return whether the rate is found from the rows."""
    return isinstance(learning_rate, str) and learning_rate == "auto"


def report_divergence(problem: Problem, solver: Solver) -> None:
    """Warn that a call diverged, and from which rate on it would; or raise, if that was asked for."""
    plan, rate = solver.plan, solver.plan.rates.constant
    limit = None if rate is None else limit_of(problem, solver)
    at = "" if rate is None else f" at learning_rate={rate:.6g}"
    stable = limit is not None and rate is not None and rate > limit
    lower = f"a rate below {limit:.4g}, the largest stable one," if stable else "a lower rate"
    text = (
        f"training diverged in call {plan.epochs} of partial_fit{at}; the coefficients from before this call are kept. "
        f"Try {lower} or standardize the features"
    )
    if plan.on_divergence == "raise":
        raise DivergenceError(text)
    warnings.warn(text, DivergenceWarning, stacklevel=level_of_caller())


def progress_of_runs(runs: Sequence[Run]) -> Progress:
    """Return what an estimator has reached by `fit`, from its runs in memory."""
    trainings = [Training(run.seed, SOLVERS[run.solver].end_state(run), run.data.problem.scaling) for run in runs]
    settings = {name: runs[0].settings.get(name, DEFAULTS[name]) for name in FIXED}
    return Progress(0, fixed_parameters(checked(settings)), trainings, *coefficients(runs))


def check_coefficients(estimator: Any, progress: Progress) -> None:
    """Raise ValueError where an estimator's coefficients are not those that its last training left."""
    coef, intercept = np.atleast_2d(estimator.coef_), np.atleast_1d(estimator.intercept_)
    if not (np.array_equal(coef, progress.coef) and np.array_equal(intercept, progress.intercept)):
        raise ValueError(
            "coef_ or intercept_ was changed since the last call of fit or partial_fit, and training goes on from the "
            f"state that this call left; set them back, or {ANEW}"
        )


def known_classes(classes: Any) -> NDArray[Any]:
    """Return the labels of `classes` in sorted order."""
    array = as_array("classes", classes, "labels")
    if array.ndim != 1 or has_missing(array):
        raise ValueError(f"classes={shown(classes)} must be a list of the labels of all calls")
    try:
        found = np.unique(unmixed(array, classes))
    except TypeError:
        raise TypeError(
            f"classes={shown(classes)} holds labels of several types; make them all strings or numbers"
        ) from None
    if len(found) < 2:
        raise ValueError(f"The number of classes has to be greater than one; classes={shown(classes)} has {len(found)}")
    return found


def class_targets(classes: NDArray[Any], y: Any, coupled: bool) -> list[NDArray[np.float64]]:
    """Return the targets of each problem: one for two classes or softmax, else each class against all others."""
    if coupled or len(classes) == 2:
        return [known_labels(classes, y, len(y), coupled)]
    own = known_labels(classes, y, len(y), True)
    return [2.0 * own[:, [i]] - 1.0 for i in range(len(classes))]


def regression_targets(estimator: Any, y: Any) -> NDArray[np.float64]:
    """Return the targets of a regression (n, k), checked for what the loss allows."""
    model = model_of(checked(DEFAULTS | estimator._fit_options(None)))
    return targets(y, len(y), model.loss, model.formulas, model.c)
