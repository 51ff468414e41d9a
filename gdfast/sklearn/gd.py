"""GDRegressor and GDClassifier: all of gdfast.fit behind scikit-learn's conventions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import gdfast
from gdfast._arguments import choice
from gdfast.data.csr import features
from gdfast.formulas.losses import LOSSES, log_normalised

__all__ = ["GDClassifier", "GDRegressor"]

KINDS = [np.float64, np.float32]


class Descending(BaseEstimator):
    """What both estimators share: fit's options as parameters, and what a Run leaves as attributes."""

    coef_: Any
    intercept_: Any

    def __init__(
        self,
        loss: Any = "squared_error",
        *,
        loss_parameter: float | None = None,
        penalty: str | None = None,
        alpha: float = 0.0,
        l1_ratio: float = 0.5,
        penalty_factors: ArrayLike | None = None,
        fit_intercept: bool = True,
        bounds: tuple[Any, Any] | None = None,
        positive: bool = False,
        batch_size: int | None = None,
        epochs: int = 1000,
        learning_rate: Any = "auto",
        optimizer: Any = "gd",
        average: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float | None = None,
        patience: int | None = None,
        gradient_tol: float | None = None,
        restore_best: bool = False,
        max_seconds: float | None = None,
        on_divergence: str = "warn",
        history: str = "objective",
        history_every: int | str = 1,
        history_limit: int = 10_000_000,
        record: Any = (),
        progress: bool = False,
        callbacks: Any = (),
        callback_every: int | None = None,
        checkpoint: Any = None,
        checkpoint_every: int | None = None,
        checkpoint_seconds: float | None = None,
        solver: str = "auto",
        backend: str = "auto",
        n_threads: int = 1,
        warm_start: bool = False,
    ) -> None:
        self.keep_arguments(locals())

    def keep_arguments(self, given: dict[str, Any]) -> None:
        """Make attributes of a constructor's arguments, as scikit-learn wants them: unchanged."""
        for name in self._get_param_names():
            setattr(self, name, given[name])

    def options(self, seed: int | None) -> dict[str, Any]:
        """Return fit's options."""
        own = ("random_state", "warm_start", "class_weight")
        chosen = {name: value for name, value in self.get_params(deep=False).items() if name not in own}
        if self.penalty is None:
            chosen["alpha"] = 0.0
        return chosen | {"seed": seed, "interrupt": "raise"}

    def seeds(self, count: int) -> list[int | None]:
        """Return a seed for each of so many fits; of one, an int given as random_state itself."""
        if count == 1 and isinstance(self.random_state, (int, np.integer)):
            return [int(self.random_state)]
        return [int(seed) for seed in check_random_state(self.random_state).randint(2**31 - 1, size=count)]

    def starts(self, coef_init: Any, intercept_init: Any) -> dict[str, Any]:
        """Return where to begin: the starts given, with warm_start the model, else zeros."""
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None and self.fit_intercept else intercept_init
        return {"coef_init": coef_init, "intercept_init": intercept_init}

    @property
    def stability_(self) -> Any:
        """What `gdfast.stability` says of the data of the last fit; it is not pickled."""
        if not hasattr(self, "_runs"):
            raise AttributeError("stability_ needs the data of a fit, which a loaded or unfitted estimator has not")
        if isinstance(self.loss, gdfast.Loss):
            raise AttributeError(f"stability_ needs a loss of gdfast's, not {self.loss.name!r}")
        X, y, weights = self._data
        return gdfast.stability(
            X, y, loss=self.loss, penalty=self.penalty, alpha=self.options(None)["alpha"], l1_ratio=self.l1_ratio,
            sample_weight=weights, fit_intercept=self.fit_intercept,
        )  # fmt: skip

    def keep(self, runs: list[gdfast.Run], X: Any, y: Any, weights: Any) -> None:
        """Take over what runs left; lists where there are several."""
        self._runs, self._data = runs, (X, y, weights)
        self.n_iter_ = max(run.epochs for run in runs)
        self.history_ = runs[0].history if len(runs) == 1 else [run.history for run in runs]
        self.stop_reason_ = runs[0].stop_reason if len(runs) == 1 else [run.stop_reason for run in runs]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the runs, which hold the data."""
        state = dict(super().__getstate__())
        state.pop("_runs", None)
        state.pop("_data", None)
        return state

    def decide(self, X: Any) -> NDArray[Any]:
        """Return z of each row, (n,) or (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=KINDS, reset=False)
        return np.asarray(features("X", X) @ self.coef_.T + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        """Say that sparse input is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class GDRegressor(RegressorMixin, Descending):
    """Linear regression by gradient descent: full batch, mini-batch or SGD, as an estimator.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) as `gdfast.fit` does, all of whose options are
    parameters here, under the same names and with the same defaults, but `random_state` for seed, 1000 epochs, and
    history="objective": J after every epoch, which also stopping goes by. Without a penalty alpha is not looked at.

    Parameters
    ----------
    loss : str or gdfast.Loss, default="squared_error"
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile", "poisson".
    batch_size : int or None, default=None
        None: full batch; 1: SGD; else mini-batches of so many rows.
    epochs : int, default=1000
        Passes over the data.
    learning_rate : float, schedule, array, callable or "auto", default="auto"
        "auto" is 1/L of J.
    random_state : int, RandomState or None, default=None
        Fixes the order of samples; an int is fit's seed.
    warm_start : bool, default=False
        Begin from the coefficients of the last fit.
    loss_parameter, penalty, alpha, l1_ratio, penalty_factors, fit_intercept, bounds, positive
        The objective, as in `gdfast.fit`.
    optimizer, average, clip_norm, clip_value, shuffle
        The descent, as in `gdfast.fit`.
    tol, patience, gradient_tol, restore_best, max_seconds, on_divergence
        When to stop, as in `gdfast.fit`.
    history, history_every, history_limit, record, progress, callbacks, callback_every
        What to keep and tell, as in `gdfast.fit`.
    checkpoint, checkpoint_every, checkpoint_seconds, solver, backend, n_threads
        How to compute, as in `gdfast.fit`.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,) or (n_outputs, n_features)
    intercept_ : float or ndarray, shape (n_outputs,)
    n_iter_ : int
        Epochs done.
    history_ : dict of ndarray
        "epoch", "cost" and what `record` adds.
    stop_reason_ : gdfast.StopReason
    stability_ : gdfast.stability's result for the data of the fit, made when asked for

    Raises
    ------
    ValueError, TypeError
        For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse.

    References
    ----------
    Bottou, L., Curtis, F. E. and Nocedal, J. (2018). Optimization methods for large-scale machine learning. SIAM
    Review 60.

    Examples
    --------
    >>> from gdfast.sklearn import GDRegressor
    >>> model = GDRegressor(epochs=500).fit([[-1.0], [0.0], [1.0]], [-2.0, 0.0, 2.0])
    >>> model.predict([[0.5]]).round(6)
    array([1.])
    >>> len(model.history_["cost"])
    501
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        validation: Any = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> "GDRegressor":
        """Fit to X (n, n_features), dense or sparse, and y (n,) or (n, n_outputs).

        validation: (X, y), (X, y, weights) or a part in (0, 1), as in `gdfast.fit`.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=KINDS, order="C", multi_output=self.takes_several(), y_numeric=True
        )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        starts = self.starts(coef_init, intercept_init)
        options = self.options(*self.seeds(1))
        run = gdfast.fit(X, y, sample_weight=sample_weight, validation=validation, **options, **starts)
        self.keep([run], X, y, sample_weight)
        self.coef_, self.intercept_ = run.coef, run.intercept
        return self

    def takes_several(self) -> bool:
        """Tell whether the loss takes several outputs."""
        return isinstance(self.loss, str) and self.loss in LOSSES and LOSSES[self.loss].several_outputs

    def predict(self, X: Any) -> NDArray[Any]:
        """Return z = X coef_ + intercept_ of each row; for poisson exp(z)."""
        z = self.decide(X)
        link = LOSSES[self.loss].inverse_link if isinstance(self.loss, str) else None
        return z if link is None else np.asarray(link(z))

    def __sklearn_tags__(self) -> Any:
        """Say what y may be."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self.takes_several()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags


