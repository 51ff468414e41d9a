import sys
from types import SimpleNamespace

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402

from gdfast import plots  # noqa: E402

# Some BLAS raise this flag from lanes that they do not use, in matplotlib's 3-D projection.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in dot:RuntimeWarning")

PARK = np.column_stack(
    [
        [15.0, 18, 20, 21, 23, 25, 27, 28, 29, 30, 32, 34, 35, 36],
        [23.0, 74, 65, 82, 135, 321, 440, 400, 290, 620, 630, 610, 560, 568],
    ]
)
RANGES = {"w": (-10.0, 60.0), "b": (-1200.0, 500.0)}
DRAWINGS = {
    "cost_curve": lambda **more: plots.cost_curve([4.0, 2.0, 1.0], **more),
    "predictions": lambda **more: plots.predictions([1.0, 2.0], [1.5, 2.5], **more),
    "fitted_line": lambda **more: plots.fitted_line(PARK[:, 0], PARK[:, 1], 30.7, -471.0, **more),
    "loss_curve": lambda **more: plots.loss_curve(np.square, low=-1.0, high=2.0, **more),
    "descent_steps": lambda **more: plots.descent_steps(np.square, [4.0, 2.0, 1.0], **more),
    "loss_contour": lambda **more: plots.loss_contour(park_loss, **RANGES, **more),
    "loss_surface": lambda **more: plots.loss_surface(park_loss, **RANGES, **more),
}


def park_loss(w, b):
    return np.mean((w * PARK[:, 0] + b - PARK[:, 1]) ** 2)


