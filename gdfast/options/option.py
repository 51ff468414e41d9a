"""What an option of `fit` is, and the checks that several of them share."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from gdfast._utils.arguments import choice, real, shown, whole

__all__ = [
    "LARGEST_COUNT",
    "LARGEST_SEED",
    "Check",
    "Option",
    "columns",
    "count",
    "default_text",
    "made_by",
    "number",
    "one_of",
    "optional",
    "step_of_epochs",
]

Check = Callable[[str, Any], Any]
Words = Literal["int", "float", "flag", "name", "number or name", "numbers", "names", "file", "column"]

LARGEST_COUNT = 2**53  # epochs are counted in numbers that a float64 also holds
LARGEST_SEED = 2**64 - 1
RECORDS = ("learning_rate", "gradient_norm", "coef_norm", "seconds", "coef")


class Option(NamedTuple):
    """An option of `fit`."""

    default: Any
    type: str  # as numpydoc writes it, without the default
    sentence: str  # what it is, on the command line too
    details: str = ""  # what a user of Python also needs to know
    check: Check | None = None  # None: checked with the data or other options, by what is made of them
    group: str = ""  # of the command line's help
    words: Words | None = None  # what the command line takes; None: no option there
    solvers: tuple[str, ...] | None = None  # that know it; None: all
    again: bool = False  # whether a Run that is resumed may be given another one
    may_hold_arrays: bool = False  # of the caller's, of which `fit` keeps copies

    @property
    def text(self) -> str:
        """All that documents it."""
        return f"{self.sentence} {self.details}".rstrip()

    @property
    def given_type(self) -> str:
        """Its type and its default, as numpydoc writes them."""
        if self.default is None and not self.type.startswith("{None"):
            return f"{self.type}, optional"
        return f"{self.type}, default {default_text(self.default)}"


def default_text(value: Any) -> str:
    """Return a default as a docstring has it."""
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:_}" if type(value) is int and value >= 10_000 else repr(value)


def number(low: float = -math.inf, high: float = math.inf, ends: str = "[]") -> Check:
    """Return the check for a number in an interval."""
    return lambda name, value: real(name, value, low, high, ends=ends)


def count(low: int, high: int | None = None, hint: str = "") -> Check:
    """Return the check for a whole number in an interval."""
    return lambda name, value: whole(name, value, low, high, hint=hint)


def one_of(*names: str) -> Check:
    """Return the check for one of some names."""
    return lambda name, value: choice(name, value, names)


def optional(check: Check) -> Check:
    """Return a check that also takes None."""
    return lambda name, value: None if value is None else check(name, value)


def made_by(make: Callable[[Any], Any]) -> Check:
    """Return the check that a function does which makes something of the value, and knows the option's name."""
    return lambda name, value: make(value)


def step_of_epochs(name: str, value: Any) -> int | str:
    """Return a number of epochs, or "log"."""
    if not isinstance(value, str):
        return whole(name, value, 1, hint=' (or "log")')
    if value != "log":
        raise ValueError(f'{name}={value!r} must be a whole number of at least 1, or "log"')
    return value


def columns(name: str, value: Any) -> tuple[str, ...]:
    """Return the columns of the history that are recorded beside the cost, each once."""
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (tuple, list, set, frozenset)):
        raise TypeError(f"{name}={shown(value)} must be a tuple of names: {', '.join(RECORDS)}")
    chosen = [choice(name, one, RECORDS) for one in names]
    return tuple(one for one in RECORDS if one in chosen) if chosen else ()
