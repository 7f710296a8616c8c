"""What users hold on to, frozen: commands, their options, and public names. A change of them shows in the diff."""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from repository import ROOT

import seedscope
from seedscope.jobs.cli import app

STORED = Path(__file__).with_name("surface.txt")
ACCEPT = "ACCEPT_SURFACE"
PUBLIC = {"__version__", "GoldenSeeds", "GoldenMismatch", "Study", "load_study", "open_run", "run"}


def commands(command: Any, name: str = "seedscope") -> Iterator[tuple[str, Any]]:
    """Each command by its whole name, those of groups of commands too."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    for word in sorted(inner or ()):
        yield from commands(inner[word], f"{name} {word}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def described(name: str, command: Any) -> Iterator[str]:
    """A command's line, and one for each argument and option: how it is written, its type, default and help."""
    yield f"{name}: {command.help.splitlines()[0]}"
    # Types and defaults are those of the function: how Typer keeps them has changed from release to release.
    function = inspect.unwrap(command.callback)
    types, parameters = get_type_hints(function), inspect.signature(function).parameters
    for item in command.params:
        if item.name in types:  # not --help, which all have
            written = "/".join(", ".join(names) for names in (item.opts, item.secondary_opts) if names)
            default = parameters[item.name].default
            told = "required" if default is inspect.Parameter.empty else repr(default)
            yield f"{name} {written}  {_type(types[item.name])}  {told}  {item.help}"


def _type(hint: Any) -> str:
    return hint.__name__ if type(hint) is type else re.sub(r"\b(typing|pathlib)\.", "", str(hint))


def test_commands_and_options_are_those_that_are_stored() -> None:
    found = [line for name, command in COMMANDS.items() for line in described(name, command)]
    if os.environ.get(ACCEPT):
        STORED.write_text("\n".join(found) + "\n", encoding="utf-8")
    changes = list(
        difflib.unified_diff(STORED.read_text(encoding="utf-8").splitlines(), found, "stored", "now", "", "", 0, "")
    )
    if changes:
        pytest.fail(
            "\n".join([*changes, f"To accept this: {ACCEPT}=1 python -m pytest tests/test_surface.py"]), pytrace=False
        )


def test_public_names_are_those_that_are_promised() -> None:
    assert set(seedscope.__all__) == PUBLIC
    assert all(hasattr(seedscope, name) for name in PUBLIC)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_command(name: str) -> None:
    word = name.removeprefix("seedscope ")
    assert re.search(rf"(seedscope |`){word}\b", (ROOT / "README.md").read_text(encoding="utf-8"))
