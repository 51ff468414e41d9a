"""The command `gdfast sweep`: a grid of fits on a data file, from options or from a TOML file."""

import functools
import json as json_module
import math
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

import gdfast
from gdfast._utils.site import page
from gdfast.cli.categories import encoded, found_categories
from gdfast.cli.data_options import (
    Columns,
    Decimal,
    Drop,
    Encoding,
    Header,
    OneHot,
    Separator,
    columns_to_fit,
    given_layout,
    option,
    read,
    several,
    texts,
)
from gdfast.cli.options import as_typed, axes_of_sweep, with_options_of_fit
from gdfast.formulas.losses import LOSSES
from gdfast.sweeps.result import Sweep

__all__ = ["sweep"]

EPOCHS = 1000  # by default, as in `gdfast fit`
SHOWN = 20  # rows of the table


@functools.partial(with_options_of_fit, several=True)
def sweep(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help=f"A data file; see {page('data-files')}."),
    ] = None,
    target: Annotated[
        str | None,
        option("The column to predict (a number, from 0, without a header).", metavar="COLUMN"),
    ] = None,
    config: Annotated[
        Path | None,
        option("A TOML file with these options, by names with underscores.", metavar="FILE"),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Fit without each of so many parts of the rows.", metavar="INTEGER", rich_help_panel="The sweep"
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Keep finished runs in this file; what it has is not run again.",
            metavar="FILE",
            rich_help_panel="The sweep",
        ),
    ] = None,
    plot: Annotated[Path | None, option("Write the curves of costs to this picture.", metavar="FILE")] = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    columns: Columns = None,
    drop: Drop = None,
    one_hot: OneHot = None,
    json: Annotated[bool, option("Print the table as one line of JSON.", "--json")] = False,
    **options: Any,
) -> None:
    """Fit a grid of configurations: an option with several values, as 1e-3,1e-2 or log:1e-6:1e-1:20, is an axis."""
    axes = axes_of_sweep(options)
    own: dict[str, Any] = {"data": data, "target": target, "folds": folds, "store": store, "plot": plot}
    if config is not None:
        own, axes = from_file(config, own, axes)
    if own["data"] is None or own["target"] is None:
        raise ValueError("a data file and --target are needed; give them here, or as data and target in --config")
    taken = {"--target": own["target"]}
    if "sample_weight" in axes:
        taken["--sample-weight"] = axes["sample_weight"]
    layout = given_layout(header, separator, decimal, encoding)
    table = read(
        Path(own["data"]), layout, lambda found: columns_to_fit(found, taken, columns, drop), as_text=texts(one_hot)
    )
    features = table.select([name for name in table.names if name not in taken.values()])
    inputs = encoded(features, found_categories(features, several(one_hot, features.names)))
    if "sample_weight" in axes:
        axes["sample_weight"] = table.numbers(axes["sample_weight"])
    losses = axes.get("loss", "squared_error")
    labels = all(
        name not in LOSSES or LOSSES[name].classification for name in ([losses] if isinstance(losses, str) else losses)
    )
    y = table[own["target"]] if labels else table.numbers(own["target"])
    try:
        warnings.simplefilter("ignore", gdfast.DivergenceWarning)  # the table shows which
        result = gdfast.sweep(
            inputs, y, folds=own["folds"], store=own["store"], progress=sys.stderr.isatty(), **{"epochs": EPOCHS} | axes
        )
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(as_typed(str(error))) from error
    print(as_json(result) if json else as_text(result))
    if own["plot"] is not None:
        from gdfast.cli.demo import picture

        picture(Path(own["plot"]), lambda ax: result.plot(ax=ax))
        print(f"Costs drawn in {own['plot']}", file=sys.stderr if json else sys.stdout)


def from_file(config: Path, own: dict[str, Any], axes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a TOML file and the command line say; what is typed goes before what is written."""
    try:
        written = tomllib.loads(config.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"--config={str(config)!r} is no TOML file: {error}; write UTF-8 text with lines such as epochs = [10, 100]"
        ) from error
    for name in ("data", "store", "plot"):
        if isinstance(written.get(name), str):  # beside the file, as it is written there
            written[name] = str(config.parent / written[name])
    of_sweep = {name: written.pop(name) for name in list(written) if name in own}
    found = of_sweep | {name: value for name, value in own.items() if value is not None}
    return {name: found.get(name) for name in own}, axes_in_file(written) | axes


def axes_in_file(written: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a file: a text such as "log:1e-3:1:4" as on the command line, all else as it is."""
    spaced = {
        name: value
        for name, value in written.items()
        if isinstance(value, str) and value.split(":")[0] in ("log", "lin") and ":" in value
    }
    return written | axes_of_sweep(spaced)


def as_json(result: Sweep) -> str:
    """Return the table as one line; what JSON has no number for is null."""
    rows = []
    table = result.table
    for place in range(len(result)):
        row = {name: plain(column[place]) for name, column in table.items()}
        error = result.errors[place]
        rows.append(row if error is None else row | {"error": str(error)})
    return json_module.dumps({"stop_reason": str(result.stop_reason), "runs": rows})


def plain(value: Any) -> Any:
    """Return a value that JSON holds."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def as_text(result: Sweep) -> str:
    """Return the table, the lowest costs first, and what failed."""
    table = result.table
    by = "validation_cost" if any(not math.isnan(cost) for cost in table["validation_cost"]) else "cost"
    if any(result.growing):
        table["growing"] = result.growing
    names = [name for name in table if name not in ("seconds", "stored") and any_value(table[name])]
    order = sorted(range(len(result)), key=lambda i: (math.isnan(table[by][i]), table[by][i]))
    rows = [[written(table[name][i]) for name in names] for i in order[:SHOWN]]
    widths = [max(len(row[column]) for row in [names, *rows]) for column in range(len(names))]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in [names, *rows]]
    if len(order) > SHOWN:
        lines.append(f"... and {len(order) - SHOWN} more; --json prints all")
    failed = [(i, error) for i, error in enumerate(result.errors) if error is not None]
    lines += [f"failed: {len(failed)} of {len(result)}, the first: {as_typed(str(failed[0][1]))}"] if failed else []
    lines += ["interrupted; what was finished is above"] if result.stop_reason == "interrupted" else []
    return "\n".join(lines)


def any_value(column: list[Any]) -> bool:
    """Tell whether a column has a value at all."""
    return any(value is not None and value == value for value in column)


def written(value: Any) -> str:
    """Return a value as a table has it."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return "" if value is None else str(value)
