"""The loop: chunks of epochs through a backend's kernels, and what is kept of them."""

import copy
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import load
from gdfast.history import History
from gdfast.plan import Plan
from gdfast.problem import Problem
from gdfast.state import State
from gdfast.watch import Watch

__all__ = ["Descent"]

# A call of a kernel lasts about this long: signals and progress come through, and its overhead does not count.
CHUNK_SECONDS = 0.02
# Costs held by one call: half a megabyte.
LARGEST_CHUNK = 65_536
# Products (rows times features) of a first chunk, whose speed is not known yet.
FIRST_PRODUCTS = 200_000


class Descent:
    """A Problem on its way down: the state, the kernels and what is kept."""

    def __init__(
        self, problem: Problem, plan: Plan, state: State | None = None, history: History | None = None
    ) -> None:
        self.problem, self.plan = problem, plan
        self.state = State(problem, plan) if state is None else state
        self.kernels = load(plan.backend).Kernels(problem, plan.model)
        self.history = history
        if history is None and plan.grid is not None:
            self.history = History(plan.grid, plan.history_limit)
        self.watch: Watch | None = plan.watch()
        self.stopped = False  # by the watch
        self.diverged_at: int | None = None
        self.latest: dict[int, float] = {}  # the last two costs of the kind that history has
        rows = problem.X.shape[0] if plan.batch_size is None else plan.batch_size
        self.chunk = max(1, min(LARGEST_CHUNK, FIRST_PRODUCTS // (rows * problem.X.shape[1])))

    @property
    def ended(self) -> bool:
        """Whether there is a reason to stop before the last epoch."""
        return self.stopped or self.diverged_at is not None

    def continued(self) -> "Descent":
        """Return a descent that goes on from here, and leaves this one as it is."""
        history = None if self.history is None else self.history.copy()
        other = Descent(self.problem, self.plan, copy.deepcopy(self.state), history)
        other.latest = dict(self.latest)
        if not self.stopped:  # after tol progress is counted anew; else it goes on as if nothing had happened
            other.watch = copy.copy(self.watch)
        return other

    def run_to(self, epochs: int, on_chunk: Callable[[int], None]) -> None:
        """Descend to the given number of epochs, or to the end before it."""
        by_epoch = self.plan.objective and self.plan.batch_size is not None
        if by_epoch and self.state.steps == 0:
            self.record(0, np.array([self.cost()]))
        while self.state.epoch < epochs and not self.ended:
            target = epochs
            if by_epoch and self.watch is not None:
                target = self.state.epoch + 1
            elif by_epoch and self.history is not None:
                target = min(epochs, self.history.grid.after(self.state.epoch))
            while self.state.epoch < target and not self.ended:
                self.timed_chunk(target)
                on_chunk(self.state.epoch)
            if by_epoch and self.diverged_at is None:
                self.record(self.state.epoch, np.array([self.cost()]))

    def timed_chunk(self, target: int) -> None:
        """Run one chunk towards the target epoch and learn from its time."""
        left = (target - self.state.epoch) * self.state.steps_per_epoch - self.state.position
        steps = min(self.chunk, left)
        started = time.perf_counter()
        before = None if self.watch is None else copy.deepcopy(self.state)
        stop = self.advance(steps)
        if stop is not None and before is not None:
            # The kernel ran past the stop: go back, and run to it.
            self.state = before
            if stop > before.epoch:
                self.advance((stop - before.epoch) * before.steps_per_epoch - before.position, watched=False)
        seconds = time.perf_counter() - started
        grown = int(steps * CHUNK_SECONDS / max(seconds, 1e-9))
        self.chunk = max(1, min(LARGEST_CHUNK, grown, 4 * self.chunk))

    def advance(self, steps: int, watched: bool = True) -> int | None:
        """Run updates; return the epoch at which the watch stops, or None."""
        return self.batch(steps, watched) if self.state.batch_size is None else self.stochastic(steps, watched)

    def batch(self, epochs: int, watched: bool) -> int | None:
        """Run full-batch epochs; their costs are those before each (objective) or during each (running)."""
        state, costs, start = self.state, np.empty(epochs), self.state.epoch
        done = self.kernels.batch(state, self.plan.rates.take(start, epochs), self.plan.objective, costs)
        if done >= 0:
            state.advance(epochs)
        else:
            self.diverge(start + ~done)
        if self.plan.objective:
            return self.record(start, costs[: state.epoch - start + (done < 0)], watched)
        return self.record(start + 1, costs[: max(0, state.epoch - start)], watched)

    def stochastic(self, steps: int, watched: bool) -> int | None:
        """Run mini-batch or SGD updates."""
        state, start, rates = self.state, self.state.epoch, self.plan.rates
        ending = (state.position + steps) // state.steps_per_epoch
        begun = -(-(state.position + steps) // state.steps_per_epoch)
        values = rates.take(state.steps, steps) if rates.by_step else rates.take(start, begun)
        costs = np.empty(ending)
        done = self.kernels.stochastic(state, steps, values, rates.by_step, costs)
        if done >= 0:
            state.advance(steps)
        else:
            self.diverge(start + ~done + 1)
        if self.plan.objective:
            return None
        return self.record(start + 1, costs[: state.epoch - start], watched)

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

    def record(self, first: int, costs: NDArray[np.float64], watched: bool = True) -> int | None:
        """Keep the costs of the epochs first, first + 1, ...; return the epoch at which the watch stops."""
        stop = self.watch.see(costs) if self.watch is not None and watched else None
        if stop is not None:
            self.stopped, self.diverged_at = True, None
            costs = costs[: stop + 1]
        last = first + len(costs) - 1
        known = {**self.latest, **{first + i: float(costs[i]) for i in range(max(0, len(costs) - 2), len(costs))}}
        self.latest = {epoch: cost for epoch, cost in known.items() if last - 1 <= epoch <= last}
        if self.history is not None:
            self.history.add(first, costs)
        return None if stop is None else first + stop

    def finish(self) -> None:
        """Bring the last cost into the history; a last J that is not finite is a bad epoch too."""
        final, epoch = self.cost(), self.state.epoch
        if not np.isfinite(len(self.problem.X) * final) and self.diverged_at is None:
            self.diverge(epoch)
            final, epoch = self.cost(), self.state.epoch
        elif self.plan.objective and self.plan.batch_size is None and not self.ended and self.watch is not None:
            self.stopped = copy.copy(self.watch).see(np.array([final])) is not None
        self.final_cost = final
        if self.history is not None:
            self.history.close(epoch, final if self.plan.objective else self.latest.get(epoch))
