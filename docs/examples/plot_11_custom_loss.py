"""
A loss of your own for data with outliers
=========================================

``gdfast.Loss`` makes a loss from two functions: the loss of a sample, and its derivative in the prediction. This
example writes the Cauchy loss, whose derivative falls to zero for large residuals, and compares it with the squared
error and with Huber's loss on data with outliers.
"""

# %%
# Of the rows with x above 2 about a quarter have targets that are far too large.
import matplotlib.pyplot as plt
import numpy as np

import gdfast
from gdfast.formulas.vocabulary import log1p

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
x = rng.uniform(0, 4, 150)
y = 1.0 + 2.0 * x + rng.normal(scale=0.5, size=150)
outlier = (rng.random(150) < 0.3) & (x > 2.0)
y[outlier] = rng.uniform(15, 25, outlier.sum())
print(f"{outlier.sum()} of {len(x)} rows are outliers")

# %%
# The loss
# --------
# The functions take the target y and the prediction z, and are written without branches, with the functions of
# ``gdfast.formulas.vocabulary``. The derivative is compared with the numerical one when the loss is made, so a slip is
# an error.
cauchy = gdfast.Loss(
    lambda y, z: 0.5 * log1p((z - y) * (z - y)),
    lambda y, z: (z - y) / (1.0 + (z - y) * (z - y)),
    name="cauchy",
    curvature=1.0,
)
try:
    gdfast.Loss(lambda y, z: 0.5 * log1p((z - y) * (z - y)), lambda y, z: (z - y) / (1.0 + (z - y)), name="slip")
except ValueError as error:
    print("ValueError:", str(error)[:150], "...")

# %%
# The fits
# --------
# The custom loss is not convex, so it starts from the result of Huber's loss. Custom losses run on Numba or NumPy;
# ``backend="numpy"`` leaves out the seconds that Numba takes to compile.
X = x[:, None]
squared = gdfast.fit(X, y, epochs=5_000)
huber = gdfast.fit(X, y, loss="huber", epochs=5_000)
custom = gdfast.fit(
    X, y, loss=cauchy, epochs=5_000, coef_init=huber.coef, intercept_init=huber.intercept, backend="numpy"
)
runs = {"squared error": squared, "huber": huber, "cauchy (custom)": custom}
for name, run in runs.items():
    print(
        f"{name:16s} slope {run.coef[0]:.3f}, intercept {run.intercept:.3f}, solver {run.solver}, backend {run.backend}"
    )
print("true values      slope 2, intercept 1")

# %%
# The derivative is the pull of a sample on the fit. It grows without limit for the squared error, is constant from 1.35
# on for Huber's loss, and falls again for the Cauchy loss.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
left.plot(x[~outlier], y[~outlier], "o", color="C2", markersize=4, label="rows")
left.plot(x[outlier], y[outlier], "x", color="C3", label="outliers")
ends = np.array([0.0, 4.0])
for (name, run), style, color in zip(runs.items(), ["--", "-.", "-"], ["C5", "C1", "C0"], strict=True):
    left.plot(ends, run.predict(ends[:, None]), style, color=color, linewidth=2, label=name)
left.plot(ends, 1 + 2 * ends, "k:", label="true line")
left.set(title="Fitted lines", xlabel="x", ylabel="y")
left.legend(loc="upper left")

residual = np.linspace(-8, 8, 401)
derivatives = [residual, np.clip(residual, -1.35, 1.35), cauchy.gradient(0.0, residual)]
for name, derivative, style, color in zip(runs, derivatives, ["--", "-.", "-"], ["C5", "C1", "C0"], strict=True):
    right.plot(residual, derivative, style, color=color, linewidth=2, label=name)
right.set(title="Pull of a sample", xlabel="residual z - y", ylabel="derivative of the loss", ylim=(-3, 3))
right.legend()
plt.show()
