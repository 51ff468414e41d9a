"""The kernels for one loss and one update rule, compiled at their first call."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gdfast.backends.numba.arithmetic import finite, is_finite, mean_of, plus
from gdfast.backends.numba.compilation import jit, outer
from gdfast.backends.numba.formulas import jitted_loss, penalty, penalty_value, soft_threshold
from gdfast.backends.numba.passes import compile_passes
from gdfast.backends.numba.pending import fold
from gdfast.backends.numba.row_blocks import Span, compile_row_blocks, compile_single_rows
from gdfast.backends.numba.rows import DENSE, SPARSE
from gdfast.backends.numba.samples import compile_samples
from gdfast.backends.numba.shuffle import fill_order
from gdfast.backends.numba.steps import compile_steps
from gdfast.formulas.update_rules import UPDATE_RULES

__all__ = ["Compiled", "compile_kernels"]


class Compiled(NamedTuple):
    """The jitted kernels for one loss and one update rule."""

    batch: Callable[..., int]
    batch_line: Callable[..., int]
    stochastic: Callable[..., int]


@functools.lru_cache(maxsize=256)  # a user's own losses come without end
def compile_kernels(loss: str, custom: Any, optimizer: str, checked: bool, sparse: bool, lazy: bool) -> Compiled:
    """Return the kernels, compiled at their first call; lazy ones keep pending what concerns all coefficients."""
    value, gradient = jitted_loss(loss, custom)
    rows, formula = SPARSE if sparse else DENSE, UPDATE_RULES[optimizer]
    workspace, losses_of, pass_rows, pass_columns, line_sums, weighted_line_sums = compile_passes(value, gradient, rows)
    steps = compile_steps(formula, checked)
    rule, rate, update = steps.rule, steps.rate, steps.update
    whole_columns = jit(lambda data, W, b, c, G, space: 0.0) if sparse else pass_columns  # a CSR has none
    one_by_one = compile_samples(value, gradient, rows, steps, formula.corrected, checked, sparse, lazy)
    by_blocks = formula.stateless and not (checked or sparse)
    sgd_span = (
        compile_row_blocks(gradient, steps.descend, losses_of, one_by_one)
        if by_blocks
        else compile_single_rows(one_by_one)
    )
    end_window = fold if lazy else jit(lambda W, Q, p, pending: None)

    @outer
    def batch(data, by_columns, p, limits, state, G, rates, objective, costs, look):  # type: ignore[no-untyped-def]
        """Run full-batch epochs; or (look) write the two sums of the first, and its gradient into G, and no step."""
        W, b, n = state.W, state.b, data.Y.shape[1] if by_columns else data.Y.shape[0]
        no_order, space = np.empty(0, np.int32), workspace(data.X, W.shape[0], W.shape[1])
        for e in range(rates.size):
            for o in range(G.shape[0]):
                for j in range(G.shape[1]):
                    G[o, j] = 0.0
            if by_columns:
                total = whole_columns(data, W, b, p.c, G, space)
            else:
                total = pass_rows(data, no_order, np.int64(0), n, W, b, p.c, G, space)
            extra = penalty(W, limits.l2, limits.l1, p.l2 != 0.0 or p.l1 != 0.0)
            if look:
                costs[0], costs[1] = total, extra
                return 0
            if not is_finite(total + n * extra):
                return ~e
            costs[e] = mean_of(total, n, extra if objective else 0.0)
            averaged = state.averaged + e + 1 if state.averaged >= 0 else 0
            update(state, G, 1.0 / n, p, limits, rates[e], state.steps + e + 1, averaged)
            if not finite(W, b):
                return ~(e + 1)
        return rates.size

    @outer
    def batch_line(data, p, limits, state, G, rates, objective, costs, look):  # type: ignore[no-untyped-def]
        """Run full-batch epochs of a plain rule for one feature and one output: the state is in registers."""
        W, b, M = state.W, state.b, state.M
        n, result, of_type = data.X.shape[1], rates.size, W.dtype.type
        w, bias, m, m_bias, v = np.float64(W[0, 0]), b[0], 0.0, 0.0, 0.0
        if M.size:
            m, m_bias = M[0, 0], M[0, 1]
        for e in range(rates.size):
            if data.weights.size:
                total, gw, gb = weighted_line_sums(data, w, bias, p.c)
            else:
                total, gw, gb = line_sums(data, w, bias, p.c)
            extra = penalty_value(w, p.l2, p.l1)
            if look:
                costs[0], costs[1], G[0, 0], G[0, 1] = total, extra, gw, gb
                break
            if not is_finite(total + n * extra):
                result = ~e
                break
            costs[e] = mean_of(total, n, extra if objective else 0.0)
            step, m, v = rule(w, gw / n + p.l2 * w, m, v, rates[e], p.mu, p.rho, p.eps, p.decay, 1.0, 1.0)
            w += step
            if p.intercept:
                step, m_bias, v = rule(bias, gb / n, m_bias, v, rates[e], p.mu, p.rho, p.eps, 0.0, 1.0, 1.0)
                bias += step
            if p.l1 > 0.0:
                w = soft_threshold(w, p.l1 * rate(0.0, rates[e], p.mu, p.eps, 1.0))
            w = np.float64(of_type(w))
            if not (is_finite(w) and is_finite(bias)):
                result = ~(e + 1)
                break
        W[0, 0], b[0] = w, bias
        if M.size:
            M[0, 0], M[0, 1] = m, m_bias
        return result

    @outer
    def stochastic(data, p, limits, state, order, updates, G, pending, every):  # type: ignore[no-untyped-def]
        """Run mini-batch or SGD updates; what is pending is settled after every `every` from the epoch's start."""
        W, b, sums, rates, n = state.W, state.b, state.sums, updates.rates, data.Y.shape[0]
        position, batch_size, ended, done = order.position, order.batch_size, 0, 0
        no_order, space = np.empty(0, np.int32), workspace(data.X, W.shape[0], W.shape[1])
        while done < updates.steps:
            if position == 0:
                sums[0] = 0.0
                if order.shuffle:
                    fill_order(order.order, order.seed, order.epoch + ended)
            at, start = done if updates.by_step else ended, position * batch_size
            steps, averaged = state.steps + done, state.averaged + done if state.averaged >= 0 else -1
            if batch_size == 1:
                taken = min(every - start % every, min(n - start, updates.steps - done))
                span = Span(order.order, start, taken, rates[at:], updates.by_step, steps, averaged)
                sgd_span(data, state, G, p, limits, span, pending, space)
                end_window(W, state.Q, p, pending)
            else:
                taken, size = 1, min(batch_size, n - start)
                for o in range(G.shape[0]):
                    for j in range(G.shape[1]):
                        G[o, j] = 0.0
                total = pass_rows(data, order.order, start, start + size, W, b, p.c, G, space)
                update(state, G, 1.0 / size, p, limits, rates[at], steps + 1, averaged + 1)
                sums[0] = plus(sums[0], total)
            done += taken
            position += taken
            if position * batch_size >= n:
                if not (is_finite(sums[0]) and finite(W, b)):
                    return ~ended
                updates.costs[ended] = mean_of(sums[0], n, 0.0)
                if updates.wanted.size:
                    updates.costs[ended] = np.nan
                    if updates.wanted[ended]:
                        total = pass_rows(data, no_order, np.int64(0), n, W, b, p.c, G, space)
                        extra = penalty(W, limits.l2, limits.l1, p.l2 != 0.0 or p.l1 != 0.0)
                        updates.costs[ended] = mean_of(total, n, extra)
                        if not is_finite(n * updates.costs[ended]):
                            return ~ended
                ended, position = ended + 1, 0
        return updates.steps

    return Compiled(batch, batch_line, stochastic)
