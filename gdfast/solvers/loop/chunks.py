"""Chunks of updates: calls of a backend's kernels, long enough to cost nothing and short enough to be interrupted."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.interrupt import Uninterrupted
from gdfast.backends.protocol import KernelSet, Updates
from gdfast.backends.state import State
from gdfast.solvers.plan import Plan

__all__ = ["Chunk", "Chunks"]

# A call of a kernel lasts about this long: signals and progress come through, and its overhead does not count.
CHUNK_SECONDS = 0.02
# Costs held by one call: half a megabyte.
LARGEST_CHUNK = 65_536
# Updates of SGD in one call, each of which may have a rate.
LARGEST_CALL = 2**20
# Products (rows times features) of a first chunk, whose speed is not known yet.
FIRST_PRODUCTS = 200_000

Rates = Callable[[int], NDArray[np.float64]]  # of so many updates: by epoch, or by step
Wanted = Callable[[int], NDArray[np.bool_]]  # of so many epochs that end: whose J is computed (gdfast/backends)


class Chunk(NamedTuple):
    """What a call has done: the costs of the epochs first, first + 1, ..., up to the bad one if there is one."""

    first: int
    costs: NDArray[np.float64]
    bad: int | None  # the epoch that is not finite


class Chunks:
    """Runs updates in chunks, and returns to an epoch within the last one."""

    def __init__(self, kernels: KernelSet, state: State, plan: Plan, values: int) -> None:
        self.kernels, self.state, self.plan = kernels, state, plan
        # Updates, at whose multiples a chunk may end within an epoch.
        self.every = kernels.settle_interval(plan.batch_size or 1)
        self.size = max(1, min(LARGEST_CHUNK, FIRST_PRODUCTS // values))  # in updates, of `values` products each
        self.start: dict[str, Any] = {}  # the state before the last chunk that began with an epoch
        self.rates = np.empty(0)  # of the last chunk

    def run(self, target: int, rates: Rates, wanted: Wanted) -> Chunk:
        """Run a chunk towards the end of an epoch, and learn its size from its time."""
        steps = self.steps_towards(target)
        if self.state.position == 0:
            self.start = self.state.snapshot()
        started = time.perf_counter()
        chunk = self.call(steps, rates(steps), wanted)
        grown = int(steps * CHUNK_SECONDS / max(time.perf_counter() - started, 1e-9))
        self.size = max(1, min(LARGEST_CALL if self.plan.stochastic else LARGEST_CHUNK, grown, 4 * self.size))
        return chunk

    def steps_towards(self, target: int) -> int:
        """Return the number of updates of the next chunk: whole epochs, or a part of one."""
        state, per_epoch = self.state, self.state.steps_per_epoch
        steps = min(self.size, (target - state.epoch) * per_epoch - state.position)
        left = per_epoch - state.position
        if steps >= left:
            return left if state.position else steps - steps % per_epoch
        return min(left, max(self.every, steps - steps % self.every)) if self.plan.stochastic else steps

    def call(self, steps: int, rates: NDArray[np.float64], wanted: Wanted) -> Chunk:
        """Make so many updates; the state is that of their end, unless an epoch was bad."""
        state, plan, start = self.state, self.plan, self.state.epoch
        self.rates = rates
        if self.plan.stochastic:
            costs = np.empty((state.position + steps) // state.steps_per_epoch)
            done = self.kernels.stochastic(state, Updates(steps, rates, plan.rates.by_step, wanted(len(costs)), costs))
        else:
            costs = np.empty(steps)
            done = self.kernels.batch(state, rates, plan.objective, costs)
        first = start + (not plan.objective or self.plan.stochastic)
        if done < 0:
            bad = start + ~done + self.plan.stochastic
            return Chunk(first, costs[: max(0, bad - first)], bad)
        state.advance(done)
        # Fewer epochs may have ended, where the end was asked for meanwhile.
        return Chunk(first, costs[: state.epoch - start] if self.plan.stochastic else costs, None)

    def go_back(self, epoch: int, wanted: Wanted) -> None:
        """Return to an epoch within the last chunk: to its start, and from there by the same rates."""
        self.state.restore(self.start)
        steps = (epoch - self.state.epoch) * self.state.steps_per_epoch
        if steps > 0:
            with Uninterrupted():
                self.call(steps, self.rates[:steps], wanted)

    def known_cost(self) -> float | None:
        """Return the cost at the state, None where it takes a pass over the rows."""
        return None

    def epoch_start(self, wanted: Wanted) -> dict[str, Any]:
        """Return the state at the start of the epoch that the last chunk was cut off in."""
        if self.start["epoch"] == self.state.epoch:
            return self.start
        here, rates = self.state.snapshot(), self.rates
        self.go_back(self.state.epoch, wanted)
        self.start = self.state.snapshot()
        self.state.restore(here)
        self.rates = rates
        return self.start
