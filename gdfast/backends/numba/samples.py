"""SGD one sample after another: whole, plain, or lazy on the rows of a CSR."""

from typing import Any

import numpy as np

from gdfast.backends.numba.arithmetic import plus
from gdfast.backends.numba.compilation import jit
from gdfast.backends.numba.formulas import correction, cumulative_l1
from gdfast.backends.numba.pending import fold, settle, shrunk
from gdfast.backends.numba.rows import Rows, csr_row
from gdfast.backends.numba.steps import Steps, add_to_mean
from gdfast.formulas.constants import SMALLEST_SCALE

__all__ = ["compile_samples"]


def compile_samples(
    value: Any, gradient: Any, rows: Rows, steps: Steps, corrected: bool, checked: bool, sparse: bool, lazy: bool
) -> Any:
    """Return `one_by_one`, which takes updates by one sample each."""
    product, spread = rows.product, rows.spread
    rate, take_step, checked_update, gd_step = steps.rate, steps.take, steps.checked, steps.descend

    @jit
    def checked_sample(X, row, y, s, state, G, p, limits, eta, c1, c2, pending):  # type: ignore[no-untyped-def]
        """Take one checked update by one sample; return s loss before it."""
        W, b, k = state.W, state.b, state.W.shape[0]
        total = 0.0
        for o in range(k):
            z = product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            spread(X, row, r, G, o)
            G[o, W.shape[1]] = r
        checked_update(state, G, 1.0, p, limits, eta, c1, c2, True)
        return total

    def step_by_dense(o, state, X, row, r, G, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Take one step of output o along r [X[row] 1] + l2 w."""
        take_step(o, state.W, state.b, state.M, state.V, X, row, 1.0, r, l2, p, eta, c1, c2)

    def step_by_csr(o, state, X, row, r, G, l2, p, eta, c1, c2):  # type: ignore[no-untyped-def]
        """Do the same for a row of a CSR, spread in G."""
        spread(X, row, 1.0, G, o)
        take_step(o, state.W, state.b, state.M, state.V, G, o, 1.0, r, l2, p, eta, c1, c2)

    step_by_row = jit(step_by_csr if sparse else step_by_dense)

    @jit
    def plain_sample(X, row, y, s, state, G, p, limits, eta, c1, c2, pending):  # type: ignore[no-untyped-def]
        """Take one update by one sample, then the pending cumulative l1; return s loss before it."""
        W, b, sums, Q = state.W, state.b, state.sums, state.Q
        k, d = W.shape
        total = 0.0
        if p.l1 > 0.0:
            sums[1] = plus(sums[1], p.l1 * rate(0.0, eta, p.mu, p.eps, c2))
        for o in range(k):
            z = product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            step_by_row(o, state, X, row, r, G, limits.l2, p, eta, c1, c2)
            if p.l1 > 0.0:
                for j in range(d):
                    old = np.float64(W[o, j])
                    W[o, j] = cumulative_l1(old, Q[o, j], sums[1])
                    Q[o, j] += W[o, j] - old
        return total

    @jit
    def lazy_sample(X, row, y, s, state, G, p, limits, eta, c1, c2, pending):  # type: ignore[no-untyped-def]
        """Take one update of plain descent at the row's own coefficients; return s loss before it."""
        W, b, sums, Q = state.W, state.b, state.sums, state.Q
        (values, columns), k, now = csr_row(X, row), W.shape[0], pending.now[0]
        part, threshold = -gd_step(p.l2, p, eta), p.l1 * rate(0.0, eta, p.mu, p.eps, c2)
        if not part < 1.0:
            fold(W, Q, p, pending)
            return plain_sample(X, row, y, s, state, G, p, limits, eta, c1, c2, pending)
        if now == 0:
            pending.scales[0], pending.pending_l1[0], pending.totals[0] = 1.0, 0.0, sums[1]
            pending.exact[0], pending.exact[1] = 1.0, 0.0
        if p.l1 > 0.0:
            for i in range(columns.size):
                settle(W, Q, columns[i], pending)
                pending.until[columns[i]] = now + 1
            sums[1] = plus(sums[1], threshold)
        now += 1
        pending.exact[0], pending.exact[1] = shrunk(pending.exact[0], pending.exact[1], part)
        before, scale = pending.scales[now - 1], pending.exact[0] + pending.exact[1]
        pending.scales[now], pending.pending_l1[now], pending.totals[now] = (
            scale,
            pending.pending_l1[now - 1] + threshold / scale,
            sums[1],
        )
        pending.now[0] = now
        total = 0.0
        for o in range(k):
            z = before * product(X, row, W, o) + b[o]
            total += s * value(y[o], z, p.c)
            r = s * gradient(y[o], z, p.c)
            for i in range(columns.size):
                j = columns[i]
                W[o, j] += gd_step(r * values[i], p, eta) / scale
                if p.l1 > 0.0:
                    old = scale * W[o, j]
                    new = cumulative_l1(old, Q[o, j], sums[1])
                    W[o, j] = new / scale
                    Q[o, j] += new - old
            if p.intercept:
                b[o] += gd_step(r, p, eta)
        if scale < SMALLEST_SCALE:
            fold(W, Q, p, pending)
        return total

    sample = checked_sample if checked else lazy_sample if lazy else plain_sample

    @jit
    def one_by_one(data, state, G, p, limits, span, pending):  # type: ignore[no-untyped-def]
        """Take an update by each sample of a span."""
        c1 = c2 = 1.0
        for i in range(span.size):
            row, eta = np.int64(span.order[span.start + i]), span.rates[i if span.by_step else 0]
            if corrected:
                c1, c2 = correction(p.mu, span.steps + i + 1), correction(p.rho, span.steps + i + 1)
            weight = data.weights[row] if data.weights.size else 1.0
            total = sample(data.X, row, data.Y[row], weight, state, G, p, limits, eta, c1, c2, pending)
            if span.averaged >= 0:
                add_to_mean(state.W, state.b, state.A, span.averaged + i + 1, state.gain)
            state.sums[0] = plus(state.sums[0], total)

    return one_by_one
