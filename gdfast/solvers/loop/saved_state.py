"""What the loop's state in a file must be, for the problem and the plan that it is resumed with."""

from typing import Any

from gdfast._utils.arguments import flag
from gdfast.backends.state import State
from gdfast.options.option import LARGEST_COUNT, Check, count, optional
from gdfast.results.fields import FieldError, agree, any_number, array_like, check_field, mapping
from gdfast.results.history import LogGrid, StepGrid
from gdfast.results.run import Run
from gdfast.solvers.loop.backtracking import MOST_HALVINGS
from gdfast.solvers.loop.chunks import LARGEST_CALL, LARGEST_CHUNK
from gdfast.solvers.monitoring.stopping import Tracker
from gdfast.solvers.plan import Plan

__all__ = ["check_saved_state"]


def check_saved_state(run: Run, state: State, plan: Plan) -> None:
    """Raise a FieldError unless a Run's state is one that the loop could have saved; `state` is that of a start."""
    check_field("state", run.state, saved_check(run, state, plan))
    saved, here = run.state, run.state["now"]["state"]
    cut = here["position"] > 0
    agree(
        {
            "the state must be that after the Run's epochs": here["epoch"] == run.epochs,
            "the state must be that after the Run's steps": here["steps"] == run.steps,
            "state.begun must count the epochs done and one that was cut off": saved.get("begun", run.epochs)
            == run.epochs + cut,
            "state.epochs must be at least the epochs done": saved["epochs"] >= run.epochs,
        }
    )
    check_start(saved.get("start"), here)
    check_lowest(saved["lowest"], run.epochs, state.steps_per_epoch)
    if plan.grid is not None:
        check_history(run, plan.grid)


def saved_check(run: Run, state: State, plan: Plan) -> Check:
    """Return the check of what `Loop.saved_state` returns, each part by itself."""
    here, epoch = snapshot_check(run.epochs, state, plan), count(0, run.epochs)
    best = {"cost": any_number, "epoch": epoch, "W": array_like(state.W), "b": array_like(state.b)}
    required = {
        "now": here,
        "epochs": count(1, LARGEST_COUNT),
        "best": optional(mapping(best)),
        "lowest": optional(mapping({"cost": any_number, "epoch": epoch, "anchor": here})),
    }
    if plan.grid is not None:
        rows = {"first": optional(epoch), "reached": count(-1, run.epochs), "forced": flag}
        required["history"] = mapping(rows | {"every": count(1, LARGEST_COUNT)})
    return mapping(
        required,
        {
            "start": optional(state_check(run.epochs, state, plan)),
            "begun": count(0, run.epochs + 1),
            "chunk_snapshot": optional(here),
            "plateau_rate": lambda name, value: value != value or any_number(name, value),
            "rates_from": epoch,
        },
    )


def snapshot_check(epochs: int, state: State, plan: Plan) -> Check:
    """Return the check of what `Descent.snapshot` returns, up to an epoch."""
    rules: dict[str, Tracker | None] = {"watch": plan.stopping_rule(), "plateau": plan.plateau_rate()}
    return mapping(
        {
            "state": state_check(epochs, state, plan),
            "halvings": count(0, MOST_HALVINGS if plan.on_divergence == "backtrack" else 0),
            "latest": latest_check(epochs),
            "seen": count(-1, epochs),
        }
        | {name: tracker_check(rule) for name, rule in rules.items()}
    )


def state_check(epochs: int, state: State, plan: Plan) -> Check:
    """Return the check of a snapshot of the State: its own, and the number of iterates in the mean."""

    def check(name: str, value: Any) -> Any:
        state.check(name, value, epochs)
        begun = plan.average_from
        steps = None if begun is None else value["steps"] - begun * state.steps_per_epoch
        allowed = {-1} if steps is None or steps <= 0 else set()
        if steps is not None and steps >= 0:
            allowed.add(steps)
        if value["count"] not in allowed:
            raise FieldError(f"{name}.count={value['count']} must be {min(allowed)}, the iterates in the mean")
        return value

    return check


def latest_check(epochs: int) -> Check:
    """Return the check of the latest costs, by their epochs."""

    def check(name: str, value: Any) -> Any:
        mapping({})(name, value)
        for epoch, cost in value.items():
            check_field(f"{name} epoch", epoch, count(0, epochs))
            check_field(f"{name}[{epoch}]", cost, any_number)
        return value

    return check


def tracker_check(rule: Tracker | None) -> Check:
    """Return the check of a rule's state, which is None without the rule."""

    def check(name: str, value: Any) -> Any:
        if (value is None) != (rule is None):
            raise FieldError(f"{name} must {'be None' if rule is None else 'not be None'} by the settings")
        if rule is not None:
            rule.check(name, value)
        return value

    return check


def check_start(start: dict[str, Any] | None, here: dict[str, Any]) -> None:
    """Check that the start of an epoch that was cut off is its start."""
    if start is not None:
        agree(
            {
                "state.start must be the start of the epoch that was cut off": start["position"] == 0
                and start["epoch"] == here["epoch"]
            }
        )


def check_lowest(lowest: dict[str, Any] | None, epochs: int, steps_per_epoch: int) -> None:
    """Check that the lowest cost lies at most a chunk of updates after the snapshot that leads to it."""
    if lowest is None:
        return
    anchor = lowest["anchor"]["state"]
    steps = (lowest["epoch"] - anchor["epoch"]) * steps_per_epoch
    largest = (
        max(LARGEST_CHUNK, LARGEST_CALL) + steps_per_epoch
    )  # of a chunk that was cut off, and the rest of its epoch
    agree(
        {
            "the epoch of state.lowest must be at most a chunk of updates after its anchor": 0 <= steps <= largest
            and anchor["position"] == 0
        }
    )


def check_history(run: Run, grid: StepGrid | LogGrid) -> None:
    """Check that the recorded epochs are the first, those on the grid as it was thinned, and perhaps the last."""
    saved = run.state["history"]
    while grid.every < saved["every"]:
        grid = grid.thinned()
    epochs, first = run.cost_epochs, saved["first"]
    inner = epochs[1 : len(epochs) - saved["forced"]]
    agree(
        {
            "state.history.every must be history_every times a power of two": grid.every == saved["every"],
            "the history must begin with state.history.first or later": not len(epochs)
            or first is None
            or first <= int(epochs[0]),
            "the epochs of the history must be multiples of state.history.every, or on the log grid": bool(
                grid.holds(inner).all()
            ),
            "state.history.forced must be false where the history is empty": len(epochs) > 0 or not saved["forced"],
        }
    )
