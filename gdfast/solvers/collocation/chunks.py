"""Chunks of epochs that run along the path's stretches where there are any, and by the kernels elsewhere."""

from typing import Any

import numpy as np

from gdfast._utils.background import EndIsDueError
from gdfast.backends.protocol import KernelSet
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.solvers.collocation.finder import StretchFinder
from gdfast.solvers.collocation.stretch import Stretch, joined, separated
from gdfast.solvers.loop.chunks import Chunk, Chunks, Rates, Wanted
from gdfast.solvers.plan import Plan

__all__ = ["StretchChunks", "take_state"]

LARGEST_CHUNK = 2**20  # epochs whose costs are made at a time, a block


class StretchChunks(Chunks):
    """Runs chunks along verified stretches of the path, and by the kernels between them."""

    def __init__(
        self, kernels: KernelSet, state: State, plan: Plan, values: int, problem: Problem, seconds_of_an_epoch: float
    ) -> None:
        super().__init__(kernels, state, plan, values)
        self.finder = StretchFinder(kernels, state, plan, problem, seconds_of_an_epoch)
        self.stretches: list[Stretch] = []
        self.stretch: Stretch | None = None  # that the state is in
        self.by_stretch = False  # the last chunk
        self.block: tuple[int, int] | None = None  # whose costs are at hand: its stretch and its number
        self.block_start, self.costs = 0, np.empty(0)

    def run(self, target: int, rates: Rates, wanted: Wanted) -> Chunk:
        """Run a chunk towards an epoch."""
        state, finder = self.state, self.finder
        try:
            if self.stretch is None and state.epoch == finder.next_try:
                self.stretch = finder.find()
                self.stretches += [] if self.stretch is None else [self.stretch]
        except EndIsDueError:
            return Chunk(state.epoch + (not self.plan.objective), np.empty(0), None)
        if self.stretch is not None:
            return self.along(self.stretch, target)
        self.by_stretch = False
        return super().run(min(target, finder.next_try) if finder.next_try > state.epoch else target, rates, wanted)

    def along(self, stretch: Stretch, target: int) -> Chunk:
        """Take the costs of a stretch up to an epoch or to the end of a block of costs, and its state there."""
        self.start, self.by_stretch, start = self.state.snapshot(), True, self.state.epoch
        self.take_block(stretch, start)
        costs = self.costs[start - self.block_start : target - self.block_start]
        take_state(self.state, stretch, start + len(costs))
        if self.state.epoch == stretch.last:
            self.stretch = None
        return Chunk(start + (not self.plan.objective), costs, None)

    def take_block(self, stretch: Stretch, epoch: int) -> None:
        """Have the costs of the block of a stretch that an epoch lies in: whole, so that no bit depends on chunks."""
        block = (epoch - stretch.first) // LARGEST_CHUNK
        if self.block != (stretch.first, block):
            self.block, self.block_start = (stretch.first, block), stretch.first + block * LARGEST_CHUNK
            self.costs = stretch.costs_from(self.block_start, min(self.block_start + LARGEST_CHUNK, stretch.last))

    def known_cost(self) -> float | None:
        """Return the cost at the state, None where it is not within a stretch."""
        if self.stretch is None:
            return None
        self.take_block(self.stretch, self.state.epoch)
        return float(self.costs[self.state.epoch - self.block_start])

    def go_back(self, epoch: int, wanted: Wanted) -> None:
        """Return to an epoch within the last chunk."""
        if not self.by_stretch:
            super().go_back(epoch, wanted)
            return
        self.state.restore(self.start)
        if epoch > self.state.epoch:
            take_state(self.state, self.stretches[-1], epoch)

    def saved(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return self.finder.saved() | {"stretches": joined(self.stretches, self.finder.objective.l2.size)}

    def restore(self, saved: dict[str, Any]) -> None:
        """Return to where `saved` was taken; the state is there already."""
        self.stretches = separated(saved["stretches"])
        last = self.stretches[-1].last if self.stretches else 0
        if self.state.epoch < last:
            self.stretch = self.stretches[-1]
        self.finder.restore(saved, last)


def take_state(state: State, stretch: Stretch, epoch: int) -> None:
    """Take the state to an epoch of a stretch."""
    shape = len(state.b), -1
    parameters = stretch.parameters(epoch).reshape(shape)
    state.W[:], state.b[:] = parameters[:, :-1], parameters[:, -1]
    if stretch.velocity is not None:
        state.M[:] = stretch.velocity_at(epoch).reshape(shape)
    state.advance(epoch - state.epoch)
