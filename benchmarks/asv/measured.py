"""What the suites share: the measures of a fit, the sizes, and what is skipped."""

import os
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any

import gdfast

# Set by the test, which runs everything once.
SMALL = bool(os.environ.get("GDFAST_SMALL_BENCHMARKS"))


def scaled(full: Any, small: Any) -> Any:
    """Return the size to measure, or that for a test."""
    return small if SMALL else full


def skip_missing(backend: str) -> None:
    """Raise NotImplementedError, asv's sign to skip, where a backend is missing."""
    reason = gdfast.backends.available().get(backend, "unknown at this commit")
    if reason is not None:
        raise NotImplementedError(reason)


def imported(name: str) -> Any:
    """Import a module that a commit or a machine may lack, or skip."""
    try:
        return import_module(name)
    except ImportError as error:
        raise NotImplementedError(str(error)) from error


class Measured(ABC):
    """The seconds and the memory of a fit; abstract, so that asv does not take it for a suite."""

    timeout = 300.0  # for Numba, which compiles in every process, and for the loop in NumPy

    @abstractmethod
    def fit(self, *parameters: Any) -> Any:
        """Train, with all that a user would ask for."""

    def time_fit(self, *parameters: Any) -> None:
        """Time a fit."""
        self.fit(*parameters)

    def peakmem_fit(self, *parameters: Any) -> None:
        """Measure the memory of a fit, data included."""
        self.fit(*parameters)


class MeasuredRun(Measured):
    """The same of a fit that returns a Run, and its final cost."""

    def track_cost(self, *parameters: Any) -> float:
        """Return J at the end."""
        return float(self.fit(*parameters).cost)

    track_cost.unit = "J"


def with_costs(run: gdfast.Run) -> gdfast.Run:
    """Return a Run whose costs are made, which is part of the work."""
    _ = run.costs
    return run
