"""
200,000 epochs of a tutorial's linear regression
================================================

Many tutorials fit a line by a loop that is written by hand. ``gdfast.compat.linear_regression`` takes the arguments of
such a loop and returns the same weights, bias and costs. This example compares both for a few epochs, and then runs the
200,000 epochs of the tutorial. The last figure shows why the tutorial needs so many: the bias has not converged even
then.
"""

# %%
# The loop
# --------
# The loop multiplies the gradient by 1/(2m), where m is the number of rows, and records the cost before each update. It
# is written here as tutorials write it, to have something to compare with.
import time

import matplotlib.pyplot as plt
import numpy as np

import gdfast
from gdfast.compat import generate_data, linear_regression, rmse

plt.style.use("tableau-colorblind10")


def loop(inputs, targets, epochs, learning_rate):
    """Fit a line by full-batch gradient descent in plain NumPy."""
    m, n = inputs.shape
    weights, bias, costs = np.zeros((n, 1)), 0.0, []
    for _ in range(epochs):
        error = inputs @ weights + bias - targets
        costs.append(np.sqrt(np.sum(error**2) / (2 * m)))
        weights = weights - learning_rate * inputs.T @ error / (2 * m)
        bias = bias - learning_rate * np.sum(error) / (2 * m)
    return weights, bias, costs


# %%
# The data are the points of the line y = 0.5 x + 2 at x = 1, ..., 300, without noise.
inputs, targets, _, _ = generate_data(300, 0, 0.5, 2.0)

# %%
# Equal numbers
# -------------
# After 5,000 epochs the two agree to rounding.
loop_weights, loop_bias, loop_costs = loop(inputs, targets, 5_000, 1e-4)
weights, bias, costs = linear_regression(inputs, targets, 5_000, 1e-4)
print(f"loop    weight {loop_weights[0, 0]:.15f}  bias {loop_bias:.15f}  last cost {loop_costs[-1]:.15f}")
print(f"gdfast  weight {weights[0, 0]:.15f}  bias {bias:.15f}  last cost {costs[-1]:.15f}")
print(f"largest relative difference of a cost: {np.max(np.abs(np.divide(costs, loop_costs) - 1)):.1e}")

# %%
# All epochs
# ----------
# Full-batch descent on a squared error has a closed form, so 200,000 epochs need no loop. Most of the time below is
# spent on making a Python list of 200,000 costs.
start = time.perf_counter()
weights, bias, costs = linear_regression(inputs, targets, epochs=200_000, learning_rate=1e-4)
seconds = time.perf_counter() - start
print(f"weight {weights[0, 0]:.10f}, bias {bias:.10f}, first cost {costs[0]:.5f}, last cost {costs[-1]:.8f}")
print(f"RMSE at the final parameters {rmse(inputs, targets, weights, bias):.8f}; {seconds:.3f} s")

# %%
# How far the bias has come
# -------------------------
# ``gdfast.fit`` uses the usual gradient, with 1/m, so the same path has half the learning rate. ``run.at(epoch)``
# returns the parameters after any epoch, here at 200 epochs between 1 and 10 million.
run = gdfast.fit(inputs, targets, epochs=200_000, learning_rate=0.5e-4)
epochs = np.unique(np.geomspace(1, 1e7, 200).astype(int))
path = [run.at(int(epoch)) for epoch in epochs]

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.loglog(np.arange(1, 200_001), costs, label="gdfast, 200,000 epochs")
shown = np.unique(np.geomspace(1, 5_000, 25).astype(int))
left.loglog(shown, np.take(loop_costs, shown - 1), "x", color="C5", label="hand-written loop, 5,000 epochs")
left.set(title="Cost", xlabel="epoch", ylabel="sqrt(SSE / (2m)), in units of y")
left.legend()

right.semilogx(epochs, [point.coef[0] for point in path], label="weight (true value 0.5)")
right.semilogx(epochs, [point.intercept for point in path], color="C5", label="bias (true value 2)")
for value in (0.5, 2.0):
    right.axhline(value, color="C3", linewidth=0.8, linestyle=":")
right.axvline(200_000, color="C3", linestyle="--", linewidth=1, label="end of the tutorial")
right.set(title="Parameters", xlabel="epoch", ylabel="value")
right.legend(loc="center left")
plt.show()

# %%
# The weight is near 0.5 after ten epochs, and the bias is at 2 after about a million. The cost has two directions, and
# the condition number is the ratio of their curvatures: the slow direction needs so many times the epochs of the fast
# one.
print(f"weight after 10 epochs {run.at(10).coef[0]:.4f}, bias after a million {run.at(1_000_000).intercept:.6f}")
print(f"condition number {gdfast.stability(inputs).condition_number:,.0f}")
