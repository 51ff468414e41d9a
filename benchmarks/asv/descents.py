"""SGD, mini-batches and full batch: over shapes, dtypes, losses, containers and backends."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import gdfast
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.options.optimizers import OPTIMIZERS
from gdfast.options.schedules import SCHEDULES

from .exact import error, stochastic
from .inputs import dense, sparse
from .measured import MeasuredRun, scaled, skip_missing, with_costs

BATCH_SIZES = (1, 32, None)
DTYPES = ("float32", "float64")


class Descent(MeasuredRun):
    """A few epochs from zero at a rate that converges."""

    epochs = 5
    nonzeros: int | None = None  # in a row of CSR

    @abstractmethod
    def setup(self, *parameters: Any) -> None:
        """Load data."""

    def load(self, X: Any, y: Any, batch_size: int | None, loss: str, **more: Any) -> None:
        """Keep the data and the options, and compile what is compiled at its first call."""
        d = 1 if self.nonzeros else X.shape[1]  # the squared norm of a row
        steepness = 1.0 + d / (batch_size or X.shape[0]) if batch_size != 1 else 20.0 * d
        rate = 0.2 / steepness
        self.X, self.y = X, y
        self.options = {"loss": loss, "batch_size": batch_size, "learning_rate": rate, "seed": 0, "solver": "loop"}
        self.options |= more
        gdfast.fit(X, y, epochs=1, **self.options)

    def fit(self, *parameters: Any) -> gdfast.Run:
        """Train."""
        return with_costs(gdfast.fit(self.X, self.y, epochs=self.epochs, **self.options))


class Dense(Descent):
    """Rows side by side, with l2."""

    param_names = ("batch_size", "shape", "dtype", "loss")
    shapes = scaled(((300, 1), (20_000, 32), (20_000, 200)), ((300, 1), (400, 32)))
    params = (BATCH_SIZES, shapes, DTYPES, ("squared_error", "log_loss"))

    def setup(self, batch_size: int | None, shape: tuple[int, int], dtype: str, loss: str) -> None:
        """Make the data."""
        self.load(*dense(shape, dtype, loss), batch_size, loss, penalty="l2", alpha=1e-4)


class Csr(Descent):
    """SciPy's CSR, 80 values in a row of 50,000, with l2 and without an intercept."""

    param_names = ("batch_size", "dtype", "loss")
    params = (BATCH_SIZES, DTYPES, ("squared_error", "log_loss"))
    shape, nonzeros = scaled((20_000, 50_000), (300, 2_000)), 80

    def setup(self, batch_size: int | None, dtype: str, loss: str) -> None:
        """Make the data."""
        X, y = sparse(self.shape, self.nonzeros, dtype, loss)
        self.load(X, y, batch_size, loss, penalty="l2", alpha=1e-4, fit_intercept=False)


class EveryLoss(Descent):
    """Every loss of the registry."""

    param_names = ("batch_size", "loss")
    params = ((1, None), tuple(LOSSES))

    def setup(self, batch_size: int | None, loss: str) -> None:
        """Make the data."""
        if loss not in LOSSES:
            raise NotImplementedError(f"no {loss} at this commit")
        self.load(*dense(scaled((20_000, 32), (300, 8)), "float64", loss), batch_size, loss)
        self.options["learning_rate"] /= 4  # the steepest of them has a curvature of 2, or none


class EveryPenalty(Descent):
    """Every penalty of the registry."""

    param_names = ("batch_size", "penalty")
    params = (BATCH_SIZES, tuple(PENALTIES))

    def setup(self, batch_size: int | None, penalty: str) -> None:
        """Make the data."""
        options = {"penalty": penalty, "alpha": 1e-3} if PENALTIES[penalty].scaled else {}
        X, y = dense(scaled((20_000, 32), (300, 8)), "float64", "log_loss")
        self.load(X, y, batch_size, "log_loss", **options)


class EveryOptimizer(Descent):
    """Every optimizer of the registry."""

    param_names = ("batch_size", "optimizer")
    params = (BATCH_SIZES, tuple(OPTIMIZERS))

    def setup(self, batch_size: int | None, optimizer: str) -> None:
        """Make the data."""
        X, y = dense(scaled((20_000, 32), (300, 8)))
        self.load(X, y, batch_size, "squared_error", optimizer=optimizer)
        self.options["learning_rate"] /= 10  # steps of momentum add up


class EverySchedule(Descent):
    """Every schedule of the registry, step by step."""

    param_names = ("schedule",)
    params = (tuple(SCHEDULES),)
    made: ClassVar[dict[str, Callable[[float], Any]]] = {
        "constant": lambda rate: gdfast.Constant(rate, by="step"),
        "step": lambda rate: gdfast.Step(rate, 1000, by="step"),
        "exponential": lambda rate: gdfast.Exponential(rate, 0.9999, by="step"),
        "inverse_scaling": lambda rate: gdfast.InverseScaling(rate, by="step"),
        "inverse_time": lambda rate: gdfast.InverseTime(rate, 1e-4, by="step"),
        "cosine": lambda rate: gdfast.Cosine(rate, 100_000, by="step"),
        "warmup": lambda rate: gdfast.Warmup(gdfast.Constant(rate, by="step"), 1000, by="step"),
    }

    def setup(self, schedule: str) -> None:
        """Make the data."""
        self.load(*dense(scaled((20_000, 32), (300, 8))), 1, "squared_error")
        self.options["learning_rate"] = self.made[schedule](self.options["learning_rate"])


class EveryBackend(Descent):
    """The same work on each backend."""

    param_names = ("backend", "batch_size")
    params = (("cython", "numba", "numpy"), BATCH_SIZES)

    def setup(self, backend: str, batch_size: int | None) -> None:
        """Make the data."""
        skip_missing(backend)
        self.load(*dense(scaled((20_000, 32), (300, 8))), batch_size, "squared_error", backend=backend)


class ByCollocation(Descent):
    """200,000 full-batch epochs of log loss, with the cost of each."""

    epochs = scaled(200_000, 5_000)
    param_names = ("shape",)
    params = (scaled(((300, 2), (2_000, 3), (20_000, 10)), ((300, 2),)),)

    def setup(self, shape: tuple[int, int]) -> None:
        """Make the data."""
        self.load(*dense(shape, "float64", "log_loss"), None, "log_loss", solver="collocation")


class Exactness:
    """The error of the parameters against the same descent in 80-bit floats."""

    param_names = ("batch_size", "loss", "backend")
    params = (BATCH_SIZES, ("squared_error", "log_loss"), ("cython", "numpy"))
    shape, epochs, rate = (200, 5), scaled(50, 3), 0.02

    def setup(self, batch_size: int | None, loss: str, backend: str) -> None:
        """Make the data."""
        skip_missing(backend)
        self.X, self.y = dense(self.shape, "float64", loss)

    def track_error(self, batch_size: int | None, loss: str, backend: str) -> float:
        """Walk both ways and compare."""
        size = batch_size or len(self.X)
        shared = {"loss": loss, "batch_size": batch_size, "epochs": self.epochs, "seed": 0, "solver": "loop"}
        run = gdfast.fit(self.X, self.y, learning_rate=self.rate, backend=backend, **shared)
        return error(run, stochastic(self.X, self.y, loss, self.rate, size, self.epochs, 0))

    track_error.unit = "relative error"
