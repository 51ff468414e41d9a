"""Junk values, and what is wrong with the answer to one of them. conftest.py hands these names to the tests."""

import contextlib
import datetime
import inspect
import io
import sys
import warnings

import numpy as np

import gdfast

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=12)
LABELS = np.where(Y > 0, "yes", "no")
JUNK = {
    "None": lambda: None,
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "empty string": lambda: "",
    "string": lambda: "junk",
    "null character": lambda: "a\0b",
    "bytes": lambda: b"x",
    "empty list": list,
    "dict": dict,
    "set": lambda: {1},
    "object": object,
    "class": lambda: int,
    "function": lambda: lambda *arguments: None,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "huge integer": lambda: 2**70,
    "integer beyond floats": lambda: 10**400,
    "huge float": lambda: 1e300,
    "complex": lambda: 1j,
    "True": lambda: True,
    "objects": lambda: np.array([object(), None], dtype=object),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "empty array": lambda: np.empty(0),
    "no rows": lambda: np.empty((0, 3)),
    "no columns": lambda: np.empty((12, 0)),
    "three axes": lambda: np.zeros((12, 3, 2)),
    "strings": lambda: ["a"] * 12,
    "NaNs": lambda: np.full(12, np.nan),
    "matrix with inf": lambda: np.full((12, 3), np.inf),
    "generator": lambda: (i for i in range(3)),
    "date": lambda: np.datetime64("2020-01-01"),
    "dates": lambda: np.array(["2020-01-01"] * 12, dtype="M8[D]"),
    "time span": lambda: datetime.timedelta(1),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "itself in a list": lambda: (loop := [], loop.append(loop))[0],
    "records": lambda: np.zeros(12, dtype=[("a", float)]),
}
ALLOWED = (ValueError, TypeError, ImportError, OSError, gdfast.DivergenceError)


def parameters(function):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, about in inspect.signature(function).parameters.items() if about.kind in kinds]


def fault(made, arguments, name, junk, named):
    """Return what is wrong with the answer to junk for one argument, None where nothing is."""
    changed = {} if name is None else {name: JUNK[junk]()}
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            made()(**arguments | changed)
    except ALLOWED as error:
        text = str(error)
        if name is None:
            return text
        if type(error).__name__.startswith("UFunc") or not text:
            return f"{type(error).__name__}: {text}"
        if not named or name in text or isinstance(error, OSError | ImportError | gdfast.DivergenceError):
            return None
        if "overflow occurred" in text:  # scikit-learn's error of a divergence
            return None
        return f"does not name it: {type(error).__name__}: {text}"
    except AttributeError as error:  # predict_proba of a loss without probabilities
        return None if "predict_proba" in str(error) else f"AttributeError: {error}"
    except OverflowError as error:  # scikit-learn's, of an integer beyond floats
        return None if not named else f"OverflowError: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def faults(cases, folder, elsewhere=()):
    """Return what is wrong with the answers to each junk value for each argument.

    Parameters
    ----------
    cases : iterable of (title, function that returns what is called, arguments that are right)
        What is called; a class or function goes by its title up to the first full stop in `elsewhere`.
    folder : Path
        The working directory, which is emptied after each call.
    elsewhere : set of (title, argument)
        Where another library checks, or a function of the caller fails, so that the error need not name the argument.
    """
    found = []
    for title, make, right in cases:
        with warnings.catch_warnings(action="ignore"):
            known = parameters(make())
        arguments = {key: value for key, value in right.items() if key in known}
        assert (wrong := fault(make, arguments, None, None, True)) is None, (title, wrong)
        for name in known:
            named = not {(title, name), (title.split(".")[0], name)} & set(elsewhere)
            for junk in JUNK:
                wrong = fault(make, arguments, name, junk, named)
                if wrong is not None:
                    found.append(f"{title}({name}={junk}): {wrong[:200]}")
                for path in folder.iterdir():
                    path.unlink()
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    return found
