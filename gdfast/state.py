"""Where a descent stands: arrays that the kernels change in place."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.data.order import fill_order
from gdfast.data.problem import Problem
from gdfast.plan import Plan

__all__ = ["State", "Updates"]

NONE = np.zeros((0, 0))

# What a copy, and a file, must hold; all else follows from the plan.
ARRAYS = ("W", "b", "M", "V", "A", "Q", "U", "sums")
COUNTS = ("epoch", "position", "steps", "count")


class Updates(NamedTuple):
    """What a call of `stochastic` is to do.

    It runs `steps` updates from the state's place in the order of samples, and writes into `costs` for each epoch
    that ends the mean over it of s_i loss_i just before each update; or, where `wanted` has a place for each such
    epoch, J at its end where it is marked, else NaN (a sum that nobody wants is made only as far as it takes to tell
    whether it is finite). `rates` are by epoch, the current one first, or by step.
    """

    steps: int
    rates: NDArray[np.float64]
    by_step: bool
    wanted: NDArray[np.bool_]  # empty: J is never wanted
    costs: NDArray[np.float64]


class State:
    """The iterate, what its update rule remembers, and the place in the order of samples."""

    __slots__ = (*ARRAYS, *COUNTS, "batch_size", "gain", "order", "seed", "shuffle", "steps_per_epoch")

    def __init__(self, problem: Problem, plan: Plan) -> None:
        n, model = problem.X.shape[0], plan.model
        self.W: NDArray[Any] = plan.coef.copy()  # (k, d)
        self.b: NDArray[np.float64] = plan.intercept.copy()  # (k,)
        k, d = self.W.shape
        # (k, d + 1) each, the intercept's behind each row; empty where they are not needed.
        shape, rule = (k, d + 1), model.formula
        cumulative = plan.batch_size == 1 and model.l1 > 0
        self.M = np.zeros(shape) if rule.momentum else NONE  # the momentum
        self.V = np.zeros(shape) if rule.adaptive else NONE  # the squares
        self.A = np.zeros(shape) if model.averaging else NONE  # the mean of iterates
        self.Q = np.zeros(shape) if cumulative else NONE  # l1 applied so far
        self.U = np.zeros(shape) if cumulative and model.checked else NONE  # l1 owed, where it is not one number
        self.sums = np.zeros(3)  # running sum of this epoch's losses; l1 owed so far; a shrinking below float32's bits
        self.order = np.arange(n if plan.batch_size is not None else 0, dtype=np.int32)
        self.batch_size, self.shuffle, self.seed = plan.batch_size, plan.shuffle, plan.seed
        self.steps_per_epoch = 1 if plan.batch_size is None else -(-n // plan.batch_size)
        self.gain = plan.average_gain
        self.epoch = 0  # whole epochs done
        self.position = 0  # updates done in this epoch
        self.steps = 0  # updates done in all
        self.count = -1  # of iterates in the mean; -1 before it begins

    @property
    def arrays(self) -> tuple[NDArray[np.float64], ...]:
        """What is remembered beside the iterate."""
        return self.M, self.V, self.A, self.Q, self.U

    def advance(self, steps: int) -> None:
        """Count updates done."""
        self.steps += steps
        epochs, self.position = divmod(self.position + steps, self.steps_per_epoch)
        self.epoch += epochs
        if self.count >= 0:
            self.count += steps

    def begin_mean(self) -> None:
        """Take the iterates into the mean from here on."""
        self.count = 0
        if self.gain > 0:
            self.A[:, :-1], self.A[:, -1] = self.W, self.b

    def memory(self) -> dict[str, Any]:
        """Return copies of all that must be kept to stand here again."""
        kept: dict[str, Any] = {}
        for name in ARRAYS:
            array = getattr(self, name)
            kept[name] = array.copy() if array.size else array  # the empty ones, most of them, never change
        for name in COUNTS:
            kept[name] = getattr(self, name)
        return kept

    def recall(self, memory: dict[str, Any]) -> None:
        """Stand where `memory` was taken."""
        for name in ARRAYS:
            getattr(self, name)[:] = memory[name]
        for name in COUNTS:
            setattr(self, name, int(memory[name]))
        if self.position and self.shuffle:
            fill_order(self.order, self.seed, self.epoch)

    def estimate(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coef (k, d) and intercept (k,): the mean where one has begun and its first epoch is done."""
        if self.count < self.steps_per_epoch:
            return self.W.copy(), self.b.copy()
        return self.A[:, :-1].astype(self.W.dtype), self.A[:, -1].copy()
