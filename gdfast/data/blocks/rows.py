"""Rows in blocks as a training takes them: what a first pass has found of them, and the Problem of each block."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import end_here_if_due
from gdfast.data.blocks.block import Block
from gdfast.data.blocks.blocks import Blocks
from gdfast.data.blocks.ledger import place
from gdfast.data.blocks.source import Known
from gdfast.data.csr import CSR, Features
from gdfast.data.problem import (
    BLOCKS,
    Problem,
    Shared,
    check_classes,
    distinct,
    known_labels,
    one_label_a_row,
    targets,
)
from gdfast.data.scaling import Moments, Scaling
from gdfast.data.triangle import merged_in_tree
from gdfast.formulas.losses import LOSSES, LossFormulas
from gdfast.options.custom_loss import Loss

__all__ = ["FirstPass", "Found", "RowsInBlocks", "labels_of_blocks"]

Part = TypeVar("Part")

SAMPLE_BLOCKS, SAMPLE_ROWS = 64, 8  # at most, of a sample of the rows: blocks, and rows of each


class Found(NamedTuple):
    """What the first pass finds of some blocks."""

    rows: int
    weight: float
    weighted: bool  # whether a block has weights
    outputs: int  # 0 where there are no rows
    labels: NDArray[Any] | None  # in sorted order, of a classification
    target: float  # the largest, of a regression
    moments: Moments | None  # where columns are standardized
    sample: tuple[Block, ...]


@dataclass(frozen=True)
class FirstPass:
    """Checks blocks for what a loss allows, and finds what the training on them needs to know before."""

    loss: str | Loss
    c: float
    standardize: bool
    positive: Any = None  # the label that is trained on against all others, where that is asked for

    @property
    def name(self) -> str:
        """The loss's name."""
        return self.loss if isinstance(self.loss, str) else self.loss.name

    @property
    def rule(self) -> LossFormulas:
        """The loss's formulas."""
        return LOSSES[self.loss] if isinstance(self.loss, str) else self.loss.formulas

    @property
    def needed(self) -> bool:
        """Whether training needs to know more than the sizes of blocks without weights."""
        return self.rule.classification or self.standardize

    def __call__(self, block: Block) -> Found:
        """Return what is found of a block."""
        n, weights = block.X.shape[0], block.sample_weight
        moments = Moments.of(block.X, weights) if self.standardize else None
        if n == 0:
            return Found(0, 0.0, weights is not None, 0, None, -np.inf, moments, ())
        labels, outputs, target = None, 1, -np.inf
        if self.rule.classification:
            labels = distinct(self.labels(block))[0]
        else:
            Y = self.targets(block)
            outputs, target = Y.shape[1], float(Y.max())
        weight = float(n) if weights is None else float(weights.sum())
        sample = (rows_of_block(block),)
        return Found(n, weight, weights is not None, outputs, labels, target, moments, sample)

    def labels(self, block: Block) -> NDArray[Any]:
        """Return the labels of a classification; against all others whether they are the positive one."""
        labels = one_label_a_row(block.y, block.X.shape[0])
        return labels if self.positive is None else np.asarray(labels == self.positive)

    def targets(self, block: Block) -> NDArray[np.float64]:
        """Return the targets (rows, outputs) of a regression."""
        return targets(block.y, block.X.shape[0], self.name, self.rule, self.c)

    def merge(self, first: Found, second: Found) -> Found:
        """Return what is found of the blocks of both."""
        labels = merged_labels(first.labels, second.labels)
        if labels is not None and len(labels) > 2:
            check_classes(labels, self.name, self.rule.coupled, remedy="")
        sample = first.sample + second.sample
        moments = None
        if first.moments is not None and second.moments is not None:
            moments = first.moments.merge(second.moments)
        return Found(
            rows=first.rows + second.rows,
            weight=first.weight + second.weight,
            weighted=first.weighted or second.weighted,
            outputs=max(first.outputs, second.outputs),
            labels=labels,
            target=max(first.target, second.target),
            moments=moments,
            sample=sample[::2] if len(sample) > SAMPLE_BLOCKS else sample,
        )


