"""What `gdfast fit` reports: the result as text, or as JSON."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gdfast.results.run import Run

__all__ = ["as_json", "as_text"]


def as_text(trained: Run, names: Sequence[str], prediction: Any = None) -> str:
    """Return the result in the data's own units as lines, in all digits that the coefficients have."""
    rate = "changing" if trained.learning_rate is None else f"{trained.learning_rate:.6g}"
    lines = [
        f"{trained.epochs:,} epochs in {trained.seconds:.3g} s ({trained.solver}, {trained.backend}). {trained.advice}",
        f"loss {trained.loss}, learning rate {rate}, cost {trained.cost:.12g}",
    ]
    if trained.coef.ndim == 2 and trained.classes is not None:
        lines.append(f"classes, with a column of coefficients each: {', '.join(map(str, trained.classes))}")
    lines += coefficients(trained, names)
    return "\n".join(lines if prediction is None else [*lines, f"Prediction: {prediction}"])


def coefficients(trained: Run, names: Sequence[str]) -> list[str]:
    """Return a line for each feature and the intercept, with a number for each output or class."""
    coef, intercept = np.atleast_2d(trained.coef), np.atleast_1d(trained.intercept)
    rows = [[repr(float(value)) for value in values] for values in (*coef.T, intercept)]
    columns = [[text if text[0] == "-" else f" {text}" for text in column] for column in zip(*rows, strict=True)]
    columns.insert(0, [*names, "intercept"])
    padded = [[text.ljust(max(map(len, column))) for text in column] for column in columns]
    return [f"  {'  '.join(row)}".rstrip() for row in zip(*padded, strict=True)]


def as_json(trained: Run, names: Sequence[str], prediction: Any = None) -> str:
    """Return the result in the data's own units as one line of JSON; a number that is not finite is null."""
    values = {
        "coef": trained.coef,
        "intercept": trained.intercept,
        "names": list(names),
        "classes": trained.classes,
        "cost": trained.cost,
        "epochs": trained.epochs,
        "stop_reason": str(trained.stop_reason),
        "solver": trained.solver,
        "backend": trained.backend,
        "seed": trained.seed,
        "seconds": trained.seconds,
    }
    if prediction is not None:
        values["prediction"] = prediction
    return json.dumps({name: plain(value) for name, value in values.items()}, ensure_ascii=False, default=str)


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
