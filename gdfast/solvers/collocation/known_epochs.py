"""The state after any epoch of a Run: by the stretches that it holds, and between them by the loop."""

from contextlib import closing

import numpy as np

from gdfast.data.problem import Dimensions
from gdfast.data.scaling import Scaling
from gdfast.results.run import Point, Run
from gdfast.solvers.collocation.chunks import take_state
from gdfast.solvers.collocation.stretch import Stretch, separated
from gdfast.solvers.loop.solver import Loop

__all__ = ["KnownEpochs"]


class KnownEpochs:
    """Tells where the path is after each epoch up to the last."""

    def __init__(self, run: Run) -> None:
        saved = run.state["collocation"]
        self.run, self.stretches = run, separated(saved["stretches"])
        scaling, several = Scaling(**saved["scaling"]) if "scaling" in saved else None, run.coef.ndim == 2
        k, d = len(run.coef) if several else 1, run.coef.shape[-1]
        self.data = Dimensions(0, d, k, run.coef.dtype, False, several, scaling)

    def at(self, epoch: int) -> Point:
        """Return coef, intercept and cost after an epoch."""
        run = self.run
        if epoch > run.epochs:
            raise ValueError(f"at(epoch={epoch}) is past the last epoch, {run.epochs}; resume the Run for more")
        before = next((stretch for stretch in reversed(self.stretches) if stretch.first <= epoch), None)
        if before is not None and epoch <= before.last:
            W = before.parameters(epoch).reshape(self.data.k, -1)
            return Point(*self.data.shaped(W[:, :-1], W[:, -1]), float(before.costs_at(np.array([epoch]))[0]))
        if run.data is None:
            raise ValueError(
                f"at(epoch={epoch}): the loop ran this epoch, and a file, a pickle and a copy of a Run do not hold the "
                "data; ask for an epoch by collocation (see run.collocation), or resume the Run with the data"
            )
        return self.by_the_loop(epoch, before)

    def by_the_loop(self, epoch: int, before: Stretch | None) -> Point:
        """Return where the loop is after an epoch, from the end of the stretch before it or from the start."""
        loop = Loop(self.run.data.problem, self.run.data.plan)
        state, descent = loop.state, loop.descent
        if before is not None:
            take_state(state, before, before.last)
        with closing(loop.evaluator):
            while state.epoch < epoch:
                descent.chunks.run(epoch, descent.rates.take, descent.wanted)
            return Point(*self.data.shaped(state.W, state.b), loop.objective(state.W, state.b))
