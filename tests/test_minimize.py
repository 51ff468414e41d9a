"""minimize: the path is that of x <- x - rate grad(x), compiled or not, and ends for the reason it gives."""

import dataclasses
import math
import signal
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdfast._minimize import FIRST_NUMBERS, SCALAR, Minimum, compiled_stepper, minimize
from gdfast.results.divergence import DivergenceError, DivergenceWarning
from gdfast.results.stop_reason import StopReason

TUTORIAL_D = 4.999928637615365

MATRIX = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
LOWEST = np.array([1.0, -2.0, 0.5])


def parabola(theta):
    return (theta - 5) ** 2


def parabola_slope(theta):
    return 2 * (theta - 5)


def bowl(x):
    d = x - LOWEST
    total = 0.0
    for i in range(3):
        for j in range(3):
            total += 0.5 * d[i] * MATRIX[i, j] * d[j]
    return total


def bowl_slope(x):
    d = x - LOWEST
    slope = np.zeros(3)
    for i in range(3):
        for j in range(3):
            slope[i] += MATRIX[i, j] * d[j]
    return slope


def squares(x):
    total = 0.0
    for value in x:
        total += value * value
    return total


def squares_slope(x):
    return 2.0 * x


def spoiled_squares(x):
    total = 0.0
    for j in range(len(x)):
        total += x[j] * x[j]
        x[j] = 99.0
    return total


def spoiled_slope(x):
    for j in range(len(x)):
        x[j] = 2.0 * x[j]
    return x


@pytest.fixture(scope="module")
def jit():
    numba = pytest.importorskip("numba")
    known = {}

    def compiled(function):
        return known.setdefault(function, numba.njit(function))

    return compiled


@pytest.fixture(params=["plain", "jitted"])
def made(request):
    """Return the function as it is, or compiled."""
    return (lambda function: function) if request.param == "plain" else request.getfixturevalue("jit")


# The numbers.


def test_tutorial_d_to_the_last_digit(made):
    low = minimize(made(parabola), 0, grad=made(parabola_slope), learning_rate=0.1, steps=50)
    assert low.x == TUTORIAL_D
    assert type(low.x) is float
    assert type(low.fun) is float
    assert low.fun == parabola(TUTORIAL_D)
    assert low.path.shape == low.costs.shape == (51,)
    assert (low.path[0], low.costs[0], low.path[-1], low.costs[-1]) == (0.0, 25.0, low.x, low.fun)
    assert (low.steps, low.stop_reason) == (50, "epochs")


def test_tutorial_d_without_a_gradient(made):
    low = minimize(made(parabola), 0, learning_rate=0.1, steps=50)
    assert low.x == pytest.approx(TUTORIAL_D, abs=1e-9)


def test_every_point_of_a_quadratic_is_the_closed_form(made):
    rate, start = 0.2, np.array([4.0, 4.0, -3.0])
    low = minimize(made(bowl), start, grad=made(bowl_slope), learning_rate=rate, steps=40)
    shrink = np.eye(3) - rate * MATRIX
    closed = [LOWEST + np.linalg.matrix_power(shrink, k) @ (start - LOWEST) for k in range(41)]
    np.testing.assert_allclose(low.path, closed, rtol=0, atol=1e-13)
    np.testing.assert_allclose(low.costs, [bowl(x) for x in low.path], rtol=1e-14)
    assert low.x.shape == (3,)
    assert low.path.shape == (41, 3)


@pytest.mark.parametrize("with_gradient", [True, False])
def test_compiled_equals_plain_to_the_last_bit(jit, with_gradient):
    start = [4.0, 4.0, -3.0]
    plain, compiled = (
        minimize(make(bowl), start, grad=make(bowl_slope) if with_gradient else None, learning_rate=0.2, steps=200)
        for make in (lambda function: function, jit)
    )
    np.testing.assert_array_equal(plain.path, compiled.path)
    np.testing.assert_array_equal(plain.costs, compiled.costs)
    np.testing.assert_allclose(plain.x, LOWEST, atol=1e-8)


