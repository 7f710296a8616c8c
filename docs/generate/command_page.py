"""The reference of all commands, from the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

HEAD = """# Commands

What `seedscope COMMAND --help` says, of every command. One that takes a study takes the folder of its run, or its URL, too.
"""


def page() -> str:
    """The page as Markdown."""
    import typer

    from seedscope.jobs.cli import app

    program = typer.main.get_command(app)
    return "\n".join([HEAD, str(program.epilog), "", *_group(program, "seedscope")])


def _group(group: Any, name: str) -> Iterator[str]:
    panel = None
    for word, command in group.commands.items():
        if (mine := getattr(command, "rich_help_panel", None)) not in (panel, None) and isinstance(mine, str):
            panel = mine
            yield f"## {panel}\n"
        if hasattr(command, "commands"):
            yield from _group(command, f"{name} {word}")
        else:
            yield from _command(command, f"{name} {word}")


def _command(command: Any, name: str) -> Iterator[str]:

    yield f"### {name}\n"
    said, _, example = command.help.partition("Example:")
    yield f"{_one_line(said)}\n"
    if example:
        yield f"```sh\n{_one_line(example)}\n```\n"
    rows = [row for item in command.params if (row := _row(item))]
    if rows:
        yield "| | meaning |\n| --- | --- |"
        yield from rows
        yield ""


def _row(item: Any) -> str:
    if item.name == "help":
        return ""
    if item.param_type_name == "argument":
        written = f"`{item.metavar or item.name.upper()}`"
    else:
        written = ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))
    said = _one_line(item.help or "").replace("|", "\\|")
    shown = item.default if item.show_default and item.default not in (None, False, [], ()) else None
    told = "" if shown is None or callable(shown) else f" Default: `{shown}`."
    return f"| {written} | {said}{told} |"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\[default", "[default")).strip()
