"""What an experiment found, told by a command: sentences and small tables, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from seedscope.jobs.console import out, say_written

if TYPE_CHECKING:
    from seedscope.analysis.experiments.finding import Finding, Value

SHOWN = 24
"""Rows of a table that the terminal shows; the files have all."""


def say_found(finding: Finding, files: Sequence[Path], *, as_json: bool) -> None:
    """Print a finding, and name the files of it."""
    if as_json:
        print(json.dumps(finding.model_dump() | {"files": [str(path) for path in files]}))
        return
    out.print(finding.title, style="bold")
    for table in finding.tables:
        out.print(_shown(table.title, table.columns, table.rows))
        if len(table.rows) > SHOWN:
            out.print(f"{SHOWN} of {len(table.rows):,} rows.")
    for sentence in finding.sentences:
        out.print(sentence)
    say_written(files)


def _shown(title: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> Table:
    shown = Table(
        box=None, title=title, title_justify="left", title_style="", header_style="bold", padding=(0, 1, 0, 0)
    )
    for place, column in enumerate(columns):
        numbers = all(not isinstance(row[place], str) for row in rows)
        shown.add_column(column, justify="right" if numbers else "left")
    for row in rows[:SHOWN]:
        shown.add_row(*map(_written, row))
    return shown


def _written(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
