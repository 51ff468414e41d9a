"""The tutorials' work: 200,000 epochs of full batch, solved or walked, every cost recorded."""

from typing import Any

import numpy as np

import gdfast
from gdfast import compat
from gdfast.cli.park_data import TEMPERATURES, VISITORS

from .exact import error, full_batch
from .measured import Measured, MeasuredRun, scaled, skip_missing, with_costs

EPOCHS = scaled(200_000, 200)
MOMENTUM = 0.9
X_A = np.arange(1.0, 301.0)[:, None]
X_B = 10 * np.random.RandomState(10).rand(100, 5)
X_C = np.array(TEMPERATURES, float)[:, None]
# X, y and gdfast's rate; a tutorial with the gradient X'e / (2n) has a rate twice that, with 2X'e / n half of it.
DATA = {
    "A": (X_A, 0.5 * X_A[:, 0] + 2.0, 0.5e-4),
    "B": (X_B, 0.9 + X_B @ [2.2, 4, -4, 1, 2], 0.01),
    "C": (X_C, np.array(VISITORS, float), 2e-3),
}
UPDATES = ("constant", "decaying", "momentum")


def options(update: str, rate: float) -> dict[str, Any]:
    """Return fit's options for a kind of update."""
    if update == "decaying":
        return {"learning_rate": gdfast.InverseTime(rate, 1e-5)}
    return {"learning_rate": rate, "optimizer": gdfast.Momentum(MOMENTUM) if update == "momentum" else "gd"}


class FullBatch(MeasuredRun):
    """The three tutorials by the closed form and by the loop of each backend."""

    param_names = ("tutorial", "update", "solver")
    params = (tuple(DATA), UPDATES, ("closed_form", "cython", "numba", "numpy"))

    def setup_cache(self) -> dict[tuple[str, str], np.ndarray]:
        """Walk every path in 80-bit floats, once for all."""
        epochs, exact = np.arange(EPOCHS), {}
        for tutorial, (X, y, rate) in DATA.items():
            for update in UPDATES:
                rates = rate / (1.0 + 1e-5 * epochs) if update == "decaying" else np.full(EPOCHS, rate)
                exact[tutorial, update] = full_batch(X, y, rates, MOMENTUM if update == "momentum" else 0.0)
        return exact

    def setup(self, exact: Any, tutorial: str, update: str, solver: str) -> None:
        """Skip what takes long and tells little, and compile what is compiled at its first call."""
        if solver != "closed_form":
            skip_missing(solver)
        if (solver == "numba" and tutorial != "A") or (solver == "numpy" and (tutorial, update) != ("A", "constant")):
            raise NotImplementedError("one of its kind is enough")
        self.epochs = 10
        self.fit(exact, tutorial, update, solver)
        self.epochs = EPOCHS

    def fit(self, exact: Any, tutorial: str, update: str, solver: str) -> gdfast.Run:
        """Train."""
        X, y, rate = DATA[tutorial]
        chosen = {"solver": "closed_form"} if solver == "closed_form" else {"solver": "loop", "backend": solver}
        return with_costs(gdfast.fit(X, y, epochs=self.epochs, **chosen, **options(update, rate)))

    def track_error(self, exact: Any, tutorial: str, update: str, solver: str) -> float:
        """Compare the parameters with the exact ones."""
        return error(self.fit(exact, tutorial, update, solver), exact[tutorial, update])

    track_error.unit = "relative error"


class Calls(Measured):
    """The tutorials' own calls, whose costs are a Python list."""

    param_names = ("call",)
    params = (("linear_regression", "gradient_descent", "train"),)

    def setup(self, call: str) -> None:
        """Make the arrays that the tutorial makes."""
        self.y_A = DATA["A"][1][:, None]
        self.fit(call)

    def fit(self, call: str) -> list[float]:
        """Return the costs."""
        if call == "linear_regression":
            return compat.linear_regression(X_A, self.y_A, EPOCHS, 1e-4)[2]
        if call == "gradient_descent":
            return compat.gradient_descent(X_B, DATA["B"][1], 0.01, EPOCHS, init=np.zeros(6))[1]
        return compat.train(X_C[:, 0], DATA["C"][1], EPOCHS, 1e-3, return_losses=True)[2]

    def track_last_cost(self, call: str) -> float:
        """Return the tutorial's last cost."""
        return float(self.fit(call)[-1])

    track_last_cost.unit = "cost"
