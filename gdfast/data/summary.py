"""Summaries of rows: all that full-batch descent on a squared error needs of them, in (d + 1 + k)^2 numbers."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.archive import DIGEST, Arrays, check_digest, native, read_archive, write_archive
from gdfast._utils.arguments import as_array, shown, vector
from gdfast._utils.blas import one_blas_thread
from gdfast._utils.storage import file_name, write_whole
from gdfast.data.blocks.block import Block
from gdfast.data.blocks.blocks import Blocks, blocks_given
from gdfast.data.csr import CSR, Features, features, rows_and_features
from gdfast.data.frames import by_name, columns_named
from gdfast.data.problem import targets
from gdfast.data.scaling import Scaling, check_scale
from gdfast.data.triangle import merged_in_tree, only_r, triangle_of_rows
from gdfast.formulas.losses import LOSSES

__all__ = [
    "Summary",
    "merged_blocks",
    "numbered_summary",
    "scaled_triangle",
    "scaling_of_summary",
    "summary_of_blocks",
]

FORMAT = 1  # of the files
# Values of X whose smallest and largest are found at a time, which the cache holds; and so many side by side.
SLAB, WIDTH = 32_768, 2048


class Columns(NamedTuple):
    """What is known of each column beside the triangle, (d,) each: over the rows whose weight is not 0."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Summary:
    """All that full-batch descent on a squared error needs of rows: the triangle R of the QR of [X 1 y].

    With the rows sqrt(s_i) [x_i 1 y_i] of a matrix A, A'A = R'R: a sum of squares over the rows is the same sum over
    the few rows of R. Summaries of parts of the rows, made anywhere, merge into that of all, in any order, to rounding.

    Parameters
    ----------
    X : array-like, frame or sparse matrix of shape (n, n_features)
        The features, finite numbers. float32 becomes float64; sparse rows are taken by blocks.
    y : array-like of shape (n,) or (n, n_outputs), or str
        The targets, or the name of X's column that holds them.
    sample_weight : array-like of shape (n,), or str, optional
        At least 0. They are taken as they are; fits divide by their sum.

    Attributes
    ----------
    n : int
        The rows.
    weight : float
        The sum of their weights, n without weights.
    n_features : int
        The features.
    n_outputs : int
        The outputs: the columns of y.
    feature_names : tuple of str, or None
        The names of X's columns, None for arrays.
    center : ndarray of shape (n_features,), or None
        What `standardized` has taken off each column.
    scale : ndarray of shape (n_features,), or None
        What `standardized` has divided each column by.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    See Also
    --------
    gdfast.fit : Takes a Summary as X, without y.
    gdfast.stability : The stable rates of a Summary.

    Notes
    -----
    A Summary without rows, or whose weights are all zero, is neutral in a merge, and an error when it is fitted.

    References
    ----------
    Demmel, J., Grigori, L., Hoemmen, M., Langou, J., "Communication-optimal parallel and sequential QR and LU
    factorizations", SIAM Journal on Scientific Computing 34(1), 2012.

    Examples
    --------
    >>> import gdfast
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 3))
    >>> y = X @ [1.0, -2.0, 0.5] + 4.0
    >>> summary = gdfast.Summary(X[:600], y[:600]).merge(gdfast.Summary(X[600:], y[600:]))
    >>> run = gdfast.fit(summary, epochs=200_000, learning_rate=0.01)
    >>> print(summary.n, run.coef.round(6), round(run.intercept, 6))
    1000 [ 1.  -2.   0.5] 4.0
    """

    __slots__ = ("_blocks", "_columns", "_several", "_triangle", "center", "feature_names", "n", "scale", "weight")

    n: int
    weight: float
    feature_names: tuple[str, ...] | None
    center: NDArray[np.float64] | None
    scale: NDArray[np.float64] | None
    _blocks: Blocks | None  # that a fit has made it of

    def __init__(self, X: Any, y: Any, *, sample_weight: Any = None) -> None:
        if (blocks := blocks_given(X, y, sample_weight)) is not None:
            self.__setstate__(summary_of_blocks(blocks).__getstate__())
            return
        X, y, sample_weight, names = by_name(X, y, sample_weight)
        rows = rows_and_features(X)
        if rows is not None and rows[0] == 0 and rows[1] > 0:
            self._set_empty(rows[1], y, names)
            return
        self._set_rows(features("X", X), y, sample_weight, names)

    def _set_rows(
        self, X: Features, y: Any, sample_weight: Any, names: tuple[str, ...] | None, beside: bool = False
    ) -> None:
        n = X.shape[0]
        Y = targets(y, n, "squared_error", LOSSES["squared_error"], 0.0)
        weights = None if sample_weight is None else vector("sample_weight", sample_weight, n, "row of X")
        if weights is not None and weights.min() < 0:
            raise ValueError(f"sample_weight holds {weights.min():g}, and must not be negative; 0 leaves a row out")
        with np.errstate(over="ignore"):
            weight = float(n if weights is None else weights.sum())
        if not np.isfinite(weight):
            raise ValueError("sample_weight has a sum that overflows; scale the weights")
        used = slice(None) if weights is None or weights.min() > 0 else np.flatnonzero(weights)
        self._set(
            triangle_of_rows(X, Y, weights, beside),
            extremes(X[used]),
            n,
            weight,
            names,
            Y.shape[1] > 1,
        )

    def _set(
        self,
        triangle: NDArray[np.float64],
        columns: Columns,
        n: int,
        weight: float,
        names: tuple[str, ...] | None,
        several: bool,
        scaling: Scaling | None = None,
    ) -> None:
        if not np.isfinite(triangle).all():
            raise ValueError("X or y holds values whose sums of squares overflow; scale them")
        self._triangle, self._columns, self._several = triangle, columns, several
        self.n, self.weight, self.feature_names, self._blocks = n, weight, names, None
        self.center, self.scale = (None, None) if scaling is None else (scaling.center, scaling.scale)
        for array in (triangle, *columns, self.center, self.scale):
            if array is not None:
                array.flags.writeable = False

    def _set_empty(self, d: int, y: Any, names: tuple[str, ...] | None) -> None:
        Y = as_array("y", y, "targets")
        if Y.ndim not in (1, 2) or len(Y) or (Y.ndim == 2 and not Y.shape[1]):
            raise ValueError(f"y has shape {Y.shape}, and must have one value for each of the 0 rows of X: (0,)")
        k = Y.shape[1] if Y.ndim == 2 else 1
        columns = Columns(np.full(d, np.inf), np.full(d, -np.inf))
        self._set(np.empty((0, d + 1 + k)), columns, 0, 0.0, names, k > 1)

    @property
    def n_features(self) -> int:
        """The features."""
        return len(self._columns.low)

    @property
    def n_outputs(self) -> int:
        """The outputs: the columns of y."""
        return int(self._triangle.shape[1]) - self.n_features - 1

    def __repr__(self) -> str:
        outputs = f", {self.n_outputs} outputs" if self.n_outputs > 1 else ""
        return f"<Summary of {self.n:,} rows, {self.n_features} features{outputs}>"

    def merge(self, other: "Summary") -> "Summary":
        """Return the Summary of the rows of both, which remain as they are.

        R of both is that of the QR of one R above the other. Also `a + b`.

        Parameters
        ----------
        other : Summary
            Of the same features and outputs. Names in another order are put in this one's.

        Returns
        -------
        Summary
            The Summary of all rows, with this one's order of features.

        Raises
        ------
        TypeError
            If other is no Summary.
        ValueError
            If features or outputs differ, or one has names and the other none, or they are scaled differently.

        Examples
        --------
        >>> import gdfast
        >>> a = gdfast.Summary([[1.0], [2.0]], [1.0, 2.0])
        >>> b = gdfast.Summary([[3.0]], [3.0])
        >>> a.merge(b)
        <Summary of 3 rows, 1 features>
        """
        if not isinstance(other, Summary):
            raise TypeError(f"other={shown(other)} is a {type(other).__name__}, and must be a gdfast.Summary")
        place = places(self, other)
        if self.n_outputs != other.n_outputs:
            raise ValueError(
                f"the Summary to merge has {other.n_outputs} outputs, and this one {self.n_outputs}; make both of the "
                "same targets"
            )
        if not same_scaling(self, other, place):
            raise ValueError("the Summary to merge is scaled differently; merge first, then call standardized()")
        d = self.n_features
        columns = np.append(place, np.arange(d, d + 1 + self.n_outputs))
        low, high = (values[place] for values in other._columns)
        merged = object.__new__(Summary)
        merged._set(
            only_r(np.vstack([self._triangle, other._triangle[:, columns]])),
            Columns(np.minimum(self._columns.low, low), np.maximum(self._columns.high, high)),
            self.n + other.n,
            self.weight + other.weight,
            self.feature_names,
            self._several,
            None if self.center is None or self.scale is None else Scaling(self.center, self.scale),
        )
        return merged

    def __add__(self, other: Any) -> "Summary":
        return self.merge(other) if isinstance(other, Summary) else NotImplemented

    def __radd__(self, other: Any) -> "Summary":  # sum() begins with 0
        return self if type(other) is int and other == 0 else NotImplemented

    @staticmethod
    def of(blocks: Iterable[Any]) -> "Summary":
        """Return the Summary of all rows of blocks, merged in a tree whose shape their number alone decides.

        Parameters
        ----------
        blocks : Blocks, or iterable of (X, y) or (X, y, sample_weight)
            Blocks of rows; at most one is held at a time. Of a `gdfast.Blocks` the next one is read meanwhile.

        Returns
        -------
        Summary
            The Summary of all rows.

        Raises
        ------
        ValueError, TypeError
            If a block is not what `Summary` takes, or there are none; the message names the block, counted from 0.

        Examples
        --------
        >>> import gdfast
        >>> gdfast.Summary.of(([[float(i)]], [2.0 * i]) for i in range(100))
        <Summary of 100 rows, 1 features>
        """
        if isinstance(blocks, Blocks):
            return summary_of_blocks(blocks)
        if isinstance(blocks, (str, bytes)) or not isinstance(blocks, Iterable):
            raise TypeError(f"blocks={shown(blocks)} must be an iterable of (X, y) or (X, y, sample_weight)")
        return merged_all(numbered(blocks))

    def standardized(self) -> "Summary":
        """Return the Summary of the columns scaled to weighted mean 0 and standard deviation 1.

        x becomes (x - center) / scale; the center of a constant column is its value, and its scale 1.

        Returns
        -------
        Summary
            With `center` and `scale`, (n_features,) each.

        Raises
        ------
        ValueError
            If there are no rows, or a deviation is too large or too small for float64.

        Examples
        --------
        >>> import gdfast
        >>> summary = gdfast.Summary([[1.0], [3.0]], [0.0, 1.0]).standardized()
        >>> print(summary.center, summary.scale)
        [2.] [1.]
        """
        scaling = scaling_of_summary(self)
        scaled = object.__new__(Summary)
        columns = Columns(*((values - scaling.center) / scaling.scale for values in self._columns))
        if self.center is not None and self.scale is not None:
            scaling_in_all = Scaling(self.center + self.scale * scaling.center, self.scale * scaling.scale)
        else:
            scaling_in_all = scaling
        triangle = only_r(scaled_triangle(self._triangle, scaling))
        scaled._set(triangle, columns, self.n, self.weight, self.feature_names, self._several, scaling_in_all)
        return scaled

    def save(self, path: Any) -> None:
        """Write the Summary to an .npz file, whole or not at all, without pickle.

        Parameters
        ----------
        path : str or path-like
            The file, exactly as given; one that exists is replaced.

        Raises
        ------
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import gdfast, os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "rows.npz")
        >>> gdfast.Summary([[1.0], [3.0]], [0.0, 1.0]).save(path)
        >>> gdfast.Summary.load(path)
        <Summary of 2 rows, 1 features>
        """
        arrays = self.__getstate__()
        write_whole(file_name(path), lambda file: write_archive(file, arrays))

    @staticmethod
    def load(path: Any) -> "Summary":
        """Return the Summary of a file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        Summary
            What was saved, to the bit.

        Raises
        ------
        OSError
            If it cannot be read.
        ValueError
            If it is not a whole file of `save`.

        Examples
        --------
        See `save`.
        """
        name = file_name(path)
        with open(name, "rb") as file:
            try:
                written = read_archive(file)
                check_digest(written)
                loaded = object.__new__(Summary)
                loaded.__setstate__({key: array for key, array in native(written).items() if key != DIGEST})
            except Exception as error:  # a damaged file makes NumPy and zipfile raise all sorts
                raise ValueError(
                    f"{name!r} is not a whole file of Summary.save ({error}); is it another, or cut off? Use a copy of "
                    "it that is whole, or summarise the rows anew"
                ) from error
        return loaded

    def _fingerprint_parts(self) -> list[NDArray[Any]]:
        if self._blocks is not None:
            return [np.array(self._blocks._fingerprint())]
        return [part for _, part in sorted(self.__getstate__().items())]

    def __getstate__(self) -> Arrays:
        arrays = {"triangle": self._triangle, "low": self._columns.low, "high": self._columns.high}
        arrays |= {"format": np.array(FORMAT), "n": np.array(self.n), "weight": np.array(self.weight)}
        arrays["several"] = np.array(self._several)
        if self.feature_names is not None:
            arrays["names"] = np.array(self.feature_names)
        if self.center is not None and self.scale is not None:
            arrays |= {"center": self.center, "scale": self.scale}
        return arrays

    def __setstate__(self, state: Arrays) -> None:
        check_state(state)
        names = tuple(state["names"].tolist()) if "names" in state else None
        scaling = Scaling(state["center"].copy(), state["scale"].copy()) if "center" in state else None
        columns = Columns(state["low"].copy(), state["high"].copy())
        n, weight, several = int(state["n"]), float(state["weight"]), bool(state["several"])
        self._set(state["triangle"].copy(), columns, n, weight, names, several, scaling)


