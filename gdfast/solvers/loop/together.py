"""Several loops in step, so that each row is read once for all of them.

Every loop has its own Descent, which stops, records and diverges as it would alone; only the calls of the kernels are
made for all of them at once.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from gdfast.backends.background import EndIsDueError
from gdfast.backends.numpy import Kernels, finite
from gdfast.backends.protocol import KernelSet
from gdfast.solvers.loop.chunks import Request
from gdfast.solvers.monitoring.monitor import Monitor

__all__ = ["run_together"]


def run_together(loops: Sequence[Any], monitors: Sequence[Monitor]) -> list[Exception | None]:
    """Train loops that can be in step up to their ends; return for each why it could not be trained, or None."""
    failures: dict[int, Exception] = {}
    shared = SharedRows(loops)
    if not shared.possible:
        return [failure_of(loop, monitor) for loop, monitor in zip(loops, monitors, strict=True)]
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


class SharedRows:
    """The chunks of several loops, whose epochs or updates read each row once for all of them."""

    def __init__(self, loops: Sequence[Any]) -> None:  # of Loop, which imports this
        self.loops, self.stochastic = loops, loops[0].plan.stochastic
        self.kernels: KernelSet = loops[0].evaluator.kernels
        self.updaters = [] if self.stochastic else [Kernels(loop.problem, loop.plan.model) for loop in loops]

    @property
    def possible(self) -> bool:
        """Whether the kernels can do that."""
        models = [loop.plan.model for loop in self.loops]
        return not self.stochastic or self.kernels.can_run_together([loop.state for loop in self.loops], models)

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
            descent.chunks.learn(steps, seconds)
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
        states, n = [self.loops[i].state for i in running], len(self.loops[0].problem.X)
        results: dict[int, int] = {}
        with np.errstate(all="ignore"):
            for e in range(requests[0].steps):
                sound = [place for place in range(len(running)) if place not in results]
                points = np.stack([np.column_stack([states[place].W, states[place].b]) for place in sound])
                try:
                    totals, gradients = self.kernels.sums_at_points(points)
                except EndIsDueError:
                    return [results.get(place, e) for place in range(len(running))]
                for place, total, gradient in zip(sound, totals if totals is not None else (), gradients, strict=True):
                    updater, plan = self.updaters[running[place]], self.loops[running[place]].plan
                    extra = updater.penalty(states[place].W)
                    if not np.isfinite(total + n * extra):
                        results[place] = ~e
                        continue
                    requests[place].costs[e] = total / n + extra * plan.objective
                    updater.G = gradient
                    updater.update(states[place], 1.0 / n, float(requests[place].rates[e]), e)
                    if not finite(states[place]):
                        results[place] = ~(e + 1)
                if len(results) == len(running):
                    break
        return [results.get(place, requests[0].steps) for place in range(len(running))]
