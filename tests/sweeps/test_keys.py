"""The key of a configuration: equal for equal settings, another for any other."""

import json
import subprocess
import sys

import numpy as np
import pytest

import gdfast
from gdfast.options.declarations import DEFAULTS
from gdfast.sweeps.keys import WITHOUT_EFFECT, differing, key_of, settings_as_json, shown_setting

pd = pytest.importorskip("pandas")
NAMED = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})


def key(fold=None, **settings):
    return key_of({**DEFAULTS, **settings}, fold)


def test_a_key_is_a_sha256_in_hexadecimal():
    assert len(key()) == 64
    int(key(), 16)


def test_the_order_of_the_names_does_not_matter():
    assert key_of(dict(reversed(DEFAULTS.items())), 2) == key_of(DEFAULTS, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"alpha": 0}),
        ({"alpha": 1}, {"alpha": 1.0}),
        ({"alpha": 0.5}, {"alpha": np.float64(0.5)}),
        ({"epochs": 7}, {"epochs": np.int32(7)}),
        ({"bounds": (0, np.inf)}, {"bounds": [-0.0, float("inf")]}),
        ({"learning_rate": (0.5, 0.25)}, {"learning_rate": np.array([0.5, 0.25])}),
        ({"learning_rate": (0.5,) * 50}, {"learning_rate": np.full(50, 0.5)}),
        ({"coef_init": np.ones(40, np.float32)}, {"coef_init": np.ones(40, dtype=int)}),
        ({"coef_init": np.zeros(40)}, {"coef_init": -np.zeros(80)[::2]}),
        ({"learning_rate": gdfast.Step(0.1, 3)}, {"learning_rate": gdfast.Step(0.1, 3, factor=0.1)}),
        ({"optimizer": gdfast.Adam()}, {"optimizer": gdfast.Adam(beta1=0.9)}),
        ({"validation": (NAMED, "y")}, {"validation": (NAMED.copy(), "y")}),
        *[({}, {name: value}) for name, value in {"progress": True, "n_threads": 2, "interrupt": "raise"}.items()],
    ],
)
def test_equal_settings_have_one_key(one, other):
    assert key(**one) == key(**other)


DISTINCT = [
    {},
    {"alpha": 1e-300},
    {"alpha": 0.1},
    {"alpha": np.nextafter(0.1, 1)},
    {"average": True},
    {"average": 1},
    {"seed": 2**64 - 1},
    {"seed": 2**64 - 2},
    {"learning_rate": 0.5},
    {"learning_rate": (0.5, 0.25)},
    {"learning_rate": gdfast.Step(0.5, 3)},
    {"learning_rate": gdfast.Step(0.5, 3, by="step")},
    {"learning_rate": gdfast.Constant(0.5)},
    {"learning_rate": gdfast.Warmup(gdfast.Step(0.5, 3), 2)},
    {"optimizer": gdfast.Adam()},
    {"optimizer": gdfast.AdamW()},
    {"coef_init": np.arange(40)},
    {"coef_init": np.arange(40.0)[::-1]},
    {"coef_init": np.arange(40).reshape(2, 20)},
    {"coef_init": np.array([2**53, 2**53 + 1] * 10)},
    {"coef_init": np.array([2**53, 2**53] * 10)},
    {"coef_init": np.array([-(2**63)] * 20)},
    {"coef_init": np.array([2**64 - 1] * 20, dtype=np.uint64)},
    {"validation": (NAMED, "y")},
    {"validation": (NAMED.rename(columns={"a": "b", "b": "a"}), "y")},
    {"validation": (NAMED.to_numpy(), np.array(["u", "v"]))},
    {"validation": (NAMED.to_numpy(), np.array(["v", "u"]))},
]


def test_other_settings_have_other_keys():
    keys = [key(**settings) for settings in DISTINCT] + [key(fold=0), key(fold=1)]
    assert len(set(keys)) == len(keys)
    assert keys == [key(**settings) for settings in DISTINCT] + [key(fold=0), key(fold=1)]


def test_a_default_that_is_left_out_is_the_same_key():
    assert key_of({"alpha": 0.1}, None) == key(alpha=0.1)


def test_a_sparse_validation_set_is_told_by_its_contents():
    sparse = pytest.importorskip("scipy.sparse")
    first, second = sparse.csr_array(np.eye(20)), sparse.csr_array(2 * np.eye(20))
    y = np.zeros(20)
    assert key(validation=(first, y)) == key(validation=(first.copy(), y)) != key(validation=(second, y))


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": lambda epoch: 0.1},
        {"loss": gdfast.Loss(lambda y, z: (y - z) ** 2 / 2, lambda y, z: z - y)},
        {"callbacks": [print]},
        {"callbacks": print},
        {"optimizer": {"of": lambda: 0}},
    ],
)
def test_a_function_is_never_taken_for_another(settings):
    assert key(**settings) != key(**settings)


def test_another_process_has_the_same_key():
    code = "import gdfast; from gdfast.sweeps.store import key_of; print(key_of({'optimizer': gdfast.Adam(0.8)}, 3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == key(fold=3, optimizer=gdfast.Adam(0.8))


def test_what_has_no_effect_are_options():
    assert set(WITHOUT_EFFECT) <= set(DEFAULTS)


@pytest.mark.parametrize("settings", DISTINCT)
def test_settings_are_strict_json(settings):
    text = json.dumps(settings_as_json({**DEFAULTS, **settings}), allow_nan=False)
    held = json.loads(text)
    assert list(held) == list(DEFAULTS)
    for value in held.values():
        assert shown_setting(value)


def test_settings_are_shown_as_they_are_written():
    settings = {
        "alpha": 0.1,
        "loss": "huber",
        "penalty": None,
        "fit_intercept": True,
        "bounds": (0, np.inf),
        "record": ("coef",),
        "learning_rate": gdfast.Warmup(gdfast.Step(0.5, 3), 2),
        "coef_init": np.arange(40),
        "validation": (NAMED, "y"),
    }
    shown = {name: shown_setting(value) for name, value in settings_as_json(settings).items()}
    assert shown.pop("coef_init").startswith("array of shape (40,), ")
    assert shown == {
        "alpha": "0.1",
        "loss": "huber",
        "penalty": "None",
        "fit_intercept": "True",
        "bounds": "(0, inf)",
        "record": "(coef,)",
        "learning_rate": "Warmup(schedule=Step(rate=0.5, every=3, factor=0.1, by=epoch), length=2, by=epoch)",
        "validation": shown["validation"],
    }
    assert "<lambda>" in shown_setting(settings_as_json({"loss": lambda: 0})["loss"])


def test_what_differs_is_named_in_the_order_of_the_settings():
    settings = [{"a": 1, "b": [1], "c": "x"}, {"a": 1, "b": [2], "c": "y"}, {"a": 1, "b": [1], "c": "x", "d": None}]
    assert differing(settings) == ["b", "c", "d"]
    assert differing([{"a": True}, {"a": 1}]) == ["a"]
    assert differing([]) == differing([{"a": 1}]) == []
