"""Chunks of updates: calls of a backend's kernels, long enough to cost nothing and short enough to be interrupted."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.interrupt import UNINTERRUPTED
from gdfast.backends.protocol import KernelSet, Updates
from gdfast.backends.state import State
from gdfast.solvers.plan import Plan

__all__ = ["Chunk", "Chunks", "Request"]

# A call of a kernel lasts about this long: signals and progress come through, and its overhead does not count.
CHUNK_SECONDS = 0.02
# Costs held by one call: half a megabyte.
LARGEST_CHUNK = 65_536
# Updates of SGD in one call, each of which may have a rate.
LARGEST_CALL = 2**20
# Products (rows times features) of a first chunk, whose speed is not known yet.
FIRST_PRODUCTS = 200_000

GROWTH = 16  # of a chunk at most from one to the next: short ones are timed badly

NONE_WANTED = np.empty(0, dtype=np.bool_)

Rates = Callable[[int], NDArray[np.float64]]  # of so many updates: by epoch, or by step
Wanted = Callable[[int], NDArray[np.bool_]]  # of so many epochs that end: whose J is computed (gdfast/backends)


class Chunk(NamedTuple):
    """What a call has done: the costs of the epochs first, first + 1, ..., up to the bad one if there is one."""

    first: int
    costs: NDArray[np.float64]
    bad: int | None  # the epoch that is not finite


class Request(NamedTuple):
    """What a call of a kernel is to do: so many updates by these rates, whose costs it writes."""

    steps: int
    rates: NDArray[np.float64]
    costs: NDArray[np.float64]
    wanted: NDArray[np.bool_]  # of the epochs of SGD that end: whose J is computed


class Chunks:
    """Runs updates in chunks, and returns to an epoch within the last one."""

    def __init__(self, kernels: KernelSet, state: State, plan: Plan, values: int) -> None:
        self.kernels, self.state, self.plan = kernels, state, plan
        self.size = max(1, min(LARGEST_CHUNK, FIRST_PRODUCTS // values))  # in updates, of `values` products each
        self.start: dict[str, Any] = {}  # the state before the last chunk that began with an epoch
        self.rates = np.empty(0)  # of the last chunk
        self.cost: tuple[int, float] | None = None  # an epoch, and J there, which a shared pass has made

    def run(self, target: int, rates: Rates, wanted: Wanted) -> Chunk:
        """Run a chunk towards the end of an epoch, and learn its size from its time."""
        steps = self.steps_towards(target)
        self.begin()
        started = time.perf_counter()
        chunk = self.call(steps, rates(steps), wanted)
        self.learn(steps, time.perf_counter() - started)
        return chunk

    def begin(self) -> None:
        """Keep the state before a chunk that begins with an epoch."""
        if self.state.position == 0:
            self.start = self.state.snapshot()

    def learn(self, steps: int, seconds: float) -> None:
        """Have the next chunk last as long as one should, from how long so many updates took."""
        grown = int(steps * CHUNK_SECONDS / max(seconds, 1e-9))
        self.size = max(1, min(LARGEST_CALL if self.plan.stochastic else LARGEST_CHUNK, grown, GROWTH * self.size))

    def steps_towards(self, target: int) -> int:
        """Return the number of updates of the next chunk: whole epochs, or a part of one."""
        state, per_epoch = self.state, self.state.steps_per_epoch
        steps = min(self.size, (target - state.epoch) * per_epoch - state.position)
        left = per_epoch - state.position
        if steps >= left:
            return left if state.position else steps - steps % per_epoch
        return min(left, self.kernels.steps_of_call(state, steps)) if self.plan.stochastic else steps

    def call(self, steps: int, rates: NDArray[np.float64], wanted: Wanted) -> Chunk:
        """Make so many updates; the state is that of their end, unless an epoch was bad."""
        request = self.request(steps, rates, wanted)
        if self.plan.stochastic:
            done = self.kernels.stochastic(self.state, self.updates(request))
        else:
            done = self.kernels.batch(self.state, rates, self.plan.objective, request.costs)
        return self.chunk(request, done)

    def request(self, steps: int, rates: NDArray[np.float64], wanted: Wanted) -> Request:
        """Return what a call of a kernel for so many updates needs."""
        self.rates, state = rates, self.state
        ending = (state.position + steps) // state.steps_per_epoch
        return Request(steps, rates, np.empty(ending), wanted(ending) if self.plan.stochastic else NONE_WANTED)

    def updates(self, request: Request) -> Updates:
        """Return a request as the kernels of SGD take it."""
        return Updates(request.steps, request.rates, self.plan.rates.by_step, request.wanted, request.costs)

    def chunk(self, request: Request, done: int) -> Chunk:
        """Return what a call has done by what it returned, and count its updates."""
        state, plan, start, costs = self.state, self.plan, self.state.epoch, request.costs
        first = start + (not plan.objective or plan.stochastic)
        if done < 0:
            bad = start + ~done + plan.stochastic
            return Chunk(first, costs[: max(0, bad - first)], bad)
        state.advance(done)
        # Fewer epochs may have ended, where the end was asked for meanwhile.
        return Chunk(first, costs[: state.epoch - start], None)

    def go_back(self, epoch: int, wanted: Wanted) -> None:
        """Return to an epoch within the last chunk: to its start, and from there by the same rates."""
        self.state.restore(self.start)
        steps = (epoch - self.state.epoch) * self.state.steps_per_epoch
        if steps > 0:
            with UNINTERRUPTED:
                self.call(steps, self.rates[:steps], wanted)

    def known_cost(self) -> float | None:
        """Return the cost at the state, None where it takes a pass over the rows."""
        return None if self.cost is None or self.cost[0] != self.state.epoch else self.cost[1]

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