@pytest.mark.parametrize("start", [0.3, -7.0, 31.0])
def test_differences_are_near_the_derivative(start):
    rate = 2.0**-10
    low = minimize(math.sin, start, learning_rate=rate, steps=1)
    assert (start - low.x) / rate == pytest.approx(math.cos(start), abs=(6.1e-6 * max(1.0, abs(start))) ** 2 / 6 + 1e-9)


def test_differences_of_a_vector_take_each_coordinate():
    low = minimize(lambda x: x[0] ** 2 + 3.0 * x[1], [1.0, 2.0], learning_rate=1.0, steps=1)
    np.testing.assert_allclose(low.x, [-1.0, -1.0], atol=1e-9)


@given(
    start=st.floats(-1e3, 1e3),
    lowest=st.floats(-1e3, 1e3),
    rate=st.floats(1e-3, 0.99),
    steps=st.integers(1, 60),
)
def test_a_scalar_is_a_vector_of_one(start, lowest, rate, steps):
    def cost(t):
        return (t - lowest) * (t - lowest)

    def slope(t):
        return 2.0 * (t - lowest)

    scalar = minimize(cost, start, grad=slope, learning_rate=rate, steps=steps)
    vector = minimize(cost, [start], grad=slope, learning_rate=rate, steps=steps)
    np.testing.assert_array_equal(scalar.path, vector.path[:, 0])
    np.testing.assert_array_equal(scalar.costs, vector.costs)
    assert np.all(np.diff(scalar.costs) <= 1e-9)


@pytest.mark.parametrize(
    "start", [2, 2.0, True + 1, np.float32(2), np.int8(2), np.array(2), np.array(2.0, ">f8"), Fraction(2)]
)
def test_scalars_in_scalars_out(start):
    low = minimize(parabola, start, grad=parabola_slope, learning_rate=0.25, steps=2)
    assert type(low.x) is float
    np.testing.assert_array_equal(low.path, [2.0, 3.5, 4.25])


@pytest.mark.parametrize(
    "start",
    [
        [1, 2],
        (1.0, 2.0),
        np.array([1, 2]),
        np.array([1, 2], ">f4"),
        np.arange(1.0, 5.0)[:2],
        [Fraction(1), 2],
    ],
)
def test_vectors_in_vectors_out(start):
    low = minimize(squares, start, grad=squares_slope, learning_rate=0.25, steps=1)
    assert low.x.dtype == low.path.dtype == low.costs.dtype == np.float64
    np.testing.assert_array_equal(low.path, [[1.0, 2.0], [0.5, 1.0]])


def test_the_functions_get_a_python_float():
    seen = set()

    def cost(t):
        seen.add(type(t))
        return np.float64(t * t)

    minimize(cost, np.float64(1.0), grad=lambda t: np.array([[2 * t]]), learning_rate=0.1, steps=3)
    assert seen == {float}


@pytest.mark.parametrize("wrap", [float, np.float32, np.array, lambda v: np.array([[v]]), lambda v: [v], Fraction])
def test_one_number_of_any_type_is_a_cost(wrap):
    low = minimize(lambda x: wrap(0.25), [1.0], grad=lambda x: [0.0], learning_rate=0.1, steps=1)
    assert low.fun == 0.25


# The user's arrays.


def test_nothing_the_functions_do_to_x_reaches_the_path(made):
    start = np.array([1.0, -2.0])
    spoiled = minimize(made(spoiled_squares), start, grad=made(spoiled_slope), learning_rate=0.1, steps=9)
    clean = minimize(squares, start, grad=squares_slope, learning_rate=0.1, steps=9)
    np.testing.assert_array_equal(spoiled.path, clean.path)
    np.testing.assert_array_equal(spoiled.costs, clean.costs)
    np.testing.assert_array_equal(start, [1.0, -2.0])
    differences = minimize(made(spoiled_squares), start, learning_rate=0.1, steps=9)
    np.testing.assert_allclose(differences.path, clean.path, atol=1e-8)


