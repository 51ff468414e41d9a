import math

import numpy as np
import pytest

import gdfast

T = np.arange(50)
FORMULAS = {
    gdfast.Constant(0.3): lambda t: 0.3,
    gdfast.Step(0.3, every=7, factor=0.5): lambda t: 0.3 * 0.5 ** (t // 7),
    gdfast.Exponential(0.3, 0.9): lambda t: 0.3 * 0.9**t,
    gdfast.InverseScaling(0.3, power=0.25): lambda t: 0.3 / (t + 1) ** 0.25,
    gdfast.InverseTime(0.3, 0.1): lambda t: 0.3 / (1 + 0.1 * t),
    gdfast.Cosine(0.3, 20, min_rate=0.1): lambda t: 0.1 + 0.2 * (1 + math.cos(math.pi * min(t, 20) / 20)) / 2,
    gdfast.Cosine(0.3, 20, restarts=True): lambda t: 0.3 * (1 + math.cos(math.pi * (t % 20) / 20)) / 2,
    gdfast.Warmup(gdfast.Exponential(0.3, 0.9), 5): lambda t: 0.3 * (t + 1) / 5 if t < 5 else 0.3 * 0.9 ** (t - 5),
}


@pytest.mark.parametrize("schedule", FORMULAS, ids=repr)
def test_schedules_follow_their_formulas(schedule):
    expected = [FORMULAS[schedule](int(t)) for t in T]
    np.testing.assert_allclose(schedule(T), expected, rtol=1e-14, atol=1e-17)
    np.testing.assert_allclose([float(schedule(int(t))) for t in T], expected, rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gdfast.Constant(0.0), "rate=0.0.*above 0"),
        (lambda: gdfast.Step(0.1, every=0), "every=0.*at least 1"),
        (lambda: gdfast.Exponential(0.1, -1.0), "factor=-1.0"),
        (lambda: gdfast.Cosine(0.1, 10, restarts=1), "restarts=1 must be True or False"),
        (lambda: gdfast.InverseTime(0.1, math.nan), "k=nan"),
        (lambda: gdfast.Constant(0.1, by="batch"), "by='batch'.*epoch, step"),
        (lambda: gdfast.Warmup(0.1, 5), "schedule=0.1 must be a schedule"),
        (lambda: gdfast.Warmup(gdfast.Constant(0.1), 5, by="step"), "by='step', but the schedule inside"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_saved_run_keeps_its_schedule(tmp_path):
    schedule = gdfast.Warmup(gdfast.Cosine(0.3, 20, restarts=True), 5)
    run = gdfast.fit([[0.0], [1.0]], [0.0, 1.0], epochs=9, learning_rate=schedule)
    run.save(tmp_path / "r.npz")
    assert gdfast.Run.load(tmp_path / "r.npz").settings["learning_rate"] == schedule


def test_reduce_on_plateau_follows_the_costs(backend, X, Y):
    schedule = gdfast.ReduceOnPlateau(0.5, factor=0.5, patience=1, threshold=1e-3)
    for options in (
        {},
        {"batch_size": 1, "seed": 1, "learning_rate": None},
        {"batch_size": 4, "seed": 1, "history": "objective"},
    ):
        rate = gdfast.ReduceOnPlateau(0.05, factor=0.5, patience=1, threshold=1e-3) if options else schedule
        options = {**options, "learning_rate": rate, "epochs": 40, "solver": "loop", "backend": backend}
        run = gdfast.fit(X, Y, record="learning_rate", **options)
        plain = gdfast.fit(X, Y, **options)
        assert plain.coef.tobytes() == run.coef.tobytes()
        known, rates, least, without, now = run.history["cost"], [math.nan], math.inf, 0, rate.rate
        for cost in known:
            if not math.isnan(cost):
                if cost < least * (1 - 1e-3):
                    least, without = cost, 0
                else:
                    without += 1
                if without > 1:
                    now, without = now * 0.5, 0
            rates.append(now)
        np.testing.assert_allclose(run.history["learning_rate"], rates[:-1])
