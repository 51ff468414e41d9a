"""Problem + Plan -> Run: the one loop over chunks of epochs."""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gdfast.arguments import choice, flag, real
from gdfast.backends import choose, load
from gdfast.curvature import auto_rate, stable_rate
from gdfast.divergence import DivergenceWarning
from gdfast.formulas.losses import LOSSES
from gdfast.history import History
from gdfast.optimizers import Optimizer, make_optimizer
from gdfast.plan import SOLVERS, Plan, make_batch_size, make_model, make_plan
from gdfast.problem import Problem, make_problem
from gdfast.progress import Progress
from gdfast.run import Run
from gdfast.state import State
from gdfast.stop_reason import StopReason

__all__ = ["Descent", "EachEpoch", "RateWords", "descend", "fit", "prepare"]

# Called with an epoch's number, the cost before it, and the coefficients and intercept after it.
EachEpoch = Callable[[int, float, NDArray[Any], float], None]

# A call of a kernel lasts about this long: signals and progress come through, and its overhead does not count.
CHUNK_SECONDS = 0.02
# Costs held by one call: half a megabyte.
LARGEST_CHUNK = 65_536
# Products (rows times features) of a first chunk, whose speed is not known yet.
FIRST_PRODUCTS = 200_000


class Descent:
    """A Problem on its way down: the state, the kernels and what is kept."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem, self.plan = problem, plan
        self.state = State(problem, plan)
        self.kernels = load(plan.backend).Kernels(problem, plan.model)
        self.history = None if plan.grid is None else History(plan.grid, plan.history_limit)
        self.diverged_at: int | None = None
        self.latest: dict[int, float] = {}  # the last two costs of the kind that history has
        rows = problem.X.shape[0] if plan.batch_size is None else plan.batch_size
        self.chunk = max(1, min(LARGEST_CHUNK, FIRST_PRODUCTS // (rows * problem.X.shape[1])))

    def run_to(self, epochs: int, on_chunk: Callable[[int], None]) -> None:
        """Descend to the given number of epochs, or to the bad epoch before it."""
        by_epoch = self.plan.objective and self.plan.batch_size is not None
        if by_epoch and self.state.steps == 0:
            self.record(0, np.array([self.cost()]))
        while self.state.epoch < epochs and self.diverged_at is None:
            target = epochs
            if by_epoch and self.history is not None:
                target = min(epochs, self.history.grid.after(self.state.epoch))
            while self.state.epoch < target and self.diverged_at is None:
                self.timed_chunk(target)
                on_chunk(self.state.epoch)
            if by_epoch and self.diverged_at is None:
                self.record(self.state.epoch, np.array([self.cost()]))

    def timed_chunk(self, target: int) -> None:
        """Run one chunk towards the target epoch and learn from its time."""
        state = self.state
        left = (target - state.epoch) * state.steps_per_epoch - state.position
        steps = min(self.chunk, left)
        started = time.perf_counter()
        if state.batch_size is None:
            self.batch(steps)
        else:
            self.stochastic(steps)
        seconds = time.perf_counter() - started
        grown = int(steps * CHUNK_SECONDS / max(seconds, 1e-9))
        self.chunk = max(1, min(LARGEST_CHUNK, grown, 4 * self.chunk))

    def rates(self, epochs: int) -> NDArray[np.float64]:
        """Return the rates of the epochs to come, the current one first."""
        return np.full(epochs, self.plan.learning_rate)

    def batch(self, epochs: int) -> None:
        """Run full-batch epochs; their costs are those before each (objective) or during each (running)."""
        state, costs, start = self.state, np.empty(epochs), self.state.epoch
        done = self.kernels.batch(state, self.rates(epochs), self.plan.objective, costs)
        if done >= 0:
            state.advance(epochs)
        else:
            self.diverge(start + ~done)
        if self.plan.objective:
            self.record(start, costs[: state.epoch - start + (done < 0)])
        else:
            self.record(start + 1, costs[: max(0, state.epoch - start)])

    def stochastic(self, steps: int) -> None:
        """Run mini-batch or SGD updates."""
        state, start = self.state, self.state.epoch
        ending = (state.position + steps) // state.steps_per_epoch
        costs = np.empty(ending)
        done = self.kernels.stochastic(state, steps, self.rates(ending + 1), False, costs)
        if done >= 0:
            state.advance(steps)
        else:
            self.diverge(start + ~done + 1)
        if not self.plan.objective:
            self.record(start + 1, costs[: state.epoch - start])

    def diverge(self, bad_epoch: int) -> None:
        """Note the bad epoch and return to the state of the one before."""
        if bad_epoch == 0:
            raise ValueError(
                "the cost is not finite at the start: the values of X, y, coef_init or intercept_init are too large "
                "for the loss; scale X and y, or start nearer to zero"
            )
        self.diverged_at = bad_epoch
        self.state.restore(bad_epoch - 1)

    def cost(self) -> float:
        """Return J at the iterate: the cost that one more full-batch epoch would record, so equal to the bit."""
        costs = np.full(1, np.inf)
        self.kernels.batch(self.state.scratch(), np.zeros(1), True, costs)
        return float(costs[0])

    def record(self, first: int, costs: NDArray[np.float64]) -> None:
        """Keep the costs of the epochs first, first + 1, ..."""
        last = first + len(costs) - 1
        known = {
            **self.latest,
            **{first + i: float(costs[i]) for i in range(max(0, len(costs) - 2), len(costs))},
        }
        self.latest = {epoch: cost for epoch, cost in known.items() if epoch >= last - 1}
        if self.history is not None:
            self.history.add(first, costs)

    def finish(self) -> None:
        """Bring the last cost into the history; a last J that is not finite is a bad epoch too."""
        final = self.cost()
        if not np.isfinite(len(self.problem.X) * final) and self.diverged_at is None:
            self.diverge(self.state.epoch)
            final = self.cost()
        self.final_cost = final
        if self.history is not None:
            epoch = self.state.epoch
            self.history.close(epoch, final if self.plan.objective else self.latest.get(epoch))

    def warning(self, words: "RateWords") -> str:
        """Return a sentence on the bad epoch, and on the rate that would not have one."""
        limit = stable_rate(self.problem, self.plan.model, self.plan.batch_size)
        below = "a lower rate"
        if limit is not None:
            below = f"a rate below {limit * words.factor:.4g}, the largest stable one,"
        return (
            f"the descent diverged in epoch {self.diverged_at} at {words.name}="
            f"{self.plan.learning_rate * words.factor:.6g}; the state after epoch {self.state.epoch} is returned. "
            f"Try {below} or standardize the features"
        )


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
    learning_rate: float | str = "auto",
    optimizer: str | Optimizer = "gd",
    coef_init: ArrayLike | None = None,
    intercept_init: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int | None = None,
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
    learning_rate : float or "auto", default "auto"
        eta, above 0. "auto" is 1/L, L the largest curvature that an update can meet, from the loss's
        curvature bound, weights and l2 included. Losses without a bound take a stand-in that converges on
        standardized data: a tenth of squared error's rate, for poisson a curvature of twice the largest y.
    optimizer : str or Optimizer, default "gd"
        "gd", "momentum", "nesterov", or an instance such as ``gdfast.Momentum(0.95)``.
    coef_init, intercept_init : array-like, optional
        The start, in the shape of the results; zero by default.
    shuffle : bool, default True
        Whether SGD and mini-batches take the rows in the order of `sample_order`, else as they stand.
    seed : int, optional
        Of that order, from 0 to 2**64 - 1; by default one is drawn and kept as ``run.seed``.
    history : {"auto", "objective", "running", "none"}, default "auto"
        What costs are: J after 0, 1, ... epochs (for full batch by default), or the mean over epoch 1, 2, ...
        of each sample's loss just before its own update (otherwise by default), or none.
    history_every : int or "log", default 1
        Record every so many epochs, or a logarithmic grid; the first and last are always kept.
    history_limit : int, default 10_000_000
        Beyond so many recorded epochs every second one is dropped and history_every doubled, again and again.
    progress : bool, default False
        Show a progress bar (needs tqdm).
    solver : {"auto", "loop"}, default "auto"
        "loop" walks the epochs one by one.
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

    Warns
    -----
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
    descent = Descent(problem, plan)
    with Progress(plan.epochs, progress) as bar:
        if each_epoch is None:
            descent.run_to(plan.epochs, bar.show)
        else:
            step_by_step(descent, each_epoch)
    descent.finish()
    if descent.diverged_at is not None:
        warnings.warn(descent.warning(words), DivergenceWarning, stacklevel=depth + 2)
    return make_run(descent, options, time.perf_counter() - started)


def step_by_step(descent: Descent, each_epoch: EachEpoch) -> None:
    """Run the epochs of one output one by one, and tell each: its number, the cost before it, the weights after it."""
    for epoch in range(1, descent.plan.epochs + 1):
        descent.run_to(epoch, lambda done: None)
        if descent.diverged_at is not None:
            break
        each_epoch(epoch, descent.latest[epoch - 1], descent.state.W[0], float(descent.state.b[0]))


def prepare(X: Any, y: Any, sample_weight: Any, options: dict[str, Any]) -> tuple[Problem, Plan]:
    """Return the Problem and the Plan of fit's arguments."""
    loss = choice("loss", options["loss"], LOSSES)
    choice("solver", options["solver"], SOLVERS)
    backend = choose(options["backend"])
    names = ("loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")
    model = make_model(loss, *[options[name] for name in names], optimizer=make_optimizer(options["optimizer"]))
    problem = make_problem(X, y, loss, sample_weight)
    rate = options["learning_rate"]
    if isinstance(rate, str):
        choice("learning_rate", rate, ["auto"])
        rate = auto_rate(problem, model, make_batch_size(options["batch_size"], len(problem.X)))
    else:
        rate = real("learning_rate", rate, 0.0, ends="(]", hint=', or "auto"')
    return problem, make_plan(problem, model, rate, options, backend)


def make_run(descent: Descent, options: dict[str, Any], seconds: float) -> Run:
    """Return the Run of a descent that has ended."""
    state, problem, plan = descent.state, descent.problem, descent.plan
    diverged = descent.diverged_at is not None
    return Run(
        coef=state.W if problem.several else state.W[0],
        intercept=state.b if problem.several else float(state.b[0]),
        cost=descent.final_cost,
        epochs=state.epoch,
        steps=state.steps,
        seconds=seconds,
        stop_reason=StopReason.DIVERGED if diverged else StopReason.EPOCHS,
        diverged_at=descent.diverged_at,
        solver="loop",
        backend=plan.backend,
        seed=plan.seed,
        learning_rate=plan.learning_rate,
        settings=options,
        classes=problem.classes,
        history_source=descent.history,
    )
