"""Update rules of the registry against the recurrences of their papers."""

import math

import numpy as np
import pytest

from gdfast.formulas.update_rules import UPDATE_RULES, correction


def rules_written_out(gradients, eta, mu, rho, eps, decay):
    """Return the iterates of each rule from w = 1, written out from the papers' formulas."""
    w = dict.fromkeys(("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"), 1.0)
    m = squares = mean_square = first = second = 0.0
    for t, g in enumerate(gradients, 1):
        m = mu * m + g
        squares += g**2
        mean_square = rho * mean_square + (1 - rho) * g**2
        first, second = mu * first + (1 - mu) * g, rho * second + (1 - rho) * g**2
        w["gd"] -= eta * g
        w["momentum"] -= eta * m
        w["nesterov"] -= eta * (g + mu * m)
        w["adagrad"] -= eta * g / (math.sqrt(squares) + eps)
        w["rmsprop"] -= eta * g / (math.sqrt(mean_square) + eps)
        w["adam"] -= eta * decay * w["adam"] + eta * first / (1 - mu**t) / (math.sqrt(second / (1 - rho**t)) + eps)
    return w


def test_the_rules_that_are_written_out_are_the_registry():
    assert set(rules_written_out([], 0.1, 0.9, 0.99, 1e-8, 0.0)) == set(UPDATE_RULES)


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_update_rules_follow_their_recurrences(name, rng):
    rule = UPDATE_RULES[name]
    for eta, mu, rho, eps, decay in (
        (0.1, 0.9, 0.99, 1e-8, 0.0),
        (0.3, 0.5, 0.9, 0.1, 0.05),
        (0.01, 0.0, 0.0, 1e-3, 0.0),
    ):
        w, m, v, gradients = 1.0, 0.0, 0.0, rng.normal(size=9).tolist()
        for t, g in enumerate(gradients, 1):
            with np.errstate(divide="ignore"):  # log(0) of a mean that remembers nothing
                corrections = correction(mu, t), correction(rho, t)
            step, m, v = rule.step(w, g, m, v, eta, mu, rho, eps, decay if name == "adam" else 0.0, *corrections)
            w += step
        assert w == pytest.approx(rules_written_out(gradients, eta, mu, rho, eps, decay)[name], rel=1e-13)
        assert (m != 0.0) <= rule.momentum
        assert (v != 0.0) <= rule.adaptive


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_the_rate_of_a_rule_is_what_a_constant_gradient_is_multiplied_by(name):
    rule, eta, mu, rho, eps, g = UPDATE_RULES[name], 0.01, 0.6, 0.9, 1e-8, 0.7
    m = v = step = 0.0
    for t in range(1, 400):
        step, m, v = rule.step(0.0, g, m, v, eta, mu, rho, eps, 0.0, correction(mu, t), correction(rho, t))
    assert -step / g == pytest.approx(rule.rate(v, eta, mu, eps, correction(rho, 399)), rel=1e-12)