def labelled(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def new_axes(name):
    return plt.figure().add_subplot(projection="3d" if name == "loss_surface" else None)


@pytest.fixture(autouse=True)
def close_figures():
    plt.close("all")  # an example of a docstring may have left one
    yield
    try:
        for number in plt.get_fignums():  # what cannot be rendered fails here
            plt.figure(number).canvas.draw()
    finally:
        plt.close("all")


def test_every_public_function_is_drawn_here():
    assert sorted(DRAWINGS) == sorted(plots.__all__)


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_on_the_axes_given(name):
    ax = new_axes(name)
    assert DRAWINGS[name](ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", DRAWINGS)
def test_makes_axes_with_labels(name):
    ax = DRAWINGS[name]()
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.parametrize("name", sorted(set(DRAWINGS) - {"loss_contour", "loss_surface"}))
def test_passes_keywords_to_the_line(name):
    ax = DRAWINGS[name](color="magenta")
    assert [line.get_color() for line in ax.get_lines()].count("magenta") == 1


def test_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "gdfast\[plot\]"'):
        plots.cost_curve([1.0])


class TestCostCurve:
    def test_draws_the_costs(self):
        (line,) = plots.cost_curve([4.0, 2.0, 1.0]).get_lines()
        assert np.array_equal(line.get_xydata(), [[0, 4], [1, 2], [2, 1]])

    def test_takes_a_run(self):
        run = SimpleNamespace(costs=np.array([4.0, 2.0, 1.0]), cost_epochs=np.array([0, 10, 20]))
        (line,) = plots.cost_curve(run).get_lines()
        assert np.array_equal(line.get_xydata(), [[0, 4], [10, 2], [20, 1]])

    def test_takes_epochs_and_costs_without_epochs(self):
        (line,) = plots.cost_curve(SimpleNamespace(costs=[[3.0], [1.0]]), epochs=[5, 7]).get_lines()
        assert np.array_equal(line.get_xydata(), [[5, 3], [7, 1]])

    def test_leaves_out_what_is_not_finite(self):
        (line,) = plots.cost_curve([1.0, np.nan, 3.0, 1.7e308, np.inf]).get_lines()
        assert np.array_equal(line.get_xydata(), [[0, 1], [2, 3]])

    def test_thinning_keeps_ends_extremes_and_the_first_fall(self):
        rng = np.random.default_rng(0)
        costs = 1.0 + np.exp(-np.arange(200_000.0) / 3.0) + 1e-3 * rng.random(200_000)
        costs[123_456], costs[54_321] = 9.0, 0.5
        (line,) = plots.cost_curve(costs).get_lines()
        epochs, drawn = line.get_xdata().astype(int), line.get_ydata()
        assert len(drawn) <= plots.DRAWN_POINTS
        assert np.array_equal(drawn, costs[epochs])
        assert (np.diff(epochs) > 0).all()
        assert {*range(10), 54_321, 123_456, 199_999} <= set(epochs)

    @pytest.mark.parametrize("n", [plots.DRAWN_POINTS, plots.DRAWN_POINTS + 1, 10 * plots.DRAWN_POINTS])
    def test_thinning_leaves_no_gap(self, n):
        (line,) = plots.cost_curve(np.ones(n)).get_lines()
        assert line.get_xdata()[[0, -1]].tolist() == [0, n - 1]
        assert np.diff(line.get_xdata()).max() <= n / 500

    @pytest.mark.parametrize(
        ("log", "scales"),
        [
            (True, ("symlog", "log")),
            (False, ("linear",) * 2),
            ("x", ("symlog", "linear")),
            ("y", ("linear", "log")),
        ],
    )
    def test_log_axes(self, log, scales):
        ax = plots.cost_curve([4.0, 2.0, 1.0], log=log)
        assert (ax.get_xscale(), ax.get_yscale()) == scales

    @pytest.mark.parametrize(
        ("costs", "scales"),
        [
            (np.linspace(2.0, 1.0, 1000), ("linear", "linear")),
            (np.linspace(1.0, 2.0, 1000), ("linear", "linear")),
            (np.geomspace(1.0, 1e-3, 1000), ("linear", "log")),
            (np.geomspace(1.0, 1.7e308, 1000), ("linear", "log")),
            (np.append(np.geomspace(1.0, 1e-3, 1000), 0.0), ("linear", "log")),
            (-np.geomspace(1.0, 1e3, 1000), ("linear", "linear")),
            (1.0 + np.exp(-np.arange(1000.0)), ("symlog", "linear")),
            (1.0 + 1e5 * np.exp(-np.arange(5000.0)), ("symlog", "log")),
            (np.zeros(3), ("linear", "linear")),
            (np.ones(1), ("linear", "linear")),
        ],
    )
    def test_auto_log(self, costs, scales):
        ax = plots.cost_curve(costs)
        assert (ax.get_xscale(), ax.get_yscale()) == scales

    def test_a_second_curve_keeps_the_axes(self):
        ax = plots.cost_curve(np.geomspace(1.0, 1e-3, 10), label="one")
        plots.cost_curve([1.0, 0.5], ax=ax, label="two")
        assert ax.get_yscale() == "log"
        assert [line.get_label() for line in ax.get_lines()] == ["one", "two"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"costs": []}, "costs has shape"),
            ({"costs": [[1.0, 2.0]]}, "costs has shape"),
            ({"costs": [np.nan, np.inf]}, "costs has no finite value"),
            ({"costs": [2.0, 1.0], "epochs": [0]}, "epochs has 1 and costs has 2"),
            ({"costs": [2.0, 1.0], "epochs": [0, np.nan]}, r"epochs is nan at \[1\]"),
            ({"costs": [2.0, 1.0], "log": "z"}, "log = 'z'"),
        ],
    )
    def test_errors(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            plots.cost_curve(**arguments)
        assert not plt.get_fignums()


class TestPredictions:
    @pytest.mark.parametrize("shape", [(3,), (3, 1)])
    def test_draws_both_over_the_index(self, shape):
        targets, values = np.array([5.0, 7.0, 6.0]), np.array([5.5, 6.5, 6.0])
        ax = plots.predictions(targets.reshape(shape), values.reshape(shape))
        lines = labelled(ax)
        assert np.array_equal(lines["Targets"].get_xydata(), np.column_stack([range(3), targets]))
        assert np.array_equal(lines["Predictions"].get_xydata(), np.column_stack([range(3), values]))
        assert (lines["Targets"].get_marker(), lines["Predictions"].get_marker()) == ("o", "x")
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("Indexes", "Values")

    @pytest.mark.parametrize(
        ("targets", "values", "message"),
        [
            ([1.0, 2.0], [1.0], "targets has 2 and predictions has 1"),
            ([], [], "targets has shape"),
            ([1.0], [np.inf], "predictions is inf"),
            ([1.0], [[1.0, 2.0]], "predictions has shape"),
            (1.0, 1.0, "targets has shape"),
        ],
    )
    def test_errors(self, targets, values, message):
        with pytest.raises(ValueError, match=message):
            plots.predictions(targets, values)


class TestFittedLine:
    def test_draws_the_data_and_the_line(self):
        x, y = PARK.T
        ax = plots.fitted_line(x[:, None], y[:, None], [[30.0]], [-470.0])
        data, line = ax.get_lines()
        assert np.array_equal(data.get_xydata(), PARK)
        assert np.array_equal(line.get_xydata(), [[15, 30 * 15 - 470], [36, 30 * 36 - 470]])

    @pytest.mark.parametrize("slope", [30.72223104, -0.00123456, 0.0])
    @pytest.mark.parametrize("offset", [471.01174707, -471.01174707, 0.0])
    def test_the_equation_means_the_line(self, slope, offset):
        equation = legend(plots.fitted_line([1.0, 2.0], [3.0, 4.0], slope, offset))[1]
        y, equals, a, x, sign, b = equation.split()
        assert (y, equals, x) == ("y", "=", "x")
        assert sign in "+-"
        assert float(a) == pytest.approx(slope, rel=1e-4)
        assert float(sign + b) == pytest.approx(offset, rel=1e-4)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"X": [[1.0, 2.0], [3.0, 4.0]]}, r"X has shape \(2, 2\)"),
            ({"X": [1.0, 2.0, 3.0]}, "X has 3 and y has 2"),
            ({"X": [1.0, np.nan]}, r"X is nan at \[1\]"),
            ({"y": [np.inf, 1.0]}, r"y is inf at \[0\]"),
            ({"coef": [1.0, 2.0]}, "coef has shape"),
            ({"intercept": np.nan}, "intercept is nan"),
        ],
    )
    def test_errors(self, changed, message):
        with pytest.raises(ValueError, match=message):
            plots.fitted_line(**{"X": [1.0, 2.0], "y": [3.0, 4.0], "coef": 1.0, "intercept": 0.0} | changed)


