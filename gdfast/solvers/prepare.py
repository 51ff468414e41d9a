"""From fit's arguments to the problem and the plan."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdfast.backends import BACKENDS, choose, load, why_unavailable
from gdfast.data.blocks.block import Block
from gdfast.data.blocks.blocks import Blocks
from gdfast.data.blocks.rows import FirstPass, RowsInBlocks
from gdfast.data.csr import Features, features
from gdfast.data.problem import (
    BLOCKS,
    SUMMARY_OF_BLOCKS,
    Dimensions,
    Problem,
    Shared,
    make_problem,
    split,
    validation_problem,
)
from gdfast.data.scaling import scaling_of
from gdfast.data.summarised import problem_of_summary
from gdfast.data.summary import Summary, merged_blocks, numbered_summary, summary_of_blocks
from gdfast.formulas.losses import LOSSES
from gdfast.options.custom_loss import Loss
from gdfast.options.learning_rates import make_learning_rates
from gdfast.solvers.plan import (
    Plan,
    PlanOptions,
    make_batch_size,
    make_plan,
    make_seed,
    plan_options,
    read_options,
)
from gdfast.solvers.select import choose_solver, trained_by_summary
from gdfast.solvers.smoothness import auto_rate

__all__ = ["prepare", "prepare_again", "prepare_plan", "read_blocks"]


ASSUMED_ROWS = 10**6  # where it is not known yet how many there are


class Prepared(NamedTuple):
    """The rows to train on and those to validate on, and which these are, by a seed."""

    problem: Problem
    validation: Problem | None
    rows: NDArray[np.intp] | None
    seed: int


def prepare(
    X: Any, y: Any, sample_weight: Any, given: dict[str, Any], known: dict[Any, Prepared] | None = None
) -> tuple[Problem, Plan]:
    """Return the Problem and the Plan of fit's arguments.

    Fits on the same data share the problems in `known`, and an X that `features` has checked.
    """
    options = read_options(given)
    values, c = options.values, options.model.c
    loss, backend = values["loss"], choose_for(values["loss"], values["backend"])
    prepared = key = None
    if known is not None:
        validation = values["validation"]
        drawn = (values["seed"], validation) if isinstance(validation, float) else id(validation)
        key = loss, c, values["standardize"], backend, drawn
        prepared = known.get(key)
    if prepared is None:
        if isinstance(X, Summary):
            prepared = Prepared(problem_of_summary(X, values["standardize"]), None, None, 0)
        elif isinstance(X, RowsInBlocks):
            prepared = prepare_blocks(X, values, loss, c)
        else:
            checked_X = features("X", X) if known is None else X
            prepared = prepare_data(checked_X, y, sample_weight, values, loss, c, backend)
        if known is not None:
            prepared = known[key] = prepared._replace(problem=replace(prepared.problem, shared=Shared()))
    return prepared.problem, plan_for(prepared, options, backend)


def prepare_plan(problem: Problem, options: dict[str, Any]) -> Plan:
    """Return the Plan of checked options for a Problem that is made already; "auto" is found from its rows."""
    backend = choose_for(options["loss"], options["backend"])
    seed = make_seed(options["seed"], options["batch_size"], problem.dimensions.n)
    return plan_for(Prepared(problem, None, None, seed), plan_options(options), backend)


def plan_for(prepared: Prepared, options: PlanOptions, backend: str) -> Plan:
    """Return the Plan of checked options for rows to train on."""
    problem, validation, rows, seed = prepared
    seed = seed if options.values["seed"] is None else options.values["seed"]
    plan = make_plan(problem.dimensions, options, backend, seed, validation, rows)
    if options.rates is not None:
        return plan
    rate = options.values["optimizer"].auto_rate or auto_rate(problem, plan.model, plan.batch_size)
    return replace(plan, rates=make_learning_rates(rate, plan.epochs))


def read_blocks(blocks: Blocks, options: dict[str, Any]) -> Summary | RowsInBlocks:
    """Return what fit needs of blocks of rows, after a pass over them: their Summary, or what trains on them in blocks.

    The options are checked once the first block is read.
    """
    first_pass: FirstPass | None = None
    if (shape := blocks._shape()) is not None:
        first_pass = pass_of_options(*shape, options, blocks._positive)
        if first_pass is None:
            return summary_for_fit(blocks, summary_of_blocks(blocks))
        known = blocks._source.known()
        if known is not None and not (first_pass.needed or isinstance(options["learning_rate"], str)):
            return RowsInBlocks.of_known(blocks, known, first_pass)

    def work(d: int, k: int) -> Callable[[Block], Any]:
        nonlocal first_pass
        first_pass = pass_of_options(d, k, options, blocks._positive) if shape is None else first_pass
        return numbered_summary if first_pass is None else first_pass

    def merge(first: Any, second: Any) -> Any:
        return merged_blocks(first, second) if first_pass is None else first_pass.merge(first, second)

    found = blocks._merged(work, merge)
    return summary_for_fit(blocks, found[1]) if first_pass is None else RowsInBlocks(blocks, found, first_pass)


def summary_for_fit(blocks: Blocks, summary: Summary) -> Summary:
    """Return the Summary of blocks, whose fingerprint is theirs."""
    summary._blocks = blocks
    if summary.weight == 0:
        raise ValueError("the blocks of X have no rows of positive weight; give at least one")
    return summary


def pass_of_options(d: int, k: int, options: dict[str, Any], positive: Any = None) -> FirstPass | None:
    """Return the first pass over blocks of d features and k outputs, None where it is to make their Summary.

    Raises the error of options that blocks cannot be fitted by.
    """
    rate = options["learning_rate"]
    given = read_options(options | {"learning_rate": 1.0 if isinstance(rate, str) and rate == "auto" else rate})
    values, model = given.values, given.model
    loss, backend, validation = values["loss"], choose_for(values["loss"], values["backend"]), values["validation"]
    if isinstance(validation, float):
        raise ValueError(
            f"validation={validation:g} draws rows, which blocks do not allow; give validation=(X, y) in arrays"
        )
    # What is given to validate is checked later: it may take classes.
    values = values | {"validation": None, "restore_best": False, "patience": None}
    if model.formulas.coupled:  # how many classes there are is not known yet
        values |= {"coef_init": None, "intercept_init": None}
    X, Y = np.broadcast_to(np.nan, (ASSUMED_ROWS, d)), np.broadcast_to(0.0, (ASSUMED_ROWS, k))
    prepared = Prepared(Problem(X, Y, None, None, k > 1, stand_in=BLOCKS), None, None, 0)
    plan, data = plan_for(prepared, plan_options(values), backend), prepared.problem.dimensions
    if validation is None and trained_by_summary(replace(data, stand_in=SUMMARY_OF_BLOCKS), data, plan):
        return None
    choose_solver(data, plan)
    return FirstPass(loss, model.c, values["standardize"], positive)


def prepare_blocks(rows: RowsInBlocks, options: dict[str, Any], loss: str | Loss, c: float) -> Prepared:
    """Return the problem of rows in blocks, and its validation part."""
    problem, validation = rows.problem(), None
    if options["validation"] is not None:
        validation = validation_problem(problem, loss, options["validation"], c)
        validation = validation if problem.scaling is None else validation.standardized(problem.scaling)
    seed = make_seed(options["seed"], options["batch_size"], int(rows.sizes.max()))
    return Prepared(problem, validation, None, seed)


def prepare_data(
    X: Features, y: Any, sample_weight: Any, options: dict[str, Any], loss: str | Loss, c: float, backend: str
) -> Prepared:
    """Return the problem of checked options, standardized where that is asked for, and its validation part."""
    problem, validation, rows = make_problem(X, y, loss, sample_weight, c), None, None
    n = len(problem.X)
    seed = make_seed(options["seed"], make_batch_size(options["batch_size"], problem.dimensions), n)
    if isinstance(options["validation"], (tuple, list)):
        validation = validation_problem(problem, loss, options["validation"], c)
    elif options["validation"] is not None:
        problem, validation, rows = split(problem, options["validation"], seed, load(backend).fill_order)
    if options["standardize"]:
        scaling = scaling_of(problem.X, problem.weights)  # by the rows that are trained on
        problem = problem.standardized(scaling)
        validation = None if validation is None else validation.standardized(scaling)
    return Prepared(problem, validation, rows, seed)


def prepare_again(given: dict[str, Any], data: Dimensions, before: Plan | None = None) -> Plan:
    """Return the Plan of a Run's settings, its rate and seed being known, for data that were checked before."""
    options = read_options(given)
    backend = choose_for(options.values["loss"], options.values["backend"])
    validation, rows = (None, None) if before is None else (before.validation, before.validation_rows)
    return make_plan(data, options, backend, options.values["seed"], validation, rows)


def choose_for(loss: str | Loss, backend: Any) -> str:
    """Return the backend for a loss: not every one runs a user's own, or takes the outputs of a row together."""
    chosen = choose(backend)
    if isinstance(loss, Loss):
        able, reason = [name for name, other in BACKENDS.items() if other.custom_losses], "which it was not built with"
    elif LOSSES[loss].coupled:
        able = [name for name, other in BACKENDS.items() if other.coupled_losses]
        reason = "which takes the outputs of a row together"
    else:
        return chosen
    if chosen in able:
        return chosen
    if chosen in (backend, os.environ.get("GDFAST_BACKEND")):
        raise ValueError(f"backend={chosen!r} cannot run {loss!r}, {reason}; use {' or '.join(able)}")
    return next(name for name in able if why_unavailable(name) is None)
