"""The cost model of solver="auto", held to what benchmarks/cost_model.py measured on an AMD EPYC (30 GB/s a core)."""

import csv
from pathlib import Path

import numpy as np
import pytest

import gdfast
from gdfast.data.problem import Dimensions
from gdfast.options.declarations import DEFAULTS
from gdfast.solvers.plan import make_plan, read_options
from gdfast.solvers.select import SOLVERS, choose_solver

WORST = 1.3  # times the fastest solver's time
KINDS = {
    "squared_error": {},
    "momentum": {"optimizer": "momentum"},
    "schedule": {"learning_rate": gdfast.InverseTime(0.001, 1e-3)},
    "log_loss": {"loss": "log_loss"},
    "log_loss l2": {"loss": "log_loss", "penalty": "l2", "alpha": 0.1},
}


def chosen(n, d, epochs, bandwidth, **options):
    """Return the name of the solver that is chosen."""
    data = Dimensions(n, d, 1, np.dtype(np.float64), False, False)
    given = DEFAULTS | {"learning_rate": 0.001, "epochs": epochs} | options
    return choose_solver(data, make_plan(data, read_options(given), "cython"), bandwidth).name


def rows():
    """Yield the measured rows: kind, shape and epochs, and the milliseconds of each solver."""
    with (Path(__file__).parent / "cost_model.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            times = {name: float(row[name]) for name in SOLVERS if row[name]}
            yield row["kind"], int(row["n"]), int(row["d"]), int(row["epochs"]), times


@pytest.mark.parametrize("bandwidth", [2e10, 3e10])
def test_the_chosen_solver_is_no_slower_than_the_fastest_one(bandwidth):
    slow = []
    for kind, n, d, epochs, times in rows():
        name = chosen(n, d, epochs, bandwidth, **KINDS[kind])
        if times[name] > WORST * min(times.values()):
            slow.append((kind, n, d, epochs, name, times))
    assert not slow


@pytest.mark.parametrize("kind", KINDS)
def test_the_slower_memory_is_the_fewer_epochs_the_loop_is_chosen_for(kind):
    """X comes from memory in each epoch of the loop, and once or seldom for the others."""
    loops = []
    for bandwidth in (2e9, 1e10, 3e10, 1e11):
        counts = [2**i for i in range(22) if chosen(10**6, 20, 2**i, bandwidth, **KINDS[kind]) == "loop"]
        assert counts == [2**i for i in range(len(counts))]  # few epochs alone
        loops.append(len(counts))
    assert loops == sorted(loops)
    assert 0 < loops[0] < 21


def test_a_cached_problem_does_not_ask_how_fast_memory_is():
    for epochs in (1, 100, 10**4, 10**6):
        assert len({chosen(1000, 20, epochs, bandwidth) for bandwidth in (1e9, 1e10, 1e11)}) == 1
