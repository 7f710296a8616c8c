"""`seedscope tables`: the tables of a run, and what their columns mean."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table as TextTable

from seedscope.jobs.commands.options import Json
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.dataset.listed import Listed

MOST_COLUMNS = 40
"""Columns of a table that are listed unless it is asked for by name."""


def list_tables(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, or its URL.", show_default=False)],
    only: Annotated[
        list[str] | None, typer.Option(help="Only this table, such as scores; may be repeated.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the tables of a run: how many rows each has, and what its columns mean.

    They are Parquet files that pandas, Polars, DuckDB and datasets open: a table by its file or folder, all by the run folder.

    Example: seedscope tables runs/demo --only scores
    """
    from seedscope.analysis.dataset.listed import listed
    from seedscope.pipeline.tables.run_folder import RunFolder

    folder = RunFolder(run)
    if not folder.editions():
        raise UserError(f"{run}: is not a run folder. Name folders that `seedscope run` made, such as runs/demo.")
    found = listed(folder)
    names = [each.name for each in found]
    if unknown := set(only or []) - {*names}:
        raise UserError(f"--only {unknown.pop()}: the run has {', '.join(dict.fromkeys(names)) or 'no table yet'}.")
    shown = [each for each in found if not only or each.name in only]
    if as_json:
        print(json.dumps([asdict(each) for each in shown]))
        return
    for each in shown:
        _print(each, whole=bool(only))


def _print(table: Listed, *, whole: bool) -> None:
    out.print(f"{table.name}  {table.files}  {table.rows:,} rows", style="bold", soft_wrap=True)
    out.print(table.row, soft_wrap=True)
    if len(table.columns) > MOST_COLUMNS and not whole:
        out.print(f"  {len(table.columns)} columns; --only {table.name} lists them.\n", soft_wrap=True)
        return
    grid = TextTable(box=SIMPLE, pad_edge=False)
    for heading in ("column", "type"):
        grid.add_column(heading, no_wrap=True)
    grid.add_column("what it means; its unit; which of its values are good")
    for each in table.columns:
        better = f"{each.better} is better" if each.better else ""
        grid.add_row(each.name, each.type, "; ".join(filter(None, (each.description.rstrip("."), each.unit, better))))
    out.print(grid)