class TestLossCurve:
    def minimum(self, ax):
        (mark,) = (line for line in ax.get_lines() if line.get_marker() == "*")
        return mark.get_xydata()[0]

    def test_marks_the_minimum_of_the_park_data(self):
        x, y = PARK.T
        ax = plots.loss_curve(lambda w: park_loss(w, 0.0), low=-10.0, high=50.0)
        best = x @ y / (x @ x)
        assert self.minimum(ax) == pytest.approx([best, park_loss(best, 0.0)], rel=1e-9)
        assert f"{best:.6g}" in ax.texts[0].get_text()

    @pytest.mark.parametrize(
        "loss",
        [
            lambda w: abs(w - np.sqrt(2.0)),
            lambda w: np.cosh(w - np.sqrt(2.0)),
            lambda w: (w - np.sqrt(2.0)) ** 4 + w - w,
            lambda w: float(w - np.sqrt(2.0)) ** 2,
            lambda w: ((w[:, None] - np.sqrt(2.0)) ** 2).sum(axis=1),
        ],
    )
    def test_marks_minima_of_other_kinds(self, loss):
        assert self.minimum(plots.loss_curve(loss, low=-3.0, high=4.0))[0] == pytest.approx(np.sqrt(2.0), abs=1e-3)

    @pytest.mark.parametrize(("sign", "edge"), [(1.0, 2.0), (-1.0, 5.0)])
    def test_does_not_call_an_edge_a_minimum(self, sign, edge):
        ax = plots.loss_curve(lambda w: sign * w, low=2.0, high=5.0)
        assert self.minimum(ax).tolist() == [edge, sign * edge]
        assert "minimum" not in ax.texts[0].get_text()

    def test_the_curve_is_the_loss_and_gaps_are_where_it_is_not_finite(self):
        line = plots.loss_curve(lambda w: np.where(w > 0.0, w * w, np.inf), low=-1.0, high=3.0).get_lines()[0]
        w, loss = line.get_data()
        assert w[[0, -1]].tolist() == [-1.0, 3.0]
        assert np.array_equal(loss, np.where(w > 0.0, w * w, np.nan), equal_nan=True)

    def test_draws_a_path(self):
        steps = labelled(plots.loss_curve(np.square, low=-1.0, high=3.0, path=[2.0, 1.0, 0.5]))["Steps"]
        assert np.array_equal(steps.get_xydata(), [[2, 4], [1, 1], [0.5, 0.25]])

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"low": 2.0}, r"\(low, high\) is \(2.0, 1.0\)"),
            ({"low": 1.0}, r"\(low, high\) is \(1.0, 1.0\)"),
            ({"high": np.inf}, r"\(low, high\) is \(0.0, inf\)"),
            ({"path": [[1.0, 2.0]]}, "path has shape"),
            ({"loss": lambda w: w * np.nan}, "nowhere finite"),
        ],
    )
    def test_errors(self, changed, message):
        with pytest.raises(ValueError, match=message):
            plots.loss_curve(**{"loss": np.square, "low": 0.0, "high": 1.0} | changed)

    def test_an_error_in_the_loss_passes_through(self):
        with pytest.raises(ZeroDivisionError):
            plots.loss_curve(lambda w: 1 / 0, low=0.0, high=1.0)


