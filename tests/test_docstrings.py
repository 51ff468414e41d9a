"""Docstrings of all public objects: numpydoc's rules, every parameter, and the defaults that they state."""

import ast
import dataclasses
import enum
import functools
import inspect
import re
import typing
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

import gdfast

validation = pytest.importorskip("numpydoc.validate")
docscrape = pytest.importorskip("numpydoc.docscrape")

# Codes of numpydoc that are left out, and why; EX01 is left out for methods and properties alone.
IGNORED = {
    "GL01": "ruff's convention puts the summary on the line of the opening quotes",
    "ES01": "a summary may be enough",
    "SA01": "a See Also section is optional",
    "EX01": "a method needs no example of its own, since its class has one",
}
# Codes that are still found, by object. Entries may only be removed.
EXCEPTIONS: dict[str, set[str]] = {}
# Packages whose public names are walked, and what each needs to be imported.
PACKAGES = {"gdfast": "numpy", "gdfast.sklearn": "sklearn", "gdfast.formulas.vocabulary": "numpy"}


def is_own(thing):
    return str(getattr(thing, "__module__", "")).startswith("gdfast")


def full_name(thing):
    return f"{thing.__module__}.{thing.__qualname__}"


def public_names(package):
    """Return the functions and classes in the __all__ of a package and of the modules that it lists, by full name."""
    found = {}
    for name in package.__all__:
        thing = getattr(package, name)
        if isinstance(thing, ModuleType):
            found |= public_names(thing)
        elif is_own(thing) and inspect.isclass(thing):
            found[full_name(thing)] = thing
        elif is_own(thing) and inspect.isfunction(inspect.unwrap(thing)):
            found |= {full_name(thing): thing} | result_class(thing)
    return found


def result_class(function):
    """Return the class that a function's annotation says it returns, if gdfast defines it."""
    try:
        result = typing.get_type_hints(function).get("return")
    except NameError:  # a type that is imported for type checkers alone
        return {}
    return {full_name(result): result} if inspect.isclass(result) and is_own(result) else {}


def defining_function(member):
    """Return the function that a method or a property is made of, or None."""
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, functools.cached_property):
        member = member.func
    member = inspect.unwrap(getattr(member, "__func__", member))
    return member if inspect.isfunction(member) else None


def public_members(kind):
    """Return the public methods and properties that gdfast defines for a class, by full name."""
    found = {}
    for base in filter(is_own, inspect.getmro(kind)):
        for name in vars(base):
            function = None if name.startswith("_") else defining_function(inspect.getattr_static(base, name))
            if function is None:  # scikit-learn's descriptors make the method when it is asked for
                function = None if name.startswith("_") else defining_function(getattr(base, name))
            if function is not None and is_own(function):
                found[f"{full_name(base)}.{name}"] = getattr(base, name)
    return found


@functools.cache
def public_objects():
    """Return all public functions, classes, methods and properties of the packages that can be imported."""
    found = {}
    for package, need in PACKAGES.items():
        if find_spec(need) is not None:
            found |= public_names(import_module(package))
    members = [public_members(thing) for thing in found.values() if inspect.isclass(thing)]
    return found, functools.reduce(dict.__or__, members, {})


def by_name():
    own, members = public_objects()
    return {**own, **members}


def made_by_python(thing):
    """Return whether a class has the constructor of Python's own enumerations or exceptions."""
    if not inspect.isclass(thing):
        return False
    return issubclass(thing, enum.Enum) or (issubclass(thing, Exception) and "__init__" not in vars(thing))


class Validator(validation.Validator):
    """numpydoc's validator, without the parameters of a constructor that Python itself defines."""

    def __init__(self, obj_name):
        super().__init__(docscrape.get_doc_object(self._load_obj(obj_name)))

    @property
    def signature_parameters(self):
        return () if made_by_python(self.obj) else super().signature_parameters


def defaults(thing):
    """Return the default of each parameter by name with stars; `inspect.Parameter.empty` where there is none."""
    if made_by_python(thing):
        return {}
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = {
        stars.get(about.kind, "") + name: about.default
        for name, about in inspect.signature(thing).parameters.items()
        if name not in ("self", "cls")
    }
    made = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
    return found | {about.name: about.default_factory() for about in made if callable(about.default_factory)}


def documented(thing):
    """Return the types in the Parameters section by name; grouped names are taken apart."""
    text = docscrape.NumpyDocString(inspect.getdoc(thing) or "")
    return {name.replace("\\", ""): about.type for about in text["Parameters"] for name in about.name.split(", ")}


def test_the_packages_are_walked():
    own, members = public_objects()
    assert {full_name(gdfast.fit), full_name(gdfast.Run), f"{gdfast.minimize.__module__}.Minimum"} <= set(own)
    assert {f"{full_name(gdfast.Run)}.{name}" for name in ("resume", "cost", "load")} <= set(members)
    assert "gdfast.results.linear_model.LinearModel.predict" in members


@pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_the_estimators_are_walked():
    own, members = public_objects()
    assert {"gdfast.sklearn.gd.GDRegressor", "gdfast.sklearn.sgd.SGDOneClassSVM"} <= set(own)
    assert {"gdfast.sklearn.gd.GDClassifier.predict_proba", "gdfast.sklearn.sgd.SGDRegressor.fit"} <= set(members)
    assert not any(name.endswith("_request") for name in members), "scikit-learn's own methods"


@pytest.mark.parametrize("name", sorted(by_name()))
def test_docstring_follows_numpydoc(name):
    own, _ = public_objects()
    ignored = set(IGNORED) - ({"EX01"} if name in own else set())
    errors = validation.validate(name, Validator)["errors"]
    errors = [(code, message) for code, message in errors if code not in ignored]
    allowed = EXCEPTIONS.get(name, set())
    assert not [error for error in errors if error[0] not in allowed]
    assert allowed == {code for code, _ in errors}, "an entry of EXCEPTIONS is not needed any more: remove it"


def test_exceptions_name_public_objects():
    if all(find_spec(need) is not None for need in PACKAGES.values()):
        assert set(EXCEPTIONS) <= set(by_name())


@pytest.mark.parametrize("name", sorted(name for name, thing in by_name().items() if callable(thing)))
def test_parameters_and_defaults_are_documented(name):
    thing = by_name()[name]
    types = documented(thing)
    for parameter, default in defaults(thing).items():
        assert parameter in types, f"{parameter} is not in the Parameters section"
        stated = re.search(r"\bdefault(?:=| )(.+)$", types[parameter])
        if default is inspect.Parameter.empty:
            assert stated is None, f"{parameter} has no default"
        elif stated is None:
            assert default is None, f"{parameter} states no default"
            assert types[parameter].endswith("optional"), f"{parameter} is optional"
        elif default != default:  # NaN
            assert stated[1] == "nan", f"{parameter} has another default"
        else:
            assert ast.literal_eval(stated[1]) == default, f"{parameter} has another default"
