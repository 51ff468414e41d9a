"""The result of a fit: coefficients, costs, and why training ended."""

import os
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import whole
from gdfast._utils.cached_property import cached_property
from gdfast._utils.storage import file_name
from gdfast.results.history import HistorySource, Recorded
from gdfast.results.linear_model import LinearModel
from gdfast.results.path_parts import PathPart, path_parts
from gdfast.results.run_fields import check_run
from gdfast.results.run_file import NotSaved, as_arrays, read_file, run_fields, without_functions, write_file
from gdfast.results.stop_reason import StopReason
from gdfast.results.trend import FIRST_SENTENCE, TREND_ADVICE, growing, trend_of

__all__ = ["Point", "Run"]


class Point(NamedTuple):
    """Coefficients, intercept and cost after an epoch."""

    coef: NDArray[Any]
    intercept: Any
    cost: float


class DataInMemory(Protocol):
    """What a Run has of its data while it is in the process that trained it."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of X, y and sample_weight."""

    def objective(self, coef: Any, intercept: Any) -> float:
        """Return J at a coef and an intercept."""


def in_memory(column: NDArray[Any]) -> NDArray[Any]:
    """Return a column of the history as an array that other processes can read: a memory map belongs to this one."""
    return np.array(column) if isinstance(column, np.memmap) else column


