"""The import stage: a unit of cells whose pictures are files -> a shard of pictures, as the generate stage makes it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from seedscope.pipeline import images
from seedscope.pipeline.images import ImageError
from seedscope.pipeline.imported.placing import Key
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

THREADS = 4
LARGE = 8 * 2**20
"""Pixels from which pictures are brought in one by one, for their memory: 25 million take half a GB each."""
CLOCKS = 2.0
"""Seconds by which the clock of a file system may be behind that of the computer."""


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
        cells = [(prompt, seed, self.files.get((prompt.id, seed))) for prompt, seed in unit.cells]
        large = {at: _bring(*cell) for at, cell in enumerate(cells) if _is_large(cell[2])}
        rest = [cell for at, cell in enumerate(cells) if at not in large]
        with ThreadPoolExecutor(THREADS) as readers:  # Pillow lets go of the interpreter while it decodes and encodes
            others = readers.map(lambda cell: _bring(*cell), rest)
            brought = [large[at] if at in large else next(others) for at in range(len(cells))]
        made: dict[str, Json] = {"files_sha256": [sha256 for _, sha256 in brought]}
        yield tables[0], pa.Table.from_pylist([row for row, _ in brought], schema=IMAGE_SCHEMA), made


def _bring(prompt: Prompt, seed: int, file: Path | None) -> tuple[dict[str, object], str | None]:
    """The row of a cell, and the sha256 of its file."""
    row: dict[str, object] = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": seed, "image": None}
    if file is None:
        return row | {"status": "failed", "error": "its file is no longer there, or holds another picture"}, None
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


def _is_large(file: Path | None) -> bool:
    if file is None:
        return False
    try:
        with images.opened(file) as picture:
            return picture.width * picture.height > LARGE
    except ImageError:
        return False  # which `_bring` finds as well, and says


@dataclass
class Outdated:
    """Units that are not what their files are by now.

    `again` can be made again, for all their files are there; `changed` are the files of the others, which keep their rows.
    """

    again: list[str] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)


def outdated(table: Table, units: Sequence[Unit], files: Mapping[Key, Path]) -> Outdated:
    """The committed units of which a file has changed, or a failed cell has a readable file by now.

    A file that has not been written since its unit was made is not read again.

    Args:
        files: of the cells, those that are gone left out.
    """
    found, receipts = Outdated(), table.receipts()
    for unit in units:
        if (receipt := receipts.get(unit.name)) is None:
            continue
        keys = [(prompt.id, seed) for prompt, seed in unit.cells]
        known = receipt.made.get("files_sha256")
        shas = known if isinstance(known, list) and len(known) == len(keys) else [None] * len(keys)
        begun = (receipt.finished or 0) - (receipt.seconds or 0) - CLOCKS
        there = [(files[key], sha) for key, sha in zip(keys, shas, strict=True) if key in files]
        changed = [file for file, sha in there if isinstance(sha, str) and _has_changed(file, sha, begun)]
        if not changed and not _has_repaired(table, unit, receipt, files):
            continue
        if len(there) == len(keys) and all(file.is_file() for file, _ in there):
            found.again.append(unit.name)
        else:
            found.changed += changed
    return found


def _has_changed(file: Path, sha256: str, begun: float) -> bool:
    try:
        facts = file.stat()
        return max(facts.st_mtime, facts.st_ctime) >= begun and _sha256(file) != sha256
    except OSError:
        return False  # it is gone


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _has_repaired(table: Table, unit: Unit, receipt: Receipt, files: Mapping[Key, Path]) -> bool:
    return receipt.failed > 0 and any(_is_readable(files[key]) for key, _ in _failed(table, unit) if key in files)


def _failed(table: Table, unit: Unit) -> list[tuple[Key, str]]:
    """The cells of a unit that have no picture, and why."""
    rows = table.read(unit.name, ["status", "error"]).to_pylist()
    cells = zip(unit.cells, rows, strict=True)
    return [((prompt.id, seed), str(row["error"])) for (prompt, seed), row in cells if row["status"] != "ok"]


def unreadable(table: Table, units: Sequence[Unit], files: Mapping[Key, Path]) -> dict[Path, str]:
    """The files of the cells that have no picture, with the reason."""
    receipts = table.receipts()
    failed = [unit for unit in units if unit.name in receipts and receipts[unit.name].failed]
    return {
        files.get(key, Path(why.partition(": ")[0])): why.partition(": ")[2] or why
        for unit in failed
        for key, why in _failed(table, unit)
    }


def _is_readable(file: Path) -> bool:
    try:
        images.decode(file.read_bytes())
    except (ImageError, OSError):
        return False
    return True
