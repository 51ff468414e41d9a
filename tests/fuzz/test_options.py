"""Every option of fit, drawn together, against the plain loop of oracle.py in 80-bit floats.

A draw counts where its numbers are well determined: the same loop in float64, on features changed in their last digit,
stays near the 80-bit one, no decision (a kink, a stopping rule) lies next to its border, and the cost does not explode.
"""

import itertools
import os
import tempfile
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, note, settings
from hypothesis import strategies as st

import gdfast
from gdfast.formulas.losses import LOSSES
from gdfast.options.declarations import DEFAULTS, OPTIONS, known_by_others

scipy_sparse = pytest.importorskip("scipy.sparse")
HERE = [name for name in ("cython", "numpy") if gdfast.backends.available()[name] is None]
DRAWS = os.environ.get("GDFAST_FUZZ")  # so many, at random; by default a few, the same ones each time
FUZZ = settings(
    max_examples=int(DRAWS or 150), derandomize=not DRAWS, deadline=None, database=None, print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
WELL_DETERMINED, NEAREST, TOLERANCE = 1e-12, 1e-10, 1e-9

RATE = st.sampled_from([0.001, 0.01, 0.03, 0.1])
BY = st.sampled_from(["epoch", "step"])
PLAIN = st.one_of(
    st.builds(gdfast.Constant, RATE),
    st.builds(gdfast.Step, RATE, st.integers(1, 9), st.sampled_from([0.1, 0.5, 1.0]), by=BY),
    st.builds(gdfast.Exponential, RATE, st.sampled_from([0.5, 0.9, 0.99]), by=BY),
    st.builds(gdfast.InverseScaling, RATE, st.sampled_from([0.25, 0.5, 1.0]), by=BY),
    st.builds(gdfast.InverseTime, RATE, st.sampled_from([0.0, 0.01, 0.5]), by=BY),
    st.builds(gdfast.Cosine, RATE, st.integers(1, 20), st.sampled_from([0.0, 0.001]), st.booleans(), by=BY),
)
RATES = st.one_of(
    RATE,
    PLAIN,
    st.tuples(PLAIN, st.integers(1, 10)).map(lambda drawn: gdfast.Warmup(*drawn, by=drawn[0].by)),
    st.builds(
        gdfast.ReduceOnPlateau, RATE, st.sampled_from([0.1, 0.5]), st.integers(0, 2), st.just(1e-3), st.just(1e-4)
    ),
    st.integers(0, 99).map(lambda seed: np.random.default_rng(seed).uniform(0.0, 0.05, 12)),
    st.sampled_from([0.01, 0.05]).map(lambda rate: lambda epoch: rate / (1 + epoch)),
    st.just("auto"),
)
SMALL = st.sampled_from([0.0, 0.01, 0.1, 1.0])
ARRAY = st.integers(0, 2**32 - 1)  # the seed of an array whose shape depends on other draws
MAYBE = {"penalty_factors", "sample_weight", "coef_init", "intercept_init"}
OPTIMIZERS = st.one_of(
    st.sampled_from(["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]),
    st.builds(gdfast.Momentum, st.sampled_from([0.0, 0.3, 0.95]), st.booleans()),
    st.builds(gdfast.AdaGrad, st.sampled_from([1e-10, 1e-3])),
    st.builds(gdfast.RMSProp, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([1e-8, 1e-2])),
    st.builds(
        gdfast.Adam, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.9]), st.sampled_from([1e-8, 1e-2])
    ),
    st.builds(gdfast.AdamW, eps=st.just(1e-3), weight_decay=st.sampled_from([0.0, 0.1, 1.0])),
)
# By option: what may be drawn beside the default. A new option of fit needs an entry here.
STRATEGIES = {
    "loss": st.sampled_from(list(LOSSES)),
    "loss_parameter": st.sampled_from([0.2, 0.5, 0.9]),
    "penalty": st.sampled_from(["l2", "l1", "elasticnet"]),
    "alpha": SMALL,
    "l1_ratio": st.sampled_from([0.0, 0.15, 0.9, 1.0]),
    "penalty_factors": ARRAY,
    "fit_intercept": st.just(False),
    "standardize": st.just(True),
    "sample_weight": ARRAY,
    "bounds": st.sampled_from([(-0.1, 0.2), (0.05, 1.0), (-np.inf, 0.1), (-1.0, np.inf), (0.0, 0.0)]),
    "positive": st.just(True),
    "batch_size": st.sampled_from([1, 1, 2, 3, 7, 50]),
    "epochs": st.integers(1, 12),
    "learning_rate": RATES,
    "optimizer": OPTIMIZERS,
    "average": st.sampled_from([True, 0, 2, 30, gdfast.EMA(0.9), gdfast.EMA(0.5, 3)]),
    "clip_norm": st.sampled_from([0.01, 0.5, 100.0]),
    "clip_value": st.sampled_from([0.01, 0.3, 100.0]),
    "coef_init": ARRAY,
    "intercept_init": ARRAY,
    "shuffle": st.just(False),
    "seed": st.sampled_from([0, 1, 2**64 - 1]) | st.integers(0, 2**64 - 1),
    "tol": st.sampled_from([0.0, 1e-4, 1e-2, 1.0]),
    "patience": st.integers(1, 4),
    "gradient_tol": st.sampled_from([1e-3, 0.1, 1.0]),
    "validation": st.sampled_from(["part", "rows", "weighted rows"]),
    "restore_best": st.just(True),
    "max_seconds": st.just(1e6),
    "on_divergence": st.sampled_from(["raise", "backtrack"]),
    "interrupt": st.just("raise"),
    "history": st.sampled_from(["objective", "running", "none"]),
    "history_every": st.sampled_from([2, 5, "log"]),
    "history_limit": st.sampled_from([2, 3, 5]),
    "record": st.lists(st.sampled_from(["learning_rate", "gradient_norm", "coef_norm", "coef"]), unique=True).map(
        tuple
    ),
    "progress": st.just(False),
    "callbacks": st.just(lambda state: None),
    "callback_every": st.integers(1, 5),
    "checkpoint": st.just("run.npz"),
    "checkpoint_every": st.integers(1, 5),
    "checkpoint_seconds": st.just(1e6),
    "solver": st.sampled_from(["loop", "closed_form", "closed_form"]),
    "backend": st.sampled_from(HERE),
    "n_threads": st.integers(1, 3),
}
CLOSED_FORM = {"loss": "squared_error", "batch_size": None, "penalty": "l2", "penalty_factors": None, "history": "auto"}
CLOSED_FORM |= {"on_divergence": "warn", "callback_every": None, "patience": None}
COMMON = ("loss", "batch_size", "epochs", "learning_rate", "penalty", "alpha", "backend", "seed")
NEEDS = {"callback_every": "callbacks", "checkpoint_every": "checkpoint", "checkpoint_seconds": "checkpoint"}
NEEDS |= {"restore_best": "validation"}


def test_every_option_has_a_strategy():
    assert set(STRATEGIES) == set(OPTIONS)


@st.composite
def drawn_options(draw):
    """Return options that fit takes together, those not drawn at their defaults."""
    others = sorted(set(STRATEGIES) - set(COMMON))
    names = draw(st.lists(st.sampled_from(others), max_size=6, unique=True))
    options = dict(DEFAULTS) | {name: draw(STRATEGIES[name]) for name in (*COMMON, *names)}
    for name in MAYBE & set(names):
        options[name] = np.random.default_rng(options[name])
    for name, needed in NEEDS.items():
        if name in names and needed not in names:
            options[needed] = draw(STRATEGIES[needed])
    if options["solver"] == "closed_form":
        options |= known_by_others("closed_form") | CLOSED_FORM
        options |= {"optimizer": draw(st.sampled_from(["gd", "momentum", gdfast.Momentum(0.5, nesterov=True)]))}
        options |= {"learning_rate": draw(PLAIN | RATE), "standardize": draw(st.booleans())}
        options |= {"checkpoint_every": None, "checkpoint_seconds": None, "checkpoint": None}
    if options["patience"] is not None and options["validation"] is None and options["tol"] is None:
        options["tol"] = draw(STRATEGIES["tol"])
    if options["alpha"] and options["penalty"] is None:
        options["alpha"] = 0.0
    if options["positive"]:
        options["bounds"] = None
    if options["loss_parameter"] is not None and LOSSES[options["loss"]].parameter is None:
        options["loss_parameter"] = None
    if options["loss"] == "tweedie" and options["loss_parameter"] is not None:
        options["loss_parameter"] += 1.0
    if options["penalty"] is None or not options["alpha"]:
        options["penalty_factors"] = None
    if not options["fit_intercept"]:
        options["intercept_init"] = None
    return options


@st.composite
def drawn_data(draw):
    """Return X, y and what they are called, for any loss."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    X = rng.normal(size=(n, d))
    kind = draw(st.sampled_from(["normal", "normal", "sparse", "integers", "a constant column", "equal columns"]))
    if kind == "sparse":
        X *= rng.random((n, d)) < 0.3
    elif kind == "integers":
        X = rng.integers(-2, 3, (n, d)).astype(float)
    elif kind == "a constant column":
        X[:, 0] = 1.5
    elif kind == "equal columns":
        X[:, -1] = X[:, 0]
    form = draw(st.sampled_from(["dense", "dense", "fortran", "csr", "float32"]))
    if form == "float32":
        X = X.astype(np.float32).astype(float)
    outputs = draw(st.sampled_from([1, 1, 1, 2, 3]))
    return SimpleNamespace(rng=rng, X=X, form=form, outputs=outputs)


def targets(data, loss):
    """Return y as fit takes it, and as the loop does."""
    n, rng, rule = len(data.X), data.rng, LOSSES[loss]
    if rule.classification:
        classes = 3 if rule.coupled else 2
        assume(n >= classes)
        codes = rng.permutation(np.arange(n) % classes)
        return codes, np.eye(classes)[codes] if rule.coupled else 2.0 * codes - 1.0
    if rule.inverse_link:
        y = rng.uniform(0.2, 3.0, n) if loss == "gamma" else rng.poisson(1.0, n).astype(float)
        return y, y
    y = rng.normal(size=(n, data.outputs) if rule.several_outputs and data.outputs > 1 else n)
    return y, y


def filled(options, data, Y, k):
    """Return options with their arrays."""
    n, d = data.X.shape
    shapes = {"penalty_factors": d, "sample_weight": n, "coef_init": (k, d) if k > 1 else d}
    for name in MAYBE:
        if options[name] is not None:
            rng = options[name]
            if name == "intercept_init":
                options[name] = rng.normal(size=k) if k > 1 else float(rng.normal())
            else:
                options[name] = (
                    rng.normal(size=shapes[name]) if name == "coef_init" else rng.uniform(0, 2, shapes[name])
                )
    if data.form == "float32" and options["coef_init"] is not None:
        options["coef_init"] = options["coef_init"].astype(np.float32)
    return options


def given_as(X, form):
    if form == "csr":
        return scipy_sparse.csr_matrix(X)
    return np.asfortranarray(X) if form == "fortran" else X.astype(np.float32) if form == "float32" else X


def with_validation(options, data, y, Y):
    """Return the argument of fit, and the rows, targets and weights that it stands for."""
    kind, n = options["validation"], len(data.X)
    if kind is None or kind == "part":
        return None if kind is None else 0.3, None
    rows = data.rng.integers(0, n, 5)
    weights = data.rng.uniform(0, 2, 5) if kind == "weighted rows" else None
    argument = (given_as(data.X[rows], data.form), y[rows])
    return argument if weights is None else (*argument, weights), (data.X[rows], Y[rows], weights)


def fitted(X, y, options):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", gdfast.StabilityWarning)
        warnings.simplefilter("ignore", gdfast.DivergenceWarning)
        if options["checkpoint"] is not None:
            options = options | {"checkpoint": os.path.join(folder, options["checkpoint"])}
        weights = options["sample_weight"]
        try:
            return gdfast.fit(X, y, **options | {"sample_weight": weights})
        except gdfast.DivergenceError as error:
            return error.run


def rate_of(X, y, options):
    """Return the rate that the loop takes: "auto" is asked for, as no formula fixes it for every loss."""
    rate = options["learning_rate"]
    if isinstance(rate, str):
        asked = {"epochs": 1, "record": ("learning_rate",), "solver": "loop", "checkpoint": None, "history": "auto"}
        asked |= {"checkpoint_every": None, "checkpoint_seconds": None, "on_divergence": "warn", "history_limit": 9}
        return float(fitted(X, y, options | asked | {"history_every": 1}).history["learning_rate"][-1])
    return rate


def relative(a, b):
    size = max(1e-3, float(np.abs(b).max(initial=0.0)))
    return float(np.abs(np.asarray(a) - b).max(initial=0.0)) / size


def check_history(run, options, loop, tolerance):
    kind = options["history"]
    kind = ("objective" if options["batch_size"] is None else "running") if kind == "auto" else kind
    if kind == "none":
        assert run.costs.size == 0
        return
    kept = run.cost_epochs.astype(int)
    first = 0 if kind == "objective" else 1
    expected = np.array(loop.objectives if kind == "objective" else loop.running)
    if len(kept) == 0 or (kind == "running" and run.epochs == 0):
        assert run.epochs == 0
        return
    if options["history_limit"] >= 1000 and options["history_every"] != "log":
        every = options["history_every"]
        wanted = {e for e in range(kept[0], run.epochs + 1, 1) if e % every == 0} | {int(kept[0]), run.epochs}
        assert kept[0] in (0, first)
        assert set(kept.tolist()) == wanted | {int(kept[0])}
    assert kept[-1] == run.epochs
    if kind == "running" and kept[0] == 0:
        assert np.isnan(run.history["cost"][0])
    costs, size = expected[first:], np.nanmax(np.abs(expected))
    pairs = [(cost, costs[e - first]) for e, cost in zip(kept, run.costs, strict=True) if e >= first]
    assert all(abs(cost - other) <= tolerance * max(1e-3, size) for cost, other in pairs), (kind, pairs)
    rows = run.history["epoch"].astype(int)
    if options["validation"] is not None:
        assert relative(run.history["validation_cost"], np.array(loop.validations)[rows]) < tolerance


class RowsInBlocks:
    """Rows cut into blocks, as a source of Blocks of some kind, and the order in which an epoch takes them."""

    def __init__(self, sizes, source):
        self.sizes, self.source = sizes, source
        self.shuffles = source != "iterator"
        self.borders = np.cumsum([0, *sizes])
        self.parts = [np.arange(*pair) for pair in itertools.pairwise(self.borders)]

    def given(self, X, y, weights, form):
        parts = [(given_as(X[rows], form), y[rows]) for rows in self.parts]
        if weights is not None:
            parts = [(*part, weights[rows]) for part, rows in zip(parts, self.parts, strict=True)]
        if self.source == "functions":
            return gdfast.Blocks([lambda part=part: part for part in parts])
        return gdfast.Blocks(parts if self.source == "list" else lambda: iter(parts))

    def order(self, options, epoch):
        """Return the rows of each block in the order of an epoch."""
        if options["batch_size"] is None:
            return np.arange(self.borders[-1])
        if not options["shuffle"]:
            return self.parts
        n, seed, m = self.borders[-1], options["seed"], len(self.sizes)
        rows = gdfast.sample_order(n, seed, epoch, blocks=self.sizes, shuffle_blocks=self.shuffles)
        numbers = gdfast.sample_order(m, seed, epoch) if self.shuffles else range(m)
        return np.split(rows, np.cumsum([self.sizes[j] for j in numbers])[:-1])


@given(drawn_options(), drawn_data())
@FUZZ
def test_any_options_give_the_numbers_of_the_plain_loop(oracle, options, data):
    compare(oracle, options, data)


@given(drawn_options(), drawn_data(), st.data())
@FUZZ
def test_any_options_on_blocks_of_rows_give_the_numbers_of_the_plain_loop(oracle, options, data, draw):
    assume(options["validation"] != "part")
    borders = sorted(draw.draw(st.lists(st.integers(0, len(data.X)), max_size=6)))
    sizes = np.diff([0, *borders, len(data.X)]).tolist()
    compare(oracle, options, data, RowsInBlocks(sizes, draw.draw(st.sampled_from(["list", "functions", "iterator"]))))


def compare(oracle, options, data, blocks=None):
    """Hold a fit on data, which may be in blocks, against the plain loop."""
    y, Y = targets(data, options["loss"])
    k = 1 if Y.ndim == 1 else Y.shape[1]
    n = len(data.X)
    options = filled(dict(options), data, Y, k)
    if options["validation"] == "part":
        assume(n >= 2 and not LOSSES[options["loss"]].classification)
    argument, validation = with_validation(options, data, y, Y)
    options["validation"] = argument
    if n == 1 and options["batch_size"] is not None:
        options["batch_size"] = 1
    assume(data.form != "csr" or options["solver"] != "closed_form")
    if blocks is None:
        rows = given_as(data.X, data.form), y
    else:
        rows = blocks.given(data.X, y, options["sample_weight"], data.form), None
    weights, options["sample_weight"] = options["sample_weight"], None if blocks else options["sample_weight"]
    rate = rate_of(*rows, options)
    X, Y, plain = data.X, Y, options | {"sample_weight": weights}
    run = None
    if argument == 0.3:
        run = fitted(*rows, options)
        held = run.validation_rows
        train = np.setdiff1d(np.arange(n), held)
        s = options["sample_weight"]
        validation = (X[held], Y[held], None if s is None else s[held])
        plain["sample_weight"] = None if s is None else s[train]
        X, Y = X[train], Y[train]
    n = len(X)
    if options["batch_size"] is not None and options["batch_size"] >= n > 1 and blocks is None:
        plain["batch_size"] = None
    if n == 1 and options["batch_size"] is not None:
        plain["batch_size"] = 1

    def order(epoch):
        if blocks is not None:
            return blocks.order(plain, epoch)
        if plain["batch_size"] is None or not options["shuffle"]:
            return np.arange(n)
        return gdfast.sample_order(n, options["seed"], epoch)

    sparse = data.form == "csr"
    arguments = {"validation": validation, "sparse": sparse}
    with np.errstate(all="ignore"):
        loop = oracle.Loop(X, Y, plain, **arguments).run(options["epochs"], rate, order)
        changed = X * (1 + 2e-16 * np.random.default_rng(0).choice([-1, 1], X.shape))
        near = oracle.Loop(changed, Y, plain, dtype=np.float64, **arguments).run(options["epochs"], rate, order)
    size = max(abs(loop.objectives[0]), 1e-3)
    assume(np.isfinite(loop.objectives).all() and max(map(abs, loop.objectives)) < 500 * size)
    assume(loop.closest > (NEAREST if data.form != "float32" else 1e-3) and near.stop == loop.stop)
    determined = max(relative(near.coef, loop.coef), relative(near.last, loop.last), abs(near.cost - loop.cost) / size)
    event("well determined" if determined < WELL_DETERMINED else "not well determined")
    assume(determined < WELL_DETERMINED)
    tolerance = TOLERANCE
    if data.form == "float32":
        tolerance = 1e-3 if not loop.rule.__class__.__name__.startswith(("Ada", "RMS")) else 1e-1
    run = run or fitted(*rows, options)
    note(str({name: value for name, value in options.items() if value is not DEFAULTS[name]}))
    event(run.solver)
    assert (run.epochs, run.stop_reason) == (loop.epochs, loop.stop)
    assert relative(np.column_stack([np.atleast_2d(run.coef), np.ravel(run.intercept)]), loop.coef) < tolerance
    last = np.column_stack([np.atleast_2d(run.last_coef), np.ravel(run.last_intercept)])
    assert relative(last, loop.last) < tolerance
    assert abs(run.cost - loop.cost) <= tolerance * size
    check_history(run, plain, loop, tolerance)
