"""Collocation as a solver: the loop, which takes stretches of the path instead of epochs where they can be verified."""

import math
from dataclasses import fields
from typing import Any

import numpy as np

from gdfast.data.problem import Dimensions, Problem
from gdfast.data.scaling import Scaling
from gdfast.options.learning_rates import CallableRates
from gdfast.results.history import Columns
from gdfast.results.run import Run
from gdfast.solvers.base import BANDWIDTH, IN_MEMORY, Need, needs_of_options
from gdfast.solvers.collocation.chunks import StretchChunks
from gdfast.solvers.collocation.finder import BEFORE, EIGENVECTORS
from gdfast.solvers.collocation.known_epochs import KnownEpochs
from gdfast.solvers.collocation.saved_state import check_saved_path
from gdfast.solvers.evaluation import Evaluator
from gdfast.solvers.loop.solver import Loop
from gdfast.solvers.plan import Plan

__all__ = ["Collocation"]

# The cost model (see ../closed_form/solver.py), on the safe side: of a stretch its calls, its passes over the rows in
# epochs of the loop, and the cube of its parameters for the eigenvectors of their Hessian; from so many epochs on each
# stretch is twice as long; of an epoch a rate that is not constant.
CALLS, PASSES = 8e-4, 100
DOUBLED, RATES = 600, 1e-7


class Collocation(Loop):
    """Full-batch descent on a smooth loss, mostly without a pass over the rows in each epoch."""

    name = "collocation"
    needs = (
        IN_MEMORY,
        Need("a smooth loss", lambda data, plan: plan.model.formulas.smooth),
        Need("float64", lambda data, plan: data.dtype == np.float64),
        Need("the full batch (batch_size=None)", lambda data, plan: plan.batch_size is None),
        Need("penalty None or 'l2'", lambda data, plan: plan.model.l1 == 0),
        Need("an optimizer of gd, momentum and nesterov", lambda data, plan: not plan.model.formula.adaptive),
        Need("a constant rate, an array, or a schedule by epoch", lambda data, plan: known_rates(plan)),
        Need("on_divergence 'warn' or 'raise'", lambda data, plan: plan.on_divergence != "backtrack"),
        Need("history 'objective' or 'none' with a penalty", lambda data, plan: plan.objective or plan.model.l2 == 0),
        *needs_of_options(name),
    )

    def __init__(self, problem: Problem, plan: Plan, evaluator: Evaluator | None = None) -> None:
        super().__init__(problem, plan, evaluator)
        products = problem.X.shape[0] * problem.X.shape[1]
        each = Loop.seconds(self.data, plan) / plan.epochs
        self.stretch_chunks = StretchChunks(self.evaluator.kernels, self.state, plan, products, problem, each)
        self.descent.chunks = self.stretch_chunks

    @classmethod
    def seconds(cls, data: Dimensions, plan: Plan, bandwidth: float = BANDWIDTH) -> float:
        """Return about how long the stretches and the epochs of the loop between them take."""
        if plan.model.formulas.quadratic and not data.sparse:
            return math.inf  # the closed form knows what this verifies
        loop = super().seconds(data, plan, bandwidth)
        slow = 1.0 / (1.0 - plan.model.mu)
        stretches = math.ceil(math.log2(max(plan.epochs / slow, 1.0) / DOUBLED))
        if stretches < 2:
            return CALLS + loop  # nearly all of it by the loop
        epochs = BEFORE * slow + stretches * PASSES
        eigenvectors = EIGENVECTORS * (data.k * (data.d + 1)) ** 3
        rates = 0.0 if plan.rates.constant is not None else plan.epochs * RATES
        return stretches * (CALLS + eigenvectors) + epochs * loop / plan.epochs + rates

    @classmethod
    def shares(cls, problem: Problem, plan: Plan) -> None:
        """Return None: the stretches of each path have nodes of their own."""

    def saved_state(self) -> dict[str, Any]:
        """Return what resuming from here needs beside the data."""
        path = self.stretch_chunks.saved()
        if self.data.scaling is not None:
            path["scaling"] = {field.name: getattr(self.data.scaling, field.name) for field in fields(Scaling)}
        return super().saved_state() | {"collocation": path}

    def check_saved(self, run: Run) -> None:
        """Raise a FieldError unless a Run's state is one that this solver could have saved."""
        super().check_saved(run)
        check_saved_path(run)

    def restore(self, saved: dict[str, Any], columns: Columns) -> None:
        """Return to where a state was saved; nothing that it holds is written to."""
        super().restore(saved, columns)
        self.stretch_chunks.restore(saved["collocation"])

    @classmethod
    def known_path(cls, run: Run) -> KnownEpochs:
        """Return what tells where a Run was after an epoch."""
        check_saved_path(run)
        return KnownEpochs(run)


def known_rates(plan: Plan) -> bool:
    """Tell whether the rates of all epochs are known before training."""
    return plan.rates.plateau is None and not isinstance(plan.rates, CallableRates)
