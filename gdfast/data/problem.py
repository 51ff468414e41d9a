"""X, y and weights as checked, typed arrays: the Problem that a solver works on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, floating, numeric_array, real, shown, vector
from gdfast._utils.cached_property import cached_property
from gdfast.data.csr import CSR, Features, as_kind_of, features
from gdfast.data.order import fill_order
from gdfast.data.scaling import Scaling
from gdfast.formulas.losses import LOSSES, LossFormulas
from gdfast.options.custom_loss import Loss

__all__ = [
    "BLOCKS",
    "SUMMARY",
    "SUMMARY_OF_BLOCKS",
    "Dimensions",
    "Problem",
    "Shared",
    "given_weights",
    "has_missing",
    "known_labels",
    "label_matches",
    "make_problem",
    "normalised_weights",
    "part_of",
    "split",
    "targets",
    "unmixed",
    "validation_problem",
]

# What stands for rows that are not at hand, in the words of messages.
SUMMARY, SUMMARY_OF_BLOCKS, BLOCKS = "a Summary", "a Summary of blocks of rows", "blocks of rows"
MIXED_LABELS = "y holds labels of several types, which have no order; make them all strings or numbers"
ONE_BY_ONE = "gdfast.sklearn's GDClassifier is the estimator for more, "
SAMPLE = 256  # rows of a Problem that tell whether a pass over all of them is worth it
SPLIT = -1  # the epoch whose order of samples chooses the validation rows: no epoch of training


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What is known of a Problem without its rows."""

    n: int  # rows
    d: int  # features
    k: int  # outputs
    dtype: np.dtype[Any]  # of X
    sparse: bool
    several: bool  # y had several columns, so coef has a row for each
    scaling: Scaling | None = None  # of the columns, where they are standardized
    stand_in: str = ""  # SUMMARY, SUMMARY_OF_BLOCKS or BLOCKS, which stand for the rows; empty: they are in memory

    @property
    def summarised(self) -> bool:
        """Whether a Summary is all there is of the rows."""
        return self.stand_in in (SUMMARY, SUMMARY_OF_BLOCKS)

    @property
    def in_blocks(self) -> bool:
        """Whether the rows are in blocks, each of which a batch of as many rows or more would be."""
        return self.stand_in in (SUMMARY_OF_BLOCKS, BLOCKS)

    def shaped(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return new coefficients (k, d) and intercepts (k,) in the units of X, as users have them.

        Of one y they have shape (d,) and are a float.
        """
        if self.scaling is not None:
            W, b = self.scaling.to_original(W, b)
        return (W.copy(), b.copy()) if self.several else (W[0].copy(), float(b[0]))


class Shared(dict[Any, Any]):
    """What several fits on a problem make once: by the first thread that asks for it, while others wait."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # what is made may need other things that are made once


@dataclass(frozen=True)
class Problem:
    """The data of a fit; nothing in it is written to."""

    X: Any  # (n, d), float64 or float32: a C-ordered array, or a CSR
    Y: NDArray[np.float64]  # (n, k); -1 and +1 for two classes, or 1 in the column of the row's own class
    weights: NDArray[np.float64] | None  # (n,), mean 1; None: all are 1
    classes: NDArray[Any] | None  # the labels in sorted order
    several: bool  # y had several columns, so coef has a row for each
    scaling: Scaling | None = None  # that X was standardized by
    # What several fits on this problem make once, and "parts", its rows as problems that others share; None: one fit.
    shared: Shared | None = None
    # Of a Summary, R of the rows sqrt(s_i / sum s) [x_i 1 | y_i], which are not at hand: X is of NaN then.
    triangle: NDArray[np.float64] | None = None
    stand_in: str = ""  # as in Dimensions
    # Of rows in blocks (gdfast/data/blocks/rows.py), which are not in memory: X is of NaN then.
    blocks: Any = None

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, which several fits make once."""
        if self.shared is None:
            return make()
        with self.shared.lock:
            if key not in self.shared:
                self.shared[key] = make()
            return self.shared[key]

    @cached_property
    def dimensions(self) -> Dimensions:
        """The problem without its rows."""
        (n, d), k = self.X.shape, self.Y.shape[1]
        sparse = isinstance(self.X, CSR) if self.blocks is None else self.blocks.sparse
        return Dimensions(n, d, k, self.X.dtype, sparse, self.several, self.scaling, self.stand_in)

    def sample(self) -> list["Problem"]:
        """Return some rows, evenly spaced; of blocks those of the first pass."""
        return self.once("sample", self.make_sample)  # type: ignore[no-any-return]

    def make_sample(self) -> list["Problem"]:
        """Return the sample anew."""
        if self.blocks is not None:
            sample: list[Problem] = self.blocks.sample()
            return sample
        rows = np.linspace(0, len(self.X) - 1, min(SAMPLE, len(self.X))).astype(np.intp)
        weights = None if self.weights is None else self.weights[rows]
        return [replace(self, X=self.X[rows], Y=self.Y[rows], weights=weights)]

    def standardized(self, scaling: Scaling) -> "Problem":
        """Return the problem on scaled columns."""
        return replace(
            self, X=scaling.scaled(self.X), scaling=scaling, shared=None if self.shared is None else Shared()
        )


def make_problem(X: Features, y: Any, loss: str | Loss, sample_weight: Any = None, c: float = 0.0) -> Problem:
    """Return the Problem of X, which `features` returned, and fit's other arguments, checked for what the loss allows.

    c is the loss's parameter.
    """
    n = X.shape[0]
    name, rule = (loss, LOSSES[loss]) if isinstance(loss, str) else (loss.name, loss.formulas)
    classes = None
    if rule.classification:
        classes, Y = labels(y, n, name, rule.coupled)
    else:
        Y = targets(y, n, name, rule, c)
    return Problem(X, Y, normalised_weights(sample_weight, n), classes, Y.shape[1] > 1)


def split(
    problem: Problem, fraction: Any, seed: int, fill_order: Callable[[NDArray[np.int32], int, int], Any] = fill_order
) -> tuple[Problem, Problem, NDArray[np.intp]]:
    """Return the rows to train on, those to validate on, and which these are: drawn from seed, in rising order.

    fill_order writes an order of samples, as gdfast/data/order.py has it.
    """
    fraction = real("validation", fraction, 0.0, 1.0, ends="()", hint=", or (X, y)")
    n = len(problem.X)
    if n < 2:
        raise ValueError(f"validation={fraction} needs at least 2 rows, and X has {n}; give validation=(X, y)")
    count = min(n - 1, max(1, round(fraction * n)))
    order = np.empty(n, dtype=np.int32)
    fill_order(order, seed, SPLIT)
    rows: NDArray[np.intp] = np.sort(order[:count]).astype(np.intp)
    training = np.delete(np.arange(n), rows)
    if problem.classes is not None and len(np.unique(problem.Y[training], axis=0)) < 2:
        raise ValueError(
            f"validation={fraction} leaves one class to train on; take a smaller part, another seed, or "
            "validation=(X, y)"
        )
    return part_of(problem, training, "training"), part_of(problem, rows, "validation"), rows


def part_of(problem: Problem, rows: NDArray[np.intp], what: str) -> Problem:
    """Return some rows of a problem, their weights with mean 1 again."""
    weights = problem.weights
    if weights is not None:
        if weights[rows].max() == 0:
            raise ValueError(f"sample_weight is zero for every {what} row; take another seed, or validation=(X, y)")
        weights = normalised_weights(weights[rows], len(rows))
    return Problem(problem.X[rows], problem.Y[rows], weights, problem.classes, problem.several)


def validation_problem(problem: Problem, loss: str | Loss, validation: Any, c: float) -> Problem:
    """Return the Problem of validation=(X, y) or (X, y, weights), which must fit the training data."""
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise TypeError(
            f"validation={shown(validation)} must be a part between 0 and 1, or (X, y), or (X, y, sample_weight)"
        )
    try:
        X = features("X", validation[0])
        if X.shape[1] != problem.X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, and the training data {problem.X.shape[1]}; give the same")
        if problem.classes is None:
            other = make_problem(X, validation[1], loss, validation[2] if len(validation) == 3 else None, c)
            Y, weights = other.Y, other.weights
        else:
            several = problem.Y.shape[1] > 1
            Y, weights = known_labels(problem.classes, validation[1], len(X), several), None
            if len(validation) == 3:
                weights = normalised_weights(validation[2], len(X))
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation: {error}") from error
    if Y.shape[1] != problem.Y.shape[1]:
        raise ValueError(
            f"validation: y has {Y.shape[1]} columns, and the training data {problem.Y.shape[1]}; give the same"
        )
    return Problem(as_kind_of("validation X", X, problem.X), Y, weights, problem.classes, problem.several)


def known_labels(classes: NDArray[Any], y: Any, n: int, several: bool) -> NDArray[np.float64]:
    """Return labels, each one of the classes, as `labels` does."""
    same = label_matches(classes, y, n)
    unknown = ~same.any(axis=1)
    if unknown.any():
        *others, last = map(shown, classes)
        label = np.ravel(as_array("y", y, "labels"))[int(np.argmax(unknown))]
        raise ValueError(
            f"y holds {shown(label)}, and the labels are {', '.join(others)} and {last}; leave such rows out"
        )
    return same.astype(np.float64) if several else np.where(same[:, 1:], 1.0, -1.0)


def label_matches(classes: NDArray[Any], y: Any, n: int) -> NDArray[np.bool_]:
    """Return for each label (n) and each class whether they are equal."""
    array = one_label_a_row(y, n)
    return np.column_stack([np.asarray(array == one, dtype=bool) for one in classes])


def one_label_a_row(y: Any, n: int) -> NDArray[Any]:
    """Return y as an array (n,) of labels."""
    array = as_array("y", y, "labels")
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if is_one_hot(array):
        raise ValueError(
            f"y has shape {array.shape} with a single 1 in each row (one-hot), and must have one label for each row; "
            "give numpy.asarray(y).argmax(axis=1)"
        )
    if array.shape != (n,):
        raise ValueError(f"y has shape {array.shape}, and must have one label for each of the {n} rows of X: ({n},)")
    if has_missing(array):
        raise ValueError("y holds missing or infinite labels (None, NaN, NA, NaT or inf); leave those rows out first")
    return array


def is_one_hot(array: NDArray[Any]) -> bool:
    """Return whether an array has a column for each class, with 1 in that of a row's class and 0 elsewhere."""
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())


