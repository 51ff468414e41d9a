"""SGDRegressor, SGDClassifier and SGDOneClassSVM: scikit-learn's estimators, trained by gdfast's kernels.

Each is a subclass of scikit-learn's class, which gives parameters, predictions, tags and metadata routing; `fit` and
`partial_fit` are gdfast's. The two differences are at https://gdfast.readthedocs.io/en/latest/sklearn.html.
"""

import threading
from functools import lru_cache, partial
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn import linear_model
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from gdfast.data.row_blocks import by_row_blocks
from gdfast.formulas.losses import LOSSES
from gdfast.sklearn.base import MAX_SEED, BaseSGD
from gdfast.sklearn.epochs import FitResult, train
from gdfast.sklearn.internals import check_sample_weight, fit_context
from gdfast.sklearn.methods import takes_arrays, trains

__all__ = ["SGDClassifier", "SGDOneClassSVM", "SGDRegressor"]


def draw(random_state: Any, *lows: int) -> tuple[int, ...]:
    """Return the next numbers of a random_state, each from a lowest one to MAX_SEED - 1, as scikit-learn draws them."""
    if isinstance(random_state, Integral):
        return first_drawn(int(random_state), lows)
    random = check_random_state(random_state)
    return tuple(int(random.randint(low, MAX_SEED)) for low in lows)


