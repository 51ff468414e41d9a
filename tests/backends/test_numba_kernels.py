"""Every kernel of the Numba backend is compiled, for every loss and every update rule, and gives NumPy's numbers."""

import signal
import threading

import numpy as np
import pytest
from scipy import sparse

import gdfast
from gdfast.formulas.losses import LOSSES
from gdfast.formulas.update_rules import UPDATE_RULES
from gdfast.options.model import make_model, with_constraints
from gdfast.options.optimizers import make_optimizer

pytestmark = [
    pytest.mark.numba,
    pytest.mark.skipif(gdfast.backends.available()["numba"] is not None, reason="Numba is not available"),
]
RNG = np.random.default_rng(8)
SPARSE = sparse.random(50, 20, 0.3, format="csr", random_state=2)
# Each kernel and each kind of rows, by a fit that runs it.
KERNELS = {
    "one feature": ("batch_line", 1, {}),
    "one feature, weighted": ("batch_line", 1, {"sample_weight": RNG.integers(1, 4, 50) / 2.0}),
    "columns": ("batch", 3, {}),
    "rows": ("batch", 12, {}),
    "sparse rows": ("batch", SPARSE, {}),
    "checked": ("batch", 3, {"bounds": (-0.2, 0.3), "clip_norm": 0.5}),
    "blocks of four rows": ("stochastic", 12, {"batch_size": 1}),
    "single rows, l1": ("stochastic", 12, {"batch_size": 1, "penalty": "l1", "alpha": 0.05}),
    "single rows, checked": ("stochastic", 12, {"batch_size": 1, "penalty": "l1", "alpha": 0.05, "positive": True}),
    "single rows, mean": ("stochastic", 12, {"batch_size": 1, "average": True}),
    "mini-batches": ("stochastic", 12, {"batch_size": 7, "history": "objective"}),
    "sparse single rows, pending": ("stochastic", SPARSE, {"batch_size": 1, "penalty": "elasticnet", "alpha": 0.05}),
    "sparse single rows, momentum": ("stochastic", SPARSE, {"batch_size": 1, "optimizer": "momentum"}),
    "sparse mini-batches": ("stochastic", SPARSE, {"batch_size": 7}),
}


def targets(loss, n):
    if LOSSES[loss].classification:
        return np.where(np.random.default_rng(1).normal(size=n) > 0, "yes", "no")
    return np.abs(np.random.default_rng(1).normal(size=n))


def assert_compiled(kernel, X, loss="squared_error", **options):
    """Fit on Numba and on NumPy; the numbers agree, and the kernel that is named was compiled."""
    y = targets(loss, X.shape[0])
    arguments = {"loss": loss, "epochs": 4, "learning_rate": 0.01, "seed": 2, "solver": "loop", **options}
    ours, expected = (gdfast.fit(X, y, backend=backend, **arguments) for backend in ("numba", "numpy"))
    assert ours.backend == "numba"
    np.testing.assert_allclose(ours.coef, expected.coef, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ours.costs, expected.costs, rtol=1e-11)
    settings = {**expected.settings, **arguments}
    names = ("loss_parameter", "penalty", "alpha", "l1_ratio", "fit_intercept")
    optimizer = make_optimizer(settings["optimizer"])
    model = make_model(loss, *(settings[name] for name in names), optimizer=optimizer)
    model = with_constraints(model, X.shape[1], np.dtype(np.float64), settings)
    is_sparse = sparse.issparse(X)
    compile_kernels = gdfast.backends.load("numba").compile_kernels
    compiled = compile_kernels(loss, None, model.rule, model.checked, is_sparse, is_sparse and model.lazy)
    assert getattr(compiled, kernel).signatures


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_is_compiled(name):
    kernel, data, options = KERNELS[name]
    X = data if sparse.issparse(data) else np.random.default_rng(0).normal(size=(50, data))
    assert_compiled(kernel, X, **options)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.coupled])
def test_every_loss_is_compiled(loss):
    X = np.random.default_rng(0).normal(size=(50, 3))
    for kernel, batch_size in (("batch", None), ("stochastic", 1)):
        assert_compiled(kernel, X, loss, batch_size=batch_size)


@pytest.mark.parametrize("rule", UPDATE_RULES)
def test_every_update_rule_is_compiled(rule):
    X = np.random.default_rng(0).normal(size=(50, 3))
    for kernel, batch_size in (("batch", None), ("stochastic", 7)):
        assert_compiled(kernel, X, optimizer=rule, batch_size=batch_size)


def make_and_sum(n):
    return np.ones(n).sum()


@pytest.mark.numba_case
def test_numba_counts_references_where_it_is_told_to():
    """The option `_nrt` is private to Numba: without it a function that makes an array does not compile."""
    import numba

    from gdfast.backends.numba import compilation

    changed = f"Numba {numba.__version__} changed _nrt: mend gdfast/backends/numba/compilation.py"
    assert compilation.counting(make_and_sum).compile((numba.types.intp,)) is not None, changed
    with pytest.raises(numba.NumbaError, match="Only accept returning of array passed"):
        compilation.jit(make_and_sum).compile((numba.types.intp,))


@pytest.mark.numba_case
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
def test_ctrl_c_ends_compiling():
    """After the function at hand; the next call compiles what is left."""
    import numba
    from numba.core import event

    X = np.random.default_rng(0).normal(size=(50, 3))
    options = {"loss": gdfast.Loss(lambda y, z: (z - y) ** 2 / 2, lambda y, z: z - y), "epochs": 3, "backend": "numba"}
    compiled = []

    class Press(event.Listener):
        def on_start(self, event):
            compiled.append(event.data["dispatcher"])
            if len(compiled) == 3:
                signal.raise_signal(signal.SIGINT)

        def on_end(self, event):
            pass

    changed = f"Numba {numba.__version__} changed its events: mend gdfast/backends/numba/compilation.py"
    with event.install_listener("numba:compile", Press()), pytest.raises(KeyboardInterrupt):
        gdfast.fit(X, X[:, 0], **options)
    assert len(compiled) in (3, 4), changed
    run = gdfast.fit(X, X[:, 0], **options)
    np.testing.assert_allclose(run.costs, gdfast.fit(X, X[:, 0], **{**options, "backend": "numpy"}).costs, rtol=1e-12)
