"""SGDRegressor, SGDClassifier and SGDOneClassSVM: scikit-learn's, trained by gdfast's kernels.

The classes are scikit-learn's own, so parameters, predictions, tags and routing are; `fit` and `partial_fit` are ours.
docs/sklearn.md lists what differs on purpose.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import linear_model
from sklearn.base import _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, validate_data

from gdfast.csr import features
from gdfast.formulas.losses import LOSSES
from gdfast.sklearn.training import Conduct, Outcome, train
from gdfast.sklearn.updates import Task

__all__ = ["SGDClassifier", "SGDOneClassSVM", "SGDRegressor"]

LARGEST_SEED = np.iinfo(np.int32).max
PASSIVE = {"pa1": 1, "pa2": 2}


class Trained:
    """What the three estimators share: checks of parameters together, starts, and the call of `train`."""

    one_class = False

    def check_together(self, passive_loss: str, again: bool) -> None:
        """Raise ValueError for parameters that do not go together; `again`: with partial_fit."""
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
        """The weight of the penalty; in one-class it is nu."""
        return float(self.nu if self.one_class else self.alpha)

    def checked(self, X: Any, y: Any, first: bool) -> tuple[Any, Any]:
        """Return X as an array in C order, or CSR, and y."""
        allowed = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "order": "C"}
        allowed |= {"accept_large_sparse": False, "reset": first}
        return validate_data(self, X, y, **allowed)

    def starts(self, rows: int, d: int, dtype: Any, coef_init: Any, intercept_init: Any, name: str) -> tuple[Any, Any]:
        """Return copies of the given starts, or zeros: coef (rows, d), intercept (rows,)."""
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
        """Return what is to be learnt: y as scikit-learn's kernels see it, in X's dtype."""
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
        """Return how to train."""
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
        """Return which rows are kept out for validation, as a mask; None: early_stopping is off."""
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
        """Return the estimator's own score on the rows kept out, as a function of coefficients and intercept."""
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
        """Forget what averaging remembered."""
        for name in ("_standard_coef", "_standard_intercept", "_average_coef", "_average_intercept"):
            if hasattr(self, name):
                delattr(self, name)

    def begin_mean(self, coef: NDArray[Any], intercept: NDArray[Any]) -> None:
        """Remember the iterate beside its mean."""
        self._standard_coef, self._standard_intercept = coef, intercept
        self._average_coef, self._average_intercept = np.zeros_like(coef), np.zeros_like(intercept)

    def averaged(self) -> bool:
        """Tell whether by now the mean is the model."""
        return bool(0 < self.average <= self.t_ - 1.0)

    def start(self, coef: NDArray[Any], intercept: NDArray[Any], i: int) -> Outcome:
        """Return from where the i-th target goes on: the iterate and its mean."""
        if not self.average:
            return Outcome(np.atleast_2d(coef)[i], float(intercept[i]), None, 0.0, 0)
        iterate = np.atleast_2d(self._standard_coef)[i], float(self._standard_intercept[i])
        return Outcome(*iterate, np.atleast_2d(self._average_coef)[i], float(self._average_intercept[i]), 0)

    def learn_target(self, task: Task, conduct: Conduct, coef: Any, intercept: Any) -> tuple[Any, Any]:
        """Train on the one target of a regression or of one class, and return coef (d,) and intercept (1,)."""
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
        """Say what is to be said after a fit."""
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


