"""
200,000 epochs without a loop
=============================

Full-batch descent on a squared error has a closed form, and on other smooth losses its path can be computed by
collocation: from the gradients at a few epochs. ``gdfast.fit`` takes these solvers where they are cheaper. This example
times them, compares their numbers with those of the loop, and looks up the parameters after single epochs.
"""

# %%
# The data: 1,000 rows of three correlated features, a continuous target and two classes.
import time

import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
X = rng.normal(size=(1_000, 3)) @ np.array([[1.0, 0.95, 0.9], [0.0, 0.3, 0.3], [0.0, 0.0, 0.03]])
z = X @ [1.0, -1.0, 2.0] + 0.5
targets = z + 0.1 * rng.normal(size=1_000)
classes = np.where(z + rng.logistic(size=1_000) > 0, "yes", "no")

# %%
# One call
# --------
# ``solver="auto"`` is the default. ``run.solver`` says what it took, and ``run.costs`` has the cost of each of the
# 200,000 epochs.
squared = gdfast.fit(X, targets, learning_rate=0.1, epochs=200_000)
logistic = gdfast.fit(X, classes, loss="log_loss", learning_rate=0.1, epochs=200_000)
for run in (squared, logistic):
    print(f"{run.loss}: solver {run.solver}, {len(run.costs):,} costs, last {run.costs[-1]:.12f}, {run.seconds:.4f} s")

# %%
# Collocation computes the path in stretches, which grow as the descent slows down. It has made this number of passes
# over the rows:
print(sum(part.passes for part in logistic.collocation), "passes for 200,000 epochs")

# %%
# The same numbers
# ----------------
# The loop runs 10,000 epochs of both for comparison.
for run, target in ((squared, targets), (logistic, classes)):
    loop = gdfast.fit(X, target, loss=run.loss, learning_rate=0.1, epochs=10_000, solver="loop")
    difference = np.max(np.abs(loop.costs / run.costs[:10_001] - 1))
    print(f"{run.loss}: largest relative difference of a cost {difference:.1e}")

# %%
# The state after any epoch
# -------------------------
# ``run.at(epoch)`` returns coefficients, intercept and cost. The closed form knows epochs past the end, too.
for epoch in (100, 10_000, 200_000):
    print(f"log loss, epoch {epoch:8,d}: coef {logistic.at(epoch).coef.round(5)}, cost {logistic.at(epoch).cost:.9f}")
print(f"squared error, epoch 10**9: coef {squared.at(10**9).coef.round(5)}")

# %%
# Seconds
# -------
# The seconds of the loop are proportional to the epochs, beyond the first thousand. Those of collocation grow much more
# slowly, and those of the closed form not at all. Each fit is timed once, with ``history_every="log"``, which keeps the
# costs of epochs on a logarithmic grid: an array of 10 million costs would take longer than the descent.
cases = {
    "squared error, loop": (targets, "squared_error", "loop", [100, 1_000, 10_000]),
    "squared error, closed form": (
        targets,
        "squared_error",
        "closed_form",
        [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000],
    ),
    "log loss, loop": (classes, "log_loss", "loop", [100, 1_000, 10_000]),
    "log loss, collocation": (classes, "log_loss", "collocation", [1_000, 10_000, 100_000, 1_000_000, 10_000_000]),
}
seconds = {}
for name, (target, loss, solver, counts) in cases.items():
    seconds[name] = []
    for epochs in counts:
        start = time.perf_counter()
        gdfast.fit(X, target, loss=loss, solver=solver, learning_rate=0.1, epochs=epochs, history_every="log")
        seconds[name].append(time.perf_counter() - start)
    print(f"{name:27s} {counts[-1]:10,d} epochs: {seconds[name][-1]:.4f} s")

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
for run, color in ((squared, "C0"), (logistic, "C5")):
    target = targets if run is squared else classes
    end = gdfast.fit(X, target, loss=run.loss, learning_rate=0.1, epochs=10_000_000, history_every="log")
    shown = np.unique(np.geomspace(1, 200_000, 400).astype(int))
    left.loglog(shown, run.costs[shown] - end.cost, color=color, label=f"{run.loss} ({run.solver})")
left.set(title="Cost above that after 10 million epochs", xlabel="epoch", ylabel="difference of cost")
left.legend()
for (name, values), style in zip(seconds.items(), ["o--", "o-", "s--", "s-"], strict=True):
    right.loglog(cases[name][3], values, style, color="C0" if "squared" in name else "C5", label=name)
right.set(title="Time of a fit, 1,000 rows x 3", xlabel="epochs", ylabel="seconds")
right.legend()
plt.show()
