"""What a continuation may be given anew: what a file cannot hold, and how the call goes."""

from dataclasses import replace
from typing import Any

from gdfast.arguments import choice, shown
from gdfast.callbacks import make_callbacks
from gdfast.plan import INTERRUPTS, Plan, optional_count, optional_positive

__all__ = ["check_again", "check_length", "with_again"]

AGAIN = ("learning_rate", "loss", "callbacks", "callback_every", "progress", "max_seconds", "interrupt")


def check_again(again: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise an error unless these arguments may be given to a continuation."""
    for name in again:
        if name not in AGAIN:
            raise TypeError(f"resume takes {', '.join(AGAIN)} again, and not {name!r}; make a new fit to change it")
    rate = again.get("learning_rate")
    held = settings["learning_rate"]
    if rate is not None and not (callable(rate) and (callable(held) or isinstance(held, str))):
        raise ValueError(
            f"learning_rate={shown(rate)}: a continuation keeps its rates, and takes again only a callable, which a "
            "file cannot hold; leave it out"
        )


def with_again(plan: Plan, again: dict[str, Any]) -> Plan:
    """Return the plan with what a continuation was given anew."""
    made: dict[str, Any] = {"max_seconds": None}  # the time allowed was the first call's
    if "callbacks" in again:
        made["callbacks"] = make_callbacks(again["callbacks"])
    if "callback_every" in again:
        made["callback_every"] = optional_count("callback_every", again["callback_every"])
    if "max_seconds" in again:
        made["max_seconds"] = optional_positive("max_seconds", again["max_seconds"])
    if "interrupt" in again:
        made["interrupt"] = choice("interrupt", again["interrupt"], INTERRUPTS)
    return replace(plan, **made)


def check_length(plan: Plan, target: int) -> None:
    """Raise an error where an array of rates ends before the epoch."""
    if plan.rates.length is not None and plan.rates.length < target:
        raise ValueError(f"learning_rate holds {plan.rates.length} rates, and {target} epochs need one for each")
