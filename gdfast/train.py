"""Problem + Plan -> Run: picks the solver, runs it, and says what there is to say."""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gdfast.arguments import choice, flag
from gdfast.backends import choose
from gdfast.closed_form import factorize, missing_requirements
from gdfast.curvature import auto_rate, stable_rate, surely_stable
from gdfast.divergence import DivergenceError, DivergenceWarning, StabilityWarning
from gdfast.followed import Followed, trial_path
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.schedules import Schedule
from gdfast.loop import Descent
from gdfast.optimizers import Optimizer, make_optimizer
from gdfast.plan import Plan, make_batch_size, make_model, make_plan
from gdfast.problem import Problem, make_problem
from gdfast.progress import Progress
from gdfast.run import Run
from gdfast.solver_choice import closed_form_is_cheaper
from gdfast.stop_reason import StopReason

__all__ = ["EachEpoch", "RateWords", "descend", "fit", "prepare"]

# Called with an epoch's number, the cost before it, and the coefficients and intercept after it.
EachEpoch = Callable[[int, float, NDArray[Any], float], None]


class RateWords(NamedTuple):
    """What a door calls the learning rate, and its rate for ours being 1."""

    name: str = "learning_rate"
    factor: float = 1.0


def fit(
    X: Any,
    y: Any,
    *,
    loss: str = "squared_error",
    loss_parameter: float | None = None,
    penalty: str | None = None,
    alpha: float = 0.0,
    l1_ratio: float = 0.5,
    fit_intercept: bool = True,
    sample_weight: ArrayLike | None = None,
    batch_size: int | None = None,
    epochs: int = 100,
    learning_rate: float | str | Schedule | ArrayLike | Callable[[int], float] = "auto",
    optimizer: str | Optimizer = "gd",
    coef_init: ArrayLike | None = None,
    intercept_init: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    tol: float | None = None,
    patience: int | None = None,
    on_divergence: str = "warn",
    history: str = "auto",
    history_every: int | str = 1,
    history_limit: int = 10_000_000,
    progress: bool = False,
    solver: str = "auto",
    backend: str = "auto",
) -> Run:
    """Fit a linear model by gradient descent.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i w + b) + alpha R(w) by w <- w - eta grad J: over all rows
    at once (full batch), over batches of rows, or row by row (SGD). The weights s have mean 1; R is |w|^2/2
    for l2, |w|_1 for l1, and their mix for elasticnet; the intercept is never penalised.

    Parameters
    ----------
    X : array-like, shape (n, n_features)
        Finite numbers; float32 stays float32, all else becomes float64.
    y : array-like, shape (n,), (n, 1) or (n, n_outputs)
        Targets; several columns for squared_error and huber. For a classification loss two kinds of labels
        of any type, the larger in sorted order positive.
    loss : str, default "squared_error"
        For a regression squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive, quantile or
        poisson (y >= 0); for a classification log_loss, hinge, squared_hinge, modified_huber or perceptron.
    loss_parameter : float, optional
        huber's delta (1.35, above 0), epsilon (0.1, at least 0), quantile's level (0.5, between 0 and 1).
    penalty : {None, "l2", "l1", "elasticnet"}, default None
        R. l1 is a proximal step after each update; in SGD the cumulative penalty of Tsuruoka et al.
    alpha : float, default 0.0
        The penalty's strength, at least 0.
    l1_ratio : float, default 0.5
        The part of l1 in elasticnet, from 0 to 1.
    fit_intercept : bool, default True
        Whether to fit b; else it stays zero.
    sample_weight : array-like, shape (n,), optional
        At least 0, not all 0; scaled to mean 1.
    batch_size : int, optional
        None for the full batch, 1 for SGD, b for mini-batches of b rows; the last one is smaller.
    epochs : int, default 100
        Passes over the data, at least 1.
    learning_rate : float, Schedule, array-like, callable or "auto", default "auto"
        eta, above 0: a number; a schedule such as ``gdfast.InverseTime(0.1, 0.01)``; an array with the rate
        of each epoch; or a callable of the epoch 0, 1, ... "auto" is 1/L, L the largest curvature that an
        update can meet, from the loss's curvature bound, weights and l2 included. Losses without a bound take
        a stand-in that converges on standardized data: a tenth of squared error's rate, for poisson a curvature
        of twice the largest y.
    optimizer : str or Optimizer, default "gd"
        "gd", "momentum", "nesterov", or an instance such as ``gdfast.Momentum(0.95)``.
    coef_init, intercept_init : array-like, optional
        The start, in the shape of the results; zero by default.
    shuffle : bool, default True
        Whether SGD and mini-batches take the rows in the order of `sample_order`, else as they stand.
    seed : int, optional
        Of that order, from 0 to 2**64 - 1; by default one is drawn and kept as ``run.seed``.
    tol : float, optional
        Stop where the cost makes no progress: it is above the least before it minus tol, in so many epochs
        in a row as `patience` says. The cost is the one that history has.
    patience : int, optional
        At least 1; 5 where tol is given without it.
    on_divergence : {"warn", "raise"}, default "warn"
        Whether a descent that leaves the finite numbers warns and returns the epoch before, or raises.
    history : {"auto", "objective", "running", "none"}, default "auto"
        What costs are: J after 0, 1, ... epochs (for full batch by default), or the mean over epoch 1, 2, ...
        of each sample's loss just before its own update (otherwise by default), or none.
    history_every : int or "log", default 1
        Record every so many epochs, or a logarithmic grid; the first and last are always kept.
    history_limit : int, default 10_000_000
        Beyond so many recorded epochs every second one is dropped and history_every doubled, again and again.
    progress : bool, default False
        Show a progress bar (needs tqdm).
    solver : {"auto", "closed_form", "loop"}, default "auto"
        "closed_form" finds the whole path of full batch on squared_error (without l1) from one QR of the data,
        "loop" walks the epochs one by one; "auto" takes the one that is cheaper, see docs/closed-form.md.
    backend : {"auto", "cython", "numba", "numpy"}, default "auto"
        What the kernels run on; "auto" is the first that is there, or what GDFAST_BACKEND names.

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
    for name in ("coef_init", "intercept_init", "learning_rate"):
        if isinstance(options[name], np.ndarray):
            options[name] = options[name].copy()  # the caller's may change, the settings must not
    return descend(X, y, sample_weight, options)


def descend(
    X: Any,
    y: Any,
    sample_weight: Any,
    options: dict[str, Any],
    words: RateWords = RateWords(),  # noqa: B008
    depth: int = 1,
    each_epoch: EachEpoch | None = None,
) -> Run:
    """Return the Run of fit's arguments; depth is how many calls above this one the user's is."""
    progress = flag("progress", options["progress"])
    problem, plan = prepare(X, y, sample_weight, options)
    started = time.perf_counter()
    if each_epoch is None and takes_closed_form(problem, plan):
        ended: Descent | Followed = Followed(problem, plan, factorize(problem, plan.model))
    else:
        ended = Descent(problem, plan)
    if not isinstance(options["learning_rate"], str):  # "auto" is stable by its making
        warn_before(ended, words, depth + 3)
    with Progress(plan.epochs, progress) as bar:
        if isinstance(ended, Followed):
            ended.run_to(plan.epochs)
            bar.show(ended.last)
        else:
            walk(ended, plan.epochs, bar.show, each_epoch)
    run = make_run(ended, options, time.perf_counter() - started)
    warn_after(run, ended, words, depth + 3)
    return run


def takes_closed_form(problem: Problem, plan: Plan) -> bool:
    """Choose the solver; raise where the one asked for does not apply."""
    if plan.solver == "loop":
        return False
    missing = missing_requirements(plan)
    if plan.solver == "closed_form":
        if missing:
            raise ValueError(f"solver='closed_form' needs {', and '.join(missing)}; use solver='auto' or 'loop'")
        return True
    return not missing and closed_form_is_cheaper(problem, plan)


def walk(descent: Descent, epochs: int, on_chunk: Callable[[int], None], each_epoch: EachEpoch | None = None) -> None:
    """Run the loop to the given number of epochs."""
    if each_epoch is None:
        descent.run_to(epochs, on_chunk)
    else:
        step_by_step(descent, each_epoch)
    descent.finish()


def step_by_step(descent: Descent, each_epoch: EachEpoch) -> None:
    """Run the epochs of one output one by one; tell each: its number, the cost before it, the weights after it."""
    for epoch in range(1, descent.plan.epochs + 1):
        descent.run_to(epoch, lambda done: None)
        if descent.ended:
            break
        each_epoch(epoch, descent.latest[epoch - 1], descent.state.W[0], float(descent.state.b[0]))


def prepare(X: Any, y: Any, sample_weight: Any, options: dict[str, Any]) -> tuple[Problem, Plan]:
    """Return the Problem and the Plan of fit's arguments."""
    loss = choice("loss", options["loss"], LOSSES)
    backend = choose(options["backend"])
    names = ("loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")
    model = make_model(loss, *[options[name] for name in names], optimizer=make_optimizer(options["optimizer"]))
    problem = make_problem(X, y, loss, sample_weight)
    rate = options["learning_rate"]
    if isinstance(rate, str):
        if rate != "auto":
            raise ValueError(
                f'learning_rate={rate!r} must be a number above 0, a schedule, an array, a callable or "auto"'
            )
        rate = auto_rate(problem, model, make_batch_size(options["batch_size"], len(problem.X)))
    return problem, make_plan(problem, model, rate, options, backend)


