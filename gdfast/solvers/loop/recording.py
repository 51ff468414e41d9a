"""Recording: the latest costs, and the history with what was asked for beside them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.data.problem import Dimensions
from gdfast.results.history import Columns, History
from gdfast.solvers.evaluation import norm
from gdfast.solvers.plan import Plan

__all__ = ["Recorder"]


class Recorder:
    """Keeps the costs that the kernels compute, and rows of other columns, which are made where their epoch ends."""

    def __init__(self, plan: Plan, data: Dimensions) -> None:
        self.plan, self.data = plan, data
        self.history = None if plan.grid is None else History(plan.grid, plan.history_limit)
        self.by_rows = plan.validation is not None or bool(plan.record)
        self.latest: dict[int, float] = {}  # the last two costs of the kind that history has

    @property
    def last_cost(self) -> float | None:
        """The cost of the latest epoch that has one."""
        return self.latest[max(self.latest)] if self.latest else None

    @property
    def failure(self) -> OSError | None:
        """The error of the disk that a large history is held on, None without one."""
        return None if self.history is None else self.history.failure

    def add(self, first: int, costs: NDArray[np.float64]) -> None:
        """Keep the costs of the epochs first, first + 1, ..., which may be NaN where they were not computed."""
        count = len(costs)
        if count:
            last = first + count - 1
            known = self.latest if count < 2 else {}
            known = {epoch: cost for epoch, cost in known.items() if epoch == last - 1}
            for epoch, cost in enumerate(costs[-2:].tolist(), max(first, last - 1)):
                if cost == cost:
                    known[epoch] = cost
            self.latest = known
        if self.history is not None and not self.by_rows:
            self.history.add(first, costs)

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one that a row is made of, or None."""
        if self.history is None or not self.by_rows:
            return None
        return 1 if self.history.first is None and epoch < 1 else self.history.grid.after(epoch)

    def wanted(self, first: int, count: int, every: bool, shown: bool) -> NDArray[np.bool_]:
        """Mark those of the epochs first, first + 1, ... whose J kernels are to compute.

        `every` epoch's is read by a rule, or the costs are `shown` by a progress bar. Empty: running means are wanted.
        """
        if not self.plan.objective:
            known = every or shown or self.history is not None
            return np.zeros(0 if known else count, dtype=np.bool_)
        marks = np.full(count, every)
        if self.history is not None and not every:
            marks[self.history.grid.within(first, first + count) - first] = True
        return marks

    def due(self, epoch: int) -> bool:
        """Tell whether a row is to be made of an epoch."""
        return self.history is not None and self.by_rows and self.history.due(epoch)

    def row(self, epoch: int, W: NDArray[Any], b: NDArray[np.float64], known: dict[str, Any]) -> dict[str, Any]:
        """Return a row of the history: the cost, and what was asked for beside it."""
        row: dict[str, Any] = {"cost": self.latest.get(epoch, np.nan)}
        if self.plan.validation is not None:
            row["validation_cost"] = known["validation_cost"]
        for name in self.plan.record:
            if name == "coef_norm":
                row[name] = norm(self.data.shaped(W, b)[0].astype(np.float64))
            elif name == "coef":
                row["coef"], row["intercept"] = self.data.shaped(W, b)
            else:
                row[name] = known[name]
        return row

    def return_to(self, epoch: int, latest: dict[int, float]) -> None:
        """Drop what lies after an epoch, whose latest costs these were."""
        self.latest = dict(latest)
        if self.history is not None:
            self.history.drop_after(epoch)

    def state(self) -> dict[str, Any]:
        """Return what a file must hold of the history beside its columns."""
        return {} if self.history is None else {"history": self.history.state()}

    def restore(self, state: dict[str, Any], latest: dict[int, float], columns: Columns) -> None:
        """Return to where `state` was taken, without a last row that was added only because it was the last."""
        self.latest = dict(latest)
        if self.history is not None and "history" in state:
            self.history.restore(state["history"], columns)
            self.history = self.history.copy()