def has_probabilities(model: Any) -> bool:
    """Tell whether a classifier's loss gives probabilities."""
    if model.loss in ("log_loss", "multinomial", "modified_huber"):
        return True
    raise AttributeError(f"loss={model.loss!r} gives no probabilities; take log_loss, multinomial or modified_huber")


class GDClassifier(ClassifierMixin, Descending):
    """Linear classification by gradient descent: full batch, mini-batch or SGD, as an estimator.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) as `gdfast.fit` does, all of whose options are
    parameters here, under the same names and with the same defaults, but `random_state` for seed, 1000 epochs, and
    history="objective": J after every epoch, which also stopping goes by. Without a penalty alpha is not looked at.
    More than two classes: each against all others, or with loss="multinomial" all at once, by softmax.

    Parameters
    ----------
    loss : str, default="log_loss"
        "log_loss", "multinomial", "hinge", "squared_hinge", "modified_huber", "perceptron".
    batch_size : int or None, default=None
        None: full batch; 1: SGD; else mini-batches of so many rows.
    epochs : int, default=1000
        Passes over the data.
    learning_rate : float, schedule, array, callable or "auto", default="auto"
        "auto" is 1/L of J.
    random_state : int, RandomState or None, default=None
        Fixes the order of samples; an int is fit's seed.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which those of the samples are multiplied.
    warm_start : bool, default=False
        Begin from the coefficients of the last fit.
    loss_parameter, penalty, alpha, l1_ratio, penalty_factors, fit_intercept, bounds, positive
        The objective, as in `gdfast.fit`.
    optimizer, average, clip_norm, clip_value, shuffle
        The descent, as in `gdfast.fit`.
    tol, patience, gradient_tol, restore_best, max_seconds, on_divergence
        When to stop, as in `gdfast.fit`.
    history, history_every, history_limit, record, progress, callbacks, callback_every
        What to keep and tell, as in `gdfast.fit`.
    checkpoint, checkpoint_every, checkpoint_seconds, solver, backend, n_threads
        How to compute, as in `gdfast.fit`; one checkpoint holds one fit, so not for several classes one by one.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) or (n_classes, n_features)
    intercept_ : ndarray, shape (1,) or (n_classes,)
    classes_ : ndarray, shape (n_classes,)
    n_iter_ : int
        Epochs done, the most of all classes.
    history_ : dict of ndarray, or a list of them where the classes are learnt one by one
    stop_reason_ : gdfast.StopReason, or a list of them
    stability_ : gdfast.stability's result for the data of the fit, made when asked for

    Raises
    ------
    ValueError, TypeError
        For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse.

    References
    ----------
    Bottou, L., Curtis, F. E. and Nocedal, J. (2018). Optimization methods for large-scale machine learning. SIAM
    Review 60.

    Examples
    --------
    >>> from gdfast.sklearn import GDClassifier
    >>> model = GDClassifier(epochs=500).fit([[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"])
    >>> str(model.predict([[1.5]])[0])
    'yes'
    """

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        loss_parameter: float | None = None,
        penalty: str | None = None,
        alpha: float = 0.0,
        l1_ratio: float = 0.5,
        penalty_factors: ArrayLike | None = None,
        fit_intercept: bool = True,
        bounds: tuple[Any, Any] | None = None,
        positive: bool = False,
        batch_size: int | None = None,
        epochs: int = 1000,
        learning_rate: Any = "auto",
        optimizer: Any = "gd",
        average: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float | None = None,
        patience: int | None = None,
        gradient_tol: float | None = None,
        restore_best: bool = False,
        max_seconds: float | None = None,
        on_divergence: str = "warn",
        history: str = "objective",
        history_every: int | str = 1,
        history_limit: int = 10_000_000,
        record: Any = (),
        progress: bool = False,
        callbacks: Any = (),
        callback_every: int | None = None,
        checkpoint: Any = None,
        checkpoint_every: int | None = None,
        checkpoint_seconds: float | None = None,
        solver: str = "auto",
        backend: str = "auto",
        n_threads: int = 1,
        warm_start: bool = False,
        class_weight: Any = None,
    ) -> None:
        self.keep_arguments(locals())

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        validation: Any = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> "GDClassifier":
        """Fit to X (n, n_features), dense or sparse, and labels y (n,).

        validation: (X, y), (X, y, weights) or a part in (0, 1), as in `gdfast.fit`.
        """
        choice("loss", self.loss, [name for name, loss in LOSSES.items() if loss.classification])
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=KINDS, order="C")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {count} class: {self.classes_[0]!r}"
            )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if self.class_weight is not None:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[codes]
            sample_weight = factors if sample_weight is None else sample_weight * factors
        starts = self.starts(coef_init, intercept_init)
        if count == 2 or self.loss == "multinomial":
            self.learn_at_once(X, y, sample_weight, validation, starts)
        else:
            self.learn_one_by_one(X, codes, sample_weight, validation, starts)
        return self

    def learn_at_once(self, X: Any, y: Any, weights: Any, validation: Any, starts: dict[str, Any]) -> None:
        """Fit two classes, or several by softmax."""
        if self.loss != "multinomial":
            starts = {name: None if value is None else np.asarray(value).reshape(-1) for name, value in starts.items()}
            if starts["intercept_init"] is not None:
                starts["intercept_init"] = float(starts["intercept_init"][0])
        options = self.options(*self.seeds(1))
        run = gdfast.fit(X, y, sample_weight=weights, validation=validation, **options, **starts)
        self.keep([run], X, y, weights)
        self.coef_, self.intercept_ = np.atleast_2d(run.coef), np.atleast_1d(run.intercept)

    def learn_one_by_one(self, X: Any, codes: Any, weights: Any, validation: Any, starts: dict[str, Any]) -> None:
        """Fit each class against all others."""
        if self.checkpoint is not None:
            raise ValueError(
                f"checkpoint={self.checkpoint!r} holds one fit, and {len(self.classes_)} classes take one each; leave "
                "it out, or take loss='multinomial'"
            )
        runs = []
        for i, seed in enumerate(self.seeds(len(self.classes_))):
            begin: dict[str, Any] = {
                name: None if value is None else np.asarray(value)[i] for name, value in starts.items()
            }
            runs.append(
                gdfast.fit(
                    X, codes == i, sample_weight=weights, validation=self.one_against(i, validation),
                    **self.options(seed), **begin,
                )
            )  # fmt: skip
        self.keep(runs, X, codes == 0, weights)
        self.coef_ = np.stack([run.coef for run in runs])
        self.intercept_ = np.array([run.intercept for run in runs])

    def one_against(self, i: int, validation: Any) -> Any:
        """Return validation data with the labels of class i against all others."""
        if not isinstance(validation, (tuple, list)) or len(validation) < 2:
            return validation
        labels = np.asarray(validation[1])
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"validation: y holds {unknown[0]!r}, and the labels are {self.classes_}; leave it out")
        return (validation[0], labels == self.classes_[i], *validation[2:])

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return z of each row: (n,) for two classes, positive for the second; else (n, n_classes)."""
        z = self.decide(X)
        if len(self.classes_) > 2:
            return z
        return z[:, 1] - z[:, 0] if z.shape[1] == 2 else z[:, 0]

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label of each row."""
        z = self.decision_function(X)
        return np.asarray(self.classes_[(z > 0).astype(np.intp) if z.ndim == 1 else z.argmax(axis=1)])

    @available_if(has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, (n, n_classes); for log_loss, multinomial and modified_huber.

        One by one learnt classes have theirs divided by their sum.
        """
        if self.loss == "multinomial":
            return np.exp(log_normalised(self.decide(X)))
        z = self.decision_function(X)
        p = 0.5 * (np.clip(z, -1.0, 1.0) + 1.0) if self.loss == "modified_huber" else np.exp(-np.logaddexp(0.0, -z))
        if p.ndim == 1:
            return np.column_stack([1.0 - p, p])
        total = p.sum(axis=1, keepdims=True)
        return np.where(total > 0, p / np.where(total > 0, total, 1.0), 1.0 / p.shape[1])

    @available_if(has_probabilities)
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithm of predict_proba, which for two classes and multinomial does not underflow."""
        if self.loss == "multinomial":
            return log_normalised(self.decide(X))
        check_is_fitted(self)
        if self.loss == "log_loss" and len(self.classes_) == 2:
            z = self.decision_function(X)
            return -np.logaddexp(0.0, np.column_stack([z, -z]))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))
