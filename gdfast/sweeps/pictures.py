"""Pictures of a sweep: its curves of costs, a heat map over two arguments, and lines across all of them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import choice, shown
from gdfast.plots import HIGHEST_COST
from gdfast.plots import _axes as new_axes
from gdfast.results.stop_reason import StopReason

__all__ = ["plot_costs", "plot_grid", "plot_parallel"]

MOST_LABELS = 20  # runs named in the legend
MOST_POINTS = 2000  # of a curve


def plot_costs(sweep: Any, ax: Any) -> Any:
    """Draw the cost of each run over the epochs."""
    ax = new_axes(ax)
    colours = colour_map()(np.linspace(0.0, 0.9, max(1, len(sweep))))
    drawn: list[NDArray[np.float64]] = []
    for place, (run, colour) in enumerate(zip(sweep, colours, strict=True)):
        if run is None or not len(run.costs):
            continue
        kept = np.unique(np.geomspace(1, len(run.costs), MOST_POINTS).astype(int) - 1)
        bad = run.stop_reason is StopReason.DIVERGED or run.start_cost is not None
        label = name_of(sweep, place) if len(sweep) <= MOST_LABELS else None
        kept = kept[run.costs[kept] < HIGHEST_COST]
        ax.plot(run.cost_epochs[kept], run.costs[kept], "--" if bad else "-", color=colour, label=label)
        drawn += [] if bad else [run.costs[kept]]
    ax.set_xscale("symlog", linthresh=1)
    ax.set(xlabel="epoch", ylabel="cost")
    if drawn:
        low, high = (float(edge(np.concatenate(drawn))) for edge in (np.min, np.max))
        if low > 0 and high > 10 * low:
            ax.set_yscale("log")
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        ax.set_ylim(low * 0.8 if ax.get_yscale() == "log" else low - margin, high + margin)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="small", title="dashed: diverged" if has_bad(sweep) else None)
    return ax


def plot_grid(sweep: Any, x: str, y: str, ax: Any, of_runs: list[float], label: str) -> Any:
    """Draw a final cost over two arguments; mark what diverged or failed."""
    for name, value in (("x", x), ("y", y)):
        choice(name, value, sweep.swept)
    if x == y:
        raise ValueError(f"x and y are both {x!r}; give two of {', '.join(sweep.swept)}")
    ax = new_axes(ax)
    columns, rows = (levels([one[name] for one in sweep.configurations]) for name in (x, y))
    costs = np.full((len(rows), len(columns)), np.nan)
    bad = np.zeros(costs.shape, dtype=bool)
    for row, value_y in enumerate(rows):
        for column, value_x in enumerate(columns):
            costs[row, column], bad[row, column] = lowest_mean(sweep, of_runs, {x: value_x, y: value_y})
    positive = costs[np.isfinite(costs)]
    logarithmic = len(positive) > 0 and positive.min() > 0 and positive.max() > 100 * positive.min()
    image = ax.imshow(
        np.log10(costs) if logarithmic else costs, origin="lower", aspect="auto", cmap=colour_map("viridis_r")
    )
    ax.figure.colorbar(image, ax=ax, label=f"log10 of the {label}" if logarithmic else label)
    for row, column in zip(*np.nonzero(bad), strict=True):
        ax.text(column, row, "x", ha="center", va="center", color="tab:red", weight="bold")
    ax.set_xticks(range(len(columns)), [short(value) for value in columns], rotation=45 if len(columns) > 6 else 0)
    ax.set_yticks(range(len(rows)), [short(value) for value in rows])
    ax.set(xlabel=x, ylabel=y, title="x: diverged, growing or failed" if bad.any() else "")
    return ax


def plot_parallel(sweep: Any, ax: Any, of_runs: list[float], label: str) -> Any:
    """Draw each run as a line across an axis for each argument, and one for its cost."""
    ax = new_axes(ax)
    names = [*sweep.swept, label]
    costs = np.array(of_runs)
    sound = np.isfinite(costs) & ~np.array([is_bad(run) for run in sweep.runs])
    heights = []
    for name in names[:-1]:
        known = levels([one[name] for one in sweep.configurations])
        at = {repr(value): place / max(1, len(known) - 1) for place, value in enumerate(known)}
        heights.append([at[repr(one[name])] for one in sweep.configurations])
        for value in known:
            ax.text(len(heights) - 1, at[repr(value)], f" {short(value)}", va="center", fontsize="small")
    low, high = (costs[sound].min(), costs[sound].max()) if sound.any() else (0.0, 1.0)
    part = np.clip((costs - low) / ((high - low) or 1.0), 0.0, 1.0)
    for place in np.argsort(-np.where(sound, part, 2.0)):
        if not np.isfinite(costs[place]):
            continue
        line = [column[place] for column in heights] + [part[place] if sound[place] else 1.0]
        colour = colour_map("viridis_r")(part[place]) if sound[place] else "tab:red"
        ax.plot(range(len(names)), line, "-" if sound[place] else "--", color=colour, alpha=0.8)
    ax.text(len(names) - 1, 0.0, f" {low:.4g}", va="center", fontsize="small")
    ax.text(len(names) - 1, 1.0, f" {high:.4g}", va="center", fontsize="small")
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks([])
    ax.set_xlim(-0.2, len(names) - 0.5)
    ax.grid(axis="x")
    return ax


def lowest_mean(sweep: Any, of_runs: list[float], values: dict[str, Any]) -> tuple[float, bool]:
    """Return the lowest of the final costs, means over folds, of some values, and whether one of their runs is bad."""
    several = max((fold or 0 for fold in sweep.folds), default=0) + 1
    costs, bad = [], False
    for first in range(0, len(sweep), several):
        if any(repr(sweep.configurations[first][name]) != repr(value) for name, value in values.items()):
            continue
        runs = sweep.runs[first : first + several]
        if any(is_bad(run) for run in runs):
            bad = True
        else:
            costs.append(float(np.mean(of_runs[first : first + several])))
    costs = [cost for cost in costs if not math.isnan(cost)]
    return (min(costs), bad) if costs else (math.nan, bad)


def is_bad(run: Any) -> bool:
    """Tell whether a run failed, diverged or ended with a growing cost."""
    return run is None or run.stop_reason is StopReason.DIVERGED or run.start_cost is not None


def has_bad(sweep: Any) -> bool:
    """Tell whether a run that is there diverged."""
    return any(run is not None and is_bad(run) for run in sweep.runs)


def levels(values: list[Any]) -> list[Any]:
    """Return the different values: numbers in rising order, others as they come."""
    different = list({repr(value): value for value in values}.values())
    try:
        return sorted(different)
    except (TypeError, ValueError):
        return different


def name_of(sweep: Any, place: int) -> str:
    """Return what tells a run apart from the others."""
    parts = [f"{name}={short(sweep.configurations[place][name])}" for name in sweep.swept]
    fold = sweep.folds[place]
    return ", ".join(parts + ([] if fold is None else [f"fold {fold}"]))


def short(value: Any) -> str:
    """Return a value as a tick label has it."""
    return f"{value:.4g}" if isinstance(value, float) else shown(value, 24).strip("'")


def colour_map(name: str = "viridis") -> Any:
    """Return one of matplotlib's colour maps."""
    import matplotlib

    return matplotlib.colormaps[name]
