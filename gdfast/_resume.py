"""Resume: from a Run, in memory or loaded, or from a checkpoint, to a longer Run; and what may be given again."""

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gdfast._arguments import choice, flag, shown, whole
from gdfast._fit import DEFAULTS
from gdfast.data.fingerprint import fingerprint
from gdfast.data.problem import Problem
from gdfast.options.callbacks import make_callbacks
from gdfast.options.custom_loss import Loss
from gdfast.options.learning_rates import CallableRates, make_learning_rates
from gdfast.options.schedules import SCHEDULES, ReduceOnPlateau
from gdfast.results.run import Run
from gdfast.results.run_file import NotSaved, file_name
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.closed_form.factorization import factorize
from gdfast.solvers.closed_form.solver import ClosedForm
from gdfast.solvers.diagnostics import RateName, checked_result
from gdfast.solvers.loop.descent import Descent
from gdfast.solvers.plan import INTERRUPTS, Plan, make_callback_every, optional_positive
from gdfast.solvers.prepare import prepare
from gdfast.solvers.select import missing_requirements
from gdfast.solvers.training import FitCall, Training, run_solver

__all__ = ["resume"]

GIVEN_AGAIN = ("learning_rate", "loss", "callbacks", "callback_every", "progress", "max_seconds", "interrupt")
SAVED_SCHEDULES = (*SCHEDULES.values(), ReduceOnPlateau)
NO_CHECKPOINT = {"checkpoint": None, "checkpoint_every": None, "checkpoint_seconds": None}
# Of the cost, relative, between a custom loss and the same given again: rounding on another machine is far below.
LARGEST_DIFFERENCE = 1e-6


