"""The options of `gdfast fit`: one for each option of fit that a command line can give, passed on and explained."""

import re

import numpy as np
import pytest

import gdfast
from gdfast.options.declarations import DEFAULTS, OPTIONS

pytest.importorskip("typer")
pytest.importorskip("pandas")

from gdfast.cli.commands import app
from gdfast.cli.options import OTHER_DEFAULTS, TAKEN, as_typed, option_name

# What is typed, and what fit is given.
TYPED = {
    "loss": ("huber", "huber"), "loss_parameter": ("2", 2.0), "penalty": ("l2", "l2"), "alpha": ("0.5", 0.5),
    "l1_ratio": ("0.25", 0.25), "penalty_factors": ("1,0", (1, 0)), "fit_intercept": (None, False),
    "standardize": (None, True),
    "bounds": ("-1,inf", (-1, np.inf)), "positive": (None, True), "batch_size": ("2", 2), "epochs": ("7", 7),
    "learning_rate": ("0.01", 0.01), "optimizer": ("adam", "adam"), "average": ("3", 3), "clip_norm": ("2", 2.0),
    "clip_value": ("3", 3.0), "shuffle": (None, False), "seed": ("5", 5), "tol": ("1e-3", 1e-3), "patience": ("4", 4),
    "gradient_tol": ("0.1", 0.1), "validation": ("0.5", 0.5), "restore_best": (None, True), "max_seconds": ("9", 9.0),
    "on_divergence": ("raise", "raise"), "history": ("running", "running"), "history_every": ("log", "log"),
    "history_limit": ("99", 99), "record": ("seconds,coef", ("seconds", "coef")), "checkpoint": ("c.npz", "c.npz"),
    "checkpoint_every": ("6", 6), "checkpoint_seconds": ("8", 8.0), "solver": ("loop", "loop"),
    "backend": ("numpy", "numpy"), "n_threads": ("2", 2),
}  # fmt: skip
NOT_THERE = {"coef_init", "intercept_init", "interrupt", "progress", "callbacks", "callback_every"}


class CalledError(Exception):
    """Raised in place of a fit, with its arguments."""


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Return a function that runs `gdfast fit` and returns the arguments that gdfast.fit is given."""
    (tmp_path / "t.csv").write_text("a,b,w,y\n1,2,1,3\n2,1,0,4\n3,5,2,5\n", encoding="utf-8")

    def call(*words):
        def fit(X, y, **options):
            raise CalledError(X, y, options)

        monkeypatch.setattr(gdfast, "fit", fit)
        with pytest.raises(CalledError) as caught:
            app(args=["fit", str(tmp_path / "t.csv"), "--target", "y", *words], standalone_mode=False)
        return caught.value.args

    return call


def test_every_option_of_fit_is_there_or_is_known_not_to_be():
    assert set(TAKEN) == set(TYPED) | {"sample_weight"} == set(OPTIONS) - NOT_THERE
    assert all(OPTIONS[name].group for name in TAKEN)


def test_without_options_fit_is_given_its_defaults(given):
    _, _, options = given()
    assert options == {**{name: DEFAULTS[name] for name in TAKEN}, "progress": options["progress"], **OTHER_DEFAULTS}


@pytest.mark.parametrize("name", TYPED)
def test_an_option_is_passed_on(name, given):
    typed, value = TYPED[name]
    words = [option_name(name)] if typed is None else [f"{option_name(name)}={typed}"]
    _, _, options = given(*words)
    assert options[name] == value
    assert type(options[name]) is type(value)


def test_weights_are_a_column_that_is_no_feature(given):
    X, y, options = given("--sample-weight", "w")
    assert np.asarray(X).tolist() == [[1, 2], [2, 1], [3, 5]]
    assert (y.tolist(), options["sample_weight"].tolist()) == ([3, 4, 5], [1, 0, 2])


def test_the_help_has_every_option_under_its_group(capsys):
    app(args=["fit", "--help"], standalone_mode=False)
    panels = dict(re.findall(r"^(\w[\w ]*):\n((?: .*\n|\n)+)", capsys.readouterr().out, re.MULTILINE))
    assert set(panels) >= {"Arguments", "Data and output", "The model", "Gradient descent", "Stopping", "Computation"}
    for name in TAKEN:
        assert re.search(rf"^  {option_name(name)} ", panels[OPTIONS[name].group], re.MULTILINE), name
        assert OPTIONS[name].default is True or OPTIONS[name].sentence[:12] in panels[OPTIONS[name].group], name


def commands_of(command):
    """Yield the words that call each command."""
    yield []
    for name, inner in getattr(command, "commands", {}).items():
        yield from ([name, *words] for words in commands_of(inner))


def whole():
    """Return the command that all others are of."""
    import typer

    return typer.main.get_command(app)


def test_the_help_lists_the_commands_in_the_order_in_which_a_user_meets_them():
    order = ["demo", "fit", "predict", "info", "sweep", "summarize", "merge", "report", "runs"]
    assert list(whole().commands) == order


@pytest.mark.parametrize("path", list(commands_of(whole())))
def test_the_help_names_what_is_given_in_plain_words(capsys, path):
    """No type of Python, as <list[Path]>, and no braces; what stands for an argument is written in capitals."""
    app(args=[*path, "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    assert not re.search(r"<\w|[{}]", text)
    usage = text.split("\n\n")[0].split()
    arguments = usage[usage.index("[OPTIONS]") + 1 :]
    assert all(re.fullmatch(r"\[?[A-Z]+(\.\.\.)?\]?|\[ARGS\]\.\.\.", word) for word in arguments)


def test_names_of_a_message_are_those_of_the_command_line():
    for of_fit, typed in {
        "epochs=0 must be": "--epochs=0 must be",
        "batch_size=None, bounds=None or positive=False": "no --batch-size, no --bounds or no --positive",
        "intercept_init is not zero, but fit_intercept=False": "intercept_init is not zero, but --no-intercept",
        "sample_weight holds -1": "--sample-weight holds -1",
        "restore_best=True without validation has nothing": "--restore-best without --validation has nothing",
        "solver='loop' and run.seed=3": "--solver='loop' and run.seed=3",
        "record='a': choose one of learning_rate": "--record='a': choose one of learning_rate",
    }.items():
        assert as_typed(of_fit) == typed
