"""Full-batch updates of several loops at once, by the arrays of NumPy's kernels."""

from collections.abc import Hashable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast.backends.numpy import Kernels
from gdfast.backends.state import State
from gdfast.formulas.penalties import penalty_value
from gdfast.options.model import Model

__all__ = ["Stack", "stacks"]


def stacks(loops: Sequence[Any]) -> "list[Stack]":
    """Return the stacks of loops, each of which is in one."""
    groups: dict[Hashable, list[int]] = {}
    for place, loop in enumerate(loops):
        groups.setdefault(kind_of(loop.plan.model, place), []).append(place)
    return [Stack([loops[place] for place in places], places) for places in groups.values()]


def kind_of(model: Model, place: int) -> Hashable:
    """Return what models have in common whose updates differ in l2 and the rate alone."""
    if model.l1 > 0 or model.checked or model.averaging or model.factors is not None or model.decay > 0:
        return place
    return tuple(getattr(model, field.name) for field in fields(model) if field.name != "l2")


class Stack:
    """Loops whose updates are one update of a state with the outputs of all: in W, b, M and V, and no others."""

    def __init__(self, loops: Sequence[Any], places: list[int]) -> None:
        self.places, self.first = places, loops[0].state
        self.state = self.first if len(loops) == 1 else State.stacked([loop.state for loop in loops])
        problem, model = loops[0].problem, loops[0].plan.model
        if len(loops) > 1:
            l2: Any = np.repeat([[loop.plan.model.l2] for loop in loops], problem.Y.shape[1], axis=0)  # a column
            model = replace(model, l2=l2)
        self.kernels = Kernels(problem, model)

    @property
    def points(self) -> NDArray[np.float64]:
        """W with b behind each row, (loops, k, d + 1)."""
        joined = np.column_stack([self.state.W, self.state.b])
        return joined.reshape(len(self.places), -1, joined.shape[1])

    def penalties(self) -> NDArray[np.float64]:
        """Return the penalty of each loop."""
        kernels, model = self.kernels, self.kernels.model
        if not (kernels.shrinks or model.l1 > 0):
            return np.zeros(len(self.places))
        values = kernels.factors * penalty_value(self.state.W, model.l2, model.l1)
        sums: NDArray[np.float64] = values.reshape(len(self.places), -1).sum(axis=1)
        return sums

    def update(self, gradients: NDArray[np.float64], scale: float, rates: NDArray[np.float64], done: int) -> None:
        """Take one step of each along the gradients (loops, k, d + 1), which scale multiplies."""
        k = gradients.shape[1]
        self.kernels.G = gradients.reshape(-1, gradients.shape[2])
        eta: Any = float(rates[0]) if len(rates) == 1 else np.repeat(rates, k)[:, None]
        self.state.steps = self.first.steps  # those before this chunk
        self.kernels.update(self.state, scale, eta, done)

    def finite(self) -> NDArray[np.bool_]:
        """Tell of each loop whether its iterate is finite."""
        rows = np.isfinite(self.state.W).all(axis=1) & np.isfinite(self.state.b)
        sound: NDArray[np.bool_] = rows.reshape(len(self.places), -1).all(axis=1)
        return sound
