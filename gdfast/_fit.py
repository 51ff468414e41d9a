"""Fit a linear model and return a Run."""

import math
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import Interrupt, TimeLimit
from gdfast._utils.storage import file_name
from gdfast.data.blocks.blocks import Blocks, blocks_given
from gdfast.data.csr import is_sparse
from gdfast.data.frames import NamedData, validation_by_name
from gdfast.data.summarised import named_or_summarised
from gdfast.options.averaging import EMA
from gdfast.options.custom_loss import Loss
from gdfast.options.declarations import OPTIONS, checked_option
from gdfast.options.optimizers import Optimizer
from gdfast.options.schedules import ReduceOnPlateau, Schedule
from gdfast.results.run import Run
from gdfast.solvers.diagnostics import RateName, can_wait, checked_run, have_risen, warn_if_unstable
from gdfast.solvers.monitoring.progress import BlocksBar
from gdfast.solvers.prepare import prepare, read_blocks
from gdfast.solvers.select import solver_at_start
from gdfast.solvers.training import FitCall, TrainingData, run_solver

__all__ = ["MAY_HOLD_ARRAYS", "fit", "fit_options", "read_in_time", "with_own_arrays"]

MOST_AXES = 64  # of NumPy's arrays: a list deeper than that, or one that holds itself, is refused as no array
MAY_HOLD_ARRAYS = [name for name, option in OPTIONS.items() if option.may_hold_arrays]


