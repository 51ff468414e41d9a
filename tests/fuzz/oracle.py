"""Gradient descent on linear models as a plain loop in 80-bit floats, written from the documented formulas alone."""

from types import SimpleNamespace

import numpy as np

import gdfast

LD = np.longdouble
STATELESS = SimpleNamespace(momentum=0.0, nesterov=False)


def log1pexp(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def tweedie(y, z, p):
    if p == 1:
        return np.where(y > 0, y * (np.log(np.where(y > 0, y, 1)) - z), 0) - y + np.exp(z)
    if p == 2:
        return y * np.exp(-z) - 1 - np.log(y) + z
    return y ** (2 - p) / ((1 - p) * (2 - p)) - y * np.exp((1 - p) * z) / (1 - p) + np.exp((2 - p) * z) / (2 - p)


# value(y, z, c), derivative in z, and the places where the derivative jumps, as a distance.
LOSSES = {
    "squared_error": (lambda y, z, c: (z - y) ** 2 / 2, lambda y, z, c: z - y, None),
    "log_loss": (lambda y, z, c: log1pexp(-y * z), lambda y, z, c: -y / (1 + np.exp(y * z)), None),
    "hinge": (
        lambda y, z, c: np.maximum(0, 1 - y * z),
        lambda y, z, c: np.where(y * z <= 1, -y, 0),
        lambda y, z, c: y * z - 1,
    ),
    "squared_hinge": (
        lambda y, z, c: np.maximum(0, 1 - y * z) ** 2,
        lambda y, z, c: -2 * y * np.maximum(0, 1 - y * z),
        None,
    ),
    "modified_huber": (
        lambda y, z, c: np.where(y * z >= -1, np.maximum(0, 1 - y * z) ** 2, -4 * y * z),
        lambda y, z, c: np.where(y * z >= -1, -2 * y * np.maximum(0, 1 - y * z), -4 * y),
        None,
    ),
    "perceptron": (
        lambda y, z, c: np.maximum(0, -y * z),
        lambda y, z, c: np.where(y * z <= 0, -y, 0),
        lambda y, z, c: y * z,
    ),
    "huber": (
        lambda y, z, c: np.where(np.abs(z - y) <= c, (z - y) ** 2 / 2, c * (np.abs(z - y) - c / 2)),
        lambda y, z, c: np.clip(z - y, -c, c),
        None,
    ),
    "epsilon_insensitive": (
        lambda y, z, c: np.maximum(0, np.abs(z - y) - c),
        lambda y, z, c: np.where(np.abs(z - y) > c, np.sign(z - y), 0),
        lambda y, z, c: np.abs(z - y) - c,
    ),
    "squared_epsilon_insensitive": (
        lambda y, z, c: np.maximum(0, np.abs(z - y) - c) ** 2,
        lambda y, z, c: 2 * np.maximum(0, np.abs(z - y) - c) * np.sign(z - y),
        None,
    ),
    "quantile": (
        lambda y, z, c: np.where(y > z, c * (y - z), (1 - c) * (z - y)),
        lambda y, z, c: np.where(z < y, -c, np.where(z > y, 1 - c, 0)),
        lambda y, z, c: z - y,
    ),
    "poisson": (lambda y, z, c: np.exp(z) - y * z, lambda y, z, c: np.exp(z) - y, None),
    "gamma": (lambda y, z, c: y * np.exp(-z) + z - np.log(y) - 1, lambda y, z, c: 1 - y * np.exp(-z), None),
    "tweedie": (tweedie, lambda y, z, c: np.exp((2 - c) * z) - y * np.exp((1 - c) * z), None),
    "multinomial": (
        lambda y, z, c: np.log(np.exp(z).sum(axis=1, keepdims=True)) / z.shape[1] - y * z,
        lambda y, z, c: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - y,
        None,
    ),
}
PARAMETERS = {"huber": 1.35, "epsilon_insensitive": 0.1, "squared_epsilon_insensitive": 0.1, "quantile": 0.5}
PARAMETERS |= {"tweedie": 1.5}
OPTIMIZERS = {
    "gd": gdfast.GD(), "momentum": gdfast.Momentum(), "nesterov": gdfast.Momentum(nesterov=True),
    "adagrad": gdfast.AdaGrad(), "rmsprop": gdfast.RMSProp(), "adam": gdfast.Adam(), "adamw": gdfast.AdamW(),
}  # fmt: skip


def scheduled(schedule, t):
    """Return the rate of a schedule at t, from the formulas of its documentation."""
    if isinstance(schedule, gdfast.Warmup):
        inner = schedule.schedule
        if t < schedule.length:
            return scheduled(inner, 0) * (t + 1) / schedule.length
        return scheduled(inner, t - schedule.length)
    rate = LD(schedule.rate)
    if isinstance(schedule, gdfast.Step):
        return rate * LD(schedule.factor) ** (t // schedule.every)
    if isinstance(schedule, gdfast.Exponential):
        return rate * LD(schedule.factor) ** t
    if isinstance(schedule, gdfast.InverseScaling):
        return rate / LD(t + 1) ** LD(schedule.power)
    if isinstance(schedule, gdfast.InverseTime):
        return rate / (1 + LD(schedule.k) * t)
    if isinstance(schedule, gdfast.Cosine):
        u = t % schedule.period if schedule.restarts else min(t, schedule.period)
        least = LD(schedule.min_rate)
        return least + (rate - least) * (1 + np.cos(LD(np.pi) * u / schedule.period)) / 2
    assert isinstance(schedule, gdfast.Constant)
    return rate


class Plateau:
    """The rate of ReduceOnPlateau, as torch's with mode "min" and a relative threshold."""

    def __init__(self, about):
        self.about, self.rate, self.best, self.bad = about, LD(about.rate), None, 0

    def see(self, cost, decide):
        threshold = None if self.best is None else self.best * (1 - LD(self.about.threshold))
        if threshold is None or decide(cost, threshold):
            self.best, self.bad = cost, 0
        else:
            self.bad += 1
        if self.bad > self.about.patience:
            self.rate, self.bad = max(self.rate * LD(self.about.factor), LD(self.about.min_rate)), 0


class Loop:
    """One training; `closest` is how near a decision or a kink was to the other side."""

    def __init__(self, X, Y, options, validation=None, dtype=LD, sparse=False):
        self.o = o = SimpleNamespace(**options)
        self.dtype, self.n, self.d = dtype, *X.shape
        s = np.ones(self.n) if o.sample_weight is None else np.asarray(o.sample_weight)
        self.s = s.astype(dtype) * self.n / s.astype(dtype).sum()
        self.Y = Y.astype(dtype).reshape(self.n, -1)
        self.center, self.scale = self.moments(X.astype(dtype), sparse)
        self.X = (X.astype(dtype) - self.center) / self.scale
        self.value, self.slope, self.kink = LOSSES[o.loss]
        self.c = dtype(PARAMETERS.get(o.loss, 0.0) if o.loss_parameter is None else o.loss_parameter)
        part = {"l1": 1.0, "elasticnet": o.l1_ratio}.get(o.penalty, 0.0)
        factors = np.ones(self.d) if o.penalty_factors is None else np.asarray(o.penalty_factors)
        strength = dtype(o.alpha) * factors.astype(dtype) * (o.penalty is not None)
        self.l1, self.l2 = strength * dtype(part), strength * (1 - dtype(part))
        self.rule = OPTIMIZERS[o.optimizer] if isinstance(o.optimizer, str) else o.optimizer
        self.validation = validation
        self.closest = np.inf
        self.start()

    def moments(self, X, sparse):
        if not self.o.standardize:
            return np.zeros(self.d, self.dtype), np.ones(self.d, self.dtype)
        constant = (X[0] == X).all(axis=0)
        mean = (self.s[:, None] * X).sum(axis=0) / self.n
        mean = np.where(constant, X[0], mean)
        scale = np.sqrt((self.s[:, None] * (X - mean) ** 2).sum(axis=0) / self.n)
        return (0 * mean if sparse else mean), np.where(constant, 1, scale)

    def start(self):
        k = self.Y.shape[1]
        W = np.zeros((k, self.d)) if self.o.coef_init is None else np.reshape(self.o.coef_init, (k, self.d))
        b = np.zeros(k) if self.o.intercept_init is None else np.reshape(self.o.intercept_init, k)
        W, b = W.astype(self.dtype), b.astype(self.dtype)
        if self.o.fit_intercept:
            b = b + W @ self.center
        low, high = (0.0, np.inf) if self.o.positive else self.o.bounds or (-np.inf, np.inf)
        self.low, self.high = (np.asarray(end, self.dtype) for end in (low, high))
        self.W, self.b = np.clip(W * self.scale, self.low, self.high), b
        self.m, self.v = np.zeros((k, self.d + 1), self.dtype), np.zeros((k, self.d + 1), self.dtype)
        self.could, self.did = np.zeros((k, self.d), self.dtype), np.zeros((k, self.d), self.dtype)
        self.steps, self.counted, self.mean = 0, 0, None

    def losses(self, rows, W, b):
        return self.s[rows] * self.value(self.Y[rows], self.X[rows] @ W.T + b, self.c).sum(axis=1)

    def objective(self, W, b):
        penalty = (self.l2 * W * W / 2 + self.l1 * np.abs(W)).sum()
        return self.losses(slice(None), W, b).sum() / self.n + penalty

    def gradient(self, rows):
        """Return the gradient of the rows' mean loss and l2, the intercepts last."""
        z, y = self.X[rows] @ self.W.T + self.b, self.Y[rows]
        if self.kink is not None and (self.steps or self.W.any() or self.b.any()):
            self.closest = min(self.closest, np.abs(self.kink(y, z, self.c)).min())
        r = self.s[rows, None] * self.slope(y, z, self.c) / len(y)
        G = np.column_stack([r.T @ self.X[rows] + self.l2 * self.W, r.sum(axis=0)])
        G[:, -1] *= self.o.fit_intercept
        return G

    def gradient_norm(self):
        G = self.gradient(np.arange(self.n))
        g = G[:, :-1]
        shrunk = np.sign(g) * np.maximum(np.abs(g) - self.l1, 0)
        g = np.where(self.W == 0, shrunk, g + self.l1 * np.sign(self.W))
        g = np.where((self.low >= self.W) & (g > 0), 0, g)
        G[:, :-1] = np.where((self.high <= self.W) & (g < 0), 0, g)
        return np.sqrt((G * G).sum())

    def step(self, G, eta):
        """Return what is taken from the parameters, and the rate that l1 has."""
        rule, one = self.rule, self.dtype(1)
        if isinstance(rule, gdfast.Adam | gdfast.AdamW):
            b1, b2 = self.dtype(rule.beta1), self.dtype(rule.beta2)
            self.m, self.v = b1 * self.m + (one - b1) * G, b2 * self.v + (one - b2) * G * G
            rate = eta / (np.sqrt(self.v / (one - b2**self.steps)) + self.dtype(rule.eps))
            step = rate * self.m / (one - b1**self.steps)
            if isinstance(rule, gdfast.AdamW):
                step[:, :-1] += eta * self.dtype(rule.weight_decay) * self.W
            return step, rate[:, :-1]
        if isinstance(rule, gdfast.AdaGrad | gdfast.RMSProp):
            rho = self.dtype(getattr(rule, "rho", 1.0))
            self.v = rho * self.v + (G * G if isinstance(rule, gdfast.AdaGrad) else (one - rho) * G * G)
            rate = eta / (np.sqrt(self.v) + self.dtype(rule.eps))
            return rate * G, rate[:, :-1]
        rule = rule if isinstance(rule, gdfast.Momentum) else STATELESS
        mu = self.dtype(rule.momentum)
        self.m = mu * self.m + G
        return eta * (G + mu * self.m if rule.nesterov else self.m), eta / (1 - mu)

    def update(self, rows, eta):
        G = self.gradient(rows)
        if self.o.clip_norm is not None:
            norm = np.sqrt((G * G).sum())
            G = G * (self.dtype(self.o.clip_norm) / norm) if norm > self.o.clip_norm else G
        if self.o.clip_value is not None:
            G = np.clip(G, -self.dtype(self.o.clip_value), self.dtype(self.o.clip_value))
        self.steps += 1
        step, rate = self.step(G, eta)
        self.W, self.b = self.W - step[:, :-1], self.b - step[:, -1]
        self.shrink(rate * self.l1)
        self.W = np.clip(self.W, self.low, self.high)

    def shrink(self, threshold):
        W = self.W
        if self.o.batch_size != 1:
            self.W = np.sign(W) * np.maximum(np.abs(W) - threshold, 0)
            return
        self.could = self.could + threshold
        positive = np.maximum(0, W - (self.could + self.did))
        negative = np.minimum(0, W + (self.could - self.did))
        self.W = np.where(W > 0, positive, np.where(W < 0, negative, W))
        self.did = self.did + self.W - W

    def average(self, epoch):
        average = self.o.average
        if average is None or average is False:
            return
        w = np.column_stack([self.W, self.b])
        if isinstance(average, gdfast.EMA):
            if epoch >= average.start:
                decay = self.dtype(average.decay)
                self.mean = decay * self.mean + (1 - decay) * w
        elif epoch >= int(average is not True) * int(average):
            self.counted += 1
            self.mean = w if self.counted == 1 else self.mean + (w - self.mean) / self.counted

    def now(self):
        """Return coefficients and intercepts as they would be returned now."""
        return (self.W, self.b) if self.mean is None else (self.mean[:, :-1], self.mean[:, -1])

    def less(self, a, b):
        """Return whether a < b, and note how near they were."""
        self.closest = min(self.closest, abs(a - b) / max(abs(a), abs(b), self.dtype(1e-3)))
        return a < b

    def original(self, W, b):
        return np.column_stack([W / self.scale, b - (W / self.scale) @ self.center])

    def validation_cost(self):
        X, Y, s = self.validation
        W, b = self.now()
        z = ((X.astype(self.dtype) - self.center) / self.scale) @ W.T + b
        values = self.value(Y.astype(self.dtype).reshape(len(X), -1), z, self.c).sum(axis=1)
        s = np.ones(len(X)) if s is None else s
        return (s * values).sum() / s.sum()

    def rate(self, epoch, rate):
        if isinstance(rate, Plateau):
            return rate.rate
        if isinstance(rate, gdfast.Constant | np.ndarray) or not callable(rate):
            return self.dtype(rate[epoch] if isinstance(rate, np.ndarray) else getattr(rate, "rate", rate))
        if not hasattr(rate, "by"):
            return self.dtype(rate(epoch))
        return self.dtype(scheduled(rate, self.steps if rate.by == "step" else epoch))

    def run(self, epochs, rate, order):
        """Train, and leave what a Run has: costs by epoch and kind, the parameters, the stop reason."""
        o, rate = self.o, Plateau(rate) if isinstance(rate, gdfast.ReduceOnPlateau) else rate
        size = self.n if o.batch_size is None else o.batch_size
        kind = (
            o.history if o.history in ("objective", "running") else "objective" if o.batch_size is None else "running"
        )
        self.objectives, self.running, self.validations = [self.objective(self.W, self.b)], [np.nan], []
        self.iterates, self.averages = [(self.W, self.b)], [self.now()]
        self.stop, watched, bad, self.epochs = "epochs", [], 0, epochs
        if self.validation is not None:
            self.validations.append(self.validation_cost())
        watching = self.validations if self.validation is not None else {"objective": self.objectives}.get(kind)
        for epoch in range(epochs + 1):
            if epoch > 0 or watching is not None:
                cost = (self.running if watching is None else watching)[epoch]
                if epoch > 0 and watched and (o.tol is not None or o.patience is not None):
                    bad = 0 if self.less(cost, min(watched) - self.dtype(o.tol or 0.0)) else bad + 1
                watched.append(cost)
                if isinstance(rate, Plateau):
                    rate.see(cost, self.less)
            self.stop = self.reason(epoch, bad)
            if self.stop or epoch == epochs:
                break
            self.one_epoch(epoch, rate, order(epoch), size)
        self.stop, self.epochs = self.stop or "epochs", epoch
        self.finish()
        return self

    def reason(self, epoch, bad):
        o = self.o
        if o.gradient_tol is not None and self.less(self.gradient_norm(), self.dtype(o.gradient_tol)):
            return "gradient"
        if (o.tol is not None or o.patience is not None) and bad >= (o.patience or 5):
            return "tol" if self.validation is None else "validation"
        return None

    def one_epoch(self, epoch, rate, rows, size):
        total = self.dtype(0)
        if isinstance(self.o.average, gdfast.EMA) and epoch == self.o.average.start:
            self.mean = np.column_stack([self.W, self.b])
        parts = rows if isinstance(rows, list) else [rows]  # batches do not cross blocks of rows
        for batch in [part[first : first + size] for part in parts for first in range(0, len(part), size)]:
            total = total + self.losses(batch, self.W, self.b).sum()
            self.update(batch, self.rate(epoch, rate))
            self.average(epoch)
        self.running.append(total / self.n)
        self.objectives.append(self.objective(self.W, self.b))
        self.iterates.append((self.W, self.b))
        self.averages.append(self.now())
        if self.validation is not None:
            self.validations.append(self.validation_cost())

    def finish(self):
        self.best = None
        last = self.iterates[-1]
        W, b = self.averages[-1]
        if self.validation is not None:
            self.best = int(np.argmin(self.validations))
            for other in np.delete(np.array(self.validations), self.best):
                self.less(other, self.validations[self.best])
            if self.o.restore_best:
                W, b = self.averages[self.best]
        self.coef, self.last, self.cost = self.original(W, b), self.original(*last), self.objective(W, b)
