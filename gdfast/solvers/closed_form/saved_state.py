"""What the closed form's state in a file must be: the factors of a problem of the Run's shape."""

import numpy as np

from gdfast.options.option import LARGEST_COUNT, Check, count
from gdfast.results.fields import agree, any_number, array_of, check_field, mapping
from gdfast.results.run import Run
from gdfast.results.run_fields import LARGEST_STEPS
from gdfast.results.stop_reason import CUT_OFF

__all__ = ["check_saved_state"]


def check_saved_state(run: Run) -> None:
    """Raise a FieldError unless a Run's state is one that the closed form could have saved."""
    state = run.state
    check_field("state", state, saved_check(run))
    agree(
        {
            "state.epochs must be the Run's epochs, or above where it was cut off": state["epochs"] == run.epochs
            or (state["epochs"] > run.epochs and run.stop_reason in CUT_OFF),
            "state.first must be an epoch that is done": state["first"] <= run.epochs,
        }
    )
    if "factors" in state:
        V, singular, h = (state["factors"][name] for name in "Vsh")
        falls = bool((singular > 0).all() and (np.diff(singular) <= 0).all())
        agree(
            {
                "state.factors.V, s and h must have as many directions": V.shape[1] == len(singular) == len(h),
                "state.factors.s must be positive and fall": falls,
            }
        )
    if "scaling" in state:
        agree({"state.scaling.scale must be positive": bool((state["scaling"]["scale"] > 0).all())})


def saved_check(run: Run) -> Check:
    """Return the check of what `ClosedForm.state` returns, each part by itself."""
    d, k = run.coef.shape[-1], len(run.coef) if run.coef.ndim == 2 else 1
    factors = {
        "V": array_of((d + bool(run.settings.get("fit_intercept", True)), None), np.float64, True),
        "s": array_of((None,), np.float64, True),
        "h": array_of((None, k), np.float64, True),
        "residual": any_number,
        "size": any_number,
        "n": count(1, LARGEST_STEPS),
    }
    columns = {"center": array_of((d,), np.float64, True), "scale": array_of((d,), np.float64, True)}
    counts = {"first": count(0, LARGEST_COUNT), "epochs": count(0, LARGEST_COUNT)}
    return mapping(counts, {"factors": mapping(factors), "scaling": mapping(columns), "rates_from": count(0, 0)})
