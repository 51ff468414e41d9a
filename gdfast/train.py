"""Problem + Plan -> Run: the one loop over chunks of epochs."""

import time
import warnings
from collections.abc import Callable
from typing import Any

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

__all__ = ["Descent", "fit", "prepare"]

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

    def run(self, epochs: int, on_chunk: Callable[[int], None]) -> None:
        """Descend to the given number of epochs, or to the bad epoch before it."""
        by_epoch = self.plan.objective and self.plan.batch_size is not None
        if by_epoch:
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
        self.finish()

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
        """Return J at the iterate."""
        return float(self.kernels.cost(self.state))

    def record(self, first: int, costs: NDArray[np.float64]) -> None:
        """Keep the costs of the epochs first, first + 1, ..."""
        last = first + len(costs) - 1
        known = {**self.latest, **{first + i: float(costs[i]) for i in range(max(0, len(costs) - 2), len(costs))}}
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

    def warn(self) -> None:
        """Say that the descent diverged, and which rate would not."""
        limit = stable_rate(self.problem, self.plan.model, self.plan.batch_size)
        below = "a lower rate" if limit is None else f"a rate below {limit:.4g}, the largest stable one,"
        warnings.warn(
            f"the descent diverged in epoch {self.diverged_at} at learning_rate={self.plan.learning_rate:.6g}; the "
            f"state after epoch {self.state.epoch} is returned. Try {below} or standardize the features",
            DivergenceWarning,
            stacklevel=4,
        )


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
    """PLACEHOLDER."""
    options = dict(locals())
    del options["X"], options["y"], options["sample_weight"]
    flag("progress", progress)
    problem, plan = prepare(X, y, sample_weight, options)
    started = time.perf_counter()
    descent = Descent(problem, plan)
    with Progress(plan.epochs, progress) as bar:
        descent.run(plan.epochs, bar.show)
    if descent.diverged_at is not None:
        descent.warn()
    return make_run(descent, options, time.perf_counter() - started)


def prepare(X: Any, y: Any, sample_weight: Any, options: dict[str, Any]) -> tuple[Problem, Plan]:
    """Return the Problem and the Plan of fit's arguments."""
    loss = choice("loss", options["loss"], LOSSES)
    choice("solver", options["solver"], SOLVERS)
    backend = choose(options["backend"])
    names = ("loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")
    model = make_model(loss, *(options[name] for name in names), make_optimizer(options["optimizer"]))
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
