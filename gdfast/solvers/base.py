"""The Solver protocol: what a solver needs, what it costs, its result as data, and resuming from that."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gdfast.data.problem import Dimensions, Problem
from gdfast.options.declarations import known_by_others
from gdfast.results.history import HistorySource
from gdfast.results.run import Point, Run
from gdfast.results.stop_reason import StopReason
from gdfast.solvers.monitoring.monitor import Monitor
from gdfast.solvers.plan import Plan

__all__ = ["BANDWIDTH", "IN_MEMORY", "ROWS", "KnownPath", "Need", "Parameters", "Result", "Solver", "needs_of_options"]

BANDWIDTH = 2e10  # bytes a second that one thread reads from memory: servers have from 10 to 35 GB/s a core
Parameters = tuple[NDArray[Any], NDArray[np.float64]]  # coefficients (k, d) and intercepts (k,)


class Need(NamedTuple):
    """What a solver needs of a plan and of the data, in the words of its error."""

    text: str
    holds: Callable[[Dimensions, Plan], bool]


ROWS = Need("the rows of X and y, not a Summary of them", lambda data, plan: not data.summarised)
IN_MEMORY = Need("the rows of X and y in memory, not a Summary or blocks of them", lambda data, plan: not data.stand_in)


def needs_of_options(solver: str) -> tuple[Need, ...]:
    """Return what a solver needs of the options that others know and it does not: each at its default."""
    return tuple(need_of_default(name, default) for name, default in known_by_others(solver).items())


def need_of_default(name: str, default: Any) -> Need:
    """Return the need of an option at its default."""
    return Need(f"{name}={default!r}", lambda data, plan: name not in plan.given)


class Result(NamedTuple):
    """What a solver knows of a Run when its training ends."""

    estimate: Parameters  # what coef and intercept are
    iterate: Parameters
    cost: float | None  # J at the iterate, None where it takes a pass over the data
    epochs: int
    steps: int
    seconds: float
    stop_reason: StopReason
    diverged_at: int | None
    best_epoch: int | None
    history: HistorySource | None
    state: dict[str, Any]  # numbers, arrays, and lists and dicts of them: what `resumed` starts from
    failure: OSError | None = None  # of a disk, which ended the training


class KnownPath(Protocol):
    """What a solver that knows all epochs can say before training: whether the costs grow, and until when."""

    @property
    def curvatures(self) -> NDArray[np.float64]:
        """The curvatures of J, largest first."""

    @property
    def grows(self) -> bool:
        """Whether the costs grow without end."""

    def finite(self, epoch: int) -> bool:
        """Tell whether the cost and every coefficient after an epoch are finite."""

    def diverged_epoch(self, epochs: int) -> int | None:
        """Return the first epoch, up to the last, that is not finite."""


class KnownEpoch(Protocol):
    """Tells where a Run was after an epoch."""

    def at(self, epoch: int) -> Point | None:
        """Return coef, intercept and cost after an epoch, None where they are not known."""


class Solver(Protocol):
    """The training of one problem by one plan.

    A solver is one class in one file or folder, and one line of SOLVERS in gdfast/solvers/select.py.

    Parameters
    ----------
    problem : Problem
        The data.
    plan : Plan
        The options as numbers.
    """

    name: ClassVar[str]  # of `solver=`
    needs: ClassVar[tuple[Need, ...]]
    plan: Plan
    data: Dimensions
    path: KnownPath | None  # of all epochs, where it is known before training

    def __init__(self, problem: Problem, plan: Plan) -> None: ...

    @classmethod
    def seconds(cls, data: Dimensions, plan: Plan, bandwidth: float = BANDWIDTH) -> float:
        """Return about how long training takes, for solver="auto", where memory has so many bytes a second."""

    @classmethod
    def without_data(cls, run: Run) -> Dimensions | None:
        """Return the dimensions of a Run that can be resumed without its data, None where it cannot."""

    @classmethod
    def resumed(cls, run: Run, problem: Problem | None, plan: Plan) -> Self:
        """Return the solver at the end of a Run; problem is None where it is resumed without its data."""

    @classmethod
    def known_path(cls, run: Run) -> KnownEpoch | None:
        """Return what tells where a Run was after an epoch, None where that takes the solver at its end."""
        return None

    @classmethod
    def shares(cls, problem: Problem, plan: Plan) -> Hashable:
        """Return what trainings that can share passes over the rows have in common, None for one that cannot."""
        return None

    @classmethod
    def run_together(cls, solvers: Sequence[Self], monitors: Sequence[Monitor]) -> list[Exception | None]:
        """Train solvers for which `shares` is the same; return for each why it could not be trained, or None."""
        raise NotImplementedError("trainings of this solver share nothing")

    @classmethod
    def end_state(cls, run: Run) -> dict[str, Any]:
        """Return the loop's State at the end of a Run in memory as a snapshot: training on other rows takes it over."""

    def run(self, monitor: Monitor) -> None:
        """Train up to epoch plan.epochs, or to an end before it."""

    def result(self) -> Result:
        """Return what is known after the last epoch done."""

    def last_rate(self) -> float:
        """Return the learning rate of the last update."""

    def objective(self, W: NDArray[Any], b: NDArray[np.float64]) -> float:
        """Return J at coefficients (k, d) and intercepts (k,)."""

    def at(self, epoch: int) -> Point | None:
        """Return coef, intercept and cost after any epoch, None where the solver knows the last one alone."""
