"""Steps along a gradient: an update rule, then l1 and the bounds, then the mean of iterates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gdfast.backends.numba.arithmetic import LARGEST
from gdfast.backends.numba.compilation import jit
from gdfast.backends.numba.formulas import averaged, clipped, correction, cumulative_l1, soft_threshold, within
from gdfast.formulas.update_rules import UpdateRule

__all__ = ["Steps", "add_to_mean", "compile_steps"]


@jit
def whole_gradient(W, G, scale, p, l2):  # type: ignore[no-untyped-def]
    """G <- scale G + l2 w, clipped by norm, then by value."""
    k, d = W.shape
    square = 0.0
    for o in range(k):
        for j in range(d):
            G[o, j] = scale * G[o, j] + l2[j] * W[o, j]
            square += G[o, j] * G[o, j]
        G[o, d] = scale * G[o, d] if p.intercept else 0.0
        square += G[o, d] * G[o, d]
    if p.clip_norm <= LARGEST and np.sqrt(square) > p.clip_norm:
        for o in range(k):
            for j in range(d + 1):
                G[o, j] *= p.clip_norm / np.sqrt(square)
    if p.clip_value <= LARGEST:
        for o in range(k):
            for j in range(d + 1):
                G[o, j] = clipped(G[o, j], p.clip_value)


@jit
def add_to_mean(W, b, A, count, gain):  # type: ignore[no-untyped-def]
    """Take the iterate into the mean; count is how many it then holds."""
    k, d = W.shape
    part = gain if gain > 0.0 else 1.0 / count
    for o in range(k):
        for j in range(d):
            A[o, j] = averaged(A[o, j], np.float64(W[o, j]), part)
        A[o, d] = averaged(A[o, d], b[o], part)


def state_reader(there: bool) -> Any:
    """Return what reads a state that a rule has, or that it has not, which is then 0."""
    return jit(lambda A, o, j: A[o, j]) if there else jit(lambda A, o, j: 0.0)


def state_writer(there: bool) -> Any:
    """Return what writes a state that a rule has, or leaves one that it has not."""

    def write(A, o, j, value):  # type: ignore[no-untyped-def]
        A[o, j] = value

    def leave(A, o, j, value):  # type: ignore[no-untyped-def]
        pass

    return jit(write if there else leave)


class Steps(NamedTuple):
    """The jitted steps of one update rule."""

    rule: Callable[..., tuple[float, float, float]]
    rate: Callable[..., float]
    take: Callable[..., None]
    checked: Callable[..., None]
    update: Callable[..., None]
    descend: Callable[..., float]


def compile_steps(formula: UpdateRule, checked: bool) -> Steps:
    """Return the steps of an update rule."""
    rule, rate, corrected = jit(formula.step), jit(formula.rate), formula.corrected
    has_m, has_v = formula.momentum, formula.adaptive
    m_of, v_of = state_reader(has_m), state_reader(has_v)
    set_m, set_v = state_writer(has_m), state_writer(has_v)

    @jit
    def take_step(o, W, b, M, V, X, row, one, scale, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Take one step of output o along scale [X[row] one] + l2 w."""
        d = W.shape[1]
        for j in range(d):
            w = np.float64(W[o, j])
            g = scale * X[row, j] + l2[j] * w
            step, m, v = rule(w, g, m_of(M, o, j), v_of(V, o, j), eta, p.mu, p.rho, p.eps, p.decay, c1, c2)
            W[o, j] += step
            set_m(M, o, j, m)
            set_v(V, o, j, v)
        if p.intercept:
            step, m, v = rule(b[o], scale * one, m_of(M, o, d), v_of(V, o, d), eta, p.mu, p.rho, p.eps, 0.0, c1, c2)
            b[o] += step
            set_m(M, o, d, m)
            set_v(V, o, d, v)

    @jit
    def checked_update(state, G, scale, p, limits, eta, c1, c2, cumulative):  # type: ignore[no-untyped-def]
        """Take one step along the whole gradient, then l1 at each coordinate's own rate, then the bounds."""
        W, V, Q, U, low, high = state.W, state.V, state.Q, state.U, limits.low, limits.high
        k, d = W.shape
        whole_gradient(W, G, scale, p, limits.l2)
        for o in range(k):
            take_step(o, W, state.b, state.M, state.V, G, o, G[o, d], 1.0, limits.no_l2, p, eta, c1, c2)
            for j in range(d if p.l1 > 0.0 else 0):
                threshold = limits.l1[j] * rate(v_of(V, o, j), eta, p.mu, p.eps, c2)
                old = np.float64(W[o, j])
                if cumulative:
                    U[o, j] += threshold
                    W[o, j] = cumulative_l1(old, Q[o, j], U[o, j])
                    Q[o, j] += W[o, j] - old
                else:
                    W[o, j] = soft_threshold(old, threshold)
            for j in range(low.size):
                W[o, j] = within(np.float64(W[o, j]), low[j], high[j])

    @jit
    def plain_update(state, G, scale, p, limits, eta, c1, c2, cumulative):  # type: ignore[no-untyped-def]
        """Take one step along scale G, then the proximal step of l1."""
        W = state.W
        k, d = W.shape
        for o in range(k):
            take_step(o, W, state.b, state.M, state.V, G, o, G[o, d], scale, limits.l2, p, eta, c1, c2)
        if p.l1 > 0.0:
            threshold = p.l1 * rate(0.0, eta, p.mu, p.eps, c2)
            for o in range(k):
                for j in range(d):
                    W[o, j] = soft_threshold(np.float64(W[o, j]), threshold)

    after = checked_update if checked else plain_update

    @jit
    def update(state, G, scale, p, limits, eta, t, count):  # type: ignore[no-untyped-def]
        """Take the t-th update; count is how many iterates the mean then holds, none where it is not above 0."""
        c1 = c2 = 1.0
        if corrected:
            c1, c2 = correction(p.mu, t), correction(p.rho, t)
        after(state, G, scale, p, limits, eta, c1, c2, False)
        if count > 0:
            add_to_mean(state.W, state.b, state.A, count, state.gain)

    @jit
    def gd_step(g, p, eta):  # type: ignore[no-untyped-def]
        """Return the step of a rule without states."""
        return rule(0.0, g, 0.0, 0.0, eta, p.mu, p.rho, p.eps, p.decay, 1.0, 1.0)[0]

    return Steps(rule, rate, take_step, checked_update, update, gd_step)
