"""The reference of the command line, docs/reference/command-line.md, from the commands themselves."""

from pathlib import Path

from messages import write_if_changed

PAGE = Path(__file__).parent.parent / "reference" / "command-line.md"


def page():
    """Return the page in Markdown."""
    import typer

    from gdfast.cli.commands import app

    lines = [
        "---",
        "tocdepth: 2",
        "---",
        "",
        "# Command line",
        "",
        "This page is generated from the commands. The guide is [The command line](/cli.md). "
        "`gdfast COMMAND --help` prints the same.",
        "",
    ]
    for path, command in commands("gdfast", typer.main.get_command(app)):
        lines += shown(path, command)
    return "\n".join(lines)


def commands(path, command):
    """Yield each command with its whole name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from commands(f"{path} {name}", one)


def shown(path, command):
    """Return the section of one command."""
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", *(cell(command.help or "").splitlines() or [""]), "", f"```\n{usage}\n```", ""]
    for group, records in command.panels(context).items():
        records = [record for record in records if "--help" not in record[0]]
        if not records:
            continue
        lines += [f"### {group[0].upper()}{group[1:]} of {path}", ""]
        lines += ["| option | |", "|---|---|"]
        lines += [f"| `{name.replace('|', '/')}` | {cell(text)} |" for name, text in records]
        lines.append("")
    return lines


def cell(text):
    """Return a text for a cell of a table."""
    text = " ".join(text.split())
    for mark in "\\|*_<>[]#$":
        text = text.replace(mark, f"\\{mark}")
    return text


def setup(app):
    """Connect the extension."""
    app.connect("builder-inited", lambda app: write_if_changed(PAGE, page()))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
