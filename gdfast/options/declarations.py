"""The options of `fit`, each declared once: default, type, sentence, check, and which solvers know it.

The signature and the docstring of `fit` say the same to readers and type checkers, and a test compares them with this
table. Defaults, checks, the parameters in the docstrings of GDRegressor and GDClassifier, the options of `gdfast fit`,
and what a solver needs to be left out are read from here.
"""

from collections.abc import Mapping
from typing import Any

from gdfast._utils.arguments import flag
from gdfast._utils.site import page
from gdfast.formulas.penalties import PENALTIES
from gdfast.options.averaging import make_average
from gdfast.options.callbacks import make_callbacks
from gdfast.options.model import make_loss
from gdfast.options.optimizers import make_optimizer
from gdfast.options.option import (
    LARGEST_COUNT,
    LARGEST_SEED,
    Check,
    Option,
    columns,
    count,
    made_by,
    number,
    one_of,
    optional,
    step_of_epochs,
)

__all__ = ["CHECKPOINTS", "DEFAULTS", "OPTIONS", "checked", "checked_option", "known_by_others", "options_given"]

positive_number, positive_count = optional(number(0.0, ends="(]")), optional(count(1))
MODEL, TRAINING, STOPPING = "The model", "Gradient descent", "Stopping"
HISTORY, CHECKPOINTS, COMPUTATION = "History", "Checkpoints", "Computation"
LOOP, EPOCH_BY_EPOCH = ("loop",), ("loop", "collocation")

