"""When averaging begins."""

from gdfast.backends.state import State

__all__ = ["AveragingStart"]


class AveragingStart:
    """Begins the mean of iterates after a number of epochs, at whose end a chunk must end."""

    def __init__(self, epoch: int | None) -> None:
        self.epoch = epoch

    def next_stop(self, epoch: int) -> int | None:
        """Return the next epoch after this one at which a chunk must end, or None."""
        return self.epoch if self.epoch is not None and epoch < self.epoch else None

    def begin(self, state: State) -> None:
        """Begin the mean where it is due."""
        if state.epoch == self.epoch and state.position == 0 and state.count < 0:
            state.begin_mean()
