"""The progress bar over epochs."""

from types import SimpleNamespace

import pytest

from gdfast.solvers.monitoring import progress
from gdfast.solvers.monitoring.progress import ProgressBar


@pytest.fixture
def bar(monkeypatch):
    """Return the bar that is made in place of tqdm's."""
    bar = SimpleNamespace(n=0, text={}, shown=[], closed=0)

    def make(total, initial, **_):
        bar.total, bar.n = total, initial
        return bar

    def update(epochs):
        bar.n += epochs
        bar.shown.append((bar.n, bar.text))

    bar.update, bar.close = update, lambda: setattr(bar, "closed", bar.closed + 1)
    bar.set_postfix = lambda text, refresh: setattr(bar, "text", text)
    monkeypatch.setattr(progress, "import_tqdm", lambda: make)
    return bar


def test_it_shows_the_epochs_done_and_what_is_known(bar):
    with ProgressBar(20, True, 3) as shown:
        assert (bar.total, bar.n) == (20, 3)
        for arguments in ((5,), (8, 0.25), (8, 0.25, 1.5), (6, 0.125, 2.5)):  # training may return to an epoch before
            shown.show(*arguments)
        assert not bar.closed
    assert bar.closed == 1
    assert bar.shown == [
        (5, {}),
        (8, {"rate": "0.25"}),
        (8, {"rate": "0.25", "cost": "1.5"}),
        (6, {"rate": "0.125", "cost": "2.5"}),
    ]


def test_it_does_nothing_where_it_is_not_wanted(bar):
    with ProgressBar(20, False) as shown:
        shown.show(5, 0.25, 1.5)
    assert (bar.shown, bar.closed) == ([], 0)
