"""The command line: demo, fit, predict, info. Wrong input ends with status 2 and one sentence on stderr."""

import os
import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

import gdfast
from gdfast._arguments import real
from gdfast.cli.data_files import Table, read_table
from gdfast.cli.options import GroupedCommand, as_typed, options_of_fit, with_options_of_fit
from gdfast.results.run import Run

__all__ = ["app", "run"]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
FILES = "Data and output"


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
    for option, value in zip(sys.argv, sys.argv[1:], strict=False):
        if option in names:
            return f" (it got {value!r})"
    return ""


@app.callback()
def main() -> None:
    """The fastest trainer on a CPU for models fitted by gradient descent."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder for the figures.")] = Path("gdfast-demo"),
) -> None:
    """Run the tutorials: 200,000 epochs of linear regression, the park data, a parabola; write their figures."""
    from gdfast.cli.demo import demo as run_demo

    if not run_demo(out):
        raise ValueError("a number above is not the expected one")


@app.command(cls=GroupedCommand)
@with_options_of_fit
def fit(
    data: Annotated[
        Path,
        typer.Argument(help="A CSV, TSV, blank-separated text, Parquet or .npy file.", rich_help_panel="Arguments"),
    ],
    target: Annotated[
        str, typer.Option(help="The column to predict (a number, from 0, without a header).", rich_help_panel=FILES)
    ],
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The file has no line of names.", rich_help_panel=FILES)
    ] = False,
    predict: Annotated[
        str | None,
        typer.Option(help='The features of one row to predict, as in "33" or "1.5,2".', rich_help_panel=FILES),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write the curve of costs to this picture.", rich_help_panel=FILES)
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the run to this .npz file.", rich_help_panel=FILES)] = None,
    **options: Any,
) -> None:
    """Train a linear model on a data file."""
    arguments = options_of_fit(options)
    table = read_table(data, not no_header)
    if arguments["sample_weight"] is not None:
        arguments["sample_weight"], table = table.take(arguments["sample_weight"])
    y, features = table.take(target)
    features.matrix()  # its errors name the column and the row of the file
    row = None if predict is None else given_row(predict, len(features.names))
    try:
        trained = gdfast.fit(features, y, progress=sys.stderr.isatty(), **arguments)
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(as_typed(str(error))) from error
    except gdfast.DivergenceError as error:
        raise ValueError(as_typed(str(error))) from error
    trained.extra.update(columns=features.names, target=target)
    report(trained, features.names)
    if row is not None:
        print(f"Prediction: {trained.predict(row[None, :])[0]}")
    if plot is not None:
        from gdfast.cli.demo import picture

        picture(plot, lambda ax: trained.plot(ax=ax))
        print(f"Costs drawn in {plot}")
    if save is not None:
        trained.save(save)
        print(f"Saved in {save}")


@app.command()
def predict(
    run_file: Annotated[Path, typer.Argument(help="A file that `gdfast fit --save` wrote.")],
    data: Annotated[Path, typer.Argument(help="A data file with the same feature columns.")],
    no_header: Annotated[bool, typer.Option("--no-header", help="The file has no line of names.")] = False,
) -> None:
    """Print the prediction for each row of a data file."""
    if not run_file.exists():
        raise ValueError(f"there is no file {os.fspath(run_file)!r}")
    trained = Run.load(run_file)
    table = feature_columns(trained, read_table(data, not no_header))
    for value in predicted(trained, table.matrix()):
        print(value)


@app.command()
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
    levels = f"x86-64-v{_core.processor_level}" if platform.machine() in ("x86_64", "AMD64") else "baseline"
    return f"{platform.machine()}, {os.cpu_count()} cores, {levels}; kernels built for level {_core.level}"


def float_option(name: str, text: str) -> float:
    """Return a number given as text."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name}={text!r} is not a number") from None


def given_row(text: str, features: int) -> NDArray[np.float64]:
    """Return the features given on the command line."""
    values = [real("--predict", float_option("--predict", part)) for part in text.replace(",", " ").split()]
    if len(values) != features:
        raise ValueError(
            f"--predict={text!r} holds {len(values)} numbers, and the model has {features} features; give one for each"
        )
    return np.array(values)


def predicted(trained: Run, X: NDArray[Any]) -> NDArray[Any]:
    """Return predictions for features in the data's own units, also of a file whose coefficients have others."""
    return trained.predict((X - trained.extra.get("center", 0.0)) / trained.extra.get("scale", 1.0))


def feature_columns(trained: Run, table: Table) -> Table:
    """Return the columns that a run was fitted on, by their names."""
    if "columns" not in trained.extra:
        raise ValueError("this run was not saved by `gdfast fit --save`, so its columns have no names; use Run.predict")
    names = trained.extra["columns"]
    missing = [name for name in names if name not in table.names]
    if missing:
        raise ValueError(f"the data has no column {missing[0]!r}; the run was fitted on {', '.join(names)}")
    return Table(names, [table.take(name)[0] for name in names])


def report(trained: Run, names: list[str]) -> None:
    """Print what was found, in the data's own units."""
    coef, intercept = np.atleast_2d(trained.coef), np.atleast_1d(trained.intercept)  # a row for each output or class
    width = max(len("intercept"), *(len(name) for name in names))
    print(
        f"{trained.epochs:,} epochs in {trained.seconds:.3g} s ({trained.solver}, {trained.backend}). {trained.advice}"
    )
    rate = "changing" if trained.learning_rate is None else f"{trained.learning_rate:.6g}"
    print(f"loss {trained.loss}, learning rate {rate}, cost {trained.cost:.12g}")
    for name, values in zip([*names, "intercept"], [*coef.T, intercept], strict=True):
        print(f"  {name:<{width}} {' '.join(f'{value: .10g}' for value in values)}")
