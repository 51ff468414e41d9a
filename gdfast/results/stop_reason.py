"""Why training ended, and what to try next."""

from enum import StrEnum

__all__ = ["CUT_OFF", "StopReason"]


class StopReason(StrEnum):
    """Why training ended, as a string.

    The members are "epochs", "tol", "gradient", "step", "validation", "max_seconds", "callback", "interrupted" and
    "diverged".

    Attributes
    ----------
    advice : str
        A sentence on what this end means and what to try next.

    Examples
    --------
    >>> import gdfast
    >>> reason = gdfast.fit([[0.0], [1.0]], [0.0, 1.0], epochs=3).stop_reason
    >>> reason == "epochs"
    True
    >>> reason.advice
    'All epochs asked for are done; if the cost is still falling, ask for more epochs.'
    """

    EPOCHS = "epochs"
    TOL = "tol"
    GRADIENT = "gradient"
    STEP = "step"
    VALIDATION = "validation"
    MAX_SECONDS = "max_seconds"
    CALLBACK = "callback"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"

    @property
    def advice(self) -> str:
        """A sentence on what this end means and what to try next."""
        return ADVICE[self]


CUT_OFF = (StopReason.MAX_SECONDS, StopReason.INTERRUPTED)  # between any two updates, before what was asked for

ADVICE = {
    StopReason.EPOCHS: "All epochs asked for are done; if the cost is still falling, ask for more epochs.",
    StopReason.TOL: "The cost no longer falls by more than tol; a smaller tol trains for longer.",
    StopReason.GRADIENT: "The gradient is as small as asked for: this is a minimum to that accuracy.",
    StopReason.STEP: "The last step is as small as asked for; a smaller step_tol takes more steps.",
    StopReason.VALIDATION: "The validation cost no longer falls; more regularization or more data may help.",
    StopReason.MAX_SECONDS: "The time limit is reached; give more seconds, or resume from here.",
    StopReason.CALLBACK: "A callback asked for the end.",
    StopReason.INTERRUPTED: "Interrupted by Ctrl-C; what was done is kept.",
    StopReason.DIVERGED: "Training diverged; the last finite state is returned. Lower learning_rate, "
    "or standardize the features.",
}
