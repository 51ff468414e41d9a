"""The kernels over blocks of rows: those of a backend for each block, their sums merged, or one block after another."""

import copy
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import EndIsDueError
from gdfast._utils.interrupt import UNINTERRUPTED
from gdfast.backends import load
from gdfast.backends.numpy import Kernels
from gdfast.backends.protocol import KernelSet, Updates
from gdfast.backends.state import ARRAYS, State
from gdfast.data.order import fill_order
from gdfast.data.problem import Problem
from gdfast.options.model import Model

__all__ = ["BlockKernels"]

BEFORE = 3  # the place in State.sums of the sum over the blocks of this epoch that are done


@dataclass(frozen=True)
class KernelsOfBlock:
    """Makes the kernels of a block's Problem, in any process."""

    backend: str
    model: Model
    n_threads: int
    known: dict[int, KernelSet]  # by the Problem's id, of Problems that are held in memory

    def __call__(self, problem: Problem) -> KernelSet:
        """Return the kernels, which read X by rows: a copy by columns would not pay in one pass."""
        kernels: KernelSet | None = self.known.get(id(problem))
        if kernels is None:
            kernels = load(self.backend).Kernels(problem, self.model, False, self.n_threads)
            if problem.shared is not None:  # it is held, and its id will be no other's
                self.known[id(problem)] = kernels
        return kernels


class Sums:
    """The sum of s_i loss_i over some rows, and its gradient (k, d + 1)."""

    def __init__(self, loss: float, gradient: NDArray[np.float64]) -> None:
        self.loss, self.gradient = loss, gradient

    def add(self, other: "Sums") -> "Sums":
        """Return those of these rows and others."""
        return Sums(self.loss + other.loss, self.gradient + other.gradient)


def block_sums(make: KernelsOfBlock, W: NDArray[Any], b: NDArray[np.float64], problem: Problem) -> Sums:
    """Return the sums of a block at W and b."""
    if not len(problem.X):
        return Sums(0.0, np.zeros((len(b), W.shape[1] + 1)))
    with closing(make(problem)) as kernels:
        loss, _ = kernels.sums_at(W, b)
        return Sums(loss, kernels.G.copy())


