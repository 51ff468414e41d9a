"""
Batch size: noise against updates
=================================

With smaller batches an epoch has more updates, and each of them has more noise. This example trains on the same data by
the full batch, by mini-batches and row by row, and draws the cost over the epochs and the paths of two coefficients. It
then measures how the noise of the last iterates depends on the batch size and the learning rate.
"""

# %%
# There are 2,048 rows, two correlated features and a noisy target.
import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
X = rng.normal(size=(2_048, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
y = X @ [2.0, -1.0] + rng.normal(size=2_048)
best = gdfast.fit(X, y, fit_intercept=False, epochs=10_000)
print(f"least squares: {best.coef.round(4)}, J {best.cost:.6f}")

# %%
# One rate, several batch sizes
# -----------------------------
# The same learning rate is used for all of them. ``history="objective"`` records J after each epoch, which takes
# another pass over the rows; ``record="coef"`` keeps the coefficients.
sizes = [None, 256, 32, 4, 1]
names = {None: "full batch", 256: "256 rows", 32: "32 rows", 4: "4 rows", 1: "1 row (SGD)"}
options = {
    "fit_intercept": False,
    "learning_rate": 0.02,
    "epochs": 60,
    "history": "objective",
    "record": "coef",
    "seed": 0,
}
runs = {size: gdfast.fit(X, y, batch_size=size, **options) for size in sizes}
for size, run in runs.items():
    first, last = run.costs[1] - best.cost, run.costs[-1] - best.cost
    print(f"{names[size]:12s} {run.steps:7,d} updates; J - minimum {first:.1e} after 1 epoch, {last:.1e} after 60")

# %%
# The noise at the end
# --------------------
# Once the start is forgotten, J stays above its minimum by an amount that is smaller at a lower rate and with larger
# batches. It is the mean over the last 200 of 600 epochs here. If rows were drawn independently it would be inverse to
# the batch size, the slope of -1 in the figure. An epoch takes each row once, though, so that much of the noise of
# small steps cancels within the epoch, and the points are below that line.
counts = [1, 2, 4, 8, 16, 32, 64]
floors = {}
for rate in (0.02, 0.005):
    floors[rate] = []
    for count in counts:
        run = gdfast.fit(X, y, batch_size=count, **{**options, "learning_rate": rate, "epochs": 600, "record": ()})
        floors[rate].append(np.mean(run.costs[400:]) - best.cost)
    print(f"rate {rate}: {floors[rate][0]:.2e} with 1 row, {floors[rate][4]:.2e} with 16 rows")

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.3), layout="constrained")
colors = ["k", "C3", "C0", "C1", "C2"]
for (size, run), color in zip(runs.items(), colors, strict=True):
    left.semilogy(run.cost_epochs, run.costs - best.cost, color=color, label=names[size])
left.set(title="Cost above the minimum, rate 0.02", xlabel="epoch", ylabel="J - minimum", ylim=(1e-7, 1e2))
left.legend(loc="upper right", ncols=2)

for size, color in zip([1, 4, 32, None], ["C2", "C1", "C0", "k"], strict=True):
    path = runs[size].history["coef"].reshape(-1, 2)
    middle.plot(*path.T, ".-", color=color, markersize=3, linewidth=1, label=names[size])
middle.plot(*best.coef, "*", color="w", markeredgecolor="k", markersize=14, label="minimum")
middle.set(title="Coefficients after each epoch", xlabel="w1", ylabel="w2")
middle.legend(loc="lower left")

for (rate, floor), marker in zip(floors.items(), "os", strict=True):
    right.loglog(counts, floor, marker, label=f"rate {rate}")
    right.loglog(counts, floor[0] / np.array(counts), "-", color="C3", linewidth=0.8)
right.plot([], [], "-", color="C3", linewidth=0.8, label="slope -1")
right.set(title="Noise of the last iterates", xlabel="rows in a batch", ylabel="mean of J - minimum")
right.legend()
plt.show()
