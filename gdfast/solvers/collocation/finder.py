"""Looks for the next stretch of a path: how long it may be, and where it is looked for again after a refusal."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.protocol import KernelSet
from gdfast.backends.state import State
from gdfast.data.problem import Problem
from gdfast.solvers.collocation.nodes import DEGREE, SHORTEST, nodes_of, recurrence
from gdfast.solvers.collocation.objective import Objective
from gdfast.solvers.collocation.solve import Basis, basis_of, quadratic_path, solve_nodes
from gdfast.solvers.collocation.stretch import Stretch
from gdfast.solvers.collocation.transients import epochs_until_smooth
from gdfast.solvers.collocation.verify import Refusal, adds_up, stable, verified
from gdfast.solvers.plan import Plan

__all__ = ["BEFORE", "EIGENVECTORS", "StretchFinder"]

LARGEST_SYSTEM = 2500  # parameters: beyond, the eigenvectors of their Hessian take too long
EIGENVECTORS = 1e-9  # seconds, times the cube of the parameters
# Epochs of the loop, times 1/(1 - mu): before the first stretch where every mode is slow, and where one is not; after
# a stretch that is refused; and at most until modes have died out, beside those done. After a jump of the rate, and at
# least until modes have died out.
EARLY, BEFORE, AGAIN, LONGEST_WAIT = 64, 400, 256, 1000
AFTER_JUMP, LEAST_WAIT = 32, 32
# The degrees of the grids that a stretch is solved on, one after another; where the pass of one iteration takes less
# than so many seconds, the finest alone.
LEVELS, CHEAP = (8, 16, DEGREE), 1e-3
FACTORS = (4.0, 2.0, 1.4, 1.0)  # of the next stretch's length, the first that its coefficients allow
PART_OF_THE_WAY = 2.0  # in its time constants, that the fastest mode goes in a first stretch where all are slow
NEGLIGIBLE = 0.7  # units of rounding
# Of the rate from one epoch to the next, relative: no stretch goes beyond, nor beyond a smaller one that is so many
# times the changes beside it; and epochs in which they are looked for.
JUMP, SMALLER_JUMP, TIMES, LOOKED_AHEAD = 0.02, 1e-9, 8.0, 2**16
LOOKS = 8  # along the guess of a stretch, before it is computed
# Stretches that are refused may take this part of the loop's time, and two may be in any case; beside the passes over
# the rows their calls take about so many seconds for each.
WASTE, FREE, CALLS = 0.03, 2, 5e-6
COUNTS, MARKS = ("next_try", "length", "refused"), ("tried_again", "settling", "waited")


class StretchFinder:
    """Finds stretches that can be verified, each from where the last one or the loop has come to."""

    def __init__(
        self, kernels: KernelSet, state: State, plan: Plan, problem: Problem, seconds_of_an_epoch: float
    ) -> None:
        self.kernels, self.state, self.plan = kernels, state, plan
        self.objective = Objective(problem, plan.model, kernels, plan.objective)
        self.slow = 1.0 / (1.0 - plan.model.mu)
        self.length = int(SHORTEST * self.slow)  # of the next stretch
        # A look costs the eigenvectors; of many parameters it is not worth it twice.
        early = EIGENVECTORS * self.objective.l2.size**3 < (BEFORE - EARLY) * self.slow * seconds_of_an_epoch
        self.next_try = int((EARLY if early else BEFORE) * self.slow)
        # Whether a refused stretch was tried again; the loop is not yet on the smooth path; it has waited for that.
        self.tried_again, self.settling, self.waited = False, True, False
        self.last = 0  # where the last stretch ended
        self.refused, self.wasted = 0, 0.0  # stretches, and what they took in epochs of the loop
        self.calls = CALLS / seconds_of_an_epoch  # of a pass
        self.degrees = LEVELS if DEGREE * seconds_of_an_epoch > CHEAP else LEVELS[-1:]
        self.basis: Basis | None = None  # of the Hessian that the next guess rests on, and its point
        self.basis_point: NDArray[np.float64] | None = None

    def find(self) -> Stretch | None:
        """Return a stretch from here; where there is none say when the next one is looked for."""
        epoch, left = self.state.epoch, self.plan.epochs - self.state.epoch
        shortest = max(SHORTEST, int(20 * DEGREE * self.slow))
        length = min(max(self.length, shortest), left)
        if length < shortest or self.objective.l2.size > LARGEST_SYSTEM or self.spent:
            self.next_try = self.plan.epochs + 1
            return None
        length, wait = self.within_jumps(length, shortest)
        if wait:
            self.settling, self.waited, self.next_try = True, False, epoch + wait
            return None
        self.objective.passes = 0
        found = self.attempt(length)
        if isinstance(found, Stretch):
            self.tried_again, self.settling, self.waited = False, False, False
            self.next_try = self.last = found.last
            self.length = int(found.length * growth(found))
            return found
        self.settling, self.waited = True, False
        if found.wait:
            self.wait(found.wait)
            return None
        self.wasted += self.objective.passes * (1.0 + self.calls)
        self.refused += 1
        again = epoch + int(AGAIN * self.slow)
        if not self.tried_again and found.tail < 100:
            self.tried_again, self.next_try = True, again
        elif length // 2 >= shortest:
            self.length, self.next_try = length // 2, again
        else:
            self.length, self.next_try = shortest, max(again, epoch + epoch // 2)
        return None

    def wait(self, epochs: int) -> None:
        """Have the next stretch looked for after so many epochs, in which modes die out."""
        epoch, before = self.state.epoch, int(BEFORE * self.slow)
        if epoch < before:  # where modes seem slow they may change
            self.next_try = before
        else:
            self.waited, self.next_try = True, epoch + min(epochs, epoch + int(LONGEST_WAIT * self.slow))

    def within_jumps(self, length: int, shortest: int) -> tuple[int, int]:
        """Return the length up to where the rate jumps, or after how many epochs there are enough without a jump."""
        if self.plan.rates.constant is not None:
            return length, 0
        ahead = min(self.plan.epochs - self.state.epoch, max(length, LOOKED_AHEAD))
        rates = self.plan.rates.take(self.state.epoch, ahead)
        borders = np.concatenate([[0], jumps(rates), [ahead]])
        long_enough = np.flatnonzero(np.diff(borders) >= shortest)
        if len(long_enough) and long_enough[0] == 0:
            return int(min(length, borders[1])), 0
        return 0, int(borders[long_enough[0]]) + AFTER_JUMP if len(long_enough) else ahead

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
        if self.settling:
            length, wait = self.smooth_length(length, gradients[0], rate)
            if wait >= 1:
                self.basis = self.basis_point = None
                return Refusal("modes that have not died out", wait=max(LEAST_WAIT, math.ceil(min(wait, plan.epochs))))
        momentum = plan.model.mu, plan.model.formula.looks_ahead
        times = np.linspace(0.0, rate * length, LOOKS)
        guess = quadratic_path(self.basis, start, gradients[0], times / (1.0 - plan.model.mu))
        if adds_up(objective, self.basis, times, guess):
            return Refusal("rounding that adds up")
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

    def smooth_length(self, length: int, gradient: NDArray[np.float64], rate: float) -> tuple[int, float]:
        """Return how long a first stretch may be, or one after a refusal, and how long to wait for it."""
        if self.basis is None:
            return length, 0.0
        epoch, before = self.state.epoch, int(BEFORE * self.slow)
        fastest = rate * self.slow * float(self.basis.values[-1])
        slow = 2 ** math.floor(math.log2(min(PART_OF_THE_WAY / max(fastest, 1e-300), 2.0**62)))
        if epoch < before and slow < length:
            return length, before - epoch
        if not self.waited:
            sizes = np.abs(self.basis.vectors.T @ gradient) / self.basis.units
            wait = epochs_until_smooth(self.basis.values, sizes, length, rate, self.plan.model, epoch - self.last)
            if wait >= 1:
                return length, wait
        if self.plan.rates.constant is not None:
            length = max(length, min(slow, self.plan.epochs - epoch))
        return length, 0.0

    def saved(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        point = {} if self.basis_point is None else {"basis_point": self.basis_point}
        return (
            {name: getattr(self, name) for name in (*COUNTS, *MARKS, "wasted")} | {"epochs": self.plan.epochs} | point
        )

    def restore(self, saved: dict[str, Any], last: int) -> None:
        """Return to where `saved` was taken, after a stretch that ended at `last`; the state is there already."""
        for name in (*COUNTS, *MARKS, "wasted"):
            setattr(self, name, saved[name])
        self.basis, self.basis_point, self.last = None, saved.get("basis_point"), last
        # The training may go on beyond the end that there was.
        self.next_try = max(self.state.epoch, self.next_try if self.next_try <= saved["epochs"] else 0)


def jumps(rates: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the epochs whose rate jumps from that of the epoch before."""
    changes = np.concatenate([[0.0], np.abs(np.diff(rates)), [0.0]])
    relative = changes[1:-1] / rates[:-1]
    alone = (relative > SMALLER_JUMP) & (changes[1:-1] > TIMES * np.maximum(changes[:-2], changes[2:]))
    return np.flatnonzero((relative > JUMP) | alone) + 1


def growth(found: Stretch) -> float:
    """Return by what the next stretch may be longer: as long again, coefficient k moves to 2 k."""
    return next((factor for factor in FACTORS if tail_is_rounding(found, factor)), 0.7)


def tail_is_rounding(found: Stretch, factor: float) -> bool:
    """Tell whether a stretch so much longer has a tail of rounding alone."""
    return bool(found.weights[int(0.92 * (DEGREE + 1) / factor) :].max() < NEGLIGIBLE)
