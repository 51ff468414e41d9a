"""The libraries that compute QR: SciPy's LAPACK, which lets other threads run, and the threads of a BLAS."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["lapack_geqrf", "one_blas_thread"]


@functools.cache
def lapack_geqrf() -> Any:
    """Return SciPy's dgeqrf, None without SciPy."""
    try:
        from scipy.linalg.lapack import dgeqrf
    except ImportError:
        return None
    return dgeqrf


@functools.cache
def controller() -> Any:
    """Return threadpoolctl's controller of NumPy's and SciPy's BLAS, None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    lapack_geqrf()  # of the libraries that are loaded the controller knows those alone that were when it was made
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within it a BLAS has one thread in this process, as on a worker of a cluster, if threadpoolctl is there.

    The last bits of wide decompositions depend on it.
    """
    if controller() is None:
        yield
        return
    with controller().limit(limits=1):
        yield
