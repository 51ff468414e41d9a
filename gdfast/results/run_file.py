"""The file of a Run: one .npz without pickle, whose member "run" is JSON, and whose arrays are members."""

import numbers
import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.archive import Arrays, check_digest, native, read_archive, write_archive
from gdfast._utils.arguments import numeric_array, shown
from gdfast._utils.storage import file_name, write_whole
from gdfast.data.csr import CSR, features, from_parts, is_sparse
from gdfast.formulas.losses import LOSSES
from gdfast.options.averaging import EMA
from gdfast.options.optimizers import OPTIMIZERS
from gdfast.options.schedules import SCHEDULES, ReduceOnPlateau
from gdfast.results.history import Recorded
from gdfast.results.run_fields import FIELDS
from gdfast.results.stop_reason import StopReason

__all__ = [
    "NotSaved",
    "as_arrays",
    "described",
    "read_file",
    "read_from",
    "run_fields",
    "taken_apart",
    "without_functions",
    "write_file",
]

Read = TypeVar("Read")

FORMAT = 5  # of the file; raised when an older gdfast could not read it. Files of formats 2 to 4 are read, too
# What a setting may be besides numbers, strings and arrays: written as its type's name and its fields.
KINDS: dict[str, Any] = {type(optimizer).__name__: type(optimizer) for optimizer in OPTIMIZERS.values()}
KINDS |= {kind.__name__: kind for kind in (*SCHEDULES.values(), ReduceOnPlateau, EMA, CSR)}
STATES = ("Watch", "Plateau")  # kinds of format 2 that are plain dicts since
LONGEST_REPR = 200  # of what is not saved


class NotSaved(str):
    """The repr of what a file cannot hold: a function, a loss of the user's own."""

    __slots__ = ()


def write_file(path: Any, arrays: Arrays) -> None:
    """Write arrays to one .npz at exactly that path, whole or not at all."""
    write_whole(file_name(path), lambda file: write_archive(file, arrays))


def read_file(path: Any, make: Callable[[dict[str, Any], Arrays], Read]) -> Read:
    """Return what `make` makes of the JSON and the arrays of a file that `write_file` wrote."""
    name = file_name(path)
    with open(name, "rb") as file:
        try:
            made = read_from(file, make)
        except Exception as error:  # a damaged file makes NumPy, zipfile and json raise all sorts
            raise ValueError(
                f"{name!r} is not a whole file of Run.save ({described(error)}); is it another, or cut off? Use a copy "
                "of it that is whole, or fit anew"
            ) from error
    if made is None:
        raise ValueError(f"{name!r} was written by a newer gdfast; update gdfast to read it")
    return made


def read_from(file: BinaryIO, make: Callable[[dict[str, Any], Arrays], Read]) -> Read | None:
    """Return what `make` makes of an open file, None where a newer gdfast wrote it; a damaged one raises all sorts."""
    import json

    written = read_archive(file)
    arrays = native(written)
    text = json.loads(str(arrays["run"]))
    newer = text["format"] > FORMAT
    made = None if newer else make(text, arrays)
    if text["format"] == FORMAT:
        check_digest(written)
    return made


def described(error: Exception) -> str:
    """Return what is wrong with a file, in one line."""
    what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return shown_text(what.rstrip(".").splitlines()[0] if what.strip() else type(error).__name__)


def as_arrays(run: Any) -> Arrays:
    """Return all that a Run's file holds: "run" is JSON, and what is an array is a member of its own."""
    import json

    arrays: Arrays = {"coef": run.coef, "intercept": np.asarray(run.intercept)}
    text = {name: getattr(run, name) for name in FIELDS}
    text |= {
        "format": FORMAT,
        "extra": run.extra,
        "cost": run.cost,
        "start_cost": run.start_cost,
        "stop_reason": run.stop_reason,
    }
    text["settings"] = taken_apart("settings", without_functions(run.settings), arrays)
    text["memory"] = taken_apart("memory", run.state, arrays)
    text["fingerprint"] = run.fingerprint
    text["feature_names"] = run.feature_names
    arrays |= {f"history.{name}": column for name, column in run.history.items()}
    if run.last is not None:
        arrays |= {"last_coef": run.last[0], "last_intercept": np.asarray(run.last[1])}
    if run.validation_rows is not None:
        arrays["validation_rows"] = run.validation_rows
    if run.classes is not None:
        arrays["classes"] = without_objects(run.classes)
    arrays["run"] = np.array(json.dumps(text, default=listed))
    return arrays


def listed(value: Any) -> Any:
    """Return what an entry point keeps beside the run as JSON can hold it."""
    return value.tolist() if hasattr(value, "tolist") else plain(value)


