"""The backends: the same few kernels under the same names, compiled (cython, numba) or vectorised (numpy).

Each backend is a module with a class `Kernels`, made for one Problem and one Model, whose methods do
arithmetic only: many updates a call, the State changed in place, no printing, no callbacks. They are
described at the class in gdfast/backends/numpy.py, which is the specification: the others are tested
against it.
"""

import functools
import os
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gdfast._arguments import choice
from gdfast.data.problem import Problem
from gdfast.options.model import Model
from gdfast.state import State, Updates

__all__ = ["BACKENDS", "KernelSet", "available", "choose", "load"]

# In the order in which "auto" takes them.
BACKENDS = ("cython", "numba", "numpy")
REMEDIES = {
    "cython": "install a C compiler and reinstall gdfast (without -Csetup-args=-Dcore=disabled)",
    "numba": 'pip install "gdfast[numba]"',
}


class KernelSet(Protocol):
    """The methods that the Kernels of every backend have.

    gdfast/backends/numpy.py is their specification.

    Parameters
    ----------
    problem : Problem
        The data.
    model : Model
        The objective and the update rule.
    by_columns : bool, default True
        Whether a compiled backend may read X by columns where it has few features.
    n_threads : int, default 1
        Number of threads, at least 1. Only the compiled core has more than one.

    Examples
    --------
    >>> from gdfast.backends import KernelSet, load
    >>> methods = [name for name in vars(KernelSet) if not name.startswith("_")]
    >>> all(hasattr(load("numpy").Kernels, name) for name in methods)
    True
    """

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None: ...

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs, changing the state in place.

        Parameters
        ----------
        state : State
            The iterate and what the update rule keeps.
        rates : ndarray, shape (epochs,)
            The learning rate of each epoch.
        objective : bool
            Whether the costs are J with the penalty, else the mean loss.
        costs : ndarray, shape (epochs,)
            Receives the cost at the start of each epoch.

        Returns
        -------
        int
            Number of epochs done, or ~e where e epochs are good and the next one is not finite.
        """

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty; the gradient of the sum is left in G.

        Parameters
        ----------
        W : ndarray, shape (n_outputs, n_features)
            The coefficients.
        b : ndarray, shape (n_outputs,)
            The intercepts.

        Returns
        -------
        losses : float
            The sum of s_i loss_i over all rows.
        penalty : float
            The penalty alpha R(W).
        """

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J, equal to the bit to the cost that an epoch computes.

        Parameters
        ----------
        W : ndarray, shape (n_outputs, n_features)
            The coefficients.
        b : ndarray, shape (n_outputs,)
            The intercepts.
        gradient : bool
            Whether to leave the gradient in G, as `sums_at` does.

        Returns
        -------
        float
            The objective J.
        """

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates, changing the state in place.

        Parameters
        ----------
        state : State
            The iterate, what the update rule keeps, and the place in the sample order.
        updates : Updates
            How many updates to run, at which rates, and where to write the costs.

        Returns
        -------
        int
            Number of updates done, or ~e where e epochs of this call are good and the next one is not finite.
        """

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of how many updates a call of `stochastic` may end within an epoch.

        Parameters
        ----------
        batch_size : int
            Number of rows of a batch.

        Returns
        -------
        int
            Number of updates, at least 1.
        """


@functools.cache
def load(name: str) -> ModuleType:
    """Import a backend.

    Parameters
    ----------
    name : {"cython", "numba", "numpy"}
        The backend.

    Returns
    -------
    module
        The module, with a class `Kernels`.

    Raises
    ------
    ImportError
        If the backend is not available.

    Examples
    --------
    >>> from gdfast.backends import load
    >>> load("numpy").__name__
    'gdfast.backends.numpy'
    """
    return import_module(f"gdfast.backends.{name}")


@functools.cache
def why_missing(name: str) -> str | None:
    """Return None if the backend can be imported, else the reason and the remedy."""
    try:
        load(name)
    except ImportError as error:
        return f"{error}; to have it: {REMEDIES.get(name, 'reinstall gdfast')}"
    return None


def available() -> dict[str, str | None]:
    """Return which backends are available.

    Returns
    -------
    dict of str to str or None
        For each backend None if it is available, else the reason why it is not and what to install.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.backends.available()["numpy"] is None
    True
    """
    return {name: why_missing(name) for name in BACKENDS}


def choose(backend: Any = "auto") -> str:
    """Return the name of the backend to use.

    Parameters
    ----------
    backend : {"auto", "cython", "numba", "numpy"}, default "auto"
        The backend. "auto" is the one that the environment variable GDFAST_BACKEND names, else the first
        available one in the order cython, numba, numpy.

    Returns
    -------
    str
        "cython", "numba" or "numpy".

    Raises
    ------
    TypeError, ValueError
        If the name is not known.
    ImportError
        If the backend named is not available; the message says why and what to install.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.backends.choose("numpy")
    'numpy'
    """
    source = "backend"
    if isinstance(backend, str) and backend == "auto" and "GDFAST_BACKEND" in os.environ:
        source, backend = "GDFAST_BACKEND", os.environ["GDFAST_BACKEND"] or "auto"
    name = choice(source, backend, ("auto", *BACKENDS))
    if name == "auto":
        return next(other for other in BACKENDS if why_missing(other) is None)
    reason = why_missing(name)
    if reason is not None:
        there = ", ".join(other for other in BACKENDS if why_missing(other) is None)
        raise ImportError(f"{source}={name!r} is missing: {reason}. There are: {there}")
    return name
