"""What may be given again when a Run is resumed: what a file cannot hold, and how the call goes."""

from dataclasses import replace
from typing import Any

import numpy as np

from gdfast._arguments import choice, shown
from gdfast.options.callbacks import make_callbacks
from gdfast.options.custom_loss import Loss
from gdfast.options.learning_rates import CallableRates, make_learning_rates
from gdfast.options.schedules import SCHEDULES, ReduceOnPlateau
from gdfast.plan import INTERRUPTS, Plan, make_callback_every, optional_positive
from gdfast.results.run_file import NotSaved

__all__ = ["check_given", "check_length", "resumed_options", "with_given"]

GIVEN_AGAIN = ("learning_rate", "loss", "callbacks", "callback_every", "progress", "max_seconds", "interrupt")
SAVED_SCHEDULES = (*SCHEDULES.values(), ReduceOnPlateau)


def check_given(given: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise an error unless these arguments may be given again to a Run with these settings."""
    for name in given:
        if name not in GIVEN_AGAIN:
            raise TypeError(
                f"resume takes {', '.join(GIVEN_AGAIN)} again, and not {name!r}; to change it, fit anew with "
                "coef_init and intercept_init"
            )
    if "learning_rate" in given and not (
        is_own_rate(settings["learning_rate"]) and is_own_rate(given["learning_rate"])
    ):
        raise ValueError(
            f"learning_rate={shown(given['learning_rate'])}: this Run keeps its rates, "
            f"learning_rate={shown(settings['learning_rate'])}. Only a callable, which a file cannot hold, is given "
            "again, and only to a Run that was fitted with one; leave it out, or fit anew with coef_init"
        )
    if "loss" in given and not is_same_loss(given["loss"], settings["loss"]):
        raise ValueError(
            f"loss={shown(given['loss'])}: this Run keeps its loss, {shown(settings['loss'])}. Only a gdfast.Loss, "
            "which a file cannot hold, is given again, by the same name; leave it out, or fit anew with coef_init"
        )


def is_own_rate(rate: Any) -> bool:
    """Return whether a learning rate is a callable of the user's, which a file cannot hold."""
    if isinstance(rate, NotSaved):
        return True
    return callable(rate) and not isinstance(rate, (type, np.ndarray)) and type(rate) not in SAVED_SCHEDULES


def is_same_loss(given: Any, held: Any) -> bool:
    """Return whether both are custom losses of one name; `check_loss` compares their values."""
    return isinstance(given, Loss) and isinstance(held, (Loss, NotSaved)) and repr(given) == str(held)


def resumed_options(settings: dict[str, Any], given: dict[str, Any], epochs: int) -> dict[str, Any]:
    """Return the settings of a Run that is resumed up to an epoch; max_seconds was the earlier call's alone."""
    return {**settings, "max_seconds": None, **given, "epochs": epochs}


def with_given(plan: Plan, given: dict[str, Any], options: dict[str, Any], begun: int) -> Plan:
    """Return the plan with what was given again; `options` are the resumed Run's settings, `begun` its epochs begun."""
    callbacks = make_callbacks(given["callbacks"]) if "callbacks" in given else plan.callbacks
    made: dict[str, Any] = {"callbacks": callbacks}
    made["callback_every"] = make_callback_every(options["callback_every"], callbacks)
    made["max_seconds"] = optional_positive("max_seconds", options["max_seconds"])
    made["interrupt"] = choice("interrupt", options["interrupt"], INTERRUPTS)
    if "learning_rate" in given:
        rates = make_learning_rates(given["learning_rate"], options["epochs"])
        if isinstance(plan.rates, CallableRates) and isinstance(rates, CallableRates):
            rates.known = {epoch: rate for epoch, rate in plan.rates.known.items() if epoch < begun}
        made["rates"] = rates
    if "loss" in given:
        made["model"] = replace(plan.model, custom=given["loss"])
    return replace(plan, **made)


def check_length(plan: Plan, target: int) -> None:
    """Raise an error where an array of rates ends before the epoch."""
    if plan.rates.length is not None and plan.rates.length < target:
        raise ValueError(f"learning_rate holds {plan.rates.length} rates, and {target} epochs need one for each")