def targets(y: Any, n: int, loss: str, rule: LossFormulas, c: float) -> NDArray[np.float64]:
    """Return y of a regression as (n, k)."""
    Y = numeric_array("y", y)
    if Y.ndim == 0 or Y.ndim > 2 or Y.shape[0] != n or Y.size == 0:
        raise ValueError(f"y has shape {Y.shape}, and must have one value for each of the {n} rows of X: ({n},)")
    Y = floating("y", Y, np.float64).reshape(n, -1)
    if Y.shape[1] > 1 and not rule.several_outputs:
        able = ", ".join(name for name, other in LOSSES.items() if other.several_outputs)
        raise ValueError(
            f"y has {Y.shape[1]} columns, which loss={loss!r} cannot take: fit one at a time, or use {able}"
        )
    lowest, excluded = rule.lowest_target, rule.lowest_excluded(c)
    if lowest > -np.inf and (Y.min() < lowest or (excluded and Y.min() == lowest)):
        allowed = f"above {lowest:g}" if excluded else f"of at least {lowest:g}"
        raise ValueError(f"y holds {Y.min():g}, and loss={loss!r} needs values {allowed}; leave such rows out")
    return Y


def labels(y: Any, n: int, loss: str, several: bool) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the labels in sorted order, and y as a column of -1 and +1; or (several) 1 where a class is the row's."""
    array = one_label_a_row(y, n)
    classes, codes = distinct(array if array is y else unmixed(array, y))
    check_classes(classes, loss, several)
    return classes, one_hot(codes, len(classes)) if several else np.where(codes.reshape(n, 1) == 1, 1.0, -1.0)


