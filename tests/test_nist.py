"""NIST's linear regressions (StRD): certified values, by the closed form at so many epochs that descent has ended.

Each value is held against the exact solution of the data, by fractions, and that against NIST's fifteen digits.
"""

import csv
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import gdfast

DATA = Path(__file__).parent / "nist"
# The degree of the polynomial in x, the digits that all coefficients must have, and NIST's values, the intercept first.
CERTIFIED = {
    "norris": (1, 11.5, [-0.262323073774029, 1.00211681802045]),
    "pontius": (2, 11.0, [0.673565789473684e-3, 0.732059160401003e-6, -0.316081871345029e-14]),
    "longley": (
        1,
        10.3,
        [
            -3482258.63459582,
            15.0618722713733,
            -0.358191792925910e-1,
            -2.02022980381683,
            -1.03322686717359,
            -0.511041056535807e-1,
            1829.15146461355,
        ],
    ),
    "noint1": (1, 14.5, [2.07438016528926]),
    "noint2": (1, 14.5, [0.727272727272727]),
    "wampler1": (5, 8.5, [1.0] * 6),
    "wampler2": (5, 11.0, [1.0, 0.1, 0.01, 0.001, 0.0001, 0.00001]),
    "wampler3": (5, 8.5, [1.0] * 6),
    "wampler4": (5, 7.0, [1.0] * 6),
    "wampler5": (5, 5.0, [1.0] * 6),
}


def read(name):
    """Return X, with powers of its column, and y as fractions."""
    with open(DATA / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = [[Fraction(text) for text in row] for row in list(csv.reader(file))[1:]]
    degree = CERTIFIED[name][0]
    X = [[x**power for power in range(1, degree + 1) for x in row[1:]] for row in rows]
    return X, [row[0] for row in rows]


def solution(A, y):
    """Return the least-squares solution by the normal equations, without rounding."""
    columns = list(zip(*A, strict=True))
    system = [[sum(a * b for a, b in zip(one, other, strict=True)) for other in (*columns, y)] for one in columns]
    for i in range(len(system)):
        system[i] = [value / system[i][i] for value in system[i]]
        for k in range(len(system)):
            if k != i:
                system[k] = [a - system[k][i] * b for a, b in zip(system[k], system[i], strict=True)]
    return [row[-1] for row in system]


def digits(value, exact):
    """Return how many digits of a value are right."""
    error = abs(Fraction(float(value)) - exact) / abs(exact)
    return -math.log10(max(float(error), 1e-16))


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_values(name, backend):
    if gdfast.backends.available()[backend] is not None:
        pytest.skip("not available")
    _, least, certified = CERTIFIED[name]
    X, y = read(name)
    intercept = not name.startswith("noint")
    exact = solution([[Fraction(1)] * intercept + row for row in X], y)
    assert min(digits(value, expected) for value, expected in zip(certified, exact, strict=True)) > 14
    run = gdfast.fit(
        np.array(X, dtype=float), np.array(y, dtype=float), epochs=2**52, solver="closed_form", history="none",
        fit_intercept=intercept, standardize=intercept, backend=backend,
    )  # fmt: skip
    found = [run.intercept] * intercept + run.coef.tolist()
    assert min(digits(value, expected) for value, expected in zip(found, exact, strict=True)) > least
