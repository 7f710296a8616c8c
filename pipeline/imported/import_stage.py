"""The import stage: a unit of cells whose pictures are files -> a shard of pictures, as the generate stage makes it."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from seedscope.pipeline import images
from seedscope.pipeline.images import LARGE, ImageError
from seedscope.pipeline.imported.placing import Key
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.storage.hashes import BLOCK, sha256_of
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.parquet import ROW_GROUP, Groups, Rows
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

THREADS = 4
PNG_BYTES = 16 * 2**20
"""Bytes of large pictures in PNG that end a row group, which is in memory as a whole while it is written."""
CLOCKS = 2.0
"""Seconds by which the clock of a file system may be behind that of the computer."""


class _Cell(NamedTuple):
    prompt: Prompt
    seed: int
    file: Path | None


class _Brought(NamedTuple):
    """The row of a cell, and the sha256 of its file."""

    row: dict[str, object]
    sha256: str | None = None
    png: int = 0
    """Bytes of a picture that is kept as PNG."""


@dataclass
class Import(Stage):
    """Brings the pictures of a unit in; there is nothing to load, so it is open as it stands.

    A cell whose file cannot be read keeps its row, with the reason and no picture.

    Args:
        with_png: names of units whose large pictures are kept as PNG, not WebP.
    """

    table: Table
    files: Mapping[Key, Path]
    with_png: Collection[str] = ()

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def open(self) -> "Import":
        return self

    def uses_torch(self) -> bool:
        return False

    def run(
        self,
        unit: Unit,
        tables: Sequence[Table],
        smaller: int = 1,  # noqa: ARG002  (few pictures are in memory at a time)
    ) -> Iterator[tuple[Table, Rows, dict[str, Json]]]:
        sha256s: list[Json] = []
        groups = Groups(self._groups(unit, sha256s), large=unit.name in self.with_png)
        yield tables[0], groups, {"files_sha256": sha256s}

    def _groups(self, unit: Unit, sha256s: list[Json]) -> Iterator[pa.Table]:
        """The rows of a unit by row groups."""
        rows, png = list[dict[str, object]](), 0
        for brought in self._brought(unit):
            rows.append(brought.row)
            sha256s.append(brought.sha256)
            png += brought.png
            del brought
            if len(rows) == ROW_GROUP or png >= PNG_BYTES:
                yield _taken(rows)
                pa.default_memory_pool().release_unused()
                png = 0
        if rows:
            yield _taken(rows)

    def _brought(self, unit: Unit) -> Iterator[_Brought]:
        """The cells of a unit, in order, a portion at a time."""
        cells = [_Cell(prompt, seed, self.files.get((prompt.id, seed))) for prompt, seed in unit.cells]
        bring = partial(_bring, png=unit.name in self.with_png)
        with ThreadPoolExecutor(THREADS) as readers:  # Pillow lets go of the interpreter while it decodes and encodes
            for portion in _portions(cells):
                yield from readers.map(bring, portion)


def _taken(rows: list[dict[str, object]]) -> pa.Table:
    """The rows of a list, taken out of it: pictures take memory enough while they are written."""
    group = pa.Table.from_pylist(rows, schema=IMAGE_SCHEMA)
    rows.clear()
    pa.default_memory_pool().release_unused()  # Arrow keeps what it has grown the columns in
    return group


def _portions(cells: Sequence[_Cell]) -> Iterator[list[_Cell]]:
    """Neighbouring cells, as many as have the pixels of one large picture together, and one at least."""
    portion, pixels = list[_Cell](), 0
    for cell in cells:
        more = _pixels(cell.file)
        if portion and pixels + more > LARGE:
            yield portion
            portion, pixels = [], 0
        portion.append(cell)
        pixels += more
    if portion:
        yield portion


def _pixels(file: Path | None) -> int:
    if file is None:
        return 0
    try:
        with images.opened(file) as picture:
            return picture.width * picture.height
    except ImageError:
        return 0  # which `_bring` finds as well, and says


def _bring(cell: _Cell, *, png: bool) -> _Brought:
    """Read the picture of a cell; `png`: a large one is kept as PNG."""
    prompt, seed, file = cell
    row: dict[str, object] = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": seed, "image": None}
    if file is None:
        return _Brought(row | {"status": "failed", "error": "its file is no longer there, or holds another picture"})
    try:
        source, sha256 = _content(file)
    except OSError as error:
        return _Brought(row | {"status": "failed", "error": f"{file.name}: cannot be read: {error.strerror}"})
    try:
        picture = images.read(source)
    except ImageError as error:
        return _Brought(row | {"status": "failed", "error": f"{file.name}: {error}"}, sha256)
    png = png and picture.width * picture.height > LARGE
    encoded = images.png(picture) if png else images.webp(picture)
    image = {"bytes": encoded, "path": f"{prompt.id}-{seed}.{'png' if png else 'webp'}"}
    return _Brought(row | {"image": image, "status": "ok", "error": None}, sha256, len(encoded) if png else 0)


def _content(file: Path) -> tuple[Path | bytes, str]:
    """The bytes of a file, or, where they are many, the file itself; and their sha256."""
    if file.stat().st_size > BLOCK:
        return file, sha256_of(file)
    content = file.read_bytes()
    return content, hashlib.sha256(content).hexdigest()


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
        return max(facts.st_mtime, facts.st_ctime) >= begun and sha256_of(file) != sha256
    except OSError:
        return False  # it is gone


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
        images.read(file)
    except ImageError:
        return False
    return True
