"""The calls of the loops that tutorials teach people to write by hand, on top of `fit`.

Same names, same arguments, same numbers: change the import, and the wait is gone. Each call keeps the
convention of its loop (the factor in the gradient, what a cost is, when it is recorded); 1-D and column
targets are both taken as meant. `verbose=True` prints what the loop prints.

=====================  =====================================  =====================  ==================
call                   gradient (e = prediction - target)     cost                   start
=====================  =====================================  =====================  ==================
``linear_regression``  X'e / (2m), sum(e) / (2m)              sqrt(sum e^2 / (2m))   zero
``gradient_descent``   X'e / m                                sum e^2 / (2m)         standard normal
``train``              2 mean(e x), 2 mean(e)                 mean e^2               zero
=====================  =====================================  =====================  ==================
"""

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._fit import fit_options
from gdfast._utils.arguments import flag, floating, matrix, numeric_array, real, vector, whole
from gdfast.options.callbacks import CallbackState
from gdfast.options.declarations import DEFAULTS
from gdfast.options.option import LARGEST_COUNT
from gdfast.results.run import Run
from gdfast.solvers.diagnostics import RateName

__all__ = [
    "generate_data",
    "gradient",
    "gradient_descent",
    "linear_regression",
    "loss",
    "plot_test",
    "predict",
    "rmse",
    "train",
]


# Called with an epoch's number, the cost before it, and the coefficients and intercept after it.
EachEpoch = Callable[[int, float, NDArray[Any], float], None]


def feature_matrix(name: str, values: Any) -> NDArray[Any]:
    """Return features as a matrix; one feature may be 1-d."""
    array = numeric_array(name, values)
    return matrix(name, array.reshape(-1, 1) if array.ndim == 1 else array).astype(np.float64, copy=False)


