"""Resume: from a Run, in memory, loaded or unpickled, or from a checkpoint; and what may be given again."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gdfast._fit import read_in_time
from gdfast._utils.arguments import choice, shown, whole
from gdfast._utils.storage import file_name
from gdfast.backends import BACKENDS
from gdfast.data.blocks.blocks import blocks_given
from gdfast.data.blocks.rows import RowsInBlocks
from gdfast.data.fingerprint import fingerprint
from gdfast.data.frames import by_name, reorder_columns
from gdfast.data.problem import Dimensions, Problem
from gdfast.data.summary import Summary
from gdfast.options.custom_loss import Loss
from gdfast.options.declarations import DEFAULTS, OPTIONS, checked_option, known_by_others
from gdfast.options.option import LARGEST_COUNT, count
from gdfast.results.fields import FieldError, array_of, check_field, mapping
from gdfast.results.run import Run
from gdfast.results.run_file import NotSaved, without_functions
from gdfast.results.stop_reason import CUT_OFF, StopReason
from gdfast.solvers.base import KnownEpoch, Solver
from gdfast.solvers.diagnostics import RateName, checked_run, report_divergence
from gdfast.solvers.plan import Plan
from gdfast.solvers.prepare import prepare, prepare_again
from gdfast.solvers.select import SOLVERS, missing_needs
from gdfast.solvers.training import FitCall, TrainingData, run_solver

__all__ = ["resume"]

GIVEN_AGAIN = [name for name, option in OPTIONS.items() if option.again]
NOT_HELD = {"learning_rate": "callable", "loss": "custom loss"}  # by a file or a pickle, and needed to resume
# Of the cost, relative, between a custom loss and the same given again: rounding on another machine is far below.
LARGEST_DIFFERENCE = 1e-6
NO_DATA = (
    "resuming needs the data again, which a file, a pickle and a copy of a Run do not hold; give them: "
    "resume(epochs, X, y), or gdfast.resume(path, X, y)"
)


def resume(
    path: str | os.PathLike[str] | Run,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: ArrayLike | str | None = None,
    epochs: int | None = None,
    **again: Any,
) -> Run:
    """Resume from a checkpoint, and keep writing it.

    The result is equal, to the bit, to that of the fit that was cut off. A Run is taken as well: see `Run.resume`.

    Parameters
    ----------
    path : path-like or Run
        The checkpoint of `fit`, or a Run, for which `epochs` is needed.
    X : array-like, frame or sparse matrix, or Summary or Blocks, optional
        The features again, a frame's columns in any order. Every value, shape and dtype must be the same. A Run in
        memory needs no data, nor does one of solver "closed_form".
    y : array-like or str, optional
        The targets again, likewise; or the name of X's column that holds them.
    sample_weight : array-like or str, optional
        The weights again, likewise.
    epochs : int, optional
        Number of epochs beyond those in the file, at least 0. By default the call that was cut off is finished.
    **again
        Arguments of fit that a file cannot hold: learning_rate (a callable), callbacks, loss (a `gdfast.Loss`); and
        progress, max_seconds, interrupt, callback_every.

    Returns
    -------
    Run
        The result with the whole history.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If `again` names another argument of fit.
    ValueError
        If the file is truncated, was changed since it was written, or is not a Run, or the fingerprint of the data is
        another.
    TimeoutError
        If max_seconds are over before all blocks are read once.
    OSError
        If the checkpoint cannot be written; its `run` is the Run of what was done.

    Warns
    -----
    DivergenceWarning
        If the training diverges, or the call in the file had ended by that.

    Examples
    --------
    >>> import gdfast, os, tempfile
    >>> X, y = [[1.0], [2.0]], [1.0, 3.0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     run = gdfast.fit(X, y, epochs=10, checkpoint=path)
    ...     further = gdfast.resume(path, X, y, epochs=20)
    >>> further.epochs
    30
    """
    data = X, y, sample_weight
    if isinstance(path, Run):
        if epochs is None:
            raise TypeError("epochs=None: a Run is resumed for a number of epochs; give epochs=100, for example")
        return resume_to(path, path.epochs + whole("epochs", epochs, 1, 2**53), data, again)
    name = file_name(path)
    run = Run.load(name)
    if epochs is not None:
        return resume_to(run, run.epochs + whole("epochs", epochs, 0, 2**53), data, again, name)
    if run.stop_reason in CUT_OFF:
        return resume_to(run, epochs_asked_for(run), data, again, name)
    return finished(run, data, again)


def epochs_asked_for(run: Run) -> int:
    """Return the last epoch of the call that was cut off."""
    with named_by_file(run):
        check_field("state", run.state, mapping({"epochs": count(run.epochs, LARGEST_COUNT)}))
    return int(run.state["epochs"])


def finished(run: Run, data: tuple[Any, Any, Any], given: dict[str, Any]) -> Run:
    """Return a loaded Run whose call had ended; that it diverged is said again."""
    check_given(given, run.settings)
    data = named_data(run, *data, given)
    with named_by_file(run):
        check_data(run, *data)
        if run.stop_reason is not StopReason.DIVERGED:
            return run
        settings = {**DEFAULTS, **run.settings, **given}
        if any(isinstance(settings[name], NotSaved) for name in NOT_HELD):
            report_divergence(run, settings["on_divergence"])
            return run
        solver, problem = restored_solver(run, settings_again(run, given, max(1, run.epochs), None), data, given)
    return checked_run(run, problem, solver, RateName())


def resume_to(
    run: Run, target: int, data: tuple[Any, Any, Any], given: dict[str, Any], checkpoint: str | None = None
) -> Run:
    """Train a Run, in memory, unpickled or loaded, up to an epoch; that Run stays as it is."""
    started = time.perf_counter()
    check_given(given, run.settings)
    data = named_data(run, *data, given)
    with named_by_file(run):
        check_data(run, *data)
        settings = settings_again(run, given, target, checkpoint)
        check_length(settings["learning_rate"], target)
        progress = checked_option("progress", settings["progress"])
        solver, problem = restored_solver(run, settings, data, given)
    kept = None
    if problem is not None:
        kept = TrainingData(problem, solver.plan, *(data if run.data is None else run.data.given))
    call = FitCall(settings, run.feature_names, kept, run.known_fingerprint, progress, started, checkpoint)
    return checked_run(run_solver(solver, call), problem, solver, RateName())


def _solver_at_end(run: Run) -> KnownEpoch | None:
    """Return what tells where a Run was after an epoch, None where that takes the data."""
    with named_by_file(run):
        kind = solver_of(run)
        if (known := kind.known_path(run)) is not None:
            return known
        if kind.without_data(run) is None:
            return None
        given = {}
        if isinstance(run.settings["learning_rate"], NotSaved):
            rates = {"rates": array_of((None,), np.float64, finite=True)}
            check_field("state", run.state, mapping(rates))
            given["learning_rate"] = run.state["rates"]  # those of the epochs done
        settings = settings_again(run, given, max(1, run.epochs), None)
        solver, _ = restored_solver(run, settings, (None, None, None), given)
    return solver


def solver_of(run: Run) -> type[Solver]:
    """Return the class of a Run's solver."""
    check_field("solver", run.solver, lambda name, value: choice(name, value, SOLVERS))
    return SOLVERS[run.solver]


@contextmanager
def named_by_file(run: Run) -> Iterator[None]:
    """Name the file of a Run where its state is not one to resume from."""
    try:
        yield
    except FieldError as error:
        source = "this Run" if run.known_file is None else repr(run.known_file)
        raise ValueError(
            f"{source} holds no state to resume from: {error}. Use a copy of the file that is whole, or fit anew"
        ) from error


def restored_solver(
    run: Run, settings: dict[str, Any], data: tuple[Any, Any, Any], given: dict[str, Any]
) -> tuple[Solver, Problem | None]:
    """Return the solver at the end of a Run, and its Problem, None where it needs none."""
    options = settings | {"seed": run.seed, "backend": run.backend, "solver": run.solver}
    if run.learning_rate is not None:
        options["learning_rate"] = run.learning_rate
    kind = solver_of(run)
    check_field("backend", run.backend, lambda name, value: choice(name, value, tuple(BACKENDS)))
    try:
        problem, dimensions, plan = prepared(run, options, data)
    except (TypeError, ValueError) as error:
        if run.known_file is None or given:
            raise
        raise FieldError(str(error)) from error  # with these data the settings are those of a fit that was made
    missing = missing_needs(kind, dimensions, plan)
    if missing and not set(given) & set(known_by_others(run.solver)):
        raise FieldError(f"solver={run.solver!r} needs {', and '.join(missing)}")
    if missing:
        raise ValueError(
            f"{', '.join(given)}: this Run has solver {run.solver!r}, which needs {', and '.join(missing)}; leave it "
            "out, or fit anew with solver='loop'"
        )
    restore_rates(run, plan, "learning_rate" in given)
    solver = kind.resumed(run, problem, plan)
    if "loss" in given and problem is not None:
        check_loss(given["loss"], problem, plan, run)
    return solver, problem


def restore_rates(run: Run, plan: Plan, given_again: bool) -> None:
    """Take over the rates of a callable that the state of a Run holds."""
    check_field("state", run.state, mapping({}, {"begun": count(run.epochs, run.epochs + 1)}))
    begun = run.state.get("begun", run.epochs)
    check_field("rates", run.state, lambda name, state: plan.rates.restore(state, begun, given_again))


def prepared(run: Run, options: dict[str, Any], data: tuple[Any, Any, Any]) -> tuple[Problem | None, Dimensions, Plan]:
    """Return the Problem of a Run, None where its solver needs none, its dimensions and its Plan."""
    if run.data is not None:
        known = run.data.problem.dimensions
        return run.data.problem, known, prepare_again(options, known, run.data.plan)
    dimensions: Dimensions | None = solver_of(run).without_data(run)
    if dimensions is None or data[0] is not None:
        problem, plan = prepare(*data, options)
        return problem, problem.dimensions, plan
    return None, dimensions, prepare_again(options, dimensions)


def settings_again(run: Run, given: dict[str, Any], target: int, checkpoint: str | None) -> dict[str, Any]:
    """Return the settings of a Run that is resumed up to an epoch; max_seconds was the earlier call's alone."""
    settings = {**DEFAULTS, **run.settings, "max_seconds": None, **given, "epochs": target}
    if checkpoint is None:
        settings |= {"checkpoint": None, "checkpoint_every": None, "checkpoint_seconds": None}
    if "callbacks" not in given and holds_not_saved(settings["callbacks"]):
        settings |= {"callbacks": (), "callback_every": given.get("callback_every")}
    for name, what in NOT_HELD.items():
        if isinstance(settings[name], NotSaved):
            raise ValueError(f"neither a file nor a pickle holds the {what} that this Run has; give {name}= again")
    return settings


def holds_not_saved(callbacks: Any) -> bool:
    """Return whether callbacks are those of a file or a pickle, which are their reprs."""
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    return any(isinstance(callback, NotSaved) for callback in several)


def named_data(run: Run, X: Any, y: Any, sample_weight: Any, given: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the data with columns taken by their names, in the order that they had in the fit."""
    if X is None or isinstance(X, Summary):
        return X, y, sample_weight
    if (blocks := blocks_given(X, y, sample_weight)) is not None:
        options = settings_again(run, given, max(1, run.epochs), None) | {"solver": solver_of(run).name}
        return read_in_time(blocks._in_order_of(run.feature_names), options, time.perf_counter())[:3]
    data = by_name(X, y, sample_weight)
    return reorder_columns(data.X, run.feature_names), data.y, data.sample_weight


def check_data(run: Run, X: Any, y: Any, sample_weight: Any) -> None:
    """Raise an error unless the data, where they are given, are those of the Run."""
    if any(run.extra.get("center", ())) or any(scale != 1.0 for scale in run.extra.get("scale", ())):
        raise ValueError("this Run was trained on standardized columns, which the file does not hold; fit again")
    if X is None:
        if y is not None or sample_weight is not None:
            raise ValueError("y or sample_weight is given without X; give all of the data, or none of it")
        if run.data is None and solver_of(run).without_data(run) is None:
            raise ValueError(NO_DATA)
        return
    if y is None and not isinstance(X, (Summary, RowsInBlocks)):
        raise ValueError("X is given without y; give both")
    if run.fingerprint is None or not run.state:
        raise FieldError("the state or the fingerprint of the data is missing")
    if fingerprint(X, y, sample_weight) != run.fingerprint:
        raise ValueError(
            "the fingerprint of X, y and sample_weight is not that of the data this Run was trained on: every value, "
            "shape and dtype must be the same; give the same data, or fit anew with coef_init"
        )


def check_given(given: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise an error unless these arguments may be given again to a Run with these settings."""
    for name in given:
        if name not in GIVEN_AGAIN:
            raise TypeError(
                f"resume takes {', '.join(GIVEN_AGAIN)} again, and not {name!r}; to change it, fit anew with "
                "coef_init and intercept_init"
            )
    if "learning_rate" in given and not (
        is_own_rate(settings["learning_rate"]) and is_own_rate(given["learning_rate"])
    ):
        raise ValueError(
            f"learning_rate={shown(given['learning_rate'])}: this Run keeps its rates, "
            f"learning_rate={shown(settings['learning_rate'])}. Only a callable, which a file cannot hold, is given "
            "again, and only to a Run that was fitted with one; leave it out, or fit anew with coef_init"
        )
    if "loss" in given and not is_same_loss(given["loss"], settings["loss"]):
        raise ValueError(
            f"loss={shown(given['loss'])}: this Run keeps its loss, {shown(settings['loss'])}. Only a gdfast.Loss, "
            "which a file cannot hold, is given again, by the same name; leave it out, or fit anew with coef_init"
        )


def is_own_rate(rate: Any) -> bool:
    """Return whether a learning rate is a callable of the user's, which a file cannot hold."""
    own = callable(rate) and not isinstance(rate, type) and isinstance(without_functions(rate), NotSaved)
    return isinstance(rate, NotSaved) or own


def is_same_loss(given: Any, held: Any) -> bool:
    """Return whether both are custom losses of one name; `check_loss` compares their values."""
    return isinstance(given, Loss) and isinstance(held, (Loss, NotSaved)) and repr(given) == str(held)


def check_length(learning_rate: Any, target: int) -> None:
    """Raise an error where an array of rates ends before the epoch."""
    if np.ndim(learning_rate) >= 1 and np.size(learning_rate) < target:
        raise ValueError(
            f"learning_rate holds {np.size(learning_rate)} rates, and {target} epochs need one for each; fit anew "
            "from coef and intercept with the rates that follow"
        )


def check_loss(loss: Loss, problem: Problem, plan: Plan, run: Run) -> None:
    """Raise an error unless a custom loss gives the cost that a Run has at its coefficients."""
    data = TrainingData(problem, plan)
    cost, known = data.objective(run.coef, run.intercept), run.cost
    size = max(abs(known), abs(data.objective(np.zeros_like(run.coef), np.zeros_like(run.intercept))))
    if not abs(cost - known) <= LARGEST_DIFFERENCE * size:
        raise ValueError(
            f"loss={loss!r} is not the one that this Run was fitted with: it gives the cost {cost:.10g} at the Run's "
            f"coef, and the Run has {known:.10g}; give the same loss, or fit anew with coef_init"
        )
