"""The compiled SGD and mini-batches of several configurations: their states as columns, and back."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gdfast._core import descent
from gdfast.backends.protocol import Updates
from gdfast.backends.state import State

__all__ = ["run_side_by_side"]


def run_side_by_side(
    passes: descent.Passes,
    compiled: descent.CompiledModel,
    l2: NDArray[np.float64],
    states: Sequence[State],
    updates: Sequence[Updates],
) -> list[int]:
    """Run updates of at most MOST_TOGETHER configurations, and return what `stochastic` returns for each."""
    first, count = states[0], len(states)
    d, dtype = first.W.shape[1], first.W.dtype
    workspace = descent.workspace_of(d, dtype == np.float32, first.batch_size != 1)
    rows, residual, ended = workspace[:3]
    columns = rows[len(rows) - d - 2 :]
    for i, state in enumerate(states):
        columns[:d, i], columns[d, i] = state.W[0], state.b[0]
        columns[d + 1, i], residual[i] = state.sums[0], state.sums[2]
    results = np.empty(count, np.int64)
    steps, coefficients = updates[0].steps, np.empty(d, dtype)
    descent.stochastic_together(
        passes, compiled, coefficients, workspace, first.sample_order(), list(updates), l2, results
    )
    within = (first.position + steps) % first.steps_per_epoch > 0
    for i, state in enumerate(states):
        column = columns[:, i] if results[i] >= 0 else ended[:-1, i]
        state.W[0], state.b[0] = column[:d], column[d]
        state.sums[0], state.sums[2] = column[d + 1], residual[i] if results[i] >= 0 else ended[-1, i]
        if within and i > 0:  # a whole epoch's end leaves nothing to be read in it
            state.order[:] = first.order
    return [int(result) for result in results]
