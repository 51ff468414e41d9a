"""SGD at 16 learning rates: side by side, one after another, and scikit-learn's SGDRegressor; one thread, in turn.

    python benchmarks/side_by_side.py [--rounds 5] [--epochs 2]

Best of several rounds. That all do the same work is checked: our own calls have equal costs, and the errors that
scikit-learn's fits leave, which take the rows in another order, are near ours.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import time

import numpy as np

from gdfast.backends import load
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State
from gdfast.data.problem import make_problem
from gdfast.options.model import Model

SHAPES = ((100_000, 10), (20_000, 32), (100_000, 100))
ALPHA = 1e-4


class Calls:
    """The same epochs at the same rates, three ways; each returns the seconds that it took."""

    def __init__(self, n: int, d: int, count: int, epochs: int, alpha: float) -> None:
        rng = np.random.default_rng(0)
        self.X, self.epochs, self.alpha = rng.normal(size=(n, d)), epochs, alpha
        self.y = self.X @ rng.normal(size=d) + rng.normal(size=n)
        self.rates = np.geomspace(1e-3, 2e-2, count) / d
        problem = make_problem(self.X, self.y, "squared_error", None, 0.0)
        self.models = [Model("squared_error", 0.0, alpha, 0.0, True, "gd", 0.0)] * count
        self.kernels = load("cython").Kernels(problem, self.models[0])
        self.problem = problem
        self.costs = {"together": np.empty((count, epochs)), "alone": np.empty((count, epochs))}
        self.coefs = np.empty((2, count, d))

    def prepared(self, way: str) -> tuple[list[State], list[Updates]]:
        """Return the start of each configuration, and its updates."""
        start, steps = np.zeros((1, self.X.shape[1])), self.epochs * len(self.X)
        states = [State(self.problem, model, start, np.zeros(1), batch_size=1) for model in self.models]
        updates = [
            Updates(steps, np.full(self.epochs, rate), False, np.zeros(0, bool), costs)
            for rate, costs in zip(self.rates, self.costs[way], strict=True)
        ]
        return states, updates

    def together(self) -> float:
        """Run all of them side by side."""
        states, updates = self.prepared("together")
        assert self.kernels.can_run_together(states)
        started = time.perf_counter()
        self.kernels.stochastic_together(states, updates)
        seconds = time.perf_counter() - started
        self.coefs[0] = [state.W[0] for state in states]
        return seconds

    def alone(self) -> float:
        """Run one after another."""
        states, updates = self.prepared("alone")
        started = time.perf_counter()
        for state, update in zip(states, updates, strict=True):
            self.kernels.stochastic(state, update)
        return time.perf_counter() - started

    def scikit_learn(self) -> float:
        """Fit an SGDRegressor for each."""
        from sklearn.linear_model import SGDRegressor

        options = {
            "learning_rate": "constant",
            "max_iter": self.epochs,
            "tol": None,
            "shuffle": True,
            "random_state": 0,
        }
        options |= {"penalty": "l2", "alpha": self.alpha} if self.alpha else {"penalty": None}
        estimators = [SGDRegressor(eta0=rate, **options) for rate in self.rates]
        started = time.perf_counter()
        for estimator in estimators:
            estimator.fit(self.X, self.y)
        seconds = time.perf_counter() - started
        self.coefs[1] = [estimator.coef_ for estimator in estimators]
        return seconds

    def check(self) -> None:
        """Raise AssertionError unless all have done the same."""
        np.testing.assert_allclose(self.costs["together"], self.costs["alone"], rtol=1e-12)
        ours, theirs = (np.var(self.y[:, None] - self.X @ coefs.T, axis=0) for coefs in self.coefs)
        np.testing.assert_allclose(ours, theirs, rtol=0.1)


def compare(n: int, d: int, alpha: float, rounds: int, epochs: int, count: int = 16) -> dict[str, float]:
    """Print a row, and return the seconds of each way."""
    calls = Calls(n, d, count, epochs, alpha)
    best = dict.fromkeys(("together", "alone", "scikit_learn"), np.inf)
    for _ in range(rounds):
        for name in best:
            best[name] = min(best[name], getattr(calls, name)())
    calls.check()
    each = {name: 1e9 * seconds / (n * epochs * count) for name, seconds in best.items()}
    print(
        f"{n:>9,} x {d:<4} alpha {alpha:<7g}{each['together']:>10.2f}{each['alone']:>10.1f}"
        f"{each['scikit_learn']:>14.1f}{each['alone'] / each['together']:>12.1f}"
        f"{each['scikit_learn'] / each['together']:>14.1f}"
    )
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    print("ns a sample and configuration, and times faster than ...")
    print(f"{'':<33}{'together':>10}{'alone':>10}{'scikit-learn':>14}{'than alone':>12}{'than sklearn':>14}")
    for n, d in SHAPES:
        for alpha in (0.0, ALPHA):
            compare(n, d, alpha, options.rounds, options.epochs)


if __name__ == "__main__":
    main()