def fit(
    X: Any,
    y: Any = None,
    *,
    loss: str | Loss = "squared_error",
    loss_parameter: float | None = None,
    penalty: str | None = None,
    alpha: float = 0.0,
    l1_ratio: float = 0.5,
    penalty_factors: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | str | None = None,
    bounds: tuple[Any, Any] | None = None,
    positive: bool = False,
    batch_size: int | None = None,
    epochs: int = 100,
    learning_rate: float | str | Schedule | ReduceOnPlateau | ArrayLike | Callable[[int], float] = "auto",
    optimizer: str | Optimizer = "gd",
    average: bool | int | EMA | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    coef_init: ArrayLike | None = None,
    intercept_init: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    tol: float | None = None,
    patience: int | None = None,
    gradient_tol: float | None = None,
    validation: Any = None,
    restore_best: bool = False,
    max_seconds: float | None = None,
    on_divergence: str = "warn",
    interrupt: str = "return",
    history: str = "auto",
    history_every: int | str = 1,
    history_limit: int = 10_000_000,
    record: Any = (),
    progress: bool = False,
    callbacks: Any = (),
    callback_every: int | None = None,
    checkpoint: Any = None,
    checkpoint_every: int | None = None,
    checkpoint_seconds: float | None = None,
    solver: str = "auto",
    backend: str = "auto",
    n_threads: int = 1,
) -> Run:
    """Fit a linear model by gradient descent.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i w + b) + alpha R(w) by w <- w - eta grad J: over all rows
    at once (full batch), over batches of rows, or row by row (SGD). The weights s have mean 1; R is |w|^2/2
    for l2, |w|_1 for l1, and their mix for elasticnet; the intercept is never penalised.

    Parameters
    ----------
    X : array-like, frame or sparse matrix of shape (n, n_features), or Summary or Blocks
        The features, finite numbers; float32 stays float32, all else becomes float64. SciPy's sparse formats are
        converted to CSR. The names of a frame's columns (pandas, polars, pyarrow, `read_table`) are kept as
        `Run.feature_names`, and frames that are passed later are matched to them by name.
        A `gdfast.Summary` holds y and the weights too; the closed form, which needs no more, is its only solver.
        `gdfast.Blocks` hold them too, and are read a block at a time: once for the closed form, else once an epoch.
        With y a column's name, X can be a polars.LazyFrame or a pyarrow.dataset.Dataset, which are read in blocks. So
        are dask.array and dask.dataframe, with y of their kind or a column's name, on the workers that hold them.
    y : array-like of shape (n,), (n, 1) or (n, n_outputs), or str, optional
        The targets; several columns for squared_error and huber. For a classification loss two classes with labels
        of any type, the larger in sorted order positive; for multinomial two or more classes. A str is the name of
        X's column that holds them; the other columns are the features. A Summary and Blocks have none.
    loss : str or Loss, default "squared_error"
        For a regression squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive, quantile, or with a log
        link poisson (y >= 0), gamma (y > 0) or tweedie (y >= 0); for a classification log_loss, hinge, squared_hinge,
        modified_huber, perceptron or multinomial (softmax; coef has a row for each class). Or a custom `gdfast.Loss`.
    loss_parameter : float, optional
        For huber delta (1.35, above 0), for both epsilon-insensitive losses epsilon (0.1, at least 0), for quantile the
        level (0.5, between 0 and 1), for tweedie the power (1.5, from 1 to 2; y > 0 for 2).
    penalty : {None, "l2", "l1", "elasticnet"}, default None
        The penalty R: |w|^2/2, |w|_1, or their mix by l1_ratio. l1 is a proximal step after each update; in SGD the
        cumulative penalty of Tsuruoka et al.
    alpha : float, default 0.0
        The penalty's strength, at least 0.
    l1_ratio : float, default 0.5
        The part of l1 in elasticnet, from 0 to 1.
    penalty_factors : array-like of shape (n_features,), optional
        Factors of alpha for each feature, at least 0; 1 by default.
    fit_intercept : bool, default True
        Whether to fit the intercept b; else it stays zero. It is never penalised.
    standardize : bool, default False
        Whether to train on columns scaled to weighted mean 0 and standard deviation 1; a sparse X is not centred.
        Rates, penalties, bounds, clipping and tolerances are then those of the scaled columns; the start, coef,
        intercept and what is recorded of them are in the units of X. A constant column is divided by 1. With
        fit_intercept=False the intercept is zero on the scaled columns.
    sample_weight : array-like of shape (n,) or str, optional
        The weights of the rows, at least 0, not all 0; scaled to mean 1. A str is the name of X's column that holds
        them.
    bounds : (lower, upper), optional
        Bounds of the coefficients, on which they are projected after each update. Numbers, or arrays of shape
        (n_features,), infinite where there is none. The start is projected before the first update. The intercept is
        free.
    positive : bool, default False
        The same as bounds 0 and inf.
    batch_size : int, optional
        Rows in a batch, at least 1: 1 for SGD, b for mini-batches of b rows; by default the full batch. The last batch
        may be smaller, also that of each of `Blocks`, which no batch crosses.
    epochs : int, default 100
        Number of passes over the data, at least 1.
    learning_rate : float, Schedule, array-like, callable or "auto", default "auto"
        The learning rate eta, above 0. A number; a schedule such as ``gdfast.InverseTime(0.1, 0.01)``; an array with
        the rate of each epoch; a callable of the epoch 0, 1, ...; or a ``gdfast.ReduceOnPlateau``. "auto" is 1e-3 for
        Adam and AdamW, 1e-2 for AdaGrad and RMSProp; else 1/L, L the largest curvature that an update can meet, from
        the loss's curvature bound, weights and l2 included. With momentum the curvature of a single row is multiplied
        by 1 / (1 - mu). For losses without a curvature bound "auto" is a rate that converges on standardized data: a
        tenth of that for squared_error, and with a log link that of a curvature of twice the largest y.
    optimizer : str or Optimizer, default "gd"
        One of gd, momentum, nesterov, adagrad, rmsprop, adam, adamw. Or an instance such as ``gdfast.Momentum(0.95)``.
    average : bool, int or EMA, optional
        With an int k, coef is the mean of the iterates after every update beyond the first k epochs. True is k = 0.
        With ``gdfast.EMA(decay, start)`` it is their exponential moving average.
    clip_norm : float, optional
        Largest 2-norm of the gradient of J (coefficients, intercepts and outputs together), above 0.
    clip_value : float, optional
        Largest absolute value of each entry of the gradient of J, above 0; applied after clip_norm.
    coef_init : array-like of shape (n_features,) or (n_outputs, n_features), optional
        The coefficients to start from; zero by default.
    intercept_init : float or array-like of shape (n_outputs,), optional
        The intercept to start from; zero by default.
    shuffle : bool, default True
        Whether SGD and mini-batches take the rows in a new order in each epoch, that of `sample_order`. Else in the
        order of X.
    seed : int, optional
        Seed of the sample order, from 0 to 2**64 - 1; by default one is drawn. It is kept as ``run.seed``.
    tol : float, optional
        At least 0. Stop after `patience` epochs in a row whose cost is above the lowest cost before minus tol. The cost
        is the validation cost, where there is validation, else that of the history.
    patience : int, optional
        Number of such epochs, at least 1; 5 by default. Needs tol or validation; with validation alone tol is 0.
    gradient_tol : float, optional
        At least 0. Stop where the 2-norm of the gradient of J, intercept included, is at most this. It is tested
        at the start, too. With l1 it is the smallest subgradient, with bounds the projected one.
    validation : float or tuple, optional
        A fraction of the rows between 0 and 1, drawn from seed and not trained on. They are `Run.validation_rows`. Or
        (X, y) or (X, y, sample_weight). Its cost, the mean loss at coef without penalty, is computed after every epoch.
    restore_best : bool, default False
        Whether coef is that of the epoch with the lowest validation cost. Needs validation.
    max_seconds : float, optional
        Above 0. Stop after this many seconds, inside an epoch too. `Run.resume` finishes that epoch.
    on_divergence : {"warn", "raise", "backtrack"}, default "warn"
        What to do where a cost or a coefficient is no longer finite: warn and return the state of the epoch before;
        raise DivergenceError; or return to the epoch of the lowest cost, halve the rate for the rest of the training
        and continue (60 times at most, then as "warn").
    interrupt : {"return", "raise"}, default "return"
        Whether Ctrl-C returns the Run of the updates done, or raises KeyboardInterrupt.
    history : {"auto", "objective", "running", "none"}, default "auto"
        Which costs are recorded: "objective" is J after 0, 1, ... epochs; "running" is the mean over epoch 1, 2, ... of
        each sample's loss just before its own update; "auto" is "objective" for the full batch, else "running".
    history_every : int or "log", default 1
        Record every so many epochs, or on a logarithmic grid; the first and last are always kept.
    history_limit : int, default 10_000_000
        At least 2. Whenever more epochs are recorded, every second one is dropped and history_every doubled.
    record : tuple of str, default ()
        Further columns of `Run.history`: any of "learning_rate", "gradient_norm", "coef_norm", "seconds", "coef" (with
        "intercept").
    progress : bool, default False
        Show a progress bar with rate and cost (needs tqdm).
    callbacks : callable, object, or list of them, default ()
        Each has any of on_start(state), on_chunk(state) and on_end(state), or is a function, which is on_chunk.
        on_chunk stops the training by returning True. The state has epoch, epochs, steps, cost, coef, intercept,
        learning_rate, seconds.
    callback_every : int, optional
        Call on_chunk after every so many epochs exactly, at least 1; by default every 20 ms or so.
    checkpoint : path-like, optional
        A file that always holds a Run to resume from with `gdfast.resume`; it must not exist yet.
    checkpoint_every : int, optional
        Number of epochs between two writes of the checkpoint, at least 1.
    checkpoint_seconds : float, optional
        Seconds between two writes of the checkpoint, above 0; 30 by default. With checkpoint_every too, whichever comes
        first.
    solver : {"auto", "closed_form", "collocation", "loop"}, default "auto"
        "closed_form" computes the costs and coefficients of all epochs of full batch on squared_error (without l1) from
        one QR of the data; "collocation" those of a smooth loss from passes over the rows at a few epochs, by
        polynomials that are verified; "loop" runs the epochs one by one; "auto" takes the cheapest one. See
        https://gdfast.readthedocs.io/en/latest/closed-form.html and
        https://gdfast.readthedocs.io/en/latest/collocation.html.
    backend : {"auto", "cython", "numba", "numpy"}, default "auto"
        The backend of the kernels; "auto" is the first available one, or the one that GDFAST_BACKEND names.
    n_threads : int, default 1
        Number of threads that share the passes over all rows (full batch, costs), and mini-batches of 1,024 rows and
        more, on the compiled backend, at least 1.
        No bit of a result depends on it.

    Returns
    -------
    Run
        Coefficients, costs, and why training ended.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above; the message names it and says what to try.
    ImportError
        If the backend named is not available.
    FileExistsError
        If there is a file at `checkpoint`.
    TimeoutError
        If max_seconds are over before all blocks are read once.
    OSError
        If a checkpoint, or a large history in a temporary file, cannot be written; its `run` is the Run of what was
        done.
    KeyboardInterrupt
        At Ctrl-C, if interrupt="raise", or before the first update.
    DivergenceError
        If training diverges and on_divergence="raise"; its `run` is the result that "warn" would have returned.

    Warns
    -----
    StabilityWarning
        If full batch on squared_error at this constant rate will diverge: before training; of a few epochs, which the
        check may take longer than, after them, if their costs have risen. With on_divergence="backtrack" only if the
        costs overflow, where the rate is halved, beyond the epochs asked for.
    DivergenceWarning
        If a cost or a coefficient is no longer finite; the state of the epoch before is returned. Or if the cost at the
        end is growing: above 1,000 times J at the start.

    References
    ----------
    Bottou, L., Curtis, F. E., Nocedal, J., "Optimization methods for large-scale machine learning", SIAM
    Review 60(2), 2018. Tsuruoka, Y., Tsujii, J., Ananiadou, S., "Stochastic gradient descent training for
    L1-regularized log-linear models with cumulative penalty", ACL 2009.

    Examples
    --------
    >>> import gdfast
    >>> X = [[float(x)] for x in range(1, 301)]
    >>> y = [0.5 * row[0] + 2.0 for row in X]
    >>> run = gdfast.fit(X, y, epochs=200_000, learning_rate=0.5e-4)
    >>> print(f"{run.coef[0]:.10f} {run.intercept:.10f} {len(run.costs)}")
    0.5008287640 1.8339723160 200001
    """
    options = dict(locals())
    del options["X"], options["y"], options["sample_weight"]
    for name in MAY_HOLD_ARRAYS:
        if options[name] is not None:
            options[name] = with_own_arrays(options[name])  # the caller's may change, the settings must not
    if isinstance(callbacks, Iterator):
        options["callbacks"] = tuple(callbacks)  # an iterator can be consumed only once
    return fit_options(X, y, sample_weight, options)


