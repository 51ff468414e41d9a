"""Progress bars over epochs and over blocks of rows, by tqdm."""

from types import TracebackType
from typing import Any

__all__ = ["BlocksBar", "ProgressBar"]


class ProgressBar:
    """Shows how many epochs are done while a descent runs; does nothing where it is not wanted."""

    def __init__(self, epochs: int, wanted: bool, done: int = 0, unit: str = "epoch") -> None:
        self.bar: Any = None
        if wanted:
            self.bar = import_tqdm()(total=epochs, initial=done, unit=unit, unit_scale=True)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, epoch: int, rate: float | None = None, cost: float | None = None) -> None:
        """Show that this many epochs are done, and the rate and the last cost where they are known."""
        if self.bar is None:
            return
        shown = {} if rate is None else {"rate": f"{rate:.3g}"}
        self.bar.set_postfix(shown if cost is None else shown | {"cost": f"{cost:.6g}"}, refresh=False)
        self.bar.update(epoch - self.bar.n)


class BlocksBar:
    """Shows how many rows, and bytes of them, a pass over blocks has read."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.bytes = 0

    def begin(self, rows: int | None) -> None:
        """Begin a pass over so many rows, None where that is not known."""
        self.end()
        self.bar, self.bytes = import_tqdm()(total=rows, unit=" rows", unit_scale=True, leave=False), 0

    def add(self, rows: int, size: int) -> None:
        """Show that so many more rows are read, which take so many bytes."""
        self.bytes += size
        self.bar.set_postfix_str(f"{self.bytes / 1e9:.2f} GB", refresh=False)
        self.bar.update(rows)

    def end(self) -> None:
        """End the pass."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def import_tqdm() -> Any:
    """Return tqdm's bar for a terminal or a notebook."""
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError('progress=True needs tqdm; pip install "gdfast[cli]", or leave progress out') from error
    return tqdm