def resume(
    path: str | os.PathLike[str] | Run,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: ArrayLike | None = None,
    epochs: int | None = None,
    **again: Any,
) -> Run:
    """Resume from a checkpoint, and keep writing it.

    The result is equal, to the bit, to that of the fit that was cut off. A Run is taken as well: see `Run.resume`.

    Parameters
    ----------
    path : path-like or Run
        The checkpoint of `fit`, or a Run, for which `epochs` is needed.
    X : array-like or sparse matrix, optional
        The features again. Every value, shape and dtype must be the same. A Run in memory needs no data.
    y : array-like, optional
        The targets again, likewise.
    sample_weight : array-like, optional
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
        If the file is truncated or not a Run, or the fingerprint of the data is another.

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
    if isinstance(path, Run):
        return resume_run(path, whole("epochs", epochs, 1, 2**53), (X, y, sample_weight), again)
    name = file_name(path)
    run = Run.load(name)
    check_given(again, run.settings)
    check_data(run, X, y, sample_weight)
    if epochs is not None:
        return resume_loaded(run, run.epochs + whole("epochs", epochs, 0, 2**53), (X, y, sample_weight), again, name)
    if run.stop_reason not in (StopReason.INTERRUPTED, StopReason.MAX_SECONDS):
        return run
    return resume_loaded(run, saved_state(run)["epochs"], (X, y, sample_weight), again, name)


def resume_run(run: Run, epochs: int, data: tuple[Any, Any, Any], given: dict[str, Any]) -> Run:
    """Resume a Run, in memory or loaded, for so many more epochs; no checkpoint is written."""
    check_given(given, run.settings)
    if data[0] is not None:
        check_data(run, *data)
    elif data[1] is not None or data[2] is not None:
        raise ValueError("y or sample_weight is given without X; give all of the data, or none of it")
    if run.training is not None:
        return resume_in_memory(run.training, epochs, given)
    if data[0] is None:
        raise ValueError("a Run that was loaded from a file has no data to resume with; give it: resume(epochs, X, y)")
    return resume_loaded(run, run.epochs + epochs, data, given, None)


def resume_in_memory(training: Training, epochs: int, given: dict[str, Any]) -> Run:
    """Resume from a solver in memory, which stays as it is."""
    solver, call = training
    target = solver.state.epoch + epochs
    options = resumed_options(call.options, given, target) | NO_CHECKPOINT
    check_length(solver.plan, target)
    progress = flag("progress", options["progress"])
    begun = solver.state.epoch + (solver.state.position > 0)
    plan = with_given(solver.plan, given, options, begun)
    if isinstance(solver, ClosedForm):
        check_closed_form(solver.problem, plan, given)
    resumed = solver.resumed(target, plan)
    if "loss" in given and isinstance(solver, Descent) and isinstance(resumed, Descent):
        W, b = solver.estimate()
        check_loss(given["loss"], resumed, W, b, solver.evaluator.objective(W, b))
    next_call = FitCall(options, call.fingerprint, progress, time.perf_counter(), None)
    return checked_result(run_solver(resumed, target, next_call), resumed, RateName())


def resume_loaded(
    run: Run, target: int, data: tuple[Any, Any, Any], given: dict[str, Any], checkpoint: str | None
) -> Run:
    """Resume a loaded Run up to an epoch."""
    options = loaded_options(run, target, given, checkpoint)
    problem, plan = prepare(*data, options)
    check_length(plan, target)
    state = saved_state(run)
    if run.solver == "closed_form":
        check_closed_form(problem, plan, given)
        path = ClosedForm(problem, plan, factorize(problem, plan.model), state["first"])
        restore_rates(path, run, state)
        solver: Descent | ClosedForm = path
    else:
        solver = Descent(problem, plan, target)
        solver.restore(state, run.history)
        if isinstance(options["loss"], Loss):
            W, b = np.array(run.coef, ndmin=2), np.array(run.intercept, np.float64, ndmin=1)
            check_loss(options["loss"], solver, W, b, run.cost)
    known = run.fingerprint_by or (lambda: fingerprint(*data))
    call = FitCall(options, known, flag("progress", options["progress"]), time.perf_counter(), checkpoint)
    return checked_result(run_solver(solver, target, call), solver, RateName())


def loaded_options(run: Run, target: int, given: dict[str, Any], checkpoint: str | None) -> dict[str, Any]:
    """Return the arguments of the fit that a loaded Run is resumed as."""
    options = resumed_options({**DEFAULTS, **run.settings}, given, target)
    if "callbacks" not in given:
        options["callbacks"], options["callback_every"] = (), given.get("callback_every")
    for name, what in (("learning_rate", "callable"), ("loss", "custom loss")):
        if isinstance(options[name], NotSaved):
            raise ValueError(f"a file cannot hold the {what} that this Run has; give {name}= again")
    options |= {"seed": run.seed, "backend": run.backend, "solver": run.solver}
    if run.learning_rate is not None:
        options["learning_rate"] = run.learning_rate
    return options if checkpoint is not None else options | NO_CHECKPOINT


def saved_state(run: Run) -> dict[str, Any]:
    """Return the state of the solver that a Run's file holds."""
    return {} if run.memory_by is None else run.memory_by()


def check_data(run: Run, X: Any, y: Any, sample_weight: Any) -> None:
    """Raise an error unless the data are those of the Run."""
    if X is None:
        raise ValueError("resuming from a file needs the data again, and X is None; give resume(path, X, y)")
    if y is None:
        raise ValueError("X is given without y; give both")
    if run.fingerprint_by is None or run.memory_by is None:
        raise ValueError("this Run's file holds no state to resume from; fit again from its coef")
    if any(run.extra.get("center", ())) or any(scale != 1.0 for scale in run.extra.get("scale", ())):
        raise ValueError("this Run was trained on standardized columns, which the file does not hold; fit again")
    if fingerprint(X, y, sample_weight) != run.fingerprint_by():
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
    if isinstance(rate, NotSaved):
        return True
    return callable(rate) and not isinstance(rate, (type, np.ndarray)) and type(rate) not in SAVED_SCHEDULES


