"""Every benchmark of benchmarks/asv runs once, small; nothing is timed."""

import inspect
import itertools
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from gdfast.backends import BACKENDS
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.penalties import PENALTIES
from gdfast.formulas.update_rules import UPDATE_RULES
from gdfast.options.optimizers import OPTIMIZERS
from gdfast.options.schedules import SCHEDULES
from gdfast.solvers.select import SOLVERS

FOLDER = Path(__file__).parents[2] / "benchmarks" / "asv"
if not FOLDER.is_dir():
    pytest.skip("the benchmarks are not beside the tests", allow_module_level=True)
# By rounding: against 80-bit descent, and against scikit-learn, in float32 too.
ALLOWED = {"track_error": 1e-9, "track_gap": 1e-3}


def measures(suite):
    return [name for name in dir(suite) if name.startswith(("time_", "timeraw_", "peakmem_", "track_"))]


def concrete(thing):
    return inspect.isclass(thing) and not inspect.isabstract(thing) and measures(thing)


def suites():
    """Return the classes that asv finds, by their names, made small."""
    spec = spec_from_file_location("gdfast_suites", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
    package = sys.modules[spec.name] = module_from_spec(spec)
    with mock.patch.dict(os.environ, {"GDFAST_SMALL_BENCHMARKS": "1"}):
        spec.loader.exec_module(package)
        modules = [import_module(f"{spec.name}.{path.stem}") for path in sorted(FOLDER.glob("[!_]*.py"))]
    found = {f"{thing.__module__}.{name}": thing for module in modules for name, thing in vars(module).items()
             if concrete(thing)}  # fmt: skip
    return {name.removeprefix(f"{spec.name}."): suite for name, suite in found.items()}


SUITES = suites()


def combinations(suite):
    """Return all parameters, without Numba's, which compiles for seconds each time."""
    return [chosen for chosen in itertools.product(*getattr(suite, "params", ())) if "numba" not in chosen]


def run_raw(code):
    """Run what a timeraw_ benchmark returns, a statement or a statement and what comes before it, in a new Python."""
    parts = (code,) if isinstance(code, str) else reversed(code)
    subprocess.run([sys.executable, "-P", "-c", "\n".join(parts)], check=True)


def run_once(suite, parameters):
    """Set up, run every measure, and tear down; return whether it was not skipped."""
    try:
        if hasattr(suite, "setup"):
            suite.setup(*parameters)
        for name in measures(suite):
            value = getattr(suite, name)(*parameters)
            if name.startswith("timeraw_"):
                run_raw(value)
            elif name.startswith("track_"):
                assert np.isfinite(value), name
                assert value <= ALLOWED.get(name, np.inf), name
    except NotImplementedError:
        return False
    finally:
        if hasattr(suite, "teardown"):
            suite.teardown(*parameters)
    return True


@pytest.mark.parametrize("name", SUITES)
def test_every_benchmark_runs(name):
    suite = SUITES[name]
    cache = (suite().setup_cache(),) if hasattr(suite, "setup_cache") else ()
    ran = [run_once(suite(), (*cache, *chosen)) for chosen in combinations(suite)]
    assert any(ran)


@pytest.mark.parametrize("name", SUITES)
def test_parameters_and_units_have_names(name):
    suite = SUITES[name]
    assert len(getattr(suite, "param_names", ())) == len(getattr(suite, "params", ()))
    assert all(getattr(suite, track).unit for track in measures(suite) if track.startswith("track_"))


@pytest.mark.parametrize(
    "registry", [LOSSES, PENALTIES, UPDATE_RULES, OPTIMIZERS, SCHEDULES, BACKENDS, SOLVERS], ids=list
)
def test_every_entry_of_a_registry_has_a_benchmark(registry):
    settings = [values for suite in SUITES.values() for values in getattr(suite, "params", ())]
    measured = {value for values in settings for value in (values if isinstance(values, tuple) else [values])}
    text = " ".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    assert [name for name in registry if name not in measured and f'"{name}"' not in text] == []
