"""Select and order the columns of data frames by name (pandas, polars, pyarrow)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gdfast._utils.arguments import shown

__all__ = [
    "NamedData",
    "by_name",
    "column_names",
    "columns_named",
    "is_dataset",
    "is_frame",
    "is_lazy_frame",
    "listed",
    "reorder_columns",
    "rows_of",
    "select_columns",
    "validation_by_name",
]

MOST_LISTED = 10  # names in a message


class NamedData(NamedTuple):
    """X, y and sample_weight, each as values, and the names of X's columns."""

    X: Any
    y: Any
    sample_weight: Any
    names: tuple[str, ...] | None


def column_names(name: str, values: Any) -> tuple[str, ...] | None:
    """Return the names of a frame's columns; None for arrays, and for frames whose columns are numbered."""
    if is_lazy_frame(values):
        raise TypeError(f"{name} is a {type(values).__name__}, which holds no values yet; give {name}.collect()")
    if not is_frame(values):
        return None
    labels = list(values.column_names if hasattr(type(values), "column_names") else values.columns)
    kinds = {isinstance(label, str) for label in labels}
    if kinds == {True, False}:
        number = next(label for label in labels if not isinstance(label, str))
        raise TypeError(
            f"{name} has columns named by strings and the column {shown(number)}; name all of them by strings, as in "
            f"{name}.columns = {name}.columns.astype(str)"
        )
    if kinds != {True}:
        return None
    names = tuple(map(str, labels))
    if len(set(names)) < len(names):
        duplicates = [label for label in dict.fromkeys(names) if names.count(label) > 1]
        raise ValueError(f"{name} has {columns_named(duplicates)} more than once; rename or drop the duplicates")
    return names


def is_lazy_frame(values: Any) -> bool:
    """Return whether values are a polars.LazyFrame, or one that is like it."""
    kind = type(values)  # of which an attribute is no column: pandas has columns as attributes, too
    return hasattr(kind, "collect_schema") and hasattr(kind, "collect")


def is_dataset(values: Any) -> bool:
    """Return whether values are a pyarrow.dataset.Dataset."""
    return hasattr(type(values), "get_fragments") and hasattr(type(values), "to_batches")


def is_frame(values: Any) -> bool:
    """Return whether values are a table of pandas, polars or pyarrow, or one that is like theirs."""
    kind = type(values)
    has_names = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return has_names and (hasattr(kind, "iloc") or hasattr(kind, "select"))


def listed(names: Sequence[str]) -> str:
    """Return names as a message lists them."""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(map(repr, names[:MOST_LISTED])) + more


def columns_named(names: Sequence[str]) -> str:
    """Return the words for columns of these names."""
    return f"the column{'s' if len(names) > 1 else ''} {listed(names)}"


def select_columns(values: Any, names: Sequence[str]) -> Any:
    """Return a frame of some of its columns, in the order of their names."""
    return values[list(names)] if hasattr(type(values), "iloc") else values.select(list(names))


def rows_of(X: Any, rows: slice) -> Any:
    """Return some rows of a frame, an array or a sparse matrix, which share its values where they can."""
    if hasattr(type(X), "iloc"):
        return X.iloc[rows]
    if not is_frame(X):
        return X[rows]
    first, stop, _ = rows.indices(len(X))
    return X.slice(first, stop - first)


def by_name(X: Any, y: Any, sample_weight: Any = None) -> NamedData:
    """Return the data with y and sample_weight, where they name columns of X, taken out of it."""
    names = column_names("X", X)
    chosen = {what: value for what, value in (("y", y), ("sample_weight", sample_weight)) if isinstance(value, str)}
    if not chosen:
        return NamedData(X, y, sample_weight, names)
    for what, value in chosen.items():
        if names is None:
            remedy = "name its columns by strings" if is_frame(X) else "give X as a DataFrame"
            raise TypeError(
                f"{what}={shown(value)} is a column's name, but X ({type(X).__name__}) has no column names; {remedy}, "
                f"or give {what} as an array"
            )
        if value not in names:
            raise ValueError(
                f"{what}={shown(value)} is not a column of X, which has {columns_named(names)}; give one of them, or "
                "an array"
            )
    if len(set(chosen.values())) < len(chosen):
        raise ValueError(f"y and sample_weight both name the column {y!r} of X; give one of each")
    features = tuple(one for one in names or () if one not in chosen.values())
    if not features:
        raise ValueError(f"X has no columns besides {listed(list(chosen.values()))}; give at least one feature")
    y, sample_weight = (X[value] if isinstance(value, str) else value for value in (y, sample_weight))
    return NamedData(select_columns(X, features), y, sample_weight, features)


def reorder_columns(X: Any, names: tuple[str, ...] | None) -> Any:
    """Return X with the columns of a fit in their order; as it is where either has no names."""
    own = column_names("X", X)
    if names is not None and own is None and is_frame(X):
        raise TypeError(
            f"X is a {type(X).__name__} whose columns are not named by strings, and the features of the fit are "
            f"{listed(names)}; rename its columns, or give an array"
        )
    if own is None or names is None or own == names:
        return X
    missing = [name for name in names if name not in own]
    additional = [name for name in own if name not in names]
    if not missing and not additional:
        return select_columns(X, names)
    parts, remedies = [], []
    if missing:
        parts.append(f"lacks {columns_named(missing)}")
        remedies.append("add what it lacks")
    if additional:
        parts.append(
            f"has {columns_named(additional)}, not {'a feature' if len(additional) == 1 else 'features'} of the fit"
        )
        remedies.append("leave out what is not among them, the target too")
    raise ValueError(f"X {' and '.join(parts)}; the features of the fit are {listed(names)}; {', and '.join(remedies)}")


def validation_by_name(validation: Any, names: tuple[str, ...] | None) -> Any:
    """Return validation=(X, y) or (X, y, sample_weight) with its columns taken by name, in the order of the fit's."""
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        return validation
    try:
        data = by_name(*validation)
        return (reorder_columns(data.X, names), *data[1 : len(validation)])
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation: {error}") from error