@dataclass(frozen=True, eq=False, repr=False)
class Run(LinearModel):
    """The result of `gdfast.fit`.

    Every parameter is an attribute of the same name. A Run is made by `fit`, `resume` and `load`. It can be pickled
    and copied. A copy holds no data, like a Run that was loaded from a file: `resume` is given them again.

    Parameters
    ----------
    coef : ndarray of shape (n_features,) or (n_outputs, n_features)
        The coefficients, in the dtype of X.
    intercept : float or ndarray of shape (n_outputs,)
        The intercept, 0 with fit_intercept=False (and standardize=False).
    epochs : int
        Number of whole epochs done.
    steps : int
        Number of updates done.
    seconds : float
        Duration of the training in seconds.
    stop_reason : StopReason
        Why training ended.
    diverged_at : int or None
        The last epoch whose state was not finite, None without one.
    solver : str
        The solver, "closed_form", "collocation" or "loop".
    backend : str
        The backend, "cython", "numba" or "numpy".
    seed : int
        The seed of the sample order, drawn if none was given.
    learning_rate : float or None
        The rate used, also where "auto" chose it; None where it changes.
    settings : dict
        The arguments of fit, without the data.
    classes : ndarray, optional
        The labels of a classification in sorted order; of two the last one is positive. None for a regression.
    feature_names : tuple of str, optional
        The names of X's columns. None where X was an array.
    last : tuple, optional
        The last iterate (coef, intercept), where averaging or restore_best makes `coef` another.
    best_epoch : int, optional
        The epoch of the lowest validation cost.
    validation_rows : ndarray, optional
        The rows of X used for validation, where validation was a fraction.
    extra : dict, default {}
        Entries that the command line keeps beside the Run in its file.
    state : dict, default {}
        The state of the solver that `resume` starts from: numbers, arrays, and lists and dicts of them.
    known_cost : float, optional
        The value of `cost`, where it is known.
    known_fingerprint : str, optional
        The fingerprint of the data, where it is known.
    start_cost : float, optional
        J at the start, if the cost has grown beyond 1,000 times that.
    known_file : str, optional
        The file that the Run was loaded from.
    history_source : HistorySource, optional
        The source of `history`.
    data : object, optional
        The data that the Run was trained on, in memory. A loaded, unpickled or copied Run has none.

    Attributes
    ----------
    cost : float
        The objective J at `coef` and `intercept`.
    costs : ndarray
        The cost of each recorded epoch. With history "objective" it is J after 0, 1, ... epochs; with "running" the
        mean over epoch 1, 2, ... of each sample's loss just before its own update, without the penalty.
    cost_epochs : ndarray
        The epochs that `costs` belong to.
    history : dict of ndarray
        The recorded epochs as equally long columns: "epoch", "cost", "validation_cost" with validation, and
        what `record` names. All but validation_cost are of the iterate, also where `coef` is a mean of iterates.
    last_coef : ndarray
        The coefficients of the last iterate.
    last_intercept : float or ndarray
        The intercept of the last iterate.
    loss : str
        The name of the loss.
    collocation : list of named tuples, or None
        With solver "collocation" the parts of the path, in order. The fields are first and last, the epochs from
        which and up to which it goes; by, "collocation" or "loop"; passes, over the rows; residual, the largest
        that was verified, in units of rounding, NaN for the loop. None for other solvers.
    advice : str
        A sentence on why training ended and what to try next.

    Examples
    --------
    >>> import gdfast
    >>> run = gdfast.fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0], epochs=2000)
    >>> run.predict([[4.0]]).round(3)
    array([9.])
    >>> len(run.costs)
    2001
    """

    coef: NDArray[Any]
    intercept: Any
    epochs: int
    steps: int
    seconds: float
    stop_reason: StopReason
    diverged_at: int | None
    solver: str
    backend: str
    seed: int
    learning_rate: float | None
    settings: dict[str, Any]
    classes: NDArray[Any] | None = None
    feature_names: tuple[str, ...] | None = None
    last: tuple[NDArray[Any], Any] | None = None  # the iterate, where it is not coef
    best_epoch: int | None = None
    validation_rows: NDArray[np.intp] | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # what an entry point keeps beside the run in its file
    state: dict[str, Any] = field(default_factory=dict)
    known_cost: float | None = None
    known_fingerprint: str | None = None
    start_cost: float | None = None
    known_file: str | None = None
    history_source: HistorySource | None = None
    data: Any = None  # a DataInMemory

    @cached_property
    def cost(self) -> float:
        """The objective J at coef and intercept."""
        if self.known_cost is not None or self.data is None:
            return np.nan if self.known_cost is None else self.known_cost
        return float(self.data.objective(self.coef, self.intercept))

    @cached_property
    def costs(self) -> NDArray[np.float64]:
        """The cost of each recorded epoch."""
        return np.empty(0) if self.history_source is None else self.history_source.costs()

    @cached_property
    def cost_epochs(self) -> NDArray[np.int64]:
        """The epochs that costs belong to."""
        return np.empty(0, dtype=np.int64) if self.history_source is None else self.history_source.epochs()

    @cached_property
    def history(self) -> dict[str, NDArray[Any]]:
        """The recorded epochs as a dict of equally long arrays: "epoch", "cost" and the other columns recorded."""
        table = {} if self.history_source is None else self.history_source.table()
        return {**table, "epoch": self.cost_epochs, "cost": self.costs}

    @cached_property
    def fingerprint(self) -> str | None:
        """The fingerprint of the data: a hash of every value, shape and dtype."""
        if self.known_fingerprint is not None or self.data is None:
            return self.known_fingerprint
        return str(self.data.fingerprint)

    @cached_property
    def _solver_at_end(self) -> Any:
        import gdfast  # whose solvers import this class

        return gdfast._solver_at_end(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle and a copy hold: the data stay here, and what is made of them is made first."""
        columns = {name: in_memory(column) for name, column in self.history.items()}
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.validation_rows is not None:
            kept["validation_rows"] = np.packbits(np.bincount(self.validation_rows).astype(bool))  # a bit for each row
        return kept | {
            "settings": without_functions(self.settings),
            "known_cost": self.cost,
            "known_fingerprint": self.fingerprint,
            "history_source": None if self.history_source is None else Recorded(columns),
            "data": None,
        }

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Take what `__getstate__` returned."""
        vars(self).update(kept)
        if kept["validation_rows"] is not None:
            vars(self)["validation_rows"] = np.flatnonzero(np.unpackbits(kept["validation_rows"]))

    def to_pandas(self) -> Any:
        """Return `history` as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each recorded epoch.

        Raises
        ------
        ImportError
            If pandas is not available.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError('to_pandas needs pandas; pip install "gdfast[cli]", or use .history') from error
        return pd.DataFrame(
            {name: column if column.ndim == 1 else list(column) for name, column in self.history.items()}
        )

    @property
    def advice(self) -> str:
        """A sentence on why training ended and what to try next."""
        if self.start_cost is not None:
            return growing(self.cost, self.start_cost)
        trend = trend_of(self.costs) if self.stop_reason in FIRST_SENTENCE else None
        return self.stop_reason.advice if trend is None else f"{FIRST_SENTENCE[self.stop_reason]} {TREND_ADVICE[trend]}"

    @property
    def collocation(self) -> list[PathPart] | None:
        """The parts of the path by solver "collocation"; None for other solvers."""
        kept = self.state.get("collocation")
        return None if kept is None else path_parts(kept["stretches"], self.epochs)

    @property
    def last_coef(self) -> NDArray[Any]:
        """The coefficients of the last iterate."""
        return self.coef if self.last is None else self.last[0]

    @property
    def last_intercept(self) -> Any:
        """The intercept of the last iterate."""
        return self.intercept if self.last is None else self.last[1]

    def at(self, epoch: int) -> Any:
        """Return coef, intercept and cost after an epoch.

        With solver "closed_form" any epoch is possible, also one past the last; with "collocation" any up to the last,
        of a loaded, unpickled or copied Run those that `collocation` says were computed so. Else it must be an epoch
        recorded by a fit with record="coef".

        Parameters
        ----------
        epoch : int
            Number of epochs done, at least 0. Where learning_rate is a callable, a loaded, unpickled or copied Run
            knows the rates up to its last epoch.

        Returns
        -------
        named tuple
            The fields are coef, intercept and cost.

        Raises
        ------
        ValueError
            If the state after this epoch is not known, or the epoch is past an array of rates.
        """
        epoch = whole("epoch", epoch, 0, 2**53)
        point = None if self._solver_at_end is None else self._solver_at_end.at(epoch)
        if point is not None:
            return point
        if "coef" in self.history:
            place = np.flatnonzero(self.cost_epochs == epoch)
            if len(place):
                coef, intercept, cost = (self.history[name][place[0]] for name in ("coef", "intercept", "cost"))
                return Point(
                    coef.copy(), float(intercept) if np.ndim(intercept) == 0 else intercept.copy(), float(cost)
                )
            raise ValueError(f"at(epoch={epoch}): that epoch was not recorded; the recorded ones are in cost_epochs")
        raise ValueError(
            f"at(epoch={epoch}) needs the path, and this Run has solver {self.solver!r} and no recorded coefficients"
            + '; fit with record="coef", with solver="closed_form" or "collocation" where they apply, or for as many '
            + "epochs"
        )

    def resume(self, epochs: int, X: Any = None, y: Any = None, sample_weight: Any = None, **again: Any) -> "Run":
        """Train for more epochs and return a new Run; this one stays as it is.

        After the stop reasons epochs, max_seconds and interrupted the result is equal, to the bit, to one fit over all
        the epochs; with solver "collocation", which may take other stretches of the path to a later last epoch, to
        rounding. After tol, gradient, validation or callback training resumes from last_coef, with the counts of the
        stopping rules reset.

        Parameters
        ----------
        epochs : int
            Number of epochs beyond those done, at least 1. An epoch that was cut off is finished first.
        X : array-like, frame or sparse matrix, optional
            The features again, a frame's columns in any order, for a loaded, unpickled or copied Run of solver "loop"
            or "collocation". Every value, shape and dtype must be the same.
        y : array-like or str, optional
            The targets again, likewise; or the name of X's column that holds them.
        sample_weight : array-like or str, optional
            The weights again, likewise.
        **again
            Arguments of fit that a file cannot hold: learning_rate (a callable), callbacks, loss (a `gdfast.Loss`); and
            progress, max_seconds, interrupt, callback_every.

        Returns
        -------
        Run
            The result with the whole history, as one fit over all the epochs would have it.

        Raises
        ------
        TypeError
            If `again` names another argument of fit.
        ValueError
            If a loaded, unpickled or copied Run is not given its data, the fingerprint of the data is another, or an
            array of rates is too short.

        Examples
        --------
        >>> import gdfast
        >>> run = gdfast.fit([[1.0], [2.0]], [1.0, 3.0], epochs=10).resume(20)
        >>> run.epochs, len(run.costs)
        (30, 31)
        """
        import gdfast  # whose resume imports this class

        return gdfast.resume(self, X, y, sample_weight=sample_weight, epochs=epochs, **again)

    def plot(self, ax: Any = None, **line: Any) -> Any:
        """Draw the costs over the epochs by `gdfast.plots.cost_curve`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        **line
            Other arguments of `gdfast.plots.cost_curve`.

        Returns
        -------
        matplotlib.axes.Axes
            The Axes drawn on.

        Raises
        ------
        ImportError
            If matplotlib is not available.
        ValueError
            If there is no finite cost.
        """
        import gdfast

        return gdfast.plots.cost_curve(self, ax=ax, **line)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the Run to one .npz file at exactly that path, without pickle.

        The file is written under another name and then renamed, so an existing file is replaced whole or not at all.
        It keeps its permissions, and a symbolic link its target. The file holds what `resume` needs, except the data
        and functions.

        Parameters
        ----------
        path : path-like
            The file; its folder must exist.

        Raises
        ------
        OSError
            If the file cannot be written.
        TypeError
            If a setting or a label cannot be written without pickle.
        """
        write_file(path, as_arrays(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Run":
        """Read a Run that `save` or a checkpoint wrote; nothing in the file is executed.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Run
            The Run, without its data.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not a Run, is truncated, was changed since it was written, or is of a newer gdfast.
        """
        return read_file(path, lambda text, arrays: cls._from_file(text, arrays, file_name(path)))

    @classmethod
    def _from_file(cls, text: dict[str, Any], arrays: dict[str, NDArray[Any]], name: str) -> "Run":
        """Return the Run of what a file holds, checked."""
        run = cls(**run_fields(text, arrays), known_file=name)
        check_run(run, NotSaved)
        return run

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines of the repr.

        Returns
        -------
        list of tuple of str
            Names and values.
        """
        coef = np.array2string(self.coef, precision=6, threshold=8, separator=", ").replace("\n", "")
        rate = "changing" if self.learning_rate is None else f"{self.learning_rate:.6g}"
        intercept = np.array2string(np.asarray(self.intercept), precision=6, threshold=8, separator=", ")
        return [
            ("loss", self.loss),
            ("cost", f"{self.cost:.10g}"),
            ("coef", coef),
            ("intercept", intercept.replace("\n", "")),
            ("epochs", f"{self.epochs:,} ({self.steps:,} updates, learning rate {rate})"),
            ("stopped", f"{self.stop_reason}: {self.advice}"),
            ("ran", f"solver {self.solver} on backend {self.backend}, {self.seconds:.3g} s"),
        ]

    def __repr__(self) -> str:
        return "gdfast.Run\n" + "\n".join(f"  {name:<10} {value}" for name, value in self.rows())

    def _repr_html_(self) -> str:
        import html

        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self.rows()
        )
        return f"<table><caption>gdfast.Run</caption>{cells}</table>"
