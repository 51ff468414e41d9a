"""
A grid search whose fits share their work
=========================================

``gdfast.sklearn.GridSearchCV`` takes the place of scikit-learn's class: over ``GDClassifier`` and ``GDRegressor`` it
fits all candidates of a fold together. This example runs both on the same estimator, checks that the results are the
same, and compares the seconds.
"""

# %%
# The data are handwritten digits, reduced to the question whether a digit is even.
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV as ReferenceGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gdfast.sklearn import GDClassifier, GridSearchCV

plt.style.use("tableau-colorblind10")
X, digit = load_digits(return_X_y=True)
y = digit % 2 == 0

# %%
# The search
# ----------
# The estimator is a pipeline, and the grid has 28 candidates. Only the class of the search differs.
model = make_pipeline(
    StandardScaler(), GDClassifier(penalty="l2", batch_size=16, epochs=15, history="none", random_state=0)
)
grid = {
    "gdclassifier__alpha": [0.0, *np.geomspace(1e-4, 0.1, 6).tolist()],
    "gdclassifier__learning_rate": [0.003, 0.01, 0.03, 0.1],
}
model.fit(X, y)  # the first fit of a process loads the kernels
searches, seconds = {}, {}
for name, cls in {"scikit-learn": ReferenceGridSearchCV, "gdfast": GridSearchCV}.items():
    start = time.perf_counter()
    searches[name] = cls(model, grid, cv=5).fit(X, y)
    seconds[name] = time.perf_counter() - start
    print(
        f"{name:12s} {seconds[name]:.2f} s, best {searches[name].best_params_}, score {searches[name].best_score_:.4f}"
    )

# %%
# The results
# -----------
# Everything in ``cv_results_`` but the times is the same.
a, b = searches["scikit-learn"].cv_results_, searches["gdfast"].cv_results_
scores = [key for key in a if "score" in key and "time" not in key]
print(
    f"{len(scores)} columns of scores:",
    "all equal" if all(np.array_equal(a[key], b[key]) for key in scores) else "different",
)
print("the same candidates:", a["params"] == b["params"])

# %%
# The heat map has the mean accuracy over the folds. It is the same for both, so it is drawn once.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained", width_ratios=[1, 1.6])
bars = left.bar(list(seconds), list(seconds.values()), color=["C2", "C0"])
left.bar_label(bars, fmt="%.2f s", padding=3)
left.set(title="28 candidates, five folds", ylabel="seconds", xlabel="class of the search")
left.margins(y=0.15)

accuracy = b["mean_test_score"].reshape(7, 4).T
image = right.imshow(accuracy, cmap="cividis", origin="lower", aspect="auto")
for (row, column), value in np.ndenumerate(accuracy):
    color = "k" if value > (accuracy.min() + accuracy.max()) / 2 else "w"
    right.text(column, row, f"{value:.3f}", ha="center", va="center", color=color)
right.set(
    title="Mean accuracy over the folds",
    xlabel="penalty alpha",
    ylabel="learning rate",
    xticks=range(7),
    xticklabels=[f"{alpha:.2g}" for alpha in grid["gdclassifier__alpha"]],
    yticks=range(4),
    yticklabels=grid["gdclassifier__learning_rate"],
)
fig.colorbar(image, ax=right, label="accuracy")
plt.show()
