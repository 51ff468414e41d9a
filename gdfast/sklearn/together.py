"""Fit all candidates of a search on one training fold: in shared passes, and behind shared steps of a pipeline."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

import gdfast
from gdfast._utils.arguments import refuse_masked
from gdfast.sklearn.base_gd import BaseGD, FitCall, TrainingRows
from gdfast.sklearn.gd import GDClassifier, GDRegressor
from gdfast.sklearn.internals import check_method_params, has_callbacks, safe_split
from gdfast.sklearn.sgd import SGDClassifier, SGDOneClassSVM, SGDRegressor
from gdfast.sweeps.sweep import fit_together

__all__ = ["FittedCandidate", "fit_candidates", "is_shareable", "plain_text", "with_fit_done"]

# Exact classes: a subclass may override anything.
SHARED_PASS = (GDRegressor, GDClassifier)
LAST_STEPS = (*SHARED_PASS, SGDRegressor, SGDClassifier, SGDOneClassSVM)


@dataclass(frozen=True)
class FittedCandidate:
    """A candidate fitted on a fold, and its part of the seconds that the shared fits took."""

    estimator: Any
    seconds: float

    @property
    def nbytes(self) -> int:
        """Size of the arrays of the last step, of which each candidate has its own."""
        return sum(getattr(value, "nbytes", 0) for value in vars(last_step(self.estimator)).values())


def is_shareable(estimator: Any) -> bool:
    """Return whether an estimator's candidates can share a pass, or the steps of a pipeline before the last one."""
    if type(estimator) is Pipeline:
        return bool(estimator.steps) and type(estimator.steps[-1][1]) in LAST_STEPS
    return type(estimator) in SHARED_PASS


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, or the estimator itself."""
    return estimator.steps[-1][1] if type(estimator) is Pipeline else estimator


def fit_candidates(
    estimator: Any, candidates: list[dict[str, Any]], X: Any, y: Any, train: Any, fit_params: dict[str, Any]
) -> list[FittedCandidate | None]:
    """Return each candidate fitted on the rows `train`; None for one that failed, or that cannot share its fit.

    scikit-learn then fits those one by one, and reports their errors.
    """
    train = np.asarray(train)
    X_train, y_train = safe_split(estimator, X, y, train)
    fit_params = check_method_params(X, params=fit_params, indices=train)
    found: list[FittedCandidate | None] = [None] * len(candidates)
    models = [model_of(estimator, candidate) for candidate in candidates]
    for group in groups_of(models, candidates):
        members = [models[i] for i in group]
        started = time.perf_counter()
        fitted = fit_group(members, X_train, y_train, fit_params)
        seconds = (time.perf_counter() - started) / max(1, sum(fitted))
        for i, model, done in zip(group, members, fitted, strict=True):
            found[i] = FittedCandidate(model, seconds) if done else None
    return found


def model_of(estimator: Any, candidate: dict[str, Any]) -> Any:
    """Return a new estimator with a candidate's parameters, as scikit-learn makes it; None where they are refused."""
    try:
        return clone(estimator).set_params(**clone(candidate, safe=False))
    except Exception:
        return None


def groups_of(models: list[Any], candidates: list[dict[str, Any]]) -> list[list[int]]:
    """Return the indices of the models, those together that differ in parameters of the last step alone."""
    groups: dict[Any, list[int]] = {}
    for i, (model, candidate) in enumerate(zip(models, candidates, strict=True)):
        if model is not None:
            of_last = f"{model.steps[-1][0]}__" if type(model) is Pipeline else ""
            others = {name: value for name, value in candidate.items() if not name.startswith(of_last)}
            key = tuple(sorted((name, plain_text(value) or id(value)) for name, value in others.items()))
            groups.setdefault((of_last, key), []).append(i)
    return list(groups.values())


def plain_text(value: Any) -> str | None:
    """Return a value as text, where copies of it, also in other processes, have the same; else None."""
    return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else None


def fit_group(models: list[Any], X: Any, y: Any, fit_params: dict[str, Any]) -> list[bool]:
    """Fit models that differ in parameters of the last step alone, and return for each whether that succeeded.

    The first one's `fit` brings the data and the arguments to its last step, as they would be for each of the others;
    there all last steps are fitted.
    """
    fitted = [False] * len(models)
    if type(last_step(models[0])) not in LAST_STEPS or has_callbacks(models[0]):
        return fitted
    last_steps = [last_step(model) for model in models]

    def fit_all(X: Any, y: Any = None, **fit_params: Any) -> None:
        fitted[:] = fit_last_steps(last_steps, X, y, fit_params, one_by_one=type(models[0]) is Pipeline)

    try:
        with replaced_fit(last_steps[0], fit_all):
            models[0].fit(X, y, **fit_params)
    except Exception:
        return [False] * len(models)
    for model in models[1:]:
        if type(model) is Pipeline:
            model.steps = [*models[0].steps[:-1], model.steps[-1]]
    return fitted


@contextmanager
def replaced_fit(estimator: Any, fit: Callable[..., Any]) -> Iterator[None]:
    """Replace the method `fit` of one estimator."""
    estimator.fit = fit
    try:
        yield
    finally:
        del estimator.fit


def fit_last_steps(models: list[Any], X: Any, y: Any, fit_params: dict[str, Any], one_by_one: bool) -> list[bool]:
    """Fit models of one class on the same data, with one_by_one those that cannot share a pass, too."""
    fitted = [False] * len(models)
    sharing = [i for i, model in enumerate(models) if can_share_a_pass(model)]
    for i, done in zip(sharing, fit_in_shared_passes([models[i] for i in sharing], X, y, **fit_params), strict=True):
        fitted[i] = done
    if one_by_one:
        for i in set(range(len(models))) - set(sharing):
            fitted[i] = tried(partial(type(models[i]).fit, models[i], X, y, **fit_params)) is not None
    return fitted


