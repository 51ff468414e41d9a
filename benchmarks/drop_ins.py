"""Compare the drop-ins with scikit-learn's SGD estimators on random combinations of parameters and data.

python benchmarks/drop_ins.py [--combinations 2000] [--seed 0]

It counts the combinations whose coefficients agree within 1e-8 of the largest one, `n_iter_` and `t_` exactly, and
those in which scikit-learn's own result moves when the last bits of X change or its columns change places. Exit code 1:
some differ in which it does not.
"""

import argparse
import sys
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn import datasets, linear_model

import gdfast.sklearn

BUNDLED = (datasets.load_iris, datasets.load_breast_cancer, datasets.load_wine, datasets.load_digits)
SCHEDULES = ("constant", "optimal", "invscaling", "adaptive")
PASSIVE_AGGRESSIVE = {"SGDClassifier": "hinge", "SGDRegressor": "epsilon_insensitive"}  # the loss of pa1 and pa2
TOLERANCE = 1e-8
MOVED = 1e-9  # scikit-learn's result, relative to its largest coefficient
EPS = 2.0**-52


class Combination(NamedTuple):
    """An estimator's name, its parameters and data, and whether partial_fit follows fit."""

    name: str
    options: dict[str, Any]
    X: Any
    y: Any
    weights: Any
    partial_fit: bool


class Fitted(NamedTuple):
    """Coefficients and intercepts in one array, n_iter_ and t_."""

    coef: np.ndarray
    n_iter: int
    t: float


def draw_data(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return X, standardised, a target and labels of two or more classes."""
    which = rng.integers(6)
    if which < 4:
        X, y = BUNDLED[which](return_X_y=True)
        rows = rng.permutation(len(X))[:250]
        X, labels = X[rows], y[rows]
        y = X[:, 1] + 0.3 * rng.normal(size=len(X))
    elif which == 4:
        X, y = datasets.load_diabetes(return_X_y=True)
        y = (y - y.mean()) / y.std()
        labels = np.digitize(y, [-0.5, 0.5])
    else:
        n, d = rng.integers(40, 300), rng.integers(1, 40)
        X = rng.normal(size=(n, d))
        y = X @ rng.normal(size=d) / np.sqrt(d) + 0.1 * rng.normal(size=n)
        labels = (y > 0).astype(int)
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), (y - y.mean()) / y.std(), labels


def draw(name: str, rng: np.random.Generator) -> Combination:
    """Return a combination for one estimator, half of them with early stopping and a third on CSR."""
    X, y, labels = draw_data(rng)
    options = {
        "max_iter": int(rng.integers(1, 31)), "random_state": int(rng.integers(2**31)),
        "shuffle": bool(rng.random() < 0.8), "fit_intercept": bool(rng.random() < 0.8),
        "eta0": float(rng.choice([0.001, 0.01, 0.05])), "power_t": float(rng.choice([0.25, 0.4, 0.5])),
        "average": [False, True, 40][rng.integers(3)], "tol": [None, 1e-3, 1e-2][rng.integers(3)],
    }  # fmt: skip
    schedules = list(SCHEDULES)
    weights = rng.uniform(0.0, 2.0, len(X)) if rng.random() < 0.4 else None
    if name == "SGDOneClassSVM":
        y = None
        options["nu"] = float(rng.uniform(0.05, 0.5))
    else:
        options["penalty"] = ["l2", "l1", "elasticnet", None][rng.integers(4)]
        options["alpha"] = float(10.0 ** rng.uniform(-5, 0))
        options["l1_ratio"] = float(rng.random())
        options["loss"] = str(rng.choice(list(getattr(linear_model, name).loss_functions)))
        options["early_stopping"] = bool(rng.random() < 0.5)
        options["validation_fraction"] = float(rng.uniform(0.1, 0.4))
        options["n_iter_no_change"] = int(rng.integers(1, 6))
        if options["loss"] == PASSIVE_AGGRESSIVE[name]:
            schedules += ["pa1", "pa2"]
    if name == "SGDClassifier":
        y = labels
        options["class_weight"] = [None, "balanced"][rng.integers(2)]
    options["learning_rate"] = str(rng.choice(schedules))
    if rng.random() < 0.35:
        X = sparse.csr_array(np.where(rng.random(X.shape) < 0.5, 0.0, X))
    partial_fit = rng.random() < 0.25 and options.get("class_weight") is None
    return Combination(name, options, X, y, weights, bool(partial_fit))


def fitted(module: Any, combination: Combination, X: Any, columns: Any = None) -> Fitted:
    """Fit an estimator of a module to X, and return its coefficients in the order of `columns`."""
    name, options, _, y, weights, partial_fit = combination
    model = getattr(module, name)(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, sample_weight=weights)
        if partial_fit:
            model.partial_fit(X, y, sample_weight=weights)
    intercept = model.offset_ if name == "SGDOneClassSVM" else model.intercept_
    coef = model.coef_ if columns is None else model.coef_[..., columns]
    return Fitted(np.append(coef, intercept), model.n_iter_, model.t_)


def agree(a: Fitted, b: Fitted, tolerance: float = TOLERANCE) -> bool:
    """Return whether coefficients agree relative to b's largest one, and the numbers of epochs and updates exactly."""
    distance = np.abs(a.coef - b.coef).max()
    return bool(distance <= tolerance * np.abs(b.coef).max()) and a[1:] == b[1:]


def moves(combination: Combination, theirs: Fitted) -> bool:
    """Return whether scikit-learn's own result changes with the last bit of X or the order of its columns."""
    X, d = combination.X, combination.X.shape[1]
    rng = np.random.default_rng(d)
    for factor in (1 + 4 * EPS, 1 - 12 * EPS, 1 + 28 * EPS):
        if not agree(fitted(linear_model, combination, X * factor), theirs, MOVED):
            return True
    for order in (np.arange(d)[::-1], rng.permutation(d)):
        if not agree(fitted(linear_model, combination, X[:, order], np.argsort(order)), theirs, MOVED):
            return True
    return False


def compared(combination: Combination) -> tuple[bool, bool]:
    """Return whether both agree, and whether scikit-learn's own result moves."""
    theirs = fitted(linear_model, combination, combination.X)
    same = agree(fitted(gdfast.sklearn, combination, combination.X), theirs)
    return same, moves(combination, theirs)


def main() -> None:
    """Print the counts, and the combinations that differ though scikit-learn's result does not move."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--combinations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts: Counter[tuple[bool, bool]] = Counter()
    names = ["SGDRegressor", "SGDClassifier"] * 9 + ["SGDOneClassSVM"] * 2
    for number in range(options.combinations):
        combination = draw(names[number % len(names)], np.random.default_rng([number, options.seed]))
        result = compared(combination)
        counts[result] += 1
        if result == (False, False):
            print("differs:", number, combination.name, combination.options, type(combination.X).__name__)
    total = counts.total()
    moved = counts[True, True] + counts[False, True]
    print(f"{total} combinations: {counts[True, False] + counts[True, True]} agree within {TOLERANCE:g}")
    print(f"scikit-learn's own result moves in {moved} ({moved / total:.1%}), {counts[False, True]} of which differ")
    print(f"{counts[False, False]} differ in which it does not move")
    sys.exit(counts[False, False] > 0)


if __name__ == "__main__":
    main()