class BlockKernels(Kernels):
    """The kernels for the Problem of rows in blocks (gdfast/data/blocks/rows.py) and one Model.

    An epoch of full batch reads the blocks once, and adds up their sums in a tree that the number of blocks decides;
    one of mini-batches and SGD runs the updates of one block after those of another. The kernels of a block are those
    of the backend; the update of a full batch is NumPy's.
    """

    def __init__(self, problem: Problem, model: Model, backend: str, n_threads: int) -> None:
        super().__init__(problem, model)
        self.rows = problem.blocks
        self.make = KernelsOfBlock(backend, model, n_threads, {})
        self.reading: Reading | None = None  # of the epoch that `stochastic` is in

    def sums(self, rows: Any, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the sum of s_i loss_i over all rows, and put its gradient into G."""
        self.close()
        with np.errstate(all="ignore"):
            sums = self.rows.merged(partial(block_sums, self.make, W, b), Sums.add)
        self.G[:] = sums.gradient
        return float(sums.loss)

    def loss_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return the sum of s_i loss_i at W and b."""
        return self.sums(slice(None), W, b)

    def close(self) -> None:
        """End the reading of blocks, and the thread that it has."""
        if self.reading is not None:
            self.reading.close()
            self.reading = None

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates, block after block."""
        done = ended = 0
        while done < updates.steps:
            epoch, position = state.epoch + ended, (state.position + done) % state.steps_per_epoch
            if position == 0:
                state.sums[0] = state.sums[BEFORE] = 0.0
            try:
                number, first, kernels = self.block_at(state, epoch, position)
                local = state_in_block(state, number, int(self.rows.sizes[number]), epoch, position - first, done)
                count = min(local.steps_per_epoch - local.position, updates.steps - done)
                made: int = kernels.stochastic(local, part_of(updates, done, ended, count))
            except EndIsDueError:
                return done
            if made < 0:
                return ~ended
            done += made
            if made < count:
                return done
            if local.position + made == local.steps_per_epoch:
                state.sums[BEFORE] += state.sums[0]
            if position + made == state.steps_per_epoch:
                if not self.end_epoch(state, updates, ended):
                    return ~ended
                ended += 1
        return done

    def end_epoch(self, state: State, updates: Updates, ended: int) -> bool:
        """Write the cost of an epoch that has ended; tell whether it is finite."""
        if self.reading is not None:
            with suppress(EndIsDueError):
                self.reading.finish()
        n, costs = len(self.X), updates.costs
        costs[ended] = state.sums[BEFORE] / n
        finite = bool(np.isfinite(state.sums[BEFORE]))
        if finite and len(updates.wanted):
            costs[ended] = np.nan
            if updates.wanted[ended]:
                with UNINTERRUPTED:
                    costs[ended] = self.cost_at(state.W, state.b, False)
                finite = bool(np.isfinite(n * costs[ended]))
        return finite

    def block_at(self, state: State, epoch: int, position: int) -> tuple[int, int, Any]:
        """Return the number of the block that an update of an epoch is in, its first update, and its kernels."""
        if self.rows.remote:
            order = BlockOrder(self.rows, state, epoch)
            place = order.block_of(position)
            number = int(order.numbers[place])
            return number, order.first_of(place), RemoteKernels(self.rows, number, self.make)
        reading = self.reading
        if reading is None or not reading.comes_to(state, epoch, position):
            self.close()
            reading = self.reading = Reading(self.rows, BlockOrder(self.rows, state, epoch), position)
        number, problem, first = reading.take()
        return number, first, LocalKernels(problem, self.make)

    def steps_of_call(self, state: State, steps: int) -> int:
        """Return about so many updates, after which a block ends."""
        order = BlockOrder(self.rows, state, state.epoch)
        end = max(order.block_of(state.position), order.block_of(state.position + steps) - 1)
        return int(order.ends[end] - state.position)


class LocalKernels(NamedTuple):
    """The kernels of a block in this process."""

    problem: Problem
    make: KernelsOfBlock

    def stochastic(self, local: State, updates: Updates) -> int:
        """Run updates by the rows of the block."""
        return run_in_block(self.make, self.problem, local, updates)


class RemoteKernels(NamedTuple):
    """The kernels of a block on a cluster, to which the state goes, and from which it comes back."""

    rows: Any
    number: int
    make: KernelsOfBlock

    def stochastic(self, local: State, updates: Updates) -> int:
        """Run updates by the rows of the block."""
        made, arrays = self.rows.call(self.number, partial(run_remotely, self.make), local, updates)
        for name, array in arrays.items():
            getattr(local, name)[...] = array
        return int(made)


def run_in_block(make: KernelsOfBlock, problem: Problem, local: State, updates: Updates) -> int:
    """Run updates by the rows of a block."""
    if local.position and local.shuffle:
        load(make.backend).fill_order(local.order, local.seed, local.epoch)
    with closing(make(problem)) as kernels:
        return kernels.stochastic(local, updates)


def run_remotely(
    make: KernelsOfBlock, problem: Problem, local: State, updates: Updates
) -> tuple[int, dict[str, NDArray[Any]]]:
    """Return what updates by the rows of a block return, and the arrays of the state after them."""
    local = copy.deepcopy(local)  # which another attempt of this task would begin with
    made = run_in_block(make, problem, local, updates._replace(costs=updates.costs.copy()))
    return made, {name: getattr(local, name) for name in ARRAYS}


class BlockOrder:
    """The blocks of an epoch in the order in which SGD takes them, those without rows left out."""

    def __init__(self, rows: Any, state: State, epoch: int) -> None:
        self.key = state.seed, epoch
        numbers = np.arange(len(rows.sizes), dtype=np.int32)
        if state.shuffle and rows.shuffles:
            fill_order(numbers, state.seed, epoch)
        self.numbers = numbers[rows.sizes[numbers] > 0]
        self.ends = np.cumsum(-(-rows.sizes[self.numbers] // (state.batch_size or 1)))  # updates up to that of each

    def block_of(self, position: int) -> int:
        """Return the place in this order of the block that an update is in."""
        return int(np.searchsorted(self.ends, position, side="right"))

    def first_of(self, place: int) -> int:
        """Return the first update of a block."""
        return int(self.ends[place - 1]) if place else 0


class Reading:
    """Reads the blocks of an epoch, from one of them on."""

    def __init__(self, rows: Any, order: BlockOrder, position: int) -> None:
        self.order, self.next = order, order.block_of(position)
        self.given: Generator[tuple[int, Problem], None, None] = rows.problems(
            order.numbers[self.next :].tolist() if rows.shuffles else None
        )

    def comes_to(self, state: State, epoch: int, position: int) -> bool:
        """Tell whether the block that comes next is the one that an update is in."""
        if self.order.key != (state.seed, epoch) or self.next == len(self.order.numbers):
            return False
        return self.next == self.order.block_of(position)

    def take(self) -> tuple[int, Problem, int]:
        """Return the number and the Problem of the next block, and its first update."""
        number, first = int(self.order.numbers[self.next]), self.order.first_of(self.next)
        problem = next(problem for found, problem in self.given if found == number)
        self.next += 1
        return number, problem, first

    def finish(self) -> None:
        """Read to the end, which tells whether there are more blocks than in the first pass."""
        for _ in self.given:
            pass

    def close(self) -> None:
        """End the reading."""
        self.given.close()


def state_in_block(state: State, number: int, rows: int, epoch: int, position: int, done: int) -> State:
    """Return the state of a training as one on the rows of a block alone, which changes the arrays of the whole."""
    local = copy.copy(state)
    local.rows, local.order_known, local.sums = rows, None, state.sums[:BEFORE]
    local.seed = (state.seed + number + 1) % 2**64
    local.steps_per_epoch = -(-rows // (state.batch_size or 1))
    local.epoch, local.position, local.steps = epoch, position, state.steps + done
    local.count = state.count + done if state.count >= 0 else -1
    return local


def part_of(updates: Updates, done: int, ended: int, count: int) -> Updates:
    """Return so many updates of a call, after some that are done."""
    rates = updates.rates[done : done + count] if updates.by_step else updates.rates[ended : ended + 1]
    # The sums of its losses are wanted, or none.
    return Updates(count, rates, updates.by_step, np.zeros(min(1, len(updates.wanted)), np.bool_), np.empty(1))
