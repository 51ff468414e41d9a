"""Base class of GDRegressor and GDClassifier: from parameters to calls of gdfast.fit, from its runs to attributes."""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import gdfast
from gdfast._utils.arguments import flag, refuse_masked, shown, whole
from gdfast.data.blocks.blocks import Blocks, blocks_given
from gdfast.data.blocks.dask.partitions import is_collection
from gdfast.data.csr import features
from gdfast.data.frames import by_name
from gdfast.data.row_blocks import by_row_blocks
from gdfast.data.summary import summary_of_blocks
from gdfast.options.option import LARGEST_SEED
from gdfast.sklearn.internals import check_sample_weight
from gdfast.sklearn.methods import Estimator
from gdfast.sklearn.partial import PartialRows, Progress, check_coefficients, progress_of_runs, train_on

__all__ = ["DTYPES", "BaseGD", "FitCall", "TrainingRows"]

DTYPES = [np.float64, np.float32]
OF_A_FIT = ("_runs", "_data", "_history", "_postponed")  # attributes that partial_fit does not have


@dataclass(frozen=True)
class TrainingRows:
    """Checked data of a fit, and the attributes of an estimator that follow from them."""

    X: Any
    y: Any
    sample_weight: Any
    attributes: dict[str, Any]

    @cached_property
    def one_vs_rest(self) -> list[NDArray[np.bool_]]:
        """The targets of each class against all others."""
        return [self.y == label for label in self.attributes["classes_"]]


@dataclass(frozen=True)
class FitCall:
    """The targets of one call of `gdfast.fit`, and its arguments other than the data."""

    y: Any
    options: dict[str, Any]


