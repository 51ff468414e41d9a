"""The drop-ins with parameters beyond what a machine counts: a fit ends, is refused, or hears Ctrl-C at once."""

import signal
import threading
import time

import numpy as np
import pytest

models = pytest.importorskip("gdfast.sklearn")
from gdfast.sklearn.updates import RowUpdates  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
TARGETS = {"SGDRegressor": X[:, 0], "SGDClassifier": np.arange(12) % 3, "SGDOneClassSVM": None}
ENDLESS = {"max_iter": 2**70, "tol": None}
BEYOND_FLOATS = 10**400


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C raise KeyboardInterrupt: a shell's background processes ignore it, and would train for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(model, y, monkeypatch):
    """Press Ctrl-C in a fit; return the seconds until it raises, and whether an update is done after that."""
    calls, pressed = [], []
    whole = RowUpdates.run_epochs

    def counted(self, *arguments):
        calls.append(None)
        return whole(self, *arguments)

    def press():
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RowUpdates, "run_epochs", counted)
    timer = threading.Timer(0.3, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    seconds = time.perf_counter() - pressed[0]
    time.sleep(0.3)  # what other threads were doing is done
    done = len(calls)
    time.sleep(0.3)
    return seconds, len(calls) > done


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("name", TARGETS)
def test_ctrl_c_is_heard(name, monkeypatch):
    seconds, _ = interrupted(getattr(models, name)(**ENDLESS), TARGETS[name], monkeypatch)
    assert seconds < 5.0  # a bound for a busy machine: 0.03 s on a quiet one


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_other_threads(monkeypatch):
    model = models.SGDClassifier(n_jobs=2, **ENDLESS)
    _, goes_on = interrupted(model, TARGETS["SGDClassifier"], monkeypatch)
    assert not goes_on
    assert not hasattr(model, "coef_")


def test_an_error_of_one_class_ends_the_others():
    """Class 2 has huge features, and overflows at once."""
    rows = np.where(TARGETS["SGDClassifier"][:, None] == 2, 1e300, X)
    before = threading.active_count()
    with pytest.raises(ValueError, match="overflow"):
        models.SGDClassifier("squared_error", learning_rate="constant", eta0=0.1, n_jobs=3, **ENDLESS).fit(
            rows, TARGETS["SGDClassifier"]
        )
    deadline = time.monotonic() + 10.0
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("average", [2**63, 2**70, BEYOND_FLOATS], ids=["2^63", "2^70", "10^400"])
def test_an_average_that_never_begins(name, average):
    def fitted(average):
        return getattr(models, name)(average=average, random_state=0).fit(X, TARGETS[name])

    model, late = fitted(average), fitted(10**9)
    np.testing.assert_array_equal(model.coef_, late.coef_)
    assert model.n_iter_ == late.n_iter_


def test_no_more_threads_than_classes():
    y = TARGETS["SGDClassifier"]
    model = models.SGDClassifier(n_jobs=10**6, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.coef_, models.SGDClassifier(random_state=0).fit(X, y).coef_)


@pytest.mark.parametrize("parameter", ["alpha", "eta0", "power_t", "tol", "epsilon"])
def test_a_number_beyond_floats_is_named(parameter):
    model = models.SGDRegressor("huber", **{parameter: BEYOND_FLOATS})
    with pytest.raises(ValueError, match=f"{parameter}=1.* is too large for a float"):
        model.fit(X, TARGETS["SGDRegressor"])


@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
@pytest.mark.parametrize("parameter", ["max_iter", "n_iter_no_change"])
def test_epochs_beyond_floats_end_by_tol_or_max_iter(parameter):
    model = models.SGDRegressor(random_state=0, **{parameter: BEYOND_FLOATS}).fit(X, TARGETS["SGDRegressor"])
    assert model.n_iter_ <= 1000


@pytest.mark.parametrize(
    ("start", "error"),
    [
        ("junk", ValueError), ([1.0, np.inf, 2.0], ValueError), ([np.nan] * 3, ValueError),
        ([[1.0], [1.0, 2.0]], ValueError), ({1}, TypeError),
        (np.ones(3, "M8[D]"), TypeError), (np.ones(3, "m8[D]"), TypeError),
        (np.full(3, 1j), TypeError),
        (np.zeros(3, [("a", float)]), TypeError),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("name", TARGETS)
def test_a_start_that_is_no_numbers_is_named(name, start, error):
    other = "offset_init" if name == "SGDOneClassSVM" else "intercept_init"
    for argument in ("coef_init", other):
        with pytest.raises(error, match=argument):
            getattr(models, name)().fit(X, TARGETS[name], **{argument: start})


def test_a_start_of_digits_is_taken_as_scikit_learn_does():
    y = TARGETS["SGDRegressor"]
    model = models.SGDRegressor(random_state=0).fit(X, y, coef_init=["1", "2", "3"], intercept_init="0.5")
    other = models.SGDRegressor(random_state=0).fit(X, y, coef_init=[1.0, 2.0, 3.0], intercept_init=[0.5])
    np.testing.assert_array_equal(model.coef_, other.coef_)