class SGDRegressor(Trained, linear_model.SGDRegressor):
    """Linear regression by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) sample by sample, in scikit-learn's order and with its
    conventions, so that `coef_`, `intercept_`, `n_iter_` and `t_` are those of `sklearn.linear_model.SGDRegressor`.

    Parameters
    ----------
    loss : str, default="squared_error"
        Also "huber", "epsilon_insensitive" and "squared_epsilon_insensitive".
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        R: |w|^2 / 2, |w|_1, or their mix by `l1_ratio`.
    alpha : float >= 0, default=0.0001
        Weight of the penalty.
    l1_ratio : float in [0, 1], default=0.15
        Part of l1 in "elasticnet".
    fit_intercept, max_iter, tol, shuffle, verbose, epsilon, random_state
        As in scikit-learn: True, 1000, 1e-3, True, 0, 0.1, None.
    learning_rate : {"invscaling", "constant", "optimal", "adaptive", "pa1", "pa2"}, default="invscaling"
        The schedule; its numbers are `eta0` (0.01) and `power_t` (0.25).
    early_stopping, validation_fraction, n_iter_no_change, warm_start, average
        As in scikit-learn: False, 0.1, 5, False, False.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,)
    intercept_ : ndarray, shape (1,)
    n_iter_ : int
        Epochs done.
    t_ : float
        Updates done, and 1.

    Raises
    ------
    ValueError
        For input or parameters that scikit-learn refuses, with the same class of exception.

    References
    ----------
    Bottou, L. (2012). Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> from gdfast.sklearn import SGDRegressor
    >>> model = SGDRegressor(random_state=0).fit([[-1.0], [0.0], [1.0]] * 50, [-2.0, 0.0, 2.0] * 50)
    >>> model.predict([[0.5]]).round(1)
    array([1.])
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDRegressor":
        """Fit to X (n, n_features), dense or sparse, and y (n,); the starts given are not changed."""
        self.check_together("epsilon_insensitive", again=False)
        if not (self.warm_start and getattr(self, "coef_", None) is not None):
            self.coef_ = None
        self.t_ = 1.0
        self.learn(X, y, sample_weight, self.max_iter, coef_init, intercept_init)
        self.warn_after(self.max_iter)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> "SGDRegressor":
        """Train for one epoch more."""
        if not hasattr(self, "coef_"):
            self.check_together("epsilon_insensitive", again=True)
        self.learn(X, y, sample_weight, 1, None, None)
        return self

    def learn(self, X: Any, y: Any, sample_weight: Any, epochs: int, coef_init: Any, intercept_init: Any) -> None:
        """Train for so many epochs at most, from the coefficients where there are some."""
        first = getattr(self, "coef_", None) is None
        X, y = self.checked(X, y, first)
        y = y.astype(X.dtype, copy=False)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if first:
            coef, self.intercept_ = self.starts(1, X.shape[1], X.dtype, coef_init, intercept_init, "intercept_init")
            self.coef_ = coef[0]
            self.forget_mean()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self.begin_mean(self.coef_, self.intercept_)
        mask = self.split(ShuffleSplit, y, weights)
        random = check_random_state(self.random_state)
        seed = random.randint(0, LARGEST_SEED)
        random.randint(1, LARGEST_SEED)  # scikit-learn draws once more
        task = self.task(X, y, weights)
        conduct = self.conduct(epochs, seed, mask, self.scorer(mask, X, y, weights))
        self.coef_, self.intercept_ = self.learn_target(task, conduct, self.coef_, self.intercept_)


class SGDOneClassSVM(Trained, linear_model.SGDOneClassSVM):
    """Linear one-class SVM by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises nu |w|^2 / 2 + mean_i s_i max(0, rho - x_i.w) - nu rho: what lies above rho is normal, nu bounds the
    part that does not.

    Parameters
    ----------
    nu : float in (0, 1], default=0.5
        An upper bound of the part of outliers among the samples.
    fit_intercept, max_iter, tol, shuffle, verbose, random_state
        As in scikit-learn: True, 1000, 1e-3, True, 0, None.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive"}, default="optimal"
        The schedule; its numbers are `eta0` (0.01) and `power_t` (0.5).
    warm_start, average
        As in scikit-learn: False, False.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,)
    offset_ : ndarray, shape (1,)
        decision_function = x.w - offset_.
    n_iter_ : int
        Epochs done.
    t_ : float
        Updates done, and 1.

    Raises
    ------
    ValueError
        For input or parameters that scikit-learn refuses, with the same class of exception.

    References
    ----------
    Schoelkopf, B. et al. (2001). Estimating the support of a high-dimensional distribution. Neural Computation 13.

    Examples
    --------
    >>> from gdfast.sklearn import SGDOneClassSVM
    >>> model = SGDOneClassSVM(random_state=42, tol=None).fit([[-1.0, -1.0], [-2.0, -1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> int(model.predict([[4.0, 4.0]])[0])
    1
    """

    one_class = True

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        coef_init: ArrayLike | None = None,
        offset_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDOneClassSVM":
        """Fit to X (n, n_features), dense or sparse; y is ignored, the starts given are not changed."""
        self.check_together("", again=False)
        if self.warm_start and getattr(self, "coef_", None) is not None:
            coef_init = self.coef_ if coef_init is None else coef_init
            offset_init = self.offset_ if offset_init is None else offset_init
        else:
            self.coef_ = None
        self.t_ = 1.0
        self.learn(X, sample_weight, self.max_iter, coef_init, offset_init)
        self.warn_after(self.max_iter)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> "SGDOneClassSVM":
        """Train for one epoch more; y is ignored."""
        if not hasattr(self, "coef_"):
            self.check_together("", again=True)
        self.learn(X, sample_weight, 1, None, None)
        return self

    def learn(self, X: Any, sample_weight: Any, epochs: int, coef_init: Any, offset_init: Any) -> None:
        """Train for so many epochs at most, from the coefficients where there are some."""
        first = getattr(self, "coef_", None) is None
        X = self.checked(X, None, first)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if first or coef_init is not None:
            coef, offset = self.starts(1, X.shape[1], X.dtype, coef_init, offset_init, "offset_init")
            self.coef_, self.offset_ = coef[0], offset
            self.forget_mean()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self.begin_mean(self.coef_, 1 - self.offset_)
        seed = check_random_state(self.random_state).randint(0, LARGEST_SEED)
        task = self.task(X, np.ones(X.shape[0]), weights)
        self.coef_, intercept = self.learn_target(task, self.conduct(epochs, seed), self.coef_, 1 - self.offset_)
        self.offset_ = 1 - intercept


class SGDClassifier(Trained, linear_model.SGDClassifier):
    """Linear classification by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) sample by sample, y being -1 or +1, for more than two classes
    one against all others, in scikit-learn's order and with its conventions, so that `coef_`, `intercept_`, `n_iter_`
    and `t_` are those of `sklearn.linear_model.SGDClassifier`.

    Parameters
    ----------
    loss : str, default="hinge"
        Also "log_loss", "modified_huber", "squared_hinge", "perceptron", and the losses of SGDRegressor.
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        R: |w|^2 / 2, |w|_1, or their mix by `l1_ratio`.
    alpha : float >= 0, default=0.0001
        Weight of the penalty.
    l1_ratio : float in [0, 1], default=0.15
        Part of l1 in "elasticnet".
    fit_intercept, max_iter, tol, shuffle, verbose, epsilon, random_state
        As in scikit-learn: True, 1000, 1e-3, True, 0, 0.1, None.
    n_jobs : int, default=None
        Threads that share the classes, where there are more than two.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, default="optimal"
        The schedule; its numbers are `eta0` (0.01) and `power_t` (0.5).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes.
    early_stopping, validation_fraction, n_iter_no_change, warm_start, average
        As in scikit-learn: False, 0.1, 5, False, False.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) or (n_classes, n_features)
    intercept_ : ndarray, shape (1,) or (n_classes,)
    classes_ : ndarray, shape (n_classes,)
    n_iter_ : int
        Epochs done, the most of all classes.
    t_ : float
        Updates done, and 1.

    Raises
    ------
    ValueError
        For input or parameters that scikit-learn refuses, with the same class of exception.

    References
    ----------
    Bottou, L. (2012). Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> from gdfast.sklearn import SGDClassifier
    >>> model = SGDClassifier(random_state=0).fit([[-2.0], [-1.0], [1.0], [2.0]] * 20, ["no", "no", "yes", "yes"] * 20)
    >>> str(model.predict([[1.5]])[0])
    'yes'
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDClassifier":
        """Fit to X (n, n_features), dense or sparse, and labels y (n,); the starts given are not changed."""
        self.check_together("hinge", again=False)
        if hasattr(self, "classes_"):
            del self.classes_
        if self.warm_start and getattr(self, "coef_", None) is not None:
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        else:
            self.coef_ = None
        self.t_ = 1.0
        self.learn(X, y, None, sample_weight, self.max_iter, coef_init, intercept_init)
        self.warn_after(self.max_iter)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> "SGDClassifier":
        """Train for one epoch more; the first call must be given all classes that there will be."""
        if not hasattr(self, "classes_"):
            self.check_together("hinge", again=True)
            if isinstance(self.class_weight, str):
                raise ValueError(
                    f"class_weight '{self.class_weight}' is not supported for partial_fit. In order to use 'balanced' "
                    f"weights, use compute_class_weight('{self.class_weight}', classes=classes, y=y). In place of y "
                    "you can use a large enough sample of the full training set target to properly estimate the class "
                    "frequency distributions. Pass the resulting weights as the class_weight parameter."
                )
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        self.learn(X, y, classes, sample_weight, 1, None, None)
        return self

    def learn(
        self, X: Any, y: Any, classes: Any, sample_weight: Any, epochs: int, coef_init: Any, intercept_init: Any
    ) -> None:
        """Train for so many epochs at most, from the coefficients where there are some."""
        first = not hasattr(self, "classes_")
        X, y = self.checked(X, y, first)
        if classes is None and first:
            check_classification_targets(y)
            classes = np.unique(y)
        self.know_classes(classes)
        factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        weights = _check_sample_weight(
            sample_weight, X, dtype=X.dtype, allow_all_zero_weights=bool(self.early_stopping)
        )
        if len(self.classes_) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(self.classes_)} class: {self.classes_}"
            )
        models = 1 if len(self.classes_) == 2 else len(self.classes_)
        if getattr(self, "coef_", None) is None or coef_init is not None:
            self.coef_, self.intercept_ = self.starts(
                models, X.shape[1], X.dtype, coef_init, intercept_init, "intercept_init"
            )
            self.forget_mean()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self.begin_mean(self.coef_, self.intercept_)
        if models == 1:
            done = [self.learn_one(X, y, 1, weights, factors[::-1], epochs, self.random_state, None)]
        else:
            done = self.learn_all(X, y, weights, factors, epochs)
        self.take_over(done, X.shape[0])

    def know_classes(self, classes: Any) -> None:
        """Keep the classes, or see that they are those known."""
        if not hasattr(self, "classes_"):
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def learn_one(
        self, X: Any, y: Any, i: int, weights: Any, factors: Any, epochs: int, random_state: Any, mask: Any
    ) -> Outcome:
        """Train one class against the others, weighted by factors; a mask of rows to validate on is split off here."""
        signs = np.where(y == self.classes_[i], 1.0, -1.0)
        random = check_random_state(random_state)
        random.randint(1, LARGEST_SEED)  # scikit-learn draws once before
        if mask is None:
            mask = self.split(StratifiedShuffleSplit, signs, weights)
        seed = random.randint(LARGEST_SEED)
        task = self.task(X, signs, weights * np.where(signs > 0, factors[0], factors[1]).astype(X.dtype))
        conduct = self.conduct(epochs, seed, mask, self.scorer(mask, X, signs, weights))
        place = i if len(self.classes_) > 2 else 0
        return train(task, conduct, self.start(self.coef_, self.intercept_, place))

    def learn_all(self, X: Any, y: Any, weights: Any, factors: Any, epochs: int) -> list[Outcome]:
        """Train each class against all others, in n_jobs threads."""
        mask = self.split(StratifiedShuffleSplit, y, weights)
        seeds = check_random_state(self.random_state).randint(LARGEST_SEED, size=len(self.classes_))
        jobs = (
            delayed(self.learn_one)(X, y, i, weights, (factors[i], 1.0), epochs, int(seed), mask)
            for i, seed in enumerate(seeds)
        )
        return list(Parallel(n_jobs=self.n_jobs, verbose=self.verbose, require="sharedmem")(jobs))

    def take_over(self, done: list[Outcome], n: int) -> None:
        """Make what was learnt the model; of the mean where it has begun."""
        dtype, began = self.coef_.dtype, self.averaged()
        intercept = np.array([one.intercept for one in done], dtype)
        self.n_iter_ = max(one.n_iter for one in done)
        self.t_ += self.n_iter_ * n
        coef = self._standard_coef if self.average else self.coef_
        for i, one in enumerate(done):
            coef[i] = one.coef
        if not self.average:
            self.intercept_ = intercept
            return
        for i, one in enumerate(done):
            self._average_coef[i] = one.mean_coef
        self._average_intercept = np.array([one.mean_intercept for one in done], dtype)
        # scikit-learn goes on from a stale intercept: of two classes from that before the mean began, of several from
        # that of the call in which it began; in later calls the last iterates take the place of their mean.
        if len(done) > 1 and began:
            self._average_intercept = intercept
        elif len(done) > 1 or not self.averaged():
            self._standard_intercept = intercept
        if self.averaged():
            self.coef_, self.intercept_ = self._average_coef, self._average_intercept
        else:
            self.coef_, self.intercept_ = self._standard_coef, self._standard_intercept
