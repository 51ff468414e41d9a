"""Figures of a fit.

Each function draws on `ax`, or on a new figure where that is None, and returns the Axes; none calls show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations_with_replacement, pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gdfast._utils.arguments import numeric_array, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Function = Callable[..., Any]
    Shape = tuple[int, ...]

__all__ = [
    "cost_curve",
    "descent_steps",
    "fitted_line",
    "loss_contour",
    "loss_curve",
    "loss_surface",
    "predictions",
]

HIGHEST_COST = 1e200  # far above it Matplotlib's choice of ticks overflows
DRAWN_POINTS = 4000  # more than a figure has pixels across
CURVE_POINTS = 201
SURFACE_POINTS = 101  # a side: 101 calls of a vectorised loss, or 10,201 of one that takes numbers
LEVELS = 13
TANGENTS = 6
REFINEMENTS = 20  # the first finds the minimum of a quadratic; each looks four times closer


def cost_curve(
    costs: Any,
    *,
    epochs: ArrayLike | None = None,
    log: bool | str = "auto",
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """Draw the cost over the epochs.

    A long curve is thinned to a few thousand points. The first and the last point, those of a steep start, and the
    lowest and highest of each section are kept. Costs that are not finite, or beyond 1e200, are left out.

    Parameters
    ----------
    costs : Run or array-like of shape (n,)
        The costs, or any object with `costs` and perhaps `cost_epochs`.
    epochs : array-like of shape (n,), optional
        The epoch of each cost; by default those of the run, or 0, 1, ..., n - 1.
    log : {"auto", True, False, "x", "y"}, default "auto"
        The logarithmic axes; True is both. "auto" takes y where the costs span more than two decades and none
        is negative, and x where half of the fall is over within a hundredth of the epochs.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **line
        Options of `Axes.plot` for the curve.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If there is no finite cost, `epochs` has another length, or `log` is something else.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = cost_curve([4.0, 1.0, 0.25])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Epochs', 'Cost')
    """
    if epochs is None:
        epochs = getattr(costs, "cost_epochs", None)
    values = _column(getattr(costs, "costs", costs), "costs", "try another `history`", finite=False)
    times = np.arange(float(values.size)) if epochs is None else _column(epochs, "epochs")
    _same_length(epochs=times, costs=values)
    kept = np.flatnonzero(np.abs(values) < HIGHEST_COST)  # False for NaN
    if not kept.size:
        raise ValueError(f"costs has no finite value among its {values.size}: try a lower learning_rate")
    kept = kept[_thinned(values[kept])]
    logarithmic = _log_axes(log, times[kept], values[kept])
    ax = _axes(ax)
    if "y" in logarithmic:
        ax.set_yscale("log")
    if "x" in logarithmic:
        ax.set_xscale("symlog", linthresh=1.0)  # which has a place for epoch 0
    ax.plot(times[kept], values[kept], **line)
    ax.set(xlabel="Epochs", ylabel="Cost")
    _whole_ticks(ax)
    return ax


def predictions(targets: ArrayLike, predictions: ArrayLike, *, ax: Axes | None = None, **markers: Any) -> Axes:
    """Draw predictions as crosses and targets as circles, over the index of the sample.

    Parameters
    ----------
    targets, predictions : array-like of shape (n,) or (n, 1)
        The values, in the unit of the target.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **markers
        Options of `Axes.plot` for the predictions.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If they are empty, not of one column, not finite, or not equally long.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = predictions([1.0, 2.0, 3.0], [1.1, 1.9, 3.2])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['Targets', 'Predictions']
    """
    true, predicted = _column(targets, "targets"), _column(predictions, "predictions")
    _same_length(targets=true, predictions=predicted)
    ax = _axes(ax)
    ax.plot(true, "o", fillstyle="none", markersize=9, label="Targets")
    ax.plot(predicted, **{"marker": "x", "linestyle": "none", "label": "Predictions", **markers})
    ax.set(xlabel="Indexes", ylabel="Values")
    _whole_ticks(ax)
    _legend(ax, true.size)
    return ax


def fitted_line(
    X: ArrayLike, y: ArrayLike, coef: ArrayLike, intercept: ArrayLike, *, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw data of one feature and the line y = coef x + intercept, with this equation in the legend.

    Parameters
    ----------
    X, y : array-like of shape (n,) or (n, 1)
        The feature and the target.
    coef, intercept : float or array-like of one value
        Slope and intercept of the line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **line
        Options of `Axes.plot` for the line.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If X has several features, the lengths differ, or a value is not finite.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = fitted_line([15, 25, 36], [23, 321, 568], 30.722, -471.01)
    >>> ax.get_legend().get_texts()[1].get_text()
    'y = 30.722 x - 471.01'
    """
    x, values = _column(X, "X"), _column(y, "y")
    _same_length(X=x, y=values)
    slope, offset = _numbers(coef, "coef", 1)[0], _numbers(intercept, "intercept", 1)[0]
    equation = f"y = {slope:.5g} x {'-' if offset < 0 else '+'} {abs(offset):.5g}"
    ends = np.array([x.min(), x.max()])
    ax = _axes(ax)
    ax.plot(x, values, "o", label="Data")
    ax.plot(ends, slope * ends + offset, **{"label": equation, **line})
    ax.set(xlabel="x", ylabel="y")
    _legend(ax, x.size)
    return ax