def warn_before(ended: Descent | Followed, words: RateWords, level: int) -> None:
    """Say before training that it will diverge, and from which rate on."""
    problem, plan = ended.problem, ended.plan
    rate = plan.rates.constant
    if rate is None:
        return
    if isinstance(ended, Followed):
        path = ended.path if ended.path.grows else None
    else:
        stable = surely_stable(problem, plan.model, plan.batch_size, rate)
        path = None if stable else trial_path(problem, plan)
    if path is None or not path.grows or not path.finite(0):
        return
    epoch = path.bad_epoch(2**53)
    limit = stable_rate(problem, plan.model, plan.batch_size)
    largest, smallest = (float(value) for value in path.factors.curvatures[[0, -1]])
    when = f"in epoch {epoch:,}" if epoch else "in the end"
    highest = (limit or 0.0) * words.factor
    text = (
        f"{words.name}={rate * words.factor:.6g} is above {highest:.4g}, the largest stable rate: the costs will "
        f"grow, and overflow {when}. Lower it"
    )
    if largest > 1e4 * smallest > 0:
        text += ", or standardize the features, (X - X.mean(0)) / X.std(0): "
        text += f"the condition number is {largest / smallest:.3g}"
    warnings.warn(text, StabilityWarning, stacklevel=level)