def distinct(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the labels in sorted order, and the number of each label of the array among them."""
    try:
        return np.unique(array, return_inverse=True)
    except TypeError:
        raise TypeError(MIXED_LABELS) from None


def check_classes(classes: NDArray[Any], loss: str, several: bool, remedy: str = ONE_BY_ONE) -> None:
    """Raise an error unless a loss takes so many classes: two, or where it takes several at least two."""
    if len(classes) == 1:
        raise ValueError(f"y holds one class only ({shown(classes[0])}); loss={loss!r} needs two")
    if len(classes) > 2 and not several:
        raise ValueError(
            f"y holds {len(classes)} classes, and loss={loss!r} takes two; {remedy}loss='multinomial' takes them all "
            "at once (a regression loss, if y is a quantity)"
        )


def one_hot(codes: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Return 1 in the column of each row's code, 0 elsewhere."""
    Y = np.zeros((codes.size, count))
    Y[np.arange(codes.size), codes.reshape(-1)] = 1.0
    return Y


def has_missing(array: NDArray[Any]) -> bool:
    """Return whether a label is no value at all, or not finite."""
    if array.dtype.kind in "fc":
        return not np.isfinite(array).all()
    if array.dtype.kind in "mM":
        return bool(np.isnat(array).any())
    try:
        return array.dtype.kind in "OT" and (None in array or bool((array != array).any()))
    except (TypeError, ArithmeticError):  # pandas.NA is not equal or unequal to itself, nor is a signalling NaN
        return True


def unmixed(array: NDArray[Any], y: Any) -> NDArray[Any]:
    """Return the array that NumPy made of y; raise TypeError where it turned other labels into strings."""
    if array.dtype.kind in "SU" and isinstance(y, (list, tuple)):
        kinds = {type(label) for label in np.array(y, dtype=object).flat}
        if not (all(issubclass(kind, str) for kind in kinds) or all(issubclass(kind, bytes) for kind in kinds)):
            raise TypeError(MIXED_LABELS)
    return array


def normalised_weights(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Return the weights with mean 1, or None where there are none."""
    weights = given_weights(sample_weight, n)
    if weights is None:
        return None
    relative: NDArray[np.float64] = weights / weights.max()  # a new array, whose sum cannot overflow
    relative *= n / relative.sum()
    return relative


def given_weights(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Return the weights as they are, checked, or None where there are none."""
    if sample_weight is None:
        return None
    weights = vector("sample_weight", sample_weight, n, "row of X")
    if weights.min() < 0:
        raise ValueError(f"sample_weight holds {weights.min():g}, and must not be negative; 0 leaves a row out")
    if weights.max() == 0:
        raise ValueError("sample_weight is zero for every row; at least one must be positive")
    return weights
