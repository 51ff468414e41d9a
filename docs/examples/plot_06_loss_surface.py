"""
The path of descent on a loss surface
=====================================

A logistic regression with one feature has two parameters, so its loss is a surface that can be drawn. This example
draws the path of gradient descent, of momentum and of stochastic descent on it, from above and in three dimensions.
"""

# %%
# Students pass an exam or not, with a probability that depends on the hours they have studied.
import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(1)
hours = rng.uniform(0, 6, 120)
passed = rng.random(120) < 1 / (1 + np.exp(-(1.5 * hours - 4.0)))
X = hours[:, None]

# %%
# ``record="coef"`` keeps the parameters of every recorded epoch in ``run.history``. All runs start at the same point.
start = {"coef_init": [-1.5], "intercept_init": 3.0}
options = {"loss": "log_loss", "record": "coef", "seed": 0, **start}
runs = {
    "gd": gdfast.fit(X, passed, learning_rate=0.3, epochs=300, **options),
    "momentum": gdfast.fit(X, passed, learning_rate=0.1, optimizer=gdfast.Momentum(0.9), epochs=300, **options),
    "SGD": gdfast.fit(X, passed, learning_rate=0.05, batch_size=1, epochs=30, **options),
}
best = gdfast.fit(X, passed, loss="log_loss", optimizer="nesterov", epochs=20_000)
print(f"minimum: w {best.coef[0]:.4f}, b {best.intercept:.4f}, J {best.cost:.6f}")
paths = {}
for name, run in runs.items():
    paths[name] = np.c_[run.history["coef"].reshape(-1), run.history["intercept"]]
    print(
        f"{name:9s} {run.epochs:4d} epochs, {run.steps:5d} updates: (w, b) {paths[name][-1].round(3)}, J {run.cost:.6f}"
    )


# %%
# The objective as a function of both parameters, for the figures.
def objective(w, b):
    """Return the mean log loss."""
    z = np.multiply.outer(w, hours) + np.asarray(b)[..., None]
    return np.mean(np.logaddexp(0, z) - passed * z, axis=-1)


# %%
# Gradient descent goes down the slope and then slowly along the valley. Momentum overshoots and returns, and arrives
# earlier. Stochastic descent makes 120 updates in an epoch, so that it needs fewer epochs, but its last steps go to and
# fro.
fig, axes = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained", sharex=True, sharey=True)
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    gdfast.plots.loss_contour(objective, w=(-2, 4), b=(-9, 5), path=path, minimum=(best.coef[0], best.intercept), ax=ax)
    ax.set(title=f"{name}, {len(path) - 1} epochs", xlabel="coefficient w (1 / hour)", ylabel="intercept b")
plt.show()

# %%
# In three dimensions the valley is a flat floor between two planes: the log loss grows linearly where the predictions
# are wrong.
fig = plt.figure(figsize=(8, 6), layout="constrained")
ax = fig.add_subplot(projection="3d")
gdfast.plots.loss_surface(
    objective, w=(-2, 4), b=(-9, 5), path=paths["gd"], minimum=(best.coef[0], best.intercept), ax=ax
)
ax.set(title="Log loss and gradient descent", xlabel="w (1 / hour)", ylabel="b", zlabel="log loss")
ax.view_init(elev=35, azim=-60)
plt.show()