def warn_after(run: Run, ended: Descent | Followed, words: RateWords, level: int) -> None:
    """Say that the descent diverged, and which rate would not; or raise, if that was asked for."""
    if run.diverged_at is None:
        return
    plan = ended.plan
    limit = None
    if plan.rates.constant is not None:
        limit = stable_rate(ended.problem, plan.model, plan.batch_size)
    below = "a lower rate" if limit is None else f"a rate below {limit * words.factor:.4g}, the largest stable one,"
    rate = plan.rates.take(run.diverged_at - 1, 1)[0] * words.factor
    text = (
        f"the descent diverged in epoch {run.diverged_at} at {words.name}={rate:.6g}; the state after epoch "
        f"{run.epochs} is returned. Try {below} or standardize the features"
    )
    if plan.on_divergence == "raise":
        raise DivergenceError(text, run)
    warnings.warn(text, DivergenceWarning, stacklevel=level)


def make_run(ended: Descent | Followed, options: dict[str, Any], seconds: float) -> Run:
    """Return the Run of a descent that has ended."""
    state, problem, plan = ended.state, ended.problem, ended.plan
    reason = StopReason.EPOCHS
    if ended.diverged_at is not None:
        reason = StopReason.DIVERGED
    elif ended.stopped:
        reason = StopReason.TOL

    def resume(epochs: int) -> Run:
        started = time.perf_counter()
        again, target = ended.continued(), state.epoch + epochs
        if plan.rates.length is not None and plan.rates.length < target:
            raise ValueError(f"learning_rate holds {plan.rates.length} rates, and {target} epochs need one for each")
        if isinstance(again, Followed):
            again.run_to(target)
        else:
            walk(again, target, lambda done: None)
        run = make_run(again, {**options, "epochs": target}, time.perf_counter() - started)
        warn_after(run, again, RateWords(), 4)
        return run

    return Run(
        coef=state.W.copy() if problem.several else state.W[0].copy(),
        intercept=state.b.copy() if problem.several else float(state.b[0]),
        cost=ended.final_cost,
        epochs=state.epoch,
        steps=state.steps,
        seconds=seconds,
        stop_reason=reason,
        diverged_at=ended.diverged_at,
        solver="closed_form" if isinstance(ended, Followed) else "loop",
        backend=plan.backend,
        seed=plan.seed,
        learning_rate=plan.rates.constant,
        settings=options,
        classes=problem.classes,
        history_source=ended.history,
        resume_by=resume,
        at_by=ended.at if isinstance(ended, Followed) else None,
    )
