"""The command line: its commands, demo, fit, predict and info. Wrong input ends with status 2 and one sentence."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

import gdfast
from gdfast._utils.arguments import real
from gdfast._utils.site import page
from gdfast.cli.categories import Categories, encoded, found_categories
from gdfast.cli.data_options import (
    Columns,
    Decimal,
    Drop,
    Encoding,
    Header,
    OneHot,
    Separator,
    columns_to_fit,
    columns_to_predict,
    given_layout,
    option,
    read,
    read_all,
    several,
    texts,
)
from gdfast.cli.options import GroupedCommand, as_typed, options_of_fit, with_options_of_fit
from gdfast.cli.report import as_json, as_text
from gdfast.cli.runs import report, runs
from gdfast.cli.streaming import Memory, blocks_of_files, memory_allowed
from gdfast.cli.summaries import expanded, merge, summarize, summary_of_files
from gdfast.cli.sweep import sweep
from gdfast.data.blocks.blocks import Blocks
from gdfast.data.summary import Summary
from gdfast.data.tables.table import Table
from gdfast.formulas.losses import LOSSES
from gdfast.results.run import Run

__all__ = ["app", "run"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def run() -> None:
    """Run the command line; what a user can mend becomes one sentence, not a traceback."""
    try:
        sys.exit(app(prog_name="gdfast", standalone_mode=False))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except (ValueError, TypeError, OSError, ImportError) as error:
        sentence(str(error))
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if len(sys.argv) == 1:
            print(error.format_message())
            sys.exit(0)
        sentence(f"{error.format_message()}{given_value(error)}; see gdfast --help")


def sentence(text: str) -> None:
    """Print one sentence on stderr and end with status 2."""
    print(f"gdfast: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(2)


def given_value(error: Any) -> str:
    """Return what was given for the option that an error is about, in words."""
    names = getattr(getattr(error, "param", None), "opts", [])
    for name, value in zip(sys.argv, sys.argv[1:], strict=False):
        if name in names:
            return f" (it got {value!r})"
    return ""


@app.callback()
def main() -> None:
    """The fastest trainer on a CPU for models fitted by gradient descent."""


def demo(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for the figures.")] = Path("gdfast-demo"),
) -> None:
    """Run four tutorials, 200,000 epochs of linear regression among them, and write their figures."""
    from gdfast.cli.demo import demo as run_demo

    if not run_demo(out):
        raise ValueError("a number above is not the expected one; report it with the output of `gdfast info`")


@with_options_of_fit
def fit(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA",
            help='Data files with the same columns, or patterns of their names; "-" for standard input; see '
            f"{page('data-files')}. Or what `gdfast summarize` wrote.",
        ),
    ],
    target: Annotated[
        str | None,
        option("The column to predict (a number, from 0, without a header).", metavar="COLUMN"),
    ] = None,
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    columns: Columns = None,
    drop: Drop = None,
    one_hot: OneHot = None,
    memory: Memory = None,
    predict: Annotated[
        str | None,
        option('The features of one row to predict, as in "33" or "1.5,2".', metavar="NUMBER,..."),
    ] = None,
    plot: Annotated[Path | None, option("Write the curve of costs to this picture.", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Write the run to this .npz file.", metavar="FILE")] = None,
    json: Annotated[bool, option("Print the result as one line of JSON.", "--json")] = False,
    **options: Any,
) -> None:
    """Train a linear model on data files."""
    arguments = options_of_fit(options)
    given: dict[str, Any] = {"--predict": predict, "--one-hot": one_hot, "--columns": columns, "--drop": drop}
    given |= {
        "--sample-weight": arguments["sample_weight"],
        "--header/--no-header": header,
        "--separator": separator,
        "--decimal": decimal,
        "--encoding": encoding,
        "--memory": memory,
    }
    paths = expanded(data)
    summary = summary_of_files(paths, target, given)
    if summary is not None:
        names = summary.feature_names or [str(j) for j in range(summary.n_features)]
        show(fitted(summary, None, arguments), names, {"columns": list(names)}, None, plot, save, json)
        return
    own = {"--target": str(target)}
    if arguments["sample_weight"] is not None:
        own["--sample-weight"] = arguments["sample_weight"]
    layout = given_layout(header, separator, decimal, encoding)
    blocks = blocks_of_files(paths, memory_allowed(memory), layout, own, columns, drop, one_hot)
    if blocks is not None:
        arguments.pop("sample_weight")
        trained = fitted(blocks, None, arguments)
        names = trained.feature_names or ()
        row = None if predict is None else trained.predict(given_row(predict, names, {}).matrix())[0]
        show(trained, names, {"columns": list(names), "target": target, "one_hot": {}}, row, plot, save, json)
        return
    table = read_all(paths, layout, lambda found: columns_to_fit(found, own, columns, drop), as_text=texts(one_hot))
    features = table.select([name for name in table.names if name not in own.values()])
    categories = found_categories(features, several(one_hot, features.names))
    inputs = encoded(features, categories)
    row = None if predict is None else encoded(given_row(predict, features.names, categories), categories).matrix()
    if "--sample-weight" in own:
        arguments["sample_weight"] = table.numbers(own["--sample-weight"])
    trained = fitted(inputs, labels_or_numbers(table, own["--target"], arguments), arguments)
    extra = {"columns": list(features.names), "target": target, "one_hot": categories}
    show(trained, inputs.names, extra, None if row is None else trained.predict(row)[0], plot, save, json)


def show(
    trained: Run,
    names: Sequence[str],
    extra: dict[str, Any],
    prediction: Any,
    plot: Path | None,
    save: Path | None,
    json: bool,
) -> None:
    """Print a result, and write the picture and the file that are asked for; the file keeps `extra`."""
    trained.extra.update(extra)
    print(as_json(trained, names, prediction) if json else as_text(trained, names, prediction))
    for line in written(trained, plot, save):
        print(line, file=sys.stderr if json else sys.stdout)


def predict(
    run_file: Annotated[Path, typer.Argument(metavar="RUN", help="A file that `gdfast fit --save` wrote.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help='A data file with the same feature columns, "-" for standard input.')
    ],
    header: Header = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    drop: Drop = None,
) -> None:
    """Print the prediction for each row of a data file."""
    if not run_file.exists():
        raise ValueError(f"there is no file {os.fspath(run_file)!r}; give one that `gdfast fit --save` wrote")
    trained = Run.load(run_file)
    if "columns" not in trained.extra:
        raise ValueError("this run was not saved by `gdfast fit --save`, so its columns have no names; use Run.predict")
    names, categories = trained.extra["columns"], trained.extra.get("one_hot", {})
    layout = given_layout(header, separator, decimal, encoding)
    table = read(data, layout, lambda found: columns_to_predict(found, names, drop), as_text=categories)
    for value in predicted(trained, encoded(table.renamed(names), categories).matrix()):
        print(value)


def info() -> None:
    """Print the version, the backends (and why one is not available) and the processor's features."""
    print(f"gdfast {gdfast.__version__} on Python {platform.python_version()}, NumPy {np.__version__}")
    for name, reason in gdfast.backends.available().items():
        print(f"  backend {name:<7} {'available' if reason is None else 'not available: ' + reason}")
    print(f"  in use          {gdfast.backends.choose()}")
    print(f"  processor       {processor()}")


