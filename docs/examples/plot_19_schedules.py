"""
Learning rate schedules and averages
====================================

Stochastic descent at a constant rate does not settle: it moves fast at a large rate and has much noise at the end, or
the opposite at a small one. A schedule that lowers the rate has the advantages of both, and so does the mean of the
iterates. This example draws several schedules and what each does to the cost, and measures bias and noise over repeated
runs.
"""

# %%
# The data are 1,000 rows of five features with a noisy target.
import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
X = rng.normal(size=(1_000, 5)) * [1.0, 1.0, 0.6, 0.4, 0.3]
y = X @ [1.0, -1.0, 2.0, 1.0, -3.0] + rng.normal(size=1_000)
best = gdfast.fit(X, y, epochs=100_000)

# %%
# The schedules
# -------------
# Ten epochs are few, so the rate matters. A schedule is an argument of ``fit`` like a number. It is a function of the
# epoch, so it can be drawn before it is used.
EPOCHS = 10
schedules = {
    "constant 0.05": gdfast.Constant(0.05),
    "constant 0.002": gdfast.Constant(0.002),
    "Step": gdfast.Step(0.05, every=3, factor=0.2),
    "Cosine": gdfast.Cosine(0.05, EPOCHS),
    "Warmup, InverseTime": gdfast.Warmup(gdfast.InverseTime(0.05, 0.5), 2),
}
options = {"batch_size": 1, "epochs": EPOCHS, "history": "objective"}
runs = {name: gdfast.fit(X, y, learning_rate=schedule, seed=0, **options) for name, schedule in schedules.items()}
runs["constant 0.05, averaged"] = gdfast.fit(X, y, learning_rate=0.05, seed=0, average=3, **options)
for name, run in runs.items():
    print(f"{name:24s} J - minimum {run.cost - best.cost:.2e}")

# %%
# Bias and noise
# --------------
# A hundred runs differ in the seed, so in the order of their rows. The distance of their mean from the minimum is the
# bias, and their spread around the mean is the noise. The noise divided by the root of 100 is what a bias of zero would
# measure here: only the low constant rate has a bias far above that, since ten epochs do not bring it from the start to
# the minimum.
repeats = {}
for name in runs:
    average = 3 if "averaged" in name else None
    rate = schedules.get(name, 0.05)
    repeats[name] = np.array(
        [
            gdfast.fit(X, y, learning_rate=rate, seed=seed, average=average, batch_size=1, epochs=EPOCHS).coef
            for seed in range(100)
        ]
    )
bias = {name: np.linalg.norm(coefs.mean(0) - best.coef) for name, coefs in repeats.items()}
noise = {name: np.sqrt(coefs.var(0).sum()) for name, coefs in repeats.items()}
for name in runs:
    print(f"{name:24s} bias {bias[name]:.4f}, noise {noise[name]:.4f} (/ 10 = {noise[name] / 10:.4f})")

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(14.5, 4.4), layout="constrained")
colors = ["C0", "C1", "C3", "C5", "C4", "k"]
for (name, schedule), color in zip(schedules.items(), colors, strict=False):
    left.semilogy(np.arange(EPOCHS), schedule(np.arange(EPOCHS)), color=color, drawstyle="steps-post", label=name)
    run = runs[name]
    middle.semilogy(run.cost_epochs, run.costs - best.cost, color=color, label=name)
left.set(title="Learning rates", xlabel="epoch", ylabel="learning rate", ylim=(3e-5, 0.2))
left.legend(loc="lower left")
middle.axhline(
    runs["constant 0.05, averaged"].cost - best.cost, color="k", linestyle="--", label="mean of the iterates"
)
middle.set(title="Cost of the iterates", xlabel="epoch", ylabel="J - minimum")
middle.legend(handles=middle.get_lines()[-1:], loc="upper right")

place = np.arange(len(runs))
right.barh(place - 0.2, [bias[name] for name in runs], height=0.4, color="C0", label="bias")
right.barh(place + 0.2, [noise[name] for name in runs], height=0.4, color="C1", label="noise")
right.plot([noise[name] / 10 for name in runs], place - 0.2, "k|", markersize=14, label="noise / 10")
right.set(
    title="Coefficients after 10 epochs, 100 runs",
    xlabel="distance in the coefficients",
    xscale="log",
    yticks=place,
    yticklabels=runs,
)
right.invert_yaxis()
right.legend()
plt.show()