def run_fields(text: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Return a Run's fields from what `as_arrays` wrote."""
    unknown = set(text) - {
        *FIELDS,
        "format",
        "extra",
        "cost",
        "start_cost",
        "stop_reason",
        "settings",
        "memory",
        "fingerprint",
        "feature_names",
    }
    if unknown:
        raise ValueError(f"unknown names {sorted(unknown)}")
    columns = {name.split(".", 1)[1]: array for name, array in arrays.items() if name.startswith("history.")}
    known = {name: text[name] for name in FIELDS} | {
        "extra": text["extra"],
        "known_cost": text["cost"],
        "start_cost": text.get("start_cost"),
        "known_fingerprint": text["fingerprint"],
        "feature_names": None if text.get("feature_names") is None else tuple(text["feature_names"]),
        "state": put_together(text["memory"], arrays),
    }
    if "last_coef" in arrays:
        known["last"] = arrays["last_coef"], scalar(arrays["last_intercept"])
    return known | {
        "coef": arrays["coef"],
        "intercept": scalar(arrays["intercept"]),
        "settings": put_settings_together(text["settings"], arrays, text["format"]),
        "stop_reason": StopReason(text["stop_reason"]),
        "classes": arrays.get("classes"),
        "validation_rows": arrays.get("validation_rows"),
        "history_source": Recorded(columns),
    }


def scalar(value: NDArray[Any]) -> Any:
    """Return an intercept as a Run has it."""
    return float(value) if value.ndim == 0 else value


def taken_apart(name: str, value: Any, arrays: Arrays) -> Any:
    """Return a value as JSON can hold it, its arrays put among `arrays`; of a function, the repr."""
    if isinstance(value, dict):
        return {"kind": "dict", "of": [[key, taken_apart(f"{name}.{key}", value[key], arrays)] for key in value]}
    if plain_list(value):
        return value
    if is_sparse(value):
        value = features(name, value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(part, (bytes, np.generic)) for part in value):
        value = np.array(value)  # of labels that JSON does not know
    if isinstance(value, (list, tuple)):
        parts = [taken_apart(f"{name}.{place}", part, arrays) for place, part in enumerate(value)]
        return {"kind": type(value).__name__ if type(value) in (list, tuple) else "tuple", "of": parts}
    if KINDS.get(type(value).__name__) is type(value):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"kind": type(value).__name__, "of": taken_apart(name, held, arrays)}
    if is_array(value):
        arrays[name] = without_objects(np.asarray(value)) if labels_like(value) else numeric_array(name, value)
        return {"kind": "array", "of": name}
    return plain(value)


def without_functions(value: Any) -> Any:
    """Return a setting with a `NotSaved` in the place of each part that neither a file nor a pickle holds."""
    if isinstance(value, dict):
        return {key: without_functions(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_functions(part) for part in value]
    if isinstance(value, (tuple, set, frozenset)):
        return tuple(without_functions(part) for part in value)
    if value is None or isinstance(value, (str, bytes, os.PathLike, np.generic, numbers.Number)):
        return value
    if is_array(value) or is_sparse(value):
        return value
    if KINDS.get(type(value).__name__) is type(value):
        parts = [without_functions(getattr(value, field.name)) for field in fields(value)]
        if not any(isinstance(part, NotSaved) for part in parts):
            return value
    return NotSaved(short_repr(value))


def short_repr(value: Any) -> str:
    """Return the repr of what a user passed, cut where it is long; where it raises, that of an object."""
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return shown_text(text)


def shown_text(text: str) -> str:
    """Return a text, cut where it is long."""
    return text if len(text) <= LONGEST_REPR else text[:LONGEST_REPR] + "..."


def plain_list(value: Any) -> bool:
    """Tell whether JSON holds a list as it is."""
    return isinstance(value, list) and all(type(part) in (int, float, str, bool) for part in value)


def labels_like(value: Any) -> bool:
    """Tell whether an array holds what may be labels and no numbers."""
    array = np.asarray(value)
    return array.dtype.kind not in "biufO" or (array.dtype.kind == "O" and any(isinstance(v, str) for v in array.flat))


def put_together(value: Any, arrays: Arrays) -> Any:
    """Return what `taken_apart` took apart."""
    if not isinstance(value, dict):
        return value
    kind, of = value["kind"], value["of"]
    if kind == "array":
        return arrays[of]
    if kind == "dict":
        return {key: put_together(part, arrays) for key, part in of}
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](put_together(part, arrays) for part in of)
    held = put_together(of, arrays)
    if kind == "not_saved":
        return NotSaved(held)
    if kind == "CSR":
        return from_parts("a sparse matrix", CSR(**held), tuple(held["shape"]))
    return held if kind in STATES else KINDS[kind](**held)


def put_settings_together(value: Any, arrays: Arrays, written: int) -> Any:
    """Return the settings; in a file of format 2 what could not be saved is a string like any other."""
    settings = put_together(value, arrays)
    if written < 3:
        known: dict[str, Any] = {"learning_rate": ("auto",), "loss": LOSSES}
        for name in known:
            if isinstance(settings.get(name), str) and settings[name] not in known[name]:
                settings[name] = NotSaved(settings[name])
        if settings.get("callbacks"):
            settings["callbacks"] = NotSaved(settings["callbacks"])
    return settings


def is_array(value: Any) -> bool:
    """Return whether a setting is an array, or what NumPy makes one of: a Series, a memoryview."""
    return isinstance(value, memoryview) or (hasattr(value, "__array__") and not isinstance(value, np.generic))


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; of what a file cannot hold, such as a function, a `NotSaved`."""
    from decimal import Decimal

    if value is None or (isinstance(value, bool | str) and not isinstance(value, NotSaved)):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, (np.bool_, numbers.Integral)):
        return value.item() if isinstance(value, np.generic) else int(value)
    if isinstance(value, (numbers.Real, Decimal)):
        return float(value)
    return {"kind": "not_saved", "of": value if isinstance(value, NotSaved) else repr(value)}


def without_objects(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as an array that can be written without pickle, each equal to what it was."""
    if labels.dtype.kind != "T" and not labels.dtype.hasobject:
        return labels
    written = np.array(labels.tolist())
    if written.dtype.hasobject or written.tolist() != labels.tolist():
        raise TypeError(
            f"labels such as {shown(labels[0])} cannot be written without pickle; use strings, numbers or "
            "numpy.datetime64 as labels"
        )
    return written
