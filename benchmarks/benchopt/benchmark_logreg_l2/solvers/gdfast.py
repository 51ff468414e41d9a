"""gdfast for benchopt's benchmark_logreg_l2: copy this file into its folder `solvers`."""

from typing import Any, ClassVar

import numpy as np
from benchopt import BaseSolver

import gdfast


class Solver(BaseSolver):
    """Gradient descent on sum log(1 + exp(-y (x w + b))), y being -1 or 1, + lmbd |w|^2 / 2."""

    name = "gdfast"
    requirements: ClassVar[list[str]] = []  # gdfast is installed from its tree, beforehand
    sampling_strategy = "iteration"
    # Momentum makes the steps of small batches, at the rate that suits single ones, too long.
    parameters: ClassVar[dict[str, list[Any]]] = {
        "batch_size, optimizer": [(None, "gd"), (None, "nesterov"), (32, "gd"), (1, "gd")]
    }

    batch_size: int | None
    optimizer: str

    def set_objective(self, X: Any, y: Any, lmbd: float, fit_intercept: bool = False) -> None:
        """Take the data; the objective is n times gdfast's, and so is lmbd."""
        self.X, self.y, self.fit_intercept = X, y, fit_intercept
        penalty = {"penalty": "l2", "alpha": lmbd / X.shape[0]} if lmbd else {}
        shared = {"loss": "log_loss", "fit_intercept": fit_intercept, "history": "none", "seed": 0}
        self.options = {"batch_size": self.batch_size, "optimizer": self.optimizer, **shared, **penalty}

    def run(self, n_iter: int) -> None:
        """Train for so many epochs from zero."""
        if n_iter == 0:
            self.beta = np.zeros(self.X.shape[1] + self.fit_intercept)
            return
        run = gdfast.fit(self.X, self.y, epochs=n_iter, **self.options)
        self.beta = np.append(run.coef, run.intercept) if self.fit_intercept else run.coef

    def get_result(self) -> dict[str, Any]:
        """Return the coefficients, the intercept last where there is one."""
        return {"beta": self.beta}