# What a Summary is made of.


def extremes(X: Features) -> Columns:
    """Return the smallest and the largest value of each column."""
    d = X.shape[1]
    if not X.shape[0]:
        return Columns(np.full(d, np.inf), np.full(d, -np.inf))
    if not isinstance(X, CSR):
        low, high = np.full(d, np.inf), np.full(d, -np.inf)
        rows = max(1, SLAB // d)
        for first in range(0, X.shape[0], rows):
            slab = X[first : first + rows]
            low, high = np.minimum(low, of_columns(np.minimum, slab)), np.maximum(high, of_columns(np.maximum, slab))
        return Columns(low, high)
    low = np.where(np.bincount(X.indices, minlength=d) < X.shape[0], 0.0, np.inf)  # a value not stored is a 0
    high = 0.0 - low  # 0 and no -0
    np.minimum.at(low, X.indices, X.data)
    np.maximum.at(high, X.indices, X.data)
    return Columns(low, high)


def of_columns(ufunc: np.ufunc, X: NDArray[Any]) -> NDArray[Any]:
    """Return what a ufunc reduces each column to, of several rows side by side, which saves most of its calls."""
    n, d = X.shape
    beside = max(1, min(n, WIDTH // d)) if X.flags.c_contiguous else 1
    whole = n // beside * beside
    wide = ufunc.reduce(X[:whole].reshape(-1, beside * d), axis=0).reshape(beside, d)
    return np.asarray(ufunc.reduce(np.concatenate([wide, X[whole:]]), axis=0))


def places(first: Summary, second: Summary) -> NDArray[np.intp]:
    """Return where the features of the first are in the second; raise where they are others."""
    if (first.feature_names is None) != (second.feature_names is None):
        which = "this one has names and the one to merge has none"
        if first.feature_names is None:
            which = "the one to merge has names and this one has none"
        raise ValueError(f"of the two Summaries {which}; make both of frames, or both of arrays")
    if first.n_features != second.n_features:
        raise ValueError(
            f"the Summary to merge has {second.n_features} features, and this one {first.n_features}; make both of the "
            "same features"
        )
    if first.feature_names is None or second.feature_names is None:
        return np.arange(first.n_features)
    missing = [name for name in first.feature_names if name not in second.feature_names]
    if missing:
        raise ValueError(f"the Summary to merge lacks {columns_named(missing)}; summarise the same columns")
    return np.array([second.feature_names.index(name) for name in first.feature_names], np.intp)


def same_scaling(first: Summary, second: Summary, place: NDArray[np.intp]) -> bool:
    """Tell whether both are of columns scaled alike."""
    for name in ("center", "scale"):
        own, other = getattr(first, name), getattr(second, name)
        if (own is None) != (other is None) or (own is not None and not np.array_equal(own, other[place])):
            return False
    return True


def numbered(blocks: Iterable[Any]) -> Iterable[tuple[int, Summary]]:
    """Yield the number and the Summary of each block."""
    for number, block in enumerate(blocks):
        if not isinstance(block, (tuple, list)) or len(block) not in (2, 3):
            raise TypeError(f"blocks: block {number} ({shown(block)}) must be (X, y) or (X, y, sample_weight)")
        try:
            yield number, Summary(block[0], block[1], sample_weight=block[2] if len(block) == 3 else None)
        except (ValueError, TypeError) as error:
            raise type(error)(f"block {number}: {error}") from error


def summary_of_blocks(blocks: Blocks) -> Summary:
    """Return the Summary of Blocks."""
    return blocks._merged(lambda features, outputs: numbered_summary, merged_blocks, once=True)[1]


def numbered_summary(block: Block) -> tuple[int, Summary]:
    """Return the number and the Summary of a block, the same to the bit in each process."""
    summary = object.__new__(Summary)
    if block.X.shape[0]:
        with one_blas_thread():
            summary._set_rows(block.X, block.y, block.sample_weight, block.names, beside=True)
    else:
        summary._set_empty(block.X.shape[1], block.y, block.names)
    return block.number, summary


def merged_all(summaries: Iterable[tuple[int, Summary]]) -> Summary:
    """Return all merged in a tree."""
    merged = merged_in_tree(summaries, merged_blocks)
    if merged is None:
        raise ValueError("blocks is empty; give at least one (X, y)")
    return merged[1]


def merged_blocks(first: tuple[int, Summary], second: tuple[int, Summary]) -> tuple[int, Summary]:
    """Return two merged; an error names the first block of the second."""
    try:
        with one_blas_thread():
            return first[0], first[1].merge(second[1])
    except ValueError as error:
        raise ValueError(f"block {second[0]}: {error}") from error


def scaling_of_summary(summary: Summary) -> Scaling:
    """Return the weighted mean and standard deviation of each column; of a constant column its value and 1."""
    if summary.weight == 0:
        raise ValueError("the Summary has no rows of positive weight; merge it with one that has")
    d, R = summary.n_features, summary._triangle
    ones = R[:, d]
    center = (ones @ R[:, :d]) / (ones @ ones)
    low, high = summary._columns
    constant = low == high
    center = np.where(constant, low, np.clip(center, low, high))
    with np.errstate(over="ignore"):
        rest = R[:, :d] - np.outer(ones, center)
        scale = np.where(constant, 1.0, norms(rest) / np.sqrt(summary.weight))
    check_scale(scale, np.dtype(np.float64))
    return Scaling(center, scale)


def norms(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the norm of each column, whose squares may overflow or vanish."""
    largest = np.abs(columns).max(axis=0)
    safe = np.where(largest > 0, largest, 1.0)
    return np.asarray(largest * np.sqrt(((columns / safe) ** 2).sum(axis=0)))


def scaled_triangle(R: NDArray[np.float64], scaling: Scaling) -> NDArray[np.float64]:
    """Return R with the columns of scaled features: rows whose R is that of scaled rows."""
    d, scaled = len(scaling.center), R.copy()
    scaled[:, :d] = (R[:, :d] - np.outer(R[:, d], scaling.center)) / scaling.scale
    return scaled


def check_state(state: Arrays) -> None:
    """Raise an error unless arrays are those of a Summary."""
    if int(state["format"]) != FORMAT:
        raise ValueError(f"it has format {int(state['format'])}, and this gdfast reads format {FORMAT}; update gdfast")
    R, d, n, weight = state["triangle"], len(state["low"]), int(state["n"]), float(state["weight"])
    width = R.shape[1] if R.ndim == 2 else 0
    vectors: Sequence[str] = ("low", "high", *(("center", "scale") if "center" in state else ()))
    sound = R.dtype == np.float64 and width > d + 1 > 1 and len(R) <= width and np.isfinite(R).all() and n >= 0
    sound = sound and all(state[name].shape == (d,) and state[name].dtype == np.float64 for name in vectors)
    sound = sound and 0 <= weight < np.inf and (bool(state["several"]) or width == d + 2)
    if "names" in state:
        sound = sound and state["names"].dtype.kind == "U" and len(set(state["names"].tolist())) == d
    if not sound:
        raise ValueError("its arrays are not those of a Summary; make and save it again")
