"""A few trained runs, and stores of them."""

import numpy as np
import pytest

import gdfast
from gdfast.sweeps.store import key_of, open_store

FINGERPRINT = "f" * 32


@pytest.fixture(scope="session")
def trained():
    """Return a function that trains a small run with some settings, each once."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=30)
    kept = {}

    def train(**settings):
        name = repr(settings)
        if name not in kept:
            kept[name] = gdfast.fit(X, y, **{"epochs": 20, "learning_rate": 0.1, "seed": 3, **settings})
        return kept[name]

    train.data = X, y
    return train


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture
def filled(path, trained):
    """Return a store of three runs and a failed one, and their keys."""
    store, keys = open_store(path, FINGERPRINT), []
    for alpha in (0.0, 0.1, 1.0):
        run = trained(penalty="l2", alpha=alpha)
        keys.append(key_of(run.settings, None))
        store.add(keys[-1], run.settings, None, run, validation_cost=alpha + 0.5)
    settings = {**run.settings, "alpha": 2.0}
    keys.append(key_of(settings, 1))
    store.add(keys[-1], settings, 1, error="ValueError: y has one class")
    return store, keys