def fit_options(
    X: Any,
    y: Any,
    sample_weight: Any,
    options: dict[str, Any],
    rate_name: RateName = RateName(),  # noqa: B008
) -> Run:
    """Fit with the options given as a dict; messages call the learning rate by `rate_name`."""
    started = time.perf_counter()
    progress = checked_option("progress", options["progress"])
    checkpoint = new_checkpoint(options["checkpoint"])
    X, y, sample_weight, names = read_data(X, y, sample_weight, options, started)
    options["validation"] = validation_by_name(options["validation"], names)
    problem, plan = prepare(X, y, sample_weight, options)
    with TimeLimit(plan.deadline(started)):
        solver = solver_at_start(problem, plan)
        given = not isinstance(options["learning_rate"], str)  # "auto" is a stable rate by construction
        waits = given and can_wait(problem, solver)
        if given and not waits:
            warn_if_unstable(problem, solver, rate_name)
    data = TrainingData(problem, plan, X, y, sample_weight)
    run = run_solver(solver, FitCall(options, names, data, None, progress, started, checkpoint))
    if waits and have_risen(run):
        warn_if_unstable(problem, solver, rate_name)
    return checked_run(run, problem, solver, rate_name)


def read_data(X: Any, y: Any, sample_weight: Any, options: dict[str, Any], started: float) -> NamedData:
    """Return the data with their columns taken by name; of blocks what a pass over them finds."""
    if type(X) is type(y) is np.ndarray and not isinstance(sample_weight, str):
        return NamedData(X, y, sample_weight, None)
    if (blocks := blocks_given(X, y, sample_weight)) is None:
        return named_or_summarised(X, y, sample_weight)
    return read_in_time(blocks, options, started)


