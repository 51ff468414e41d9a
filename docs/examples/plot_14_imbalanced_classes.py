"""
Imbalanced classes: weights of classes and rows
===============================================

Where one class is rare, a classifier that minimises the mean loss finds few of its members. ``class_weight="balanced"``
makes both classes count the same. This example draws the decision boundaries of several weights, and the precision and
recall that they give.
"""

# %%
# Of 4,000 rows about 4 % are positive, and the two classes overlap.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from gdfast.sklearn import GDClassifier

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)


def draw(n):
    """Return features and classes of n rows, of which 4 % are positive."""
    y = (rng.random(n) < 0.04).astype(int)
    return rng.normal(size=(n, 2)) + y[:, None] * [1.6, 1.2], y


X, y = draw(4_000)
test_X, test_y = draw(20_000)
print(f"{y.sum()} of {len(y)} training rows are positive")

# %%
# The weights
# -----------
# ``class_weight`` takes a dict, too. ``sample_weight`` in ``fit`` has a weight for each row, which gives the same
# coefficients as the weights of classes if each row has that of its class.
weights = {"no weights": None, "positives count 5 times": {0: 1, 1: 5}, "balanced": "balanced"}
models = {name: GDClassifier(class_weight=weight, epochs=3_000).fit(X, y) for name, weight in weights.items()}
for name, model in models.items():
    predicted = model.predict(test_X)
    precision, recall = precision_score(test_y, predicted), recall_score(test_y, predicted)
    print(f"{name:24s} precision {precision:.3f}, recall {recall:.3f}, accuracy {model.score(test_X, test_y):.3f}")

rows = np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (len(y) - y.sum())))
by_rows = GDClassifier(epochs=3_000).fit(X, y, sample_weight=rows)
difference = np.max(np.abs(by_rows.coef_ - models["balanced"].coef_))
print(f"sample_weight gives the coefficients of class_weight to {difference:.1e}")

# %%
# The boundaries are nearly parallel: the weights mostly move the intercept, and trade precision for recall. The right
# figure has the precision and recall of every threshold of two models. The curves are nearly the same, and each model
# is a point on its curve.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
left.plot(*X[y == 0].T, ".", color="C2", markersize=3, label="negative")
left.plot(*X[y == 1].T, "x", color="C3", markersize=5, label="positive")
ends = np.array([-4.0, 5.0])
styles = {"no weights": ("-", "C0", "o"), "positives count 5 times": ("-.", "C1", "D"), "balanced": ("--", "C5", "s")}
for name, model in models.items():
    (a, b), c = model.coef_[0], model.intercept_[0]
    left.plot(ends, -(a * ends + c) / b, styles[name][0], color=styles[name][1], linewidth=2, label=name)
left.set(title="Decision boundaries", xlabel="feature 1", ylabel="feature 2", xlim=(-4, 5), ylim=(-4, 9))
left.legend(loc="upper right", ncols=2, framealpha=1)

for name, model in models.items():
    style, color, marker = styles[name]
    if name != "positives count 5 times":
        precision, recall, _ = precision_recall_curve(test_y, model.decision_function(test_X))
        right.plot(recall, precision, style, color=color, linewidth=1)
    predicted = model.predict(test_X)
    point = recall_score(test_y, predicted), precision_score(test_y, predicted)
    right.plot(*point, marker, color=color, markersize=9, markeredgecolor="k", label=name)
right.set(title="20,000 test rows", xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
right.legend()
plt.show()
