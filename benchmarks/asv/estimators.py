"""gdfast.sklearn: the drop-ins, scikit-learn's own published case, and the estimators of all of fit."""

from abc import abstractmethod
from typing import Any

import numpy as np

from .inputs import dense, sparse
from .measured import Measured, imported, scaled


class Estimator(Measured):
    """Fitting `model` on `X` and `y`."""

    model: Any
    X: Any
    y: Any

    @abstractmethod
    def setup(self, *parameters: Any) -> None:
        """Make them."""

    def fit(self, *parameters: Any) -> Any:
        """Train."""
        return self.model.fit(self.X, self.y)

    def gap(self) -> float:
        """Return the largest difference of coefficients from scikit-learn's, relative to the largest."""
        theirs = getattr(imported("sklearn.linear_model"), type(self.model).__name__)(**self.model.get_params())
        found, wanted = self.fit().coef_, theirs.fit(self.X, self.y).coef_
        return float(np.abs(found - wanted).max() / np.abs(wanted).max())


class DropIns(Estimator):
    """SGD over single rows with l2, five epochs."""

    param_names = ("estimator", "container", "dtype")
    params = (("SGDRegressor", "SGDClassifier", "SGDOneClassSVM"), ("dense", "csr"), ("float32", "float64"))

    def setup(self, estimator: str, container: str, dtype: str) -> None:
        """Make the data."""
        loss = "squared_error" if estimator == "SGDRegressor" else "log_loss"
        if container == "dense":
            self.X, self.y = dense(scaled((20_000, 50), (300, 8)), dtype, loss)
        else:
            self.X, self.y = sparse(scaled((20_000, 5_000), (300, 200)), 50, dtype, loss)
        steps = {"learning_rate": "constant", "eta0": 0.001, "max_iter": 5, "tol": None, "random_state": 0}
        self.model = getattr(imported("gdfast.sklearn"), estimator)(**steps)

    def track_gap(self, estimator: str, container: str, dtype: str) -> float:
        """Return how far the coefficients are from scikit-learn's."""
        return self.gap()

    track_gap.unit = "relative difference"


class PublishedRegressor(Estimator):
    """SGDRegressor as scikit-learn's benchmarks have it, in float32, with its schedule; the epochs fixed at 20."""

    param_names = ("representation",)
    params = (("dense", "sparse"),)

    def setup(self, representation: str) -> None:
        """Make the data: standardized, a tenth of the columns informative, or CSR with a hundredth of the values."""
        n = scaled(100_000, 300)
        if representation == "dense":
            make_regression = imported("sklearn.datasets").make_regression
            X, self.y = make_regression(n, 200, n_informative=20, noise=50, random_state=0)
            self.X = imported("sklearn.preprocessing").StandardScaler().fit_transform(X.astype(np.float32))
        else:
            self.X, self.y = sparse((n, 1000), 10, "float32")
        self.model = imported("gdfast.sklearn").SGDRegressor(max_iter=20, tol=None, random_state=0)

    def track_gap(self, representation: str) -> float:
        """Return how far the coefficients are from scikit-learn's."""
        return self.gap()

    def track_score(self, representation: str) -> float:
        """Return R squared on the data."""
        return float(self.fit().score(self.X, self.y))

    track_gap.unit, track_score.unit = "relative difference", "R2"


class EveryFit(Estimator):
    """GDRegressor (squared_error) and GDClassifier, by Adam over mini-batches."""

    param_names = ("loss",)
    params = (("squared_error", "log_loss", "multinomial"),)

    def setup(self, loss: str) -> None:
        """Make the data."""
        name = "GDRegressor" if loss == "squared_error" else "GDClassifier"
        self.X, self.y = dense(scaled((20_000, 32), (300, 8)), "float64", loss)
        options = {"batch_size": 32, "optimizer": "adam", "epochs": 5, "random_state": 0}
        self.model = getattr(imported("gdfast.sklearn"), name)(loss, **options)

    def track_score(self, loss: str) -> float:
        """Return R squared or the accuracy on the data."""
        return float(self.fit().score(self.X, self.y))

    track_score.unit = "score"