def processor() -> str:
    """Return what the compiled core knows of the processor."""
    try:
        from gdfast import _core
    except ImportError:
        return f"{platform.machine()}, {os.cpu_count()} cores"
    levels = f"x86-64-v{min(_core.processor_level, 4)}" if platform.machine() in ("x86_64", "AMD64") else "baseline"
    return f"{platform.machine()}, {os.cpu_count()} cores, {levels}; kernels built for level {_core.level}"


def float_option(name: str, text: str) -> float:
    """Return a number given as text."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name}={text!r} is not a number; write one, such as 0.1") from None


def labels_or_numbers(table: Table, target: str, arguments: dict[str, Any]) -> NDArray[Any]:
    """Return the target: labels for the loss of a classification, else numbers."""
    loss = LOSSES.get(arguments["loss"])
    return table[target] if loss is None or loss.classification else table.numbers(target)


def fitted(X: Table | Summary | Blocks, y: NDArray[Any] | None, arguments: dict[str, Any]) -> Run:
    """Fit; messages have the options as they are typed."""
    try:
        return gdfast.fit(X, y, progress=sys.stderr.isatty(), **arguments)
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(as_typed(str(error))) from error
    except gdfast.DivergenceError as error:
        raise ValueError(as_typed(str(error))) from error


def given_row(text: str, names: Sequence[str], categories: Categories) -> Table:
    """Return the features given on the command line as a table of one row."""
    parts = [part.strip() for part in (text.split(",") if "," in text else text.split())]
    if len(parts) != len(names):
        raise ValueError(
            f"--predict={text!r} holds {len(parts)} numbers, and the model has {len(names)} features; give one for each"
        )
    values = [
        category(one, categories[name]) if name in categories else real("--predict", float_option("--predict", one))
        for name, one in zip(names, parts, strict=True)
    ]
    return Table({name: np.array([one]) for name, one in zip(names, values, strict=True)})


def category(text: str, categories: Sequence[Any]) -> Any:
    """Return the category that a text stands for; an unknown one is the text itself."""
    return next((one for one in categories if str(one) == text), text)


def written(trained: Run, plot: Path | None, save: Path | None) -> Iterator[str]:
    """Write the picture and the file that are asked for, and yield a line on each."""
    if plot is not None:
        from gdfast.cli.demo import picture

        picture(plot, lambda ax: trained.plot(ax=ax))
        yield f"Costs drawn in {plot}"
    if save is not None:
        trained.save(save)
        yield f"Saved in {save}"


def predicted(trained: Run, X: NDArray[Any]) -> NDArray[Any]:
    """Return predictions for features in the data's own units, also of a file whose coefficients have others."""
    return trained.predict((X - trained.extra.get("center", 0.0)) / trained.extra.get("scale", 1.0))


# In the order of the help, which is that in which a user meets them.
for command in (demo, fit, predict, info, sweep, summarize, merge, report):
    app.command(cls=GroupedCommand)(command)
app.add_typer(runs, name="runs")
