"""The rules that read the cost of every epoch: stopping without progress, and a rate that falls on a plateau."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.results.stop_reason import StopReason
from gdfast.solvers.monitoring.stopping import PlateauRate, StoppingRule
from gdfast.solvers.plan import Plan

__all__ = ["CostRules"]


class CostRules:
    """Passes each epoch's cost once, in order, to the stopping rule and the plateau."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stopping, self.plateau = plan.stopping_rule(), plan.plateau_rate()
        self.seen = -1  # the last epoch whose cost was passed
        self.reason: StopReason | None = None  # to stop

    @property
    def active(self) -> bool:
        """Whether there is a rule."""
        return self.stopping is not None or self.plateau is not None

    def update(self, first: int, costs: NDArray[np.float64]) -> int | None:
        """Pass on the costs of the epochs first, first + 1, ...; return the epoch at which a rule acts, or None.

        Costs after that epoch are ignored: their updates will be undone.
        """
        if not self.active:
            return None
        skipped = max(0, min(len(costs), self.seen + 1 - first))
        first, costs = first + skipped, costs[skipped:]
        if not len(costs):
            return None
        acts = [copy.copy(rule).update(costs) for rule in (self.stopping, self.plateau) if rule is not None]
        place = min((act for act in acts if act is not None), default=len(costs) - 1)
        self.seen = first + place
        if self.stopping is not None and self.stopping.update(costs[: place + 1]) is not None:
            self.reason = StopReason.TOL if self.plan.validation is None else StopReason.VALIDATION
        if self.plateau is not None:
            self.plateau.update(costs[: place + 1])
        return first + place if any(act is not None for act in acts) else None

    def reset_stopping(self, cost: float | None) -> None:
        """Begin to count anew, as a fit from here would: `cost` is that of the iterate, where it is watched."""
        self.stopping, self.reason = self.plan.stopping_rule(), None
        if self.stopping is not None and cost is not None:
            self.stopping.update(np.array([cost]))

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "watch": None if self.stopping is None else self.stopping.state(),
            "plateau": None if self.plateau is None else self.plateau.state(),
            "seen": self.seen,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Return to where `state` was taken."""
        self.stopping, self.plateau = StoppingRule.at(state["watch"]), PlateauRate.at(state["plateau"])
        self.seen, self.reason = state["seen"], None