def one_feature(name: str, values: Any) -> NDArray[np.float64]:
    """Return the values of one feature, given 1-d or as a column."""
    array = numeric_array(name, values)
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise ValueError(
            f"{name} has shape {array.shape}, and must be 1-d or one column; for several features use gradient_descent"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty; give at least one value")
    return floating(name, array.reshape(-1), np.float64)


def count(name: str, value: Any) -> int:
    """Return a number of epochs or points."""
    return whole(name, value, 1, LARGEST_COUNT)


def rate(name: str, value: Any) -> float:
    """Return a learning rate."""
    return real(name, value, 0.0, ends="(]")


class Words(NamedTuple):
    """What a call names the features, the targets and the rate, and its rate for ours being 1."""

    features: str
    targets: str
    rate: str
    factor: float


def path(
    words: Words,
    X: NDArray[Any],
    y: NDArray[np.float64],
    epochs: int,
    learning_rate: float,
    start: NDArray[np.float64] | None = None,
    each_epoch: EachEpoch | None = None,
) -> Run:
    """Return the Run of full-batch descent at the caller's rate from start, intercept first."""
    if start is None:
        start = np.zeros(X.shape[1] + 1)
    check_start(words, X, y, start)
    options: dict[str, Any] = {
        "epochs": epochs,
        "learning_rate": our_rate(words, learning_rate),
        "coef_init": start[1:],
        "intercept_init": start[:1],
        "history_limit": epochs + 1,  # the caller gets every cost
        "interrupt": "raise",
    }
    if each_epoch is not None:
        options |= {"callbacks": EpochPrinter(each_epoch), "callback_every": 1}
    return fit_options(X, y, None, {**DEFAULTS, **options}, RateName(words.rate, words.factor))


class EpochPrinter:
    """A callback that calls `line` after each epoch, with the cost before it."""

    def __init__(self, line: EachEpoch) -> None:
        self.line, self.cost = line, math.nan

    def on_start(self, state: CallbackState) -> None:
        """Keep the cost at the start."""
        self.cost = state.cost

    def on_chunk(self, state: CallbackState) -> None:
        """Call `line`, and keep the cost for the next epoch's."""
        self.line(state.epoch, self.cost, state.coef, state.intercept)
        self.cost = state.cost


def check_start(words: Words, X: NDArray[Any], y: NDArray[np.float64], start: NDArray[np.float64]) -> None:
    """Raise ValueError where the cost is not finite before the first update."""
    with np.errstate(over="ignore", invalid="ignore"):
        e = X @ start[1:] + start[0] - y
        finite = np.isfinite(e @ e)
    if not finite:
        names = " or ".join([words.features, words.targets] + ["init"] * bool(start.any()))
        raise ValueError(f"{names} holds values so large that the cost overflows at the start; scale them")


def our_rate(words: Words, learning_rate: float) -> float:
    """Return fit's rate for the caller's."""
    rate = learning_rate / words.factor
    if not 0.0 < rate < math.inf:
        kind = "small" if rate == 0.0 else "large"
        raise ValueError(
            f"{words.rate}={learning_rate:g} is too {kind} for a float64; give one between 1e-300 and 1e300"
        )
    return rate


def costs_before(run: Run, epochs: int) -> NDArray[np.float64]:
    """Return J before each of the epochs asked for; inf from the epoch on where training diverged."""
    costs = np.full(epochs, np.inf)
    known = run.costs[:epochs]
    costs[: len(known)] = known
    return costs


def linear_regression(
    inputs: Any, targets: Any, epochs: int, learning_rate: float, *, verbose: bool = False
) -> tuple[NDArray[np.float64], float, list[float]]:
    """Fit a linear regression by full batch gradient descent with half the usual gradient.

    From zero, w <- w - rate X'e / (2m) and b <- b - rate sum(e) / (2m), with e = X w + b - y.

    Parameters
    ----------
    inputs : array-like of shape (m, n) or (m,)
        The features; 1-d for one feature.
    targets : array-like of shape (m, 1) or (m,)
        The targets.
    epochs : int
        Number of updates, at least 1.
    learning_rate : float
        The rate, above 0. A step is half as long as with the usual gradient X'e / m.
    verbose : bool, default False
        Print a line for every iteration.

    Returns
    -------
    weights : ndarray of shape (n, 1)
        The coefficients.
    bias : float
        The intercept.
    costs : list of float
        The value sqrt(sum e^2 / (2m)) before each update; inf from the epoch at which training diverged.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above; the message names it.

    Warns
    -----
    DivergenceWarning
        If the costs are no longer finite; the weights are those of the epoch before.

    Examples
    --------
    >>> from gdfast.compat import generate_data, linear_regression
    >>> inputs, targets, _, _ = generate_data(300, 0, 0.5, 2.0)
    >>> weights, bias, costs = linear_regression(inputs, targets, 200_000, 0.0001)
    >>> print(f"{weights[0, 0]:.10f} {bias:.10f} {costs[-1]:.10f}")
    0.5008287640 1.8339723160 0.0585536906
    """
    X = feature_matrix("inputs", inputs)
    y = vector("targets", targets, len(X), "row of inputs")
    epochs, learning_rate = count("epochs", epochs), rate("learning_rate", learning_rate)

    def line(epoch: int, cost: float, coef: NDArray[Any], bias: float) -> None:
        weights = coef.reshape(-1, 1)
        print(f"Iteration: {epoch} | Cost/Loss: {math.sqrt(cost)} | Weight: {weights} | Bias: {bias}")

    words = Words("inputs", "targets", "learning_rate", 2.0)
    run = path(words, X, y, epochs, learning_rate, each_epoch=line if flag("verbose", verbose) else None)
    costs = np.sqrt(costs_before(run, epochs)).tolist()
    return run.coef.reshape(-1, 1), run.intercept, costs


def generate_data(
    m: int, n: int, a: float, b: float, *, verbose: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return training and test points of the line y = a x + b.

    Training points have x = 1 .. m. Test points have random whole x from 1000 to 100000.

    Parameters
    ----------
    m : int
        Number of training points, at least 1.
    n : int
        Number of test points, at least 0.
    a, b : float
        Slope and intercept.
    verbose : bool, default False
        Print how many points there are.

    Returns
    -------
    inputs : ndarray of shape (m, 1)
        The x of the training points.
    targets : ndarray of shape (m, 1)
        The y of the training points.
    test_inputs : ndarray of shape (n, 1)
        The x of the test points, drawn by `random.randint`; `random.seed` fixes them.
    test_targets : ndarray of shape (n, 1)
        The y of the test points.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    Examples
    --------
    >>> from gdfast.compat import generate_data
    >>> inputs, targets, test_inputs, test_targets = generate_data(3, 2, 0.5, 2.0)
    >>> targets.ravel()
    array([2.5, 3. , 3.5])
    """
    m, n = count("m", m), whole("n", n, 0, LARGEST_COUNT)
    a, b = real("a", a), real("b", b)
    if not math.isfinite(abs(a) * max(m, 100_000) + abs(b)):
        raise ValueError(f"a={a:g} and b={b:g} make y = a x + b too large for a float; give smaller ones")
    inputs = np.arange(1.0, m + 1.0).reshape(-1, 1)
    tests = np.array([float(random.randint(1000, 100_000)) for _ in range(n)]).reshape(-1, 1)
    if flag("verbose", verbose):
        print(f"{m} points to train on, {n} to test with")
    return inputs, inputs * a + b, tests, tests * a + b


def rmse(inputs: Any, targets: Any, weights: Any, bias: Any, *, verbose: bool = False) -> float:
    """Return sqrt(sum (inputs weights + bias - targets)^2 / (2m)), the RMSE as `linear_regression` counts it.

    Parameters
    ----------
    inputs : array-like of shape (m, n) or (m,)
        The features; 1-d for one feature.
    targets : array-like of shape (m, 1) or (m,)
        The targets.
    weights : array-like of shape (n, 1) or (n,)
        The coefficients, as `linear_regression` returns them.
    bias : float
        The intercept.
    verbose : bool, default False
        Print the value.

    Returns
    -------
    float
        The value, in the unit of the targets.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    Examples
    --------
    >>> from gdfast.compat import rmse
    >>> rmse([[1.0], [2.0]], [[2.0], [4.0]], [[1.0]], 0.0)
    1.118033988749895
    """
    X = feature_matrix("inputs", inputs)
    y = vector("targets", targets, len(X), "row of inputs")
    w = vector("weights", weights, X.shape[1], "column of inputs")
    e = X @ w + real("bias", bias) - y
    value = math.sqrt(float(e @ e) / (2 * len(y)))
    if flag("verbose", verbose):
        print(f"RMSE: {value}")
    return value


def plot_test(inputs: Any, targets: Any, weights: Any, bias: Any, *, verbose: bool = False, ax: Any = None) -> Any:
    """Draw the predictions inputs weights + bias as crosses and the targets as circles.

    Parameters
    ----------
    inputs : array-like of shape (m, n) or (m,)
        The features; 1-d for one feature.
    targets : array-like of shape (m, 1) or (m,)
        The targets.
    weights : array-like of shape (n, 1) or (n,)
        The coefficients, as `linear_regression` returns them.
    bias : float
        The intercept.
    verbose : bool, default False
        Print the RMSE.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure, which `matplotlib.pyplot.show` shows.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.
    ImportError
        If matplotlib is not available.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from gdfast.compat import plot_test
    >>> ax = plot_test([[1.0], [2.0]], [[2.0], [4.0]], [[1.9]], 0.1)
    """
    from gdfast import plots

    rmse(inputs, targets, weights, bias, verbose=verbose)
    X = feature_matrix("inputs", inputs)
    w = vector("weights", weights, X.shape[1], "column of inputs")
    return plots.predictions(vector("targets", targets, len(X), "row of inputs"), X @ w + real("bias", bias), ax=ax)


def gradient_descent(
    X: Any,
    y: Any,
    alpha: float = 0.01,
    epochs: int = 30,
    *,
    init: Any = None,
    seed: int | None = None,
    verbose: bool = False,
) -> tuple[NDArray[np.float64], list[float]]:
    """Fit a linear regression by full batch gradient descent with the usual gradient.

    W <- W - alpha [1 X]'e / m, with e = [1 X] W - y and the intercept first in W.

    Parameters
    ----------
    X : array-like of shape (m, n) or (m,)
        The features without a column of ones; 1-d for one feature.
    y : array-like of shape (m,) or (m, 1)
        The targets.
    alpha : float, default 0.01
        The learning rate, above 0.
    epochs : int, default 30
        Number of updates, at least 1.
    init : array-like of shape (n + 1,), optional
        The start, intercept first; by default drawn from the standard normal distribution.
    seed : int, optional
        Seed of `numpy.random.RandomState` for that draw, from 0 to 2**32 - 1; by default NumPy's global state is
        used, as in the loop.
    verbose : bool, default False
        Print the cost at every tenth iteration.

    Returns
    -------
    W : ndarray of shape (n + 1,)
        The intercept, then the coefficients.
    costs : list of float
        The value sum e^2 / (2m) before each update; inf from the epoch at which training diverged.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above; the message names it.

    Warns
    -----
    DivergenceWarning
        If the costs are no longer finite; W is that of the epoch before.

    Examples
    --------
    >>> import numpy as np
    >>> from gdfast.compat import gradient_descent
    >>> X = 10 * np.random.RandomState(10).rand(100, 5)
    >>> y = 0.9 + X @ [2.2, 4, -4, 1, 2]
    >>> W, costs = gradient_descent(X, y, alpha=0.01, epochs=100, seed=0)
    >>> W.shape, len(costs)
    ((6,), 100)
    """
    X = feature_matrix("X", X)
    y = vector("y", y, len(X), "row of X")
    alpha, epochs = rate("alpha", alpha), count("epochs", epochs)
    start = first_weights(init, seed, X.shape[1] + 1)

    def line(epoch: int, cost: float, coef: NDArray[Any], intercept: float) -> None:
        if epoch % 10 == 1:
            print(f"cost:{cost} \t iteration: {epoch - 1}")

    each_epoch = line if flag("verbose", verbose) else None
    run = path(Words("X", "y", "alpha", 1.0), X, y, epochs, alpha, start, each_epoch)
    return np.append(run.intercept, run.coef), costs_before(run, epochs).tolist()


def first_weights(init: Any, seed: Any, size: int) -> NDArray[np.float64]:
    """Return the start given, or one drawn."""
    if init is not None:
        return vector("init", init, size, "feature, after the intercept's")
    if seed is None:
        return np.random.randn(size)  # noqa: NPY002
    return np.random.RandomState(whole("seed", seed, 0, 2**32 - 1)).randn(size)


def predict(X: Any, w: Any, b: Any, *, verbose: bool = False) -> Any:
    """Return X w + b.

    Parameters
    ----------
    X : float or array-like
        One value or several.
    w, b : float
        Slope and intercept.
    verbose : bool, default False
        Print a line for each prediction.

    Returns
    -------
    float or ndarray
        The predictions, in the shape of X.

    Raises
    ------
    ValueError, TypeError
        If an argument does not hold real numbers.

    Examples
    --------
    >>> from gdfast.compat import predict
    >>> predict(33, 30.72223104, -471.01174707, verbose=True)
    Prediction: x=33 => y=542.82
    542.82187725
    """
    array = numeric_array("X", X)
    values = floating("X", array, np.float64).reshape(array.shape)
    result = values * slope("w", w) + slope("b", b)
    if flag("verbose", verbose):
        for x, y in zip(np.ravel(values), np.ravel(result), strict=True):
            print("Prediction: x=%d => y=%.2f" % (x, y))  # noqa: UP031
    return float(result) if np.ndim(result) == 0 else result


def slope(name: str, value: Any) -> float:
    """Return a number that may come as an array of one."""
    array = numeric_array(name, value) if isinstance(value, (np.ndarray, list, tuple)) else value
    return real(name, array.reshape(-1)[0] if isinstance(array, np.ndarray) and array.size == 1 else array)


def residuals(X: Any, Y: Any, w: Any, b: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and x w + b - y of one feature."""
    x = one_feature("X", X)
    y = vector("Y", Y, len(x), "value of X")
    return x, x * slope("w", w) + slope("b", b) - y


def loss(X: Any, Y: Any, w: float, b: float, *, verbose: bool = False) -> float:
    """Return mean (X w + b - Y)^2.

    Parameters
    ----------
    X, Y : array-like of shape (m,) or (m, 1)
        One feature and the targets.
    w, b : float
        Slope and intercept.
    verbose : bool, default False
        Print the value.

    Returns
    -------
    float
        The mean squared error.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    Examples
    --------
    >>> from gdfast.compat import loss
    >>> loss([1.0, 2.0], [2.0, 4.0], 1.0, 0.0)
    2.5
    """
    _, e = residuals(X, Y, w, b)
    value = float(e @ e) / len(e)
    if flag("verbose", verbose):
        print(f"Loss: {value}")
    return value


def gradient(X: Any, Y: Any, w: float, b: float, *, verbose: bool = False) -> tuple[float, float]:
    """Return the derivatives of `loss` by w and b.

    They are 2 mean(e x) and 2 mean(e), with e = X w + b - Y.

    Parameters
    ----------
    X, Y : array-like of shape (m,) or (m, 1)
        One feature and the targets.
    w, b : float
        Slope and intercept.
    verbose : bool, default False
        Print the values.

    Returns
    -------
    w_gradient : float
        The derivative by w.
    b_gradient : float
        The derivative by b.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above.

    Examples
    --------
    >>> from gdfast.compat import gradient
    >>> gradient([1.0, 2.0], [2.0, 4.0], 1.0, 0.0)
    (-5.0, -3.0)
    """
    x, e = residuals(X, Y, w, b)
    value = 2 * float(e @ x) / len(e), 2 * float(e.sum()) / len(e)
    if flag("verbose", verbose):
        print(f"Gradient: w={value[0]}; b={value[1]}")
    return value


def train(
    X: Any, Y: Any, iterations: int, lr: float, *, return_losses: bool = False, verbose: bool = False
) -> tuple[float, float] | tuple[float, float, list[float]]:
    """Fit a line by full batch gradient descent with twice the usual gradient.

    From zero, w <- w - lr 2 mean(e x) and b <- b - lr 2 mean(e), with e = X w + b - Y.

    Parameters
    ----------
    X, Y : array-like of shape (m,) or (m, 1)
        One feature and the targets.
    iterations : int
        Number of updates, at least 1.
    lr : float
        The learning rate, above 0. A step is twice as long as with the usual gradient.
    return_losses : bool, default False
        Return the losses as well.
    verbose : bool, default False
        Print w and b at the end.

    Returns
    -------
    w : float
        The slope.
    b : float
        The intercept.
    losses : list of float
        Only with `return_losses`: mean e^2 before each update; inf from the epoch at which training diverged.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what is described above; the message names it.

    Warns
    -----
    DivergenceWarning
        If the losses are no longer finite; w and b are those of the epoch before.

    Examples
    --------
    >>> from gdfast.compat import predict, train
    >>> w, b = train([1.0, 2.0, 3.0], [3.0, 5.0, 7.0], iterations=5000, lr=0.1, verbose=True)
    w=2.00000000; b=1.00000000
    """
    x = one_feature("X", X)
    y = vector("Y", Y, len(x), "value of X")
    iterations, lr = count("iterations", iterations), rate("lr", lr)
    losses_wanted, verbose = flag("return_losses", return_losses), flag("verbose", verbose)
    run = path(Words("X", "Y", "lr", 0.5), x.reshape(-1, 1), y, iterations, lr)
    w, b = float(run.coef[0]), float(run.intercept)
    if verbose:
        print("w=%.8f; b=%.8f" % (w, b))  # noqa: UP031
    return (w, b, (2 * costs_before(run, iterations)).tolist()) if losses_wanted else (w, b)
