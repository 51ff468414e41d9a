"""The learning rates of the updates: the schedule's or the plateau's, halved after divergence."""

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.state import State
from gdfast.solvers.loop.backtracking import Backtracking
from gdfast.solvers.loop.cost_rules import CostRules
from gdfast.solvers.plan import Plan

__all__ = ["Rates"]


class Rates:
    """Returns the rates of the updates that come next, and that of the last one."""

    def __init__(self, plan: Plan, state: State, rules: CostRules, backtracking: Backtracking) -> None:
        self.rates, self.state, self.rules, self.backtracking = plan.rates, state, rules, backtracking
        self.by_step = plan.rates.by_step
        self.plateau_rate = np.nan if rules.plateau is None else rules.plateau.rate  # at the last update

    def take(self, steps: int) -> NDArray[np.float64]:
        """Return the rates of the next updates: by epoch, or by step where the schedule counts steps."""
        state = self.state
        begun = -(-(state.position + steps) // state.steps_per_epoch)
        if self.rules.plateau is not None:
            self.plateau_rate = self.rules.plateau.rate
            values = np.full(begun, self.plateau_rate)
        elif self.by_step:
            values = self.rates.take(state.steps, steps)
        else:
            values = self.rates.take(state.epoch, begun)
        return values * self.backtracking.factor if self.backtracking.halvings else values

    def last(self) -> float:
        """Return the rate of the last update, before the first that of the first."""
        state, factor = self.state, self.backtracking.factor
        if self.rules.plateau is not None:
            return self.plateau_rate * factor
        t = state.steps - 1 if self.by_step else state.epoch - (state.position == 0)
        return float(self.rates.take(max(0, t), 1)[0] * factor)
