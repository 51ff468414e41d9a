"""The command line, called in this process."""

import sys

import pytest

pytest.importorskip("typer")
from gdfast.cli import commands


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command line in a folder, and returns its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gdfast", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            commands.run()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run
