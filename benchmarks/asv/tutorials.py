"""The 200,000-epoch workload of tutorial A, on each backend."""

import numpy as np

import gdfast

INPUTS = np.arange(1.0, 301.0)[:, None]
TARGETS = 0.5 * INPUTS + 2.0
EXACT = (0.5008287639956263, 1.8339723159878247)


class TutorialA:
    """Full batch on 300 rows and one feature, the cost of every epoch."""

    param_names = ("backend", "epochs")
    params = (("cython", "numba", "numpy"), (2_000, 200_000))

    def setup(self, backend: str, epochs: int) -> None:
        """Compile what is compiled at its first call."""
        if gdfast.backends.available()[backend] is not None or (backend == "numpy" and epochs > 10_000):
            raise NotImplementedError("not measured")
        self.fit(backend, 10)

    def fit(self, backend: str, epochs: int) -> gdfast.Run:
        """Train."""
        return gdfast.fit(INPUTS, TARGETS, epochs=epochs, learning_rate=0.5e-4, solver="loop", backend=backend)

    def time_fit(self, backend: str, epochs: int) -> None:
        """Time a fit and its costs."""
        _ = self.fit(backend, epochs).costs

    def track_error(self, backend: str, epochs: int) -> float:
        """Compare the weight with the exact path's, where it is known."""
        run = self.fit(backend, epochs)
        return abs(float(run.coef[0]) / EXACT[0] - 1) if epochs == 200_000 else 0.0