# In the order of fit's signature.
OPTIONS: dict[str, Option] = {
    "loss": Option(
        "squared_error",
        "str or Loss",
        "For a regression squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive, quantile, or with a "
        "log link poisson (y >= 0), gamma (y > 0) or tweedie (y >= 0); for a classification log_loss, hinge, "
        "squared_hinge, modified_huber, perceptron or multinomial (softmax; coef has a row for each class).",
        "Or a custom `gdfast.Loss`.",
        check=made_by(make_loss),
        group=MODEL,
        words="name",
        again=True,
    ),
    "loss_parameter": Option(
        None,
        "float",
        "For huber delta (1.35, above 0), for both epsilon-insensitive losses epsilon (0.1, at least 0), for quantile "
        "the level (0.5, between 0 and 1), for tweedie the power (1.5, from 1 to 2; y > 0 for 2).",
        group=MODEL,
        words="float",
    ),
    "penalty": Option(
        None,
        '{None, "l2", "l1", "elasticnet"}',
        "The penalty R: |w|^2/2, |w|_1, or their mix by l1_ratio.",
        "l1 is a proximal step after each update; in SGD the cumulative penalty of Tsuruoka et al.",
        check=optional(one_of(*PENALTIES)),
        group=MODEL,
        words="name",
    ),
    "alpha": Option(0.0, "float", "The penalty's strength, at least 0.", check=number(0.0), group=MODEL, words="float"),
    "l1_ratio": Option(
        0.5,
        "float",
        "The part of l1 in elasticnet, from 0 to 1.",
        check=number(0.0, 1.0),
        group=MODEL,
        words="float",
    ),
    "penalty_factors": Option(
        None,
        "array-like of shape (n_features,)",
        "Factors of alpha for each feature, at least 0; 1 by default.",
        group=MODEL,
        words="numbers",
        may_hold_arrays=True,
    ),
    "fit_intercept": Option(
        True,
        "bool",
        "Whether to fit the intercept b; else it stays zero. It is never penalised.",
        check=flag,
        group=MODEL,
        words="flag",
    ),
    "standardize": Option(
        False,
        "bool",
        "Whether to train on columns scaled to weighted mean 0 and standard deviation 1; a sparse X is not centred.",
        "Rates, penalties, bounds, clipping and tolerances are then those of the scaled columns; the start, coef, "
        "intercept and what is recorded of them are in the units of X. A constant column is divided by 1. With "
        "fit_intercept=False the intercept is zero on the scaled columns.",
        check=flag,
        group=MODEL,
        words="flag",
    ),
    "sample_weight": Option(
        None,
        "array-like of shape (n,) or str",
        "The weights of the rows, at least 0, not all 0; scaled to mean 1.",
        "A str is the name of X's column that holds them.",
        group=MODEL,
        words="column",
    ),
    "bounds": Option(
        None,
        "(lower, upper)",
        "Bounds of the coefficients, on which they are projected after each update.",
        "Numbers, or arrays of shape (n_features,), infinite where there is none. The start is projected before the "
        "first update. The intercept is free.",
        group=MODEL,
        words="numbers",
        solvers=LOOP,
        may_hold_arrays=True,
    ),
    "positive": Option(
        False, "bool", "The same as bounds 0 and inf.", check=flag, group=MODEL, words="flag", solvers=LOOP
    ),
    "batch_size": Option(
        None,
        "int",
        "Rows in a batch, at least 1: 1 for SGD, b for mini-batches of b rows; by default the full batch.",
        "The last batch may be smaller, also that of each of `Blocks`, which no batch crosses.",
        check=optional(count(1, hint=" (None is the full batch)")),
        group=TRAINING,
        words="int",
    ),
    "epochs": Option(
        100,
        "int",
        "Number of passes over the data, at least 1.",
        check=count(1, LARGEST_COUNT),
        group=TRAINING,
        words="int",
    ),
    "learning_rate": Option(
        "auto",
        'float, Schedule, array-like, callable or "auto"',
        "The learning rate eta, above 0.",
        "A number; a schedule such as ``gdfast.InverseTime(0.1, 0.01)``; an array with the rate of each epoch; a "
        'callable of the epoch 0, 1, ...; or a ``gdfast.ReduceOnPlateau``. "auto" is 1e-3 for Adam and AdamW, 1e-2 '
        "for AdaGrad and RMSProp; else 1/L, L the largest curvature that an update can meet, from the loss's curvature "
        "bound, weights and l2 included. With momentum the curvature of a single row is multiplied by 1 / (1 - mu). "
        'For losses without a curvature bound "auto" is a rate that converges on standardized data: a tenth of that '
        "for squared_error, and with a log link that of a curvature of twice the largest y.",
        group=TRAINING,
        words="number or name",
        again=True,
        may_hold_arrays=True,
    ),
    "optimizer": Option(
        "gd",
        "str or Optimizer",
        "One of gd, momentum, nesterov, adagrad, rmsprop, adam, adamw.",
        "Or an instance such as ``gdfast.Momentum(0.95)``.",
        check=made_by(make_optimizer),
        group=TRAINING,
        words="name",
    ),
    "average": Option(
        None,
        "bool, int or EMA",
        "With an int k, coef is the mean of the iterates after every update beyond the first k epochs.",
        "True is k = 0. With ``gdfast.EMA(decay, start)`` it is their exponential moving average.",
        check=made_by(make_average),
        group=TRAINING,
        words="int",
        solvers=LOOP,
    ),
    "clip_norm": Option(
        None,
        "float",
        "Largest 2-norm of the gradient of J (coefficients, intercepts and outputs together), above 0.",
        check=positive_number,
        group=TRAINING,
        words="float",
        solvers=LOOP,
    ),
    "clip_value": Option(
        None,
        "float",
        "Largest absolute value of each entry of the gradient of J, above 0; applied after clip_norm.",
        check=positive_number,
        group=TRAINING,
        words="float",
        solvers=LOOP,
    ),
    "coef_init": Option(
        None,
        "array-like of shape (n_features,) or (n_outputs, n_features)",
        "The coefficients to start from; zero by default.",
        may_hold_arrays=True,
    ),
    "intercept_init": Option(
        None,
        "float or array-like of shape (n_outputs,)",
        "The intercept to start from; zero by default.",
        may_hold_arrays=True,
    ),
    "shuffle": Option(
        True,
        "bool",
        "Whether SGD and mini-batches take the rows in a new order in each epoch, that of `sample_order`.",
        "Else in the order of X.",
        check=flag,
        group=TRAINING,
        words="flag",
    ),
    "seed": Option(
        None,
        "int",
        "Seed of the sample order, from 0 to 2**64 - 1; by default one is drawn.",
        "It is kept as ``run.seed``.",
        check=optional(count(0, LARGEST_SEED)),
        group=TRAINING,
        words="int",
    ),
    "tol": Option(
        None,
        "float",
        "At least 0. Stop after `patience` epochs in a row whose cost is above the lowest cost before minus tol.",
        "The cost is the validation cost, where there is validation, else that of the history.",
        check=optional(number(0.0)),
        group=STOPPING,
        words="float",
    ),
    "patience": Option(
        None,
        "int",
        "Number of such epochs, at least 1; 5 by default.",
        "Needs tol or validation; with validation alone tol is 0.",
        check=positive_count,
        group=STOPPING,
        words="int",
    ),
    "gradient_tol": Option(
        None,
        "float",
        "At least 0. Stop where the 2-norm of the gradient of J, intercept included, is at most this.",
        "It is tested at the start, too. With l1 it is the smallest subgradient, with bounds the projected one.",
        check=optional(number(0.0)),
        group=STOPPING,
        words="float",
        solvers=EPOCH_BY_EPOCH,
    ),
    "validation": Option(
        None,
        "float or tuple",
        "A fraction of the rows between 0 and 1, drawn from seed and not trained on.",
        "They are `Run.validation_rows`. Or (X, y) or (X, y, sample_weight). Its cost, the mean loss at coef without "
        "penalty, is computed after every epoch.",
        group=STOPPING,
        words="float",
        solvers=EPOCH_BY_EPOCH,
        may_hold_arrays=True,
    ),
    "restore_best": Option(
        False,
        "bool",
        "Whether coef is that of the epoch with the lowest validation cost.",
        "Needs validation.",
        check=flag,
        group=STOPPING,
        words="flag",
        solvers=EPOCH_BY_EPOCH,
    ),
    "max_seconds": Option(
        None,
        "float",
        "Above 0. Stop after this many seconds, inside an epoch too.",
        "`Run.resume` finishes that epoch.",
        check=positive_number,
        group=STOPPING,
        words="float",
        again=True,
    ),
    "on_divergence": Option(
        "warn",
        '{"warn", "raise", "backtrack"}',
        "What to do where a cost or a coefficient is no longer finite: warn and return the state of the epoch before; "
        "raise DivergenceError; or return to the epoch of the lowest cost, halve the rate for the rest of the training "
        'and continue (60 times at most, then as "warn").',
        check=one_of("warn", "raise", "backtrack"),
        group=STOPPING,
        words="name",
    ),
    "interrupt": Option(
        "return",
        '{"return", "raise"}',
        "Whether Ctrl-C returns the Run of the updates done, or raises KeyboardInterrupt.",
        check=one_of("return", "raise"),
        again=True,
    ),
    "history": Option(
        "auto",
        '{"auto", "objective", "running", "none"}',
        'Which costs are recorded: "objective" is J after 0, 1, ... epochs; "running" is the mean over epoch 1, 2, ... '
        'of each sample\'s loss just before its own update; "auto" is "objective" for the full batch, else "running".',
        check=one_of("auto", "objective", "running", "none"),
        group=HISTORY,
        words="name",
    ),
    "history_every": Option(
        1,
        'int or "log"',
        "Record every so many epochs, or on a logarithmic grid; the first and last are always kept.",
        check=step_of_epochs,
        group=HISTORY,
        words="number or name",
    ),
    "history_limit": Option(
        10_000_000,
        "int",
        "At least 2. Whenever more epochs are recorded, every second one is dropped and history_every doubled.",
        check=count(2),
        group=HISTORY,
        words="int",
    ),
    "record": Option(
        (),
        "tuple of str",
        'Further columns of `Run.history`: any of "learning_rate", "gradient_norm", "coef_norm", "seconds", "coef" '
        '(with "intercept").',
        check=columns,
        group=HISTORY,
        words="names",
        solvers=EPOCH_BY_EPOCH,
    ),
    "progress": Option(False, "bool", "Show a progress bar with rate and cost (needs tqdm).", check=flag, again=True),
    "callbacks": Option(
        (),
        "callable, object, or list of them",
        "Each has any of on_start(state), on_chunk(state) and on_end(state), or is a function, which is on_chunk.",
        "on_chunk stops the training by returning True. The state has epoch, epochs, steps, cost, coef, intercept, "
        "learning_rate, seconds.",
        check=made_by(make_callbacks),
        solvers=EPOCH_BY_EPOCH,
        again=True,
    ),
    "callback_every": Option(
        None,
        "int",
        "Call on_chunk after every so many epochs exactly, at least 1; by default every 20 ms or so.",
        check=positive_count,
        solvers=EPOCH_BY_EPOCH,
        again=True,
    ),
    "checkpoint": Option(
        None,
        "path-like",
        "A file that always holds a Run to resume from with `gdfast.resume`; it must not exist yet.",
        group=CHECKPOINTS,
        words="file",
    ),
    "checkpoint_every": Option(
        None,
        "int",
        "Number of epochs between two writes of the checkpoint, at least 1.",
        check=positive_count,
        group=CHECKPOINTS,
        words="int",
    ),
    "checkpoint_seconds": Option(
        None,
        "float",
        "Seconds between two writes of the checkpoint, above 0; 30 by default.",
        "With checkpoint_every too, whichever comes first.",
        check=positive_number,
        group=CHECKPOINTS,
        words="float",
    ),
    "solver": Option(
        "auto",
        '{"auto", "closed_form", "collocation", "loop"}',
        '"closed_form" computes the costs and coefficients of all epochs of full batch on squared_error (without l1) '
        'from one QR of the data; "collocation" those of a smooth loss from passes over the rows at a few epochs, by '
        'polynomials that are verified; "loop" runs the epochs one by one; "auto" takes the cheapest one.',
        f"See {page('closed-form')} and {page('collocation')}.",
        group=COMPUTATION,
        words="name",
    ),
    "backend": Option(
        "auto",
        '{"auto", "cython", "numba", "numpy"}',
        'The backend of the kernels; "auto" is the first available one, or the one that GDFAST_BACKEND names.',
        group=COMPUTATION,
        words="name",
    ),
    "n_threads": Option(
        1,
        "int",
        "Number of threads that share the passes over all rows (full batch, costs), and mini-batches of 1,024 rows and "
        "more, on the compiled backend, at least 1.",
        "No bit of a result depends on it.",
        check=count(1, hint=" (os.cpu_count() is as many as there are)"),
        group=COMPUTATION,
        words="int",
    ),
}
DEFAULTS: dict[str, Any] = {name: option.default for name, option in OPTIONS.items()}
CHECKS: dict[str, Check] = {name: option.check for name, option in OPTIONS.items() if option.check is not None}
CHECKED_DEFAULTS = {name: check(name, DEFAULTS[name]) for name, check in CHECKS.items()}
CONVERTED_DEFAULTS = {name: value for name, value in CHECKED_DEFAULTS.items() if value is not DEFAULTS[name]}
SOLVERS_KNOWING = {name: option.solvers for name, option in OPTIONS.items() if option.solvers is not None}


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with each in its own type, where it is checked alone; those at their default need no check."""
    found = dict(options)
    for name, value in options.items():
        if name in CHECKS and value is not DEFAULTS[name]:
            found[name] = CHECKS[name](name, value)
    for name, value in CONVERTED_DEFAULTS.items():
        if name in options and options[name] is DEFAULTS[name]:
            found[name] = value
    return found


def checked_option(name: str, value: Any) -> Any:
    """Return one option in its own type, by its check."""
    return CHECKS[name](name, value)


def options_given(options: Mapping[str, Any]) -> frozenset[str]:
    """Return which of the options that not every solver knows are given, of checked ones."""
    return frozenset(name for name in SOLVERS_KNOWING if is_given(options[name]))


def is_given(value: Any) -> bool:
    """Return whether a checked value is more than a default that stands for nothing."""
    return not (value is None or value is False or (type(value) is tuple and not value))


def known_by_others(solver: str) -> dict[str, Any]:
    """Return the options that other solvers know and this one does not, with the default that it needs."""
    return {name: DEFAULTS[name] for name, solvers in SOLVERS_KNOWING.items() if solver not in solvers}
