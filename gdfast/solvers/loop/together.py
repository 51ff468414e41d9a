"""Several loops in step, so that each row is read once for all of them.

Every loop has its own Descent, which stops, records and diverges as it would alone; only the calls of the kernels are
made for all of them at once.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.background import EndIsDueError
from gdfast.backends.protocol import KernelSet
from gdfast.solvers.loop.chunks import Request
from gdfast.solvers.loop.stack import Stack, stacks
from gdfast.solvers.monitoring.monitor import Monitor

__all__ = ["run_together"]


def run_together(loops: Sequence[Any], monitors: Sequence[Monitor]) -> list[Exception | None]:
    """Train loops that can be in step up to their ends; return for each why it could not be trained, or None."""
    failures: dict[int, Exception] = {}
    shared = SharedRows(loops)
    if not shared.possible:
        return [failure_of(loop, monitor) for loop, monitor in zip(loops, monitors, strict=True)]
    shared.share_order()
    with ExitStack() as stack:
        for loop, monitor in zip(loops, monitors, strict=True):
            monitor.attach(loop)
            stack.enter_context(closing(loop.evaluator))
            stack.enter_context(monitor)
        running = []
        for i, (loop, monitor) in enumerate(zip(loops, monitors, strict=True)):
            try:
                loop.descent.start(monitor)
                running.append(i)
            except ValueError as error:  # a start that is not finite
                failures[i] = error
        while running := [i for i in running if not ended(loops[i], monitors[i])]:
            shared.run_chunks(running, [loops[i].descent.next_stop(monitors[i]) for i in running])
            shared.evaluate_ends()
            for i in running:
                loops[i].descent.after_chunk(monitors[i])
    return [failures.get(i) for i in range(len(loops))]


def failure_of(loop: Any, monitor: Monitor) -> Exception | None:
    """Train a loop alone; return why it could not be trained, or None."""
    try:
        loop.run(monitor)
    except ValueError as error:  # a start that is not finite
        return error
    return None


def ended(loop: Any, monitor: Monitor) -> bool:
    """Tell whether a loop has ended, and do what is due there."""
    if not loop.descent.finished():
        return False
    monitor.end()
    return True


FEWEST = 5  # loops of full batch in one pass, which takes as long as four of one loop each
LONGER = 4  # a chunk than that of a loop alone: what is done between two is done for each loop


class SharedRows:
    """The chunks of several loops, whose epochs or updates read each row once for all of them."""

    def __init__(self, loops: Sequence[Any]) -> None:  # of Loop, which imports this
        self.loops, self.stochastic = loops, loops[0].plan.stochastic
        self.kernels: KernelSet = loops[0].evaluator.kernels
        self.stacked: list[int] = []  # the loops of the stacks
        self.stacks: list[Stack] = []

    @property
    def possible(self) -> bool:
        """Whether the kernels can do that, and it takes less than one by one."""
        if not self.stochastic:
            return len(self.loops) >= FEWEST
        models = [loop.plan.model for loop in self.loops]
        return self.kernels.can_run_together([loop.state for loop in self.loops], models)

    def share_order(self) -> None:
        """Have one order of the rows for all."""
        for loop in self.loops[1:]:
            loop.state.share_order(self.loops[0].state)

    def run_chunks(self, running: list[int], targets: list[int]) -> None:
        """Run a chunk of each of some loops, equally long, and process its costs."""
        descents = [self.loops[i].descent for i in running]
        steps = min(descent.chunks.steps_towards(target) for descent, target in zip(descents, targets, strict=True))
        requests = []
        for descent in descents:
            descent.begin_chunk()
            descent.chunks.begin()
            requests.append(descent.chunks.request(steps, descent.rates.take(steps), descent.wanted))
        started = time.perf_counter()
        results = (self.updates if self.stochastic else self.epochs)(running, requests)
        seconds = time.perf_counter() - started
        for descent, request, done in zip(descents, requests, results, strict=True):
            descent.chunks.learn(steps, seconds / LONGER)
            descent.process(descent.chunks.chunk(request, done))

    def updates(self, running: list[int], requests: list[Request]) -> list[int]:
        """Run updates of SGD; return for each loop what `stochastic` of its kernels would return."""
        loops = [self.loops[i] for i in running]
        updates = [loop.descent.chunks.updates(request) for loop, request in zip(loops, requests, strict=True)]
        return self.kernels.stochastic_together(
            [loop.state for loop in loops], updates, [loop.plan.model for loop in loops]
        )

    def epochs(self, running: list[int], requests: list[Request]) -> list[int]:
        """Run full-batch epochs; return for each loop what `batch` of its kernels would return."""
        if self.stacked != running:
            self.stacked, self.stacks = running, stacks([self.loops[i] for i in running])
        steps, done, n = requests[0].steps, 0, len(self.loops[0].problem.X)
        rates = np.array([request.rates for request in requests])
        objective = np.array([self.loops[i].plan.objective for i in running], np.float64)
        costs, results = np.empty((len(running), steps)), np.full(len(running), steps)
        with np.errstate(all="ignore"):
            while done < steps and (results == steps).any():
                try:
                    means, extras, gradients = self.evaluate()
                except EndIsDueError:
                    results[results == steps] = done
                    break
                results[(results == steps) & ~np.isfinite(n * (means + extras))] = ~done
                costs[:, done] = means + extras * objective
                sound = np.empty(len(running), np.bool_)
                for stack in self.stacks:
                    stack.update(gradients[stack.places], 1.0 / n, rates[stack.places, done], done)
                    sound[stack.places] = stack.finite()
                done += 1
                results[(results == steps) & ~sound] = ~done
        for request, of_loop in zip(requests, costs, strict=True):
            request.costs[:done] = of_loop[:done]
        return [int(result) for result in results]

    def evaluate(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean loss and the penalty of each loop of the stacks, and the gradient of its sum of losses."""
        k, d = self.loops[0].state.W.shape
        points, extras = np.empty((len(self.stacked), k, d + 1)), np.empty(len(self.stacked))
        for stack in self.stacks:
            points[stack.places], extras[stack.places] = stack.points, stack.penalties()
        totals, gradients = self.kernels.sums_at_points(points)
        return np.asarray(totals) / len(self.loops[0].problem.X), extras, gradients

    def evaluate_ends(self) -> None:
        """Make the last costs of full-batch loops, which are at their last epoch, in one pass."""
        loops = [self.loops[i] for i in self.stacked]
        at_end = [loop.state.epoch == loop.plan.epochs for loop in loops]
        if sum(at_end) < 2:
            return
        try:
            with np.errstate(all="ignore"):
                means, extras, _ = self.evaluate()
        except EndIsDueError:
            return  # each loop makes its own
        for loop, here, cost in zip(loops, at_end, (means + extras).tolist(), strict=True):
            if here:
                loop.descent.chunks.cost = loop.state.epoch, cost
