"""
A sweep over learning rates and penalties
=========================================

``gdfast.sweep`` fits a grid of options, with cross-validation if ``folds`` is given. Runs that can do so share their
passes over the data. This example sweeps the learning rate and the strength of an l2 penalty on a regression with few
rows and many features, and draws the validation error as a heat map.
"""

# %%
# There are 80 rows and 60 features, of which 10 matter: enough features to overfit.
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
X = rng.normal(size=(80, 60))
y = X[:, :10] @ rng.normal(size=10) + rng.normal(scale=2.0, size=80)

# %%
# The sweep
# ---------
# A list is an axis of the grid. With ``folds=5`` each configuration is fitted five times, without a fifth of the rows.
# The largest rates diverge with the largest penalties, about which one warning informs.
rates = np.geomspace(1e-4, 0.3, 13).tolist()
alphas = [0.0, *np.geomspace(1e-3, 10, 12).tolist()]
start = time.perf_counter()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = gdfast.sweep(X, y, learning_rate=rates, alpha=alphas, penalty="l2", epochs=300, folds=5, seed=0)
seconds = time.perf_counter() - start
print(f"{len(result)} runs of 300 epochs in {seconds:.2f} s")
print(caught[0].category.__name__, "-", caught[0].message)

# %%
# ``result.table`` and ``result.to_pandas()`` have a row for each run. The mean over the folds is a pivot of it.
table = result.to_pandas().pivot_table("validation_cost", "learning_rate", "alpha")
table = table.where(table < 1e3)  # runs that diverged
print(table.iloc[::4, ::4].round(3).to_string())

# %%
# ``best`` fits the best configuration again, on all rows.
best = result.best("validation_cost")
print(f"best: rate {best.settings['learning_rate']:.3g}, alpha {best.settings['alpha']:.3g}")
print(f"lowest validation cost {table.min().min():.3f}, without a penalty {table[0.0].min():.3f}")
print(f"at the largest rate {table.iloc[-1].min():.3f}, without a penalty {table[0.0].iloc[-1]:.3f}")

# %%
# The heat map
# ------------
# The dark band of low costs has two arms. Along one a low rate stops the descent early, with hardly any penalty; along
# the other a penalty of 0.3 to 1 does the same at any larger rate. Both keep the coefficients small. Without either the
# model overfits. Blank cells are runs that diverged.
fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
image = left.pcolormesh(np.arange(len(alphas) + 1), np.arange(len(rates) + 1), table, cmap="cividis", norm="log")
row, column = np.unravel_index(np.nanargmin(table.to_numpy()), table.shape)
left.plot(column + 0.5, row + 0.5, "*", color="w", markeredgecolor="k", markersize=16, label="lowest")
left.set_facecolor("0.85")
left.set(
    title="Mean validation cost over five folds",
    xlabel="penalty alpha",
    ylabel="learning rate",
    xticks=np.arange(0, len(alphas), 2) + 0.5,
    xticklabels=[f"{alpha:.2g}" for alpha in alphas[::2]],
    yticks=np.arange(0, len(rates), 2) + 0.5,
    yticklabels=[f"{rate:.1e}" for rate in rates[::2]],
)
left.legend(loc="lower left")
bar = fig.colorbar(image, ax=left, label="half the mean squared error", ticks=[4, 5, 6, 8, 10, 12, 15])
bar.ax.set_yticklabels([4, 5, 6, 8, 10, 12, 15], minor=False)
bar.ax.minorticks_off()

for place in range(0, len(alphas), 3):
    right.loglog(
        rates, table.iloc[:, place], "o-", color=plt.cm.cividis(place / 13), label=f"alpha {alphas[place]:.2g}"
    )
right.set(title="Five columns of the heat map", xlabel="learning rate", ylabel="mean validation cost")
right.set_yticks([4, 5, 6, 8, 10, 15], labels=["4", "5", "6", "8", "10", "15"])
right.minorticks_off()
right.legend()
plt.show()