class BaseGD(Estimator):
    """Base class of GDRegressor and GDClassifier: the options of gdfast.fit are the parameters."""

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
    ) -> None:
        self._set_init_arguments(locals())

    def _set_init_arguments(self, arguments: dict[str, Any]) -> None:
        """Set the constructor's arguments as attributes, unchanged, as scikit-learn requires."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def _fit_options(self, seed: int | None) -> dict[str, Any]:
        """Return the arguments of `gdfast.fit` other than the data and the initial coefficients."""
        not_of_fit = ("random_state", "warm_start", "class_weight")
        options = {name: value for name, value in self.get_params(deep=False).items() if name not in not_of_fit}
        if self.penalty is None:
            options["alpha"] = 0.0
        return options | {"seed": seed, "interrupt": "raise"}

    def _draw_seeds(self, count: int) -> list[int | None]:
        """Return a seed for each fit; of a single fit an int random_state is the seed itself."""
        if count == 1 and isinstance(self.random_state, (int, np.integer)):
            return [whole("random_state", int(self.random_state), 0, LARGEST_SEED)]
        try:
            random = check_random_state(self.random_state)
        except ValueError:
            raise ValueError(
                f"random_state={shown(self.random_state)} must be an int, a RandomState or None; give an int"
            ) from None
        return [int(seed) for seed in random.randint(2**31 - 1, size=count)]

    def _refuse_names(self, **given: Any) -> None:
        """Raise an error where a column's name is given, as `gdfast.fit` takes it and scikit-learn does not."""
        for name, value in given.items():
            if isinstance(value, str):
                raise TypeError(
                    f"{name}={value!r}: scikit-learn's estimators take no column's name; give {name} as an array"
                )

    def _checked_validation(self, validation: Any) -> Any:
        """Return the validation argument, its columns taken by name and held against those of the training data."""
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            return validation
        data = by_name(*validation)
        X = validate_data(self, data.X, accept_sparse="csr", dtype=DTYPES, reset=False)
        return (X, *data[1 : len(validation)])

    def _initial_coefficients(self, coef_init: Any, intercept_init: Any) -> dict[str, Any]:
        """Return coef_init and intercept_init of `gdfast.fit`; with warm_start None is replaced by the last fit's."""
        if flag("warm_start", self.warm_start) and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None and self.fit_intercept else intercept_init
        return {"coef_init": coef_init, "intercept_init": intercept_init}

    @property
    def stability_(self) -> Any:
        """The result of `gdfast.stability` for the data of the last fit; it is not pickled."""
        self._fit_postponed()
        if not hasattr(self, "_runs"):
            raise AttributeError(
                "stability_ needs the data of a fit, which an estimator that is loaded, unfitted or trained by "
                "partial_fit has not; call fit first"
            )
        if isinstance(self.loss, gdfast.Loss):
            raise AttributeError(f"stability_ needs a loss of gdfast's, not {self.loss.name!r}")
        X, y, sample_weight = self._data
        scaling = self._runs[0].data.problem.scaling
        if scaling is not None and isinstance(X, Blocks):
            X = summary_of_blocks(X).standardized()
        elif scaling is not None:
            X = scaling.scaled(features("X", X))
        return gdfast.stability(
            X, y, loss=self.loss, penalty=self.penalty, alpha=self._fit_options(None)["alpha"], l1_ratio=self.l1_ratio,
            sample_weight=sample_weight, fit_intercept=self.fit_intercept,
        )  # fmt: skip

    def _fit(self, X: Any, y: Any, sample_weight: Any, **given: Any) -> None:
        """Check the data, train, and set the fitted attributes; `given` has the other arguments of `fit`."""
        self._check_parameters()
        if (blocks := blocks_given(X, y, sample_weight)) is not None:
            self._fit_blocks(blocks, **given)
            return
        rows = self._checked_rows(X, y, sample_weight)
        calls = self._fit_calls(rows, **given)
        runs = [gdfast.fit(rows.X, call.y, sample_weight=rows.sample_weight, **call.options) for call in calls]
        self._set_fitted_attributes(runs)
        self._keep_runs(runs, (rows.X, calls[0].y, rows.sample_weight))

    def _fit_blocks(self, blocks: Blocks, coef_init: Any = None, intercept_init: Any = None, **given: Any) -> None:
        """Train on blocks of rows, or on Dask's collections, and set the fitted attributes."""
        initial = self._initial_coefficients(coef_init, intercept_init)
        run = gdfast.fit(blocks, **self._fit_options(*self._draw_seeds(1)) | given | initial)
        self._set_attributes_of_blocks(run)
        if run.classes is not None:
            self.classes_ = run.classes
        self._set_fitted_attributes([run])
        self._keep_runs([run], (blocks, None, None))

    def _set_attributes_of_blocks(self, run: gdfast.Run) -> None:
        """Set what scikit-learn knows of features."""
        self.n_features_in_ = run.coef.shape[-1]
        self.__dict__.pop("feature_names_in_", None)
        if run.feature_names is not None:
            self.feature_names_in_ = np.array(run.feature_names, dtype=object)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, **given: Any) -> None:
        """Check the rows, train on them for one epoch, and set the fitted attributes."""
        self._check_parameters()
        before = self._progress_so_far()
        rows = self._partial_rows(X, y, sample_weight, **given)
        progress, outcomes = train_on(self, rows, before)
        self._set_fitted_attributes(outcomes)
        for name in OF_A_FIT:
            self.__dict__.pop(name, None)
        self._progress = progress

    def _progress_so_far(self) -> Progress | None:
        """Return what `fit` and `partial_fit` have reached, None before the first call."""
        if not hasattr(self, "coef_"):
            return None
        self._fit_postponed()
        progress = progress_of_runs(self._runs) if "_runs" in vars(self) else vars(self).get("_progress")
        if progress is None:
            raise ValueError(
                "this estimator does not hold the state of its training, as one pickled by an older gdfast; fit it "
                "anew before partial_fit, with coef_init and intercept_init"
            )
        check_coefficients(self, progress)
        return progress

    def _partial_rows(self, X: Any, y: Any, sample_weight: Any) -> PartialRows:
        """Return the checked rows of a call of `partial_fit`."""
        raise NotImplementedError

    def _validated(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> tuple[Any, Any, Any]:
        """Return the data as scikit-learn checks them; `options` are those of validate_data."""
        self._refuse_names(y=y, sample_weight=sample_weight)
        with np.errstate(over="ignore", invalid="ignore"):  # a value too large for float32 is an error
            X, y = validate_data(self, X, y, accept_sparse="csr", order="C", **{"dtype": DTYPES, **options})
        return X, y, None if sample_weight is None else check_sample_weight(sample_weight, X)

    @property
    def _as_before(self) -> dict[str, Any]:
        """The options of validate_data for a call of `partial_fit`: features and dtype are those of the first."""
        return {"reset": False, "dtype": self.coef_.dtype} if hasattr(self, "coef_") else {}

    def _check_parameters(self) -> None:
        """Raise an error for parameters that `gdfast.fit` takes and the estimator does not."""

    def _checked_rows(self, X: Any, y: Any, sample_weight: Any) -> TrainingRows:
        """Return the checked data; estimators of a class with equal `_rows_depend_on` may share them."""
        raise NotImplementedError

    def _rows_depend_on(self, y: Any) -> tuple[Any, ...]:
        """Return what the checked data depend on, other than the arguments."""
        raise NotImplementedError

    def _fit_calls(
        self, rows: TrainingRows, validation: Any = None, coef_init: Any = None, intercept_init: Any = None
    ) -> list[FitCall]:
        """Return the calls of `gdfast.fit` whose runs are the fitted model."""
        raise NotImplementedError

    def _attributes_of_data(self) -> dict[str, Any]:
        """Return the fitted attributes that follow from the data alone."""
        names = ("n_features_in_", "feature_names_in_", "classes_")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def _set_fitted_attributes(self, runs: Any) -> None:
        """Set the attributes that are read from the runs, the history excepted."""
        self.n_iter_ = max(run.epochs for run in runs)
        self.stop_reason_ = runs[0].stop_reason if len(runs) == 1 else [run.stop_reason for run in runs]

    def _keep_runs(self, runs: list[gdfast.Run], data: tuple[Any, Any, Any]) -> None:
        """Keep the runs and their data for `stability_`, and the history."""
        self._runs, self._data = runs, data
        for name in ("_postponed", "_progress"):
            self.__dict__.pop(name, None)
        self._history = runs[0].history if len(runs) == 1 else [run.history for run in runs]

    def _fit_postponed(self) -> None:
        """Train again, where the model of a search was given its coefficients alone, for its runs and history."""
        if "_postponed" in vars(self):
            fitted = self._postponed()
            self._keep_runs(fitted._runs, fitted._data)

    @property
    def history_(self) -> Any:
        """The recorded columns of the last fit."""
        self._fit_postponed()
        if "_history" not in vars(self):
            raise AttributeError(
                f"history_ needs a fitted estimator: call fit of this {type(self).__name__} first (partial_fit records "
                "nothing)"
            )
        return self._history

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the runs, which hold the data."""
        self._fit_postponed()
        state = dict(super().__getstate__())
        if "_runs" in state:
            state["_progress"] = progress_of_runs(self._runs)
        for name in ("_runs", "_data", "_postponed"):
            state.pop(name, None)
        return state

    def _leave_data(self) -> None:
        """Keep the state of the training in place of the runs, which hold the data."""
        self._progress = progress_of_runs(self._runs)
        del self._runs, self._data

    def _evaluated(self, X: Any, function: Callable[[NDArray[Any]], NDArray[Any]] | None) -> NDArray[Any]:
        """Return a function of the linear predictors of the rows of X, those themselves without one, by blocks."""
        check_is_fitted(self)
        if is_collection(X):
            return lazily(self, X, function)
        refuse_masked(X=X)
        return by_row_blocks(self._linear_predictor, X, self.coef_.dtype, function)

    def _linear_predictor(self, X: Any) -> NDArray[Any]:
        """Return X coef_ + intercept_."""
        X = validate_data(self, X, accept_sparse="csr", dtype=DTYPES, reset=False)
        return np.asarray(features("X", X) @ self.coef_.T + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: sparse input is accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def lazily(estimator: BaseGD, X: Any, function: Callable[[NDArray[Any]], NDArray[Any]] | None) -> Any:
    """Return a Dask array of a function of the linear predictors of a Dask collection, which is not computed yet."""
    now = copy.copy(estimator)  # as it is, whatever it is trained on before the array is computed
    now.coef_, now.intercept_ = np.copy(estimator.coef_), np.copy(estimator.intercept_)
    method = getattr(function, "__name__", "")
    evaluate = functools.partial(now._evaluated, function=getattr(now, method, function))
    z = np.zeros((1, estimator.n_features_in_), estimator.coef_.dtype) @ estimator.coef_.T + estimator.intercept_
    meta = np.asarray(z if function is None else function(z))[:0]
    if not hasattr(type(X), "chunks"):
        return X.map_partitions(evaluate, meta=meta)
    whole = X.rechunk({1: -1}) if X.numblocks[1] > 1 else X
    if meta.ndim == 1:
        return whole.map_blocks(evaluate, drop_axis=1, meta=meta, dtype=meta.dtype)
    return whole.map_blocks(evaluate, chunks=(whole.chunks[0], (meta.shape[1],)), meta=meta, dtype=meta.dtype)
