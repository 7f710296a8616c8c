"""`seedscope models`: what ships with the project."""

import json
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as TextTable

from seedscope.jobs.commands.options import Json

WIDE = 1000
"""Columns, more than a table of names needs."""


Families = Annotated[
    bool, typer.Option("--families", help="The families of models that can be drawn with, in place of those that ship.")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Of --families: as a table in Markdown.")]


def list_models(families: Families = False, markdown: Markdown = False, as_json: Json = False) -> None:
    """List the models that ship with seedscope, or the families of models that it draws with.

    Example: seedscope models --families
    """
    if families or markdown:
        _list_families(as_json=as_json, markdown=markdown)
        return
    from seedscope.pipeline.models.families import FAMILIES, INPAINTS
    from seedscope.pipeline.models.locate import bundled, kind

    rows = [
        {
            "name": name,
            "kind": kind(folder),
            "draws": kind(folder) in FAMILIES,
            "inpaints": kind(folder) in INPAINTS,
            "bytes": sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
            "folder": str(folder),
        }
        for name, folder in bundled().items()
    ]
    if as_json:
        print(json.dumps(rows))
        return
    table = TextTable("name", "class", "draws", "MB", box=SIMPLE, pad_edge=False)
    for row in rows:
        use = ", ".join(use for use, does in (("prompts", row["draws"]), ("inpaint", row["inpaints"])) if does)
        table.add_row(str(row["name"]), str(row["kind"]), use, f"{int(str(row['bytes'])) / 1e6:.1f}")
    Console(width=WIDE).print(table)


def _list_families(*, as_json: bool, markdown: bool) -> None:
    from seedscope.pipeline.models.abilities import Abilities, abilities, as_markdown

    rows = abilities()
    if as_json or markdown:
        print(
            json.dumps([row._asdict() for row in rows]) if as_json else as_markdown(rows), end="\n" if as_json else ""
        )
        return
    table = TextTable(*(name.replace("_", " ") for name in Abilities._fields), box=SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(width=WIDE).print(table)