class TestDescentSteps:
    @staticmethod
    def path(rate, steps):
        return 5.0 - 5.0 * (1.0 - 2.0 * rate) ** np.arange(steps + 1.0)

    @pytest.mark.parametrize("rate", [0.1, 0.9, 1.05])
    def test_draws_the_points_and_tangents(self, rate):
        path = self.path(rate, 50)
        lines = labelled(plots.descent_steps(lambda theta: (theta - 5.0) ** 2, path))
        assert np.array_equal(lines["Steps"].get_xydata(), np.column_stack([path, (path - 5.0) ** 2]))
        tangents = lines["Tangents"].get_xydata().reshape(-1, 3, 2)
        assert 2 <= len(tangents) <= 6
        for left, right, gap in tangents:
            theta = (left[0] + right[0]) / 2.0
            assert np.abs(path - theta).min() == pytest.approx(0.0, abs=1e-9)
            assert (left[1] + right[1]) / 2.0 == pytest.approx((theta - 5.0) ** 2, abs=1e-9)
            slope = (right[1] - left[1]) / (right[0] - left[0])
            assert slope == pytest.approx(2.0 * (theta - 5.0), rel=1e-7, abs=1e-7)
            assert np.isnan(gap).all()

    def test_takes_the_gradient_given(self):
        ax = plots.descent_steps(np.square, [4.0, 1.0], grad=lambda theta: -7.0)
        left, right, _ = labelled(ax)["Tangents"].get_xydata()[:3]
        assert (right[1] - left[1]) / (right[0] - left[0]) == pytest.approx(-7.0)

    def test_the_curve_reaches_beyond_the_path(self):
        curve = plots.descent_steps(np.square, [4.0, 2.0, 1.0]).get_lines()[0]
        assert curve.get_xdata().min() < 1.0
        assert curve.get_xdata().max() > 4.0
        assert np.array_equal(curve.get_ydata(), curve.get_xdata() ** 2)

    def test_thins_a_long_path(self):
        path = self.path(1e-5, 100_000)
        steps = labelled(plots.descent_steps(lambda theta: (theta - 5.0) ** 2, path))["Steps"].get_xdata()
        assert len(steps) <= plots.DRAWN_POINTS
        assert (steps[0], steps[-1]) == (path[0], path[-1])

    @pytest.mark.parametrize("path", [[2.0], [2.0, 2.0, 2.0]])
    def test_a_path_that_stands_still(self, path):
        assert labelled(plots.descent_steps(np.square, path))["Steps"].get_ydata().tolist() == [4.0] * len(path)

    def test_a_flat_function(self):
        assert np.nanmax(labelled(plots.descent_steps(lambda theta: 3.0, [1.0, 2.0]))["Tangents"].get_ydata()) == 3.0

    @pytest.mark.parametrize("path", [[], [[1.0, 2.0]], [1.0, np.nan]])
    def test_errors(self, path):
        with pytest.raises(ValueError, match="path"):
            plots.descent_steps(np.square, path)


