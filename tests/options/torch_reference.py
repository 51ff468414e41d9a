"""The recipe of torch_reference.json: paths of the parameters and rates on a plateau, computed with PyTorch.

``python tests/options/torch_reference.py`` rewrites the JSON beside it. Only that needs PyTorch: the problem, the cases
and the plateau's settings are imported without it. The parameters start at 0 and every number is in double precision.

The objective is J = mean_i loss(y_i, x_i.w + b) + alpha/2 |w|^2, the mean over the rows of the batch; the optimizer is
given its gradient, l2 included. Batches are taken in the order of the rows. A path is [w0, w1, w2, b] after an epoch.
"""

import itertools
import json
import re
from pathlib import Path

import numpy as np

# Name: gdfast's constructor, its arguments, the arguments of PyTorch's class, the learning rate. At 0.02 adam-0.5-0.9
# oscillates near the minimum of log_loss-full, where the rounding of a gradient grows to 1e-11.
UPDATE_RULES = {
    "gd": ("GD", {}, {}, 0.05),
    "momentum": ("Momentum", {"momentum": 0.9}, {"momentum": 0.9}, 0.01),
    "nesterov": ("Momentum", {"momentum": 0.8, "nesterov": True}, {"momentum": 0.8, "nesterov": True}, 0.02),
    "adagrad": ("AdaGrad", {"eps": 1e-10}, {"eps": 1e-10}, 0.1),
    "rmsprop": ("RMSProp", {"rho": 0.99, "eps": 1e-8}, {"alpha": 0.99, "eps": 1e-8}, 0.02),
    "rmsprop-0.9": ("RMSProp", {"rho": 0.9, "eps": 1e-3}, {"alpha": 0.9, "eps": 1e-3}, 0.02),
    "adam": ("Adam", {}, {}, 0.02),
    "adam-0.5-0.9": ("Adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-4}, {"betas": (0.5, 0.9), "eps": 1e-4}, 0.01),
    "adamw": ("AdamW", {"weight_decay": 0.01}, {"weight_decay": 0.01}, 0.02),
    "adamw-0.3": ("AdamW", {"weight_decay": 0.3}, {"weight_decay": 0.3}, 0.02),
}
OBJECTIVES = {
    "squared_error-full": {"loss": "squared_error", "alpha": 0.0, "batch_size": None, "epochs": 60},
    "log_loss-full": {"loss": "log_loss", "alpha": 0.1, "batch_size": None, "epochs": 60},
    "squared_error-1": {"loss": "squared_error", "alpha": 0.05, "batch_size": 1, "epochs": 5},
    "log_loss-6": {"loss": "log_loss", "alpha": 0.05, "batch_size": 6, "epochs": 5},
}
CLIPS = {"clip_value": 0.05, "clip_norm": 0.1}
CLIPPED_RATES = {"gd": 0.3, "adam": 0.02}  # with these some of the gradients are clipped, and some are not
TORCH_NAMES = {"GD": "SGD", "Momentum": "SGD", "AdaGrad": "Adagrad", "RMSProp": "RMSprop"}  # the others' are the same

# Falls; one equal cost; falls of less than 1e-4 of the cost; rises; falls that stay above the best; a new best.
COSTS = [
    *(4.0, 3.0, 2.5, 2.5, 2.25, 2.0, 1.9985, 1.9984, 1.99837, 1.99834, 1.99832, 1.9, 1.7, 1.75, 1.8),
    *(1.72, 1.69, 1.68995, 1.6899, 1.68985, 1.5, 1.55, 1.54, 1.53, 1.52, 1.4, 1.39995, 1.39, 1.45),
    *(1.44, 1.43, 1.42, 1.41, 1.38, 1.381, 1.3799, 1.37985, 1.3798, 1.3797, 1.2, 1.21),
]
PLATEAUS = [
    {"rate": 0.1, "factor": 0.5, "patience": 1, "threshold": 1e-3, "min_rate": 0.01},  # gets to min_rate
    {"rate": 0.2, "factor": 0.9, "patience": 0, "threshold": 0.0, "min_rate": 0.0},
    {"rate": 0.05, "factor": 0.1, "patience": 3, "threshold": 1e-4, "min_rate": 0.0},  # PyTorch's threshold
]


def case(optimizer, objective, **changes):
    """One case: the optimizer and the objective of these names, with changes."""
    name, arguments, torch, rate = UPDATE_RULES[optimizer]
    rule = {"optimizer": name, "arguments": arguments, "torch": torch, "learning_rate": rate}
    return rule | OBJECTIVES[objective] | changes


def cases():
    """Every optimizer on every objective; then clipped gradients, with GD and Adam on the full batch."""
    found = {f"{o}-{j}": case(o, j) for o, j in itertools.product(UPDATE_RULES, OBJECTIVES)}
    full = [j for j in OBJECTIVES if j.endswith("full")]
    for o, j, clip in itertools.product(CLIPPED_RATES, full, CLIPS):
        found[f"{o}-{j}-{clip}"] = case(o, j, learning_rate=CLIPPED_RATES[o], **{clip: CLIPS[clip]})
    return found


CASES = cases()


def problem():
    """X (24, 3) of columns of scales 1, 0.3 and 3, targets of a regression and labels -1, +1, not separable."""
    i = np.arange(24.0)
    X = np.stack([np.sin(1.7 * i + 0.3), 0.3 * np.cos(2.3 * i), 3 * np.sin(0.9 * i + 1)], axis=1).round(6)
    z = X @ [0.8, -2.0, 0.4]
    y = (1 + z + 0.5 * np.sin(5.1 * i)).round(6)
    labels = np.where(0.3 + z + 1.5 * np.cos(3.7 * i) > 0, 1.0, -1.0)
    return X, y, labels


def stored_epochs(epochs):
    """The epochs a path is stored after: the first, the second, half of them and the last."""
    return [1, 2, (epochs + 1) // 2, epochs]


def objective(case, X, y, w, b):
    """J on the rows given."""
    import torch

    z = X @ w + b
    if case["loss"] == "squared_error":
        losses = (z - y) ** 2 / 2
    else:  # softplus(-y z), exact for every z; PyTorch's softplus is linear above 20
        losses = torch.logaddexp(torch.zeros_like(z), -y * z)
    return losses.mean() + case["alpha"] / 2 * (w @ w)


def torch_optimizer(case, w, b):
    """PyTorch's optimizer of a case; AdamW's weight decay is on w alone."""
    import torch

    name = case["optimizer"]
    groups = [{"params": [w]}, {"params": [b]} | ({"weight_decay": 0.0} if name == "AdamW" else {})]
    return getattr(torch.optim, TORCH_NAMES.get(name, name))(groups, lr=case["learning_rate"], **case["torch"])


def clip_gradient(case, w, b):
    """Clip the gradient of w and b in place, if the case says so."""
    import torch

    if "clip_value" in case:
        torch.nn.utils.clip_grad_value_([w, b], case["clip_value"])
    if "clip_norm" in case:  # g min(1, c/|g|), exactly: clip_grad_norm_ divides by |g| + 1e-6
        norm = torch.sqrt(w.grad @ w.grad + b.grad**2).item()
        for p in (w, b):
            p.grad.mul_(min(1.0, case["clip_norm"] / norm))


def path(case):
    """The parameters [w0, w1, w2, b] after the epochs stored."""
    import torch

    X, regression, labels = problem()
    X, y = torch.from_numpy(X), torch.from_numpy(regression if case["loss"] == "squared_error" else labels)
    w, b = (torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in [(3,), ()])
    optimizer = torch_optimizer(case, w, b)
    after = {}
    for epoch in range(1, case["epochs"] + 1):
        for rows in torch.arange(24).split(case["batch_size"] or 24):
            optimizer.zero_grad()
            objective(case, X[rows], y[rows], w, b).backward()
            clip_gradient(case, w, b)
            optimizer.step()
        after[epoch] = [*w.tolist(), b.item()]
    return {str(epoch): after[epoch] for epoch in stored_epochs(case["epochs"])}


def plateau_rates(setting):
    """The rates in force after each cost, by PyTorch's ReduceLROnPlateau."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=setting["rate"])
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="min",
        factor=setting["factor"],
        patience=setting["patience"],
        threshold=setting["threshold"],
        threshold_mode="rel",
        cooldown=0,
        min_lr=setting["min_rate"],
        eps=0,
    )
    rates = []
    for cost in COSTS:
        plateau.step(cost)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def reference():
    """Everything that is stored."""
    import torch

    return {
        "torch": torch.__version__,
        "cases": {name: {"epochs": path(CASES[name])} for name in CASES},
        "plateau": {"costs": COSTS, "settings": [s | {"rates": plateau_rates(s)} for s in PLATEAUS]},
    }


def write():
    """Rewrite the JSON beside this file, each list of numbers on one line."""
    text = json.dumps(reference(), indent=1)
    text = re.sub(r"\[[^][{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text)
    text = text.replace("[ ", "[").replace(" ]", "]")
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
