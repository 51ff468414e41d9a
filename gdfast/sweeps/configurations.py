"""The configurations of a sweep: the grid of its axes, or the dicts given, each with all arguments of `fit`."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gdfast._fit import MAY_HOLD_ARRAYS, with_own_arrays
from gdfast._utils.arguments import shown
from gdfast.options.declarations import DEFAULTS, checked

__all__ = ["DEFAULTS_OF_FIT", "Swept", "make_configurations"]

KNOWN = [name for name in DEFAULTS if name != "sample_weight"]
OF_ONE_FIT = ("checkpoint", "checkpoint_every", "checkpoint_seconds", "progress")


class Swept(NamedTuple):
    """The arguments that are swept, and all of fit's arguments for each configuration."""

    names: list[str]
    configurations: list[dict[str, Any]]


def make_configurations(options: Mapping[str, Any], given: Any = None) -> Swept:
    """Return what is swept, and a dict of fit's arguments for each configuration, in the order in which they run.

    `options` are keyword arguments: a list is an axis, all else one value. `given` are dicts, of which each goes
    before `options` at their single values.
    """
    check_names(options, "sweep")
    axes = {name: value for name, value in options.items() if isinstance(value, list)}
    single = DEFAULTS_OF_FIT | {name: value for name, value in options.items() if name not in axes}
    if given is None:
        empty = [name for name, axis in axes.items() if not axis]
        if empty:
            raise ValueError(f"{empty[0]}=[] is an axis without values; give at least one, or leave it out")
        grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    else:
        grid = checked_dicts(given, axes)
    configurations = [single | one for one in grid]
    check_different(configurations, grid)
    for configuration in configurations:
        checked(configuration)
        own_arrays(configuration)
    return Swept(list(dict.fromkeys(name for one in grid for name in one)), configurations)


def own_arrays(configuration: dict[str, Any]) -> None:
    """Put copies of the caller's arrays, which may change, in their places."""
    for name in MAY_HOLD_ARRAYS:
        if configuration[name] is not None:
            configuration[name] = with_own_arrays(configuration[name])


def checked_dicts(given: Any, axes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return configurations=, which stand alone, as dicts."""
    if axes:
        raise ValueError(
            f"configurations= and the axis {next(iter(axes))}=[...] are both given; put the values into the dicts"
        )
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"configurations={shown(given)} must be a list of dicts of fit's arguments")
    dicts = list(given)
    if not dicts:
        raise ValueError("configurations=[] holds nothing to fit; give at least one dict")
    for place, one in enumerate(dicts):
        if not isinstance(one, Mapping):
            raise TypeError(f"configurations[{place}]={shown(one)} must be a dict of fit's arguments")
        check_names(one, f"configurations[{place}]")
    return [dict(one) for one in dicts]


def check_names(options: Mapping[str, Any], where: str) -> None:
    """Raise an error unless every name is an argument of `fit` that a sweep takes."""
    for name in options:
        if name in OF_ONE_FIT:
            raise ValueError(f"{where}: {name}= belongs to a single fit; a sweep has store= to keep finished runs")
        if name not in KNOWN:
            raise ValueError(f"{where}: {shown(name)} is no argument of fit; choose from {', '.join(KNOWN)}")


def check_different(configurations: list[dict[str, Any]], grid: list[dict[str, Any]]) -> None:
    """Raise an error where two configurations are the same."""
    seen: dict[str, int] = {}
    swept = {name for one in grid for name in one}
    for place, configuration in enumerate(configurations):
        text = described({name: configuration[name] for name in swept})
        if text in seen:
            raise ValueError(
                f"configurations {seen[text]} and {place} are the same, {shown(grid[place])}; leave one of them out"
            )
        seen[text] = place


def described(configuration: Mapping[str, Any]) -> str:
    """Return a text that is the same for equal configurations."""
    return repr({name: comparable(value) for name, value in sorted(configuration.items())})


def comparable(value: Any) -> Any:
    """Return a setting so that its repr tells it apart from others: numbers by value, arrays by their contents."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        return type(value).__name__, comparable(value.tolist())
    if isinstance(value, (tuple, list)):
        return tuple(comparable(part) for part in value)
    if isinstance(value, int | float):
        return float(value) if abs(value) < 2**53 else value
    plain = getattr(type(value), "__repr__", None) is object.__repr__
    return id(value) if plain else repr(value)


DEFAULTS_OF_FIT = {name: DEFAULTS[name] for name in KNOWN}
