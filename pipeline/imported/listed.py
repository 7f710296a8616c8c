"""A table beside the pictures: a CSV, TSV, JSONL or Parquet file with the columns `file`, `prompt` and `seed`.

It says more than the files themselves: where it names a file, what is embedded in that file is not asked.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.formats.recipe import Recipe, Settings, Unplaceable, number, recipe, size, text, whole
from seedscope.pipeline.study.records import FORMATS, UNREADABLE, Record, records

_FILE = ("file", "file_name")  # the second is what Hugging Face image folders call it


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of a file: a recipe, or why there is none; and the group of its prompt."""

    recipe: Recipe | Unplaceable
    group: str | None


def find_table(folder: Path) -> Path | None:
    """The one table that lies in a folder, or None.

    Raises:
        UserError: there are several.
    """
    found = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in FORMATS and _is_table(file)]
    if len(found) > 1:
        names = " and ".join(file.name for file in found)
        raise UserError(f"{folder}: {names} have columns file, prompt and seed. Name one of them by --table.")
    return found[0] if found else None


def read_table(path: Path) -> dict[Path, Entry]:
    """File -> entry, files relative to the table's folder.

    Besides `file` (or `file_name`), `prompt` and `seed`, the columns `group`, `negative_prompt`, `model`, `sampler`, `steps`,
    `guidance`, `width` and `height` are read where they are there.

    Raises:
        UserError: it cannot be read, lacks one of the three columns, or names a file twice.
    """
    try:
        rows = _rows(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such table.") from None
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read as a {path.suffix} table: {error}.") from None
    if not rows or not _has_columns(rows[0]):
        columns = f"it has {', '.join(rows[0])}" if rows else "it has no rows"
        raise UserError(f"{path}: a table of pictures has the columns file, prompt and seed; {columns}.")
    names = [str(next((record[key] for key in _FILE if key in record), "")) for record in rows]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{path}: names the file {twice[0]!r} twice. Remove one of its rows.")
    return {path.parent / name: _entry(record) for name, record in zip(names, rows, strict=True)}


def _rows(path: Path) -> list[Record]:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"tables are {', '.join(FORMATS)}")
    return [record for _, record in records(path)]


def _has_columns(record: Record) -> bool:
    return any(key in record for key in _FILE) and {"prompt", "seed"} <= record.keys()


def _is_table(path: Path) -> bool:
    """Whether a file has the three columns; one that cannot be read is something else that lies there."""
    try:
        rows = _rows(path)
    except UNREADABLE:
        return False
    return bool(rows) and _has_columns(rows[0])


def _entry(record: Record) -> Entry:
    settings = Settings(
        negative_prompt=text(record.get("negative_prompt")),
        model=text(record.get("model")),
        sampler=text(record.get("sampler")),
        steps=whole(record.get("steps")),
        guidance=number(record.get("guidance")),
        size=size(record.get("width"), record.get("height")),
    )
    try:
        found: Recipe | Unplaceable = recipe(record.get("prompt"), record.get("seed"), settings)
    except Unplaceable as reason:
        found = reason
    return Entry(found, text(record.get("group")))
