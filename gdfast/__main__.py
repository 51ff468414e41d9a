"""The command line: `gdfast` and `python -m gdfast`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what it needs."""
    try:
        from gdfast.cli.commands import run
    except ImportError as error:
        sys.exit(f'The command line needs {error.name}; pip install "gdfast[cli]"')
    run()


if __name__ == "__main__":
    main()
