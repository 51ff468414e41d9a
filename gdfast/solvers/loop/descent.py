"""Descent epoch by epoch: the loop, in chunks of epochs through the kernels of a backend.

`Descent.run` is the loop. chunks.py calls the kernels and restores earlier states; rates.py, averaging.py and
backtracking.py set the rates, the start of averaging and the restart after divergence; cost_rules.py applies the
stopping rules; recording.py stores the history; observing.py computes gradient norms and validation costs;
../monitoring handles Ctrl-C, time limits, callbacks and checkpoints.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.results.stop_reason import CUT_OFF, StopReason
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.averaging import AveragingStart
from gdfast.solvers.loop.backtracking import Backtracking, Lowest
from gdfast.solvers.loop.chunks import Chunk, Chunks
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.loop.observing import Observer
from gdfast.solvers.loop.rates import Rates
from gdfast.solvers.loop.recording import Recorder
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.plan import Plan

__all__ = ["Descent"]


class Descent:
    """Runs epochs up to the last one, or stops before it."""

    def __init__(self, problem: Problem, plan: Plan, evaluator: Evaluator) -> None:
        self.plan, self.evaluator, data = plan, evaluator, problem.dimensions
        self.in_blocks = data.in_blocks
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
        products = data.d * (data.n if plan.batch_size is None else plan.batch_size)
        self.chunks = Chunks(evaluator.kernels, self.state, plan, products)
        self.averaging = AveragingStart(plan.average_from)
        self.rules = CostRules(plan)
        self.backtracking = Backtracking(plan.on_divergence == "backtrack")
        self.rates = Rates(plan, self.state, self.rules, self.backtracking)
        self.recorder = Recorder(plan, data)
        self.observer = Observer(plan, self.state, evaluator, self.recorder, self.rates)
        self.chunk_snapshot: dict[str, Any] = {}  # taken before the last chunk, for backtracking
        self.resumed = False
        self.shows_costs = False  # in a progress bar
        self.reason: StopReason | None = None
        self.diverged_at: int | None = None
        self.final_cost: float | None = None
        self.failure: OSError | None = None  # of a disk, which ended the training

    def run(self, monitor: Monitor) -> None:
        """Train up to the last epoch, or stop before it: chunk by chunk."""
        self.start(monitor)
        while not self.finished():
            self.run_chunk(self.next_stop(monitor))
            self.after_chunk(monitor)
        monitor.end()

    def start(self, monitor: Monitor) -> None:
        """Observe the start, and do what is due there."""
        self.shows_costs = monitor.shows_costs
        self.begin()
        monitor.start()
        self.stop_on_failure(monitor)

    def after_chunk(self, monitor: Monitor) -> None:
        """Do what is due between two chunks."""
        self.observe_epoch()
        end_due = monitor.between_chunks()
        if self.state.epoch < self.plan.epochs or self.plan.interrupt == "raise":
            self.reason = self.reason or end_due
        self.stop_on_failure(monitor)

    def stop_on_failure(self, monitor: Monitor) -> None:
        """Stop where a checkpoint cannot be written, or a large history while there is more to record."""
        unfinished = self.state.epoch < self.plan.epochs
        self.failure = monitor.failure or (self.recorder.failure if unfinished else None)
        if self.failure is not None and unfinished:
            self.reason = self.reason or StopReason.INTERRUPTED

    def begin(self) -> None:
        """Observe the start; a resumed training has done that."""
        if self.resumed:
            return
        if self.backtracking.wanted:
            self.chunk_snapshot = self.snapshot()
        if self.backtracking.wanted and not self.plan.objective:
            loss = self.evaluator.loss(self.state.W, self.state.b)
            self.backtracking.lowest = Lowest(loss, 0, self.chunk_snapshot)
        if self.observer.active:
            self.observe_epoch()
            if self.plan.stochastic and self.plan.objective:
                self.recorder.add(0, np.array([self.recorder.latest[0]]))  # which no chunk computes
        elif self.plan.stochastic and self.plan.objective:
            cost = self.evaluator.objective(self.state.W, self.state.b)
            if self.evaluator.overflows(cost):
                self.diverge(0)
            self.process(Chunk(0, np.array([cost]), None))

    def next_stop(self, monitor: Monitor) -> int:
        """Return the next epoch at which a chunk must end."""
        epoch = self.state.epoch
        stop = self.plan.epochs
        for other in (self.averaging, self.observer, monitor):
            if (earlier := other.next_stop(epoch)) is not None:
                stop = min(stop, earlier)
        return stop

    def run_chunk(self, target: int) -> None:
        """Run a chunk of updates and process its costs."""
        self.begin_chunk()
        self.process(self.chunks.run(target, self.rates.take, self.wanted))

    def begin_chunk(self) -> None:
        """Prepare the state for a chunk."""
        self.averaging.begin(self.state)
        if self.state.position == 0 and self.backtracking.wanted:
            self.chunk_snapshot = self.snapshot()

    def process(self, chunk: Chunk) -> None:
        """Pass a chunk's costs to the rules and the history; go back to the epoch at which a rule acts."""
        first, costs, bad = chunk
        acted = None if self.plan.validation is not None else self.rules.update(first, costs)
        self.reason = self.rules.reason
        kept = costs if acted is None else costs[: acted - first + 1]  # the updates after that epoch are undone
        self.backtracking.note(first, kept, self.chunk_snapshot)
        self.recorder.add(first, kept)
        if acted is not None and (acted != self.state.epoch or self.state.position or bad is not None):
            self.chunks.go_back(acted, self.wanted)
        elif acted is None and bad is not None:
            self.diverge(bad)

    def wanted(self, ending: int) -> NDArray[np.bool_]:
        """Mark those of the epochs which end in a chunk whose J is wanted."""
        every = (self.rules.active and self.plan.validation is None) or self.rules.plateau is not None
        return self.recorder.wanted(self.state.epoch + 1, ending, every or self.backtracking.wanted, self.shows_costs)

    def observe_epoch(self) -> None:
        """Compute what the kernels do not, where an epoch has just ended."""
        epoch = self.state.epoch
        if not self.observer.active or self.state.position or self.reason is not None:
            return
        seen = self.observer.observe()
        if seen.bad:
            self.diverge(epoch)
            return
        if seen.cost is not None:
            self.backtracking.note(epoch, np.array([seen.cost]), self.chunk_snapshot)
        if seen.watched is not None:
            self.rules.update(epoch, np.array([seen.watched]))
        self.reason = StopReason.GRADIENT if seen.at_minimum else self.rules.reason

    # Divergence.

    def diverge(self, diverged_epoch: int) -> None:
        """Note the bad epoch, and return to the state of the one before, or of the lowest cost."""
        if diverged_epoch == 0:
            raise ValueError(
                "the cost is not finite at the start: the values of X, y, coef_init or intercept_init are too large "
                "for the loss; scale X and y, or start nearer to zero"
            )
        self.diverged_at = diverged_epoch
        if self.backtracking.possible and self.backtracking.lowest is not None:
            self.backtrack(self.backtracking.lowest)
            return
        self.chunks.go_back(diverged_epoch - 1, self.wanted)
        self.reason = StopReason.DIVERGED

    def backtrack(self, lowest: Lowest) -> None:
        """Return to the epoch of the lowest cost, drop what came later, and halve the rate for good."""
        halvings = self.backtracking.halvings + 1
        self.restore(lowest.anchor)
        self.recorder.return_to(lowest.epoch, lowest.anchor["latest"])
        steps = (lowest.epoch - self.state.epoch) * self.state.steps_per_epoch
        if steps > 0:
            self.chunks.start = self.state.snapshot()
            self.process(self.chunks.call(steps, self.rates.take(steps), self.wanted))
        if self.observer.best is not None and self.observer.best.epoch > lowest.epoch:
            self.observer.best = None
        self.backtracking.halvings, self.reason = halvings, None

    # The end.

    def finished(self) -> bool:
        """Return whether training has ended, with the last cost in the history; it has not after backtracking."""
        if self.reason is None and self.state.epoch < self.plan.epochs:
            return False
        self.final_cost = self.known_cost()
        cost = self.final_cost
        if cost is not None and self.evaluator.overflows(cost) and self.reason is not StopReason.DIVERGED:
            self.diverge(max(1, self.state.epoch))
            return self.finished()
        if cost is not None and self.plan.objective and self.state.position == 0:
            self.recorder.latest[self.state.epoch] = cost
            if self.reason is None and not self.plan.stochastic and self.plan.validation is None:
                self.process_last_cost(cost)
        if self.recorder.history is not None:
            self.recorder.history.close(self.state.epoch, self.observer.last_row())
        return True

    def known_cost(self) -> float | None:
        """Return J at the iterate, None where it takes a pass that may not be wanted."""
        if self.plan.stochastic and not (self.plan.objective and self.state.position == 0):
            return None
        if self.in_blocks and self.reason in CUT_OFF:  # which a pass would make wait
            return self.recorder.latest.get(self.state.epoch)
        known = self.recorder.latest.get(self.state.epoch) if self.plan.stochastic else self.chunks.known_cost()
        return self.evaluator.objective(self.state.W, self.state.b) if known is None else known

    def process_last_cost(self, cost: float) -> None:
        """Pass the last cost of a full batch, which no chunk has computed, to the rules."""
        costs = np.array([cost])
        self.backtracking.note(self.state.epoch, costs, self.chunk_snapshot)
        self.rules.update(self.state.epoch, costs)
        self.reason = self.rules.reason

    # Snapshots.

    def snapshot(self, copied: bool = True) -> dict[str, Any]:
        """Return what `restore` needs, with copies of the arrays where training continues."""
        return {
            "state": self.state.snapshot(copied),
            "halvings": self.backtracking.halvings,
            "latest": dict(self.recorder.latest),
            **self.rules.state(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Return to where a snapshot was taken; the history is restored on its own."""
        self.state.restore(snapshot["state"])
        self.backtracking.halvings = snapshot["halvings"]
        self.rules.restore(snapshot)
        if self.rules.plateau is not None:
            self.rates.plateau_rate = self.rules.plateau.rate
