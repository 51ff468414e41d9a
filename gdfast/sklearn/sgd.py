"""SGDRegressor, SGDClassifier and SGDOneClassSVM: scikit-learn's, trained by gdfast's kernels.

The classes are scikit-learn's own, so parameters, predictions, tags and routing are; `fit` and `partial_fit` are ours.
docs/sklearn.md lists what differs on purpose.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model
from sklearn.base import _fit_context
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight

from gdfast.sklearn.trained import LARGEST_SEED, Trained
from gdfast.sklearn.training import Outcome, train

__all__ = ["SGDClassifier", "SGDOneClassSVM", "SGDRegressor"]


class SGDRegressor(Trained, linear_model.SGDRegressor):
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
        At least 0. Stop where the training loss is above the lowest one before minus tol in
        `n_iter_no_change` epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch where it is above 0.
    epsilon : float, default=0.1
        The parameter of "huber", "epsilon_insensitive" and "squared_epsilon_insensitive", at least 0.
    random_state : int, RandomState or None, default=None
        Fixes the sample order and the rows kept out by early_stopping.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, default="invscaling"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (alpha (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 where training stops
        improving. "pa1" and "pa2" are passive-aggressive updates, eta0 the aggressiveness.
    eta0 : float, default=0.01
        The first learning rate, above 0.
    power_t : float, default=0.25
        The exponent of "invscaling", at least 0.
    early_stopping : bool, default=False
        Whether to keep out a part of the rows and to stop by the score on them instead of the training loss.
    validation_fraction : float, default=0.1
        The part of the rows kept out, between 0 and 1.
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
        The column names of X, where all of them are strings.

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
        self.check_together("epsilon_insensitive", again=False)
        if not (self.warm_start and getattr(self, "coef_", None) is not None):
            self.coef_ = None
        self.t_ = 1.0
        self.learn(X, y, sample_weight, self.max_iter, coef_init, intercept_init)
        self.warn_after(self.max_iter)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
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
            self.check_together("epsilon_insensitive", again=True)
        self.learn(X, y, sample_weight, 1, None, None)
        return self

    def learn(self, X: Any, y: Any, sample_weight: Any, epochs: int, coef_init: Any, intercept_init: Any) -> None:
        """Train for at most so many epochs, from the coefficients of the model if it has any.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The targets.
        sample_weight : array-like of shape (n,) or None
            Weights of the samples.
        epochs : int
            Largest number of epochs.
        coef_init : array-like or None
            The coefficients to start from.
        intercept_init : array-like or None
            The intercept to start from.
        """
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
        At least 0. Stop where the training loss is above the lowest one before minus tol in
        5 epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch where it is above 0.
    random_state : int, RandomState or None, default=None
        Fixes the sample order.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive"}, default="optimal"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (nu (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 where training stops
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
        The column names of X, where all of them are strings.

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
            self.check_together("", again=True)
        self.learn(X, sample_weight, 1, None, None)
        return self

    def learn(self, X: Any, sample_weight: Any, epochs: int, coef_init: Any, offset_init: Any) -> None:
        """Train for at most so many epochs, from the coefficients of the model if it has any.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        sample_weight : array-like of shape (n,) or None
            Weights of the samples.
        epochs : int
            Largest number of epochs.
        coef_init : array-like or None
            The coefficients to start from.
        offset_init : array-like or None
            The offset to start from.
        """
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
        At least 0. Stop where the training loss is above the lowest one before minus tol in
        `n_iter_no_change` epochs in a row. None: run all epochs.
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.
    verbose : int, default=0
        Print a report of each epoch where it is above 0.
    epsilon : float, default=0.1
        The parameter of "huber", "epsilon_insensitive" and "squared_epsilon_insensitive", at least 0.
    n_jobs : int or None, default=None
        Number of threads that share the classes, where there are more than two; None is 1, -1 all processors.
    random_state : int, RandomState or None, default=None
        Fixes the sample order and the rows kept out by early_stopping.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, default="optimal"
        The schedule of the rate eta, t counting updates from 1: "constant" eta0; "optimal" 1 / (alpha (t0 + t)), t0 by
        a heuristic of Bottou; "invscaling" eta0 / t^power_t; "adaptive" eta0, divided by 5 where training stops
        improving. "pa1" and "pa2" are passive-aggressive updates, eta0 the aggressiveness.
    eta0 : float, default=0.01
        The first learning rate, above 0.
    power_t : float, default=0.5
        The exponent of "invscaling", at least 0.
    early_stopping : bool, default=False
        Whether to keep out a part of the rows and to stop by the score on them instead of the training loss.
    validation_fraction : float, default=0.1
        The part of the rows kept out, between 0 and 1.
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
        The column names of X, where all of them are strings.

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
        """Train for at most so many epochs, from the coefficients of the model if it has any.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,)
            The labels.
        classes : array-like or None
            All labels; None where they are known or those of y.
        sample_weight : array-like of shape (n,) or None
            Weights of the samples.
        epochs : int
            Largest number of epochs.
        coef_init : array-like or None
            The coefficients to start from.
        intercept_init : array-like or None
            The intercept to start from.
        """
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
        """Set the classes, or check that they are those of the first call.

        Parameters
        ----------
        classes : array-like or None
            The labels.
        """
        if not hasattr(self, "classes_"):
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def learn_one(
        self, X: Any, y: Any, i: int, weights: Any, factors: Any, epochs: int, random_state: Any, mask: Any
    ) -> Outcome:
        """Train one class against the others.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, n_features)
            The features.
        y : ndarray of shape (n,)
            The labels.
        i : int
            The index of the class in `classes_`.
        weights : ndarray of shape (n,)
            Weights of the samples.
        factors : tuple of float
            Factors of the weights for the class and for the others.
        epochs : int
            Largest number of epochs.
        random_state : int, RandomState or None
            Source of the sample order.
        mask : ndarray of bool, shape (n,), or None
            The rows to validate on. None: they are drawn here if early_stopping is on.

        Returns
        -------
        Outcome
            The coefficients and the number of epochs.
        """
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
        """Train each class against all others, in n_jobs threads.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, n_features)
            The features.
        y : ndarray of shape (n,)
            The labels.
        weights : ndarray of shape (n,)
            Weights of the samples.
        factors : ndarray of shape (n_classes,)
            Weights of the classes.
        epochs : int
            Largest number of epochs.

        Returns
        -------
        list of Outcome
            The result for each class.
        """
        mask = self.split(StratifiedShuffleSplit, y, weights)
        seeds = check_random_state(self.random_state).randint(LARGEST_SEED, size=len(self.classes_))
        jobs = (
            delayed(self.learn_one)(X, y, i, weights, (factors[i], 1.0), epochs, int(seed), mask)
            for i, seed in enumerate(seeds)
        )
        return list(Parallel(n_jobs=self.n_jobs, verbose=self.verbose, require="sharedmem")(jobs))

    def take_over(self, done: list[Outcome], n: int) -> None:
        """Set the attributes of the model from the results; to the mean of iterates where averaging has begun.

        Parameters
        ----------
        done : list of Outcome
            The result for each class.
        n : int
            Number of rows of an epoch.
        """
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