@lru_cache(1024)
def first_drawn(seed: int, lows: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first numbers of a seed: making a RandomState takes as long as training on a hundred rows."""
    random = np.random.RandomState(seed)
    return tuple(int(random.randint(low, MAX_SEED)) for low in lows)


class SGDRegressor(BaseSGD, linear_model.SGDRegressor):
    """Linear regression by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) sample by sample, in scikit-learn's order and with its
    conventions, so that `coef_`, `intercept_`, `n_iter_` and `t_` are those of `sklearn.linear_model.SGDRegressor`.

    Parameters
    ----------
    loss : str, default="squared_error"
        "squared_error", "huber", "epsilon_insensitive" or "squared_epsilon_insensitive".
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        The penalty R: |w|^2 / 2, |w|_1, or their mix by `l1_ratio`.
    alpha : float, default=0.0001
        The penalty's strength, at least 0. The learning rate "optimal" divides by it.
    l1_ratio : float or None, default=0.15
        The part of l1 in "elasticnet", from 0 to 1; None only with another penalty.
    fit_intercept : bool, default=True
        Whether to fit the intercept; else it stays zero.
    max_iter : int, default=1000
        Largest number of epochs, at least 1; `partial_fit` does one.
    tol : float or None, default=0.001
        At least 0. Stop when the training loss is above the lowest one before minus tol in
        `n_iter_no_change` epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch if it is above 0.
    epsilon : float, default=0.1
        The parameter of "huber", "epsilon_insensitive" and "squared_epsilon_insensitive", at least 0.
    random_state : int, RandomState or None, default=None
        Fixes the sample order and the validation rows of early_stopping.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, default="invscaling"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (alpha (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 when training stops
        improving. "pa1" and "pa2" are passive-aggressive updates, eta0 the aggressiveness.
    eta0 : float, default=0.01
        The first learning rate, above 0.
    power_t : float, default=0.25
        The exponent of "invscaling", at least 0.
    early_stopping : bool, default=False
        Whether to hold out validation rows and to stop by the score on them instead of the training loss.
    validation_fraction : float, default=0.1
        The fraction of the rows held out for validation, between 0 and 1.
    n_iter_no_change : int, default=5
        Number of epochs in a row without improvement before training stops, at least 1.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last fit.
    average : bool or int, default=False
        Whether `coef_` is the mean of the iterates after every update; an int is the number of samples seen before
        averaging begins.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The coefficients.
    intercept_ : ndarray of shape (1,)
        The intercept.
    n_iter_ : int
        Number of epochs done.
    t_ : float
        Number of updates done, plus 1.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if all of them are strings.

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

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDRegressor":
        """Fit the model to the data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The targets.
        coef_init : array-like of shape (n_features,), default=None
            The coefficients to start from, not changed; None is zero. With warm_start those of the last fit are used.
        intercept_init : array-like of shape (1,), default=None
            The intercept to start from, not changed; None is zero. With warm_start that of the last fit is used.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDRegressor
            The fitted estimator itself.
        """
        self._check_parameter_combinations("epsilon_insensitive", partial_fit=False)
        if not (self.warm_start and getattr(self, "coef_", None) is not None):
            self.coef_ = None
        self.t_ = 1.0
        self._train(X, y, sample_weight, self.max_iter, coef_init, intercept_init)
        self._warn_after_fit(self.max_iter)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> "SGDRegressor":
        """Train for one more epoch on the rows given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The targets.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDRegressor
            The fitted estimator itself.
        """
        if not hasattr(self, "coef_"):
            self._check_parameter_combinations("epsilon_insensitive", partial_fit=True)
        self._train(X, y, sample_weight, 1, None, None)
        return self

    @takes_arrays
    def predict(self, X: Any) -> NDArray[Any]:
        """Return the prediction X coef_ + intercept_ for each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,)
            The predictions.
        """
        check_is_fitted(self)
        return by_row_blocks(super().predict, X, self.coef_.dtype)

    @takes_arrays
    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2 of the predictions.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The targets.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        float
            R^2, at most 1.
        """
        return float(super().score(X, y, sample_weight))

    def _train(self, X: Any, y: Any, sample_weight: Any, max_iter: int, coef_init: Any, intercept_init: Any) -> None:
        """Train for at most max_iter epochs, from the coefficients of the model if it has any."""
        first_call = getattr(self, "coef_", None) is None
        X, y = self._validate_input(X, y, reset=first_call)
        y = y.astype(X.dtype, copy=False)
        sample_weight = check_sample_weight(sample_weight, X, dtype=X.dtype)
        if first_call:
            coef, self.intercept_ = self._initial_coefficients(
                1, X.shape[1], X.dtype, coef_init, intercept_init, "intercept_init"
            )
            self.coef_ = coef[0]
            self._delete_average()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self._start_average(self.coef_, self.intercept_)
        mask = self._split_validation(ShuffleSplit, y, sample_weight)
        seed, _ = draw(self.random_state, 0, 1)  # scikit-learn draws twice
        problem = self._make_problem(X, y, sample_weight)
        score = self._validation_scorer(mask, X, y, sample_weight)
        settings = self._training_settings(max_iter, seed, mask, score)
        self.coef_, self.intercept_ = self._train_single_output(problem, settings, self.coef_, self.intercept_)


class SGDOneClassSVM(BaseSGD, linear_model.SGDOneClassSVM):
    """Linear one-class SVM by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises nu |w|^2 / 2 + mean_i s_i max(0, rho - x_i.w) - nu rho. Samples with x.w above rho are inliers; nu bounds
    the fraction of the others.

    Parameters
    ----------
    nu : float, default=0.5
        An upper bound of the fraction of outliers among the samples, above 0 and at most 1.
    fit_intercept : bool, default=True
        Whether to fit the intercept; else it stays zero.
    max_iter : int, default=1000
        Largest number of epochs, at least 1; `partial_fit` does one.
    tol : float or None, default=0.001
        At least 0. Stop when the training loss is above the lowest one before minus tol in
        5 epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch if it is above 0.
    random_state : int, RandomState or None, default=None
        Fixes the sample order.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive"}, default="optimal"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (nu (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 when training stops
        improving.
    eta0 : float, default=0.01
        The first learning rate, above 0.
    power_t : float, default=0.5
        The exponent of "invscaling", at least 0.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last fit.
    average : bool or int, default=False
        Whether `coef_` is the mean of the iterates after every update; an int is the number of samples seen before
        averaging begins.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The coefficients.
    offset_ : ndarray of shape (1,)
        The offset rho: decision_function is x.w - offset_.
    n_iter_ : int
        Number of epochs done.
    t_ : float
        Number of updates done, plus 1.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if all of them are strings.

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

    _is_one_class = True

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def fit(
        self,
        X: Any,
        y: Any = None,
        coef_init: ArrayLike | None = None,
        offset_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDOneClassSVM":
        """Fit the model to the data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : object, default=None
            Ignored.
        coef_init : array-like of shape (n_features,), default=None
            The coefficients to start from, not changed; None is zero, or with warm_start those of the last fit.
        offset_init : array-like of shape (1,), default=None
            The offset to start from, not changed; None is zero, or with warm_start that of the last fit.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDOneClassSVM
            The fitted estimator itself.
        """
        self._check_parameter_combinations("", partial_fit=False)
        if self.warm_start and getattr(self, "coef_", None) is not None:
            coef_init = self.coef_ if coef_init is None else coef_init
            offset_init = self.offset_ if offset_init is None else offset_init
        else:
            self.coef_ = None
        self.t_ = 1.0
        self._train(X, sample_weight, self.max_iter, coef_init, offset_init)
        self._warn_after_fit(self.max_iter)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> "SGDOneClassSVM":
        """Train for one more epoch on the rows given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : object, default=None
            Ignored.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDOneClassSVM
            The fitted estimator itself.
        """
        if not hasattr(self, "coef_"):
            self._check_parameter_combinations("", partial_fit=True)
        self._train(X, sample_weight, 1, None, None)
        return self

    @takes_arrays
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return X coef_ - offset_ for each row, positive for inliers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,)
            The signed distances, up to a factor.
        """
        check_is_fitted(self)
        return by_row_blocks(super().decision_function, X, self.coef_.dtype)

    def _train(self, X: Any, sample_weight: Any, max_iter: int, coef_init: Any, offset_init: Any) -> None:
        """Train for at most max_iter epochs, from the coefficients of the model if it has any."""
        first_call = getattr(self, "coef_", None) is None
        X = self._validate_input(X, None, reset=first_call)
        sample_weight = check_sample_weight(sample_weight, X, dtype=X.dtype)
        if first_call or coef_init is not None:
            coef, self.offset_ = self._initial_coefficients(
                1, X.shape[1], X.dtype, coef_init, offset_init, "offset_init"
            )
            self.coef_ = coef[0]
            self._delete_average()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self._start_average(self.coef_, 1 - self.offset_)
        (seed,) = draw(self.random_state, 0)
        problem = self._make_problem(X, np.ones(X.shape[0]), sample_weight)
        settings = self._training_settings(max_iter, seed)
        self.coef_, intercept = self._train_single_output(problem, settings, self.coef_, 1 - self.offset_)
        self.offset_ = 1 - intercept


class SGDClassifier(BaseSGD, linear_model.SGDClassifier):
    """Linear classification by stochastic gradient descent: scikit-learn's estimator, trained by gdfast.

    Minimises mean_i s_i loss(y_i, x_i.w + b) + alpha R(w) sample by sample, y being -1 or +1, for more than two classes
    one against all others, in scikit-learn's order and with its conventions, so that `coef_`, `intercept_`, `n_iter_`
    and `t_` are those of `sklearn.linear_model.SGDClassifier`.

    Parameters
    ----------
    loss : str, default="hinge"
        "hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", or a loss of SGDRegressor.
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        The penalty R: |w|^2 / 2, |w|_1, or their mix by `l1_ratio`.
    alpha : float, default=0.0001
        The penalty's strength, at least 0. The learning rate "optimal" divides by it.
    l1_ratio : float or None, default=0.15
        The part of l1 in "elasticnet", from 0 to 1; None only with another penalty.
    fit_intercept : bool, default=True
        Whether to fit the intercept; else it stays zero.
    max_iter : int, default=1000
        Largest number of epochs, at least 1; `partial_fit` does one.
    tol : float or None, default=0.001
        At least 0. Stop when the training loss is above the lowest one before minus tol in
        `n_iter_no_change` epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch if it is above 0.
    epsilon : float, default=0.1
        The parameter of "huber", "epsilon_insensitive" and "squared_epsilon_insensitive", at least 0.
    n_jobs : int or None, default=None
        Number of threads that share the classes, if there are more than two; None is 1, -1 all processors.
    random_state : int, RandomState or None, default=None
        Fixes the sample order and the validation rows of early_stopping.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, default="optimal"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (alpha (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 when training stops
        improving. "pa1" and "pa2" are passive-aggressive updates, eta0 the aggressiveness.
    eta0 : float, default=0.01
        The first learning rate, above 0.
    power_t : float, default=0.5
        The exponent of "invscaling", at least 0.
    early_stopping : bool, default=False
        Whether to hold out validation rows and to stop by the score on them instead of the training loss.
    validation_fraction : float, default=0.1
        The fraction of the rows held out for validation, between 0 and 1.
    n_iter_no_change : int, default=5
        Number of epochs in a row without improvement before training stops, at least 1.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by which those of the samples are multiplied.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the last fit.
    average : bool or int, default=False
        Whether `coef_` is the mean of the iterates after every update; an int is the number of samples seen before
        averaging begins.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        The coefficients.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The intercept.
    classes_ : ndarray of shape (n_classes,)
        The labels in sorted order.
    n_iter_ : int
        Number of epochs done, the largest of all classes.
    t_ : float
        Number of updates done, plus 1.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if all of them are strings.

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

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "SGDClassifier":
        """Fit the model to the data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The labels, of two or more classes.
        coef_init : array-like of shape (1, n_features) or (n_classes, n_features), default=None
            The coefficients to start from, not changed; None is zero, or with warm_start those of the last fit.
        intercept_init : array-like of shape (1,) or (n_classes,), default=None
            The intercept to start from, not changed; None is zero, or with warm_start that of the last fit.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDClassifier
            The fitted estimator itself.
        """
        self._check_parameter_combinations("hinge", partial_fit=False)
        if hasattr(self, "classes_"):
            del self.classes_
        if self.warm_start and getattr(self, "coef_", None) is not None:
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        else:
            self.coef_ = None
        self.t_ = 1.0
        self._train(X, y, None, sample_weight, self.max_iter, coef_init, intercept_init)
        self._warn_after_fit(self.max_iter)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @trains
    def partial_fit(
        self, X: Any, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> "SGDClassifier":
        """Train for one more epoch on the rows given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The labels; each is one of the classes.
        classes : array-like of shape (n_classes,), default=None
            All labels of all calls. The first call needs them.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        SGDClassifier
            The fitted estimator itself.
        """
        if not hasattr(self, "classes_"):
            self._check_parameter_combinations("hinge", partial_fit=True)
            if isinstance(self.class_weight, str):
                raise ValueError(
                    f"class_weight '{self.class_weight}' is not supported for partial_fit. In order to use 'balanced' "
                    f"weights, use compute_class_weight('{self.class_weight}', classes=classes, y=y). In place of y "
                    "you can use a large enough sample of the full training set target to properly estimate the class "
                    "frequency distributions. Pass the resulting weights as the class_weight parameter."
                )
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        self._train(X, y, classes, sample_weight, 1, None, None)
        return self

    @takes_arrays
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return X coef_ + intercept_ for each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            For two classes one value a row, positive for the second class; else one for each class.
        """
        check_is_fitted(self)
        return by_row_blocks(super().decision_function, X, self.coef_.dtype)

    @takes_arrays
    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the predicted labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        float
            The weighted part of the rows whose label is the predicted one.
        """
        return float(super().score(X, y, sample_weight))

    def _train(
        self, X: Any, y: Any, classes: Any, sample_weight: Any, max_iter: int, coef_init: Any, intercept_init: Any
    ) -> None:
        """Train for at most max_iter epochs, from the coefficients of the model if it has any."""
        first_call = not hasattr(self, "classes_")
        X, y = self._validate_input(X, y, reset=first_call)
        if classes is None and first_call:
            check_classification_targets(y)
            classes = np.unique(y)
        self._set_classes(classes)
        class_weight = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        sample_weight = check_sample_weight(
            sample_weight, X, dtype=X.dtype, allow_all_zero_weights=bool(self.early_stopping)
        )
        if len(self.classes_) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(self.classes_)} class: {self.classes_}"
            )
        n_outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        if getattr(self, "coef_", None) is None or coef_init is not None:
            self.coef_, self.intercept_ = self._initial_coefficients(
                n_outputs, X.shape[1], X.dtype, coef_init, intercept_init, "intercept_init"
            )
            self._delete_average()
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        if self.average and not hasattr(self, "_average_coef"):
            self._start_average(self.coef_, self.intercept_)
        if n_outputs == 1:
            weights = class_weight[::-1]
            results = [self._train_binary(X, y, 1, sample_weight, weights, max_iter, self.random_state, None)]
        else:
            results = self._train_one_vs_rest(X, y, sample_weight, class_weight, max_iter)
        self._set_fitted_attributes(results, X.shape[0])

    def _set_classes(self, classes: Any) -> None:
        """Set classes_, or check that the classes are those of the first call."""
        if not hasattr(self, "classes_"):
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def _train_binary(
        self,
        X: Any,
        y: Any,
        i: int,
        sample_weight: Any,
        class_weight: Any,
        max_iter: int,
        random_state: Any,
        mask: Any,
        ended: threading.Event | None = None,
    ) -> FitResult:
        """Train class i against the others; class_weight is the pair of their weights, mask that of validation."""
        signs = np.where(y == self.classes_[i], 1.0, -1.0)
        # scikit-learn draws twice, and between the two the validation rows from a RandomState that is given.
        numbers = draw(random_state, 1, 0) if isinstance(random_state, Integral) else draw(random_state, 1)
        if mask is None:
            mask = self._split_validation(StratifiedShuffleSplit, signs, sample_weight)
        seed = numbers[1] if len(numbers) > 1 else draw(random_state, 0)[0]
        weights = np.where(signs > 0, class_weight[0], class_weight[1]).astype(X.dtype)
        problem = self._make_problem(X, signs, sample_weight * weights)
        # scikit-learn's labels of log_loss are 0 and 1, and those predicted -1 and 1: a negative is never right.
        labels = np.maximum(signs, 0.0) if LOSSES[self.loss].likelihood else signs
        score = self._validation_scorer(mask, X, labels, sample_weight)
        settings = self._training_settings(max_iter, seed, mask, score, ended)
        output = i if len(self.classes_) > 2 else 0
        return train(problem, settings, self._training_start(self.coef_, self.intercept_, output))

    def _train_one_vs_rest(
        self, X: Any, y: Any, sample_weight: Any, class_weight: Any, max_iter: int
    ) -> list[FitResult]:
        """Train each class against all others, in n_jobs threads."""
        mask = self._split_validation(StratifiedShuffleSplit, y, sample_weight)
        seeds = draw(self.random_state, *[0] * len(self.classes_))
        ended = threading.Event()
        calls = [
            partial(self._train_binary, X, y, i, sample_weight, (class_weight[i], 1.0), max_iter, seed, mask, ended)
            for i, seed in enumerate(seeds)
        ]
        n_jobs = None if self.n_jobs is None else min(self.n_jobs, len(seeds))  # each thread is started
        if effective_n_jobs(n_jobs) == 1 and not self.verbose:
            return [call() for call in calls]
        try:
            jobs = (delayed(call)() for call in calls)
            return list(Parallel(n_jobs=n_jobs, verbose=self.verbose, require="sharedmem")(jobs))
        finally:
            ended.set()  # the threads that are left after Ctrl-C, or after the error of one, would run on

    def _set_fitted_attributes(self, results: list[FitResult], n_samples: int) -> None:
        """Set the fitted attributes; the coefficients are the averages if averaging has begun."""
        dtype, had_begun = self.coef_.dtype, self._averaging_has_begun()
        # Of two classes it is float64 for float32, too, and the average's is not, as scikit-learn's.
        intercept = np.array([result.intercept for result in results], dtype if len(results) > 1 else np.float64)
        self.n_iter_ = max(result.n_iter for result in results)
        self.t_ += self.n_iter_ * n_samples
        coef = self._standard_coef if self.average else self.coef_
        for i, result in enumerate(results):
            coef[i] = result.coef
        if not self.average:
            self.intercept_ = intercept
            return
        for i, result in enumerate(results):
            self._average_coef[i] = result.average_coef
        self._average_intercept = np.array([result.average_intercept for result in results], dtype)
        # scikit-learn resumes from an outdated intercept: with two classes from the one before averaging began, with
        # several from the one of the call in which it began; later calls set their average to the last intercept.
        if len(results) > 1 and had_begun:
            self._average_intercept = intercept
        elif len(results) > 1 or not self._averaging_has_begun():
            self._standard_intercept = intercept
        if self._averaging_has_begun():
            self.coef_, self.intercept_ = self._average_coef, self._average_intercept
        else:
            self.coef_, self.intercept_ = self._standard_coef, self._standard_intercept
