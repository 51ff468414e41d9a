"""What a run was computed with: versions and the platform."""

import functools
import platform
from importlib import metadata

import numpy as np

__all__ = ["environment"]


@functools.cache
def environment() -> dict[str, str]:
    """Return the versions and the platform of this process."""
    return {
        "gdfast": version(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def version() -> str:
    """Return gdfast's version, also of a source tree that is not installed."""
    try:
        return metadata.version("gdfast")
    except metadata.PackageNotFoundError:
        return "not installed"
