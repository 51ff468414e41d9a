"""GDRegressor and GDClassifier: gdfast.fit as scikit-learn estimators."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

import gdfast
from gdfast._utils.arguments import choice, numeric_array, shown
from gdfast.data.blocks.blocks import Blocks
from gdfast.data.blocks.rows import labels_of_blocks
from gdfast.data.csr import features
from gdfast.formulas.losses import LOSSES, log_normalised
from gdfast.formulas.probabilities import agreeing, log_one_against_all, predicted_classes
from gdfast.options.declarations import OPTIONS
from gdfast.sklearn.base_gd import BaseGD, FitCall, TrainingRows
from gdfast.sklearn.methods import takes_arrays, trains
from gdfast.sklearn.parameters import with_parameters
from gdfast.sklearn.partial import PartialRows, class_targets, known_classes, regression_targets

__all__ = ["GDClassifier", "GDRegressor"]


@with_parameters(
    loss=(
        "str or gdfast.Loss",
        '"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile", or with a log '
        'link "poisson" (y >= 0), "gamma" (y > 0) or "tweedie" (y >= 0), or a custom loss.',
    ),
    loss_parameter=("float", f"{OPTIONS['loss_parameter'].text} None is the number given first."),
)
class GDRegressor(RegressorMixin, BaseGD):
    """Linear regression by gradient descent: full batch, mini-batch or SGD, as an estimator.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i.w + b) + alpha R(w), the objective of `gdfast.fit`, whose arguments
    are parameters here. The stopping rules use J after every epoch, unless `history` is changed.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        The coefficients.
    intercept_ : float or ndarray of shape (n_outputs,)
        The intercept.
    n_iter_ : int
        Number of epochs done; after `partial_fit` the number of its calls.
    history_ : dict of ndarray
        The columns "epoch", "cost" and what `record` names; `partial_fit` has none.
    stop_reason_ : gdfast.StopReason
        Why training ended.
    stability_ : Stability
        The result of `gdfast.stability` for the data of the last fit, computed when asked for.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if all of them are strings.

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

    @trains
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        validation: Any = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> "GDRegressor":
        """Fit the model to the data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features), or Blocks or Dask collection
            The features. `gdfast.Blocks` hold y and the weights, too.
        y : array-like of shape (n,) or (n, n_outputs), or Dask collection, default=None
            The targets; several columns for "squared_error" and "huber". Of a Dask data frame also a column's name.
        sample_weight : array-like of shape (n,), default=None
            At least 0, not all 0; scaled to mean 1. None is 1 for all.
        validation : float or tuple, default=None
            A fraction of the rows between 0 and 1, which are not trained on; or (X, y) or (X, y, sample_weight).
        coef_init : array-like of shape (n_features,) or (n_outputs, n_features), default=None
            The coefficients to start from; None is zero, or with warm_start those of the last fit.
        intercept_init : float or array-like of shape (n_outputs,), default=None
            The intercept to start from; None is zero, or with warm_start that of the last fit.

        Returns
        -------
        GDRegressor
            The fitted estimator itself.

        Raises
        ------
        ValueError, TypeError
            For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse.
        """
        self._fit(X, y, sample_weight, validation=validation, coef_init=coef_init, intercept_init=intercept_init)
        return self

    @trains
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> "GDRegressor":
        """Train for one epoch on the rows given, from where the last call of `partial_fit` or `fit` ended.

        The optimizer's state and its number of updates are carried on, also the average; a call counts as an epoch for
        schedules by epoch and for `average`, from 0 after a `fit`. With `shuffle` the rows are taken in the order
        ``gdfast.sample_order(n, seed, call)``. `epochs`, `tol`, `patience`, `gradient_tol`, `max_seconds`, `history`,
        `history_every`, `record`, `progress` and `warm_start` are of `fit` alone, and ignored. Where training diverges
        and `on_divergence` is "warn", the coefficients are those from before the call.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features, of the dtype of the first call: float32 or float64.
        y : array-like of shape (n,) or (n, n_outputs)
            The targets; as many columns as at the first call.
        sample_weight : array-like of shape (n,), default=None
            At least 0, not all 0; taken as they are, not scaled to mean 1. None is 1 for all.

        Returns
        -------
        GDRegressor
            The estimator itself; its `n_iter_` is the number of calls.

        Raises
        ------
        ValueError, TypeError
            For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse. For callbacks,
            checkpoint, restore_best, a solver other than the loop, ReduceOnPlateau, on_divergence="backtrack", and
            standardize=True without a `fit` before. Where loss, optimizer, average, fit_intercept, standardize or the
            coefficients were changed since the last call. The estimator is then as it was.
        gdfast.DivergenceError
            If training diverges and on_divergence="raise"; its `run` is None.

        Warns
        -----
        gdfast.DivergenceWarning
            If training diverges.

        Examples
        --------
        >>> import numpy as np
        >>> from gdfast.sklearn import GDRegressor
        >>> model = GDRegressor(batch_size=1, learning_rate=0.1, random_state=0)
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(100):
        ...     X = rng.standard_normal((20, 1))
        ...     model = model.partial_fit(X, 2.0 * X[:, 0] + 1.0)
        >>> model.coef_.round(6), round(model.intercept_, 6), model.n_iter_
        (array([2.]), 1.0, 100)
        """
        self._partial_fit(X, y, sample_weight)
        return self

    def _checked_rows(self, X: Any, y: Any, sample_weight: Any) -> TrainingRows:
        """Return the checked data."""
        data = self._validated(X, y, sample_weight, y_numeric=True, multi_output=self._supports_multi_output())
        return TrainingRows(*data, self._attributes_of_data())

    def _partial_rows(self, X: Any, y: Any, sample_weight: Any) -> PartialRows:
        """Return the checked rows of a call of `partial_fit`."""
        options = {"y_numeric": True, "multi_output": self._supports_multi_output()}
        X, y, sample_weight = self._validated(X, y, sample_weight, **options, **self._as_before)
        Y = regression_targets(self, y)
        return PartialRows(features("X", X), [Y], sample_weight, Y.shape[1] > 1)

    def _rows_depend_on(self, y: Any) -> tuple[Any, ...]:
        """Return whether targets in columns may have several."""
        return (np.ndim(y) != 1 and self._supports_multi_output(),)

    def _fit_calls(
        self, rows: TrainingRows, validation: Any = None, coef_init: Any = None, intercept_init: Any = None
    ) -> list[FitCall]:
        """Return the one call of `gdfast.fit`."""
        initial = self._initial_coefficients(coef_init, intercept_init)
        options = self._fit_options(*self._draw_seeds(1)) | {"validation": self._checked_validation(validation)}
        return [FitCall(rows.y, options | initial)]

    def _set_fitted_attributes(self, runs: Any) -> None:
        """Set the attributes of the one run."""
        super()._set_fitted_attributes(runs)
        self.coef_, self.intercept_ = runs[0].coef, runs[0].intercept

    def _supports_multi_output(self) -> bool:
        """Return whether the loss supports several outputs."""
        return isinstance(self.loss, str) and self.loss in LOSSES and LOSSES[self.loss].several_outputs

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the prediction for each row: z = X coef_ + intercept_, with a log link exp(z).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            The predictions.
        """
        link = LOSSES[self.loss].inverse_link if isinstance(self.loss, str) else None
        return self._evaluated(X, link)

    @takes_arrays
    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2 of the predictions.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,) or (n, n_outputs)
            The targets.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples; None is 1 for all.

        Returns
        -------
        float
            R^2, at most 1.
        """
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Return the tags: several outputs and positive targets depend on the loss."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._supports_multi_output()
        rule = LOSSES.get(self.loss) if isinstance(self.loss, str) else None
        tags.target_tags.positive_only = rule is not None and rule.lowest_target >= 0
        return tags