def can_share_a_pass(model: Any) -> bool:
    """Return whether a model may be fitted beside others: nothing of it writes, reports or stops by time."""
    return (
        type(model) in SHARED_PASS
        and model.checkpoint is None
        and model.max_seconds is None
        and not model.progress
        and isinstance(model.callbacks, (tuple, list))
        and not model.callbacks
    )


def tried(function: Callable[[], Any]) -> Any:
    """Return a function's value, or None where it raises."""
    try:
        return function()
    except Exception:
        return None


class CheckedData:
    """The data of a fold as the models check them, once for all models that may share the result."""

    def __init__(self, X: Any, y: Any, sample_weight: Any) -> None:
        refuse_masked(X=X, y=y, sample_weight=sample_weight)
        self.data = (X, y, sample_weight)
        self.known: list[tuple[tuple[Any, ...], TrainingRows]] = []

    def rows(self, model: BaseGD) -> TrainingRows:
        """Return the data as a model's `fit` checks them, and set its attributes that follow from them."""
        model._check_parameters()
        depends = model._rows_depend_on(self.data[1])
        for other, rows in self.known:
            if other == depends:
                for name, value in rows.attributes.items():
                    setattr(model, name, value)
                return rows
        self.known.append((depends, model._checked_rows(*self.data)))
        return self.known[-1][1]


@dataclass(frozen=True)
class Planned:
    """A model that is to be fitted, its data, and the calls of `gdfast.fit` that it takes."""

    model: BaseGD
    rows: TrainingRows
    calls: list[FitCall]


def fit_in_shared_passes(models: list[BaseGD], X: Any, y: Any, sample_weight: Any = None, **given: Any) -> list[bool]:
    """Fit models of one class as their `fit` would, and return for each whether that succeeded."""
    refuse_masked(**given)
    data = CheckedData(X, y, sample_weight)

    def plan(model: BaseGD) -> Planned:
        rows = data.rows(model)
        return Planned(model, rows, model._fit_calls(rows, **given))

    plans = [tried(partial(plan, model)) for model in models]
    runs = iter(runs_of([planned for planned in plans if planned is not None]))
    return [planned is not None and finish(planned.model, next(runs), given) for planned in plans]


def runs_of(plans: list[Planned]) -> list[list[gdfast.Run | Exception]]:
    """Return the runs of each plan; calls on the same rows, targets and weights are made together."""
    passes: dict[tuple[int, int, int], list[tuple[int, FitCall]]] = {}
    for number, planned in enumerate(plans):
        for call in planned.calls:
            key = (id(planned.rows.X), id(call.y), id(planned.rows.sample_weight))
            passes.setdefault(key, []).append((number, call))
    runs: dict[int, gdfast.Run | Exception] = {}
    for members in passes.values():
        number, call = members[0]
        rows, options = plans[number].rows, [call.options for _, call in members]
        shorter = [
            without_history(own) if is_seeded(plans[number].model) else own
            for own, (number, _) in zip(options, members, strict=True)
        ]
        results = fit_together(rows.X, call.y, rows.sample_weight, shorter)
        for place, (own, run) in enumerate(zip(options, results, strict=True)):
            if shorter[place] is not own and isinstance(run, gdfast.Run) and run.diverged_at is not None:
                results[place : place + 1] = fit_together(rows.X, call.y, rows.sample_weight, [own])
        runs |= {id(call): run for (_, call), run in zip(members, results, strict=True)}
    return [[runs[id(call)] for call in planned.calls] for planned in plans]


def without_history(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without the costs of epochs, which take a pass each in SGD, where nothing but them depends on it.

    Where training diverges the epoch does, so that such a fit is made again.
    """
    dependent = ("tol", "patience", "validation", "gradient_tol")
    fixed_rate = isinstance(options["learning_rate"], (str, int, float))
    needed = not fixed_rate or options["record"] or any(options[name] is not None for name in dependent)
    if needed or options["batch_size"] is None or options["on_divergence"] == "backtrack":
        return options
    return options if options["history"] == "none" else options | {"history": "none"}


def is_seeded(model: BaseGD) -> bool:
    """Tell whether a model's fit draws the same each time."""
    return isinstance(model.random_state, (int, np.integer))


def finish(model: BaseGD, runs: list[gdfast.Run | Exception], given: dict[str, Any]) -> bool:
    """Set the fitted attributes of a model, and return whether all its runs succeeded.

    A search keeps all its models until they are scored: none keeps its rows, and the history, which may be long, is
    left to `BaseGD._fit_postponed` where the same fit can be made again.
    """
    done = [run for run in runs if isinstance(run, gdfast.Run)]
    if len(done) < len(runs):
        return False
    model._set_fitted_attributes(done)
    if not is_seeded(model) and (model.batch_size is not None or given.get("validation") is not None):
        model._keep_runs(done, (None, None, None))
        model._leave_data()
    return True


def with_fit_done(model: Any) -> Any:
    """Return a fitted model whose next call of `fit` leaves it as it is."""
    model.fit = partial(fit_done, model)
    return model


def fit_done(model: Any, X: Any, y: Any = None, **fit_params: Any) -> Any:
    """Give the model of a search, in place of `fit`, what its history and its runs are made from when asked for."""
    del model.fit
    last = last_step(model)
    if isinstance(last, BaseGD) and "_history" not in vars(last):
        last._postponed = partial(fit_again, clone(model), X, y, fit_params)
    return model


def fit_again(model: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> Any:
    """Return the last step of a model that is fitted anew."""
    model.fit(X, y, **fit_params)
    return last_step(model)
