"""Where a Summary stands for X and y: given as one, or made of Blocks, a dataset or a lazy frame."""

from typing import Any

import numpy as np

from gdfast.data.blocks.blocks import blocks_given, check_alone
from gdfast.data.frames import NamedData, by_name
from gdfast.data.problem import SUMMARY, SUMMARY_OF_BLOCKS, Problem
from gdfast.data.summary import Summary, scaled_triangle, scaling_of_summary, summary_of_blocks
from gdfast.data.triangle import only_r

__all__ = ["named_or_summarised", "problem_of_summary"]


def named_or_summarised(X: Any, y: Any, sample_weight: Any = None) -> NamedData:
    """Return what `by_name` does; a Summary stands for X, y and sample_weight, and for Blocks that of their rows."""
    blocks = blocks_given(X, y, sample_weight)
    if blocks is not None:
        X = summary_of_blocks(blocks)
        X._blocks = blocks
    elif not isinstance(X, Summary):
        return by_name(X, y, sample_weight)
    else:
        check_alone("a Summary, which holds it", y, sample_weight)
    if X.weight == 0:
        words = f"X={X!r} has" if blocks is None else "the blocks of X have"
        raise ValueError(f"{words} no rows of positive weight; merge it with one that has")
    return NamedData(X, None, None, X.feature_names)


def problem_of_summary(summary: Summary, standardize: bool) -> Problem:
    """Return the Problem of a Summary, whose X and Y are not at hand: X is of NaN, Y of 0, and both take no memory."""
    d, k = summary.n_features, summary.n_outputs
    scaling = scaling_of_summary(summary) if standardize else None
    R = summary._triangle if scaling is None else scaled_triangle(summary._triangle, scaling)
    X, Y = np.broadcast_to(np.nan, (summary.n, d)), np.broadcast_to(0.0, (summary.n, k))
    triangle = only_r(R / np.sqrt(summary.weight))
    stand_in = SUMMARY if summary._blocks is None else SUMMARY_OF_BLOCKS
    return Problem(X, Y, None, None, summary._several, scaling, None, triangle, stand_in)