def has_probabilities(estimator: Any) -> bool:
    """Return whether the loss of a classifier gives probabilities."""
    able = [name for name, loss in LOSSES.items() if loss.probabilities is not None]
    if estimator.loss in able:
        return True
    raise AttributeError(f"loss={estimator.loss!r} gives no probabilities; take {' or '.join(able)}")


@with_parameters(
    loss=("str", '"log_loss", "multinomial", "hinge", "squared_hinge", "modified_huber" or "perceptron".'),
    loss_parameter=("float", "No loss of a classification has a parameter: anything but None is an error."),
    random_state=(
        "int or RandomState",
        "Fixes the sample order. An int is the seed of `gdfast.fit`; where the classes are fitted one by one, their "
        "seeds are drawn from it.",
    ),
    checkpoint=("path-like", f"{OPTIONS['checkpoint'].text} Not possible where the classes are fitted one by one."),
    class_weight=('dict or "balanced"', "Weights of the classes, by which those of the samples are multiplied."),
)
class GDClassifier(ClassifierMixin, BaseGD):
    """Linear classification by gradient descent: full batch, mini-batch or SGD, as an estimator.

    Minimises J(w, b) = mean_i s_i loss(y_i, x_i.w + b) + alpha R(w), the objective of `gdfast.fit`, whose arguments
    are parameters here. The stopping rules use J after every epoch, unless `history` is changed.
    More than two classes are fitted one against all others, or with loss="multinomial" together, by softmax.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        The coefficients.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The intercept.
    classes_ : ndarray of shape (n_classes,)
        The labels in sorted order.
    n_iter_ : int
        Number of epochs done, the largest of all classes; after `partial_fit` the number of its calls.
    history_ : dict of ndarray or list of dict
        The columns "epoch", "cost" and what `record` names; a list where the classes are fitted one by one.
        `partial_fit` has none.
    stop_reason_ : gdfast.StopReason or list of gdfast.StopReason
        Why training ended; a list where the classes are fitted one by one.
    stability_ : Stability
        The result of `gdfast.stability` for the data of the last fit, computed when asked for.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if all of them are strings.

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
        standardize: bool = False,
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
        self._set_init_arguments(locals())

    @trains
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        validation: Any = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> "GDClassifier":
        """Fit the model to the data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features), or Blocks or Dask collection
            The features. `gdfast.Blocks` hold y and the weights, too.
        y : array-like of shape (n,), or Dask collection, default=None
            The labels, of two or more classes. Of a Dask data frame also a column's name.
        sample_weight : array-like of shape (n,), default=None
            At least 0, not all 0; scaled to mean 1. None is 1 for all.
        validation : float or tuple, default=None
            A fraction of the rows between 0 and 1, which are not trained on; or (X, y) or (X, y, sample_weight).
        coef_init : array-like of shape (1, n_features) or (n_classes, n_features), default=None
            The coefficients to start from; None is zero, or with warm_start those of the last fit.
        intercept_init : array-like of shape (1,) or (n_classes,), default=None
            The intercept to start from; None is zero, or with warm_start that of the last fit.

        Returns
        -------
        GDClassifier
            The fitted estimator itself.

        Raises
        ------
        ValueError, TypeError
            For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse.
        """
        self._fit(X, y, sample_weight, validation=validation, coef_init=coef_init, intercept_init=intercept_init)
        return self

    @trains
    def partial_fit(
        self, X: Any, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> "GDClassifier":
        """Train for one epoch on the rows given, from where the last call of `partial_fit` or `fit` ended.

        The optimizer's state and its number of updates are carried on, also the average; a call counts as an epoch for
        schedules by epoch and for `average`, from 0 after a `fit`. With `shuffle` the rows are taken in the order
        ``gdfast.sample_order(n, seed, call)``. `epochs`, `tol`, `patience`, `gradient_tol`, `max_seconds`, `history`,
        `history_every`, `record`, `progress` and `warm_start` are of `fit` alone, and ignored. Where training diverges
        and `on_divergence` is "warn", the coefficients are those from before the call.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features, of the dtype of the first call: float32 or float64.
        y : array-like of shape (n,)
            The labels; each is one of the classes, and not every class must be there.
        classes : array-like of shape (n_classes,), default=None
            The labels of all calls, which the first call needs if there was no `fit`; later the same, or None.
        sample_weight : array-like of shape (n,), default=None
            At least 0, not all 0; taken as they are, not scaled to mean 1. None is 1 for all.

        Returns
        -------
        GDClassifier
            The estimator itself; its `n_iter_` is the number of calls.

        Raises
        ------
        ValueError, TypeError
            For what `gdfast.fit` refuses, and for input that scikit-learn's estimators refuse. For callbacks,
            checkpoint, restore_best, a solver other than the loop, ReduceOnPlateau, on_divergence="backtrack", and
            standardize=True without a `fit` before. Where loss, optimizer, average, fit_intercept, standardize or the
            coefficients were changed since the last call. For labels that are none of the classes, other classes than
            before, and class_weight="balanced". The estimator is then as it was.
        gdfast.DivergenceError
            If training diverges and on_divergence="raise"; its `run` is None.

        Warns
        -----
        gdfast.DivergenceWarning
            If training diverges.

        Examples
        --------
        >>> import numpy as np
        >>> from gdfast.sklearn import GDClassifier
        >>> model = GDClassifier(batch_size=1, learning_rate=0.1, random_state=0)
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(50):
        ...     X = rng.standard_normal((20, 2))
        ...     model = model.partial_fit(X, np.where(X[:, 0] > 0, "yes", "no"), classes=["no", "yes"])
        >>> model.predict([[1.0, 0.0], [-1.0, 0.0]]).tolist(), model.n_iter_
        (['yes', 'no'], 50)
        """
        self._partial_fit(X, y, sample_weight, classes=classes)
        return self

    def _fit_blocks(self, blocks: Blocks, coef_init: Any = None, intercept_init: Any = None, **given: Any) -> None:
        """Train on blocks of rows, whose weights are as they are given."""
        if self.class_weight is not None:
            raise ValueError(
                f"class_weight={shown(self.class_weight)} is not possible on blocks of rows; give sample_weight"
            )
        classes = None if LOSSES[self.loss].coupled else labels_of_blocks(blocks)
        if classes is None or len(classes) <= 2:
            super()._fit_blocks(blocks, coef_init, intercept_init, **given)
            return
        self.classes_ = classes
        initial = self._initial_coefficients(coef_init, intercept_init)
        parts = [blocks._against_others(label) for label in classes]
        calls = self._one_vs_rest_calls(parts, given.get("validation"), initial)
        runs = [gdfast.fit(part, **call.options) for part, call in zip(parts, calls, strict=True)]
        self._set_attributes_of_blocks(runs[0])
        self._set_fitted_attributes(runs)
        self._keep_runs(runs, (parts[0], None, None))

    def _check_parameters(self) -> None:
        """Raise an error for a loss that is not one of a classification."""
        choice("loss", self.loss, [name for name, loss in LOSSES.items() if loss.classification])

    def _checked_rows(self, X: Any, y: Any, sample_weight: Any) -> TrainingRows:
        """Return the checked data, with weights multiplied by those of the classes."""
        X, y, sample_weight = self._validated(X, y, sample_weight)
        check_classification_targets(y)
        self.classes_, class_indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(self.classes_)} class: "
                f"{self.classes_[0]!r}"
            )
        if self.class_weight is not None:
            class_weight = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[class_indices]
            sample_weight = class_weight if sample_weight is None else sample_weight * class_weight
        return TrainingRows(X, y, sample_weight, self._attributes_of_data())

    def _partial_rows(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> PartialRows:
        """Return the checked rows of a call of `partial_fit`, with weights multiplied by those of the classes."""
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not possible with partial_fit, which does not know all labels; "
                "give the dict that sklearn.utils.compute_class_weight makes of a sample of them"
            )
        as_before = self._as_before
        self._set_classes(classes)
        X, y, sample_weight = self._validated(X, y, sample_weight, **as_before)
        check_classification_targets(y)
        coupled = LOSSES[self.loss].coupled
        Ys = class_targets(self.classes_, y, coupled)
        if self.class_weight is not None:
            class_weight = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            class_weight = class_weight[np.searchsorted(self.classes_, y)]
            sample_weight = class_weight if sample_weight is None else sample_weight * class_weight
        return PartialRows(features("X", X), Ys, sample_weight, coupled)

    def _set_classes(self, classes: Any) -> None:
        """Set classes_, or check that the classes are those of the first call."""
        if hasattr(self, "coef_"):
            if classes is not None and not np.array_equal(known_classes(classes), self.classes_):
                raise ValueError(
                    f"classes={shown(classes)} is not the same as at the first call of partial_fit, or in fit, which "
                    f"had {shown(self.classes_)}; leave it out, or fit anew"
                )
        elif classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit: the labels of all calls")
        else:
            self.classes_ = known_classes(classes)

    def _rows_depend_on(self, y: Any) -> tuple[Any, ...]:
        """Return the class weights."""
        return (self.class_weight,)

    def _fit_calls(
        self, rows: TrainingRows, validation: Any = None, coef_init: Any = None, intercept_init: Any = None
    ) -> list[FitCall]:
        """Return one call of `gdfast.fit` for two classes or softmax, else one for each class."""
        validation = self._checked_validation(validation)
        initial = self._initial_coefficients(coef_init, intercept_init)
        if len(self.classes_) > 2 and not LOSSES[self.loss].coupled:
            return self._one_vs_rest_calls(rows.one_vs_rest, validation, initial)
        if not LOSSES[self.loss].coupled:
            initial = {
                name: None if value is None else numeric_array(name, value).reshape(-1)
                for name, value in initial.items()
            }
        options = self._fit_options(*self._draw_seeds(1))
        return [FitCall(rows.y, options | {"validation": validation} | initial)]

    def _one_vs_rest_calls(self, targets: Sequence[Any], validation: Any, initial: dict[str, Any]) -> list[FitCall]:
        """Return the calls that fit each class against all others, whose targets these are."""
        if self.checkpoint is not None:
            raise ValueError(
                f"checkpoint={self.checkpoint!r} holds one fit, and {len(self.classes_)} classes take one each; leave "
                "it out, or take loss='multinomial'"
            )
        starts = {name: self._start_by_class(name, value) for name, value in initial.items() if value is not None}
        calls = []
        for i, seed in enumerate(self._draw_seeds(len(self.classes_))):
            options = self._fit_options(seed) | {"validation": self._validation_one_vs_rest(i, validation)}
            calls.append(FitCall(targets[i], options | {name: start[i] for name, start in starts.items()}))
        return calls

    def _set_fitted_attributes(self, runs: Any) -> None:
        """Set the attributes of the one run, or of those of the classes."""
        super()._set_fitted_attributes(runs)
        if len(runs) == 1:
            self.coef_, self.intercept_ = np.atleast_2d(runs[0].coef), np.atleast_1d(runs[0].intercept)
        else:
            self.coef_ = np.stack([run.coef for run in runs])
            self.intercept_ = np.array([run.intercept for run in runs])

    def _start_by_class(self, name: str, values: Any) -> NDArray[Any]:
        """Return coefficients or intercepts to start from, one entry for each class."""
        array, n_classes = numeric_array(name, values), len(self.classes_)
        if array.shape[:1] != (n_classes,):
            raise ValueError(
                f"{name} has shape {array.shape}, and must have one entry for each of the {n_classes} classes"
            )
        return array

    def _validation_one_vs_rest(self, i: int, validation: Any) -> Any:
        """Return the validation argument with labels of class i against all others."""
        if not isinstance(validation, (tuple, list)) or len(validation) < 2:
            return validation
        labels = np.asarray(validation[1])
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"validation: y holds {unknown[0]!r}, and the labels are {self.classes_}; leave it out")
        return (validation[0], labels == self.classes_[i], *validation[2:])

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the linear predictor z of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            For two classes one value a row, positive for the second class; else one for each class.
        """
        return self._evaluated(X, self._decisions)

    def _decisions(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the linear predictors of the classes, or for two classes one that is positive for the second."""
        if len(self.classes_) > 2:
            return z
        return z[:, 1] - z[:, 0] if z.shape[1] == 2 else z[:, 0]

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted label of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n,)
            The labels.
        """
        return self._evaluated(X, self._labels)

    def _labels(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the labels predicted for rows of linear predictors z."""
        return np.asarray(self.classes_[predicted_classes(self._decisions(z))])

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

    @available_if(has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, for "log_loss", "multinomial" and "modified_huber".

        Where the classes are fitted one by one, their probabilities are divided by their sum, by logarithms, so that
        none is lost where all underflow. The largest is that of the class which `predict` returns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n, n_classes)
            The probabilities, in the order of `classes_`.
        """
        return self._evaluated(X, self._probabilities)

    def _probabilities(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the probabilities of rows of linear predictors z."""
        loss, decisions = LOSSES[self.loss], self._decisions(z)
        assert loss.probabilities is not None
        if loss.coupled or len(self.classes_) == 2:
            p = loss.probabilities(z if loss.coupled else decisions)
        else:
            p = np.exp(log_one_against_all(loss, z))
        return np.asarray(agreeing(p, predicted_classes(decisions)))

    @available_if(has_probabilities)
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithm of predict_proba.

        For "log_loss" and "multinomial" it does not underflow.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n, n_classes)
            The logarithms of the probabilities, in the order of `classes_`.
        """
        return self._evaluated(X, self._log_probabilities)

    def _log_probabilities(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the logarithms of the probabilities of rows of linear predictors z."""
        loss, decisions = LOSSES[self.loss], self._decisions(z)
        if loss.coupled:
            logs = log_normalised(z)
        elif len(self.classes_) > 2:
            logs = log_one_against_all(loss, z)
        elif loss.likelihood:
            logs = -np.column_stack([loss.value(y, decisions, 0.0) for y in (-1.0, 1.0)])
        else:
            assert loss.probabilities is not None
            with np.errstate(divide="ignore"):
                logs = np.log(loss.probabilities(decisions))
        return np.asarray(agreeing(logs, predicted_classes(decisions)))
