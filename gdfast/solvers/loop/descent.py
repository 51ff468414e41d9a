"""The loop: chunks of epochs through a backend's kernels, stopping, and what is kept of them."""

import copy
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import load
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.results.history import History
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.loop.evaluation import Evaluator
from gdfast.solvers.plan import Plan
from gdfast.solvers.stopping import PlateauRate, StoppingRule

__all__ = ["Best", "Descent"]

# A call of a kernel lasts about this long: signals and progress come through, and its overhead does not count.
CHUNK_SECONDS = 0.02
# Costs held by one call: half a megabyte.
LARGEST_CHUNK = 65_536
# Updates of SGD in one call, each of which may have a rate.
LARGEST_CALL = 2**20
# Products (rows times features) of a first chunk, whose speed is not known yet.
FIRST_PRODUCTS = 200_000
# Rates are halved so often before a divergence is taken for final.
MOST_HALVINGS = 60


class Best(NamedTuple):
    """The lowest validation cost so far."""

    cost: float
    epoch: int
    W: NDArray[Any]
    b: NDArray[np.float64]


class Lowest(NamedTuple):
    """The lowest cost so far, and a place at or before its epoch to go back to."""

    cost: float
    epoch: int
    anchor: dict[str, Any]


class Descent:
    """The training of a problem by the loop: state, kernels and history."""

    def __init__(self, problem: Problem, plan: Plan, epochs: int | None = None) -> None:
        self.problem, self.plan = problem, plan
        validated, watched = plan.validation is not None, plan.gradient_tol is not None
        self.stochastic = plan.batch_size is not None  # an epoch has several updates
        self.observing = validated or bool(plan.record)  # rows of the history are made where their epoch ends
        self.every_epoch = validated or watched  # what kernels do not compute is checked after each
        self.wants_norm = watched or "gradient_norm" in plan.record
        self.epochs = plan.epochs if epochs is None else epochs  # where this call ends
        self.state = State(
            problem,
            plan.model,
            plan.coef,
            plan.intercept,
            batch_size=plan.batch_size,
            shuffle=plan.shuffle,
            seed=plan.seed,
            average_gain=plan.average_gain,
        )
        by_columns = plan.batch_size is None
        self.kernels = load(plan.backend).Kernels(problem, plan.model, by_columns, plan.n_threads)
        self.evaluator = Evaluator(problem, plan, self.kernels)
        self.history = None if plan.grid is None else History(plan.grid, plan.history_limit)
        self.stopping_rule, self.plateau = plan.stopping_rule(), plan.plateau_rate()
        self.seen = -1  # the last epoch whose cost the stopping rule and the plateau have had
        self.reason: StopReason | None = None
        self.diverged_at: int | None = None
        self.halvings = 0  # of the rate, by backtracking
        self.latest: dict[int, float] = {}  # the last two costs of the kind that history has
        self.best: Best | None = None
        self.lowest: Lowest | None = None
        self.anchor: dict[str, Any] = {}  # the state and the followers at the last call that began an epoch
        self.values = np.empty(0)  # the rates of that call
        self.shows_costs = False  # a progress bar shows the costs
        self.seconds = 0.0  # of the calls before this one
        self.started = time.perf_counter()
        self.final_cost: float | None = None
        # updates, at whose multiples a call may end within an epoch
        self.every = self.kernels.settle_interval(plan.batch_size or 1)
        rows = problem.X.shape[0] if plan.batch_size is None else plan.batch_size
        self.chunk = max(1, min(LARGEST_CHUNK, FIRST_PRODUCTS // (rows * problem.X.shape[1])))

    # Going on.

    def resumed(self, epochs: int, plan: Plan | None = None) -> "Descent":
        """Return a descent that resumes from here up to an epoch; this one stays as it is."""
        other = Descent(self.problem, self.plan if plan is None else plan, epochs)
        other.state.restore(self.state.snapshot())
        other.history = None if self.history is None else self.history.copy()
        for name in ("latest", "best", "lowest", "halvings", "seen", "diverged_at"):
            setattr(other, name, copy.copy(getattr(self, name)))
        other.stopping_rule, other.plateau = copy.copy(self.stopping_rule), copy.copy(self.plateau)
        other.seconds = self.elapsed
        other.restart_counts(self.reason)
        return other

    def restart_counts(self, reason: StopReason | None) -> None:
        """Count anew after a stop by the costs, the gradient or a callback; else continue as if there was none."""
        if reason in (StopReason.TOL, StopReason.VALIDATION, StopReason.GRADIENT, StopReason.CALLBACK):
            self.stopping_rule = self.plan.stopping_rule()
        self.anchor = self.snapshot()

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a continuation included."""
        return self.seconds + time.perf_counter() - self.started

    def run(self, between: Callable[[], StopReason | None]) -> None:
        """Descend to the last epoch, or to the end before it; `between` is called between two calls of the kernels."""
        self.begin()
        while True:
            self.run_to(self.epochs, between)
            if self.finish():
                break

    def begin(self) -> None:
        """Look at the start, where that has not been done."""
        if self.state.steps or self.anchor:
            return
        self.anchor = self.snapshot()
        if self.plan.on_divergence == "backtrack" and not self.plan.objective:
            self.lowest = Lowest(self.evaluator.loss(self.state.W, self.state.b), 0, self.anchor)
        if 0 not in self.latest and (self.observing or self.every_epoch):
            self.observe()
        elif 0 not in self.latest and self.stochastic and self.plan.objective:
            cost = np.array([self.first_cost()])
            self.note_lowest(0, cost)
            self.follow(0, cost)
            self.record(0, cost)

    def first_cost(self) -> float:
        """Return J at the start."""
        cost = self.evaluator.objective(self.state.W, self.state.b)
        if self.evaluator.overflows(cost):
            self.diverge(0)
        return cost

    def run_to(self, epochs: int, between: Callable[[], StopReason | None]) -> None:
        """Descend to the given number of epochs, or to the end before it."""
        while self.state.epoch < epochs and self.reason is None:
            self.chunk_to(self.next_stop(epochs))
            if self.state.position == 0 and self.reason is None and (self.observing or self.every_epoch):
                self.observe()
            stop = between()
            self.reason = self.reason or stop

    def next_stop(self, epochs: int) -> int:
        """Return the next epoch at which a call of the kernels must end."""
        epoch, plan = self.state.epoch, self.plan
        stops = [epochs]
        if self.every_epoch:
            stops.append(epoch + 1)
        elif self.observing and self.history is not None:
            stops.append(self.history.grid.after(epoch))
            if self.history.first is None:
                stops.append(1)
        if plan.average_from is not None and epoch < plan.average_from:
            stops.append(plan.average_from)
        stops += [(epoch // every + 1) * every for every in (plan.callback_every, plan.checkpoint_every) if every]
        return min(stop for stop in stops if stop > epoch)

    def snapshot(self) -> dict[str, Any]:
        """Return what is needed to stand here again."""
        return {
            "state": self.state.snapshot(),
            "halvings": self.halvings,
            "latest": dict(self.latest),
            "watch": None if self.stopping_rule is None else self.stopping_rule.state(),
            "plateau": None if self.plateau is None else self.plateau.state(),
            "seen": self.seen,
        }

    def chunk_to(self, target: int) -> None:
        """Make one call of the kernels towards the target epoch, and learn from its time."""
        state, per_epoch = self.state, self.state.steps_per_epoch
        steps = min(self.chunk, (target - state.epoch) * per_epoch - state.position)
        left = per_epoch - state.position
        if steps >= left:
            steps = left if state.position else steps - steps % per_epoch
        elif self.stochastic:
            steps = min(left, max(self.every, steps - steps % self.every))
        if state.position == 0:
            if self.plan.average_from == state.epoch and state.count < 0:
                state.begin_mean()
                self.anchor = {}
            if not self.anchor or state.steps or self.latest:  # else nothing has happened since `begin`
                self.anchor = self.snapshot()
        started = time.perf_counter()
        self.advance(steps)
        grown = int(steps * CHUNK_SECONDS / max(time.perf_counter() - started, 1e-9))
        self.chunk = max(1, min(LARGEST_CALL if self.stochastic else LARGEST_CHUNK, grown, 4 * self.chunk))

    def rates(self, steps: int) -> NDArray[np.float64]:
        """Return the rates of the next updates: by epoch, or by step where the schedule counts steps."""
        state, rates = self.state, self.plan.rates
        begun = -(-(state.position + steps) // state.steps_per_epoch)
        if self.plateau is not None:
            values = np.full(begun, self.plateau.rate)
        elif rates.by_step and self.stochastic:
            values = rates.take(state.steps, steps)
        else:
            values = rates.take(state.epoch, begun)
        return values * 0.5**self.halvings if self.halvings else values

    def advance(self, steps: int) -> None:
        """Make updates; go back to the epoch at which something happened, where something did."""
        state, start, self.values = self.state, self.state.epoch, self.rates(steps)
        done, costs = self.call(steps, self.values)
        bad = None if done >= 0 else start + ~done + self.stochastic
        first = start + (not self.plan.objective or self.stochastic)
        if bad is not None:
            costs = costs[: max(0, bad - first)]
        self.note_lowest(first, costs)
        event = None if self.plan.validation is not None else self.follow(first, costs)
        if event is not None:
            costs = costs[: event - first + 1]
        self.record(first, costs)
        if event is not None and (event != state.epoch or state.position or bad is not None):
            self.go_back(event)
        elif event is None and bad is not None:
            self.diverge(bad)

    def call(self, steps: int, values: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        """Call the kernels for so many updates; count them where all epochs were good."""
        state, plan = self.state, self.plan
        if not self.stochastic:
            costs = np.empty(steps)
            done = self.kernels.batch(state, values, plan.objective, costs)
        else:
            costs = np.empty((state.position + steps) // state.steps_per_epoch)
            wanted = self.wanted(len(costs))
            done = self.kernels.stochastic(state, Updates(steps, values, plan.rates.by_step, wanted, costs))
        before = state.epoch
        if done >= 0:
            state.advance(done)
        if self.stochastic and done >= 0:
            costs = costs[: state.epoch - before]  # fewer where the end was asked for meanwhile
        return done, costs

    def wanted(self, ending: int) -> NDArray[np.bool_]:
        """Mark those of the epochs which end in a call of `stochastic` whose J is wanted; empty: running means are."""
        plan = self.plan
        every = (self.stopping_rule is not None and plan.validation is None) or self.plateau is not None
        every = every or plan.on_divergence == "backtrack"
        if not plan.objective:
            known = every or self.shows_costs or self.history is not None
            return np.zeros(0 if known else ending, dtype=np.bool_)
        if every:
            return np.ones(ending, dtype=np.bool_)
        marks, first = np.zeros(ending, dtype=np.bool_), self.state.epoch + 1
        if self.history is not None:
            marks[self.history.grid.within(first, first + ending) - first] = True
        return marks

    def go_back(self, epoch: int) -> None:
        """Return to an epoch within the last call: to the anchor, and from there by the same rates."""
        self.state.restore(self.anchor["state"])
        steps = (epoch - self.state.epoch) * self.state.steps_per_epoch
        if steps > 0:
            self.call(steps, self.values[:steps])

    def diverge(self, bad_epoch: int) -> None:
        """Note the bad epoch, and return to the state of the one before, or of the lowest cost."""
        if bad_epoch == 0:
            raise ValueError(
                "the cost is not finite at the start: the values of X, y, coef_init or intercept_init are too large "
                "for the loss; scale X and y, or start nearer to zero"
            )
        self.diverged_at = bad_epoch
        if self.plan.on_divergence == "backtrack" and self.halvings < MOST_HALVINGS and self.lowest is not None:
            self.backtrack(self.lowest)
            return
        self.go_back(bad_epoch - 1)
        self.reason = StopReason.DIVERGED

    def backtrack(self, lowest: Lowest) -> None:
        """Return to the epoch of the lowest cost, drop what came later, and halve the rate for good."""
        halvings, anchor = self.halvings + 1, lowest.anchor
        self.state.restore(anchor["state"])
        self.halvings, self.latest, self.seen = anchor["halvings"], dict(anchor["latest"]), anchor["seen"]
        self.stopping_rule, self.plateau = StoppingRule.at(anchor["watch"]), PlateauRate.at(anchor["plateau"])
        if self.history is not None:
            self.history.drop_after(lowest.epoch)
        steps = (lowest.epoch - self.state.epoch) * self.state.steps_per_epoch
        if steps > 0:
            self.advance(steps)
        if self.best is not None and self.best.epoch > lowest.epoch:
            self.best = None
        self.halvings, self.reason = halvings, None

    def note_lowest(self, first: int, costs: NDArray[np.float64]) -> None:
        """Remember the lowest cost, and the anchor before it."""
        if self.plan.on_divergence != "backtrack" or not len(costs):
            return
        place = int(np.argmin(costs))
        if self.lowest is None or costs[place] < self.lowest.cost:
            self.lowest = Lowest(float(costs[place]), first + place, self.anchor)

    # What costs decide.

    def follow(self, first: int, costs: NDArray[np.float64]) -> int | None:
        """Show costs to the watch and the plateau; return the epoch at which one of them acts."""
        if self.stopping_rule is None and self.plateau is None:
            return None
        skipped = max(0, min(len(costs), self.seen + 1 - first))
        first, costs = first + skipped, costs[skipped:]
        if not len(costs):
            return None
        acts = [
            copy.copy(follower).update(costs) for follower in (self.stopping_rule, self.plateau) if follower is not None
        ]
        place = min((act for act in acts if act is not None), default=len(costs) - 1)
        self.seen = first + place
        if self.stopping_rule is not None and self.stopping_rule.update(costs[: place + 1]) is not None:
            self.reason = StopReason.TOL if self.plan.validation is None else StopReason.VALIDATION
        if self.plateau is not None:
            self.plateau.update(costs[: place + 1])
        return first + place if any(act is not None for act in acts) else None

    def record(self, first: int, costs: NDArray[np.float64]) -> None:
        """Keep the costs of the epochs first, first + 1, ..."""
        last = first + len(costs) - 1
        if len(costs):
            known = self.latest | dict(enumerate(costs[-2:].tolist(), max(first, last - 1)))
            self.latest = {epoch: cost for epoch, cost in known.items() if epoch >= last - 1 and cost == cost}
        if self.history is not None and not self.observing:
            self.history.add(first, costs)

    # What is looked at where an epoch ends.

    def observe(self) -> None:
        """Look at the epoch that has just ended: validation, gradient, a row of the history."""
        epoch, plan = self.state.epoch, self.plan
        due = self.history is not None and self.observing and self.history.due(epoch)
        row: dict[str, Any] = {}
        if plan.validation is not None:
            row["validation_cost"] = self.validate(epoch)
        objective = plan.objective and (due or self.every_epoch)
        norm = self.wants_norm and (due or plan.gradient_tol is not None)
        if norm or (objective and epoch not in self.latest):
            cost = self.evaluator.objective(self.state.W, self.state.b, norm)
            if self.evaluator.overflows(cost):
                self.diverge(epoch)
                return
            if norm:
                row["gradient_norm"] = self.evaluator.gradient_norm(self.state.W)
            if plan.objective:
                cost = self.latest.setdefault(epoch, cost)
                if self.stochastic:
                    self.note_lowest(epoch, np.array([cost]))
        watched = row.get("validation_cost", self.latest.get(epoch) if objective and self.stochastic else None)
        if watched is not None:
            self.follow(epoch, np.array([watched]))
        if plan.gradient_tol is not None and row["gradient_norm"] <= plan.gradient_tol:
            self.reason = StopReason.GRADIENT
        if due and self.history is not None:
            self.history.add_row(epoch, self.row(epoch, row))

    def validate(self, epoch: int) -> float:
        """Return the validation cost of coef, and remember the lowest."""
        W, b = self.state.estimate()
        cost = self.evaluator.validation_cost(W, b)
        if self.best is None or cost < self.best.cost:
            self.best = Best(cost, epoch, W, b)
        return cost

    def row(self, epoch: int, known: dict[str, Any]) -> dict[str, Any]:
        """Return a row of the history: the cost, and what was asked for beside it."""
        plan, W, b = self.plan, self.state.W, self.state.b
        row: dict[str, Any] = {"cost": self.latest.get(epoch, np.nan)}
        if plan.validation is not None:
            row["validation_cost"] = known["validation_cost"]
        for name in plan.record:
            if name == "learning_rate":
                row[name] = self.last_rate() if epoch else np.nan
            elif name == "gradient_norm":
                row[name] = known[name]
            elif name == "coef_norm":
                row[name] = float(np.linalg.norm(W.astype(np.float64)))
            elif name == "seconds":
                row[name] = self.elapsed
            else:
                row["coef"], row["intercept"] = self.problem.shaped(W, b)
        return row

    def last_rate(self) -> float:
        """Return the rate of the last update, before the first that of the first."""
        state, plan, scale = self.state, self.plan, 0.5**self.halvings
        if self.anchor and self.plateau is not None:
            return float(self.anchor["plateau"]["rate"] * scale)
        if plan.rates.by_step and self.stochastic:
            return float(plan.rates.take(max(0, state.steps - 1), 1)[0] * scale)
        return float(plan.rates.take(max(0, state.epoch - (state.position == 0)), 1)[0] * scale)

    # The end.

    def estimate(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coef (k, d) and intercept (k,): the iterate, its mean, or the best epoch's."""
        if self.plan.restore_best and self.best is not None:
            return self.best.W.copy(), self.best.b.copy()
        return self.state.estimate()

    def finish(self) -> bool:
        """Bring the last cost into the history; return whether this is the end, which it is not after a backtrack."""
        plan, state = self.plan, self.state
        if self.stochastic and not (plan.objective and state.position == 0):
            self.final_cost = None  # made when it is asked for
        else:
            known = self.latest.get(state.epoch) if self.stochastic else None
            self.final_cost = self.evaluator.objective(state.W, state.b) if known is None else known
            if self.evaluator.overflows(self.final_cost) and self.reason is not StopReason.DIVERGED:
                self.diverge(max(1, state.epoch))
                return self.reason is not None and self.finish()
        if self.final_cost is not None and plan.objective and state.position == 0:
            self.latest[state.epoch] = self.final_cost
            if self.reason is None and not self.stochastic and plan.validation is None:
                self.note_lowest(state.epoch, np.array([self.final_cost]))
                self.follow(state.epoch, np.array([self.final_cost]))
        if self.history is not None:
            self.history.close(state.epoch, self.last_row())
        return True

    def last_row(self) -> dict[str, Any] | None:
        """Return the history's row of the last epoch, None where it is there or cannot be had."""
        epoch = self.state.epoch
        if self.history is not None and self.history.last == epoch:
            return None
        if not self.observing:
            return {"cost": self.latest[epoch]} if epoch in self.latest else None
        if self.state.position > 0:
            return None
        known: dict[str, Any] = {}
        if "gradient_norm" in self.plan.record:
            self.evaluator.objective(self.state.W, self.state.b, True)
            known["gradient_norm"] = self.evaluator.gradient_norm(self.state.W)
        if self.plan.validation is not None:
            known["validation_cost"] = self.validate(epoch)
        return self.row(epoch, known)

    # What a file holds.

    def saved_state(self) -> dict[str, Any]:
        """Return the state that resuming from here needs."""
        kept: dict[str, Any] = {"now": self.snapshot(), "reason": self.reason, "seconds": self.elapsed}
        kept |= {"diverged_at": self.diverged_at, "epochs": self.epochs}
        kept["best"] = None if self.best is None else self.best._asdict()
        kept["lowest"] = None if self.lowest is None else self.lowest._asdict()
        if self.history is not None:
            kept["history"] = self.history.state()
        return kept

    def restore(self, saved: dict[str, Any], table: dict[str, NDArray[Any]]) -> None:
        """Go on from where `saved` was taken; table is the history's."""
        saved = copy.deepcopy(saved)  # which a loaded Run may be asked for again
        now = saved["now"]
        self.state.restore(now["state"])
        self.halvings, self.latest, self.seen = now["halvings"], now["latest"], now["seen"]
        self.stopping_rule, self.plateau = StoppingRule.at(now["watch"]), PlateauRate.at(now["plateau"])
        self.seconds = saved["seconds"]
        self.diverged_at = saved["diverged_at"]
        self.best = None if saved["best"] is None else Best(**saved["best"])
        self.lowest = None if saved["lowest"] is None else Lowest(**saved["lowest"])
        if self.history is not None and "history" in saved:
            self.history.restore(saved["history"], table)
            self.history = self.history.copy()
        self.restart_counts(saved["reason"])
