"""Options of fit: wrong ones are refused before training, and the caller's arrays stay unchanged."""

import itertools
import re

import numpy as np
import pytest

import gdfast

WRONG = [
    {"validation": 1.0}, {"validation": 0}, {"validation": "half"}, {"validation": (np.ones((40, 3)),)},
    {"patience": 3}, {"patience": 0, "tol": 0.1}, {"tol": -1}, {"restore_best": True}, {"bounds": (1, 0)},
    {"bounds": 3}, {"bounds": (np.nan, 1)}, {"bounds": ([0, 1], 1)}, {"bounds": (-2, -1), "positive": True},
    {"positive": 1}, {"clip_norm": 0}, {"clip_value": -1}, {"clip_value": "a"}, {"average": -1}, {"average": 0.5},
    {"average": gdfast.EMA}, {"optimizer": "adam", "solver": "closed_form"},
    {"solver": "closed_form", "positive": True},
    {"solver": "closed_form", "average": True}, {"solver": "closed_form", "validation": 0.5},
    {"optimizer": gdfast.Adam},
    {"penalty_factors": [1, 1, 1]}, {"penalty": "l2", "alpha": 1, "penalty_factors": [1, -1, 1]},
    {"penalty": "l2", "alpha": 1, "penalty_factors": [1, 1]}, {"max_seconds": 0}, {"max_seconds": "1"},
    {"gradient_tol": -1}, {"record": "weights"}, {"record": 3}, {"callbacks": 3}, {"callbacks": [3]},
    {"callback_every": 0, "callbacks": print}, {"interrupt": "ignore"}, {"on_divergence": "cry"},
    {"checkpoint_every": 2}, {"checkpoint_seconds": 2.0}, {"checkpoint": 3}, {"checkpoint": "nowhere/at/all"},
    {"learning_rate": gdfast.ReduceOnPlateau}, {"loss": gdfast.Loss}, {"history_limit": 1},
]  # fmt: skip


@pytest.mark.parametrize("options", WRONG, ids=lambda options: "-".join(options))
def test_wrong_options_are_refused_before_training(options, X, Y):
    def start(state):
        pytest.fail("training began")

    class Begun:
        on_start = staticmethod(start)

    name = next(iter(options))
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as caught:
        gdfast.fit(X, Y, **{"callbacks": Begun(), **options} if "solver" not in options else options)
    words = {"patience": "patience", "optimizer": "closed_form|class", "solver": "closed_form"}
    assert re.search(words.get(name, name), str(caught.value)), caught.value


@pytest.mark.parametrize(
    "make",
    [
        lambda: gdfast.AdaGrad(eps=0), lambda: gdfast.RMSProp(rho=1.0), lambda: gdfast.Adam(beta1=1),
        lambda: gdfast.Adam(eps=-1),
        lambda: gdfast.AdamW(weight_decay=-1), lambda: gdfast.EMA(1.0), lambda: gdfast.EMA(0.5, -1),
        lambda: gdfast.ReduceOnPlateau(0.1, factor=1.0), lambda: gdfast.ReduceOnPlateau(0),
        lambda: gdfast.ReduceOnPlateau(0.1, patience=-1),
        lambda: gdfast.Warmup(gdfast.ReduceOnPlateau(0.1), 3),
    ],
)  # fmt: skip
def test_wrong_numbers_of_optimizers_and_schedules(make):
    with pytest.raises((ValueError, TypeError)):
        make()


def test_the_callers_arrays_are_left_alone(X, Y):
    factors, low, high = np.ones(3), np.full(3, -1.0), np.full(3, 1.0)
    kept = [array.copy() for array in (X, Y, factors, low, high)]
    gdfast.fit(
        X, Y, penalty="l1", alpha=0.1, penalty_factors=factors, bounds=(low, high), validation=(X, Y), batch_size=3,
        optimizer="adam", average=True, clip_norm=1.0, epochs=3,
    )  # fmt: skip
    assert all(itertools.starmap(np.array_equal, zip((X, Y, factors, low, high), kept, strict=True)))
