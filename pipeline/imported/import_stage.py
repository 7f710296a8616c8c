"""The import stage: a unit of cells whose pictures are files -> a shard of pictures, as the generate stage makes it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from seedscope.pipeline import images
from seedscope.pipeline.images import ImageError
from seedscope.pipeline.imported.placing import Key
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

THREADS = 4


@dataclass
class Import(Stage):
    """Brings the pictures of a unit in; there is nothing to load, so it is open as it stands.

    A cell whose file cannot be read keeps its row, with the reason and no picture."""

    table: Table
    files: Mapping[Key, Path]

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def open(self) -> "Import":
        return self

    def run(
        self,
        unit: Unit,
        tables: Sequence[Table],
        smaller: int = 1,  # noqa: ARG002  (pictures come in one by one)
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        cells = [(prompt, seed, self.files[prompt.id, seed]) for prompt, seed in unit.cells]
        with ThreadPoolExecutor(THREADS) as readers:  # Pillow lets go of the interpreter while it decodes and encodes
            brought = list(readers.map(lambda cell: _bring(*cell), cells))
        made: dict[str, Json] = {"files_sha256": [sha256 for _, sha256 in brought]}
        yield tables[0], pa.Table.from_pylist([row for row, _ in brought], schema=IMAGE_SCHEMA), made


def _bring(prompt: Prompt, seed: int, file: Path) -> tuple[dict[str, object], str | None]:
    """The row of a cell, and the sha256 of its file."""
    row: dict[str, object] = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": seed, "image": None}
    try:
        data = file.read_bytes()
    except OSError as error:
        return row | {"status": "failed", "error": f"{file.name}: cannot be read: {error.strerror}"}, None
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        image = {"bytes": images.encode(images.decode(data)), "path": f"{prompt.id}-{seed}.webp"}
    except ImageError as error:
        return row | {"status": "failed", "error": f"{file.name}: {error}"}, sha256
    return row | {"image": image, "status": "ok", "error": None}, sha256


def revoke_repaired(table: Table, units: Sequence[Unit], files: Mapping[Key, Path]) -> list[str]:
    """Take back the units of which a failed cell has a readable file by now, if all their files are there; their names.

    Measurements of a unit that is made again are out of date by the sha256 of its shard, and so made again too.
    """
    committed, again = table.committed(), []
    for unit in units:
        if unit.name not in committed or not table.receipt(unit.name).failed:
            continue
        keys = [(prompt.id, seed) for prompt, seed in unit.cells]
        states = table.read(unit.name, ["status"])["status"].to_pylist()
        failed = [files[key] for key, state in zip(keys, states, strict=True) if state != "ok"]
        if any(map(_is_readable, failed)) and all(files[key].is_file() for key in keys):
            table.revoke(unit.name)
            again.append(unit.name)
    return again


def _is_readable(file: Path) -> bool:
    try:
        images.decode(file.read_bytes())
    except (ImageError, OSError):
        return False
    return True
