"""Fit and resume: from data and options, or from a file, to a Run."""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gdfast._arguments import flag, whole
from gdfast.again import check_given, check_length, resumed_options
from gdfast.call import NO_CHECKPOINT, Call, check_loss, descend, lead
from gdfast.closed_form import factorize
from gdfast.data.csr import is_sparse
from gdfast.data.fingerprint import fingerprint
from gdfast.followed import Followed
from gdfast.loop import Descent
from gdfast.options.averaging import EMA
from gdfast.options.custom_loss import Loss
from gdfast.options.learning_rates import CallableRates
from gdfast.options.optimizers import Optimizer
from gdfast.options.schedules import ReduceOnPlateau, Schedule
from gdfast.prepare import prepare
from gdfast.results.run import Run
from gdfast.results.run_file import NotSaved, file_name
from gdfast.results.stop_reason import StopReason
from gdfast.verdict import RateWords, told

__all__ = ["fit", "go_on", "resume"]


def fit(
    X: Any,
    y: Any,
    *,
    loss: str | Loss = "squared_error",
    loss_parameter: float | None = None,
    penalty: str | None = None,
    alpha: float = 0.0,
    l1_ratio: float = 0.5,
    penalty_factors: ArrayLike | None = None,
    fit_intercept: bool = True,
    sample_weight: ArrayLike | None = None,
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
    X : array-like or sparse matrix, shape (n, n_features)
        Finite numbers; float32 stays float32, all else becomes float64. SciPy's sparse formats are taken as CSR.
    y : array-like, shape (n,), (n, 1) or (n, n_outputs)
        Targets; several columns for squared_error and huber. For a classification loss two kinds of labels
        of any type, the larger in sorted order positive; for multinomial two or more.
    loss : str or Loss, default "squared_error"
        For a regression squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive, quantile or
        poisson (y >= 0); for a classification log_loss, hinge, squared_hinge, modified_huber or perceptron, or
        multinomial (softmax; coef has a row for each class); or your own, a `gdfast.Loss`.
    loss_parameter : float, optional
        huber's delta (1.35, above 0), epsilon (0.1, at least 0), quantile's level (0.5, between 0 and 1).
    penalty : {None, "l2", "l1", "elasticnet"}, default None
        R. l1 is a proximal step after each update; in SGD the cumulative penalty of Tsuruoka et al.
    alpha : float, default 0.0
        The penalty's strength, at least 0.
    l1_ratio : float, default 0.5
        The part of l1 in elasticnet, from 0 to 1.
    penalty_factors : array-like, shape (n_features,), optional
        At least 0: what alpha is multiplied by for each feature.
    fit_intercept : bool, default True
        Whether to fit b; else it stays zero.
    sample_weight : array-like, shape (n,), optional
        At least 0, not all 0; scaled to mean 1.
    bounds : (lower, upper), optional
        Numbers, or one for each feature, infinite where there is none: coefficients are projected on them after
        each update (the intercept is free), a start outside first.
    positive : bool, default False
        The same as bounds=(0, inf).
    batch_size : int, optional
        None for the full batch, 1 for SGD, b for mini-batches of b rows; the last one is smaller.
    epochs : int, default 100
        Passes over the data, at least 1.
    learning_rate : float, Schedule, array-like, callable or "auto", default "auto"
        eta, above 0: a number; a schedule such as ``gdfast.InverseTime(0.1, 0.01)``; an array with the rate
        of each epoch; a callable of the epoch 0, 1, ...; or a ``gdfast.ReduceOnPlateau``. "auto" is 1e-3 for Adam
        and AdamW, 1e-2 for AdaGrad and RMSProp; else 1/L, L the largest curvature that an update can meet, from
        the loss's curvature bound, weights and l2 included; with momentum a single row's counts 1/(1 - mu) times.
        Losses without a bound take a stand-in that converges on standardized data: a tenth of squared error's
        rate, for poisson a curvature of twice the largest y.
    optimizer : str or Optimizer, default "gd"
        "gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", or an instance such as
        ``gdfast.Momentum(0.95)``.
    average : bool, int or EMA, optional
        coef is the mean of the iterates after all updates of the epochs beyond so many (True: 0), or with
        ``gdfast.EMA(decay, start)`` their exponential mean.
    clip_norm, clip_value : float, optional
        Above 0: the largest norm of the gradient of J (coefficients, intercepts and outputs together), and then
        the largest size of each of its values.
    coef_init, intercept_init : array-like, optional
        The start, in the shape of the results; zero by default.
    shuffle : bool, default True
        Whether SGD and mini-batches take the rows in the order of `sample_order`, else as they stand.
    seed : int, optional
        Of that order, from 0 to 2**64 - 1; by default one is drawn and kept as ``run.seed``.
    tol : float, optional
        Stop where the cost makes no progress: it is above the least before it minus tol, in so many epochs
        in a row as `patience` says. The cost is the validation cost, where there is validation, else the one
        that history has.
    patience : int, optional
        At least 1; 5 where tol is given without it. With validation and no tol, tol is 0.
    gradient_tol : float, optional
        Stop after an epoch where the norm of the gradient of J is at most this: with the intercept, of the
        smallest subgradient with l1, projected on the bounds.
    validation : float or tuple, optional
        A part of the rows between 0 and 1, drawn from seed (`Run.validation_rows`) and not trained on; or (X, y)
        or (X, y, sample_weight). Its cost, the mean loss of coef without penalty, is computed after every epoch.
    restore_best : bool, default False
        Whether coef is that of the epoch with the lowest validation cost.
    max_seconds : float, optional
        Above 0: stop when the call has taken so long, within an epoch too; `Run.resume` finishes it.
    on_divergence : {"warn", "raise", "backtrack"}, default "warn"
        Whether a descent that leaves the finite numbers warns and returns the epoch before; raises; or returns to
        the epoch of the lowest cost, halves the rate for good and goes on (60 times at most, then as "warn").
    interrupt : {"return", "raise"}, default "return"
        Whether Ctrl-C returns the Run of what was done, or raises KeyboardInterrupt.
    history : {"auto", "objective", "running", "none"}, default "auto"
        What costs are: J after 0, 1, ... epochs (for full batch by default), or the mean over epoch 1, 2, ...
        of each sample's loss just before its own update (otherwise by default), or none.
    history_every : int or "log", default 1
        Record every so many epochs, or a logarithmic grid; the first and last are always kept.
    history_limit : int, default 10_000_000
        Beyond so many recorded epochs every second one is dropped and history_every doubled, again and again.
    record : tuple of str, default ()
        What `Run.history` has beside the cost: any of "learning_rate", "gradient_norm", "coef_norm", "seconds",
        "coef" (brings "intercept").
    progress : bool, default False
        Show a progress bar with rate and cost (needs tqdm).
    callbacks : callable, object, or list of them, default ()
        Each has any of on_start(state), on_chunk(state) and on_end(state), or is a function, which is on_chunk;
        True from on_chunk stops. The state has epoch, epochs, steps, cost, coef, intercept, learning_rate, seconds.
    callback_every : int, optional
        Call on_chunk after every so many epochs exactly; by default every 20 ms or so.
    checkpoint : path-like, optional
        A file, which must not exist yet, that always holds a Run to go on from with `gdfast.resume`.
    checkpoint_every, checkpoint_seconds : int, float, optional
        After how many epochs or seconds it is written anew, whichever comes first; by default 30 seconds.
    solver : {"auto", "closed_form", "loop"}, default "auto"
        "closed_form" finds the whole path of full batch on squared_error (without l1) from one QR of the data,
        "loop" walks the epochs one by one; "auto" takes the one that is cheaper, see docs/closed-form.md.
    backend : {"auto", "cython", "numba", "numpy"}, default "auto"
        What the kernels run on; "auto" is the first that is there, or what GDFAST_BACKEND names.
    n_threads : int, default 1
        Threads that share the passes over all rows (full batch, costs) on the compiled backend, at least 1; no bit
        of a result depends on it.

    Returns
    -------
    Run
        Coefficients, costs, and how it went.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above; the message names it and says what to try.
    ImportError
        If the backend named is missing.
    FileExistsError
        If there is a file at `checkpoint`.
    KeyboardInterrupt
        At Ctrl-C, if interrupt="raise", or before the first update.
    DivergenceError
        If the descent diverges and on_divergence="raise"; its `run` is what would have been returned.

    Warns
    -----
    StabilityWarning
        Before training, if full batch on squared_error at this constant rate will diverge.
    DivergenceWarning
        If a cost or a coefficient leaves the finite numbers; the state of the epoch before is returned.

    Examples
    --------
    >>> import gdfast
    >>> X = [[float(x)] for x in range(1, 301)]
    >>> y = [0.5 * row[0] + 2.0 for row in X]
    >>> run = gdfast.fit(X, y, epochs=200_000, learning_rate=0.5e-4)
    >>> print(f"{run.coef[0]:.10f} {run.intercept:.10f} {len(run.costs)}")
    0.5008287640 1.8339723160 200001

    References
    ----------
    Bottou, L., Curtis, F. E., Nocedal, J., "Optimization methods for large-scale machine learning", SIAM
    Review 60(2), 2018. Tsuruoka, Y., Tsujii, J., Ananiadou, S., "Stochastic gradient descent training for
    L1-regularized log-linear models with cumulative penalty", ACL 2009.
    """
    options = dict(locals())
    del options["X"], options["y"], options["sample_weight"]
    for name in ("coef_init", "intercept_init", "learning_rate", "penalty_factors", "bounds", "validation"):
        if options[name] is not None:
            options[name] = own_copy(options[name])  # the caller's may change, the settings must not
    return descend(X, y, sample_weight, options)


def own_copy(value: Any) -> Any:
    """Return a value with copies of its arrays."""
    if isinstance(value, tuple):
        return tuple(own_copy(part) for part in value)
    return value.copy() if isinstance(value, np.ndarray) or is_sparse(value) else value


def resume(
    path: str | os.PathLike[str],
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    epochs: int | None = None,
    **again: Any,
) -> Run:
    """Go on from a checkpoint, and go on writing it.

    The result is, to the bit, that of the fit that was cut off.

    Parameters
    ----------
    path : path-like
        What `fit` was given as checkpoint.
    X, y, sample_weight : array-like
        The data again; every value, shape and dtype must be the same.
    epochs : int, optional
        None finishes the call that was cut off; else so many epochs beyond those in the file, 0 allowed.
    **again
        What a file cannot hold: learning_rate (a callable), callbacks, loss (your own); and progress,
        max_seconds, interrupt, callback_every.

    Returns
    -------
    Run
        With the whole history.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is cut off or foreign, or the fingerprint of the data is another.

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
    name = file_name(path)
    run = Run.load(name)
    check_given(again, run.settings)
    check_data(run, X, y, sample_weight)
    if epochs is None:
        memory = {} if run.memory_by is None else run.memory_by()
        cut_off = run.stop_reason in (StopReason.INTERRUPTED, StopReason.MAX_SECONDS)
        target = memory["epochs"] if cut_off else run.epochs
        if not cut_off:
            return run
    else:
        target = run.epochs + whole("epochs", epochs, 0, 2**53)
    return continue_loaded(run, target, (X, y, sample_weight), again, name)


def go_on(run: Run, epochs: int, X: Any, y: Any, sample_weight: Any, again: dict[str, Any]) -> Run:
    """Go on from a Run, in memory or loaded."""
    check_given(again, run.settings)
    if X is None:
        if y is not None or sample_weight is not None:
            raise ValueError("y or sample_weight is given without X; give all of the data, or none of it")
        if run.resume_by is None:
            raise ValueError(
                "a Run that was loaded from a file has no data to go on with; give it: resume(epochs, X, y)"
            )
    else:
        check_data(run, X, y, sample_weight)
    if run.resume_by is not None:
        return run.resume_by(epochs, again)
    return continue_loaded(run, run.epochs + epochs, (X, y, sample_weight), again, None)


def check_data(run: Run, X: Any, y: Any, sample_weight: Any) -> None:
    """Raise an error unless the data are those of the Run."""
    if y is None:
        raise ValueError("X is given without y; give both, resume(epochs, X, y)")
    if run.fingerprint_by is None or run.memory_by is None:
        raise ValueError("this Run's file holds no state to go on from; fit again from its coef")
    if any(run.extra.get("center", ())) or any(scale != 1.0 for scale in run.extra.get("scale", ())):
        raise ValueError("this Run was trained on standardized columns, which the file does not hold; fit again")
    if fingerprint(X, y, sample_weight) != run.fingerprint_by():
        raise ValueError(
            "the fingerprint of X, y and sample_weight is not that of the data this Run was trained on: every value, "
            "shape and dtype must be the same; give the same data, or fit anew with coef_init"
        )


def continue_loaded(run: Run, target: int, data: tuple[Any, Any, Any], again: dict[str, Any], path: str | None) -> Run:
    """Go on from a loaded Run to an epoch."""
    options = resumed_options({**(fit.__kwdefaults__ or {}), **run.settings}, again, target)
    if "callbacks" not in again:
        options["callbacks"], options["callback_every"] = (), again.get("callback_every")
    for name, what in (("learning_rate", "callable"), ("loss", "custom loss")):
        if isinstance(options[name], NotSaved):
            raise ValueError(f"a file cannot hold the {what} that this Run has; give {name}= again")
    options |= {"seed": run.seed, "backend": run.backend, "solver": run.solver}
    if run.learning_rate is not None:
        options["learning_rate"] = run.learning_rate
    if path is None:
        options |= NO_CHECKPOINT
    problem, plan = prepare(*data, options)
    check_length(plan, target)
    memory: dict[str, Any] = {} if run.memory_by is None else run.memory_by()
    if run.solver == "closed_form":
        path_of = Followed(problem, plan, factorize(problem, plan.model), memory["first"])
        known_rates(path_of, run, memory)
        ended: Descent | Followed = path_of
    else:
        ended = Descent(problem, plan, target)
        ended.recall(memory, run.history)
        if isinstance(options["loss"], Loss):
            W, b = np.array(run.coef, ndmin=2), np.array(run.intercept, np.float64, ndmin=1)
            check_loss(options["loss"], ended, W, b, run.cost)
    known = run.fingerprint_by or (lambda: fingerprint(*data))
    call = Call(options, known, flag("progress", options["progress"]), time.perf_counter(), path)
    return told(lead(ended, target, call), ended, RateWords(), 5)


def known_rates(path: Followed, run: Run, memory: dict[str, Any]) -> None:
    """Take the rates of the epochs that are done from the file, or make sure that the callable gives the same path."""
    rates = path.plan.rates
    if not isinstance(rates, CallableRates):
        return
    if "rates" in memory:
        rates.known = dict(enumerate(memory["rates"].tolist()))
        return
    coef, intercept = path.problem.shaped(*path.parameters(run.epochs))
    close = np.allclose(coef, run.last_coef, 1e-6, 1e-6 * float(np.abs(run.last_coef).max()))
    if not (close and np.allclose(intercept, run.last_intercept, 1e-6, 1e-6 * float(np.abs(run.last_coef).max()))):
        raise ValueError(
            f"learning_rate={rates.function!r} is not the one that this Run was fitted with: up to epoch {run.epochs} "
            "it leads to other coefficients; give the same callable, or fit anew with coef_init"
        )
