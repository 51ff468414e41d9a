"""What the first pass finds of each block, to which later passes are held."""

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.data.blocks.block import Block, NamedRows, SourceBlock, checked_block, unpacked
from gdfast.data.blocks.source import Known
from gdfast.data.csr import CSR
from gdfast.data.fingerprint import checksum

__all__ = ["Ledger", "Record", "place", "record_of"]

VALUES = dict.fromkeys("biuf", "numbers") | dict.fromkeys("UT", "strings")
SAME = "the blocks must be the same in each pass"


class Record(NamedTuple):
    """What is known of a block without its rows."""

    rows: int
    features: int
    outputs: int | None  # the columns of y; None without rows
    values: str | None  # "numbers" or "strings" that y holds; None without rows, and of other objects
    names: tuple[str, ...] | None
    sparse: bool | None  # None without rows
    dtype: np.dtype[Any]
    checksum: str | None  # None of a block that is held, until it is asked for


def record_of(block: Block, held: bool = False) -> Record:
    """Return the record of a checked block, which may be held in memory."""
    rows, features = block.X.shape
    sparse = isinstance(block.X, CSR) if rows else None
    outputs = None if rows == 0 else block.outputs
    values = None if rows == 0 else VALUES.get(block.y.dtype.kind)
    found = None if held else checksum_of(block)
    return Record(int(rows), int(features), outputs, values, block.names, sparse, block.X.dtype, found)


def checksum_of(block: Block) -> str:
    """Return the checksum of a block."""
    return checksum(block.X, block.y, block.sample_weight)


