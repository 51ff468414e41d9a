"""`gdfast demo`: the tutorials' work, their numbers beside the expected ones, and the pictures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdfast import compat, plots
from gdfast._minimize import minimize
from gdfast.backends import choose
from gdfast.cli.park_data import TEMPERATURES, VISITORS

__all__ = ["demo"]

EPOCHS_A, RATE_A = 200_000, 1e-4
EPOCHS_B, RATE_B = 100, 0.01
ITERATIONS_C, RATE_C = 20_000, 1e-3


class Number(NamedTuple):
    """A result, what it must be, and the largest relative difference that is right."""

    name: str
    value: float
    expected: float
    allowed: float


def demo(folder: Path, say: Callable[[str], None] = print) -> bool:
    """Run the tutorials, print their numbers and write the figures to folder; return whether all numbers are right."""
    folder.mkdir(parents=True, exist_ok=True)
    say(f"gdfast on backend {choose()}")
    right = [show(say, *part(folder)) for part in (tutorial_a, tutorial_b, tutorial_c, tutorial_d)]
    say(f"\nFigures in {folder}: " + ", ".join(sorted(path.name for path in folder.glob("*.png"))))
    return all(right)


def show(say: Callable[[str], None], title: str, seconds: float, numbers: list[Number]) -> bool:
    """Print the numbers of one tutorial; return whether they are right."""
    say(f"\n{title}: {seconds * 1e3:.3g} ms")
    say(f"  {'':<26}{'gdfast':>22}{'expected':>22}")
    all_right = True
    for number in numbers:
        right = abs(number.value - number.expected) <= number.allowed * abs(number.expected)
        all_right &= right
        say(f"  {number.name:<26}{float(number.value)!r:>22}{number.expected!r:>22}  {'ok' if right else 'WRONG'}")
    return all_right


def tutorial_a(folder: Path) -> tuple[str, float, list[Number]]:
    """Linear regression on y = 0.5 x + 2, every cost recorded."""
    inputs, targets, test_inputs, test_targets = compat.generate_data(300, 50, 0.5, 2.0)
    started = time.perf_counter()
    weights, bias, costs = compat.linear_regression(inputs, targets, EPOCHS_A, RATE_A)
    seconds = time.perf_counter() - started
    picture(folder / "a-costs.png", lambda ax: plots.cost_curve(costs, ax=ax))
    picture(folder / "a-test.png", lambda ax: compat.plot_test(test_inputs, test_targets, weights, bias, ax=ax))
    numbers = [
        Number("weight", weights[0, 0], 0.5008287639956263, 1e-12),
        Number("bias", bias, 1.8339723159878247, 1e-12),
        Number("first cost", costs[0], 62.62005136801896, 1e-9),
        Number("last cost", costs[-1], 0.05855369063451121, 1e-9),
        Number("RMSE at the end", compat.rmse(inputs, targets, weights, bias), 0.05855296238504223, 1e-9),
    ]
    return f"A. linear_regression, {EPOCHS_A:,} epochs on 300 rows", seconds, numbers


def tutorial_b(folder: Path) -> tuple[str, float, list[Number]]:
    """Linear regression on five features, from coefficients of zero."""
    X = 10.0 * np.random.RandomState(10).rand(100, 5)
    y = 0.9 + X @ np.array([2.2, 4.0, -4.0, 1.0, 2.0])
    started = time.perf_counter()
    W, costs = compat.gradient_descent(X, y, RATE_B, EPOCHS_B, init=np.zeros(6))
    seconds = time.perf_counter() - started
    picture(folder / "b-costs.png", lambda ax: plots.cost_curve(costs, ax=ax))
    expected = (
        0.2170791251285581,
        2.2276968334442753,
        4.017678993127563,
        -3.9752794395648428,
        1.0353006862658665,
        2.0250874012393316,
    )
    names = ("intercept", *(f"weight {number}" for number in range(1, 6)))
    numbers = [
        *(Number(name, value, right, 1e-11) for name, value, right in zip(names, W, expected, strict=True)),
        Number("first cost", costs[0], 593.7062756905913, 1e-12),
        Number("last cost", costs[-1], 0.01218108867509788, 1e-9),
    ]
    return f"B. gradient_descent, {EPOCHS_B} epochs on 100 rows of five features", seconds, numbers


def tutorial_c(folder: Path) -> tuple[str, float, list[Number]]:
    """A line through the park data, and the visitors that it predicts at 33 degrees."""
    x, y = np.array(TEMPERATURES, float), np.array(VISITORS, float)
    started = time.perf_counter()
    w, b, losses = compat.train(x, y, ITERATIONS_C, RATE_C, return_losses=True)  # type: ignore[misc]
    seconds = time.perf_counter() - started

    def loss(w: Any, b: Any) -> Any:
        return np.mean((x[:, None] * np.ravel(w) + np.ravel(b) - y[:, None]) ** 2, axis=0)

    steps = np.unique(np.geomspace(1, ITERATIONS_C, 40).astype(int))
    path = [(0.0, 0.0)] + [compat.train(x, y, int(k), RATE_C)[:2] for k in steps]
    picture(folder / "c-line.png", lambda ax: plots.fitted_line(x, y, w, b, ax=ax))
    picture(folder / "c-losses.png", lambda ax: plots.cost_curve(losses, ax=ax))
    picture(folder / "c-loss-w.png", lambda ax: plots.loss_curve(lambda w: loss(w, 0.0), low=-10, high=40, ax=ax))
    area: dict[str, Any] = {"w": (-10.0, 45.0), "b": (-700.0, 300.0), "path": np.array(path)}
    picture(folder / "c-contour.png", lambda ax: plots.loss_contour(loss, ax=ax, **area))
    picture(folder / "c-surface.png", lambda ax: plots.loss_surface(loss, ax=ax, **area), projection="3d")
    numbers = [
        Number("w", w, 30.72223104, 2e-10),
        Number("b", b, -471.01174707, 2e-11),
        Number("visitors at 33 degrees", compat.predict(33, w, b), 542.82, 1e-5),
    ]
    return f"C. train, {ITERATIONS_C:,} iterations on the park data", seconds, numbers


def tutorial_d(folder: Path) -> tuple[str, float, list[Number]]:
    """The parabola (theta - 5)^2."""

    def parabola(theta: Any) -> Any:
        return (theta - 5.0) * (theta - 5.0)

    started = time.perf_counter()
    low = minimize(parabola, 0.0, grad=lambda theta: 2.0 * (theta - 5.0), learning_rate=0.1, steps=50)
    seconds = time.perf_counter() - started
    picture(folder / "d-steps.png", lambda ax: plots.descent_steps(parabola, low.path, ax=ax))
    picture(folder / "d-costs.png", lambda ax: plots.cost_curve(low.costs, ax=ax))
    return (
        "D. minimize, 50 steps on (theta - 5)^2",
        seconds,
        [Number("theta", float(low.x), 4.999928637615365, 1e-15)],
    )


def picture(path: Path, draw: Callable[[Any], Any], projection: str | None = None) -> None:
    """Write one figure as PNG, without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot(projection=projection))
    figure.savefig(path, dpi=120)
