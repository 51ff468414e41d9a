"""What gdfast uses of Python's private module _signal is what the public one does."""

import platform
import signal

from gdfast._utils import interrupt


def test_handlers_are_read_and_set_as_by_the_public_module():
    changed = f"Python {platform.python_version()} changed _signal: mend gdfast/_utils/interrupt.py"
    before = signal.getsignal(signal.SIGINT)
    assert interrupt.getsignal(signal.SIGINT) is before, changed
    try:
        assert interrupt.set_signal(signal.SIGINT, signal.default_int_handler) is before, changed
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, changed
    finally:
        signal.signal(signal.SIGINT, before)
