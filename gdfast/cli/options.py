"""The options of `gdfast fit` that are those of `gdfast.fit`: made from their declaration, and named so in messages."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import typer
from typer.core import TyperCommand

from gdfast.options.declarations import CHECKPOINTS, DEFAULTS, OPTIONS

__all__ = ["GroupedCommand", "as_typed", "axes_of_sweep", "option_name", "options_of_fit", "with_options_of_fit"]

TAKEN = {name: option.words for name, option in OPTIONS.items() if option.words is not None}
# The defaults that differ from those of `gdfast.fit`.
OTHER_DEFAULTS: dict[str, Any] = {"epochs": 1000}
# Of the options that are on unless the command line says --no-...
HELP_OF_NO = {
    "fit_intercept": "Leave the intercept at zero.",
    "shuffle": "Take the rows in their own order in SGD and mini-batches.",
}
SWEPT = ("int", "float", "name", "number or name")  # words of options that can have several values
SPACED: dict[str, Any] = {"log": np.geomspace, "lin": np.linspace}
METAVARS = {"int": "INTEGER", "float": "NUMBER", "numbers": "NUMBER,...", "names": "NAME,..."}
METAVARS |= {"column": "COLUMN", "file": "FILE"}
TYPES = {"int": int, "float": float, "flag": bool}  # of the words that typer converts; all others are text


class GroupedCommand(TyperCommand):
    """A command whose help has its options under the headings of their panels, as plain text."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the name of the command in its usage."""
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        return ["[OPTIONS]", *(name if one.required else f"[{name}]" for one in arguments if (name := name_of(one)))]

    def panels(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Return the name and the help of each parameter, by panels."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record, panel = parameter.get_help_record(ctx), getattr(parameter, "rich_help_panel", None) or "Options"
            if record is not None and parameter.param_type_name == "argument":
                record, panel = (name_of(parameter), record[1]), "Arguments"
            if record is not None:
                panels.setdefault(panel, []).append(record)
        return panels

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options of one panel after the other."""
        for panel, records in self.panels(ctx).items():
            with formatter.section(panel):
                formatter.write_dl(records)


def name_of(argument: Any) -> str:
    """Return what stands for an argument of a command in its help and usage."""
    return str(argument.metavar or argument.name.upper()) + ("..." if argument.nargs != 1 else "")


def option_name(name: str) -> str:
    """Return the command line's name of an option of `fit`: --no-... where it is on unless given."""
    if DEFAULTS[name] is True:
        name = "no_" + name.removeprefix("fit_")
    return "--" + name.replace("_", "-")


def names_in_type(name: str) -> list[str]:
    """Return the names that the declared type of an option quotes."""
    return re.findall(r'"(\w+)"', OPTIONS[name].type)


def metavar(name: str) -> str | None:
    """Return what stands for an option's value in the help, None for a flag."""
    if TAKEN[name] in ("name", "number or name"):
        names = names_in_type(name)
        return "|".join(["NUMBER", *names] if TAKEN[name] != "name" else names) or "NAME"
    return METAVARS.get(TAKEN[name])


def parameter_of(name: str, several: bool = False) -> inspect.Parameter:
    """Return the parameter of a command for an option of `fit`, as text where it takes several values."""
    words, default = TAKEN[name], OTHER_DEFAULTS.get(name, DEFAULTS[name])
    if words == "flag":
        default = False
    elif several:
        words, default = "column", None
    elif words not in TYPES:
        default = str(default) if default not in (None, ()) else None
    kind = TYPES.get(words, str)
    about = typer.Option(
        default,
        option_name(name),
        help=help_of(name),
        metavar="VALUE,..." if several and TAKEN[name] in SWEPT else metavar(name),
        rich_help_panel=OPTIONS[name].group,
    )
    annotation = kind if default is not None else kind | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=about, annotation=annotation)


def help_of(name: str) -> str:
    """Return the sentence of an option's help."""
    return as_typed(HELP_OF_NO.get(name, OPTIONS[name].sentence))


def with_options_of_fit(command: Callable[..., None], several: bool = False) -> Callable[..., None]:
    """Return a command that takes **options, with a parameter for each option of `fit` instead.

    Where an option takes `several` values, those of a single fit alone are left out.
    """
    signature = inspect.signature(command)
    own = [about for about in signature.parameters.values() if about.kind is not inspect.Parameter.VAR_KEYWORD]
    names = [name for name in TAKEN if not (several and OPTIONS[name].group == CHECKPOINTS)]
    made = signature.replace(parameters=[*own, *(parameter_of(name, several) for name in names)])
    vars(command)["__signature__"] = made
    command.__annotations__ = {about.name: about.annotation for about in made.parameters.values()}
    return command


