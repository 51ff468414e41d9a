"""What a descent gives back: coefficients, costs, and how it went."""

import html
import json
import numbers
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gdfast.arguments import matrix, numeric_array, shown, whole
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.schedules import SCHEDULES, Schedule
from gdfast.optimizers import NAMED, Optimizer
from gdfast.stop_reason import StopReason

__all__ = ["Run"]

FORMAT = 1  # of the file; raised when a file of an older gdfast could no longer be read
OPTIMIZERS = {type(optimizer).__name__: type(optimizer) for optimizer in NAMED.values()}


class CostSource(Protocol):
    """What costs are read from when they are first asked for."""

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""

    def costs(self) -> NDArray[np.float64]:
        """Return their costs."""


class Recorded:
    """Costs that are at hand."""

    def __init__(self, epochs: NDArray[np.int64], costs: NDArray[np.float64]) -> None:
        self.arrays = epochs, costs

    def epochs(self) -> NDArray[np.int64]:
        """Return the recorded epochs."""
        return self.arrays[0]

    def costs(self) -> NDArray[np.float64]:
        """Return their costs."""
        return self.arrays[1]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """The result of `gdfast.fit`.

    Attributes
    ----------
    coef : ndarray, shape (n_features,) or (n_outputs, n_features)
        The coefficients, in the dtype of X.
    intercept : float or ndarray, shape (n_outputs,)
        The intercept, 0 without one.
    costs, cost_epochs : ndarray
        The cost of each recorded epoch, and those epochs: with history "objective" J after 0, 1, ...
        epochs, with "running" the mean over epoch 1, 2, ... of each sample's loss just before its own
        update, without the penalty. Made when first asked for.
    cost : float
        J at coef and intercept.
    epochs, steps : int
        Whole epochs done, updates done.
    seconds : float
        What the descent took.
    stop_reason : StopReason
        Why it ended; `advice` is the same as a sentence.
    diverged_at : int or None
        The bad epoch, where there was one.
    solver, backend : str
        What ran.
    seed : int
        The seed of the order of samples, drawn if none was given.
    learning_rate : float or None
        The rate used, also where it was found by "auto"; None where it changes.
    settings : dict
        The arguments of fit, without the data.
    classes : ndarray or None
        The two labels of a classification, the positive one last.

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
    cost: float
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
    history_source: CostSource | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # what a door keeps beside the run in its file
    resume_by: Callable[[int], "Run"] | None = None  # goes on; a loaded Run has none
    at_by: Callable[[int], Any] | None = None  # the path, where it is known

    @cached_property
    def costs(self) -> NDArray[np.float64]:
        """The cost of each recorded epoch."""
        return np.empty(0) if self.history_source is None else self.history_source.costs()

    @cached_property
    def cost_epochs(self) -> NDArray[np.int64]:
        """The epochs that costs belong to."""
        return np.empty(0, dtype=np.int64) if self.history_source is None else self.history_source.epochs()

    @property
    def history(self) -> dict[str, NDArray[Any]]:
        """The recorded epochs as a dict of equally long arrays: "epoch" and "cost"."""
        return {"epoch": self.cost_epochs, "cost": self.costs}

    def to_pandas(self) -> Any:
        """Return `history` as a pandas DataFrame.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError('to_pandas needs pandas; pip install "gdfast[cli]", or use .history') from error
        return pd.DataFrame(self.history)

    @property
    def advice(self) -> str:
        """A sentence on why the descent ended and what to try next."""
        return self.stop_reason.advice

    @property
    def last_coef(self) -> NDArray[Any]:
        """The last iterate's coefficients."""
        return self.coef

    @property
    def last_intercept(self) -> Any:
        """The last iterate's intercept."""
        return self.intercept

    @property
    def loss(self) -> str:
        """The loss's name."""
        return str(self.settings["loss"])

    def decision(self, X: Any) -> NDArray[np.float64]:
        """Return z = X coef + intercept.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
            As in `fit`.

        Returns
        -------
        ndarray, shape (n,) or (n, n_outputs)

        Raises
        ------
        ValueError, TypeError
            If X is not what `fit` takes, or its number of features is another.
        """
        X = matrix("X", X)
        d = self.coef.shape[-1]
        if X.shape[1] != d:
            raise ValueError(f"X has {X.shape[1]} features, and this Run was fitted on {d}; give the same columns")
        return np.asarray(X @ self.coef.T.astype(np.float64, copy=False) + self.intercept, dtype=np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the prediction: z, exp(z) for poisson, the label for a classification loss.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
            As in `fit`.

        Returns
        -------
        ndarray, shape (n,) or (n, n_outputs)

        Raises
        ------
        ValueError, TypeError
            If X is not what `fit` takes, or its number of features is another.
        """
        z = self.decision(X)
        if self.classes is not None:
            return self.classes[(z > 0).astype(np.intp)]
        link = LOSSES[self.loss].inverse_link
        return z if link is None else np.asarray(link(z))

    def at(self, epoch: int) -> Any:
        """Return coef, intercept and cost after any epoch, before or after the end (solver "closed_form").

        Parameters
        ----------
        epoch : int
            At least 0.

        Returns
        -------
        named tuple (coef, intercept, cost)

        Raises
        ------
        ValueError
            If the path is not known, or the epoch is past an array of rates.
        """
        epoch = whole("epoch", epoch, 0, 2**53)
        if self.at_by is None:
            raise ValueError(
                f"at(epoch={epoch}) needs the path in closed form, and this Run has solver {self.solver!r}"
                + (" and was loaded from a file" if self.resume_by is None else "")
                + "; fit with solver='closed_form' where it applies, or for as many epochs"
            )
        return self.at_by(epoch)

    def resume(self, epochs: int) -> "Run":
        """Go on for so many more epochs; this Run stays as it is.

        Parameters
        ----------
        epochs : int
            At least 1, beyond those done.

        Returns
        -------
        Run
            With the whole history, as one fit over all the epochs would have it.

        Raises
        ------
        ValueError
            If this Run was loaded from a file, or an array of rates is too short.

        Examples
        --------
        >>> import gdfast
        >>> run = gdfast.fit([[1.0], [2.0]], [1.0, 3.0], epochs=10).resume(20)
        >>> run.epochs, len(run.costs)
        (30, 31)
        """
        epochs = whole("epochs", epochs, 1, 2**53)
        if self.resume_by is None:
            raise ValueError("a Run that was loaded from a file has no data to go on with; fit again from its coef")
        return self.resume_by(epochs)

    def plot(self, ax: Any = None, **line: Any) -> Any:
        """Draw the costs over the epochs (gdfast.plots.cost_curve); return the Axes."""
        from gdfast.plots import cost_curve

        return cost_curve(self, ax=ax, **line)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the Run to one .npz file at exactly that path, without pickle.

        The file is written beside it and then put in its place, so a file that was there is replaced
        whole or not at all.

        Parameters
        ----------
        path : path-like
            The file; its folder must exist.

        Raises
        ------
        OSError
            If it cannot be written.
        TypeError
            If a setting or a label cannot be written without pickle.
        """
        target = file_name(path)
        arrays = self.as_arrays()
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target) or os.curdir, prefix=".gdfast-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~current_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that a file holds: "run" is JSON, and settings that are arrays are arrays beside it."""
        names = ("cost", "epochs", "steps", "seconds", "stop_reason", "diverged_at", "solver", "backend", "seed")
        given = {name: value for name, value in self.settings.items() if is_array(value)}
        settings = {name: None if name in given else value for name, value in self.settings.items()}
        text = {"format": FORMAT, "settings": settings, "learning_rate": self.learning_rate, "extra": self.extra}
        text |= {name: getattr(self, name) for name in names}
        arrays = {
            "coef": self.coef,
            "intercept": np.asarray(self.intercept),
            "costs": self.costs,
            "cost_epochs": self.cost_epochs,
            "run": np.array(json.dumps(text, default=plain)),
        }
        if self.classes is not None:
            arrays["classes"] = without_objects(self.classes)
        return arrays | {f"settings.{name}": numeric_array(name, value) for name, value in given.items()}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Run":
        """Read a Run that `save` wrote; nothing in the file is executed.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Run

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not a Run, is cut off, or was written by a newer gdfast.
        """
        name = file_name(path)
        with open(name, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as members:
                    arrays = dict(members)
                text = json.loads(str(arrays["run"]))
                newer = text.pop("format") > FORMAT
                run = None if newer else cls.from_file(text, arrays)
            except Exception as error:  # a damaged file makes NumPy, zipfile and json raise all sorts
                raise ValueError(f"{name!r} is not a whole file of Run.save; is it another, or cut off?") from error
        if run is None:
            raise ValueError(f"{name!r} was written by a newer gdfast; update gdfast to read it")
        return run

    @classmethod
    def from_file(cls, text: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> "Run":
        """Return the Run that `as_arrays` wrote."""
        settings = {name: restored(value) for name, value in text.pop("settings").items()}
        settings |= {name: arrays[f"settings.{name}"] for name in settings if f"settings.{name}" in arrays}
        intercept = arrays["intercept"]
        return cls(
            coef=arrays["coef"],
            intercept=float(intercept) if intercept.ndim == 0 else intercept,
            settings=settings,
            stop_reason=StopReason(text.pop("stop_reason")),
            classes=arrays.get("classes"),
            history_source=Recorded(arrays["cost_epochs"], arrays["costs"]),
            **text,
        )

    def rows(self) -> list[tuple[str, str]]:
        """Return what a repr shows, as names and values."""
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
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self.rows()
        )
        return f"<table><caption>gdfast.Run</caption>{cells}</table>"


def file_name(path: Any) -> str:
    """Return the path as a string, exactly as given."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"path={shown(path)} is a {type(path).__name__}, and must be a path; give a str or a pathlib.Path"
        )
    return os.fsdecode(path)


def current_umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def is_array(value: Any) -> bool:
    """Return whether a setting is an array, or what NumPy makes one of: a Series, a memoryview."""
    return isinstance(value, memoryview) or (hasattr(value, "__array__") and not isinstance(value, np.generic))


def plain(value: Any) -> Any:
    """Return a setting as JSON can hold it; of what a file cannot hold, such as a function, the repr."""
    if isinstance(value, Optimizer) and type(value) in OPTIMIZERS.values():
        return {"optimizer": type(value).__name__, **asdict(value)}  # type: ignore[call-overload]
    if isinstance(value, Schedule):
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}  # type: ignore[attr-defined]
        return {"schedule_kind": type(value).__name__, **{name: plain(field) for name, field in fields.items()}}
    if isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, (numbers.Real, Decimal)):
        return float(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return repr(value)


def restored(value: Any) -> Any:
    """Return a setting that `plain` wrote."""
    if isinstance(value, dict) and "optimizer" in value:
        return OPTIMIZERS[value.pop("optimizer")](**value)
    if isinstance(value, dict) and "schedule_kind" in value:
        name = value.pop("schedule_kind")
        schedules = {kind.__name__: kind for kind in SCHEDULES.values()}
        return schedules[name](**{field: restored(inner) for field, inner in value.items()})
    return value


def without_objects(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as an array that can be written without pickle, each equal to what it was."""
    if labels.dtype.kind != "T" and not labels.dtype.hasobject:
        return labels
    written = np.array(labels.tolist())
    if written.dtype.hasobject or written.tolist() != labels.tolist():
        raise TypeError(
            f"labels such as {shown(labels[0])} cannot be written without pickle; use strings, numbers or "
            "numpy.datetime64 as labels"
        )
    return written