def read_in_time(blocks: Blocks, options: dict[str, Any], started: float) -> NamedData:
    """Return what a pass over blocks finds; max_seconds and Ctrl-C end it."""
    seconds = checked_option("max_seconds", options["max_seconds"])
    blocks._progress = BlocksBar() if checked_option("progress", options["progress"]) else None
    with Interrupt(math.inf if seconds is None else started + seconds) as interrupt:
        try:
            found = read_blocks(blocks, options)
            return NamedData(found, None, None, found.feature_names)
        except EndIsDueError:
            if interrupt.pressed:
                raise KeyboardInterrupt from None
    raise TimeoutError(
        f"max_seconds={seconds:g} were over before all blocks were read once, without which nothing is fitted; allow "
        "more, or save gdfast.Summary.of(blocks) and fit that"
    )


def new_checkpoint(checkpoint: Any) -> str | None:
    """Return the path of a checkpoint that must not exist yet."""
    if checkpoint is None:
        return None
    path = file_name(checkpoint, "checkpoint")
    if os.path.exists(path):
        raise FileExistsError(
            f"checkpoint={path!r} already exists; resume from it with gdfast.resume(path, X, y), choose another name, "
            "or remove the file"
        )
    folder = os.path.dirname(path) or os.curdir
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"checkpoint={path!r}: the folder {folder!r} does not exist; create it first")
    return path


def with_own_arrays(value: Any, depth: int = 0) -> Any:
    """Return a value with copies of its arrays, down to as many levels of lists as an array may have axes."""
    if type(value) in (tuple, list):
        return type(value)(with_own_arrays(part, depth + 1) for part in value) if depth < MOST_AXES else value
    if isinstance(value, memoryview):
        return np.array(value)
    arrays = is_sparse(value) or (hasattr(value, "__array__") and hasattr(value, "copy"))  # frames are among them
    return value.copy() if arrays else value
