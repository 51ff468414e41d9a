"""SGD and mini-batches of several configurations at once: which can share the rows, and how they are run one by one."""

from collections.abc import Sequence
from typing import Any

from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.options.model import Model

__all__ = ["one_by_one", "same_order", "similar", "simple"]


def simple(model: Model) -> bool:
    """Tell whether a vector register can hold a coefficient of several such configurations: gd, no penalty but l2."""
    return (
        model.formula.stateless
        and model.custom is None
        and not (model.l1 > 0 or model.checked or model.averaging or model.factors is not None)
        and not model.formulas.coupled
    )


def similar(models: Sequence[Model]) -> bool:
    """Tell whether models that are `simple` differ in nothing but l2."""
    return len({(model.loss, model.c, model.intercept) for model in models}) == 1


def same_order(states: Sequence[State]) -> bool:
    """Tell whether states of one output take the same rows next, without a mean of iterates."""
    places = {(state.batch_size, state.shuffle, state.seed, state.epoch, state.position) for state in states}
    return (
        len(places) == 1
        and states[0].batch_size is not None
        and all(len(state.W) == 1 and state.count < 0 for state in states)
    )


def one_by_one(
    kernels: Any, states: Sequence[State], updates: Sequence[Updates], models: Sequence[Model] | None
) -> list[int]:
    """Return what `stochastic` returns for each configuration."""
    if models is None:
        return [kernels.stochastic(state, update) for state, update in zip(states, updates, strict=True)]
    results = []
    for state, update, model in zip(states, updates, models, strict=True):
        own = kernels if model is kernels.model else type(kernels)(kernels.problem, model, kernels.by_columns)
        results.append(own.stochastic(state, update))
    return results
