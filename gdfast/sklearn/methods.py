"""What the methods of every estimator do with their arguments, and with the estimator where they fail."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from gdfast._utils.arguments import refuse_masked

__all__ = ["Estimator", "takes_arrays", "trains"]

Method = TypeVar("Method", bound=Callable[..., Any])


class Estimator(BaseEstimator):
    """Base of GDRegressor and GDClassifier: scikit-learn's, which inspects the parameters of a class once."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        if "_parameters" not in vars(cls):
            cls._parameters = tuple(super()._get_param_names())
        return list(cls._parameters)

    _parameters: tuple[str, ...]


def takes_arrays(method: Method) -> Method:
    """Return a method that refuses masked values in each of its arguments, which scikit-learn's checks let pass."""
    names = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def checked(self: Any, *positional: Any, **named: Any) -> Any:
        refuse_masked(**{**dict(zip(names, positional, strict=False)), **named})
        return method(self, *positional, **named)

    return checked  # type: ignore[return-value]


def trains(method: Method) -> Method:
    """Return a method that refuses masked values, and where it raises leaves the estimator as it was."""
    inner = takes_arrays(method)

    @functools.wraps(method)
    def restoring(self: Any, *positional: Any, **named: Any) -> Any:
        with restored_on_failure(self):
            return inner(self, *positional, **named)

    return restoring  # type: ignore[return-value]


@contextmanager
def restored_on_failure(estimator: Any) -> Iterator[None]:
    """Restore an estimator's attributes, and the state of its RandomState, where the block raises."""
    attributes = dict(vars(estimator))
    fitted = {
        name: (value, value.copy())
        for name, value in attributes.items()
        if isinstance(value, np.ndarray) and (name[0] == "_" or name[-1] == "_") and value.flags.writeable
    }
    random: Any = attributes.get("random_state")
    random_state = random.get_state() if isinstance(random, np.random.RandomState) else None
    try:
        yield
    except BaseException:
        for value, copy in fitted.values():
            value[...] = copy  # partial_fit changes coefficients in place
        vars(estimator).clear()
        vars(estimator).update(attributes)
        if random_state is not None:
            random.set_state(random_state)
        raise
