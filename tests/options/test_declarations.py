"""The declaration of fit's options: what else names them says the same, and every check is found through it."""

import inspect

import numpy as np
import pytest

import gdfast
from gdfast.backends import BACKENDS
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.options.declarations import DEFAULTS, OPTIONS, checked, options_given
from gdfast.options.optimizers import OPTIMIZERS
from gdfast.solvers.select import SOLVERS

# A value of each option that only some solvers know, by which it is given.
GIVEN = {
    "bounds": (0, 1), "positive": True, "average": True, "clip_norm": 1.0, "clip_value": 1.0, "gradient_tol": 0.0,
    "validation": 0.5, "restore_best": True, "record": "seconds", "callbacks": lambda state: None, "callback_every": 3,
}  # fmt: skip
NEEDED_BY = {"restore_best": {"validation": 0.5}, "callback_every": {"callbacks": lambda state: None}}


def parameters(thing):
    docscrape = pytest.importorskip("numpydoc.docscrape")
    return {about.name: about for about in docscrape.NumpyDocString(inspect.getdoc(thing))["Parameters"]}


def test_the_signature_has_the_declared_options_and_defaults_in_their_order():
    options = list(inspect.signature(gdfast.fit).parameters.values())[2:]
    assert [(option.name, option.default) for option in options] == list(DEFAULTS.items())
    assert all(type(option.default) is type(DEFAULTS[option.name]) for option in options)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_docstring_has_the_declared_type_and_text(name):
    documented = parameters(gdfast.fit)[name]
    assert documented.type == OPTIONS[name].given_type
    assert " ".join(" ".join(documented.desc).split()) == OPTIONS[name].text


@pytest.mark.parametrize("name", [name for name in OPTIONS if OPTIONS[name].again])
def test_resume_documents_what_may_be_replaced(name):
    assert name in inspect.getdoc(gdfast.resume)


def test_sentences_name_every_entry_of_the_registries():
    for option, registry in {"loss": LOSSES, "penalty": PENALTIES, "optimizer": OPTIMIZERS, "solver": SOLVERS,
                             "backend": BACKENDS}.items():  # fmt: skip
        words = OPTIONS[option].type + OPTIONS[option].text
        assert [name for name in registry if name != "none" and name not in words] == []


def test_texts_are_sentences():
    for name, option in OPTIONS.items():
        assert option.sentence.endswith("."), name
        assert "  " not in option.text, name
        assert not option.details or option.details.endswith("."), name


@pytest.mark.parametrize("name", [name for name in OPTIONS if OPTIONS[name].check])
def test_a_check_takes_the_default_names_the_option_and_may_be_done_again(name):
    first = checked({name: DEFAULTS[name]})
    assert checked(first) == first
    with pytest.raises((ValueError, TypeError), match=f"^{name}"):
        checked({name: {"not": "a value"}})


def test_checked_options_have_their_own_types():
    found = checked({"epochs": np.int64(3), "shuffle": np.bool_(False), "record": ["seconds"], "alpha": 1, "X": None})
    assert found == {"epochs": 3, "shuffle": False, "record": ("seconds",), "alpha": 1.0, "X": None}
    assert [type(value) for value in found.values()] == [int, bool, tuple, float, type(None)]


def test_the_examples_are_of_all_options_that_some_solver_does_not_know():
    assert set(GIVEN) == {name for name, option in OPTIONS.items() if option.solvers is not None}
    assert all(set(option.solvers or ()) <= set(SOLVERS) for option in OPTIONS.values())
    assert options_given(checked({**DEFAULTS, **GIVEN})) == set(GIVEN)
    nothing = {"average": False, "record": [], "callbacks": None, "positive": np.bool_(False)}
    assert not options_given(checked({**DEFAULTS, **nothing}))


@pytest.mark.parametrize("name", GIVEN)
def test_a_solver_refuses_an_option_that_it_does_not_know(name, X, Y):
    options = {"epochs": 4, "learning_rate": 0.01, "callbacks": (), **NEEDED_BY.get(name, {}), name: GIVEN[name]}
    for solver in SOLVERS:
        if solver in OPTIONS[name].solvers:
            assert gdfast.fit(X, Y, solver=solver, **options)
        else:
            with pytest.raises(ValueError, match=f"solver='{solver}' needs .*{name}="):
                gdfast.fit(X, Y, solver=solver, **options)
    assert gdfast.fit(X, Y, **options).solver in OPTIONS[name].solvers
