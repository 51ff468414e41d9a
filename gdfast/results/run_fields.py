"""What the fields of a Run that comes from a file must be, by themselves and with each other.

What its solver needs to resume is checked by the solver, against the data: saved_state.py in gdfast/solvers/loop,
gdfast/solvers/closed_form and gdfast/solvers/collocation.
"""

from typing import Any

import numpy as np

from gdfast.formulas.losses import LOSSES
from gdfast.options.custom_loss import Loss
from gdfast.options.declarations import OPTIONS, checked
from gdfast.options.learning_rates import make_learning_rates
from gdfast.options.model import make_model, with_constraints
from gdfast.options.option import LARGEST_COUNT, LARGEST_SEED, Check, count, number, optional
from gdfast.results.fields import agree, any_number, array_of, check_field, mapping, same_length, text
from gdfast.results.stop_reason import CUT_OFF

__all__ = ["FIELDS", "LARGEST_STEPS", "check_run"]

LARGEST_STEPS = 2**62
epochs_done = count(0, LARGEST_COUNT)

# The fields of a Run that its file holds as they are.
FIELDS: dict[str, Check] = {
    "epochs": epochs_done,
    "steps": count(0, LARGEST_STEPS),
    "seconds": number(0.0),
    "diverged_at": optional(count(1, LARGEST_COUNT + 1)),
    "solver": text,
    "backend": text,
    "seed": count(0, LARGEST_SEED),
    "learning_rate": optional(number(0.0, ends="(]")),
    "best_epoch": optional(epochs_done),
}
# The columns of the history that hold one number for each epoch.
COLUMNS = ("cost", "validation_cost", "learning_rate", "gradient_norm", "coef_norm", "seconds")
MODEL_OPTIONS = ("loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")


def check_run(run: Any, not_saved: type) -> None:
    """Raise a FieldError where a Run's fields are not what they must be; `not_saved` marks what a file cannot hold."""
    for name, check in FIELDS.items():
        check_field(name, getattr(run, name), check)
    check_coefficients(run)
    check_field("cost", run.known_cost, lambda name, value: value != value or any_number(name, value))
    check_field("start_cost", run.start_cost, optional(any_number))
    check_field("fingerprint", run.known_fingerprint, optional(text))
    check_field("state", run.state, mapping({}))
    check_names(run)
    check_extra(run)
    check_settings(run, not_saved)
    check_history(run)


def check_coefficients(run: Any) -> None:
    """Check the coefficients: float64 or float32, the intercepts float64, the iterate like both."""
    dtype = run.coef.dtype if run.coef.dtype == np.float32 else np.float64
    finite = run.stop_reason not in CUT_OFF  # where an iterate may be about to diverge
    shape = (None,) * run.coef.ndim if run.coef.ndim in (1, 2) else (None,)
    check_field("coef", run.coef, array_of(shape, dtype, finite))
    for name, (coef, intercept) in {
        "": (run.coef, run.intercept),
        "last_": run.last or (run.coef, run.intercept),
    }.items():
        check_field(f"{name}coef", coef, array_of(run.coef.shape, dtype, finite))
        values = np.asarray(intercept)
        check_field(f"{name}intercept", values, array_of(run.coef.shape[:-1], np.float64, finite))


def check_names(run: Any) -> None:
    """Check the names of features, the classes and the rows of validation."""
    names, classes, rows = run.feature_names, run.classes, run.validation_rows
    if names is not None:
        for name in names:
            check_field("feature_names", name, text)
        agree({"each feature must have a name of its own": len(set(names)) == len(names) == run.coef.shape[-1]})
    if classes is not None:
        outputs = len(run.coef) if run.coef.ndim == 2 else 2
        agree({"classes must hold one label for each class": classes.shape == (outputs,)})
    if rows is not None:
        whole = rows.ndim == 1 and rows.dtype.kind == "i"
        agree({"validation_rows must be rows in rising order": whole and bool((np.diff(rows, prepend=-1) > 0).all())})


def check_extra(run: Any) -> None:
    """Check what the command line keeps beside the Run."""
    check_field("extra", run.extra, mapping({}))
    for name in ("center", "scale"):
        if name in run.extra:
            values = np.asarray(run.extra[name], dtype=np.float64)
            check_field(f"extra.{name}", values, array_of(run.coef.shape[-1:], np.float64, True))


def check_settings(run: Any, not_saved: type) -> None:
    """Check the arguments of fit, each by itself and with the shape of the coefficients."""
    check_field("settings", run.settings, mapping({"loss": lambda name, value: value}))
    agree({"settings must hold arguments of fit alone": set(run.settings) <= set(OPTIONS)})
    saved = {name: value for name, value in run.settings.items() if not holds(value, not_saved)}
    check_field("settings", saved, lambda name, value: check_model(run, checked(value)))
    rate = saved.get("learning_rate", "auto")
    if not isinstance(rate, str):
        check_field("learning_rate", rate, lambda name, value: make_learning_rates(value, 1))
    agree({"learning_rate must be a rate or 'auto'": not isinstance(rate, str) or rate == "auto"})
    loss = saved.get("loss")
    if isinstance(loss, str):
        labels = run.classes is not None
        agree(
            {
                f"a Run of {loss} must have classes if that is a classification, and none otherwise": labels
                == LOSSES[loss].classification
            }
        )


def check_model(run: Any, options: dict[str, Any]) -> None:
    """Check the options that make the model together, and those that are as long as the coefficients."""
    loss = options.get("loss")
    if not (isinstance(loss, (str, Loss)) and set(MODEL_OPTIONS) <= set(options)):
        return
    model = make_model(loss, *[options[name] for name in MODEL_OPTIONS], optimizer=options["optimizer"])
    with_constraints(model, run.coef.shape[-1], run.coef.dtype, options)


def holds(value: Any, kind: type) -> bool:
    """Return whether a setting is, or lists, what a file cannot hold."""
    return isinstance(value, kind) or (isinstance(value, (list, tuple)) and any(holds(part, kind) for part in value))


def check_history(run: Any) -> None:
    """Check the recorded epochs: equally long columns at rising epochs up to the last one."""
    columns = run.history_source.columns
    k = run.coef.shape[:-1]
    shapes = dict.fromkeys(COLUMNS, (None,)) | {"coef": (None, *run.coef.shape), "intercept": (None, *k)}
    agree({f"the history must not have a column {name!r}": name == "epoch" or name in shapes for name in columns})
    check_field(
        "history", columns, mapping({"epoch": array_of((None,), np.int64), "cost": array_of((None,), np.float64)})
    )
    for name, column in columns.items():
        if name != "epoch":
            dtype = run.coef.dtype if name == "coef" else np.float64
            check_field(f"history.{name}", column, array_of(shapes[name], dtype))
    epochs = columns["epoch"]
    agree(
        {
            "the columns of the history must be equally long": same_length(columns),
            "the epochs of the history must rise": bool((np.diff(epochs, prepend=-1) > 0).all()),
            "the history must not go beyond the Run's epochs": not len(epochs) or int(epochs[-1]) <= run.epochs,
            "the history must have the columns that record and validation name": not len(epochs)
            or recorded(run) <= set(columns),
        }
    )


def recorded(run: Any) -> set[str]:
    """Return the columns that the settings ask for."""
    record = run.settings.get("record", ())
    names = {"epoch", "cost", *([record] if isinstance(record, str) else record)}
    validated = {"validation_cost"} if run.settings.get("validation") is not None else set()
    return names | validated | ({"intercept"} if "coef" in names else set())
