"""
A tutorial's gradient descent with several features
===================================================

The second loop of the tutorials fits five features, starts at random, and keeps the intercept first in one array.
``gdfast.compat.gradient_descent`` has its arguments and results. This example compares the two from the same start, and
shows that the 100 epochs of the tutorial leave the intercept far from its true value.
"""

# %%
# The data of the tutorial are 100 rows of five features between 0 and 10, and targets without noise.
import matplotlib.pyplot as plt
import numpy as np

from gdfast.compat import gradient_descent

plt.style.use("tableau-colorblind10")
TRUE = np.array([0.9, 2.2, 4.0, -4.0, 1.0, 2.0])  # the intercept comes first
X = 10 * np.random.RandomState(10).rand(100, 5)
y = TRUE[0] + X @ TRUE[1:]


# %%
# The loop puts a column of ones before the features. Its cost is SSE/(2m), recorded before each update.
def loop(X, y, alpha, epochs, W):
    """Fit a linear model by full-batch gradient descent in plain NumPy."""
    ones = np.c_[np.ones(len(X)), X]
    costs = []
    for _ in range(epochs):
        error = ones @ W - y
        costs.append(error @ error / (2 * len(y)))
        W = W - alpha * ones.T @ error / len(y)
    return W, costs


# %%
# ``init`` sets the start. Without it the start is drawn from the standard normal distribution, as in the loop, and
# ``seed`` makes it repeatable.
start = np.random.RandomState(0).randn(6)
loop_W, loop_costs = loop(X, y, 0.01, 100, start)
W, costs = gradient_descent(X, y, alpha=0.01, epochs=100, init=start)
same_start, _ = gradient_descent(X, y, alpha=0.01, epochs=100, seed=0)
print("loop  ", loop_W.round(8))
print("gdfast", W.round(8))
print(f"largest difference {np.max(np.abs(W - loop_W)):.1e}; with seed=0 {np.max(np.abs(W - same_start)):.1e}")
print(f"cost before the first update {costs[0]:.3f}, before the last {costs[-1]:.3f}")

# %%
# More epochs cost next to nothing, so we can follow the descent until it has converged.
_, all_costs = gradient_descent(X, y, alpha=0.01, epochs=10_000, init=start)
results = {epochs: gradient_descent(X, y, alpha=0.01, epochs=epochs, init=start)[0] for epochs in (100, 1_000, 10_000)}
for epochs, result in results.items():
    print(f"{epochs:6d} epochs: largest error of a coefficient {np.max(np.abs(result - TRUE)):.2e}")

# %%
# The left figure has the costs of both. The right one compares the coefficients with the true values: after 100 epochs
# those of the features are right to 0.04, while the intercept has hardly moved from its start.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.loglog(np.arange(1, 10_001), all_costs, label="gdfast, 10,000 epochs")
left.loglog(np.arange(1, 101)[::6], loop_costs[::6], "x", color="C5", label="hand-written loop, 100 epochs")
left.set(title="Cost before each update", xlabel="epoch", ylabel="SSE / (2m)")
left.legend()

names = ["intercept", "w1", "w2", "w3", "w4", "w5"]
place = np.arange(6)
right.bar(place, TRUE, width=0.8, color="C2", label="true value")
for (epochs, result), marker, color in zip(results.items(), "osD", ["C5", "C0", "k"], strict=True):
    right.plot(place, result, marker, color=color, markersize=7 if marker != "D" else 4, label=f"{epochs:,} epochs")
right.axhline(0, color="C3", linewidth=0.8)
right.set(title="Coefficients", xticks=place, xticklabels=names, ylabel="value")
right.legend()
plt.show()
