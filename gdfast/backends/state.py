"""The state of a training: arrays that the kernels change in place."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.data.order import fill_order
from gdfast.data.problem import Problem
from gdfast.options.model import Model
from gdfast.options.option import count
from gdfast.results.fields import FieldError, array_like, check_field, mapping
from gdfast.results.run_fields import LARGEST_STEPS

__all__ = ["ARRAYS", "KernelState", "SampleOrder", "State"]

NONE = np.zeros((0, 0))

# What a copy, and a file, must hold; all else follows from the plan.
ARRAYS = ("W", "b", "M", "V", "A", "Q", "U", "sums")
COUNTS = ("epoch", "position", "steps", "count")


class KernelState(NamedTuple):
    """What a compiled kernel reads and changes: the arrays of a State, and its counts before the call."""

    W: NDArray[Any]
    b: NDArray[np.float64]
    sums: NDArray[np.float64]
    M: NDArray[np.float64] = NONE
    V: NDArray[np.float64] = NONE
    A: NDArray[np.float64] = NONE
    Q: NDArray[np.float64] = NONE
    U: NDArray[np.float64] = NONE
    steps: int = 0
    averaged: int = -1  # iterates in the mean; -1: none is wanted
    gain: float = 0.0


class SampleOrder(NamedTuple):
    """How a compiled kernel takes the samples, and its place among them before the call."""

    order: NDArray[np.int32]
    batch_size: int
    shuffle: bool
    seed: np.uint64
    epoch: int
    position: int


class State:
    """The iterate, the state of its update rule, and the place in the order of samples."""

    __slots__ = (*ARRAYS, *COUNTS, "batch_size", "gain", "order_known", "rows", "seed", "shuffle", "steps_per_epoch")

    def __init__(
        self,
        problem: Problem,
        model: Model,
        coef: NDArray[Any],
        intercept: NDArray[np.float64],
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        average_gain: float = 0.0,
    ) -> None:
        n, sizes = problem.X.shape[0], None if problem.blocks is None else problem.blocks.sizes
        self.W: NDArray[Any] = coef.copy()  # (k, d)
        self.b: NDArray[np.float64] = intercept.copy()  # (k,)
        k, d = self.W.shape
        # (k, d + 1) each, the intercept's behind each row; empty where they are not needed.
        shape, rule = (k, d + 1), model.formula
        cumulative = batch_size == 1 and model.l1 > 0
        self.M = np.zeros(shape) if rule.momentum else NONE  # the momentum
        self.V = np.zeros(shape) if rule.adaptive else NONE  # the squares
        self.A = np.zeros(shape) if model.averaging else NONE  # the mean of iterates
        self.Q = np.zeros(shape) if cumulative else NONE  # l1 applied so far
        self.U = np.zeros(shape) if cumulative and model.checked else NONE  # l1 pending, where it is not one number
        # The running sum of this epoch's losses; l1 pending so far; a shrinking below float32's bits; and of rows in
        # blocks, where the first is that of one block, the sum over the blocks before.
        self.sums = np.zeros(3 if sizes is None else 4)
        self.rows = n if batch_size is not None and sizes is None else 0
        self.order_known: NDArray[np.int32] | None = None
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        if batch_size is None:
            self.steps_per_epoch = 1
        else:
            self.steps_per_epoch = -(-n // batch_size) if sizes is None else int((-(-sizes // batch_size)).sum())
        self.gain = average_gain
        self.epoch = 0  # whole epochs done
        self.position = 0  # updates done in this epoch
        self.steps = 0  # updates done in all
        self.count = -1  # of iterates in the mean; -1 before it begins

    @property
    def order(self) -> NDArray[np.int32]:
        """The rows as this epoch takes them, once it has begun."""
        if self.order_known is None:
            self.order_known = np.arange(self.rows, dtype=np.int32)
        return self.order_known

    def share_order(self, other: "State") -> None:
        """Have one order with a state that takes the same rows, until this one is restored."""
        self.order_known = other.order

    def for_kernels(self) -> KernelState:
        """Return what kernels of compiled backends change."""
        arrays = (self.W, self.b, self.sums, self.M, self.V, self.A, self.Q, self.U)
        return KernelState(*arrays, self.steps, self.count, self.gain)

    def sample_order(self) -> SampleOrder:
        """Return the place in the order of samples, and what the next orders follow from."""
        batch_size = self.batch_size or 1
        return SampleOrder(self.order, batch_size, self.shuffle, np.uint64(self.seed), self.epoch, self.position)

    @staticmethod
    def stacked(states: Sequence["State"]) -> "State":
        """Return states without a mean as one, of all their outputs: their arrays become parts of its arrays."""
        whole = copy.copy(states[0])
        for name in ("W", "b", "M", "V"):
            arrays = [getattr(state, name) for state in states]
            if arrays[0].size:
                setattr(whole, name, np.concatenate(arrays))
                for state, part in zip(states, np.split(getattr(whole, name), len(states)), strict=True):
                    setattr(state, name, part)
        return whole

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

    def snapshot(self, copied: bool = True) -> dict[str, Any]:
        """Return all that is needed to return here, with copies of the arrays or the arrays themselves."""
        arrays = {"W": self.W, "b": self.b, "M": self.M, "V": self.V, "A": self.A, "Q": self.Q, "U": self.U}
        kept: dict[str, Any] = arrays | {"sums": self.sums}
        if copied:  # the empty ones, most of them, never change
            kept = {name: array if array is NONE else array.copy() for name, array in kept.items()}
        kept["epoch"], kept["position"], kept["steps"], kept["count"] = (
            self.epoch,
            self.position,
            self.steps,
            self.count,
        )
        return kept

    def check(self, name: str, value: Any, epochs: int) -> None:
        """Raise an error unless a value is a snapshot of such a state, after at most so many epochs."""
        arrays = {array: array_like(getattr(self, array)) for array in ARRAYS}
        counts = {
            "epoch": count(0, epochs),
            "position": count(0, self.steps_per_epoch - 1),
            "steps": count(0, LARGEST_STEPS),
            "count": count(-1, LARGEST_STEPS),
        }
        mapping(arrays | counts)(name, value)
        if value["steps"] != value["epoch"] * self.steps_per_epoch + value["position"]:
            raise FieldError(
                f"{name}.steps={value['steps']} must be the updates of {value['epoch']} epochs of "
                f"{self.steps_per_epoch}, and position={value['position']} more"
            )
        if value["position"] == 0:
            for array in ("W", "b"):
                check_field(f"{name}.{array}", value[array], array_like(getattr(self, array), finite=True))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Return to where `snapshot` was taken."""
        for name in ARRAYS:
            getattr(self, name)[:] = snapshot[name]
        for name in COUNTS:
            setattr(self, name, int(snapshot[name]))
        self.order_known = None  # others may share it
        if self.position and self.shuffle:
            fill_order(self.order, self.seed, self.epoch)

    def carry(self, snapshot: dict[str, Any], epoch: int) -> None:
        """Take over what training on other rows had reached, at the start of an epoch on these.

        The cumulative penalty begins anew where the options that shape it are others than they were.
        """
        for name in ("W", "b", "M", "V", "A", "sums"):
            getattr(self, name)[:] = snapshot[name]
        if all(snapshot[name].shape == getattr(self, name).shape for name in ("Q", "U")):
            self.Q[:], self.U[:] = snapshot["Q"], snapshot["U"]
        else:
            self.sums[1] = 0.0
        self.steps, self.count, self.epoch = snapshot["steps"], snapshot["count"], epoch

    def estimate(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return coef (k, d) and intercept (k,): the mean where one has begun and its first epoch is done."""
        if self.count < self.steps_per_epoch:
            return self.W.copy(), self.b.copy()
        return self.A[:, :-1].astype(self.W.dtype), self.A[:, -1].copy()
