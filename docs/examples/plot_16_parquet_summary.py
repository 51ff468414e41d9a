"""
Parquet files that do not fit into memory
=========================================

``gdfast.Blocks`` reads files block by block, and ``gdfast.Summary`` holds all that full-batch descent on a squared
error needs of rows, however many there are. This example writes some Parquet files, summarises each by itself, merges
the Summaries and trains 200,000 epochs without reading a row again.
"""

# %%
# The files
# ---------
# There are eight files of 20,000 rows, one for each month. The price depends on area, age and distance.
import pathlib
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
paths = [pathlib.Path(folder.name) / f"month-{month}.parquet" for month in range(1, 9)]
for month, path in enumerate(paths):
    frame = pd.DataFrame({"area": rng.uniform(30, 150, 20_000), "age": rng.uniform(0, 80, 20_000)})
    frame["distance"] = rng.exponential(5, 20_000)
    noise = rng.normal(scale=40, size=20_000)
    frame["price"] = 100 + 3.2 * frame.area - 1.5 * frame.age - 8 * frame.distance + 5 * month + noise
    frame.to_parquet(path)
megabytes = sum(path.stat().st_size for path in paths) / 1e6
print(f"{len(paths)} files, {megabytes:.1f} MB")

# %%
# A Summary of each file
# ----------------------
# ``Blocks.from_parquet`` reads whole row groups, or blocks of ``block_rows`` rows. At most two blocks are in memory.
# The Summaries could be made on different machines, and be saved with ``save``.
start = time.perf_counter()
months = [gdfast.Summary.of(gdfast.Blocks.from_parquet(path, "price", block_rows=5_000)) for path in paths]
print(f"{time.perf_counter() - start:.2f} s to read all files; the first month is {months[0]!r}")
year = months[0]
for month in months[1:]:
    year = year.merge(month)
print(year, year.feature_names)
year.save(pathlib.Path(folder.name) / "year.npz")
print(f"saved in {(pathlib.Path(folder.name) / 'year.npz').stat().st_size:,} bytes")

# %%
# Train on the Summary
# --------------------
# ``fit`` takes a Summary in the place of X and y, and ``stability`` does, too. With ``standardize=True`` the descent
# runs on columns scaled to mean 0 and deviation 1, and coefficients are returned in the units of the files.
start = time.perf_counter()
run = gdfast.fit(year, standardize=True, learning_rate=0.01, epochs=200_000)
print(f"{run.epochs:,} epochs in {time.perf_counter() - start:.4f} s")
print(
    "coefficients",
    dict(zip(run.feature_names, run.coef.round(3).tolist(), strict=True)),
    f"intercept {run.intercept:.2f}",
)

# %%
# The same numbers as with all rows in memory:
table = pd.concat([pd.read_parquet(path) for path in paths])
direct = gdfast.fit(table, "price", standardize=True, learning_rate=0.01, epochs=200_000)
print(f"largest relative difference of a cost {np.max(np.abs(run.costs / direct.costs - 1)):.1e}")

# %%
# Summaries of any months can be merged, so that a model of the first k months needs no second reading. Here prices rise
# by 5 each month, which the features do not tell: the model of all months has their mean, and its cost is above the
# noise of a single month.
first = [sum(months[1:k], start=months[0]) for k in range(1, 9)]
fits = [gdfast.fit(part, standardize=True, learning_rate=0.5, epochs=2_000) for part in first]
single = [gdfast.fit(part, standardize=True, learning_rate=0.5, epochs=2_000) for part in months]

# %%
# Other losses need the rows. They read the blocks once an epoch, so fewer epochs are affordable: after these 20 the
# coefficients are near those above, but have not converged.
blocks = gdfast.Blocks.from_parquet(paths, "price", block_rows=20_000)
start = time.perf_counter()
huber = gdfast.fit(blocks, loss="huber", loss_parameter=50.0, standardize=True, learning_rate=0.5, epochs=20)
print(f"huber: {huber.epochs} epochs in {time.perf_counter() - start:.2f} s, coefficients {huber.coef.round(3)}")
folder.cleanup()

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
left.loglog(run.cost_epochs[:2_000] + 1, run.costs[:2_000], label="squared error, from the Summary")
left.axhline(0.5 * 40**2, color="C3", linestyle="--", label="noise of one month, 40²/2")
left.set(title="Cost of the first 2,000 epochs", xlabel="epoch + 1", ylabel="half the mean squared error (price²)")
left.legend(loc="upper right")

number = np.arange(1, 9)
right.plot(number, [fit.intercept for fit in single], "o-", label="that month alone")
right.plot(number, [fit.intercept for fit in fits], "s--", color="C5", label="all months until then")
right.set(title="Intercept of the model", xlabel="month", ylabel="intercept (price)")
right.legend()
plt.show()
