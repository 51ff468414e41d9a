"""What the state of collocation in a file must be, beside that of the loop."""

from typing import Any

import numpy as np

from gdfast._utils.arguments import flag
from gdfast.options.option import LARGEST_COUNT, Check, count, number
from gdfast.results.fields import agree, array_of, check_field, mapping
from gdfast.results.run import Run
from gdfast.solvers.collocation.nodes import DEGREE, SHORTEST
from gdfast.solvers.collocation.stretch import COUNTS, NUMBERS

__all__ = ["check_saved_path"]


def check_saved_path(run: Run) -> None:
    """Raise a FieldError unless a Run's state has a path that collocation could have saved."""
    check_field("state", run.state, mapping({"collocation": saved_check(run)}))
    stretches = run.state["collocation"]["stretches"]
    first, last = stretches["first"], stretches["first"] + stretches["length"]
    moving = len(stretches["velocity"])
    agree(
        {
            "the stretches of the path must be equally many": len(
                {len(stretches[name]) for name in stretches} - {moving}
            )
            <= 1
            and moving in (0, len(first)),
            "the stretches of the path must follow each other": bool((first[1:] >= last[:-1]).all()),
            "the stretches of the path must begin before the Run's end": bool((first <= run.epochs).all()),
            "a stretch of the path must be long enough": bool((first >= 0).all())
            and bool((stretches["length"] >= SHORTEST).all() and (last <= LARGEST_COUNT).all()),
        }
    )


def saved_check(run: Run) -> Check:
    """Return the check of what `StretchChunks.saved` returns, each part by itself."""
    outputs = len(run.coef) if run.coef.ndim == 2 else 1
    p, series = outputs * (run.coef.shape[-1] + 1), (None, DEGREE + 1)
    stretches: dict[str, Any] = {name: array_of((None,), np.int64) for name in COUNTS}
    stretches |= {name: array_of((None,), np.float64, True) for name in NUMBERS}
    stretches["end"] = array_of((None, p), np.float64, True)
    stretches |= {name: array_of((*series, p), np.float64, True) for name in ("W", "velocity")}
    stretches |= {name: array_of(series, np.float64, True) for name in ("costs", "weights")}
    columns = array_of((run.coef.shape[-1],), np.float64, True)
    counts = dict.fromkeys(("epochs", "next_try", "length", "refused"), count(0, LARGEST_COUNT + 1))
    marks = dict.fromkeys(("tried_again", "settling", "waited"), flag)
    return mapping(
        counts | marks | {"wasted": number(0.0), "stretches": mapping(stretches)},
        {
            "basis_point": array_of((p,), np.float64, True),
            "scaling": mapping(dict.fromkeys(("center", "scale"), columns)),
        },
    )