def loss_curve(
    loss: Function,
    *,
    low: float,
    high: float,
    path: ArrayLike | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    r"""Draw a loss over its one parameter w, with its minimum between `low` and `high` marked.

    Parameters
    ----------
    loss : callable
        The loss of w, which takes an array, or else one number.
    low, high : float
        The range of w; `low` is below `high`.
    path : array-like of shape (k,), optional
        The values of w in a descent, its start first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **line
        Options of `Axes.plot` for the curve.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If `low` is not below `high`, `path` is not 1-d or not finite, or the loss is nowhere finite.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = loss_curve(lambda w: (w - 3.0) ** 2 + 1.0, low=-2.0, high=9.0)
    >>> ax.texts[0].get_text()
    'minimum\n1 at w = 3'
    """
    grid = _grid((low, high), "(low, high)", CURVE_POINTS)
    steps = None if path is None else _column(path, "path")
    values = _survey(loss, grid)
    (place,), lowest = _lowest(loss, (grid,), values)
    ax = _axes(ax)
    ax.plot(grid, values, **{"label": "Loss", **line})
    if steps is not None:
        _draw_steps(ax, loss, steps)
        ax.legend()
    ax.plot(place, lowest, "*", color="C3", markersize=14, zorder=4)
    ax.annotate(
        f"{'minimum' if low < place < high else 'lowest in this range'}\n{lowest:.6g} at w = {place:.6g}",
        (place, lowest),
        xytext=(0, 45),
        textcoords="offset points",
        ha=("left", "center", "right")[round(2 * (place - low) / (high - low))],
        arrowprops={"arrowstyle": "->", "shrinkB": 8},
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )
    ax.set(xlabel="w", ylabel="Loss")
    return ax


def descent_steps(
    fun: Function, path: ArrayLike, *, grad: Function | None = None, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw a curve J(theta), the steps of a descent on it, and tangents at up to six of its points.

    Parameters
    ----------
    fun : callable
        J of theta, which takes an array, or else one number.
    path : array-like of shape (k,)
        The values of theta in the descent, its start first.
    grad : callable, optional
        The derivative of `fun`; by default central differences.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **line
        Options of `Axes.plot` for the curve.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If `path` is empty, not 1-d or not finite, or J is nowhere finite.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = descent_steps(lambda theta: (theta - 5.0) ** 2, [0.0, 1.0, 1.8, 2.44])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['J(theta)', 'Steps', 'Tangents']
    """
    steps = _column(path, "path")
    margin = 0.4 * np.ptp(steps) or 1.0
    grid = np.linspace(steps.min() - margin, steps.max() + margin, CURVE_POINTS)
    values = _survey(fun, grid)
    ax = _axes(ax)
    ax.plot(grid, values, **{"label": "J(theta)", **line})
    _draw_steps(ax, fun, steps)
    _draw_tangents(ax, fun, grad, steps, grid[-1] - grid[0], np.nanmax(values) - np.nanmin(values))
    ax.set(xlabel="theta", ylabel="J(theta)")
    ax.legend()
    return ax


def loss_contour(
    loss: Function,
    *,
    w: ArrayLike,
    b: ArrayLike,
    path: ArrayLike | None = None,
    minimum: ArrayLike | None = None,
    ax: Axes | None = None,
    **contour: Any,
) -> Axes:
    """Draw the contours of a loss over its two parameters w and b, with its minimum marked.

    The levels are evenly spaced in log(loss) where it spans two decades, else in sqrt(loss - lowest loss).

    Parameters
    ----------
    loss : callable
        The loss of w and b, which takes two arrays of one shape, or else two numbers.
    w, b : (low, high) or array-like of shape (n,)
        The range of each, or a rising grid.
    path : array-like of shape (k, 2), optional
        The values of (w, b) in a descent, its start first. Points outside the ranges are not drawn.
    minimum : (w, b), optional
        The minimum; by default the lowest point of the grid, refined.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.
    **contour
        Options of `Axes.contourf`.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If a range does not rise, `path` or `minimum` is not of that shape or not finite, or the loss is
        nowhere finite.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = loss_contour(lambda w, b: (w - 1.0) ** 2 + (w + b) ** 2, w=(-2.0, 3.0), b=(-4.0, 2.0))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('w', 'b')
    """
    land = _landscape(loss, w, b, path, minimum)
    ax = _axes(ax)
    filled = ax.contourf(land.w, land.b, land.values.T, **{"levels": land.levels, "norm": land.norm(), **contour})
    ax.figure.colorbar(filled, ax=ax, label="Loss", format="{x:,.10g}")
    _draw_descent(ax, land, 2)
    return ax


def loss_surface(
    loss: Function,
    *,
    w: ArrayLike,
    b: ArrayLike,
    path: ArrayLike | None = None,
    minimum: ArrayLike | None = None,
    ax: Axes | None = None,
    **surface: Any,
) -> Axes:
    """Draw a loss as a surface over its two parameters w and b, with its minimum marked.

    Parameters
    ----------
    loss : callable
        The loss of w and b, which takes two arrays of one shape, or else two numbers.
    w, b : (low, high) or array-like of shape (n,)
        The range of each, or a rising grid.
    path : array-like of shape (k, 2), optional
        The values of (w, b) in a descent, its start first. Points outside the ranges are not drawn.
    minimum : (w, b), optional
        The minimum; by default the lowest point of the grid, refined.
    ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
        Where to draw, a 3-D Axes; by default a new figure.
    **surface
        Options of `Axes3D.plot_surface`.

    Returns
    -------
    mpl_toolkits.mplot3d.axes3d.Axes3D
        The Axes drawn on.

    Raises
    ------
    ValueError
        If `ax` is not 3-D, a range does not rise, `path` or `minimum` is not of that shape or not finite, or the
        loss is nowhere finite.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = loss_surface(lambda w, b: (w - 1.0) ** 2 + (w + b) ** 2, w=(-2.0, 3.0), b=(-4.0, 2.0))
    >>> ax.get_zlabel()
    'Loss'
    """
    if ax is not None and _axes(ax).name != "3d":
        raise ValueError(
            f"ax is {type(ax).__name__}, which is 2-D, and a surface needs a 3-D one: "
            'try plt.subplots(subplot_kw={"projection": "3d"})'
        )
    land = _landscape(loss, w, b, path, minimum)
    axes: Any = _axes(ax, projection="3d")
    axes.computed_zorder = False  # which would hide all of the path behind the surface
    style = {"cmap": "viridis", "norm": land.norm(), "alpha": 0.8, **surface}
    axes.plot_surface(land.w[:, None], land.b, land.values, zorder=1, **style)
    low, high = axes.get_zlim()
    if high - low < 1e-100:  # the projection would divide by it
        axes.set_zlim(low - 1.0, low + 1.0)
    axes.set_zlabel("Loss", labelpad=18)
    axes.tick_params(axis="z", pad=7)
    axes.locator_params(nbins=5)
    _draw_descent(axes, land, 3)
    drawn: Axes = axes
    return drawn


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as missing:
        raise ImportError('plotting needs matplotlib; pip install "gdfast[plot]"') from missing
    return plt


def _axes(ax: Axes | None, **kind: Any) -> Any:
    pyplot = _pyplot()
    if ax is None:
        return pyplot.subplots(layout="constrained", subplot_kw=kind)[1]
    if not isinstance(ax, pyplot.Axes):
        raise TypeError(
            f"ax={shown(ax)} must be Matplotlib's Axes; give one as plt.subplots() returns, or leave it out"
        )
    return ax


def _legend(ax: Axes, n: int) -> None:
    """Add a legend; finding its best place among many points would take seconds."""
    ax.legend(loc="best" if n <= DRAWN_POINTS else "upper right")


def _whole_ticks(ax: Axes) -> None:
    """Put ticks at whole numbers alone, as indexes and epochs are."""
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", integer=True)


def _array(values: ArrayLike, name: str, fits: Callable[[Shape], bool], wanted: str, *, finite: bool = True) -> Array:
    """Return values as an array, or say what is wrong with its shape or its first bad row."""
    array = numeric_array(name, values).astype(np.float64)
    if not array.size or not fits(array.shape):
        raise ValueError(f"{name} has shape {array.shape}: it must be {wanted}")
    if finite and not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(f"{name} is {array[tuple(first)]} at {first}: all must be finite, leave such rows out")
    return array


def _column(values: ArrayLike, name: str, advice: str = "try one column of it", *, finite: bool = True) -> Array:
    wanted = f"(n,) or (n, 1) with n > 0, {advice}"
    return _array(values, name, lambda shape: len(shape) == 1 or shape[1:] == (1,), wanted, finite=finite).ravel()


def _numbers(value: ArrayLike, name: str, size: int) -> Array:
    return _array(value, name, lambda shape: math.prod(shape) == size, f"of {size} value(s)").ravel()


def _grid(limits: ArrayLike, name: str, points: int) -> Array:
    """Return `limits` as a rising grid: what (low, high) spans, or itself."""
    grid = numeric_array(name, limits).astype(np.float64)
    if grid.ndim != 1 or grid.size < 2 or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise ValueError(f"{name} is {shown(limits)}: it must rise, from one finite number to another, try (-1, 1)")
    return np.linspace(grid[0], grid[1], points) if grid.size == 2 else grid


def _same_length(**arrays: Array) -> None:
    if len({array.size for array in arrays.values()}) > 1:
        lengths = " and ".join(f"{name} has {array.size}" for name, array in arrays.items())
        raise ValueError(f"{lengths} values: they must be equally many, one a row")


def _thinned(values: Array) -> NDArray[np.intp]:
    """Return the places of the lowest and highest of each stretch; the first stretches are short."""
    n, stretches = values.size, DRAWN_POINTS // 4
    if n <= DRAWN_POINTS:
        return np.arange(n)
    edges = np.concatenate([[0], np.linspace(1, n - 1, stretches), np.geomspace(1, n - 1, stretches), [n]])
    bounds = list(pairwise(np.unique(edges.astype(int))))
    extremes = [a + place for a, b in bounds for place in (values[a:b].argmin(), values[a:b].argmax())]
    return np.unique(extremes)


def _log_axes(log: bool | str, epochs: Array, costs: Array) -> str:
    known = {True: "xy", False: "", "x": "x", "y": "y"}
    if not isinstance(log, bool | np.bool_ | str) or log not in {*known, "auto"}:
        raise ValueError(f"log = {shown(log)}: it must be 'auto', True, False, 'x' or 'y'")
    if log in known:
        return known[log]
    positive = costs[costs > 0.0]
    y = costs.min() >= 0.0 and positive.size > 0 and costs.max() > 100.0 * positive.min()
    fall = np.log(np.maximum(costs, positive.min())) if y else costs
    halfway = epochs[np.argmax(fall <= fall[0] / 2.0 + fall.min() / 2.0)]
    x = 0.0 < halfway - epochs[0] <= (epochs[-1] - epochs[0]) / 100.0
    return "x" * bool(x) + "y" * bool(y)


def _evaluate(fun: Function, *points: Array) -> Array:
    """Return fun at each of the points, in one call where it takes arrays."""
    try:
        values = np.asarray(fun(*points), dtype=np.float64)
    except Exception:  # whatever is wrong with the function itself is raised again below
        values = np.empty(0)
    if values.shape == points[0].shape:
        return values
    return np.array([np.asarray(fun(*point), dtype=np.float64).item() for point in zip(*points, strict=True)])


def _survey(fun: Function, *grids: Array) -> Array:
    """Return fun over the grids, NaN where it is not finite: a call for each row, to spare memory."""
    *outer, inner = grids
    rows = [_evaluate(fun, *(np.full_like(inner, x) for x in point), inner) for point in product(*outer)]
    values = np.reshape(rows, [grid.size for grid in grids])
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError(f"the loss is {values.flat[0]} and nowhere finite in this range: try another")
    return np.where(finite, values, np.nan)


def _lowest(fun: Function, grids: tuple[Array, ...], values: Array) -> tuple[Array, float]:
    """Return where fun is lowest, and its value there: from the grid's lowest point on, vertex by vertex."""
    index = np.unravel_index(np.nanargmin(values), values.shape)
    low, high = (np.array([grid[end] for grid in grids]) for end in (0, -1))
    place, lowest = np.array([grid[i] for grid, i in zip(grids, index, strict=True)]), float(values[index])
    cell = (high - low) / (np.array(values.shape) - 1)
    for shrink in 0.25 ** np.arange(REFINEMENTS):
        step = np.minimum(cell * shrink, np.minimum(place - low, high - place))
        if not step.all():
            break
        trial = np.clip(place + step * _vertex(fun, place, step), low, high)
        value = float(_evaluate(fun, *trial[:, None])[0])
        if value < lowest:
            place, lowest = trial, value
    return place, lowest


def _vertex(fun: Function, place: Array, step: Array) -> Array:
    """Return the vertex, in steps from place, of the quadratic through fun at place and its neighbours."""
    offsets = np.array(list(product((-1.0, 0.0, 1.0), repeat=place.size)))
    values = _evaluate(fun, *(place + step * offsets).T)
    if not np.isfinite(values).all():
        return np.zeros_like(place)
    pairs = list(combinations_with_replacement(range(place.size), 2))
    squares = [offsets[:, i] * offsets[:, j] for i, j in pairs]
    terms = np.column_stack([np.ones(len(offsets)), offsets, *squares])
    coefficients = np.linalg.lstsq(terms, values, rcond=None)[0]
    gradient, hessian = coefficients[1 : 1 + place.size], np.zeros((place.size, place.size))
    for (i, j), coefficient in zip(pairs, coefficients[1 + place.size :], strict=True):
        hessian[i, j] += coefficient
        hessian[j, i] += coefficient
    vertex: Array = -np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    return vertex


def _draw_steps(ax: Axes, fun: Function, path: Array) -> None:
    """Draw each point of a descent on the curve, and its step as the tread of a stair."""
    path = path[_thinned(path)]
    ax.step(path, _evaluate(fun, path), "o-", where="post", markersize=5, linewidth=1, label="Steps")


def _draw_tangents(ax: Axes, fun: Function, grad: Function | None, path: Array, width: float, height: float) -> None:
    """Draw tangents, of one length in a picture of that size, at points that divide the path's way evenly."""
    way = np.append(0.0, np.cumsum(np.abs(np.diff(path))))
    at = path[np.unique(np.searchsorted(way, np.linspace(0.0, way[-1], TANGENTS)))]
    slopes = _slopes(fun, at) if grad is None else _evaluate(grad, at)
    half = 0.16 * width / np.hypot(1.0, slopes * width / (height or 1.0))
    reach = half * np.array([[-1.0], [1.0], [np.nan]])  # NaN parts one tangent from the next
    heights = _evaluate(fun, at) + slopes * reach
    ax.plot((at + reach).T.ravel(), heights.T.ravel(), linewidth=1.5, label="Tangents")


def _slopes(fun: Function, at: Array) -> Array:
    h = np.cbrt(np.finfo(float).eps) * np.maximum(1.0, np.abs(at))  # where rounding and curvature err alike
    slopes: Array = (_evaluate(fun, at + h) - _evaluate(fun, at - h)) / (2.0 * h)
    return slopes


class _Landscape(NamedTuple):
    """A loss over (w, b), and what is marked on it: rows of (w, b, loss)."""

    w: Array
    b: Array
    values: Array  # (w, b)
    levels: Array
    path: Array | None
    minimum: Array

    def norm(self) -> Any:
        """Give each band between two levels an equal share of the colours."""
        from matplotlib.colors import FuncNorm

        levels, shares = self.levels, np.linspace(0.0, 1.0, len(self.levels))
        ways = (lambda loss: np.interp(loss, levels, shares), lambda share: np.interp(share, shares, levels))
        return FuncNorm(ways, vmin=levels[0], vmax=levels[-1])


def _landscape(
    loss: Function, w: ArrayLike, b: ArrayLike, path: ArrayLike | None, minimum: ArrayLike | None
) -> _Landscape:
    grids = _grid(w, "w", SURFACE_POINTS), _grid(b, "b", SURFACE_POINTS)
    steps = None if path is None else _filled(_path(path), [np.ptp(grid) for grid in grids])
    best = None if minimum is None else _numbers(minimum, "minimum", 2)
    values = _survey(loss, *grids)
    best = _lowest(loss, grids, values)[0] if best is None else best
    descent = None if steps is None else _lifted(loss, steps, *grids)
    return _Landscape(*grids, values, _levels(values), descent, _lifted(loss, best[None], *grids))


def _path(path: ArrayLike) -> Array:
    wanted = "(k, 2) with k > 0, try np.column_stack([w, b])"
    array = _array(path, "path", lambda shape: len(shape) == 2 and shape[1] == 2, wanted)
    return array[np.union1d(_thinned(array[:, 0]), _thinned(array[:, 1]))]


def _filled(path: Array, spans: list[float]) -> Array:
    """Return the path with points between its own, so that a long step bends as the surface does."""
    way = np.append(0.0, np.cumsum(np.hypot(*(np.diff(path, axis=0) / spans).T)))
    at = np.union1d(way, np.linspace(0.0, way[-1], CURVE_POINTS))
    return np.column_stack([np.interp(at, way, column) for column in path.T])


def _lifted(loss: Function, points: Array, w: Array, b: Array) -> Array:
    """Return (w, b, loss) of each of the points, NaN where it is outside the grids."""
    inside = ((points >= (w[0], b[0])) & (points <= (w[-1], b[-1]))).all(axis=1)
    lifted = np.full((len(points), 3), np.nan)
    if inside.any():
        lifted[inside] = np.column_stack([points[inside], _evaluate(loss, *points[inside].T)])
    return lifted


def _levels(values: Array) -> Array:
    """Return levels with few digits around all the values."""
    low, high = np.nanmin(values), np.nanmax(values)
    if low >= 0.0 and high > 100.0 * low:
        # more than four decades would be spent on the surroundings of a minimum of zero
        levels = np.geomspace(max(low, 1e-4 * high), high, LEVELS)
        units = 10.0 ** np.floor(np.log10(levels) - 1.0)
    else:
        spread = max(high - low, 1e-9 * abs(high)) or 1.0  # at least what rounding leaves distinct
        levels = low + spread * np.linspace(0.0, 1.0, LEVELS) ** 2
        units = np.full(LEVELS, 10.0 ** np.floor(np.log10(spread / LEVELS**2)))
    top = max(high, levels[-1])
    rounded: Array = np.round(levels / units) * units
    rounded[0], rounded[-1] = np.floor(low / units[0]) * units[0], np.ceil(top / units[-1]) * units[-1]
    return rounded


def _draw_descent(ax: Any, land: _Landscape, dimensions: int) -> None:
    from matplotlib.patheffects import withStroke

    marks = {"Minimum": (land.minimum, "*", 16, "C3")}
    if land.path is not None:
        (line,) = ax.plot(*land.path.T[:dimensions], color="white", linewidth=2, zorder=3, label="Descent")
        line.set_path_effects([withStroke(linewidth=4, foreground="black")])  # seen on dark and light
        marks = {"Start": (land.path[:1], "o", 8, "white"), "End": (land.path[-1:], "s", 8, "C1")} | marks
    for label, (place, marker, size, colour) in marks.items():
        (mark,) = ax.plot(*place.T[:dimensions], marker, color=colour, markersize=size, zorder=4, label=label)
        mark.set_markeredgecolor("black")
    ax.set(xlabel="w", ylabel="b", xlim=land.w[[0, -1]], ylim=land.b[[0, -1]])
    ax.legend(loc="upper left" if dimensions == 3 else "best")