class Ledger:
    """The records of blocks, and those blocks that are arrays in memory.

    The first block that is read decides the names and the order of the columns, unless names are expected before.
    """

    def __init__(self, columns: tuple[str, ...] | None, expected: tuple[str, ...] | None = None) -> None:
        self.columns, self.expected = columns, expected
        self.first: Record | None = None  # of the block that was read first
        self.sparse: bool | None = None  # whether the blocks are, once one with rows is read
        self.outputs: int | None = None  # likewise
        self.values: str | None = None  # likewise
        self.records: dict[int, Record] = {}
        self.held: dict[int, Block] = {}
        self.count: int | None = None  # of the blocks; None before the first pass has ended, or their source is known
        self.known: Known | None = None  # of the source, instead of a first pass

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the columns, once a block is read."""
        if self.known is not None and self.expected is None:
            return self.known.names
        return None if self.first is None else self.first.names

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The rows of each block, after a pass."""
        if self.known is not None:
            return np.array(self.known.sizes, np.int64)
        return np.array([self.records[number].rows for number in range(len(self.records))], np.int64)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of X, that of all blocks together."""
        if self.known is not None:
            return self.known.dtype
        found = {record.dtype for record in self.records.values() if record.rows}
        return np.result_type(*found) if found else np.dtype(np.float64)

    @property
    def features(self) -> int:
        """The features of each block, once that is known."""
        first = self.known or self.first
        assert first is not None
        return first.features

    def begin_known(self, known: Known) -> None:
        """Begin without a first pass; the blocks that are held are read again."""
        self.held = {}
        self.known, self.count, self.sparse = known, len(known.sizes), False

    def checked(self, number: int, given: Any, array: Any = None) -> Block:
        """Return a block that a source has given, with its numbers checked, the same as in the first pass.

        Where its X is a part of an array in memory it is held.
        """
        same = self.same_as_before(number, given)
        if same is not None:
            return same
        file = None
        try:
            source = unpacked(given)
            file = source.file
            block = checked_block(number, source, self.columns, self.names or self.expected)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{place(number, file)}: {error}") from error
        held = is_array(array) and is_array(block.X) and np.may_share_memory(block.X, array)
        self.note(number, record_of(block, held), file)
        if held:
            self.held[number] = copy.copy(block)
        return block

    def same_as_before(self, number: int, given: Any) -> Block | None:
        """Return a block of numbers that a source of ours gives, if it is to the bit what has been checked before."""
        known = self.records.get(number)
        if known is None or not isinstance(given, SourceBlock) or not isinstance(given.X, NamedRows):
            return None
        X, y, weights, names = given.X.values, given.y, given.sample_weight, given.X.names
        if not (is_array(y) and names == known.names and X.dtype == known.dtype):
            return None
        block = Block(number, X, y, None if weights is None else weights.astype(np.float64, copy=False), names)
        return block if record_of(block) == known else None

    def note(self, number: int, record: Record, file: str | None = None) -> None:
        """Keep the record of a block; raise an error unless it goes with the first one, and is as it was before."""
        where = place(number, file)
        if self.first is None:
            self.first = record
        self.check_columns(record, where)
        self.check_kinds(record, where)
        known = self.records.setdefault(number, record)
        if known.rows != record.rows:
            raise ValueError(f"{where} has {record.rows} rows, and had {known.rows} in the first pass; {SAME}")
        if None not in (known.checksum, record.checksum) and known.checksum != record.checksum:
            raise ValueError(f"{where} has changed since the first pass; {SAME}")
        if self.known is not None and record.rows != self.known.sizes[number]:
            raise ValueError(f"{where} has {record.rows} rows, and had {self.known.sizes[number]}; {SAME}")
        if self.count is not None and number >= self.count:
            raise ValueError(f"{where} is one more than the {self.count} blocks of the first pass; {SAME}")

    def check_columns(self, record: Record, where: str) -> None:
        """Raise an error unless a block has as many columns as the first one, and names where it has."""
        assert self.first is not None
        if (record.names is None) != (self.first.names is None):
            one, other = ("no names", "names") if record.names is None else ("names", "no names")
            raise ValueError(
                f"{where}: X has {one} for its columns, and the first block has {other}; make all blocks of frames, or "
                "all of arrays"
            )
        if record.features != self.first.features:
            raise ValueError(
                f"{where}: X has {record.features} features, and the first block {self.first.features}; give the same"
            )

    def check_kinds(self, record: Record, where: str) -> None:
        """Raise an error unless X and y of a block are of the kinds of those before."""
        if self.sparse is None:
            self.sparse = record.sparse
        self.outputs = self.outputs or record.outputs
        self.values = self.values or record.values
        if record.sparse not in (None, self.sparse):
            raise ValueError(
                f"{where}: X is {kind(record.sparse)}, and the blocks before are {kind(self.sparse)}; make all alike"
            )
        if record.outputs not in (None, self.outputs):
            raise ValueError(f"{where}: y has {record.outputs} columns, and {self.outputs} before; give the same")
        if record.values not in (None, self.values):
            raise TypeError(f"{where}: y holds {record.values}, and the blocks before {self.values}; make all alike")

    def end(self, count: int) -> None:
        """Note how many blocks a pass over all has had, as many as the first."""
        if self.count is None:
            self.count = count
        if count < self.count:
            raise ValueError(
                f"block {count} is missing: the blocks have ended, and the first pass had {self.count}; {SAME}, and a "
                "function that is given as source must return a new iterator at each call"
            )

    def remember(self) -> None:
        """Make the checksums of the blocks that are held."""
        for number, block in self.held.items():
            if self.records[number].checksum is None:
                self.records[number] = record_of(block)

    def check_held(self) -> None:
        """Raise ValueError where arrays have changed since their checksums were made."""
        for number, block in self.held.items():
            if self.records[number].checksum is not None:
                self.note(number, record_of(block))

    def fingerprint(self) -> str:
        """Return the fingerprint of all blocks, after a pass."""
        import hashlib

        self.remember()
        digest = hashlib.blake2b(digest_size=16)
        for number in sorted(self.records):
            record = self.records[number]
            digest.update(f"{record.rows};{record.checksum};".encode())
        return digest.hexdigest()


def is_array(X: Any) -> bool:
    """Tell whether X is an array in memory, and no memory map, whose file may change."""
    return isinstance(X, np.ndarray) and not isinstance(X, np.memmap)


def kind(sparse: bool | None) -> str:
    """Return the word for a kind of matrix."""
    return "sparse" if sparse else "dense"


def place(number: int, file: str | None) -> str:
    """Return the words for a block in a message."""
    return f"block {number}" if file is None else f"block {number} ({file!r})"
