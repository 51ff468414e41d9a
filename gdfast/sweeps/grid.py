"""The runs of a sweep while they are made: read from the store, trained fold by fold, and written as passes end."""

import os
import time
import warnings
from typing import Any

import numpy as np

from gdfast._utils.interrupt import Interrupt
from gdfast.data.fingerprint import fingerprint
from gdfast.data.frames import NamedData
from gdfast.data.problem import Problem
from gdfast.data.summary import Summary
from gdfast.results.divergence import DivergenceWarning
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.diagnostics import level_of_caller
from gdfast.solvers.monitoring.progress import ProgressBar
from gdfast.solvers.plan import Plan
from gdfast.sweeps.configurations import Swept
from gdfast.sweeps.fits import Fitted, fit_together, fits
from gdfast.sweeps.folds import FoldParts, as_arrays, left_out_cost, make_folds, rows_of
from gdfast.sweeps.result import Sweep
from gdfast.sweeps.store import Finished, Store, key_of, open_store

__all__ = ["Grid"]

MOST_UNWRITTEN, WRITTEN_AFTER = 16, 0.5  # results that wait for the disk together, and seconds until they are written


class Grid:
    """A place for each configuration and fold, folds innermost."""

    def __init__(self, data: NamedData, swept: Swept, folds: Any, store: Any) -> None:
        if folds is not None and isinstance(data.X, Summary):
            what = "a Summary does not hold them" if data.X._blocks is None else "blocks are read a part at a time"
            raise ValueError(f"folds= needs the rows, and {what}; give X and y, or leave it out")
        self.swept = swept.names
        self.data = data if folds is None else as_arrays(data)
        self.folds = None if folds is None else make_folds(folds, len(self.data.X))
        self.store: Store | None = None
        if store is not None:
            self.fingerprint = fingerprint(data.X, data.y, data.sample_weight)
            self.store = open_store(store, self.fingerprint)
        self.unwritten: list[Finished] = []
        self.written = time.perf_counter()
        seed = self.seed()
        places: list[int | None] = [None] if self.folds is None else list(range(len(self.folds)))
        self.places = places * len(swept.configurations)
        self.configurations = [
            one if one["seed"] is not None else one | {"seed": seed} for one in swept.configurations for _ in places
        ]
        count = len(self.configurations)
        self.runs: list[Run | None] = [None] * count
        self.errors: list[Exception | None] = [None] * count
        self.validation_costs = [np.nan] * count
        self.stored = [False] * count
        self.stop_reason = StopReason.EPOCHS

    def seed(self) -> int:
        """Return the seed of configurations without one: a new one; with a store one that follows from the data."""
        drawn = os.urandom(8) if self.store is None else bytes.fromhex(self.fingerprint[:16])
        return int.from_bytes(drawn) >> 1

    def run(self, bar: ProgressBar) -> None:
        """Train what the store does not have, until Ctrl-C."""
        keys = self.read_store()
        with Interrupt() as interrupt:
            parts = None if self.folds is None else FoldParts(self.data, self.folds)
            for fold in [None] if self.folds is None else range(len(self.folds)):
                left = [i for i, place in enumerate(self.places) if place == fold and not self.stored[i]]
                if left and not interrupt.pressed:
                    self.train(fold, left, keys, parts, bar)
            if interrupt.pressed:
                self.stop_reason = StopReason.INTERRUPTED

    def train(
        self, fold: int | None, left: list[int], keys: list[str], parts: FoldParts | None, bar: ProgressBar
    ) -> None:
        """Train the configurations of a fold, or of all rows."""
        rows = None if self.folds is None or fold is None else self.folds[fold]
        data = self.data if rows is None else rows_of(self.data, rows.train)
        left_out = None if rows is None else rows_of(self.data, rows.test)
        plans: dict[int, tuple[Problem, Plan]] = {}
        known: dict[Any, Problem] = {}

        def prepared(place: int, problem: Problem, plan: Plan) -> None:
            plans[place] = problem, plan
            if parts is not None and fold is not None:
                parts.give(fold, problem, plan)

        try:
            for place, result in fits(data, [self.configurations[i] for i in left], prepared):
                i = left[place]
                if isinstance(result, Run):
                    try:
                        self.validation_costs[i] = (
                            last_validation_cost(result)
                            if left_out is None
                            else left_out_cost(result, *plans[place], left_out, known)
                        )
                    except ValueError as error:  # a label that the other rows do not have
                        result = error
                self.keep(i, result, keys)
                bar.show(
                    sum(run is not None or error is not None for run, error in zip(self.runs, self.errors, strict=True))
                )
        finally:
            self.write()

    def keep(self, i: int, result: Fitted, keys: list[str]) -> None:
        """Keep a result; write it to the store soon, unless Ctrl-C cut it off."""
        run, error = (result, None) if isinstance(result, Run) else (None, result)
        self.runs[i], self.errors[i] = run, error
        if self.store is None or (run is not None and run.stop_reason is StopReason.INTERRUPTED):
            return
        text = None if error is None else f"{type(error).__name__}: {error}"
        where = keys[i], self.configurations[i], self.places[i]
        self.unwritten.append(Finished(*where, run, self.validation_costs[i], text))
        if len(self.unwritten) >= MOST_UNWRITTEN or time.perf_counter() - self.written > WRITTEN_AFTER:
            self.write()

    def write(self) -> None:
        """Write to the store what is not yet there."""
        if self.store is not None and self.unwritten:
            self.store.add_all(self.unwritten)
        self.unwritten, self.written = [], time.perf_counter()

    def read_store(self) -> list[str]:
        """Take the runs that the store has; return the keys of all."""
        if self.store is None:
            return []
        keys = [key_of(one, fold) for one, fold in zip(self.configurations, self.places, strict=True)]
        finished = self.store.finished(keys)
        for i, key in enumerate(keys):
            if key in finished:
                self.runs[i], self.validation_costs[i] = finished[key]
                self.stored[i] = True
        return keys

    def warn_of_divergence(self) -> None:
        """Say once how many runs diverged, or ended with a cost far above that of the start."""
        bad = [
            run
            for run, stored in zip(self.runs, self.stored, strict=True)
            if not stored and run is not None and (run.stop_reason is StopReason.DIVERGED or run.start_cost is not None)
        ]
        if bad:
            text = f"{len(bad)} of {len(self.runs)} runs diverged or ended with a growing cost; try lower rates there"
            text += ", or standardize the features; .table['stop_reason'] and .growing say which"
            warnings.warn(text, DivergenceWarning, level_of_caller())

    def fit_on_all(self, configuration: dict[str, Any]) -> Run:
        """Return the run of a configuration on all rows."""
        (result,) = fit_together(self.data.X, self.data.y, self.data.sample_weight, [configuration])
        if isinstance(result, Exception):
            raise result
        return result

    def result(self) -> Sweep:
        """Return the Sweep."""
        found = Sweep(
            self.swept,
            self.configurations,
            self.places,
            self.runs,
            self.errors,
            self.validation_costs,
            self.stored,
            self.stop_reason,
        )
        found._fit_on_all = self.fit_on_all
        return found


def last_validation_cost(run: Run) -> float:
    """Return the validation cost of a run's coef: the last one, or the lowest with restore_best; NaN without any."""
    if run.settings["validation"] is None or "validation_cost" not in run.history:
        return np.nan
    column = run.history["validation_cost"]
    return float(np.nanmin(column) if run.settings["restore_best"] else column[-1])
