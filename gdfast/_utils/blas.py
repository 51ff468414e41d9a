"""The number of threads of the BLAS that NumPy calls: its last bits depend on it."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["one_blas_thread"]


@functools.cache
def controller() -> Any:
    """Return threadpoolctl's controller of the BLAS, None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within it the BLAS has one thread in this process, as on a worker of a cluster, if threadpoolctl is there."""
    if controller() is None:
        yield
        return
    with controller().limit(limits=1):
        yield
