"""The card of a run, `README.md`, by which `datasets.load_dataset` and the Hugging Face hub find its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from seedscope.analysis.dataset.listed import Column, Listed
from seedscope.analysis.run.run import Run
from seedscope.pipeline.storage.local import replacing

NAME = "README.md"
MARK = "<!-- Written by seedscope. Take this line out, and it is never written again. -->"
DEFAULT = "scores"
MOST_COLUMNS = 40
"""Columns of a table that are listed; of more, `seedscope tables` tells."""


def card(title: str, place: str, tables: Sequence[Listed]) -> str:
    """The text of a card.

    Args:
        place: the name of the run folder.
        tables: one a name.
    """
    configs: list[dict[str, Any]] = [{"config_name": each.name, "data_files": each.files} for each in tables]
    for config in configs:
        if config["config_name"] == DEFAULT:
            config["default"] = True
    head = {"pretty_name": title, "task_categories": ["text-to-image"], "tags": ["seedscope"], "configs": configs}
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        MARK,
        "",
        f"# {title}",
        "",
        "Pictures of a text-to-image model, every prompt with every seed, what was measured of them, and which seeds are good.",
        "Made by seedscope.",
        "",
        "```python",
        "import datasets",
        "",
        f'scores = datasets.load_dataset("{place}", "scores", split="train")',
        "```",
        "",
        "All tables are Parquet files. `prompt_id` and `seed` name a picture in each of them.",
        "",
        "| table | files | rows | |",
        "| --- | --- | ---: | --- |",
        *(f"| {each.name} | `{each.files}` | {each.rows:,} | {each.row} |" for each in tables),
    ]
    for each in tables:
        lines += ["", f"## {each.name}", "", *_columns(each.columns)]
    return "\n".join(lines) + "\n"


def _columns(columns: Sequence[Column]) -> Iterable[str]:
    if len(columns) > MOST_COLUMNS:
        return [f"{len(columns)} columns, which the file describes: `seedscope tables` prints them."]
    rows = [f"| `{each.name}` | {each.type} | {each.unit} | {each.better} | {each.description} |" for each in columns]
    return ["| column | type | unit | better | |", "| --- | --- | --- | --- | --- |", *rows]


def write_card(run: Run, tables: Sequence[Listed]) -> Path | None:
    """Write the card of a run into its folder; return its path. One that a person wrote stays, and None is returned."""
    path = run.folder.path / NAME
    if not _may_be_written(run):
        return None
    with replacing(path) as scratch:
        scratch.write_text(card(run.study.name, run.folder.path.name, tables), encoding="utf-8")
    return path


def _may_be_written(run: Run) -> bool:
    try:
        return MARK.encode() in run.folder.storage.read(NAME)
    except FileNotFoundError:
        return True
