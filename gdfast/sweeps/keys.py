"""What tells configurations apart: their settings as JSON, and the key made of them."""

import functools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.archive import Arrays
from gdfast.data.frames import column_names
from gdfast.options.declarations import DEFAULTS
from gdfast.results.run_file import NotSaved, taken_apart, without_functions

__all__ = ["as_text", "differing", "key_of", "settings_as_json", "shown_setting"]

WITHOUT_EFFECT = ("progress", "n_threads", "interrupt")  # on any bit of a finished run
MOST_NUMBERS = 10  # of an array that JSON holds as they are; of a longer one it holds the hash
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
EXACT = 2**53  # up to which a float64 holds every integer


def key_of(settings: Mapping[str, Any], fold: int | None) -> str:
    """Return the key of a configuration: a hash of the settings that are not defaults, and of the fold.

    It is the same for equal settings in any order, and in every process. Nothing tells two functions apart, so a
    configuration that holds one (a callable rate, a custom loss, callbacks) has another key at each call.
    """
    import hashlib
    import uuid

    given = {name: as_text(value) for name, value in settings_as_json(settings).items() if name not in WITHOUT_EFFECT}
    given = {name: text for name, text in given.items() if text != default_texts().get(name)}
    whole: dict[str, Any] = {"settings": given, "fold": None if fold is None else int(fold)}
    if any(not_saved(without_functions(value)) for value in settings.values()):
        whole["once"] = uuid.uuid4().hex
    return hashlib.sha256(as_text(whole).encode()).hexdigest()


@functools.cache
def default_texts() -> dict[str, str]:
    """Return the defaults of fit as `key_of` compares them, so that an option of a later version moves no key."""
    return {name: as_text(value) for name, value in settings_as_json(DEFAULTS).items()}


def as_text(value: Any) -> str:
    """Return the one text in JSON of a value."""
    return ENCODER.encode(value)


def not_saved(value: Any) -> bool:
    """Return whether a setting is, or holds, what neither a file nor JSON can hold."""
    if isinstance(value, Mapping):
        return any(map(not_saved, value.values()))
    return isinstance(value, NotSaved) or (isinstance(value, (list, tuple)) and any(map(not_saved, value)))


def settings_as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON can hold them: equal values alike, long arrays by a hash of their contents."""
    return {name: setting_as_json(name, value) for name, value in settings.items()}


def setting_as_json(name: str, value: Any) -> Any:
    """Return one setting as JSON can hold it."""
    arrays: Arrays = {}
    held = readable(taken_apart(name, without_functions(value), arrays), arrays)
    names = [column_names(name, part) for part in (value if isinstance(value, (list, tuple)) else [value])]
    return held if not any(names) else {"frame": held, "columns": names}


def readable(value: Any, arrays: Arrays) -> Any:
    """Return a value that `taken_apart` made as plain JSON."""
    if isinstance(value, list):
        return sequence([readable(part, arrays) for part in value])
    if not isinstance(value, dict):
        return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    kind, of = value["kind"], value["of"]
    if kind == "array":
        return array_as_json(arrays[of])
    if kind in ("list", "tuple"):
        return sequence([readable(part, arrays) for part in of])
    if kind == "dict":
        return {str(key): readable(part, arrays) for key, part in of}
    return {"kind": kind, **(readable(of, arrays) if isinstance(of, dict) else {"of": str(of)})}


def number(value: float) -> Any:
    """Return a number that is equal in JSON where it is in Python; JSON has no infinity."""
    if not math.isfinite(value):
        return repr(float(value))
    return int(value) if value == int(value) and abs(value) <= EXACT else value


def sequence(parts: list[Any]) -> Any:
    """Return a sequence as JSON has it: a long one of numbers as an array of them."""
    if len(parts) > MOST_NUMBERS and all(type(part) in (int, float) for part in parts):
        return array_as_json(np.array(parts))
    return parts


def array_as_json(array: NDArray[Any]) -> Any:
    """Return a small array as a list, a larger one as its shape and a hash of its contents."""
    import hashlib

    if array.dtype.kind not in "biuf":
        parts = list(map(str, array.reshape(-1).tolist()))
        return {"array": hashlib.sha256(as_text(parts).encode()).hexdigest(), "shape": list(array.shape)}
    if array.ndim <= 1 and array.size <= MOST_NUMBERS:
        values = array.tolist()
        return [number(part) for part in values] if array.ndim else number(values)
    exact = array.itemsize <= 8 if array.dtype.kind in "bf" else bool(((array <= EXACT) & (array >= -EXACT)).all())
    same = array.astype("<f8" if exact else array.dtype.newbyteorder("<"))
    contents = np.ascontiguousarray(same + 0).tobytes()  # of both zeros alike
    return {"array": hashlib.sha256(same.dtype.str.encode() + contents).hexdigest(), "shape": list(array.shape)}


def differing(settings: list[dict[str, Any]]) -> list[str]:
    """Return the names of the settings that are not the same in all of some configurations, in their order."""
    names = dict.fromkeys(name for one in settings for name in one)
    return [name for name in names if len({as_text([name in one, one.get(name)]) for one in settings}) > 1]


def shown_setting(value: Any) -> str:
    """Return a setting of a store as a reader knows it."""
    if isinstance(value, list):
        return f"({', '.join(map(shown_setting, value))}{',' if len(value) == 1 else ''})"
    if not isinstance(value, dict):
        return value if isinstance(value, str) else repr(value)
    if "array" in value:
        shape = value.get("shape")
        return f"array of shape {tuple(shape) if isinstance(shape, list) else shape}, {str(value['array'])[:8]}"
    if "frame" in value:
        return shown_setting(value["frame"])
    if value.get("kind") == "not_saved":
        return str(value.get("of"))
    parts = ", ".join(f"{name}={shown_setting(part)}" for name, part in value.items() if name != "kind")
    return f"{value.get('kind', '')}({parts})"