def labels_of_blocks(blocks: Blocks) -> NDArray[Any]:
    """Return the labels of all blocks in sorted order, after a pass over them."""
    labels = blocks._merged(lambda features, outputs: labels_of_block, merged_labels)
    if labels is None:
        raise ValueError("the blocks of X have no rows of positive weight; give at least one")
    return labels


def labels_of_block(block: Block) -> NDArray[Any] | None:
    """Return the labels of a block in sorted order, None without rows."""
    return distinct(one_label_a_row(block.y, block.X.shape[0]))[0] if block.X.shape[0] else None


def merged_labels(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return the labels of both in sorted order."""
    if first is None or second is None:
        return second if first is None else first
    return distinct(np.concatenate([first, second]))[0]


def rows_of_block(block: Block, most: int = SAMPLE_ROWS) -> Block:
    """Return some rows of a block, evenly spaced, in arrays of their own."""
    n = block.X.shape[0]
    rows = np.linspace(0, n - 1, min(most, n)).astype(np.intp)
    weights = None if block.sample_weight is None else block.sample_weight[rows]
    return Block(block.number, block.X[rows], block.y[rows], weights, block.names)


@dataclass(frozen=True, eq=False)
class BlockProblems:
    """Makes the Problem of a block, the same in every pass, thread and process."""

    first_pass: FirstPass
    classes: NDArray[Any] | None
    outputs: int
    factor: float | None  # of the weights, whose mean over all rows is then 1; None: there are none
    dtype: np.dtype[Any]
    scaling: Scaling | None

    def __call__(self, block: Block) -> Problem:
        """Return the Problem of a block; weights have mean 1 over all blocks."""
        n, weights = block.X.shape[0], block.sample_weight
        X = in_dtype(block.X, self.dtype)
        if self.scaling is not None:
            X = self.scaling.scaled(X)
        if n == 0:
            Y = np.empty((0, self.outputs))
        elif self.classes is None:
            Y = self.first_pass.targets(block)
        else:
            Y = known_labels(self.classes, self.first_pass.labels(block), n, self.outputs > 1)
        if self.factor is not None:
            weights = np.full(n, self.factor) if weights is None else weights * self.factor
        return Problem(X, Y, weights, self.classes, self.outputs > 1, self.scaling)


def in_dtype(X: Features, dtype: np.dtype[Any]) -> Features:
    """Return X in a dtype."""
    if isinstance(X, CSR):
        return CSR(X.data.astype(dtype, copy=False), X.indices, X.indptr, X.shape)
    return X.astype(dtype, copy=False)


class RowsInBlocks:
    """Rows that a training reads a block at a time, after a first pass over them."""

    def __init__(self, blocks: Blocks, found: Found, first_pass: FirstPass) -> None:
        if not found.weight > 0:
            raise ValueError("the blocks of X have no rows of positive weight; give at least one")
        if not np.isfinite(found.rows / found.weight):
            raise ValueError(f"sample_weight: the sum of the weights is {found.weight:g}; scale them")
        if found.labels is not None:
            check_classes(found.labels, first_pass.name, first_pass.rule.coupled, remedy="")
        outputs = found.outputs
        if found.labels is not None and first_pass.rule.coupled:
            outputs = len(found.labels)
        ledger = blocks._ledger
        self.blocks, self.found = blocks, found
        self.sizes, self.sparse, self.features = ledger.sizes, bool(ledger.sparse), ledger.features
        scaling = None if found.moments is None else found.moments.scaling(self.sparse, ledger.dtype)
        factor = found.rows / found.weight if found.weighted else None
        self.problems_held: list[Problem] | None = None
        self.make = BlockProblems(first_pass, found.labels, outputs, factor, ledger.dtype, scaling)

    @staticmethod
    def of_known(blocks: Blocks, known: Known, first_pass: FirstPass) -> "RowsInBlocks":
        """Return blocks that need no first pass: of a regression, without weights, whose sizes are known."""
        blocks._ledger.begin_known(known)
        rows = sum(known.sizes)
        return RowsInBlocks(blocks, Found(rows, float(rows), False, 1, None, np.inf, None, ()), first_pass)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns."""
        return self.blocks._ledger.names

    @property
    def remote(self) -> bool:
        """Whether the blocks are on a cluster."""
        return self.blocks._cluster is not None

    @property
    def shuffles(self) -> bool:
        """Whether the blocks can be taken in any order."""
        return self.blocks.shuffles

    def problem(self) -> Problem:
        """Return the Problem of all rows, whose X and Y are not at hand: X is of NaN, Y of 0, and take no memory."""
        make = self.make
        X = np.broadcast_to(np.array(np.nan, make.dtype), (self.found.rows, self.features))
        Y = np.broadcast_to(0.0, (self.found.rows, make.outputs))
        several = make.outputs > 1
        return Problem(X, Y, None, make.classes, several, make.scaling, stand_in=BLOCKS, blocks=self)

    def problems(self, order: Iterable[int] | None = None) -> Generator[tuple[int, Problem], None, None]:
        """Yield the number and the Problem of each block: of all, or where they can be shuffled those of an order."""
        if self.held is None:
            with closing(self.blocks._read(order)) as reading:
                for block in reading:
                    try:
                        problem = self.make(block)
                    except (TypeError, ValueError) as error:
                        raise type(error)(f"{place(block.number, None)}: {error}") from error
                    yield block.number, problem
            return
        for number in range(len(self.held)) if order is None else order:
            end_here_if_due()
            yield number, self.held[number]

    def merged(self, function: Callable[[Problem], Part], merge: Callable[[Part, Part], Part]) -> Part:
        """Return what a function makes of the Problem of each block, merged in a tree that their number decides."""
        if self.held is not None:
            merged = merged_in_tree((function(problem) for _, problem in self.problems()), merge)
            assert merged is not None
            return merged
        work = partial(of_problem, self.make, function)
        return self.blocks._merged(lambda features, outputs: work, merge)

    def call(self, number: int, function: Callable[..., Part], *arguments: Any) -> Part:
        """Return a function of the Problem of a block on a cluster, and of other arguments."""
        return self.blocks._call(number, partial(of_problem, self.make, function), *arguments)

    @property
    def held(self) -> list[Problem] | None:
        """The Problems of blocks that are arrays in memory and used as they are, None unless all of them are."""
        held, make = self.blocks._ledger.held, self.make
        if self.problems_held is None and len(held) == len(self.sizes):
            blocks = [held[number] for number in range(len(self.sizes))]
            if make.scaling is None and all(one.X.dtype == make.dtype for one in blocks):
                self.problems_held = [replace(make(block), shared=Shared()) for block in blocks]
        return self.problems_held

    def remember(self) -> None:
        """Make the checksums of arrays in memory, by which `check_held` finds that they have changed."""
        self.blocks._ledger.remember()

    def check_held(self) -> None:
        """Raise ValueError where arrays in memory have changed since `remember`."""
        self.blocks._ledger.check_held()

    def sample(self) -> list[Problem]:
        """Return some of the rows; without a first pass those of the first block."""
        if self.found.sample:
            return [self.make(block) for block in self.found.sample]
        first = int(np.argmax(self.sizes > 0))
        with closing(self.blocks._read([first])) as reading:
            return [self.make(rows_of_block(block, 32 * SAMPLE_ROWS)) for block in reading]

    def _fingerprint_parts(self) -> list[NDArray[Any]]:
        return [np.array(self.blocks._fingerprint())]


def of_problem(make: Callable[[Block], Problem], function: Callable[..., Part], block: Block, *arguments: Any) -> Part:
    """Return a function of a block's Problem and of other arguments."""
    return function(make(block), *arguments)
