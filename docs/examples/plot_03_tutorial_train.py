"""
Visitors of a park: line, losses and loss surface
=================================================

The third tutorial predicts the visitors of a park from the temperature. ``gdfast.compat.train`` has the arguments and
results of its loop. The figures show the fitted line, the loss over the iterations, and the loss over slope and
intercept with the path of the descent. They also show that 20,000 iterations end before the least-squares line is
reached.
"""

# %%
# There are 14 days: the temperature in degrees Celsius, and the number of visitors.
import matplotlib.pyplot as plt
import numpy as np

import gdfast
from gdfast.compat import loss, predict, train

plt.style.use("tableau-colorblind10")
temperature = np.array([15, 18, 20, 21, 23, 25, 27, 28, 29, 30, 32, 34, 35, 36], dtype=float)
visitors = np.array([23, 74, 65, 82, 135, 321, 440, 400, 290, 620, 630, 610, 560, 568], dtype=float)


# %%
# The loop of the tutorial has the gradient of the mean squared error, with its factor of 2. It takes the same numbers
# here for its first 1,000 iterations.
def loop(x, y, iterations, lr):
    """Fit a line by gradient descent on the mean squared error in plain NumPy."""
    w = b = 0.0
    for _ in range(iterations):
        error = x * w + b - y
        w, b = w - lr * 2 * np.mean(error * x), b - lr * 2 * np.mean(error)
    return w, b


print("loop  ", *loop(temperature, visitors, 1_000, 0.001))
print("gdfast", *train(temperature, visitors, iterations=1_000, lr=0.001))

# %%
# ``verbose=True`` prints the lines that the tutorial prints. ``return_losses=True`` returns the losses as a third
# value.
w, b, losses = train(temperature, visitors, iterations=20_000, lr=0.001, return_losses=True, verbose=True)
prediction = predict(33, w, b, verbose=True)
best_w, best_b = np.polyfit(temperature, visitors, 1)
print(f"least squares: w={best_w:.4f}, b={best_b:.4f}, at 33 degrees {best_w * 33 + best_b:.2f} visitors")
print(
    f"loss {loss(temperature, visitors, w, b):.1f}, of least squares {loss(temperature, visitors, best_w, best_b):.1f}"
)

# %%
# The path of the descent comes from ``gdfast.fit``, whose gradient has no factor of 2, so its rate is twice ``lr``.
run = gdfast.fit(temperature[:, None], visitors, epochs=20_000, learning_rate=0.002)
steps = np.unique(np.r_[0, np.geomspace(1, 20_000, 60)].astype(int))
path = np.array([(run.at(int(step)).coef[0], run.at(int(step)).intercept) for step in steps])
print(f"the same end of the path: {np.allclose(path[-1], (w, b), rtol=1e-12)}")

# %%
# ``gdfast.plots`` draws the pictures of the tutorial on axes of your own.
fig, (line, curve, contour) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
gdfast.plots.fitted_line(temperature, visitors, w, b, ax=line)
line.plot(temperature, best_w * temperature + best_b, "--", color="C3", label="least squares")
line.set(title="Data and fitted lines", xlabel="temperature (°C)", ylabel="visitors (persons a day)")
line.legend()

gdfast.plots.cost_curve(losses, ax=curve, log=True, label="train, 20,000 iterations")
curve.axhline(loss(temperature, visitors, best_w, best_b), color="C3", linestyle="--", label="least squares")
curve.set(title="Loss", xlabel="iteration", ylabel="mean squared error (persons²)")
curve.legend()

gdfast.plots.loss_contour(
    lambda w, b: np.mean((temperature * w[..., None] + b[..., None] - visitors) ** 2, axis=-1),
    w=(-5, 60),
    b=(-750, 150),
    path=path,
    minimum=(best_w, best_b),
    ax=contour,
)
contour.set(title="Loss and path", xlabel="slope w (persons / °C)", ylabel="intercept b (persons)")
plt.show()

# %%
# The first few iterations find the valley of the surface. The others move along its floor, where the gradient is small.
