"""What the three estimators of scikit-learn's SGD share: checks, starts, validation, averaging and warnings."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from gdfast.data.csr import features
from gdfast.formulas.losses import LOSSES
from gdfast.sklearn.training import Conduct, Outcome, train
from gdfast.sklearn.updates import Task

__all__ = ["LARGEST_SEED", "Trained"]

LARGEST_SEED = np.iinfo(np.int32).max
PASSIVE = {"pa1": 1, "pa2": 2}


class Trained(BaseEstimator):
    """What the three estimators share: checks of parameters together, starts, and the call of `train`."""

    one_class = False
    coef_: Any
    intercept_: Any
    offset_: Any

    def check_together(self, passive_loss: str, again: bool) -> None:
        """Raise ValueError for parameters that do not go together.

        Parameters
        ----------
        passive_loss : str
            The only loss that learning_rate="pa1" and "pa2" work with.
        again : bool
            Whether the call comes from `partial_fit`.
        """
        if again and self.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit; keep rows apart and score them yourself")
        if self.learning_rate == "optimal" and self.strength == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal', which divides by it; give alpha, or "
                "learning_rate='invscaling'"
            )
        if self.learning_rate in PASSIVE and self.loss != passive_loss:
            raise ValueError(f"Learning rate '{self.learning_rate}' only works with loss '{passive_loss}'.")
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'; 0.15 is its default")

    @property
    def strength(self) -> float:
        """The weight of the penalty; for the one-class SVM nu."""
        return float(self.nu if self.one_class else self.alpha)

    def checked(self, X: Any, y: Any, first: bool) -> tuple[Any, Any]:
        """Return X as an array in C order or as CSR, and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,) or None
            The targets.
        first : bool
            Whether the number of features is set, else compared with the one known.

        Returns
        -------
        tuple
            The pair (X, y); X alone if y is None.
        """
        allowed: dict[str, Any] = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "order": "C"}
        allowed |= {"accept_large_sparse": False, "reset": first}
        return validate_data(self, X, y, **allowed)

    def starts(self, rows: int, d: int, dtype: Any, coef_init: Any, intercept_init: Any, name: str) -> tuple[Any, Any]:
        """Return copies of the starts given, else zeros.

        Parameters
        ----------
        rows : int
            Number of rows of the coefficients.
        d : int
            Number of features.
        dtype : dtype
            The dtype of the copies.
        coef_init : array-like or None
            The coefficients.
        intercept_init : array-like or None
            The intercepts.
        name : str
            The name of the intercept's argument in messages.

        Returns
        -------
        coef : ndarray of shape (rows, d)
            The coefficients.
        intercept : ndarray of shape (rows,)
            The intercepts.
        """
        coef, intercept = np.zeros((rows, d), dtype), np.zeros(rows, dtype)
        if coef_init is not None:
            given = np.asarray(coef_init, dtype)
            if given.shape != (rows, d) and not (rows == 1 and given.size == d):
                raise ValueError(f"Provided coef_init does not match dataset: shape {given.shape}, not {(rows, d)}.")
            coef[:] = given.reshape(rows, d)
        if intercept_init is not None:
            given = np.asarray(intercept_init, dtype)
            if given.shape != (rows,) and not (rows == 1 and given.shape == ()):
                raise ValueError(f"Provided {name} does not match dataset: shape {given.shape}, not {(rows,)}.")
            intercept[:] = given
        return coef, intercept

    def task(self, X: Any, y: NDArray[Any], weights: NDArray[Any]) -> Task:
        """Return the data and the objective of one target.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, n_features)
            The features.
        y : ndarray of shape (n,)
            The targets, -1 and +1 for a classification.
        weights : ndarray of shape (n,)
            Weights of the samples.

        Returns
        -------
        Task
            The task of `train`.
        """
        rule = LOSSES[self.loss]
        c = float(self.epsilon) if rule.parameter is not None else 0.0
        ratio = {"l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty)
        alpha = self.strength if ratio is not None else 0.0
        ratio = ratio or 0.0
        factors = np.ascontiguousarray(weights, np.float64)
        return Task(
            X=features("X", X),
            y=np.ascontiguousarray(y, np.float64),
            weights=None if (factors == 1.0).all() else factors,
            loss=self.loss,
            c=c,
            l2=alpha * (1.0 - ratio),
            l1=alpha * ratio,
            fit_intercept=bool(self.fit_intercept),
            sink=self.strength if self.one_class else 0.0,
            passive=PASSIVE.get(self.learning_rate, 0),
            aggressiveness=float(self.eta0),
        )

    def conduct(self, epochs: int, seed: int, validation: Any = None, score: Any = None) -> Conduct:
        """Return how long, at which rates and in which order to train.

        Parameters
        ----------
        epochs : int
            Largest number of epochs.
        seed : int
            The seed of the sample order.
        validation : ndarray of bool, shape (n,), optional
            The rows to validate on.
        score : callable, optional
            The score on these rows, a function of coefficients and intercept.

        Returns
        -------
        Conduct
            The settings of `train`.
        """
        return Conduct(
            max_iter=epochs,
            tol=self.tol,
            n_iter_no_change=int(self.n_iter_no_change),
            learning_rate=self.learning_rate,
            eta0=float(self.eta0),
            power_t=float(self.power_t),
            alpha=self.strength,
            shuffle=bool(self.shuffle),
            seed=int(seed),
            average=int(self.average),
            t=float(self.t_),
            verbose=int(self.verbose),
            validation=validation,
            score=score,
        )

    def split(self, splitter: Any, y: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which rows are kept out for validation.

        Parameters
        ----------
        splitter : type
            A splitter class of scikit-learn.
        y : ndarray of shape (n,)
            The targets.
        weights : ndarray of shape (n,)
            Weights of the samples.

        Returns
        -------
        ndarray of bool, shape (n,), or None
            The mask of the rows; None if early_stopping is off.
        """
        if not self.early_stopping:
            return None
        shuffled = splitter(test_size=self.validation_fraction, random_state=self.random_state)
        training, validation = next(shuffled.split(np.zeros((len(y), 1)), y))
        if not (weights[validation] > 0).any():
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

    def scorer(self, mask: NDArray[np.bool_] | None, X: Any, y: NDArray[Any], weights: NDArray[Any]) -> Any:
        """Return the estimator's score on the rows kept out.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,), or None
            The rows kept out.
        X : ndarray or CSR matrix of shape (n, n_features)
            The features.
        y : ndarray of shape (n,)
            The targets.
        weights : ndarray of shape (n,)
            Weights of the samples.

        Returns
        -------
        callable or None
            A function of coefficients and intercept; None without a mask.
        """
        if mask is None:
            return None
        model, parts = clone(self), (X[mask], y[mask], weights[mask])
        model.t_ = 1.0
        if hasattr(self, "classes_"):
            model.classes_ = np.array([-1.0, 1.0])

        def score(coef: NDArray[Any], intercept: float) -> float:
            model.coef_, model.intercept_ = coef.reshape(1, -1), np.atleast_1d(intercept)
            return float(model.score(*parts))

        return score

    def forget_mean(self) -> None:
        """Remove what averaging keeps."""
        for name in ("_standard_coef", "_standard_intercept", "_average_coef", "_average_intercept"):
            if hasattr(self, name):
                delattr(self, name)

    def begin_mean(self, coef: NDArray[Any], intercept: NDArray[Any]) -> None:
        """Keep the iterate besides its mean.

        Parameters
        ----------
        coef : ndarray
            The coefficients.
        intercept : ndarray
            The intercepts.
        """
        self._standard_coef, self._standard_intercept = coef, intercept
        self._average_coef, self._average_intercept = np.zeros_like(coef), np.zeros_like(intercept)

    def averaged(self) -> bool:
        """Return whether the model is the mean of iterates by now.

        Returns
        -------
        bool
            True once the mean has begun.
        """
        return bool(0 < self.average <= self.t_ - 1.0)

    def start(self, coef: NDArray[Any], intercept: NDArray[Any], i: int) -> Outcome:
        """Return the iterate and its mean from which one target is trained.

        Parameters
        ----------
        coef : ndarray
            The coefficients.
        intercept : ndarray
            The intercepts.
        i : int
            The index of the target.

        Returns
        -------
        Outcome
            The state to start from.
        """
        if not self.average:
            return Outcome(np.atleast_2d(coef)[i], float(intercept[i]), None, 0.0, 0)
        iterate = np.atleast_2d(self._standard_coef)[i], float(self._standard_intercept[i])
        return Outcome(*iterate, np.atleast_2d(self._average_coef)[i], float(self._average_intercept[i]), 0)

    def learn_target(self, task: Task, conduct: Conduct, coef: Any, intercept: Any) -> tuple[Any, Any]:
        """Train the one target of a regression or of the one-class SVM.

        Parameters
        ----------
        task : Task
            The data and the objective.
        conduct : Conduct
            How long, at which rates and in which order to train.
        coef : ndarray of shape (n_features,)
            The coefficients to start from.
        intercept : ndarray of shape (1,)
            The intercept to start from.

        Returns
        -------
        coef : ndarray of shape (n_features,)
            The coefficients.
        intercept : ndarray of shape (1,)
            The intercept.
        """
        done = train(task, conduct, self.start(coef, intercept, 0))
        self.n_iter_ = done.n_iter
        self.t_ += done.n_iter * len(task.X)
        if not self.average:
            coef[:] = done.coef
            return coef, np.array([done.intercept], coef.dtype)
        self._standard_coef[:], self._average_coef[:] = done.coef, done.mean_coef
        self._standard_intercept = np.array([done.intercept], coef.dtype)
        self._average_intercept = np.array([done.mean_intercept], coef.dtype)
        if self.averaged():
            return self._average_coef, self._average_intercept
        return self._standard_coef, self._standard_intercept

    def warn_after(self, epochs: int) -> None:
        """Warn after a fit that has not converged, and of a negative power_t.

        Parameters
        ----------
        epochs : int
            Largest number of epochs of the fit.
        """
        if self.tol is not None and self.n_iter_ == epochs:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the "
                f"fit: after {epochs} epochs an epoch still gains more than tol={self.tol}.",
                ConvergenceWarning,
                stacklevel=4,
            )
        if self.power_t < 0:
            warnings.warn(
                "Negative values for `power_t` are deprecated in version 1.8 and will raise an error in 1.10; the "
                "rate would grow without end. Use values in the range [0.0, inf) instead.",
                FutureWarning,
                stacklevel=4,
            )