@pytest.mark.parametrize("draw", [plots.loss_contour, plots.loss_surface])
class TestLossOverTwoParameters:
    @staticmethod
    def place(ax, label):
        line = labelled(ax)[label]
        return np.column_stack(line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data())

    def test_marks_the_minimum_of_the_park_data(self, draw):
        """A narrow valley, whose lowest grid point is far from the minimum."""
        x, y = PARK.T
        best = np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y, rcond=None)[0]
        minimum = self.place(draw(park_loss, **RANGES), "Minimum")[0]
        assert minimum[:2] == pytest.approx(best, rel=1e-6)
        assert minimum[2:] == pytest.approx(park_loss(*best), rel=1e-9)

    def test_marks_the_minimum_given(self, draw):
        ax = draw(park_loss, **RANGES, minimum=(30.0, -400.0))
        assert self.place(ax, "Minimum")[0, :2].tolist() == [30.0, -400.0]

    def test_draws_the_path_on_the_loss(self, draw):
        path = np.array([[0.0, 0.0], [21.0, 0.7], [10.0, -1.0], [30.0, -450.0]])
        ax = draw(park_loss, **RANGES, path=path)
        drawn = self.place(ax, "Descent")
        assert {tuple(point) for point in path} <= {tuple(point[:2]) for point in drawn}
        for w, b, *loss in drawn:
            assert loss in ([], pytest.approx([park_loss(w, b)]))
        assert self.place(ax, "Start")[0, :2].tolist() == path[0].tolist()
        assert self.place(ax, "End")[0, :2].tolist() == path[-1].tolist()

    def test_thins_a_long_path(self, draw):
        angle = np.linspace(0.0, 200.0, 50_000)
        path = np.column_stack([np.cos(angle), np.sin(angle)]) * np.exp(-angle / 50.0)[:, None]
        drawn = self.place(draw(lambda w, b: w * w + b * b, w=(-2.0, 2.0), b=(-2.0, 2.0), path=path), "Descent")
        assert len(drawn) <= 2 * plots.DRAWN_POINTS + plots.CURVE_POINTS
        for column in (0, 1):
            assert drawn[:, column].min() == path[:, column].min()
            assert drawn[:, column].max() == path[:, column].max()

    def test_leaves_out_what_is_outside_the_ranges(self, draw):
        path = np.array([[0.5, 0.5], [40.0, 0.5], [1e200, -1e200]])
        ax = draw(lambda w, b: w * w + b * b, w=(-1.0, 1.0), b=(-1.0, 1.0), path=path)
        drawn = self.place(ax, "Descent")
        inside = np.isfinite(drawn[:, 0])
        assert drawn[0, :2].tolist() == [0.5, 0.5]
        assert (np.abs(drawn[inside, :2]) <= 1.0).all()
        assert ax.get_xlim() == (-1.0, 1.0)

    def test_takes_grids(self, draw):
        seen = []

        def loss(w, b):
            seen.append((float(w), float(b)))
            return (w - 1.0) ** 2 + (b - 2.0) ** 2

        ax = draw(loss, w=[0.0, 0.5, 1.5], b=[1.0, 3.0, 4.0, 5.0])
        assert seen[:12] == [(w, b) for w in (0.0, 0.5, 1.5) for b in (1.0, 3.0, 4.0, 5.0)]
        assert (ax.get_xlim(), ax.get_ylim()) == ((0.0, 1.5), (1.0, 5.0))

    def test_a_vectorised_loss_is_called_with_arrays(self, draw):
        calls = []

        def loss(w, b):
            calls.append(np.shape(w))
            return w * w + b * b

        draw(loss, w=(-1.0, 1.0), b=(-1.0, 1.0))
        assert len(calls) < 1000

    @pytest.mark.parametrize(
        "loss",
        [
            lambda w, b: 3.0,
            lambda w, b: 0.0,
            lambda w, b: -w - b,
            lambda w, b: 1e300 * (w * w + b * b),
            lambda w, b: 1e-300 * (w * w + b * b),
            lambda w, b: 1e9 + 1e-9 * w,
            lambda w, b: np.where(w + b > 0.0, w * w, np.nan),
            lambda w, b: np.exp(8.0 * w) + b * b,
        ],
    )
    def test_draws_any_scale(self, draw, loss):
        draw(loss, w=(-1.0, 2.0), b=(-2.0, 1.0))

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"w": (1.0, -1.0)}, r"w is \(1.0, -1.0\)"),
            ({"b": (1.0, 1.0)}, "b is"),
            ({"b": [0.0, 2.0, 1.0]}, "b is"),
            ({"w": 3.0}, "w is 3.0"),
            ({"path": [1.0, 2.0]}, r"path has shape \(2,\)"),
            ({"path": np.ones((2, 5))}, r"path has shape \(2, 5\)"),
            ({"path": np.ones((0, 2))}, r"path has shape \(0, 2\)"),
            ({"path": [[1.0, np.nan]]}, r"path is nan at \[0, 1\]"),
            ({"minimum": 3.0}, "minimum has shape"),
            ({"loss": lambda w, b: np.nan}, "nowhere finite"),
        ],
    )
    def test_errors(self, draw, changed, message):
        with pytest.raises(ValueError, match=message):
            draw(**{"loss": park_loss, "w": (-1.0, 1.0), "b": (-1.0, 1.0)} | changed)


