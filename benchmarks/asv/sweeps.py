"""Sweeps, and collocation: many configurations in shared passes, and many epochs of a smooth loss."""

from typing import Any

import numpy as np

import gdfast

from .measured import Measured, MeasuredRun, imported, scaled, with_costs

EPOCHS = scaled(200_000, 200)
RATES = np.geomspace(1e-6, 6e-5, 64).tolist()


def linear(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return X, standard normal, and targets with noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


class Sweep(Measured):
    """Every cost of each configuration."""

    param_names = ("work",)
    params = (("64 rates of tutorial A", "16 rates of SGD", "16 rates of batch log loss", "5 folds of ridge"),)

    def setup(self, work: str) -> None:
        """Make the data and the grid."""
        if not hasattr(gdfast, "sweep"):
            raise NotImplementedError("no sweeps at this commit")
        rates = np.geomspace(1e-4, 1e-3, 16).tolist()
        if work == "64 rates of tutorial A":
            X = np.arange(1.0, 301.0)[:, None]
            self.data = X, 0.5 * X[:, 0] + 2.0
            self.grid: dict[str, Any] = {"learning_rate": RATES, "epochs": EPOCHS, "solver": "closed_form"}
        elif work == "16 rates of SGD":
            self.data = linear(scaled(20_000, 200), 32)
            self.grid = {"learning_rate": rates, "batch_size": 1, "epochs": 5, "seed": 0}
        elif work == "16 rates of batch log loss":
            X, z = linear(scaled(20_000, 200), 50)
            self.data = X, (z > 0).astype(int)
            self.grid = {"learning_rate": rates, "loss": "log_loss", "epochs": 20, "solver": "loop"}
        else:
            self.data = linear(scaled(50_000, 200), 50)
            alphas = np.geomspace(1e-4, 1.0, 20).tolist()
            self.grid = {"alpha": alphas, "penalty": "l2", "learning_rate": 0.1, "epochs": 10_000, "folds": 5}

    def fit(self, work: str) -> Any:
        """Sweep."""
        return gdfast.sweep(*self.data, **self.grid).costs


class Search(Measured):
    """The search of GDRegressor's rate."""

    def setup(self) -> None:
        """Make the data and the search."""
        self.data, estimators = linear(scaled(20_000, 200), 32), imported("gdfast.sklearn")
        if not hasattr(estimators, "GridSearchCV"):
            raise NotImplementedError("no search at this commit")
        model = estimators.GDRegressor(batch_size=1, epochs=5, random_state=0)
        rates = np.geomspace(1e-4, 1e-3, 16).tolist()
        self.search = estimators.GridSearchCV(model, {"learning_rate": rates}, cv=5, refit=False)

    def fit(self) -> Any:
        """Fit each candidate on each fold."""
        return self.search.fit(*self.data)


class Collocation(MeasuredRun):
    """Full-batch epochs of log loss."""

    param_names = ("rows", "features")
    params = ((300, scaled(20_000, 400)), (2, 10))

    def setup(self, rows: int, features: int) -> None:
        """Make the data."""
        X, z = linear(rows, features)
        self.data = X, (z > 0).astype(int)

    def fit(self, rows: int, features: int) -> gdfast.Run:
        """Train by what "auto" takes."""
        return with_costs(gdfast.fit(*self.data, loss="log_loss", learning_rate=0.5, epochs=EPOCHS))
