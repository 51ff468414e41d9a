"""Blocks: rows that are read a block at a time, and checked as they are."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

from gdfast.data.blocks.block import Block
from gdfast.data.blocks.dask.partitions import Partitions, is_collection
from gdfast.data.blocks.files import checked_columns
from gdfast.data.blocks.ledger import Ledger
from gdfast.data.blocks.reading import (
    GivenBlock,
    Progress,
    checked_blocks,
    given_blocks,
    read_ahead,
    released,
    with_progress,
)
from gdfast.data.blocks.source import RowsOfArrays, Source, make_source
from gdfast.data.frames import is_dataset, is_lazy_frame
from gdfast.data.triangle import merged_in_tree

__all__ = ["Blocks", "blocks_given", "blocks_of", "check_alone"]

Part = TypeVar("Part")


class Blocks:
    """Rows in blocks, which need not fit into memory together.

    A block is (X, y) or (X, y, sample_weight): arrays, sparse matrices or frames, checked as `fit` checks them. The
    next one is read on a thread while one is worked on, so that at most two are in memory.

    Parameters
    ----------
    source : sequence or callable
        A sequence (with len and indexing) of blocks or of functions without arguments that return one, which are taken
        in any order. Or a function that returns a new iterator over the same blocks at each call, which are taken as
        they come.
    columns : sequence of str, optional
        The features, by their names in the blocks' frames, in the order wanted. By default all columns, besides those
        that y and sample_weight name.

    Raises
    ------
    ValueError, TypeError
        If source is something else, such as a generator, which can be read once. When the blocks are read, if one of
        them is not what fit takes, has other columns than the first, or has changed since the first pass over them; the
        message names the block, counted from 0.

    See Also
    --------
    gdfast.fit : Takes Blocks as X, without y.
    gdfast.Summary.of : Their Summary.

    Notes
    -----
    The columns of a frame are put in the order of the first block's by their names. A block may have no rows. The rows
    and a fingerprint of each block are kept, to which each later pass is compared.

    Examples
    --------
    >>> import gdfast
    >>> import numpy as np
    >>> def block(seed):
    ...     X = np.random.default_rng(seed).normal(size=(1000, 2))
    ...     return X, X @ [1.0, -2.0] + 3.0
    >>> blocks = gdfast.Blocks([lambda seed=seed: block(seed) for seed in range(4)])
    >>> run = gdfast.fit(blocks, epochs=100_000, learning_rate=0.01)
    >>> print(blocks.shuffles, run.coef.round(6), round(run.intercept, 6))
    True [ 1. -2.] 3.0
    """

    _cluster: Any  # where the blocks are, None for this process
    _progress: Progress | None = None  # the bar that shows each pass
    _positive: Any = None  # the label that is trained on against all others

    def __init__(self, source: Any, *, columns: Any = None) -> None:
        self._source: Source = make_source(source)
        self._ledger, self._cluster = Ledger(checked_columns(columns)), None

    @property
    def shuffles(self) -> bool:
        """Whether the blocks can be taken in any order; else they are taken as they come."""
        return self._source.shuffles

    def __repr__(self) -> str:
        return f"gdfast.Blocks({self._source!r})"

    @staticmethod
    def from_array(X: Any, y: Any, block_rows: int, sample_weight: Any = None) -> "Blocks":
        """Return blocks of rows of arrays, without a copy.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, n_features)
            The features. Of a numpy.memmap only the block that is needed is read.
        y : array-like of shape (n,) or (n, n_outputs), or str
            The targets, or the name of X's column that holds them.
        block_rows : int
            Rows in a block, at least 1; the last one may have fewer.
        sample_weight : array-like of shape (n,), or str, optional
            The weights of the rows, likewise.

        Returns
        -------
        Blocks
            They can be taken in any order.

        Raises
        ------
        ValueError, TypeError
            If the arrays are not equally long, or block_rows is no whole number of at least 1.

        Examples
        --------
        >>> import gdfast
        >>> gdfast.Blocks.from_array([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], block_rows=2)
        gdfast.Blocks(2 blocks)
        """
        return Blocks(RowsOfArrays(X, y, block_rows, sample_weight))

    @staticmethod
    def from_parquet(
        paths: Any, target: str, *, columns: Any = None, weight: str | None = None, block_rows: int | None = None
    ) -> "Blocks":
        """Return the blocks of Parquet files; no block is in two files.

        Parameters
        ----------
        paths : path-like or list of path-like
            A file, a glob such as "data/*.parquet", whose files are sorted, or a list of files, as given.
        target : str
            The name of the column of targets.
        columns : sequence of str, optional
            The names of the features, in the order wanted. By default all others, in the order of the first file.
        weight : str, optional
            The name of the column of weights.
        block_rows : int, optional
            Rows in a block, at least 1; the last one of a file may have fewer. By default whole row groups, joined up
            to 4 million values and split beyond that.

        Returns
        -------
        Blocks
            They can be taken in any order.

        Raises
        ------
        ValueError, TypeError
            If a file is damaged or has other columns than the first. When the blocks are read, if a value is missing or
            no number, with the file and the row, counted from 1.
        OSError
            If there is no such file.
        ImportError
            If pyarrow is not available.

        Examples
        --------
        >>> import gdfast, os, tempfile
        >>> import pyarrow as pa, pyarrow.parquet
        >>> path = os.path.join(tempfile.mkdtemp(), "rows.parquet")
        >>> pa.parquet.write_table(pa.table({"a": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}), path)
        >>> gdfast.Summary.of(gdfast.Blocks.from_parquet(path, "y", block_rows=2)).feature_names
        ('a',)
        """
        from gdfast.data.blocks.parquet import ParquetBlocks

        return blocks_of(ParquetBlocks(paths, target, columns, weight, block_rows))

    @staticmethod
    def from_csv(
        paths: Any, target: str, *, columns: Any = None, weight: str | None = None, block_rows: int | None = None
    ) -> "Blocks":
        r"""Return the blocks of CSV files, which are taken as they come; no block is in two files.

        The files are UTF-8, their fields are separated by commas, and the first line has the names of the columns.
        `read_table` reads files of other kinds.

        Parameters
        ----------
        paths : path-like or list of path-like
            A file, a glob such as "data/*.csv", whose files are sorted, or a list of files, as given.
        target : str
            The name of the column of targets: numbers, or labels none of which is a number.
        columns : sequence of str, optional
            The names of the features, in the order wanted. By default all others, in the order of the first file.
        weight : str, optional
            The name of the column of weights.
        block_rows : int, optional
            Rows in a block, at least 1; the last one of a file may have fewer. By default 4 million values.

        Returns
        -------
        Blocks
            They are taken as they come.

        Raises
        ------
        ValueError, TypeError
            If the first file has not these columns. When the blocks are read, if a value is missing or no number, with
            the file and the row, counted from 1 without the header.
        OSError
            If there is no such file.
        ImportError
            If pyarrow is not available.

        Examples
        --------
        >>> import gdfast, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "rows.csv")
        >>> with open(path, "w") as file:
        ...     _ = file.write("a,b,y\n1,2,3\n2,1,4\n3,5,5\n")
        >>> gdfast.Summary.of(gdfast.Blocks.from_csv(path, "y"))
        <Summary of 3 rows, 2 features>
        """
        from gdfast.data.blocks.delimited import CSVBlocks

        return blocks_of(CSVBlocks(paths, target, columns, weight, block_rows))

    def _read(self, order: Iterable[int] | None = None) -> Generator[Block, None, None]:
        """Return an iterator over the checked blocks: all of them, or where they can be shuffled those of an order."""
        if order is not None and self._ledger.count is None:
            for _ in self._read():  # the first pass, whose first block decides the columns
                pass
        given = given_blocks(self._source, self._ledger, order)
        if self._progress is not None:
            return with_progress(self._in_turn(given), self._progress, self._rows)
        return self._in_turn(given)

    def _in_turn(self, given: Generator[GivenBlock, None, None]) -> Generator[Block, None, None]:
        """Return blocks one after another, the next one being read on a thread."""
        new = len(self._ledger.records) != self._ledger.count
        if self._ledger.count is None or (new and self._source.held(0) is not None):
            return read_ahead(checked_blocks(given, self._ledger))
        # What is left to check, or all of it in blocks of files, takes less than reading.
        return released(checked_blocks(read_ahead(given), self._ledger))

    @property
    def _rows(self) -> int | None:
        """The rows of all blocks, None where they are not known."""
        return self._source.rows if self._ledger.count is None else int(self._ledger.sizes.sum())

    def _merged(
        self,
        make: Callable[[int, int], Callable[[Block], Part]],
        merge: Callable[[Part, Part], Part],
        once: bool = False,
    ) -> Part:
        """Return what a function makes of each block, merged in a tree whose shape the number of blocks decides.

        ``make(d, k)`` returns the function, once the features and the outputs of the first block are known. Neither it
        nor `merge` changes its arguments. Blocks that are needed `once` do not stay on a cluster.
        """
        if self._cluster is not None:
            rows = self._cluster.partitions
            value: Part = self._cluster.merged(self._ledger, make(rows.features, rows.outputs), merge, once)
            return value
        function: Callable[[Block], Part] | None = None

        def parts() -> Iterator[Part]:
            nonlocal function
            for block in reading:
                if function is None:
                    function = make(block.X.shape[1], block.outputs)
                try:
                    part = function(block)
                except (TypeError, ValueError) as error:
                    raise type(error)(f"block {block.number}: {error}") from error
                yield part

        with closing(self._read()) as reading:
            merged = merged_in_tree(parts(), merge)
        if merged is None:
            raise ValueError("blocks is empty; give at least one (X, y)")
        return merged

    def _shape(self) -> tuple[int, int] | None:
        """Return the features and the outputs, None where they are not known before the blocks are read."""
        if self._cluster is not None:
            return self._cluster.partitions.features, self._cluster.partitions.outputs
        known = self._source.known()
        return None if known is None else (known.features, 1)

    def _call(self, number: int, function: Callable[..., Part], *arguments: Any) -> Part:
        """Return a function of a block on a cluster, and of other arguments."""
        result: Part = self._cluster.call(self._ledger, number, function, *arguments)
        return result

    def _against_others(self, positive: Any) -> "Blocks":
        """Return the same blocks, of which a classification learns whether a label is this one."""
        blocks = blocks_of(self._source, self._ledger, self._cluster)
        blocks._positive = positive
        return blocks

    def _fingerprint(self) -> str:
        """Return the fingerprint of all blocks, after a pass over them."""
        if len(self._ledger.records) != self._ledger.count:
            for _ in self._read():
                pass
        return self._ledger.fingerprint()

    def _in_order_of(self, names: tuple[str, ...] | None) -> "Blocks":
        """Return the same blocks with their columns in the order of these names; of arrays as they are."""
        if names is None:
            return self
        return blocks_of(self._source, Ledger(self._ledger.columns, names), self._cluster)


def blocks_of(source: Source, ledger: Ledger | None = None, cluster: Any = None) -> Blocks:
    """Return the Blocks of a source of ours, which may be on a cluster (gdfast/data/blocks/dask/cluster.py)."""
    blocks = object.__new__(Blocks)
    blocks._source, blocks._ledger = source, Ledger(None) if ledger is None else ledger
    blocks._cluster = cluster
    return blocks


def blocks_given(X: Any, y: Any, sample_weight: Any) -> Blocks | None:
    """Return the Blocks that X is, or that are made of a dataset, a lazy frame or Dask's collections; else None."""
    if isinstance(X, Blocks):
        check_alone("Blocks, which hold it", y, sample_weight)
        return X
    if is_collection(X):
        return blocks_of_dask(X, y, sample_weight)
    if not is_dataset(X) and not (is_lazy_frame(X) and isinstance(y, str)):
        return None
    from gdfast.data.blocks.scans import Scan  # with what reads files, which few fits need

    return blocks_of(Scan(X, y, sample_weight))


def blocks_of_dask(X: Any, y: Any, sample_weight: Any) -> Blocks:
    """Return the Blocks of Dask's collections: on the workers where there is a client, else computed here."""
    from gdfast.data.blocks.dask.cluster import Cluster, running_client
    from gdfast.data.blocks.dask.source import Computed

    partitions, client = Partitions(X, y, sample_weight), running_client()
    return blocks_of(Computed(partitions), None, None if client is None else Cluster(client, partitions))


def check_alone(what: str, y: Any, sample_weight: Any) -> None:
    """Raise an error where y or weights are given with what has them."""
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(f"{name}= is given with {what}; leave it out")
