"""Base class of the drop-ins for scikit-learn's SGD estimators: checks, start, validation, averaging and warnings."""

import threading
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from gdfast._utils.arguments import converted, floating, numeric_array, shown
from gdfast.data.csr import features
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.sklearn.epochs import FitResult, TrainingSettings, train
from gdfast.sklearn.updates import SGDProblem

__all__ = ["MAX_SEED", "BaseSGD"]

MAX_SEED = np.iinfo(np.int32).max
NEVER = 2**53  # the number of updates from which on floats do not count them one by one
PASSIVE_AGGRESSIVE = {"pa1": 1, "pa2": 2}


class BaseSGD(BaseEstimator):
    """Base class of SGDRegressor, SGDClassifier and SGDOneClassSVM."""

    _is_one_class = False
    coef_: Any
    intercept_: Any
    offset_: Any

    def _check_parameter_combinations(self, passive_aggressive_loss: str, partial_fit: bool) -> None:
        """Raise ValueError for parameters that do not go together."""
        if partial_fit and self.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit; keep rows apart and score them yourself")
        if self.learning_rate == "optimal" and self._penalty_strength == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal', which divides by it; give alpha, or "
                "learning_rate='invscaling'"
            )
        if self.learning_rate in PASSIVE_AGGRESSIVE and self.loss != passive_aggressive_loss:
            raise ValueError(f"Learning rate '{self.learning_rate}' only works with loss '{passive_aggressive_loss}'.")
        if PENALTIES[self.penalty or "none"].mixed and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'; 0.15 is its default")

    @property
    def _penalty_strength(self) -> float:
        """alpha, or nu of the one-class SVM."""
        return self._float("nu" if self._is_one_class else "alpha")

    def _float(self, name: str) -> float:
        """Return a parameter as a float; an integer may be too large for one."""
        try:
            return float(getattr(self, name))
        except OverflowError:
            value = shown(getattr(self, name))
            raise ValueError(f"{name}={value} is too large for a float; give a smaller number") from None

    def _validate_input(self, X: Any, y: Any, reset: bool) -> Any:
        """Return X, a C-ordered array or CSR, and y if there is one; reset sets n_features_in_, else it is checked."""
        options: dict[str, Any] = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "order": "C"}
        return validate_data(self, X, y, reset=reset, **options)

    def _initial_coefficients(
        self, n_outputs: int, n_features: int, dtype: Any, coef_init: Any, intercept_init: Any, intercept_name: str
    ) -> tuple[Any, Any]:
        """Return copies of coef_init and intercept_init, zeros where they are None."""
        coef, intercept = np.zeros((n_outputs, n_features), dtype), np.zeros(n_outputs, dtype)
        if coef_init is not None:
            init = start("coef_init", coef_init, dtype)
            if init.shape != coef.shape and not (n_outputs == 1 and init.size == n_features):
                raise ValueError(f"Provided coef_init does not match dataset: shape {init.shape}, not {coef.shape}.")
            coef[:] = init.reshape(coef.shape)
        if intercept_init is not None:
            init = start(intercept_name, intercept_init, dtype)
            if init.shape != intercept.shape:
                raise ValueError(
                    f"Provided {intercept_name} does not match dataset: shape {init.shape}, not {intercept.shape}."
                )
            intercept[:] = init
        return coef, intercept

    def _make_problem(self, X: Any, y: NDArray[Any], sample_weight: NDArray[Any]) -> SGDProblem:
        """Return data and objective of one regression, binary classification or one-class SVM."""
        loss = LOSSES[self.loss]
        penalty, alpha = PENALTIES[self.penalty or "none"], self._penalty_strength
        sample_weight = np.ascontiguousarray(sample_weight, np.float64)
        return SGDProblem(
            X=features("X", X),
            y=np.ascontiguousarray(y, np.float64),
            sample_weight=None if (sample_weight == 1.0).all() else sample_weight,
            loss=self.loss,
            loss_parameter=self._float("epsilon") if loss.parameter is not None else 0.0,
            l2=penalty.l2(alpha, self.l1_ratio),
            l1=penalty.l1(alpha, self.l1_ratio),
            fit_intercept=bool(self.fit_intercept),
            intercept_penalty=self._penalty_strength if self._is_one_class else 0.0,
            passive_aggressive=PASSIVE_AGGRESSIVE.get(self.learning_rate, 0),
            aggressiveness=self._float("eta0"),
        )

    def _training_settings(
        self,
        max_iter: int,
        seed: int,
        validation_mask: Any = None,
        validation_score: Any = None,
        ended: threading.Event | None = None,
    ) -> TrainingSettings:
        """Return the parameters of `train`."""
        return TrainingSettings(
            max_iter=max_iter,
            tol=None if self.tol is None else self._float("tol"),
            n_iter_no_change=int(self.n_iter_no_change),
            learning_rate=self.learning_rate,
            eta0=self._float("eta0"),
            power_t=self._float("power_t"),
            alpha=self._penalty_strength,
            shuffle=bool(self.shuffle),
            seed=int(seed),
            average=min(int(self.average), NEVER),
            t=float(self.t_),
            verbose=int(self.verbose),
            validation_mask=validation_mask,
            validation_score=validation_score,
            ended=ended,
        )

    def _split_validation(
        self, splitter: Any, y: NDArray[Any], sample_weight: NDArray[Any]
    ) -> NDArray[np.bool_] | None:
        """Return the mask of the validation rows that the splitter class draws; None without early_stopping."""
        if not self.early_stopping:
            return None
        split = splitter(test_size=self.validation_fraction, random_state=self.random_state)
        training, validation = next(split.split(np.zeros((len(y), 1)), y))
        if not (sample_weight[validation] > 0).any():
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different random state."
            )
        if not (len(training) and len(validation)):
            raise ValueError(
                f"Splitting {len(y)} samples with validation_fraction={self.validation_fraction!r} leaves "
                f"{len(training)} to train on and {len(validation)} to validate; change it, or early_stopping"
            )
        mask: NDArray[np.bool_] = np.zeros(len(y), bool)
        mask[validation] = True
        return mask

    def _validation_scorer(
        self, mask: NDArray[np.bool_] | None, X: Any, y: NDArray[Any], sample_weight: NDArray[Any]
    ) -> Any:
        """Return the score on the validation rows as a function of coefficients and intercept; None without a mask."""
        if mask is None:
            return None
        model, validation_data = clone(self), (X[mask], y[mask], sample_weight[mask])
        model.t_ = 1.0
        if hasattr(self, "classes_"):
            model.classes_ = np.array([-1.0, 1.0])

        def score(coef: NDArray[Any], intercept: float) -> float:
            model.coef_, model.intercept_ = coef.reshape(1, -1), np.atleast_1d(intercept)
            return float(model.score(*validation_data))

        return score

    # Attributes of averaging have scikit-learn's names: _standard_ for the iterate, _average_ for the average.

    def _delete_average(self) -> None:
        """Delete the iterate and the average of an earlier fit."""
        for name in ("_standard_coef", "_standard_intercept", "_average_coef", "_average_intercept"):
            if hasattr(self, name):
                delattr(self, name)

    def _start_average(self, coef: NDArray[Any], intercept: NDArray[Any]) -> None:
        """Set the iterate, and the average to zero."""
        self._standard_coef, self._standard_intercept = coef, intercept
        self._average_coef, self._average_intercept = np.zeros_like(coef), np.zeros_like(intercept)

    def _averaging_has_begun(self) -> bool:
        """Return whether the coefficients of the model are the average of the iterates."""
        return bool(0 < self.average <= self.t_ - 1.0)

    def _training_start(self, coef: NDArray[Any], intercept: NDArray[Any], i: int) -> FitResult:
        """Return the start of output i."""
        if not self.average:
            return FitResult(np.atleast_2d(coef)[i], float(intercept[i]), None, 0.0, 0)
        iterate = np.atleast_2d(self._standard_coef)[i], float(self._standard_intercept[i])
        return FitResult(*iterate, np.atleast_2d(self._average_coef)[i], float(self._average_intercept[i]), 0)

    def _train_single_output(
        self, problem: SGDProblem, settings: TrainingSettings, coef: Any, intercept: Any
    ) -> tuple[Any, Any]:
        """Train a regression or a one-class SVM from coef and intercept, and return the new ones."""
        result = train(problem, settings, self._training_start(coef, intercept, 0))
        self.n_iter_ = result.n_iter
        self.t_ += result.n_iter * len(problem.X)
        if not self.average:
            coef[:] = result.coef
            return coef, np.array([result.intercept])  # in float64 for float32, too, as scikit-learn's
        self._standard_coef[:], self._average_coef[:] = result.coef, result.average_coef
        self._standard_intercept = np.array([result.intercept])
        self._average_intercept = np.array([result.average_intercept])
        if self._averaging_has_begun():
            return self._average_coef, self._average_intercept
        return self._standard_coef, self._standard_intercept

    def _warn_after_fit(self, max_iter: int) -> None:
        """Warn if the fit has not converged, and of a negative power_t."""
        if self.tol is not None and self.n_iter_ == max_iter:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the "
                f"fit: after {max_iter} epochs an epoch still gains more than tol={self.tol}.",
                ConvergenceWarning,
                stacklevel=5,
            )
        if self.power_t < 0:
            warnings.warn(
                "Negative values for `power_t` are deprecated in version 1.8 and will raise an error in 1.10; the "
                "rate would grow without end. Use values in the range [0.0, inf) instead.",
                FutureWarning,
                stacklevel=5,
            )


def start(name: str, values: Any, dtype: Any) -> NDArray[Any]:
    """Return coefficients or intercepts to start from as an array of dtype; strings of digits are numbers here."""
    array = converted(name, values)
    if array.dtype.kind in "US":
        try:
            array = array.astype(np.float64)
        except ValueError:
            raise ValueError(f"{name}={shown(values)} holds strings, and must hold numbers; convert them") from None
    return floating(name, numeric_array(name, array), dtype)
