"""What the first pass finds of each block, to which later passes are held."""

from typing import Any

from gdfast.data.blocks.block import Block, checked_block, unpacked
from gdfast.data.fingerprint import fingerprint

__all__ = ["Ledger"]

SAME = "the blocks must be the same in each pass"


class Ledger:
    """The names and the fingerprints of blocks.

    The first block that is read decides the names and the order of the columns, unless names are expected before.
    """

    def __init__(self, columns: tuple[str, ...] | None, expected: tuple[str, ...] | None = None) -> None:
        self.columns, self.expected = columns, expected
        self.names: tuple[str, ...] | None = None
        self.features: int | None = None  # of the first block; None before it is read
        self.rows: dict[int, int] = {}
        self.fingerprints: dict[int, str] = {}
        self.count: int | None = None  # of the blocks; None before the first pass has ended

    def checked(self, number: int, given: Any) -> Block:
        """Return a block that a source has given, with its numbers checked, the same as in the first pass."""
        file = None
        try:
            source = unpacked(given)
            file = source.file
            block, names = checked_block(number, source, self.columns, self.names or self.expected)
            self.check_columns(block, names)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{place(number, file)}: {error}") from error
        self.check_same(block, place(number, file))
        return block

    def check_columns(self, block: Block, names: tuple[str, ...] | None) -> None:
        """Raise an error unless a block has as many columns as the first one, and names where it has."""
        if self.features is None:
            self.names, self.features = names, block.X.shape[1]
            return
        if (names is None) != (self.names is None):
            one, other = ("no names", "names") if names is None else ("names", "no names")
            raise ValueError(
                f"X has {one} for its columns, and the first block has {other}; make all blocks of frames, or all of "
                "arrays"
            )
        if block.X.shape[1] != self.features:
            raise ValueError(f"X has {block.X.shape[1]} features, and the first block {self.features}; give the same")

    def check_same(self, block: Block, where: str) -> None:
        """Raise an error unless a block is what it was in the first pass."""
        rows, found = int(block.X.shape[0]), fingerprint(block.X, block.y, block.sample_weight)
        known = self.rows.setdefault(block.number, rows)
        if known != rows:
            raise ValueError(f"{where} has {rows} rows, and had {known} in the first pass; {SAME}")
        if self.fingerprints.setdefault(block.number, found) != found:
            raise ValueError(f"{where} has changed since the first pass; {SAME}")
        if self.count is not None and block.number >= self.count:
            raise ValueError(f"{where} is one more than the {self.count} blocks of the first pass; {SAME}")

    def end(self, count: int) -> None:
        """Note how many blocks a pass over all has had, as many as the first."""
        if self.count is None:
            self.count = count
        if count < self.count:
            raise ValueError(
                f"block {count} is missing: the blocks have ended, and the first pass had {self.count}; {SAME}, and a "
                "function that is given as source must return a new iterator at each call"
            )

    def fingerprint(self) -> str:
        """Return the fingerprint of all blocks, after a pass."""
        import hashlib

        digest = hashlib.blake2b(digest_size=16)
        for number in sorted(self.fingerprints):
            digest.update(f"{self.rows[number]};{self.fingerprints[number]};".encode())
        return digest.hexdigest()


def place(number: int, file: str | None) -> str:
    """Return the words for a block in a message."""
    return f"block {number}" if file is None else f"block {number} ({file!r})"
