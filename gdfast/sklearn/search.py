"""GridSearchCV: scikit-learn's, with candidates that are fitted together on each training fold."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import sklearn
from joblib import effective_n_jobs
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV as ScikitLearnsGridSearchCV
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed

from gdfast.sklearn.internals import has_callbacks
from gdfast.sklearn.together import FittedCandidate, fit_candidates, is_shareable, plain_text, with_fit_done

__all__ = ["GridSearchCV"]

Split = tuple[Any, Any]
# Arrays of fitted models that wait to be scored, in one process.
MOST_BYTES = 2**28


class FittedStandIn:
    """What scikit-learn clones for a fit that is already done: its parameters set, it is the fitted estimator."""

    def __init__(self, candidate: dict[str, Any], estimator: Any) -> None:
        self.candidate, self.estimator = candidate, estimator

    def set_params(self, **params: Any) -> Any:
        """Return the fitted estimator, whose `fit` does nothing more."""
        plain = {name: plain_text(value) for name, value in params.items()}
        if plain != {name: plain_text(value) for name, value in self.candidate.items()}:
            raise unknown_order()
        return with_fit_done(self.estimator)


def unknown_order() -> RuntimeError:
    """Return the error where scikit-learn's search does not clone once for each candidate and fold, in that order."""
    return RuntimeError(
        f"scikit-learn {sklearn.__version__} fits candidates in an order that gdfast does not know; take "
        "sklearn.model_selection.GridSearchCV, which gives the same results"
    )


