"""Chunks of epochs that take the path's stretches where they can be verified, and the loop elsewhere."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.background import EndIsDueError
from gdfast.backends.protocol import KernelSet
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.solvers.collocation.nodes import DEGREE, SHORTEST, nodes_of, recurrence
from gdfast.solvers.collocation.objective import Objective
from gdfast.solvers.collocation.solve import Basis, basis_of, solve_nodes
from gdfast.solvers.collocation.stretch import Stretch, joined, separated
from gdfast.solvers.collocation.transients import epochs_until_smooth
from gdfast.solvers.collocation.verify import Refusal, stable, verified
from gdfast.solvers.loop.chunks import Chunk, Chunks, Rates, Wanted
from gdfast.solvers.plan import Plan

__all__ = ["AFTER", "BEFORE", "StretchChunks", "take_state"]

LARGEST_SYSTEM = 2500  # parameters: beyond, the eigenvectors of their Hessian take too long
LARGEST_CHUNK = 2**20  # epochs whose costs are made at a time, a block
# Epochs of the loop, times 1/(1 - mu): before the first stretch at least, after each, after one that is
# refused, and at most until modes have died out, beside those done.
BEFORE, AFTER, AGAIN, LONGEST_WAIT = 400, 32, 256, 1000
# The degrees of the grids that a stretch is solved on, one after another; where the pass of one iteration takes less
# than so many seconds, the finest alone.
LEVELS, CHEAP = (8, 16, DEGREE), 1e-3
FACTORS = (4.0, 2.0, 1.4, 1.0)  # of the next stretch's length, the first that its coefficients allow
NEGLIGIBLE = 0.7  # units of rounding
# Of the rate from one epoch to the next, relative: no stretch goes beyond; and epochs in which it is looked for.
JUMP, LOOKED_AHEAD = 0.02, 2**16
# Stretches that are refused may take this part of the loop's time, and two may be in any case; beside the passes over
# the rows their calls take about so many seconds for each.
WASTE, FREE, CALLS = 0.03, 2, 5e-6


class StretchChunks(Chunks):
    """Runs chunks along verified stretches of the path, and by the kernels between them."""

    def __init__(
        self,
        kernels: KernelSet,
        state: State,
        plan: Plan,
        values: int,
        problem: Problem,
        seconds_of_an_epoch: float,
    ) -> None:
        super().__init__(kernels, state, plan, values)
        self.objective = Objective(problem, plan.model, kernels, plan.objective)
        self.slow = 1.0 / (1.0 - plan.model.mu)
        self.stretch: Stretch | None = None
        self.by_stretch = False  # the last chunk
        self.stretches: list[Stretch] = []
        self.block: tuple[int, int] | None = None  # whose costs are at hand: its stretch and its number
        self.block_start, self.costs = 0, np.empty(0)
        self.length = int(SHORTEST * self.slow)  # of the next stretch
        self.next_try = int(BEFORE * self.slow)
        # Whether a refused stretch was tried again; the loop is not yet on the smooth path; it has waited for that.
        self.tried_again, self.settling, self.waited = False, True, False
        self.refused, self.wasted = 0, 0.0  # stretches, and what they took in epochs of the loop
        self.calls = CALLS / seconds_of_an_epoch  # of a pass
        self.degrees = LEVELS if DEGREE * seconds_of_an_epoch > CHEAP else LEVELS[-1:]
        self.basis: Basis | None = None  # of the Hessian that the next guess rests on, and its point
        self.basis_point: NDArray[np.float64] | None = None

    def run(self, target: int, rates: Rates, wanted: Wanted) -> Chunk:
        """Run a chunk towards an epoch."""
        state = self.state
        try:
            if self.stretch is None and state.epoch == self.next_try:
                self.find()
        except EndIsDueError:
            return Chunk(state.epoch + (not self.plan.objective), np.empty(0), None)
        if self.stretch is not None:
            return self.along(self.stretch, target)
        self.by_stretch = False
        return super().run(min(target, self.next_try) if self.next_try > state.epoch else target, rates, wanted)

    def along(self, stretch: Stretch, target: int) -> Chunk:
        """Take the costs of a stretch up to an epoch or to the end of a block of costs, and its state there."""
        self.start, self.by_stretch, start = self.state.snapshot(), True, self.state.epoch
        self.take_block(stretch, start)
        costs = self.costs[start - self.block_start : target - self.block_start].copy()
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

    def find(self) -> None:
        """Look for a stretch from here; say where the loop goes on, and when the next one is looked for."""
        epoch, left = self.state.epoch, self.plan.epochs - self.state.epoch
        shortest = max(SHORTEST, int(20 * DEGREE * self.slow))
        length = min(max(self.length, shortest), left)
        if length < shortest or self.objective.l2.size > LARGEST_SYSTEM or self.spent:
            self.next_try = self.plan.epochs + 1
            return
        length, wait = self.within_jumps(length, shortest)
        if wait:
            self.settling, self.waited, self.next_try = True, False, epoch + wait
            return
        self.objective.passes = 0
        found = self.attempt(length)
        if isinstance(found, Stretch):
            self.stretch, self.tried_again, self.settling, self.waited = found, False, False, False
            self.stretches.append(found)
            self.next_try = found.last + int(AFTER * self.slow)
            self.length = int(length * self.growth(found))
            return
        self.settling = True
        if found.wait:
            self.waited, self.next_try = True, epoch + min(found.wait, epoch + int(LONGEST_WAIT * self.slow))
            return
        self.waited = False
        self.wasted += self.objective.passes * (1.0 + self.calls)
        self.refused += 1
        again = epoch + int(AGAIN * self.slow)
        if not self.tried_again and found.tail < 100:
            self.tried_again, self.next_try = True, again
        elif length // 2 >= shortest:
            self.length, self.next_try = length // 2, again
        else:
            self.length, self.next_try = shortest, max(again, epoch + epoch // 2)

    def within_jumps(self, length: int, shortest: int) -> tuple[int, int]:
        """Return the length up to where the rate jumps, or after how many epochs there are enough without a jump."""
        if self.plan.rates.constant is not None:
            return length, 0
        ahead = min(self.plan.epochs - self.state.epoch, max(length, LOOKED_AHEAD))
        rates = self.plan.rates.take(self.state.epoch, ahead)
        jumps = np.flatnonzero(np.abs(np.diff(rates)) > JUMP * rates[:-1]) + 1
        borders = np.concatenate([[0], jumps, [ahead]])
        long_enough = np.flatnonzero(np.diff(borders) >= shortest)
        if len(long_enough) and long_enough[0] == 0:
            return int(min(length, borders[1])), 0
        return 0, int(borders[long_enough[0]]) + AFTER if len(long_enough) else ahead

    @property
    def spent(self) -> bool:
        """Whether refused stretches have taken what time they may."""
        return self.refused >= FREE and self.wasted > WASTE * self.plan.epochs

    def attempt(self, length: int) -> Stretch | Refusal:
        """Return the verified stretch of a length from here, or why there is none."""
        state, plan, objective = self.state, self.plan, self.objective
        start = np.concatenate([state.W, state.b[:, None]], axis=1).astype(np.float64).ravel()
        constant = plan.rates.constant
        rates = plan.rates.take(state.epoch, length) if constant is None else constant
        rate = float(np.max(rates))
        if self.basis is None:
            self.basis_point = start if self.basis_point is None else self.basis_point
            self.basis = basis_of(objective.curvature(self.basis_point))
        if not stable(float(self.basis.values[-1]), rate, plan.model):
            self.basis = self.basis_point = None
            return Refusal("a mode that grows")
        costs, gradients = objective.at(start[None])
        if not (np.isfinite(costs).all() and np.isfinite(gradients).all()):
            return Refusal("a start that is not finite")
        if self.settling and not self.waited:
            done = state.epoch - (self.stretches[-1].last if self.stretches else 0)
            wait = epochs_until_smooth(self.basis, gradients[0], length, rate, plan.model, done)
            if wait >= 1:
                self.basis = self.basis_point = None
                return Refusal("modes that have not died out", wait=max(AFTER, math.ceil(min(wait, plan.epochs))))
        momentum = plan.model.mu, plan.model.formula.looks_ahead
        grids = [nodes_of(length, degree) for degree in self.degrees]
        levels = [(grid, recurrence(grid, rates, *momentum)) for grid in grids]
        solved = solve_nodes(objective, levels, start, (float(costs[0]), gradients[0]), self.basis)
        if solved is None:
            self.basis = self.basis_point = None
            return Refusal("no fixed point")
        values, self.basis, self.basis_point = solved
        velocity = state.M.ravel() if state.M.size else None
        found = verified(objective, *levels[-1], values, self.basis, state.epoch, velocity, rate)
        if isinstance(found, Refusal):
            return found
        # As the loop has it, to the bit, so that a training that ends here and goes on has it, too.
        return found._replace(start_cost=self.kernels.cost_at(state.W, state.b, False))

    def saved(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        counts = {"epochs": self.plan.epochs, "next_try": self.next_try, "length": self.length, "refused": self.refused}
        marks = {
            "tried_again": self.tried_again,
            "settling": self.settling,
            "waited": self.waited,
            "wasted": self.wasted,
        }
        point = {} if self.basis_point is None else {"basis_point": self.basis_point}
        return counts | marks | point | {"stretches": joined(self.stretches, self.objective.l2.size)}

    def restore(self, saved: dict[str, Any]) -> None:
        """Return to where `saved` was taken; the state is there already."""
        self.stretches = separated(saved["stretches"])
        for name in ("length", "refused", "wasted", "tried_again", "settling", "waited"):
            setattr(self, name, saved[name])
        self.basis, self.basis_point = None, saved.get("basis_point")
        epoch = self.state.epoch
        if self.stretches and epoch < self.stretches[-1].last:
            self.stretch = self.stretches[-1]
        # The training may go on beyond the end that there was.
        self.next_try = max(epoch, saved["next_try"] if saved["next_try"] <= saved["epochs"] else epoch)

    def growth(self, found: Stretch) -> float:
        """Return by what the next stretch may be longer: as long again, coefficient k moves to 2 k."""
        if self.basis is None:
            return 1.0
        return next((factor for factor in FACTORS if self.negligible(found, factor)), 0.7)

    def negligible(self, found: Stretch, factor: float) -> bool:
        """Tell whether a stretch so much longer has a tail of rounding alone."""
        return bool(found.weights[int(0.92 * (DEGREE + 1) / factor) :].max() < NEGLIGIBLE)


def take_state(state: State, stretch: Stretch, epoch: int) -> None:
    """Take the state to an epoch of a stretch."""
    shape = len(state.b), -1
    parameters = stretch.parameters(epoch).reshape(shape)
    state.W[:], state.b[:] = parameters[:, :-1], parameters[:, -1]
    if stretch.velocity is not None:
        state.M[:] = stretch.velocity_at(epoch).reshape(shape)
    state.advance(epoch - state.epoch)