def test_contour_colours_reach_over_all_losses():
    ax = plots.loss_contour(park_loss, **RANGES)
    (filled,) = ax.collections
    corners = [park_loss(w, b) for w in RANGES["w"] for b in RANGES["b"]]
    assert filled.levels[0] <= 7018 < filled.levels[1]  # the least squares of the park data
    assert filled.levels[-1] >= max(corners)
    assert (np.diff(filled.levels) > 0).all()


def test_levels_are_evenly_spaced_on_a_quadratic_without_decades():
    ax = plots.loss_contour(lambda w, b: 50.0 + w * w + b * b, w=(-5.0, 5.0), b=(-5.0, 5.0))
    radii = np.sqrt(np.maximum(ax.collections[0].levels - 50.0, 0.0))
    assert np.diff(radii) == pytest.approx(radii[-1] / (len(radii) - 1), rel=0.3)


def test_surface_is_the_loss(monkeypatch):
    ax, drawn = new_axes("loss_surface"), []
    monkeypatch.setattr(ax, "plot_surface", lambda *arrays, **_: drawn.extend(np.broadcast_arrays(*arrays)))
    plots.loss_surface(lambda w, b: w + 10.0 * b, w=[0.0, 1.0, 3.0], b=[0.0, 1.0, 2.0, 5.0], ax=ax)
    w, b, loss = drawn
    assert loss.shape == (3, 4)
    assert np.array_equal(loss, w + 10.0 * b)


def test_surface_on_flat_axes_says_how_to_make_others():
    with pytest.raises(ValueError, match=r"ax is Axes.*projection.*3d"):
        plots.loss_surface(park_loss, **RANGES, ax=new_axes("loss_contour"))
