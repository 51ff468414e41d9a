"""The warning and the error for training that leaves the finite numbers."""

from typing import Any

__all__ = ["DivergenceError", "DivergenceWarning", "StabilityWarning"]


class StabilityWarning(UserWarning):
    """Warning, before training, that full batch on squared_error will diverge at this constant rate.

    The message names the rate, the largest stable rate, and the epoch at which the costs overflow. With
    ``on_divergence="backtrack"`` it comes only where they do not overflow within the epochs asked for.

    Examples
    --------
    >>> import warnings, gdfast
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     run = gdfast.fit([[1.0], [2.0]], [1.0, 2.0], learning_rate=1.0, epochs=3)
    >>> [warning.category.__name__ for warning in caught]
    ['StabilityWarning']
    """


class DivergenceWarning(RuntimeWarning):
    """Warning that training diverged and its last finite state is returned, or that the cost is growing.

    The cost is growing if it ends, finite, above 1,000 times J at the start. The message names the epoch or step, the
    learning rate, and what to try.

    Examples
    --------
    >>> import warnings, gdfast
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     low = gdfast.minimize(lambda t: t * t, 1.0, learning_rate=1e200, steps=9)
    >>> caught[0].category.__name__, low.stop_reason == "diverged"
    ('DivergenceWarning', True)
    """


class DivergenceError(ArithmeticError):
    """Error that training diverged, raised with ``on_divergence="raise"``.

    Parameters
    ----------
    message : str
        Names the epoch or step, the learning rate, and what to try.
    run : object, optional
        The result with the last finite state, which would have been returned instead of raising.

    Attributes
    ----------
    run : object
        The parameter `run`.

    Examples
    --------
    >>> from gdfast import DivergenceError
    >>> try:
    ...     raise DivergenceError("diverged at epoch 3", run="the last finite state")
    ... except DivergenceError as error:
    ...     error.run
    'the last finite state'
    """

    run: Any

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run
