"""Blocks that Dask's own scheduler computes in this process, anew in each pass."""

from collections.abc import Iterable, Iterator
from typing import Any

from gdfast.data.blocks.dask.partitions import Partitions
from gdfast.data.blocks.source import MadeAnew

__all__ = ["Computed"]


class Computed(MadeAnew):
    """The partitions of Dask's collections, computed one after another."""

    shuffles = True

    def __init__(self, partitions: Partitions) -> None:
        self.partitions = partitions

    def read(self, order: Iterable[int] | None) -> Iterator[Any]:
        """Yield the blocks of an order."""
        from dask.base import compute

        parts = self.partitions.parts
        for number in range(len(parts)) if order is None else order:
            X, y, weights = compute(*parts[number])
            block = [(X, y) if weights is None else (X, y, weights)]
            del X, y, weights
            yield block.pop()

    def __repr__(self) -> str:
        return repr(self.partitions)
