"""Where a descent stands: arrays that the kernels change in place."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.plan import Plan
from gdfast.problem import Problem

__all__ = ["State"]


class State:
    """The iterate, what its update rule remembers, and the place in the order of samples."""

    __slots__ = (
        "M",
        "Q",
        "W",
        "b",
        "batch_size",
        "epoch",
        "kept_W",
        "kept_b",
        "order",
        "position",
        "seed",
        "shuffle",
        "steps",
        "sums",
    )

    def __init__(self, problem: Problem, plan: Plan) -> None:
        n = problem.X.shape[0]
        self.W: NDArray[Any] = plan.coef.copy()  # (k, d)
        self.b: NDArray[np.float64] = plan.intercept.copy()  # (k,)
        k, d = self.W.shape
        self.M = np.zeros((k, d + 1))  # the momentum, the intercept's behind each row
        self.Q = np.zeros(k * d if plan.batch_size == 1 and plan.model.l1 > 0 else 0)  # l1 applied so far
        self.sums = np.zeros(2)  # running sum of this epoch's losses; l1 owed so far
        self.kept_W, self.kept_b = self.W.copy(), self.b.copy()  # the iterate one epoch ago
        self.order = np.arange(n if plan.batch_size is not None else 0, dtype=np.int32)
        self.batch_size, self.shuffle, self.seed = plan.batch_size, plan.shuffle, plan.seed
        self.epoch = 0  # whole epochs done
        self.position = 0  # updates done in this epoch
        self.steps = 0  # updates done in all

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch."""
        return 1 if self.batch_size is None else -(-len(self.order) // self.batch_size)

    def advance(self, steps: int) -> None:
        """Count updates done."""
        self.steps += steps
        epochs, self.position = divmod(self.position + steps, self.steps_per_epoch)
        self.epoch += epochs

    def scratch(self) -> "State":
        """Return a state for one more full-batch epoch from this iterate, whose end nobody sees."""
        other = copy.copy(self)
        other.W, other.b, other.M = self.W.copy(), self.b.copy(), np.zeros_like(self.M)
        other.kept_W, other.kept_b = self.W.copy(), self.b.copy()
        return other

    def restore(self, epoch: int) -> None:
        """Return to the iterate kept, which is the one after this epoch."""
        self.W[:], self.b[:] = self.kept_W, self.kept_b
        self.epoch, self.position, self.steps = epoch, 0, epoch * self.steps_per_epoch
