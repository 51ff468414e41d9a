"""
Sparse text: a bag of words
===========================

Text becomes a sparse matrix with a column for each word. ``gdfast.sklearn.SGDClassifier`` takes the place of
scikit-learn's class, and takes such matrices as they are. This example classifies generated sentences, compares
coefficients and seconds of both classes, and draws how an l1 penalty leaves only the words that matter.
"""

# %%
# Sentences are made of words at random. Most words are neutral, and a few of each sentence depend on its class.
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier as ReferenceSGDClassifier

from gdfast.sklearn import SGDClassifier

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
GOOD = np.array(["bright", "friendly", "quiet", "clean", "generous"])
BAD = np.array(["noisy", "dirty", "slow", "broken", "rude"])
SYLLABLES = ["ka", "lo", "mi", "ne", "ru", "sa", "ti", "vo", "pe", "du"]
NEUTRAL = np.array(["".join(rng.choice(SYLLABLES, 3)) for _ in range(1_500)])


def sentence(good):
    """Return a sentence of 12 words: on average two of its own class and less than one of the other."""
    count, slip = rng.binomial(4, 0.5), rng.binomial(4, 0.2)
    words = [*rng.choice(GOOD if good else BAD, count), *rng.choice(BAD if good else GOOD, slip)]
    return " ".join([*rng.choice(NEUTRAL, 12 - len(words)), *words])


labels = rng.random(6_000) < 0.5
sentences = [sentence(good) for good in labels]
vectorizer = CountVectorizer()
X = vectorizer.fit_transform(sentences).astype(float)
words = vectorizer.get_feature_names_out()
train, test = slice(0, 4_000), slice(4_000, None)
print(sentences[0])
print(f"{X.shape[0]:,} sentences, {X.shape[1]:,} words, {X.nnz / X.shape[0]:.1f} of them in a sentence")

# %%
# The drop-in
# -----------
# Only the import changes. The coefficients are equal to rounding. The seconds are the best of five fits.
options = {"loss": "log_loss", "penalty": "l1", "alpha": 1e-3, "max_iter": 100, "tol": None, "random_state": 0}
models, seconds = {}, {}
for name, cls in {"scikit-learn": ReferenceSGDClassifier, "gdfast": SGDClassifier}.items():
    times = []
    for _ in range(5):
        start = time.perf_counter()
        models[name] = cls(**options).fit(X[train], labels[train])
        times.append(time.perf_counter() - start)
    seconds[name] = min(times)
    accuracy = models[name].score(X[test], labels[test])
    print(f"{name:12s} {seconds[name]:.3f} s, accuracy on the other sentences {accuracy:.4f}")
difference = np.max(np.abs(models["gdfast"].coef_ - models["scikit-learn"].coef_))
print(f"largest difference of a coefficient {difference:.1e}")

# %%
# The strength of the penalty
# ---------------------------
# A larger alpha sets more coefficients to exactly zero.
alphas = np.geomspace(1e-5, 0.1, 15)
nonzero, accuracy = [], []
for alpha in alphas:
    model = SGDClassifier(**{**options, "alpha": alpha, "max_iter": 50}).fit(X[train], labels[train])
    nonzero.append(np.count_nonzero(model.coef_))
    accuracy.append(model.score(X[test], labels[test]))
best = int(np.argmax(accuracy))
print(f"alpha {alphas[best]:.1e}: accuracy {accuracy[best]:.4f} with {nonzero[best]} of {X.shape[1]} words")

# %%
# At the strength that is best on the other sentences the ten words of the classes have a coefficient, and no neutral
# word has one.
model = SGDClassifier(**{**options, "alpha": alphas[best]}).fit(X[train], labels[train])
top = np.argsort(-np.abs(model.coef_[0]))[:12]
top = top[np.argsort(model.coef_[0][top])]
found = sorted(set(words[np.argsort(-np.abs(model.coef_[0]))[:10]]) & {*GOOD, *BAD})
print(f"{len(found)} of the ten words with the largest coefficients are among the ten of the classes")

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
values = model.coef_[0][top]
left.barh(words[top], values, color=np.where(values > 0, "C0", "C5"))
for label, color in (("of a good sentence", "C0"), ("of a bad sentence", "C5")):
    left.barh(words[top[:1]], [0], color=color, label=label)
left.set(
    title=f"The 12 largest coefficients, alpha {alphas[best]:.1e}", xlabel="coefficient (log odds for each occurrence)"
)
left.legend(loc="upper left")

right.semilogx(alphas, nonzero, "o-", label="words with a coefficient (left axis)")
right.set(
    title="Strength of the l1 penalty",
    xlabel="alpha",
    ylabel="number of coefficients that are not zero",
    ylim=(-20, 850),
)
twin = right.twinx()
twin.plot(alphas, accuracy, "s--", color="C5", label="accuracy (right axis)")
twin.set(ylabel="accuracy on 2,000 test sentences", ylim=(0.45, 0.95))
handles = [*right.get_lines(), *twin.get_lines()]
right.legend(handles=handles, loc="upper right")
plt.show()
