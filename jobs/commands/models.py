"""`seedscope models`: what ships with the project."""

import json

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as TextTable

from seedscope.jobs.commands.options import Json

WIDE = 1000
"""Columns, more than a table of names needs."""


def list_models(as_json: Json = False) -> None:
    """List the models that ship with seedscope.

    Example: seedscope models
    """
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
