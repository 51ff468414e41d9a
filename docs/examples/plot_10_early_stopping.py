"""
Early stopping and the best coefficients
========================================

A model with many features overfits if it is trained for long: the cost on the training rows falls, and that on other
rows rises. With ``validation``, ``patience`` and ``restore_best`` the training stops and returns the coefficients of
the best epoch. This example compares that with a training of all epochs.
"""

# %%
# There are 600 rows and 150 features, of which five matter. A tenth of the labels are wrong.
import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)


def draw(n):
    """Return features and labels of n rows."""
    X = rng.normal(size=(n, 150))
    label = X[:, :5] @ [2.0, -1.5, 1.0, 1.0, -0.5] + rng.logistic(size=n) > 0
    return X, np.where(rng.random(n) < 0.1, ~label, label)


X, y = draw(600)
test_X, test_y = draw(5_000)

# %%
# Stop where the validation cost no longer falls
# ----------------------------------------------
# A third of the rows is drawn for validation, and not trained on. The training stops after 50 epochs in a row without a
# lower validation cost. ``run.advice`` is a sentence on why it ended.
options = {"loss": "log_loss", "learning_rate": 0.1, "validation": 1 / 3, "seed": 0, "solver": "loop"}
stopped = gdfast.fit(X, y, epochs=5_000, patience=50, restore_best=True, **options)
print(f"stop reason {stopped.stop_reason!s}, {stopped.epochs} epochs, the best of them {stopped.best_epoch}")
print(stopped.advice)

# %%
# Without ``patience`` and ``restore_best``
# -----------------------------------------
# With validation alone the patience is 5 epochs. A very large ``patience`` trains all epochs. ``run.history`` has the
# cost on the training rows and on the validation rows.
full = gdfast.fit(X, y, epochs=5_000, patience=5_000, **options)
scores = {"early stopping": stopped.score(test_X, test_y), "all epochs": full.score(test_X, test_y)}
for name, score in scores.items():
    print(f"{name:15s} accuracy on 5,000 test rows {score:.4f}")
last = test_X @ stopped.last_coef + stopped.last_intercept > 0
print(f"last iterate of the stopped run: accuracy {np.mean(last == test_y):.4f}")

# %%
# Both runs have the same path, since they have the same seed. Beyond the best epoch the cost on the training rows keeps
# falling and that on the validation rows rises. The coefficients of all epochs are large also for the 145 features that
# do not matter.
useless = slice(5, None)
print(f"norm of the useless coefficients: {np.linalg.norm(stopped.coef[useless]):.2f} stopped,", end=" ")
print(f"{np.linalg.norm(full.coef[useless]):.2f} with all epochs")
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
history = full.history
left.semilogx(history["epoch"] + 1, history["cost"], label="training rows")
left.semilogx(history["epoch"] + 1, history["validation_cost"], color="C5", label="validation rows")
best = stopped.best_epoch
left.plot(best + 1, history["validation_cost"][best], "*", color="k", markersize=13, label=f"best epoch, {best}")
left.axvline(stopped.epochs + 1, color="C3", linestyle="--", label=f"stopped after {stopped.epochs}")
left.set(title="Cost", xlabel="epoch + 1", ylabel="mean log loss")
left.legend()

right.axvspan(-0.5, 4.5, color="C2", alpha=0.4, label="features that matter")
right.plot(full.coef, "s", color="C5", markersize=4, label="all epochs")
right.plot(stopped.coef, "o", color="C0", markersize=4, label="early stopping")
right.axhline(0, color="C3", linewidth=0.8)
right.set(title="Coefficients", xlabel="number of the feature", ylabel="coefficient")
right.legend()
plt.show()