def options_of_fit(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `gdfast.fit` from those of the command; a column stays a name."""
    return {name: value_of(name, given[name]) for name in TAKEN}


def axes_of_sweep(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `gdfast.sweep` from what was given: a list where there are several values."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or (TAKEN[name] == "flag" and value is False):
            continue
        values = axis(name, value) if isinstance(value, str) and TAKEN[name] in SWEPT else [value_of(name, value)]
        found[name] = values if len(values) > 1 else values[0]
    return found


def axis(name: str, text: str) -> list[Any]:
    """Return the values that a text stands for: "0.1,1", or "log:1e-4:1:20" and "lin:0:1:5" for numbers between two."""
    values: list[Any] = []
    for part in text.split(","):
        kind, *ends = part.split(":")
        if kind not in SPACED or TAKEN[name] == "name":
            values.append(converted(name, part))
            continue
        if len(ends) != 3 or not ends[2].isdigit() or int(ends[2]) < 2:
            raise ValueError(f"{option_name(name)}={part!r} must be {kind}:FIRST:LAST:COUNT, COUNT at least 2")
        first, last = (float(number(name, end)) for end in ends[:2])
        if kind == "log" and not (first > 0 and last > 0):
            raise ValueError(f"{option_name(name)}={part!r} needs two numbers above 0; use lin: for others")
        spaced = SPACED[kind](first, last, int(ends[2])).tolist()
        values += [round(value) for value in spaced] if TAKEN[name] == "int" else spaced
    return values


def converted(name: str, text: str) -> Any:
    """Return one value of an option that is given as text."""
    words = TAKEN[name]
    if text in ("None", "none") and DEFAULTS[name] is None:
        return None
    if words == "name":
        return text
    if words == "number or name" and text in names_in_type(name):
        return text
    return number(name, text)


def value_of(name: str, given: Any) -> Any:
    """Return an argument of `gdfast.fit` from what was given for it."""
    words = TAKEN[name]
    if words == "flag":
        return given != DEFAULTS[name]
    if given is None:
        return DEFAULTS[name]
    if words == "number or name":
        return given if given in names_in_type(name) else number(name, given)
    if words == "numbers":
        return tuple(number(name, part) for part in given.split(","))
    return tuple(given.split(",")) if words == "names" else given


def number(name: str, text: str) -> int | float:
    """Return a number given as text."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        names = names_in_type(name) if TAKEN[name] == "number or name" else []
        also, others = "".join(f" and not {one}" for one in names), "".join(f", or {one}" for one in names)
        example = 10 if TAKEN[name] == "int" else 0.1
        raise ValueError(
            f"{option_name(name)}={text!r} is not a number{also}; write a number, such as {example}{others}"
        ) from None


# In a message: what `fit` writes as name=value, the name that a message begins with, names that cannot be other words.
ANY = "|".join(sorted(TAKEN, key=len, reverse=True))
ASSIGNED = re.compile(rf"(?<![\w.\"'`-])({ANY})=(None|True|False|\(\))?")
FIRST = re.compile(rf"^({ANY})\b(?!=)")
UNMISTAKABLE = re.compile(rf"(?<![\w.\"'`-])({'|'.join(name for name in ANY.split('|') if '_' in name)})\b|`({ANY})`")
WITHOUT = re.compile(r"without [\w ]+? ha(?:s|ve)\b")


def as_typed(text: str) -> str:
    """Return a message or a sentence of `fit` with its options by their names on the command line."""
    text, choose, names = text.partition("choose one of")
    text = WITHOUT.sub(lambda found: re.sub(rf"\b({ANY})\b", lambda name: option_name(name[1]), found[0]), text)
    text = ASSIGNED.sub(assigned, text)
    text = FIRST.sub(lambda found: option_name(found[1]), text)
    return UNMISTAKABLE.sub(lambda found: option_name(found[1] or found[2]), text) + choose + names


def assigned(found: re.Match[str]) -> str:
    """Return name=value as it is typed."""
    name, value = found[1], found[2]
    if value is None:
        return f"{option_name(name)}="
    if TAKEN[name] == "flag":
        given = (value == "True") != DEFAULTS[name]
        return option_name(name) if given else f"no {option_name(name)}"
    return f"no {option_name(name)}" if value in ("None", "()") else f"{option_name(name)}={value}"
