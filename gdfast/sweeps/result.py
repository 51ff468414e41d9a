"""The result of a sweep: its runs in order, a table of them, their costs, and the best one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import choice
from gdfast.results.run import Run
from gdfast.results.stop_reason import StopReason

__all__ = ["FAILED", "NOT_RUN", "Sweep"]

FAILED, NOT_RUN = "failed", "not run"  # in the place of a stop reason
BY = ("cost", "validation_cost")
NO_EPOCHS = np.empty(0, np.int64)
RECORDING = ("history", "history_every", "history_limit", "batch_size", "record", "validation")


@dataclass(eq=False)
class Sweep:
    """The result of `gdfast.sweep`: a run for each configuration and fold, in the order of the grid.

    A Sweep is made by `sweep`. It can be pickled; what is pickled holds no data. ``len(sweep)``, iteration and
    ``sweep.runs[i]`` go over the runs.

    Parameters
    ----------
    swept : list of str
        The arguments that were swept.
    configurations : list of dict
        All arguments of `fit` of each run.
    folds : list of int or None
        The fold of each run, None without folds.
    runs : list of Run or None
        The runs; None where the configuration failed, or was not reached before Ctrl-C.
    errors : list of Exception or None
        Why a configuration failed.
    validation_costs : list of float
        With folds the mean loss on the rows left out, else the last validation cost, NaN without validation.
    stored : list of bool
        Whether the run was read from the store.
    stop_reason : str
        "epochs" where all configurations were run, "interrupted" after Ctrl-C.

    See Also
    --------
    gdfast.sweep : Make one.

    Examples
    --------
    >>> import gdfast
    >>> X, y = [[-1.0], [0.0], [2.0]], [1.0, 2.0, 4.0]
    >>> result = gdfast.sweep(X, y, learning_rate=[0.05, 0.2], epochs=50)
    >>> len(result), [round(cost, 6) for cost in result.table["cost"]]
    (2, [0.011499, 0.0])
    """

    swept: list[str]
    configurations: list[dict[str, Any]]
    folds: list[int | None]
    runs: list[Run | None]
    errors: list[Exception | None]
    validation_costs: list[float]
    stored: list[bool]
    stop_reason: StopReason
    _fit_on_all: Any = field(default=None, init=False, repr=False)  # of a configuration, on all rows

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run | None]:
        return iter(self.runs)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: no data."""
        return vars(self) | {"_fit_on_all": None}

    def __repr__(self) -> str:
        done = sum(run is not None for run in self.runs)
        axes = ", ".join(self.swept) or "nothing"
        return f"<Sweep of {len(self)} runs over {axes}: {done} done, stop_reason={str(self.stop_reason)!r}>"

    @property
    def table(self) -> dict[str, list[Any]]:
        """A dict of equally long lists: a column for each argument swept, and what became of each run.

        "stop_reason" is "diverged" where a cost or a coefficient was no longer finite; `growing` lists the runs whose
        cost ended, finite, above 1,000 times J at the start.
        """
        table: dict[str, list[Any]] = {name: [one[name] for one in self.configurations] for name in self.swept}
        table["fold"] = list(self.folds)
        table["cost"] = [np.nan if run is None else run.cost for run in self.runs]
        table["validation_cost"] = list(self.validation_costs)
        table["epochs"] = [0 if run is None else run.epochs for run in self.runs]
        table["stop_reason"] = [
            str(run.stop_reason) if run is not None else NOT_RUN if error is None else FAILED
            for run, error in zip(self.runs, self.errors, strict=True)
        ]
        table["seconds"] = [np.nan if run is None else run.seconds for run in self.runs]
        table["solver"] = [None if run is None else run.solver for run in self.runs]
        table["stored"] = list(self.stored)
        return table

    @property
    def growing(self) -> list[bool]:
        """Of each run, whether its cost ended, finite, above 1,000 times J at the start."""
        return [run is not None and run.start_cost is not None for run in self.runs]

    def to_pandas(self) -> Any:
        """Return `table` as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each run.

        Raises
        ------
        ImportError
            If pandas is not available.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError('to_pandas needs pandas; pip install "gdfast[cli]", or use .table') from error
        return pd.DataFrame(self.table)

    def to_arrow(self) -> Any:
        """Return `table` as a pyarrow Table; what Arrow has no type for is written as text.

        Returns
        -------
        pyarrow.Table
            One row for each run.

        Raises
        ------
        ImportError
            If pyarrow is not available.
        """
        try:
            import pyarrow as pa
        except ImportError as error:
            raise ImportError('to_arrow needs pyarrow; pip install "gdfast[cli]", or use .table') from error
        columns = {}
        for name, values in self.table.items():
            try:
                columns[name] = pa.array(values)
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
                columns[name] = pa.array([None if value is None else str(value) for value in values])
        return pa.table(columns)

    @property
    def cost_epochs(self) -> NDArray[np.int64]:
        """The epochs that any run recorded, in rising order, shape (n_epochs,)."""
        recorded = list(recorded_epochs(self.runs).values())
        return recorded[0].copy() if len(recorded) == 1 else np.unique(np.concatenate([NO_EPOCHS, *recorded]))

    @property
    def costs(self) -> NDArray[np.float64]:
        """The costs of each run at `cost_epochs`, NaN where it has none, shape (len(sweep), n_epochs)."""
        recorded, epochs = recorded_epochs(self.runs), self.cost_epochs
        costs = np.empty((len(self), len(epochs)))
        for row, run in zip(costs, self.runs, strict=True):
            own = None if run is None else recorded[recording(run)]
            if own is None or len(own) < len(epochs):
                row.fill(np.nan)
            if run is not None and own is not None:
                whole = len(own) == len(epochs)
                costs_of_run = costs_of(run, row if whole else None)
                if costs_of_run is not row:
                    row[slice(None) if whole else np.searchsorted(epochs, own)] = costs_of_run
        return costs

    def best(self, by: str = "cost") -> Run:
        """Return the run of the lowest cost; with folds the configuration of the lowest mean, fitted on all rows.

        Runs that failed or diverged, and those whose cost is NaN, are left out; with folds every fold must be there.

        Parameters
        ----------
        by : {"cost", "validation_cost"}, default "cost"
            The column of `table`.

        Returns
        -------
        Run
            The best run.

        Raises
        ------
        ValueError
            If there is no such run, or a Sweep with folds was unpickled.
        """
        column = self.table[choice("by", by, BY)]
        usable = [
            value if run is not None and run.stop_reason is not StopReason.DIVERGED else np.nan
            for value, run in zip(column, self.runs, strict=True)
        ]
        values = np.array(usable, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        several = max((fold or 0 for fold in self.folds), default=0) + 1
        means = values.reshape(-1, several).mean(axis=1)
        if np.isnan(means).all():
            raise ValueError(f"best(by={by!r}): no run has a finite {by} and neither failed nor diverged; see .table")
        place = int(np.nanargmin(means)) * several
        run = self.runs[place]
        if self.folds[place] is None and run is not None:
            return run
        if self._fit_on_all is None:
            raise ValueError("best() of folds fits on all rows, which an unpickled Sweep does not have; sweep again")
        fitted: Run = self._fit_on_all(self.configurations[place])
        return fitted

    def plot(self, ax: Any = None) -> Any:
        """Draw the cost of each run over the epochs.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        from gdfast.sweeps.pictures import plot_costs

        return plot_costs(self, ax)

    def plot_grid(self, x: str, y: str, ax: Any = None, by: str | None = None) -> Any:
        """Draw a final cost over two arguments as a heat map; runs that diverged, are growing or failed are marked.

        Parameters
        ----------
        x, y : str
            Two of the arguments that were swept. Over others, and over folds, the lowest mean cost is drawn.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        by : {"cost", "validation_cost"}, optional
            The column of `table`. By default "validation_cost" where a run has one, else "cost", which overfitting
            lowers.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        ValueError
            If an argument was not swept, or by="validation_cost" and no run has one.
        """
        from gdfast.sweeps.pictures import plot_grid

        return plot_grid(self, x, y, ax, *final_costs(self, by))

    def plot_parallel(self, ax: Any = None, by: str | None = None) -> Any:
        """Draw each run as a line across an axis for each argument swept, coloured by its cost.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        by : {"cost", "validation_cost"}, optional
            The column of `table`. By default "validation_cost" where a run has one, else "cost", which overfitting
            lowers.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        ValueError
            If by="validation_cost" and no run has one.
        """
        from gdfast.sweeps.pictures import plot_parallel

        return plot_parallel(self, ax, *final_costs(self, by))


def final_costs(sweep: Sweep, by: str | None) -> tuple[list[float], str]:
    """Return the costs of the runs that a picture shows, NaN where there is none, and what they are called."""
    validated = not np.isnan(sweep.validation_costs).all()
    name = choice("by", by, BY) if by is not None else BY[validated]
    if name == BY[1] and not validated:
        raise ValueError(f"by={by!r}: no run has a validation cost; sweep with folds= or validation=, or use by='cost'")
    return sweep.table[name], f"final {name.replace('_', ' ')}"


def costs_of(run: Run, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return a run's costs, perhaps in `out`, without having it keep what it would make of them."""
    return run.costs if "costs" in vars(run) or run.history_source is None else run.history_source.costs(out)


def recorded_epochs(runs: list[Run | None]) -> dict[Any, NDArray[np.int64]]:
    """Return the epochs recorded by runs, of those that record alike once."""
    found: dict[Any, NDArray[np.int64]] = {}
    for run in runs:
        if run is not None and recording(run) not in found:
            found[recording(run)] = run.cost_epochs
    return found


def recording(run: Run) -> Any:
    """Return what decides which epochs a run has recorded."""
    return run.epochs, run.stop_reason, *(repr(run.settings[name]) for name in RECORDING)
