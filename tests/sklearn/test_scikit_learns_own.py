"""scikit-learn's own tests of its SGD estimators and of its GridSearchCV pass with gdfast's in their place."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import gdfast

pytest.importorskip("sklearn")

ESTIMATORS = """
import pytest
from sklearn import linear_model
import gdfast.sklearn

for name in ("SGDClassifier", "SGDOneClassSVM", "SGDRegressor"):
    setattr(linear_model, name, getattr(gdfast.sklearn, name))

def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "test_validation_mask_correctly_subsets":
            item.add_marker(pytest.mark.xfail(strict=True, reason="replaces a private class of scikit-learn's module"))
"""
# The estimators in scikit-learn's tests are its own, which the search would leave to scikit-learn: here their
# candidates are fitted one by one where those of gdfast's estimators share a pass, and all else is as for those.
SEARCH = """
from sklearn import model_selection
import gdfast.sklearn
from gdfast.sklearn import search, together

class Any:
    def __contains__(self, kind):
        return True

done = []

def set_params(self, original=search.FittedStandIn.set_params, **params):
    done.append(params)
    return original(self, **params)

def fit_last_steps(models, X, y, fit_params, one_by_one, original=together.fit_last_steps):
    return original(models, X, y, fit_params, one_by_one=True)

model_selection.GridSearchCV = gdfast.sklearn.GridSearchCV
search.is_shareable = lambda estimator: hasattr(estimator, "get_params")
search.FittedStandIn.set_params = set_params
together.LAST_STEPS, together.fit_last_steps = Any(), fit_last_steps

def pytest_sessionfinish():
    print(f"\\nfits done before: {len(done)}")
"""


def run_tests_of(module, plugin, folder, *options):
    """Run a test module of scikit-learn's with a plugin, and return what was printed, line by line."""
    if find_spec(module) is None:
        pytest.skip("scikit-learn is installed without its tests")
    (folder / "gdfast_in_place.py").write_text(plugin, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    package = os.path.dirname(os.path.dirname(gdfast.__file__))
    given = ["-q", "-p", "no:cacheprovider", "-p", "gdfast_in_place", "-W", "ignore", "-c", "pytest.ini", *options]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *given, "--pyargs", module],
        cwd=folder, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), package])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr
    return result.stdout.splitlines()


@pytest.mark.slow_in_python
def test_scikit_learns_own_tests_pass(tmp_path):
    last = run_tests_of("sklearn.linear_model.tests.test_sgd", ESTIMATORS, tmp_path)[-1]
    assert "1 xfailed" in last
    assert int(last.split(" passed")[0]) > 200


def test_scikit_learns_own_tests_of_the_search_pass(tmp_path):
    of_others = "not Random and not random and not Halving and not halving"
    lines = run_tests_of("sklearn.model_selection.tests.test_search", SEARCH, tmp_path, "-k", of_others)
    assert int(lines[-1].split(" passed")[0]) > 80
    counts = [int(line.split(": ")[1]) for line in lines if line.startswith("fits done before")]
    assert counts[0] > 500
