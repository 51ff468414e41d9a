"""Predictions, probabilities and scores of a fitted linear model."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gdfast._utils.arguments import numeric_array, shown
from gdfast.data.csr import CSR, features, is_sparse
from gdfast.data.frames import by_name, reorder_columns
from gdfast.data.problem import label_matches, normalised_weights, targets
from gdfast.data.row_blocks import by_row_blocks
from gdfast.formulas.losses import LOSSES, LossFormulas
from gdfast.formulas.probabilities import agreeing, predicted_classes
from gdfast.options.custom_loss import name_in_repr
from gdfast.options.model import loss_number
from gdfast.results.run_file import NotSaved

__all__ = ["LinearModel"]


class LinearModel:
    """Predictions of a model z = X coef + intercept."""

    coef: NDArray[Any]
    intercept: Any
    settings: dict[str, Any]
    classes: NDArray[Any] | None
    feature_names: tuple[str, ...] | None

    @property
    def loss(self) -> str:
        """The name of the loss."""
        loss = self.settings["loss"]
        if isinstance(loss, NotSaved):
            return name_in_repr(loss)
        return loss if isinstance(loss, str) else str(getattr(loss, "name", "custom"))

    @property
    def _formulas(self) -> LossFormulas | None:
        """The loss's entry in the registry, None for a custom loss."""
        return LOSSES.get(self.loss)

    def decision(self, X: Any) -> NDArray[np.float64]:
        """Return z = X coef + intercept.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, n_features)
            The features. A frame's columns are taken by the names in `feature_names`, in any order.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            The linear predictor z, in float64.

        Raises
        ------
        ValueError, TypeError
            If X is not valid input for `fit`, or its features differ in number or name from those of the fit.
        """
        return self._evaluated(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the prediction: z, exp(z) for poisson, gamma and tweedie, the label for a classification loss.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, n_features)
            The features. A frame's columns are taken by the names in `feature_names`, in any order.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            The prediction for each row.

        Raises
        ------
        ValueError, TypeError
            If X is not valid input for `fit`, or its features differ in number or name from those of the fit.
        """
        return self._evaluated(X, self._prediction)

    def _prediction(self, z: NDArray[np.float64]) -> NDArray[Any]:
        """Return the predictions of rows of linear predictor z."""
        if self.classes is not None:
            return np.asarray(self.classes[predicted_classes(z)])
        link = None if self._formulas is None else self._formulas.inverse_link
        return z if link is None else np.asarray(link(z))

    def _evaluated(self, X: Any, function: Callable[[NDArray[np.float64]], NDArray[Any]] | None = None) -> NDArray[Any]:
        """Return a function of the linear predictor z of each row of X, z itself without one, by blocks of rows."""
        X = reorder_columns(X, self.feature_names)
        if not is_sparse(X) and not isinstance(X, CSR):
            X = numeric_array("X", X)
        return by_row_blocks(self._linear_predictor, X, np.float64, function)

    def _linear_predictor(self, X: Any) -> NDArray[np.float64]:
        """Return z of rows whose columns are in the order of the fit."""
        X = features("X", X)
        d = self.coef.shape[-1]
        if X.shape[1] != d:
            raise ValueError(f"X has {X.shape[1]} features, and this Run was fitted on {d}; give the same columns")
        return np.asarray(X @ self.coef.T.astype(np.float64, copy=False) + self.intercept, dtype=np.float64)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class.

        For log_loss it is 1 / (1 + exp(-z)), for modified_huber (1 + z) / 2 held between 0 and 1, for multinomial
        the softmax of z. The largest is that of the class which `predict` returns: of two that are equal after rounding
        it is the next number above.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, n_features)
            The features. A frame's columns are taken by the names in `feature_names`, in any order.

        Returns
        -------
        ndarray of shape (n, n_classes)
            The probabilities, in the order of `classes`.

        Raises
        ------
        AttributeError
            If the loss gives no probabilities.
        ValueError, TypeError
            If X is not valid input for `fit`, or its features differ in number or name from those of the fit.

        References
        ----------
        Zhang, T., "Statistical behavior and consistency of classification methods based on convex risk
        minimization", Annals of Statistics 32(1), 2004 (the probabilities of modified_huber).

        Examples
        --------
        >>> import gdfast
        >>> X, y = [[-1.0], [0.0], [1.0], [2.0]], ["no", "yes", "no", "yes"]
        >>> run = gdfast.fit(X, y, loss="log_loss", epochs=500)
        >>> run.predict_proba([[2.0]]).round(3), run.classes.tolist()
        (array([[0.204, 0.796]]), ['no', 'yes'])
        """
        if self._formulas is None or self._formulas.probabilities is None:
            with_probabilities = [name for name, loss in LOSSES.items() if loss.probabilities is not None]
            raise AttributeError(
                f"predict_proba: loss={self.loss!r} gives no probabilities; fit with {' or '.join(with_probabilities)}"
            )
        probabilities = self._formulas.probabilities
        return self._evaluated(X, lambda z: np.asarray(agreeing(probabilities(z), predicted_classes(z))))

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | str | None = None) -> float:
        """Return R^2 (regression), D^2 (losses with a log link) or the accuracy (classification).

        R^2 = 1 - sum_i s_i (y_i - p_i)^2 / sum_i s_i (y_i - m)^2, p being the predictions and m the weighted mean of
        y; of several outputs it is their mean. D^2, for poisson, gamma and tweedie, is the same with the deviance in
        place of the square. Where the denominator is 0 they are 1 for exact predictions, else 0. The accuracy is the
        weighted part of the rows whose label is the predicted one.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n, n_features)
            The features. A frame's columns are taken by the names in `feature_names`, in any order.
        y : array-like of shape (n,) or (n, n_outputs), or str
            The targets or labels, or the name of X's column that holds them.
        sample_weight : array-like of shape (n,), or str, optional
            At least 0, not all 0; or the name of X's column that holds them.

        Returns
        -------
        float
            The score, at most 1.

        Raises
        ------
        ValueError, TypeError
            If X or y are not what `fit` takes, or none of y's labels is one of `classes`.

        Warns
        -----
        RuntimeWarning
            If R^2 or D^2 is asked for fewer than two rows; NaN is returned.

        Examples
        --------
        >>> import gdfast
        >>> X, y = [[1.0], [2.0], [3.0]], [3.0, 5.0, 7.1]
        >>> round(gdfast.fit(X, y, epochs=1000).score(X, y), 4)
        0.9998
        """
        data = by_name(X, y, sample_weight)
        z = self.decision(data.X)
        weights = normalised_weights(data.sample_weight, len(z))
        if self.classes is None:
            return self._explained_part(z.reshape(len(z), -1), data.y, weights)
        matches = label_matches(self.classes, data.y, len(z))
        if not matches.any():
            raise ValueError(
                f"y holds none of the labels {', '.join(map(shown, self.classes))}; give labels as they were in the fit"
            )
        return float(np.average(matches[np.arange(len(z)), predicted_classes(z)], weights=weights))

    def _explained_part(self, z: NDArray[np.float64], y: Any, weights: NDArray[np.float64] | None) -> float:
        """Return R^2 or D^2 of z (n, k)."""
        formulas = self._formulas or LOSSES["squared_error"]  # a custom loss is one of a regression
        c = 0.0 if self._formulas is None else loss_number(self.loss, self.settings["loss_parameter"])
        Y = targets(y, len(z), self.loss, formulas, c)
        if Y.shape != z.shape:
            raise ValueError(f"y has {Y.shape[1]} columns, and this Run {z.shape[1]} outputs; give one for each")
        if len(Y) < 2:
            text = "score: R^2 and D^2 are not defined for fewer than two rows; give two or more"
            warnings.warn(text, RuntimeWarning, stacklevel=3)
            return float("nan")
        mean = np.average(Y, axis=0, weights=weights)
        if formulas.deviance is None:
            unexplained, total = (Y - z) ** 2, (Y - mean) ** 2
        else:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                unexplained = formulas.deviance(Y, z, c)
                total = formulas.deviance(Y, np.log(mean), c) if mean > 0 else np.zeros_like(Y)
        unexplained, total = (np.average(part, axis=0, weights=weights) for part in (unexplained, total))
        exact = np.where(unexplained == 0, 1.0, 0.0)
        return float(np.mean(np.where(total > 0, 1.0 - unexplained / np.where(total > 0, total, 1.0), exact)))
