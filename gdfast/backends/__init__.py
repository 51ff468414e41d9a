"""The backends: the same few kernels under the same names, compiled (cython, numba) or vectorised (numpy).

Each backend is a module with a class `Kernels` (gdfast/backends/protocol.py), made for one problem and one model,
whose methods do arithmetic only: many updates a call, the state changed in place, no printing, no callbacks. The
specification is gdfast/backends/numpy.py: the others are tested against it.
"""

import functools
import os
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from gdfast._utils.arguments import choice

__all__ = ["BACKENDS", "available", "choose", "load"]


class Backend(NamedTuple):
    """What a backend can run, and what to do where it is missing."""

    remedy: str = "reinstall gdfast"
    custom_losses: bool = True  # whether it runs losses that it was not built with
    coupled_losses: bool = True  # whether it takes the outputs of a row together
    scikit_learn: bool = False  # whether it has kernels of its own for scikit-learn's SGD


# In the order in which "auto" takes them.
BACKENDS = {
    "cython": Backend(
        "install a C compiler and reinstall gdfast (without -Csetup-args=-Dcore=disabled)",
        custom_losses=False,
        scikit_learn=True,
    ),
    "numba": Backend('pip install "gdfast[numba]"', coupled_losses=False),
    "numpy": Backend(),
}


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
    TypeError, ValueError
        If the name is not known.
    ImportError
        If the backend is not available.

    Examples
    --------
    >>> from gdfast.backends import load
    >>> load("numpy").__name__
    'gdfast.backends.numpy'
    """
    return imported(choice("name", name, BACKENDS))


@functools.cache
def imported(name: str) -> ModuleType:
    """Return the module of a backend."""
    return import_module(f"gdfast.backends.{name}")


@functools.cache
def why_unavailable(name: str) -> str | None:
    """Return None if the backend can be imported, else the reason and the remedy."""
    try:
        load(name)
    except ImportError as error:
        return f"{error}; to install it: {BACKENDS[name].remedy}"
    except Warning as warning:  # where warnings are errors, as one that an extension turns the GIL on
        return f"importing it warns, and warnings are errors here: {warning}"
    return None


def first_available() -> str:
    """Return the first backend that is available."""
    return next(name for name in BACKENDS if why_unavailable(name) is None)


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
    return {name: why_unavailable(name) for name in BACKENDS}


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
    if isinstance(backend, str) and backend == "auto":
        source, backend = "GDFAST_BACKEND", os.environ.get("GDFAST_BACKEND") or "auto"
        if backend == "auto":
            return first_available()
    name = choice(source, backend, ("auto", *BACKENDS))
    if name == "auto":
        return first_available()
    reason = why_unavailable(name)
    if reason is not None:
        others = ", ".join(other for other in BACKENDS if why_unavailable(other) is None)
        raise ImportError(f"{source}={name!r} is not available: {reason}. Available backends: {others}")
    return name
