"""Callbacks: a user's functions that are called while training runs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gdfast._utils.arguments import shown
from gdfast._utils.cached_property import cached_property

__all__ = ["Callback", "CallbackState", "make_callbacks"]

EVENTS = ("on_start", "on_chunk", "on_end")


class CallbackState:
    """What a callback is given: where the descent stands at this moment.

    Attributes
    ----------
    epoch, epochs, steps : int
        Whole epochs done, epochs asked for, updates done.
    cost : float
        J at coef and intercept, computed when it is asked for.
    coef, intercept
        Copies, in the shapes of a Run.
    learning_rate : float
        Of the last update, before the first of the first.
    seconds : float
        Since the call began.
    """

    def __init__(self, cost: Callable[[], float], **facts: Any) -> None:
        self.cost_by = cost
        self.epoch: int = facts["epoch"]
        self.epochs: int = facts["epochs"]
        self.steps: int = facts["steps"]
        self.coef: Any = facts["coef"]
        self.intercept: Any = facts["intercept"]
        self.learning_rate: float = facts["learning_rate"]
        self.seconds: float = facts["seconds"]

    @cached_property
    def cost(self) -> float:
        """J at coef and intercept."""
        return self.cost_by()

    def __repr__(self) -> str:
        return f"epoch {self.epoch} of {self.epochs}, {self.steps} updates, {self.seconds:.3g} s"


class Callback:
    """A user's callback: an object with some of on_start, on_chunk and on_end, or a function, which is on_chunk."""

    def __init__(self, given: Any) -> None:
        methods = {event: getattr(given, event, None) for event in EVENTS}
        if not any(map(callable, methods.values())):
            if not callable(given) or isinstance(given, type):
                raise TypeError(
                    f"callbacks holds {shown(given)}, and each must be a function of the state, or an object with "
                    "on_start, on_chunk or on_end"
                )
            methods["on_chunk"] = given
        self.methods = {event: method for event, method in methods.items() if callable(method)}

    def call(self, event: str, state: CallbackState) -> bool:
        """Call the method for an event, if there is one; return whether it asks to stop."""
        answer = self.methods[event](state) if event in self.methods else None
        return isinstance(answer, (bool, np.bool_)) and bool(answer)


def make_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Return the Callbacks of fit's argument: one, or several."""
    if callbacks is None or (type(callbacks) is tuple and not callbacks):
        return ()
    if callable(callbacks) or any(hasattr(callbacks, event) for event in EVENTS):
        callbacks = (callbacks,)
    try:
        several = tuple(callbacks)
    except TypeError:
        raise TypeError(f"callbacks={shown(callbacks)} must be a function, a callback, or a list of them") from None
    return tuple(Callback(given) for given in several)