def test_a_gradient_in_one_buffer_and_a_start_that_is_locked():
    start, buffer = np.array([1.0, -2.0]), np.empty(2)
    start.flags.writeable = False

    def slope(x):
        buffer[:] = 2.0 * x
        return buffer

    low = minimize(squares, start, grad=slope, learning_rate=0.25, steps=2)
    np.testing.assert_array_equal(low.path, [[1.0, -2.0], [0.5, -1.0], [0.25, -0.5]])
    low.x[0] = 7.0
    assert low.path[-1, 0] == 0.25


# Stopping.


def test_tol_stops_at_the_first_small_change_of_the_cost(made):
    low = minimize(made(parabola), 0.0, grad=made(parabola_slope), learning_rate=0.1, steps=999, tol=1e-3)
    changes = np.abs(np.diff(low.costs))
    assert low.stop_reason == "tol"
    assert changes[-1] <= 1e-3
    assert np.all(changes[:-1] > 1e-3)


def test_step_tol_stops_at_the_first_short_step(made):
    low = minimize(made(bowl), np.zeros(3), grad=made(bowl_slope), learning_rate=0.2, steps=999, step_tol=1e-3)
    lengths = np.linalg.norm(np.diff(low.path, axis=0), axis=1)
    assert low.stop_reason == "step"
    assert lengths[-1] <= 1e-3
    assert np.all(lengths[:-1] > 1e-3)


def test_gradient_tol_stops_where_the_gradient_is_small(made):
    low = minimize(made(bowl), np.zeros(3), grad=made(bowl_slope), learning_rate=0.2, steps=999, gradient_tol=1e-3)
    norms = np.linalg.norm([bowl_slope(x) for x in low.path], axis=1)
    assert low.stop_reason == "gradient"
    assert norms[-1] <= 1e-3
    assert np.all(norms[:-1] > 1e-3)


def test_gradient_tol_looks_at_the_start(made):
    low = minimize(made(parabola), 5, grad=made(parabola_slope), learning_rate=0.1, steps=9, gradient_tol=0)
    assert (low.stop_reason, low.steps, low.x, low.fun) == ("gradient", 0, 5.0, 0.0)
    assert low.path.shape == low.costs.shape == (1,)


@pytest.mark.parametrize("limit", ["tol", "step_tol"])
def test_a_tolerance_of_zero_stops_when_nothing_changes(made, limit):
    low = minimize(made(parabola), 0, grad=made(parabola_slope), learning_rate=0.5, steps=9, **{limit: 0})
    assert (low.stop_reason, low.steps, low.x) == (limit.removesuffix("_tol"), 2, 5.0)


def test_several_reasons_count_in_the_documented_order():
    def ends(**limits):
        return minimize(parabola, 0, grad=parabola_slope, learning_rate=0.1, steps=1, **limits).stop_reason

    assert ends(tol=99, step_tol=99, gradient_tol=99) == "gradient"
    assert ends(tol=99, step_tol=99) == "tol"
    assert ends(step_tol=99) == "step"
    assert ends(gradient_tol=9) == "epochs"


@pytest.mark.parametrize("start", [1.0, [1.0, -2.0]])
@pytest.mark.parametrize("with_gradient", [True, False])
def test_divergence_returns_the_last_finite_state(jit, start, with_gradient):
    if isinstance(start, float):
        fun, grad = parabola, parabola_slope
    else:
        fun, grad = squares, squares_slope
    lows = []
    for make in (lambda function: function, jit):
        slope = make(grad) if with_gradient else None
        with pytest.warns(DivergenceWarning, match=r"step \d+ with learning_rate=5\.0.*such as 0\.5"):
            lows.append(minimize(make(fun), start, grad=slope, learning_rate=5.0, steps=10**6))
    plain, compiled = lows
    assert plain.stop_reason is StopReason.DIVERGED
    assert np.isfinite(plain.path).all()
    assert np.isfinite(plain.costs).all()
    assert len(plain.path) == len(plain.costs) == plain.steps + 1 > 50
    np.testing.assert_array_equal(plain.path, compiled.path)
    np.testing.assert_array_equal(plain.costs, compiled.costs)