def is_same_loss(given: Any, held: Any) -> bool:
    """Return whether both are custom losses of one name; `check_loss` compares their values."""
    return isinstance(given, Loss) and isinstance(held, (Loss, NotSaved)) and repr(given) == str(held)


def resumed_options(settings: dict[str, Any], given: dict[str, Any], epochs: int) -> dict[str, Any]:
    """Return the settings of a Run that is resumed up to an epoch; max_seconds was the earlier call's alone."""
    return {**settings, "max_seconds": None, **given, "epochs": epochs}


def with_given(plan: Plan, given: dict[str, Any], options: dict[str, Any], begun: int) -> Plan:
    """Return the plan with what was given again; `options` are the resumed Run's settings, `begun` its epochs begun."""
    callbacks = make_callbacks(given["callbacks"]) if "callbacks" in given else plan.callbacks
    made: dict[str, Any] = {"callbacks": callbacks}
    made["callback_every"] = make_callback_every(options["callback_every"], callbacks)
    made["max_seconds"] = optional_positive("max_seconds", options["max_seconds"])
    made["interrupt"] = choice("interrupt", options["interrupt"], INTERRUPTS)
    if "learning_rate" in given:
        rates = make_learning_rates(given["learning_rate"], options["epochs"])
        if isinstance(plan.rates, CallableRates) and isinstance(rates, CallableRates):
            rates.known = {epoch: rate for epoch, rate in plan.rates.known.items() if epoch < begun}
        made["rates"] = rates
    if "loss" in given:
        made["model"] = replace(plan.model, custom=given["loss"])
    return replace(plan, **made)


def check_closed_form(problem: Problem, plan: Plan, given: dict[str, Any]) -> None:
    """Raise an error where the closed form cannot do what was given again."""
    missing = missing_requirements(problem, plan)
    if missing:
        raise ValueError(
            f"{', '.join(given)}: this Run has solver 'closed_form', which needs {', and '.join(missing)}; leave it "
            "out, or fit anew with solver='loop'"
        )


def check_length(plan: Plan, target: int) -> None:
    """Raise an error where an array of rates ends before the epoch."""
    if plan.rates.length is not None and plan.rates.length < target:
        raise ValueError(f"learning_rate holds {plan.rates.length} rates, and {target} epochs need one for each")


def check_loss(loss: Loss, descent: Descent, W: NDArray[Any], b: NDArray[np.float64], known: float) -> None:
    """Raise an error unless a custom loss gives the cost that is known at coefficients (k, d) and intercepts (k,)."""
    cost = descent.evaluator.objective(W, b)
    size = max(abs(known), abs(descent.evaluator.objective(np.zeros_like(W), np.zeros_like(b))))
    if not abs(cost - known) <= LARGEST_DIFFERENCE * size:
        raise ValueError(
            f"loss={loss!r} is not the one that this Run was fitted with: it gives the cost {cost:.10g} at the Run's "
            f"coef, and the Run has {known:.10g}; give the same loss, or fit anew with coef_init"
        )


def restore_rates(path: ClosedForm, run: Run, state: dict[str, Any]) -> None:
    """Take the rates up to here from the file, or make sure that the callable leads to the same coefficients."""
    rates = path.plan.rates
    if not isinstance(rates, CallableRates):
        return
    if "rates" in state:
        values = np.asarray(state["rates"], np.float64)
        if values.shape != (run.epochs,) or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"this Run's file must hold a rate for each of its {run.epochs} epochs; fit again")
        rates.known = dict(enumerate(values.tolist()))
        return
    found = path.problem.shaped(*path.parameters(run.epochs))
    allowed = LARGEST_DIFFERENCE * float(np.abs(run.last_coef).max())
    if not all(
        map(lambda a, b: np.allclose(a, b, LARGEST_DIFFERENCE, allowed), found, (run.last_coef, run.last_intercept))
    ):
        raise ValueError(
            f"learning_rate={rates.function!r} is not the one that this Run was fitted with: up to epoch {run.epochs} "
            "it leads to other coefficients; give the same callable, or fit anew with coef_init"
        )
