"""The parameters of GDRegressor and GDClassifier: the options of fit, by the same names and defaults, documented."""

import inspect

import pytest

from gdfast.options.declarations import DEFAULTS, OPTIONS

pytest.importorskip("sklearn")

from gdfast.sklearn import GDClassifier, GDRegressor

# Options that are arguments of an estimator's `fit`, or that it decides itself.
OF_FIT = {"sample_weight", "coef_init", "intercept_init", "validation"}
DECIDED = {"seed", "interrupt"}
OWN = {GDRegressor: {"random_state", "warm_start"}, GDClassifier: {"random_state", "warm_start", "class_weight"}}
OTHER_DEFAULTS = {
    GDRegressor: {"epochs": 1000, "history": "objective"},
    GDClassifier: {"epochs": 1000, "history": "objective", "loss": "log_loss"},
}


def documented(kind):
    docscrape = pytest.importorskip("numpydoc.docscrape")
    return {about.name: about for about in docscrape.NumpyDocString(inspect.getdoc(kind))["Parameters"]}


@pytest.mark.parametrize("kind", OWN)
def test_parameters_are_the_options_of_fit_with_their_defaults(kind):
    given = {name: about.default for name, about in inspect.signature(kind).parameters.items()}
    assert set(given) == (set(OPTIONS) - OF_FIT - DECIDED) | OWN[kind]
    for name in set(given) - OWN[kind]:
        expected = OTHER_DEFAULTS[kind].get(name, DEFAULTS[name])
        assert (type(given[name]), given[name]) == (type(expected), expected), name
    shared = [name for name in given if name in OPTIONS]
    assert shared == [name for name in OPTIONS if name in shared], "the order of fit's arguments"
    assert set(inspect.signature(kind.fit).parameters) >= OF_FIT


@pytest.mark.parametrize("kind", OWN)
def test_every_parameter_is_documented_in_the_order_of_the_signature(kind):
    found = documented(kind)
    assert list(found) == list(inspect.signature(kind).parameters)
    assert "{" not in inspect.getdoc(kind).replace('{"', "")
    assert max(map(len, inspect.getdoc(kind).splitlines())) <= 116
    for name in set(found) & set(OPTIONS) - {"loss", "loss_parameter"}:
        first = OPTIONS[name].sentence.split("`Run")[0].split(" coef ")[0]
        assert " ".join(" ".join(found[name].desc).split()).startswith(first), name


@pytest.mark.parametrize("kind", OWN)
def test_the_losses_named_are_those_taken(kind):
    from gdfast.formulas.losses import LOSSES

    words = " ".join(documented(kind)["loss"].desc)
    taken = [name for name, loss in LOSSES.items() if loss.classification == (kind is GDClassifier)]
    assert [name for name in taken if f'"{name}"' not in words] == []
