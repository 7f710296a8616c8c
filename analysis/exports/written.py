"""How exports are written: a folder a tool, the whole of it or what was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from seedscope.analysis.exports.source import Source
from seedscope.analysis.report.whole import whole_folder
from seedscope.pipeline.study.schema import Json

MARK = ".seedscope-export"

Writer: TypeAlias = Callable[[Path], list[str]]
"""Writes an export into a folder that is there and empty; returns sentences that say what to do with it."""
Tool: TypeAlias = Callable[[Source], Writer]
"""Looks whether a run fits the tool, and raises a UserError with the remedy where it does not, before anything is written."""


@dataclass(frozen=True)
class Export:
    """What was written for a tool: its folder, the files in it, and what to do with them."""

    tool: str
    folder: Path
    files: list[Path]
    notes: list[str]


def write_exports(source: Source, tools: Mapping[str, Tool], into: Path) -> list[Export]:
    """Write a run for tools, each into the folder of its name.

    Raises:
        UserError: it fits one of the tools not, and nothing is written; or the folder cannot be written.
    """
    writers = {name: tool(source) for name, tool in tools.items()}
    done = []
    for name, write in writers.items():
        folder = into / name
        with whole_folder(folder, mark=MARK, what="export", option="--into") as scratch:
            notes = write(scratch)
            (scratch / "README.txt").write_text("\n".join(notes) + "\n", encoding="utf-8")
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MARK)
        done.append(Export(name, folder, files, notes))
    return done


def write_json(path: Path, content: Json | Mapping[str, Json]) -> None:
    """Write JSON, indented."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_lines(path: Path, rows: Iterable[Mapping[str, Json]]) -> int:
    """Write JSON Lines; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def named(seeds: Sequence[int]) -> str:
    """Seeds as programs split them: `17, 28, 3`."""
    return ", ".join(map(str, seeds))
