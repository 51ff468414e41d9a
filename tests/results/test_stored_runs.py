"""Run files and checkpoints that gdfast 0.1.0 wrote in formats 2 and 4: they load and resume for ever."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import gdfast

FILES = Path(__file__).parent / "stored_runs"
STORED = sorted(path.stem for path in FILES.glob("*-*.npz"))
FIELDS = ("coef", "intercept", "last_coef", "last_intercept", "costs", "cost_epochs", "epochs", "steps", "cost")


def data_of(name):
    with np.load(FILES / "data.npz") as stored:
        X, y, labels, kinds, weights = (stored[key] for key in ("X", "y", "labels", "kinds", "weights"))
    if name.startswith("sparse_weights"):
        return sparse.csr_array(X), y, weights
    if name.startswith("float32"):
        return X.astype(np.float32), y, None
    targets = {"sgd_l1_average": labels, "multinomial": kinds, "several_outputs": np.column_stack([y, -y])}
    return X, targets.get(name.split("-")[0], y), None


def replaced(name):
    """What these files cannot hold."""
    if name.startswith("callable_rate"):
        return {"learning_rate": lambda epoch: 0.05 / (1 + epoch)}
    if name.startswith("own_loss"):
        value, gradient = lambda y, z: 0.5 * (z - y) * (z - y), lambda y, z: z - y
        return {"loss": gdfast.Loss(value, gradient, name="half_square", curvature=1.0)}
    return {}


def test_files_of_both_backends_are_stored():
    assert len(STORED) >= 25
    assert {name.rsplit("-", 1)[1] for name in STORED} == {"cython", "numpy"}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_run_loads_and_resumes(name, tmp_path):
    """What was read is equal to the bit; what is computed from there may round otherwise on another processor."""
    path = tmp_path / "run.npz"
    shutil.copy(FILES / f"{name}.npz", path)
    run = gdfast.Run.load(path)
    with np.load(FILES / ("expected_format_4.npz" if "format_4" in name else "expected.npz")) as stored:
        expected = {key.removeprefix(f"{name}/"): stored[key] for key in stored if key.startswith(f"{name}/")}
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(run, field), expected[f"loaded/{field}"])
    assert run.stop_reason == str(expected["loaded/stop_reason"])
    if gdfast.backends.available()[run.backend] is not None:
        pytest.skip(f"backend {run.backend} is not available")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.startswith("interrupted"):
            resumed = gdfast.resume(path, *data_of(name)[:2])
        else:
            resumed = run.resume(9, *data_of(name), **replaced(name))
    for field in FIELDS:
        np.testing.assert_allclose(
            getattr(resumed, field), expected[f"resumed/{field}"], rtol=1e-6 if "float32" in name else 1e-11
        )
    assert resumed.stop_reason == str(expected["resumed/stop_reason"])
