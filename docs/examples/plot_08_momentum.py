"""
Momentum and the condition number
=================================

The epochs that gradient descent needs are proportional to the condition number of the problem. With momentum they are
proportional to its square root. This example measures both, and Nesterov's momentum, on problems whose condition number
is set, and compares the counts with the theory.
"""

# %%
# Data with a given condition number
# ----------------------------------
# The singular values of the features are spread between 1 and 1/sqrt(condition number), so that the curvatures span
# that range.
import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
left_vectors = np.linalg.qr(rng.normal(size=(200, 10)))[0] * np.sqrt(200)
right_vectors = np.linalg.qr(rng.normal(size=(10, 10)))[0]


def data(condition):
    """Return features and noise-free targets whose curvatures are from 1 to 1 / condition."""
    X = left_vectors * np.geomspace(1, condition**-0.5, 10) @ right_vectors
    return X, X @ right_vectors.T @ np.ones(10)


X, y = data(1e4)
print(gdfast.stability(X, fit_intercept=False))

# %%
# The best settings of each method
# --------------------------------
# For curvatures from m to L these are the settings whose worst direction shrinks fastest: Polyak's for momentum, and
# for Nesterov's momentum those of Lessard, Recht and Packard (2016). The last entry is the factor of the error in one
# epoch.


def settings(method, condition):
    """Return optimizer, learning rate and the factor of convergence for L = 1 and m = 1 / condition."""
    root = np.sqrt(condition)
    if method == "gd":
        return "gd", 2 / (1 + 1 / condition), (condition - 1) / (condition + 1)
    if method == "momentum":
        factor = (root - 1) / (root + 1)
        return gdfast.Momentum(factor**2), (2 / (1 + 1 / root)) ** 2, factor
    root = np.sqrt(3 * condition + 1)
    return gdfast.Momentum((root - 2) / (root + 2), nesterov=True), 4 / (3 + 1 / condition), 1 - 2 / root


# %%
# Epochs to a tolerance
# ---------------------
# The targets have no noise, so the lowest cost is zero. We count the epochs until the cost is 1e-12 of the first one,
# which is 1e-6 in the error. ``run.costs`` has the cost of every epoch.
conditions = np.geomspace(3, 10_000, 12)
methods = ["gd", "momentum", "nesterov"]
counts = {method: [] for method in methods}
theory = {method: [] for method in methods}
for condition in conditions:
    X, y = data(condition)
    for method in methods:
        optimizer, rate, factor = settings(method, condition)
        epochs = 100_000 if method == "gd" else 5_000
        run = gdfast.fit(X, y, fit_intercept=False, optimizer=optimizer, learning_rate=rate, epochs=epochs)
        counts[method].append(1 + np.flatnonzero(run.costs > 1e-12 * run.costs[0])[-1])
        theory[method].append(np.log(1e-6) / np.log(factor))
for method in methods:
    print(f"{method:9s} epochs at condition number 10,000: {counts[method][-1]:6d}, theory {theory[method][-1]:9.0f}")

# %%
# The lines are log(1e-6) divided by the logarithm of the factor. Their slopes are 1 for gradient descent and 1/2 for
# both kinds of momentum. Momentum takes more epochs than its line says: at its best settings the error falls as ``k *
# factor**k``, so that it first grows, as the right figure shows.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
for method, marker, color in zip(methods, "osD", ["C0", "C1", "C3"], strict=True):
    left.loglog(conditions, counts[method], marker, color=color, label=f"{method}, measured")
    left.loglog(conditions, theory[method], "-", color=color, label=f"{method}, theory")
left.set(title="Epochs until the error is a millionth", xlabel="condition number L / m", ylabel="epochs")
left.legend()

X, y = data(1_000)
for method, color in zip(methods, ["C0", "C1", "C3"], strict=True):
    optimizer, rate, _ = settings(method, 1_000)
    run = gdfast.fit(X, y, fit_intercept=False, optimizer=optimizer, learning_rate=rate, epochs=2_000)
    right.semilogy(run.cost_epochs, run.costs / run.costs[0], color=color, label=method)
right.axhline(1e-12, color="C2", linestyle="--", label="tolerance")
right.set(
    title="Condition number 1,000", xlabel="epoch", ylabel="cost / first cost", ylim=(1e-16, 1e4), xlim=(0, 2_000)
)
right.legend()
plt.show()
