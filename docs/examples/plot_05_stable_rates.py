"""
Learning rates that diverge, and why
====================================

Full-batch gradient descent on a squared error converges below a certain learning rate and diverges above it.
``gdfast.stability`` computes this rate from the features before any training. This example trains just below and just
above it, reads the warnings, and draws the factor by which each direction of the error shrinks in an epoch.
"""

# %%
# The features have very different scales, as in many tables: an age in years, and an area in square metres.
import warnings

import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
age = rng.uniform(0, 50, 200)
area = rng.uniform(30, 150, 200)
X = np.c_[age, area]
y = 300 - 2 * age + 4 * area + rng.normal(scale=20, size=200)

# %%
# ``stability`` prints what matters. The condition number is the ratio of the largest curvature to the smallest: it says
# how much slower the slowest direction is than the fastest one.
raw = gdfast.stability(X)
scaled = gdfast.stability((X - X.mean(0)) / X.std(0))
print("raw:         ", raw)
print("standardized:", scaled)

# %%
# Below and above the largest stable rate
# ---------------------------------------
# The warnings are collected instead of printed. A ``StabilityWarning`` comes before training, a ``DivergenceWarning``
# where a cost has overflowed, or has grown far beyond the first cost. The result of a diverged run is the last finite
# state.
fractions = [0.1, 0.9, 0.99, 1.01, 1.1]
runs = {}
for fraction in fractions:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs[fraction] = gdfast.fit(X, y, learning_rate=fraction * raw.max_learning_rate, epochs=5_000)
    run = runs[fraction]
    print(
        f"{fraction} of the largest rate: {run.epochs} epochs, stop reason {run.stop_reason!s}, {len(caught)} warnings"
    )
    for warning in caught:
        print(f"    {warning.category.__name__}: {str(warning.message)[:105]} ...")

# %%
# Other ways to handle a divergence are an exception, or a descent that goes back and halves the rate.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", gdfast.StabilityWarning)
    try:
        gdfast.fit(X, y, learning_rate=1.1 * raw.max_learning_rate, epochs=5_000, on_divergence="raise")
    except gdfast.DivergenceError as error:
        print(type(error).__name__, "after", error.run.epochs, "epochs")
    saved = gdfast.fit(X, y, learning_rate=1.1 * raw.max_learning_rate, epochs=5_000, on_divergence="backtrack")
print(f"backtrack: cost {saved.cost:.4f} after {saved.epochs} epochs, diverged at {saved.diverged_at}")

# %%
# Why
# ---
# In each direction of the features the error is multiplied by 1 - rate x curvature in each epoch. The rate is stable
# while the absolute value of all these factors is below 1: the largest curvature sets the limit, and the smallest one
# then sets the speed. With standardized features all curvatures are about equal, and a few epochs are enough.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
for (fraction, run), style in zip(runs.items(), ["-", "-", "-", "--", "--"], strict=True):
    shown = run.costs < 1e12
    left.loglog(run.cost_epochs[shown] + 1, run.costs[shown], style, label=f"{fraction} of the largest rate")
standard = gdfast.fit(X, y, standardize=True, learning_rate=scaled.best_learning_rate, epochs=5_000)
left.loglog(standard.cost_epochs + 1, standard.costs, "k:", linewidth=2, label="best rate, standardized features")
left.set(title="Cost by learning rate", xlabel="epoch + 1", ylabel="cost J", ylim=(1e2, 1e9))
left.legend(loc="center right", fontsize="small")

rate = np.linspace(0, 1.15, 300)
for place, curvature in enumerate(raw.curvatures):
    factor = np.abs(1 - rate * raw.max_learning_rate * curvature)
    right.plot(rate, factor, color=f"C{[0, 1, 3][place]}", label=f"curvature {curvature:,.3g}")
right.axhline(1, color="C3", linewidth=0.8)
right.axvspan(1, 1.15, color="C2", alpha=0.4, label="diverges")
right.set(
    title="Factor of the error in one epoch",
    xlabel="learning rate / largest stable rate",
    ylabel="|1 - rate x curvature|",
    xlim=(0, 1.15),
    ylim=(0, 1.4),
)
right.legend(loc="upper left", ncols=2)
plt.show()