class PlannedFits:
    """What scikit-learn's search clones in place of the estimator: fits that are done, then the estimator itself."""

    def __init__(self, estimator: Any, y: Any) -> None:
        self.estimator, self.y = estimator, y
        self.fit_params: dict[str, Any] = {}
        self.waiting: Iterator[tuple[dict[str, Any], FittedCandidate | None]] = iter(())
        self.seconds: list[list[float]] = []

    def __sklearn_clone__(self) -> Any:
        """Return the next fitted candidate, or an estimator to fit where there is none."""
        candidate, fitted = next(self.waiting, ({}, None))
        return clone(self.estimator) if fitted is None else FittedStandIn(candidate, fitted.estimator)

    def stand_in_for(self, search: "GridSearchCV") -> None:
        """Make the next clone of the search's estimator these fits."""
        original, stand_in = search.estimator, clone(search.estimator)

        def planned() -> PlannedFits:
            search.estimator = original
            del stand_in.__sklearn_clone__
            return self

        stand_in.__sklearn_clone__ = planned
        search.estimator = stand_in

    def plan(
        self, search: "GridSearchCV", candidates: list[dict[str, Any]], X: Any, y: Any, splits: list[Split]
    ) -> None:
        """Make the fits of the candidates the next ones, those of each candidate together.

        In one process they are done when they are asked for, so that not all models are in memory at once; jobs of
        several processes are sent out at once, and have to be ready.
        """
        if not splits:
            return
        pool = Parallel(n_jobs=search.n_jobs, pre_dispatch=search.pre_dispatch)
        n_jobs = effective_n_jobs(search.n_jobs)

        def fit(some: list[dict[str, Any]]) -> list[list[FittedCandidate | None]]:
            """Return the fits of each candidate; where there are more jobs than folds, in several parts."""
            parts = -(-n_jobs // len(splits))
            found = pool(
                delayed(fit_candidates)(clone(self.estimator), some[part::parts], X, y, train, self.fit_params)
                for part, (train, _) in product(range(parts), splits)
            )
            starts = [number % parts * len(splits) for number in range(len(some))]
            return [
                [of_fold[number // parts] for of_fold in found[start : start + len(splits)]]
                for number, start in enumerate(starts)
            ]

        waiting = self.fits(candidates, fit, most_candidates(X, len(splits)))
        self.waiting = waiting if n_jobs == 1 else iter(list(waiting))

    def fits(
        self,
        candidates: list[dict[str, Any]],
        fit: Callable[[list[dict[str, Any]]], list[list[FittedCandidate | None]]],
        count: int,
    ) -> Iterator[tuple[dict[str, Any], FittedCandidate | None]]:
        """Yield each candidate with each of its fits; `count` candidates are fitted first, then as many as fit."""
        first = 0
        while first < len(candidates):
            some = candidates[first : first + count]
            found = fit(some)
            largest = max(sum(0 if one is None else one.nbytes for one in of_folds) for of_folds in found)
            first, count = first + count, max(1, MOST_BYTES // max(1, largest))
            for candidate, of_folds in zip(some, found, strict=True):
                self.seconds.append([0.0 if one is None else one.seconds for one in of_folds])
                while of_folds:
                    yield candidate, of_folds.pop(0)

    def add_seconds(self, results: dict[str, Any]) -> None:
        """Add the seconds of the shared fits to the times that scikit-learn measured."""
        seconds = np.array(self.seconds)
        shared = seconds.any(axis=1)
        results["mean_fit_time"] += seconds.mean(axis=1)
        results["std_fit_time"][shared] = seconds.std(axis=1)[shared]


def most_candidates(X: Any, n_folds: int) -> int:
    """Return the number of candidates to fit first, before the size of a model is known: at most 64."""
    shape: Any = getattr(X, "shape", ())
    return max(1, min(64, MOST_BYTES // (8 * n_folds * max(1, shape[1] if len(shape) > 1 else 1))))


class SplitsToFit:
    """A cross-validation splitter that passes the splits on to a function before it returns them."""

    def __init__(self, splitter: Any, use: Callable[[Any, Any, list[Split]], None]) -> None:
        self.splitter, self.use = splitter, use

    def split(self, X: Any, y: Any = None, **params: Any) -> Iterator[Split]:
        """Return the splits of the splitter."""
        splits = list(self.splitter.split(X, y, **params))
        self.use(X, y, splits)
        return iter(splits)


class GridSearchCV(ScikitLearnsGridSearchCV):
    """Grid search by cross-validation: scikit-learn's GridSearchCV, with fits that share work on each fold.

    Signature, methods, attributes, scores, warnings and errors are scikit-learn's. On each training fold the data are
    checked once, and the candidates of `GDRegressor` and `GDClassifier` share passes over the rows. At the end of a
    `Pipeline`, also with a drop-in such as `SGDClassifier` there, the steps before it are fitted once for all
    candidates that differ in parameters of the last step alone; a step with randomness and random_state=None then
    draws once a fold, not once a candidate. Every other estimator is fitted as by scikit-learn, and so are candidates
    with callbacks, a checkpoint, a progress bar or `max_seconds`.

    Parameters
    ----------
    estimator : estimator object
        The estimator that is cloned for each fit. It needs a method `score`, or `scoring` must be given.
    param_grid : dict or list of dict
        The values to try of each parameter, by name; of several dictionaries the grids are tried one after another.
    scoring : str, callable, list, tuple, dict or None, default=None
        The score of a fitted candidate on the rows left out: a name, a callable (estimator, X, y), or several; None is
        the estimator's own.
    n_jobs : int or None, default=None
        Number of processes: the folds are fitted, then the candidates scored in parallel. None is 1, or what
        `joblib.parallel_config` says; -1 is one for each processor.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, as `best_estimator_`. With several scores the name of the one
        that decides. A callable returns the best index from `cv_results_`.
    cv : int, splitter, iterable or None, default=None
        The splits: a number of folds, a splitter of scikit-learn, or pairs (train, test) of indices. None is 5 folds.
    verbose : int, default=0
        Above 0 what is fitted is printed, the more the larger it is. The time of a fit that was shared is not in it.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs that are handed out before the first one ends.
    error_score : "raise" or float, default=nan
        The score of a candidate whose fit fails, with a FitFailedWarning; "raise" raises its error.
    return_train_score : bool, default=False
        Whether `cv_results_` holds the scores on the training folds as well.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        Scores, ranks, times and parameters of all candidates. The time of a shared fit is divided among its candidates.
    best_estimator_ : estimator
        The best candidate, fitted on all rows; with `refit` only.
    best_score_ : float
        The mean score of the best candidate; not if `refit` is a callable.
    best_params_ : dict
        The parameters of the best candidate.
    best_index_ : int
        Its index in `cv_results_`.
    scorer_ : callable or dict
        The scorer, or the scorers by name.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that the fit of the best candidate on all rows took.
    multimetric_ : bool
        Whether there are several scores.
    classes_ : ndarray of shape (n_classes,)
        The labels of a classifier.
    n_features_in_ : int
        Number of features of X, if `best_estimator_` has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The column names of X, if `best_estimator_` has them.

    Raises
    ------
    ValueError, TypeError
        For what scikit-learn's GridSearchCV refuses; with error_score="raise" what a fit or a scorer raises.

    Warns
    -----
    FitFailedWarning
        If the fits of some candidates fail, which then have `error_score`.

    References
    ----------
    Pedregosa, F. et al. (2011). Scikit-learn: machine learning in Python. Journal of Machine Learning Research 12.

    Examples
    --------
    >>> import numpy as np
    >>> from gdfast.sklearn import GDRegressor, GridSearchCV
    >>> X = np.linspace(-1.0, 1.0, 60).reshape(-1, 1)
    >>> y = 3.0 * X[:, 0] + np.cos(40.0 * X[:, 0])
    >>> search = GridSearchCV(GDRegressor(penalty="l2", random_state=0), {"alpha": [0.001, 0.1, 10.0]}, cv=3)
    >>> search.fit(X, y).best_params_
    {'alpha': 0.001}
    >>> len(search.cv_results_["mean_test_score"])
    3
    """

    estimator: Any
    cv: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> "GridSearchCV":
        """Fit and score all candidates on all folds, and fit the best one on all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            The features.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            The targets.
        **params : dict
            Arguments of the estimator's `fit`, of the scorers and of the splitter, such as sample_weight or groups;
            those with one entry a row are split as the rows.

        Returns
        -------
        GridSearchCV
            The fitted search itself.

        Raises
        ------
        ValueError, TypeError
            For what scikit-learn's GridSearchCV refuses; with error_score="raise" what a fit or a scorer raises.
        """
        if not self._can_share_fits():
            super().fit(X, y, **params)
            return self
        original, cv = self.estimator, self.cv
        if isinstance(cv, Iterator):
            self.cv = list(cv)  # it is read twice
        self._planned = PlannedFits(original, y)
        try:
            super().fit(X, y, **params)
        finally:
            self.estimator, self.cv = original, cv
            del self._planned
        return self

    def _can_share_fits(self) -> bool:
        """Return whether fits can share work, and nothing observes each of them."""
        array_api = sklearn.get_config().get("array_api_dispatch", False)
        return not array_api and is_shareable(self.estimator) and not has_callbacks(self)

    def _get_routed_params_for_fit(self, params: dict[str, Any]) -> Any:
        """Return the arguments of the estimator, the scorers and the splitter; scikit-learn clones next."""
        routed = super()._get_routed_params_for_fit(params)
        if hasattr(self, "_planned"):
            self._planned.fit_params = routed.estimator.fit
            self._planned.stand_in_for(self)
        return routed

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        """Evaluate all candidates; `callback_ctx` is passed by scikit-learn 1.9 and later."""
        more = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        shares = hasattr(self, "_planned")
        super()._run_search(partial(self._evaluate, evaluate_candidates) if shares else evaluate_candidates, **more)

    def _evaluate(self, evaluate_candidates: Callable[..., Any], candidates: Any, cv: Any = None, **more: Any) -> Any:
        """Evaluate candidates that are fitted together when the splits are made."""
        candidates, planned = list(candidates), self._planned
        splitter = cv or check_cv(self.cv, planned.y, classifier=is_classifier(self.estimator))
        results = evaluate_candidates(
            candidates, cv=SplitsToFit(splitter, partial(planned.plan, self, candidates)), **more
        )
        if next(planned.waiting, None) is not None:
            raise unknown_order()
        planned.add_seconds(results)
        return results

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the fits of a search that is going on."""
        state = dict(super().__getstate__())
        state.pop("_planned", None)
        return state
