"""The parameters in the docstrings of GDRegressor and GDClassifier, written from the options of `gdfast.fit`."""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

from gdfast.options.declarations import OPTIONS
from gdfast.options.option import default_text

__all__ = ["with_parameters"]

PLACE = "    {parameters}\n"
WIDTH = 120
Kind = TypeVar("Kind", bound=type)

# Type and text where an estimator differs from `fit`.
OF_ESTIMATORS = {
    "penalty": ('{"l2", "l1", "elasticnet"}', f"{OPTIONS['penalty'].text} With None alpha is ignored."),
    "random_state": ("int or RandomState", "Fixes the sample order. An int is the seed of `gdfast.fit`."),
    "max_seconds": ("float", OPTIONS["max_seconds"].sentence),
    "warm_start": ("bool", "Whether `fit` starts from the coefficients of the last fit."),
}


def with_parameters(**own: tuple[str, str]) -> Callable[[Kind], Kind]:
    """Return a decorator that writes the constructor's parameters into a class's docstring.

    `own` has type and text of parameters that differ from those of other estimators and of `fit`.
    """

    def write(kind: Kind) -> Kind:
        if kind.__doc__ is not None:  # as it is under python -OO
            kind.__doc__ = kind.__doc__.replace(PLACE, parameters(kind, {**OF_ESTIMATORS, **own}))
        return kind

    return write


def parameters(kind: Any, own: dict[str, tuple[str, str]]) -> str:
    """Return the entries of the Parameters section."""
    constructor = inspect.signature(kind.__init__).parameters.values()
    return "".join(entry(about.name, about.default, own) for about in constructor if about.name != "self")


def entry(name: str, default: Any, own: dict[str, tuple[str, str]]) -> str:
    """Return a parameter's type, default and text."""
    type_, text = own[name] if name in own else of_fit(name)
    if default is None:
        type_ = f"{type_.replace(' or ', ', ')} or None"
    lines = textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    head = f"    {name} : {type_}, default={default_text(default)}"
    return "\n".join([head, *(f"        {line}" for line in lines)]) + "\n"


def of_fit(name: str) -> tuple[str, str]:
    """Return type and text of an option of `fit`, with the names of an estimator's attributes."""
    text = OPTIONS[name].text.replace(" coef is ", " `coef_` is ").replace("`Run.history`", "`history_`")
    return OPTIONS[name].type, text
