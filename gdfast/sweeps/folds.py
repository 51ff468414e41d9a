"""The folds of a sweep: rows to train on and rows left out, the cost on these, and parts that folds share."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, shown
from gdfast.backends import load
from gdfast.data.csr import features
from gdfast.data.frames import NamedData
from gdfast.data.problem import Problem, Shared, validation_problem
from gdfast.options.declarations import checked
from gdfast.results.run import Run
from gdfast.solvers.plan import Plan

__all__ = ["Fold", "FoldParts", "as_arrays", "left_out_cost", "make_folds", "rows_of"]


class Fold(NamedTuple):
    """The rows that are trained on, and those that are left out."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def make_folds(folds: Any, n: int) -> list[Fold]:
    """Return the folds of n rows: k of them one after another, or those given as (train, test)."""
    if isinstance(folds, (int, np.integer)) and not isinstance(folds, (bool, np.bool_)):
        if not 2 <= folds <= n:
            raise ValueError(f"folds={folds} must be from 2 to the {n} rows of X, or a list of (train, test)")
        rows = np.arange(n)
        parts = np.array_split(rows, folds)
        return [Fold(np.concatenate([rows[: part[0]], rows[part[-1] + 1 :]]), part) for part in parts]
    if isinstance(folds, (str, bytes)) or not isinstance(folds, Iterable):
        raise TypeError(f"folds={shown(folds)} must be a number of folds, or a list of (train, test)")
    found = []
    for place, pair in enumerate(folds):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"folds[{place}]={shown(pair)} must be a pair (train, test) of row numbers")
        found.append(Fold(*(row_numbers(f"folds[{place}][{i}]", rows, n) for i, rows in enumerate(pair))))
    if not found:
        raise ValueError("folds=[] holds no fold; give at least one (train, test), or leave it out")
    return found


def row_numbers(name: str, rows: Any, n: int) -> NDArray[np.intp]:
    """Return numbers of rows, or a mask of them, as numbers."""
    array = as_array(name, rows, "row numbers")
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "biu":
        raise ValueError(f"{name}={shown(rows)} must be a list of row numbers, at least one")
    if array.dtype.kind == "b":
        if len(array) != n:
            raise ValueError(f"{name} is a mask of {len(array)} rows, and X has {n}; give one value for each row")
        return np.flatnonzero(array)
    if array.min() < -n or array.max() >= n:
        row = array[(array < -n) | (array >= n)][0]
        raise ValueError(f"{name} holds row {row}, and X has {n} rows; give numbers from 0 to {n - 1}")
    return np.asarray(array, np.intp) % n


def as_arrays(data: NamedData) -> NamedData:
    """Return data whose rows can be taken by number, X as what `fit` makes of it."""
    X, y = features("X", data.X), as_array("y", data.y, "labels")
    weight = None if data.sample_weight is None else as_array("sample_weight", data.sample_weight)
    for name, array in (("y", y), ("sample_weight", weight)):
        if array is not None and array.shape[:1] != (len(X),):
            raise ValueError(f"{name} has shape {array.shape}, and X has {len(X)} rows; give one for each")
    return NamedData(X, y, weight, data.names)


def rows_of(data: NamedData, rows: NDArray[np.intp]) -> NamedData:
    """Return some rows of data that are arrays."""
    first, last = int(rows[0]), int(rows[-1])
    in_turn = last - first == len(rows) - 1 and bool((np.diff(rows) == 1).all())
    taken: Any = slice(first, last + 1) if in_turn else rows  # a slice is no copy
    weight = None if data.sample_weight is None else data.sample_weight[taken]
    return NamedData(data.X[taken], data.y[taken], weight, data.names)


def left_out_cost(run: Run, problem: Problem, plan: Plan, rows: NamedData, known: dict[Any, Problem]) -> float:
    """Return the mean loss of a Run on rows that it was not trained on, without penalty; `known` keeps problems."""
    loss = checked({"loss": run.settings["loss"]})["loss"]
    if (key := (loss, plan.model.c)) not in known:
        given = (rows.X, rows.y) if rows.sample_weight is None else (rows.X, rows.y, rows.sample_weight)
        known[key] = validation_problem(problem, loss, given, plan.model.c)
    left_out = known[key]
    model = replace(plan.model, l2=0.0, l1=0.0, factors=None)
    W, b = np.array(run.coef, ndmin=2), np.array(run.intercept, np.float64, ndmin=1)
    with closing(load(plan.backend).Kernels(left_out, model, True, plan.n_threads)) as kernels:
        return float(kernels.sums_at(W, b)[0] / len(left_out.X))


class FoldParts:
    """The rows of a squared error as the parts that folds leave out, so that what is made of each serves all folds.

    That needs folds whose left-out rows are all rows, each once.
    """

    def __init__(self, data: NamedData, folds: Sequence[Fold]) -> None:
        self.data, self.folds = data, folds
        n = len(data.y)
        tests = np.sort(np.concatenate([fold.test for fold in folds]))
        every = len(tests) == n and bool((tests == np.arange(n)).all())
        self.usable = every and all(len(fold.train) + len(fold.test) == n for fold in folds)
        self.parts: list[Problem] = []

    def give(self, fold: int, problem: Problem, plan: Plan) -> None:
        """Put the parts that a fold trains on into what the fits on its problem share, where that serves them."""
        if not self.usable or problem.shared is None or "parts" in problem.shared or problem.scaling is not None:
            return
        whole = len(problem.X) == len(self.folds[fold].train)  # no part of it is for validation
        if whole and plan.model.formulas.quadratic and not problem.dimensions.sparse and plan.batch_size is None:
            self.parts = self.parts or [self.part(one, problem.several) for one in self.folds]
            problem.shared["parts"] = [part for place, part in enumerate(self.parts) if place != fold]

    def part(self, fold: Fold, several: bool) -> Problem:
        """Return the rows that a fold leaves out, with their weights as they were given."""
        rows = rows_of(self.data, fold.test)
        weights = None if rows.sample_weight is None else np.asarray(rows.sample_weight, np.float64)
        return Problem(
            rows.X, np.asarray(rows.y, np.float64).reshape(len(rows.X), -1), weights, None, several, None, Shared()
        )
