"""Where commands print: what they say is text, in which no bracket or number means anything."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

out = Console(markup=False, highlight=False)
notes = Console(stderr=True, markup=False, highlight=False)


def say_written(paths: Iterable[Path]) -> None:
    """Name the files that a command wrote."""
    for path in paths:
        out.print(f"wrote {path}", soft_wrap=True)