@pytest.mark.parametrize("start", [0.0, [0.0, 9.0]])
def test_a_cost_that_grows_and_stays_finite_is_warned_of(start):
    """x - 5 is multiplied by -1.1 at each step, the cost by 1.21: after 1,500 steps it is 1.21^1500 times the first."""

    def fun(theta):
        return np.sum((theta - 5.0) ** 2)

    message = (
        r"^the cost is growing at learning_rate=1\.05: it was .*, and is .*e\+125 after 1500 steps; try .* 0\.105$"
    )
    with pytest.warns(DivergenceWarning, match=message):
        low = minimize(fun, start, grad=lambda theta: 2.0 * (theta - 5.0), learning_rate=1.05, steps=1500)
    assert low.stop_reason == "epochs"
    assert low.fun == pytest.approx(low.costs[0] * 1.21**1500, rel=1e-9)
    assert low.advice.startswith("The cost is growing, from ")
    assert low.advice.endswith(": lower learning_rate.")


@pytest.mark.parametrize("first", [1.0, -1.0])
@pytest.mark.parametrize(("last", "warned"), [(1000.0, False), (1001.0, True)])
def test_a_cost_is_growing_above_a_thousand_times_that_at_the_start(first, last, warned):
    """One step; of a negative cost its size counts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimize(lambda x: first if x == 1.0 else last, 1.0, grad=lambda x: -1.0, learning_rate=1.0, steps=1)
    assert bool(caught) == warned


def test_rounding_at_the_optimum_and_a_start_of_cost_zero_are_no_growth():
    """Warnings are errors here."""
    close = 5.0 * (1 + 2e-16)
    low = minimize(lambda x: (x - 5.0) ** 2, close, grad=lambda x: 3e-14, learning_rate=1.0, steps=1)
    assert low.costs[1] > 1000 * low.costs[0]
    low = minimize(lambda x: x * x - 1.0, 1.0, grad=lambda x: 2.0 * x - 4.0, learning_rate=0.25, steps=9)
    assert low.costs[0] == 0 < low.fun
    assert low.advice == StopReason.EPOCHS.advice


def test_an_overflow_error_of_the_functions_is_divergence():
    with pytest.warns(DivergenceWarning, match="fun"):
        low = minimize(lambda t: math.exp(t), 1.0, grad=lambda t: -1.0, learning_rate=400.0, steps=9)
    assert (low.steps, low.x) == (1, 401.0)
    with pytest.warns(DivergenceWarning, match="gradient"):
        low = minimize(lambda t: 0.0, 1.0, grad=lambda t: math.exp(1e3 * t), learning_rate=1.0, steps=9)
    assert (low.steps, low.stop_reason) == (0, "diverged")
    with pytest.warns(DivergenceWarning, match="gradient"):
        minimize(lambda x: 0.0, [1.0, 2.0], grad=lambda x: [math.exp(1e3), 0.0], learning_rate=1.0, steps=9)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named(bad):
    with pytest.warns(DivergenceWarning, match="gradient is not finite"):
        assert minimize(squares, [1.0, 2.0], grad=lambda x: [0.0, bad], learning_rate=0.1, steps=9).steps == 0
    with pytest.warns(DivergenceWarning, match=r"fun\(x\) is not finite"):
        low = minimize(lambda t: t if t > 0.55 else bad, 1.0, grad=lambda t: 1.0, learning_rate=0.1, steps=9)
    assert low.steps == 4
    with pytest.warns(DivergenceWarning, match=": x is not finite"):
        minimize(lambda t: 0.0, -1e308, grad=lambda t: 1e308, learning_rate=1.0, steps=9)


def test_the_warning_points_at_the_call():
    with pytest.warns(DivergenceWarning) as caught:
        minimize(parabola, 1.0, grad=parabola_slope, learning_rate=1e300, steps=9)
    assert caught[0].filename == __file__


def test_a_divergence_error_carries_the_run():
    error = DivergenceError("diverged", run=1)
    assert isinstance(error, ArithmeticError)
    assert (str(error), error.run, DivergenceError("alone").run) == ("diverged", 1, None)
    assert issubclass(DivergenceWarning, RuntimeWarning)


# Long descents.


@pytest.mark.parametrize("start", [0.0, [0.0, 9.0]])
def test_a_count_never_reached_costs_no_memory(start):
    low = minimize(
        lambda x: np.sum((x - 5.0) ** 2),
        start,
        grad=lambda x: 2.0 * (x - 5.0),
        learning_rate=0.1,
        steps=10**12,
        step_tol=1e-6,
    )
    assert low.stop_reason == "step"
    assert 50 < low.steps < 100
    assert low.path.base is None


def test_the_path_grows_without_a_seam(jit):
    steps = 2 * FIRST_NUMBERS + 12345
    low = minimize(jit(parabola), 0, grad=jit(parabola_slope), learning_rate=1e-6, steps=steps)
    np.testing.assert_allclose(low.path, 5.0 - 5.0 * (1.0 - 2e-6) ** np.arange(steps + 1), atol=1e-9)
    np.testing.assert_array_equal(low.path[1:], low.path[:-1] - 1e-6 * parabola_slope(low.path[:-1]))


def test_a_second_call_does_not_compile_again(jit):
    fun, grad = jit(parabola), jit(parabola_slope)
    minimize(fun, 0, grad=grad, learning_rate=0.1, steps=5)
    compiled = compiled_stepper.cache_info().misses
    minimize(fun, 1.5, grad=grad, learning_rate=0.2, steps=7, tol=0.1)
    assert compiled_stepper.cache_info().misses == compiled
    assert len(compiled_stepper(fun, grad, SCALAR).signatures) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer signal")
def test_ctrl_c_stops_between_compiled_chunks(jit):
    def slow(t):
        total = 0.0
        for i in range(100_000):
            total += (t - i) ** 2 * 1e-9
        return total

    def interrupt(number, frame):
        raise KeyboardInterrupt

    fun = jit(slow)
    minimize(fun, 0.0, learning_rate=1e-9, steps=1)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            minimize(fun, 0.0, learning_rate=1e-9, steps=10**6)  # which would take minutes
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


# Compiled functions that do not fit.


def test_one_compiled_function_and_one_not(jit):
    for fun, grad in ((jit(parabola), parabola_slope), (parabola, jit(parabola_slope))):
        assert minimize(fun, 0, grad=grad, learning_rate=0.1, steps=50).x == TUTORIAL_D


def test_without_numba_imported_nothing_asks_for_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    assert minimize(parabola, 0, grad=parabola_slope, learning_rate=0.1, steps=50).x == TUTORIAL_D
    assert "numba" not in sys.modules


def test_a_cost_of_shape_one_falls_back_with_a_warning(jit):
    with pytest.warns(UserWarning, match="let fun return a float"):
        low = minimize(jit(parabola), [0.0], grad=jit(parabola_slope), learning_rate=0.1, steps=50)
    assert low.x.tolist() == [TUTORIAL_D]


def test_a_function_numba_cannot_compile_for_x(jit):
    with pytest.raises(TypeError, match="py_func"):
        minimize(jit(squares), 1.0, learning_rate=0.1, steps=5)
    with pytest.raises(TypeError, match="py_func"):
        minimize(jit(parabola), 1.0, grad=jit(spoiled_slope), learning_rate=0.1, steps=5)


def short(x):
    return x[1:] * 2.0


def column(x):
    return x.reshape(-1, 1) * 2.0


def lone(x):
    return 1.0


@pytest.mark.parametrize("grad", [short, column, lone])
def test_a_gradient_of_another_shape_is_an_error(made, grad):
    with pytest.raises(ValueError, match="grad must return the shape of x"):
        minimize(made(squares), [1.0, 2.0], grad=made(grad), learning_rate=0.1, steps=5)


# Errors.


@pytest.mark.parametrize("result", [None, "1", 1j, [1.0, 2.0], [], [[1.0], [2.0, 3.0]], np.array("a")])
def test_a_result_that_is_not_one_number(result):
    for start in (1.0, [1.0]):
        with pytest.raises((TypeError, ValueError), match="fun"):
            minimize(lambda x: result, start, grad=lambda x: 0.0 * x, learning_rate=0.1, steps=5)
        with pytest.raises((TypeError, ValueError), match="grad"):
            minimize(lambda x: 1.0, start, grad=lambda x: result, learning_rate=0.1, steps=5)


def test_exceptions_of_the_functions_pass_through():
    def log(t):
        return math.log(t)

    with pytest.raises(ValueError, match=r"domain|positive"):
        minimize(log, 1.0, grad=lambda t: 1.0, learning_rate=2.0, steps=5)
    with pytest.raises(ZeroDivisionError):
        minimize(lambda t: 1 / t, 1.0, grad=lambda t: 1.0, learning_rate=1.0, steps=5)


GOOD = {"fun": parabola, "x0": 0.0, "grad": parabola_slope, "learning_rate": 0.1, "steps": 5}
TOO_BIG = 10**400

BAD = [
    *(("fun", value) for value in (None, 3.0, "parabola")),
    *(("grad", value) for value in (3.0, "slope", [1.0])),
    *(("x0", value) for value in ([], [[1.0, 2.0]], np.zeros((2, 2, 2)), np.zeros((3, 1)), np.empty((0, 3)))),
    *(("x0", value) for value in (math.nan, math.inf, [1.0, -math.inf], "1", ["1", "2"], 1j, [1j], None, [None])),
    *(("x0", value) for value in ([[1.0], [1.0, 2.0]], np.datetime64("2020-01-01"), TOO_BIG, [TOO_BIG], {1.0})),
    *(("learning_rate", value) for value in (0, 0.0, -0.1, math.nan, math.inf, True, "0.1", None, [0.1], 1j, TOO_BIG)),
    *(("steps", value) for value in (0, -1, 5.0, 5.5, True, "5", None, math.nan, [5])),
    *((f"{name}tol", value) for name in ("", "step_", "gradient_") for value in (-1e-9, math.nan, math.inf)),
    *((f"{name}tol", value) for name in ("", "step_", "gradient_") for value in (True, "0", [0.0], 1j)),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_argument_is_named(name, value):
    arguments = GOOD | {name: value}
    with pytest.raises((TypeError, ValueError), match=name):
        minimize(arguments.pop("fun"), arguments.pop("x0"), **arguments)


def test_errors_say_what_to_try():
    with pytest.raises(ValueError, match="ravel"):
        minimize(squares, np.ones((2, 1)), learning_rate=0.1, steps=5)
    with pytest.raises(TypeError, match=r"write 50$"):
        minimize(parabola, 0, learning_rate=0.1, steps=50.0)
    with pytest.raises(ValueError, match="ravel"):
        minimize(squares, [1.0, 2.0], grad=column, learning_rate=0.1, steps=5)


@pytest.mark.parametrize("cost", [math.nan, math.inf, -math.inf])
def test_a_start_without_a_cost(cost):
    with pytest.raises(ValueError, match=r"fun\(x0\)"):
        minimize(lambda t: cost, 1.0, learning_rate=0.1, steps=5)


def test_a_start_where_the_cost_overflows():
    with pytest.raises(ValueError, match=r"fun\(x0\)"):
        minimize(lambda t: t**2, 1e200, learning_rate=0.1, steps=5)


def test_settings_of_numpy_types():
    low = minimize(
        parabola, 0, grad=parabola_slope, learning_rate=np.float64(0.1), steps=np.int64(50), tol=np.float32(0)
    )
    assert low.x == TUTORIAL_D


# The result.


def test_the_result_is_frozen_and_readable():
    low = minimize(parabola, 0, grad=parabola_slope, learning_rate=0.5, steps=1)
    assert repr(low) == "Minimum(x=5.0, fun=0.0, steps=1, stop_reason='epochs')"
    assert low.advice == StopReason.EPOCHS.advice
    with pytest.raises(dataclasses.FrozenInstanceError):
        low.x = 3.0
    long = minimize(lambda x: float(x @ x), np.ones(1000), grad=lambda x: 2 * x, learning_rate=0.5, steps=1)
    assert isinstance(long, Minimum)
    assert len(repr(long)) < 120
    assert "\n" not in repr(long)
