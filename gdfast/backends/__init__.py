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
    """What every backend's Kernels can do; see gdfast/backends/numpy.py."""

    def __init__(self, problem: Problem, model: Model, by_columns: bool = True, n_threads: int = 1) -> None: ...

    def batch(self, state: State, rates: NDArray[np.float64], objective: bool, costs: NDArray[np.float64]) -> int:
        """Run full-batch epochs."""

    def sums_at(self, W: NDArray[Any], b: NDArray[np.float64]) -> tuple[float, float]:
        """Return the sum of s_i loss_i and the penalty; its gradient is in G."""

    def cost_at(self, W: NDArray[Any], b: NDArray[np.float64], gradient: bool) -> float:
        """Return J, to the bit as an epoch finds it."""

    def stochastic(self, state: State, updates: Updates) -> int:
        """Run mini-batch or SGD updates."""

    def settle_interval(self, batch_size: int) -> int:
        """Return at which multiples of so many updates a call of `stochastic` may end within an epoch."""


@functools.cache
def load(name: str) -> ModuleType:
    """Import a backend."""
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
    """Return each backend's name with None, or the reason why it is missing and what to install.

    Examples
    --------
    >>> import gdfast
    >>> gdfast.backends.available()["numpy"] is None
    True
    """
    return {name: why_missing(name) for name in BACKENDS}


def choose(backend: Any = "auto") -> str:
    """Return the backend to use: the one named, else the one in GDFAST_BACKEND, else the first that is there.

    Raises
    ------
    ValueError
        If the name is not known.
    ImportError
        If the backend named is missing; the message says why and what to install.
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
