"""What a learning rate does to full-batch descent, computed before training."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array, flag, real
from gdfast.data.csr import features
from gdfast.data.problem import make_problem
from gdfast.data.summarised import named_or_summarised, problem_of_summary
from gdfast.data.summary import Summary
from gdfast.options.declarations import checked
from gdfast.options.model import make_model
from gdfast.options.optimizers import Momentum
from gdfast.solvers.closed_form.factorization import factorize
from gdfast.solvers.closed_form.modes import MomentumModes, log_factors
from gdfast.solvers.smoothness import largest_rate, loss_curvature

__all__ = ["Stability", "stability"]


@dataclass(frozen=True)
class Stability:
    """The rates at which full batch gradient descent converges, and how fast: the result of `gdfast.stability`.

    Every parameter is an attribute of the same name.

    Parameters
    ----------
    max_learning_rate : float
        The rate from which on training diverges: 2/L; with momentum 2(1 + mu)/L; with Nesterov's
        2(1 + mu)/((1 + 2 mu) L).
    best_learning_rate : float
        The rate 2/(L + m), at which gradient descent without momentum is fastest.
    condition_number : float
        L/m, m being the smallest curvature that is not zero.
    time_constants : ndarray
        Epochs in which each direction shrinks by e at the best rate, slowest first.
    is_limit : bool
        Whether max_learning_rate is the limit (squared_error), or only a safe rate from the loss's curvature bound.
    curvatures : ndarray
        The curvatures of J that are not zero, largest first.
    momentum : float, default 0.0
        The factor mu, at least 0 and below 1.
    nesterov : bool, default False
        Whether the momentum is Nesterov's.

    Examples
    --------
    >>> import gdfast
    >>> result = gdfast.stability([[-1.0], [2.0]], fit_intercept=False)
    >>> round(result.max_learning_rate, 6), result.is_limit
    (0.8, True)
    """

    max_learning_rate: float
    best_learning_rate: float
    condition_number: float
    time_constants: NDArray[np.float64]
    is_limit: bool
    curvatures: NDArray[np.float64] = field(repr=False)
    momentum: float = field(default=0.0, repr=False)
    nesterov: bool = field(default=False, repr=False)

    def epochs_to(self, tolerance: float, learning_rate: float | None = None) -> float:
        """Return the number of epochs until every direction has shrunk by tolerance.

        Parameters
        ----------
        tolerance : float
            The fraction of the initial error that remains, between 0 and 1.
        learning_rate : float, optional
            The learning rate, above 0; by default the best one.

        Returns
        -------
        float
            A whole number, or infinity where a direction does not shrink.

        Raises
        ------
        ValueError, TypeError
            If an argument is not in its range.
        """
        tolerance = real("tolerance", tolerance, 0.0, 1.0, ends="()")
        rate = self.best_learning_rate
        if learning_rate is not None:
            rate = real("learning_rate", learning_rate, 0.0, ends="(]")
        slowest = float(np.max(self.log_factors(rate), initial=-math.inf))
        if slowest >= 0:
            return math.inf
        return float(math.ceil(math.log(tolerance) / slowest))

    def log_factors(self, rate: float) -> NDArray[np.float64]:
        """Return the logarithm of the factor by which an epoch shrinks each direction, in the long run.

        Parameters
        ----------
        rate : float
            The learning rate, above 0.

        Returns
        -------
        ndarray
            One value for each of `curvatures`; positive where the direction grows.
        """
        if self.momentum == 0:
            return log_factors(self.curvatures, rate)[0]
        return MomentumModes(self.curvatures, rate, self.momentum, self.nesterov).log

    def __str__(self) -> str:
        kind = "the limit" if self.is_limit else "a safe rate from the loss's curvature bound, no limit"
        slowest = f"{self.time_constants[0]:.4g}" if len(self.time_constants) else "no"
        return (
            f"largest stable learning rate {self.max_learning_rate:.6g} ({kind}); best {self.best_learning_rate:.6g}; "
            f"condition number {self.condition_number:.4g}; slowest direction: {slowest} epochs to shrink by e"
        )


def stability(
    X: Any,
    y: Any = None,
    *,
    loss: str = "squared_error",
    penalty: str | None = None,
    alpha: float = 0.0,
    l1_ratio: float = 0.5,
    sample_weight: Any = None,
    fit_intercept: bool = True,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> Stability:
    """Return the rates at which full batch gradient descent converges on this data, and how fast.

    The second derivatives of J are [X 1]' S [X 1] / n + alpha_2 D, times the loss's curvature bound; their
    largest and smallest eigenvalues are L and m.

    Parameters
    ----------
    X : array-like, frame or sparse matrix of shape (n, n_features), or Summary or Blocks
        The features, finite numbers. A Summary and Blocks hold y and the weights.
    y : array-like of shape (n,), or str, optional
        The targets, or the name of X's column that holds them. Only poisson, gamma and tweedie use them: the
        curvature is taken as twice the largest target, whatever the loss's parameter.
    loss : str, default "squared_error"
        The name of a loss of `fit`. For other losses than squared_error the rate is a safe one and not a limit, and
        `is_limit` is False.
    penalty : {None, "l2", "l1", "elasticnet"}, default None
        The penalty R.
    alpha : float, default 0.0
        The penalty's strength, at least 0.
    l1_ratio : float, default 0.5
        The part of l1 in elasticnet, from 0 to 1.
    sample_weight : array-like of shape (n,), or str, optional
        At least 0, not all 0; scaled to mean 1. A str is the name of X's column that holds them.
    fit_intercept : bool, default True
        Whether the intercept is fitted.
    momentum : float, default 0.0
        The factor mu, at least 0 and below 1.
    nesterov : bool, default False
        Whether the momentum is Nesterov's.

    Returns
    -------
    Stability
        `max_learning_rate`, `best_learning_rate`, `condition_number`, `time_constants`, `epochs_to(tolerance)`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    References
    ----------
    Polyak, B. T., "Some methods of speeding up the convergence of iteration methods", 1964.

    Examples
    --------
    >>> import gdfast
    >>> X = [[float(x)] for x in range(1, 301)]
    >>> result = gdfast.stability(X)
    >>> print(f"{result.max_learning_rate:.6g} {result.condition_number:.4g}")
    6.6333e-05 1.212e+05
    """
    rule = Momentum(momentum, flag("nesterov", nesterov))
    options = {"loss": loss, "penalty": penalty, "alpha": alpha, "l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    model = make_model(loss_parameter=None, **checked(options), optimizer=rule)
    X, y, sample_weight, _ = named_or_summarised(X, y, sample_weight)
    X = X if isinstance(X, Summary) else features("X", X)
    if y is not None and as_array("y", y, "targets").shape[:1] != (len(X),):
        raise ValueError(f"y has shape {np.shape(y)}, and X has {len(X)} rows; give one target for each")
    if isinstance(X, Summary):
        problem = problem_of_summary(X, standardize=False)
    elif model.formulas.inverse_link is not None and y is not None:
        problem = make_problem(X, y, loss, sample_weight, model.c)
    else:
        problem = make_problem(X, np.zeros(len(X)), "squared_error", sample_weight)
    bound = loss_curvature(problem, model)
    # l2 enters after the bound, so before it in a smaller measure.
    factors = factorize(problem, model, scaled_l2=model.l2 / bound)
    curvatures = factors.curvatures * bound
    if not np.isfinite(curvatures).all():
        raise ValueError("X holds values whose squares overflow; scale X")
    curvatures = curvatures[curvatures > 0]
    if not len(curvatures):
        return Stability(math.inf, math.inf, 1.0, np.empty(0), model.formulas.quadratic, curvatures)
    L, m = float(curvatures[0]), float(curvatures[-1])
    best = 2.0 / (L + m)
    with np.errstate(divide="ignore"):
        constants = np.sort(-1.0 / log_factors(curvatures, best)[0])[::-1]
    largest = largest_rate(L, rule.mu, rule.nesterov)
    exact = model.formulas.quadratic and model.l1 == 0
    return Stability(largest, best, L / m, constants, exact, curvatures, rule.mu, rule.nesterov)
