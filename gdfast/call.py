"""A call of fit or resume, from its Problem and its Plan to the Run: who leads it, and what it leaves behind."""

import os
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast._arguments import flag
from gdfast.again import check_given, check_length, resumed_options, with_given
from gdfast.closed_form import factorize
from gdfast.conduct import Conductor, Write
from gdfast.data.fingerprint import fingerprint
from gdfast.followed import Followed
from gdfast.loop import Descent
from gdfast.options.custom_loss import Loss
from gdfast.prepare import prepare, takes_closed_form
from gdfast.progress import Progress
from gdfast.results.run import Run
from gdfast.results.run_file import file_name
from gdfast.results.stop_reason import StopReason
from gdfast.verdict import RateWords, told, warn_before

__all__ = ["NO_CHECKPOINT", "Call", "EachEpoch", "check_loss", "descend", "lead"]

NO_CHECKPOINT = {"checkpoint": None, "checkpoint_every": None, "checkpoint_seconds": None}
# Of the cost, relative, between a custom loss and the same given again: rounding on another machine is far below.
LARGEST_DIFFERENCE = 1e-6


# Called with an epoch's number, the cost before it, and the coefficients and intercept after it.
EachEpoch = Callable[[int, float, NDArray[Any], float], None]


def descend(
    X: Any,
    y: Any,
    sample_weight: Any,
    options: dict[str, Any],
    words: RateWords = RateWords(),  # noqa: B008
    depth: int = 1,
    each_epoch: EachEpoch | None = None,
) -> Run:
    """Return the Run of fit's arguments; depth is how many calls above this one the user's is."""
    started = time.perf_counter()
    progress = flag("progress", options["progress"])
    path = checkpoint_path(options["checkpoint"])
    problem, plan = prepare(X, y, sample_weight, options)
    if each_epoch is None and takes_closed_form(problem, plan):
        ended: Descent | Followed = Followed(problem, plan, factorize(problem, plan.model))
    else:
        ended = Descent(problem, plan)
    if not isinstance(options["learning_rate"], str):  # "auto" is stable by its making
        warn_before(ended, words, depth + 3)
    data = Data(X, y, sample_weight)
    call = Call(options, lambda: data.fingerprint, progress, started, path)
    if each_epoch is None or isinstance(ended, Followed):
        run = lead(ended, plan.epochs, call)
    else:
        step_by_step(ended, each_epoch)
        run = make_run(ended, call)
    return told(run, ended, words, depth + 3)


