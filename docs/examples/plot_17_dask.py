"""
Train on Dask arrays and data frames
====================================

``gdfast.fit`` takes Dask's arrays and data frames. Their chunks of rows are the blocks it works on, on the workers of a
cluster if there is one. This example uses Dask's synchronous scheduler, so that it runs in one process, and compares
the result with that of the same rows in memory.
"""

# %%
# The data
# --------
# The array has eight chunks of rows, which are made only when they are needed.
import dask
import dask.array as da
import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gdfast

plt.style.use("tableau-colorblind10")
dask.config.set(scheduler="synchronous")
random = da.random.default_rng(0)
X = random.normal(size=(16_000, 4), chunks=(2_000, 4))
counts = random.poisson(da.exp(X @ np.array([0.5, -0.3, 0.2, 0.0]) + 1.0))
print(X)

# %%
# A fit
# -----
# A Poisson regression of full batch makes one pass over the chunks in each epoch. The same rows in local blocks give
# the same result, to the bit, since the order in which sums are merged depends on the number of blocks alone.
run = gdfast.fit(X, counts, loss="poisson", learning_rate=0.1, epochs=20)
rows, targets = dask.compute(X, counts)
local = gdfast.fit(
    gdfast.Blocks.from_array(rows, targets, block_rows=2_000), loss="poisson", learning_rate=0.1, epochs=20
)
memory = gdfast.fit(rows, targets, loss="poisson", learning_rate=0.1, epochs=20)
print(f"coefficients {run.coef.round(4)}, intercept {run.intercept:.4f}, {run.seconds:.2f} s")
print("equal to local blocks to the bit:", bool(np.all(run.coef == local.coef) and np.all(run.costs == local.costs)))
print(f"largest relative difference to rows in memory {np.max(np.abs(run.costs / memory.costs - 1)):.1e}")

# %%
# A Summary
# ---------
# For a squared error the chunks are read once. The Summary then stands for all rows.
signal = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 4.0 + random.normal(size=16_000, chunks=2_000)
summary = gdfast.Summary(X, signal)
squared = gdfast.fit(summary, learning_rate=0.01, epochs=200_000)
print(summary, f"{len(squared.costs):,} costs, coefficients {squared.coef.round(3)}")

# %%
# A data frame
# ------------
# The name of a column says which one holds the targets.
frame = dd.from_pandas(pd.DataFrame(rows, columns=list("abcd")).assign(visits=targets), npartitions=8)
by_name = gdfast.fit(frame, "visits", loss="poisson", learning_rate=0.1, epochs=20)
print(by_name.feature_names, "equal to the array:", bool(np.allclose(by_name.coef, run.coef, rtol=1e-10)))

# %%
# The figure has the costs, and the mean of the targets in groups of rows by their prediction: they are on the diagonal
# if the model is right.
prediction = run.predict(rows)
group = np.digitize(prediction, np.quantile(prediction, np.linspace(0, 1, 21)[1:-1]))
means = np.array([(prediction[group == k].mean(), targets[group == k].mean()) for k in range(20)])
errors = [targets[group == k].std() / np.sqrt(np.sum(group == k)) for k in range(20)]

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
left.plot(memory.cost_epochs, memory.costs, color="C2", linewidth=6, label="rows in memory")
left.plot(run.cost_epochs, run.costs, "o-", color="C0", markersize=4, label="Dask, eight chunks")
left.set(title="Cost", xlabel="epoch", ylabel="mean Poisson loss")
left.legend()
right.errorbar(*means.T, yerr=2 * np.array(errors), fmt="o", color="C0", label="800 rows, with two standard errors")
right.plot([0.7, 10], [0.7, 10], "--", color="C3", label="target = prediction")
right.set(
    title="Targets by prediction",
    xlabel="mean prediction (counts)",
    ylabel="mean target (counts)",
    xscale="log",
    yscale="log",
)
for axis in (right.xaxis, right.yaxis):
    axis.set_ticks([1, 2, 3, 5, 8], labels=["1", "2", "3", "5", "8"])
right.minorticks_off()
right.legend()
plt.show()