class Data:
    """The data of a call as they were given, and their fingerprint."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    @cached_property
    def fingerprint(self) -> str:
        """What tells these data apart, made when it is first asked for."""
        return fingerprint(*self.parts)


class Call(NamedTuple):
    """What a call of fit or resume knows besides its Problem and its Plan."""

    options: dict[str, Any]
    data: Callable[[], str]  # the fingerprint of the data
    progress: bool
    started: float
    path: str | None  # of the checkpoint


def checkpoint_path(checkpoint: Any) -> str | None:
    """Return the path of a new checkpoint."""
    if checkpoint is None:
        return None
    path = file_name(checkpoint, "checkpoint")
    if os.path.exists(path):
        raise FileExistsError(
            f"checkpoint={path!r} exists; go on from it with gdfast.resume(path, X, y), or name or remove the file"
        )
    folder = os.path.dirname(path) or os.curdir
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"checkpoint={path!r}: there is no folder {folder!r}; make it first")
    return path


def lead(ended: Descent | Followed, epochs: int, call: Call) -> Run:
    """Run a descent to its end, write its checkpoints, and return its Run."""
    if isinstance(ended, Followed):
        with Progress(epochs, call.progress) as bar:
            ended.run_to(epochs)
            bar.show(ended.last)
    else:
        Conductor(ended, call.progress, writer(call), call.started).run()
    run = make_run(ended, call)
    if call.path is not None:
        run.save(call.path)
    return run


def writer(call: Call) -> Write | None:
    """Return what writes a checkpoint of a descent that goes on."""
    if call.path is None:
        return None
    path = call.path

    def write(descent: Descent) -> None:
        copied = descent.continued(descent.epochs)
        copied.reason = StopReason.INTERRUPTED
        copied.finish()
        make_run(copied, call).save(path)

    return write


def step_by_step(descent: Descent, each_epoch: EachEpoch) -> None:
    """Run the epochs of one output one by one; tell each: its number, the cost before it, the weights after it."""
    descent.begin()
    for epoch in range(1, descent.plan.epochs + 1):
        descent.run_to(epoch, lambda: None)
        if descent.reason is not None:
            break
        each_epoch(epoch, descent.latest[epoch - 1], descent.state.W[0], float(descent.state.b[0]))
    descent.finish()


def make_run(ended: Descent | Followed, call: Call) -> Run:
    """Return the Run of a descent that has ended."""
    state, problem, plan = ended.state, ended.problem, ended.plan
    (W, b), last = ended.estimate(), (state.W, state.b)
    same = bool((last[0] == W).all() and (b == last[1]).all())
    cost: float | Callable[[], float] | None = ended.final_cost if same else None
    if cost is None and isinstance(ended, Descent):
        cost = partial(ended.measure.objective, W, b)
    seconds = ended.elapsed if isinstance(ended, Descent) else time.perf_counter() - call.started

    coef, intercept = problem.shaped(W, b)
    return Run(
        coef=coef,
        intercept=intercept,
        cost_source=np.nan if cost is None else cost,
        epochs=state.epoch,
        steps=state.steps,
        seconds=seconds,
        stop_reason=ended.reason or StopReason.EPOCHS,
        diverged_at=ended.diverged_at,
        solver="closed_form" if isinstance(ended, Followed) else "loop",
        backend=plan.backend,
        seed=plan.seed,
        learning_rate=plan.rates.constant,
        settings=call.options,
        classes=problem.classes,
        last=None if same else problem.shaped(*last),
        best_epoch=None if ended.best is None else ended.best.epoch,
        validation_rows=plan.validation_rows,
        history_source=ended.history,
        memory_by=ended.memory,
        fingerprint_by=call.data,
        resume_by=lambda epochs, again: continue_here(ended, epochs, again, call),
        at_by=ended.at if isinstance(ended, Followed) else None,
    )


def continue_here(ended: Descent | Followed, epochs: int, given: dict[str, Any], call: Call) -> Run:
    """Go on for so many more epochs from a descent in memory; no checkpoint is written."""
    check_given(given, call.options)
    target = ended.state.epoch + epochs
    options = resumed_options(call.options, given, target) | NO_CHECKPOINT
    check_length(ended.plan, target)
    progress = flag("progress", options["progress"])
    begun = ended.state.epoch + (ended.state.position > 0)
    onward = ended.continued(target, with_given(ended.plan, given, options, begun))
    if "loss" in given and isinstance(ended, Descent) and isinstance(onward, Descent):
        check_loss(given["loss"], onward, *ended.estimate(), ended.measure.objective(*ended.estimate()))
    next_call = Call(options, call.data, progress, time.perf_counter(), None)
    return told(lead(onward, target, next_call), onward, RateWords(), 5)


def check_loss(loss: Loss, descent: Descent, W: NDArray[Any], b: NDArray[np.float64], known: float) -> None:
    """Raise an error unless a custom loss gives the cost that is known at coefficients (k, d) and intercepts (k,)."""
    cost = descent.measure.objective(W, b)
    size = max(abs(known), abs(descent.measure.objective(np.zeros_like(W), np.zeros_like(b))))
    if not abs(cost - known) <= LARGEST_DIFFERENCE * size:
        raise ValueError(
            f"loss={loss!r} is not the one that this Run was fitted with: it gives the cost {cost:.10g} at the Run's "
            f"coef, and the Run has {known:.10g}; give the same loss, or fit anew with coef_init"
        )
